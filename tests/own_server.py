"""A real server at a port of its own, which a test may kill and start again there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from reward_server.backends import docker_daemon
from trainer.client import SyncRewardClient
from trainer.local_server import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STOP_S = 40.0
"""A server drains for 30 s at most."""
PROGRAM = ("-m", "trainer.cli")


class OwnServer:
    def __init__(
        self,
        *options: str,
        backend: str = "embedded",
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        before: Sequence[str] = (),
        program: Sequence[str] = PROGRAM,
    ) -> None:
        """Start it. `env`: beside this process's own. `before`: a command that becomes the server, such as prlimit."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.starts = 0
        self.owners: list[str] = []
        """What the containers of each start are marked with."""
        command = [*before, sys.executable, *program, "serve", "--until-stdin-closes", "--backend", backend]
        self._command = [*command, "--port", str(self.port), "--problems", "", *options]
        self._env = {**os.environ, **(env or {})}
        self._log = log
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        with contextlib.ExitStack() as stack:
            log = subprocess.DEVNULL if self._log is None else stack.enter_context(self._log.open("ab"))
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=self._env
            )
        self.owners.append(docker_daemon.identity(self.pid) or "")
        self.starts += 1

    def wait_ready(self) -> None:
        with SyncRewardClient(self.url) as client:
            client.wait_ready(60)

    def end(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
