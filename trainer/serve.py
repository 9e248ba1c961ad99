"""`passrate serve`: the reward server, with its settings from the environment and from flags."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from reward_server.errors import BadSetting
from reward_server.serve import serve
from reward_server.settings import Settings
from trainer.parser import UsageError
from trainer.settings import NAMES

if TYPE_CHECKING:
    import argparse


def main(arguments: argparse.Namespace) -> int:
    named = ("host", "port", "backend", "slots", "problems", "api_keys_file")
    flags = {name: getattr(arguments, name) for name in named}
    env = {name: value for name, value in os.environ.items() if name not in NAMES}
    try:
        settings = Settings.from_env(env, **flags)
    except BadSetting as error:
        raise UsageError(str(error)) from None
    if arguments.until_stdin_closes:
        end_when_stdin_closes()
    return serve(settings)


def end_when_stdin_closes() -> None:
    """Stop this process, gracefully, when whoever started it is gone."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
