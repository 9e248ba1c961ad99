"""The real server in a process of its own, on a backend that runs nothing: for tests of sockets, signals and logs.

The code of a submission says what becomes of it: `sleep N ...` takes N seconds, `raise ...` is a bug of ours that
repeats the code, and all else is as `reward_server.backends.fake` has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx

from reward_server import app, serve
from reward_server.backends.fake import FakeBackend, code_of, print_the_code
from reward_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reward_server.jobs import Job, Observations

PROBLEM: dict[str, Any] = {"tests": {"kind": "stdio", "cases": [{"stdout": "good"}]}}


async def as_the_code_says(job: Job) -> Observations:
    code = code_of(job)
    if code.startswith("sleep "):
        await asyncio.sleep(float(code.split()[1]))
    if code.startswith("raise"):
        raise ValueError(code)
    return await print_the_code(job)


class FakeServer:
    def __init__(self, folder: Path, **settings: Any) -> None:
        self.log = folder / "log"
        names = {f"PASSRATE_{name.upper()}": str(value) for name, value in settings.items()}
        given = {"PASSRATE_PORT": "0", "PASSRATE_PROBLEMS": "", "PASSRATE_SLOTS": "2", "PASSRATE_DRAIN_S": "5"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.fake_server"],
                env={**os.environ, **given, **names},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, trust_env=False)

    def numbers(self) -> dict[str, float]:
        lines = [line.rsplit(" ", 1) for line in self.get("/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def until_queued(self, count: int) -> None:
        """Wait until so many submissions wait or run."""
        end = time.monotonic() + 20
        while True:
            numbers = self.numbers()
            if numbers["passrate_queued"] + numbers['passrate_slots{state="running"}'] == count:
                return
            assert time.monotonic() < end, numbers
            time.sleep(0.02)

    def until_logged(self, event: str, count: int) -> None:
        """Wait until the log has so many of an event."""
        end = time.monotonic() + 20
        while self.logged(event) < count:
            assert time.monotonic() < end, self.log.read_text()[-2000:]
            time.sleep(0.02)

    def logged(self, event: str) -> int:
        return self.log.read_text().count(event)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def fake_server(folder: Path, **settings: Any) -> Iterator[FakeServer]:
    server = FakeServer(folder, **settings)
    try:
        yield server
    finally:
        server.end()


def batch_of(*codes: str, **fields: Any) -> dict[str, Any]:
    return {"problems": {"p": PROBLEM}, "submissions": [{"problem": "p", "code": code} for code in codes]} | fields


def request_of(*codes: str, accept: str = "application/json", **fields: Any) -> bytes:
    """Return the bytes of a whole request to score."""
    body = json.dumps(batch_of(*codes, **fields)).encode()
    head = f"POST /v1/score HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


if __name__ == "__main__":
    vars(app)["choose_backend"] = lambda _: FakeBackend(as_the_code_says)
    raise SystemExit(serve.serve(Settings.from_env({k: v for k, v in os.environ.items() if k.startswith("PASSRATE_")})))
