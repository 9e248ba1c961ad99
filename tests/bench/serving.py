"""What a server costs beside its evaluations: its start, its memory while idle, the time that one request takes."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx

from tests.bench.processes import memory_bytes, tree
from trainer.local_server import LocalServerFailed

if TYPE_CHECKING:
    from collections.abc import Callable

SERVE = [sys.executable, "-m", "trainer.cli", "serve", "--backend", "embedded", "--port", "0"]
DEADLINE_S = 30.0
TRIVIAL = {
    "problems": {"p": {"entry_point": "add", "tests": {"kind": "call", "cases": [{"args": [1, 2], "expected": 3}]}}},
    "submissions": [{"problem": "p", "code": "def add(a, b): return a + b"}],
}


def start_s() -> float:
    """Seconds from the start of `passrate serve` to its first answer to /healthz. Raises: LocalServerFailed."""
    began = time.perf_counter()
    with subprocess.Popen(SERVE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            announced = server.stdout.readline()
            if not announced:
                raise LocalServerFailed("the server did not start; `passrate serve` says why")
            url = announced.split()[-1]
            while not is_healthy(url) and time.perf_counter() - began < DEADLINE_S:
                time.sleep(0.005)
            return time.perf_counter() - began
        finally:
            server.terminate()


def is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def slot_bytes(server_pid: int, slots: int) -> float | None:
    """Memory of an idle slot: its bwrap, control process and zygote."""
    total = memory_bytes([process.pid for process in tree(server_pid) if process.depth])
    return None if total is None else total / slots


def latencies_s(url: str, requests: int, on_progress: Callable[[], None]) -> list[float]:
    """Seconds of each of a row of trivial requests to a server that has nothing else to do."""
    taken = []
    with httpx.Client(base_url=url, trust_env=False) as client:
        for _ in range(requests):
            began = time.perf_counter()
            response = client.post("/v1/score", json=TRIVIAL)
            taken.append(time.perf_counter() - began)
            assert response.json()["results"][0]["reward"] == 1.0, response.text
            on_progress()
    return taken
