"""A reward server for the length of a `with` block, on this machine and a free port.

Promises: yields only when the server can judge; ends it in every case, also when this process is killed (the server
watches the pipe that it has for stdin).
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from typing import IO, TYPE_CHECKING

import httpx

from trainer.client import SyncRewardClient
from trainer.display import progress_bar

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

READY_DEADLINE_S = 60.0
GIVEN_DEADLINE_S = 10.0
POLL_S = 0.05
STOP_S = 10.0
LAST_WORDS = 3
"""Lines of its log that a failed server is quoted with."""


class LocalServerFailed(Exception):
    """The server did not start; says why."""


@contextlib.contextmanager
def judging(
    arguments: argparse.Namespace, description: str
) -> Iterator[tuple[SyncRewardClient, Callable[[int, int], None]]]:
    """Yield a client of the server that a command's options name, and what moves a progress bar: (done, total).

    Raises: as `server_at`.
    """
    with (
        server_at(arguments.url, backend=arguments.backend) as url,
        SyncRewardClient(url, api_key=arguments.api_key, deadline_s=arguments.deadline) as client,
        progress_bar(description) as on_progress,
    ):
        yield client, on_progress


@contextlib.contextmanager
def server_at(url: str | None, *, backend: str = "auto") -> Iterator[str]:
    """Yield the URL of a server: the one that is given, or else one that is started and ended here.

    Raises: RewardClientError where the given one does not answer; LocalServerFailed.
    """
    if url is not None:
        with SyncRewardClient(url) as client:
            client.wait_ready(GIVEN_DEADLINE_S)
        yield url
        return
    with local_server(backend=backend) as own:
        yield own


@contextlib.contextmanager
def local_server(
    *, backend: str = "auto", slots: int | None = None, ready_deadline_s: float = READY_DEADLINE_S
) -> Iterator[str]:
    """Start a server, yield its URL, end it. Raises: LocalServerFailed with the last lines of its log."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "trainer.cli", "serve", "--until-stdin-closes"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--backend", backend, "--problems", ""]
    command += [] if slots is None else ["--slots", str(slots)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the client, which then ends the server
        )
        try:
            _wait_ready(process, url, log, ready_deadline_s)
            yield url
        finally:
            _end(process)


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: IO[bytes], deadline_s: float) -> None:
    end = time.monotonic() + deadline_s
    said = "it did not answer"
    with httpx.Client(base_url=url, timeout=deadline_s, trust_env=False) as client:
        while time.monotonic() < end:
            if process.poll() is not None:
                raise LocalServerFailed(f"the server ended with code {process.returncode}: {_last_words(log)}")
            try:
                response = client.get("/readyz")
            except httpx.TransportError:
                time.sleep(POLL_S)
                continue
            if response.status_code == httpx.codes.OK:
                return
            said = response.text[:500]
            time.sleep(POLL_S)
    raise LocalServerFailed(f"the server was not ready within {deadline_s:g} s: {said} {_last_words(log)}")


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return " | ".join(lines[-LAST_WORDS:])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()
