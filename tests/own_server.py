"""A real server at a port of its own, which a test may kill and start again there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

from trainer.client import SyncRewardClient
from trainer.local_server import free_port


class OwnServer:
    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.starts = 0
        self._options = options
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "trainer.cli", "serve", "--until-stdin-closes", "--backend", "embedded"]
        command += ["--port", str(self.port), "--problems", "", *self._options]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.starts += 1

    def wait_ready(self) -> None:
        with SyncRewardClient(self.url) as client:
            client.wait_ready(60)

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
