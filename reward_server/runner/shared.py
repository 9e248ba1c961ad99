"""Submission and test code in one process, for problems whose tests say `isolation: shared`.

Covered: everything outside of this process, as for any submission. Not covered: the tests themselves. The submission
can read them, patch them and report in their place; who asks for this trusts what is judged, or refuses its reward.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import socket
import sys
import time
from typing import Any, NoReturn

from reward_server.runner import entry, frames, keeper, served, values

CHANNEL = 3


class Sharer(keeper.Keeper):
    """A keeper in the submission's own process, whose seconds are all the submission's."""

    def clocks(self) -> tuple[float, float]:
        return time.process_time(), 0.0


def run(_spec: dict[str, Any]) -> NoReturn:
    control = socket.socket(fileno=CHANNEL)
    text, (payload_at, page_at), _flags, _sender = socket.recv_fds(control, 4096, 2)
    told, payload = json.loads(text), values.loads(frames.read_all(payload_at))
    names = payload["names"] if told["pytest"] else [row["name"] for row in payload["rows"]]
    page = keeper.shared_page(page_at)
    sharer = Sharer(control, page, names, stop=told["stop"], timeouts=told["timeouts"], cpu_s=told["cpu_s"])
    sharer.begin_interval()
    try:
        module, loaded = served.load()
    except served.FailedLoad as failed:
        sharer.report(None, {"ending": "raised", "code": 0, "told": failed.described})
        os._exit(0)
    if told["pytest"]:
        printer = Printer(sys.stdout)
        sys.stdout = Nowhere()
        importlib.import_module("reward_server.runner.judge_pytest").run_files(
            sharer, payload, printer, folder=os.getcwd()
        )
    else:
        entry_point = payload["entry_point"] or ""
        own = {name: value for name, value in vars(module).items() if name != entry_point.partition(".")[0]}
        run_asserts(sharer, payload, own | entry.named(module, entry_point, loaded.given))
    served.flush()
    os._exit(0)


def run_asserts(sharer: Sharer, payload: dict[str, Any], own: dict[str, Any]) -> None:
    def look_up(names: list[str]) -> dict[str, Any]:
        return {name: own[name] for name in names if name in own}

    try:
        code = keeper.compiled_tests(payload["source"])
        namespace = keeper.make_namespace(sharer, payload, look_up)
    except keeper.FailedLoad as failed:
        sharer.report(None, failed.why)
    except keeper.NotTheirs as ours:
        sharer.give_up(ours)
    else:
        sharer.report(keeper.run_tests(sharer, payload, code, namespace))


class Nowhere(io.TextIOBase):
    """Where pytest prints its own report to: it takes the stream that it finds when it starts."""

    def write(self, text: str) -> int:
        return len(text)


class Printer:
    """Gives the test files and the submission their stream back."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def pytest_collection(self) -> None:
        sys.stdout = self.stream
