"""What a server costs beside its evaluations: its start, its memory, the time that one request takes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from reward_server.backends import docker_daemon
from tests.bench.processes import Process, highest_bytes, memory_bytes, tree
from trainer.client import SyncRewardClient
from trainer.local_server import LocalServerFailed, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

    from trainer.wire import Submission

SERVE = [sys.executable, "-m", "trainer.cli", "serve", "--backend", "embedded", "--port", "0"]
DEADLINE_S = 30.0
ADD = "def add(a, b): return a + b"
TRIVIAL: dict[str, Any] = {
    "problems": {"p": {"entry_point": "add", "tests": {"kind": "call", "cases": [{"args": [1, 2], "expected": 3}]}}},
    "submissions": [{"problem": "p", "code": ADD}],
}

CONTROL_DEPTH = 2
"""Of a control process: below the server and its bwrap. A container's first process is one."""
ZYGOTE_DEPTH = 3
"""Of the warm interpreters that control processes fork from. What is deeper runs tests and submissions."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is measured."""

    url: str
    pid: int
    daemon: docker.APIClient | None = None
    """Whose containers are its sandboxes."""

    def containers(self) -> list[int]:
        """The first process of each of its containers."""
        if self.daemon is None:
            return []
        owner = docker_daemon.identity(self.pid)
        return [
            self.daemon.inspect_container(found["Id"])["State"]["Pid"]
            for found in self.daemon.containers(filters={"label": docker_daemon.OWNER})
            if found["Labels"][docker_daemon.OWNER] == owner
        ]

    def processes(self) -> list[Process]:
        """The server and all that it has started."""
        inside = [each for pid in self.containers() for each in tree(pid, CONTROL_DEPTH)]
        return tree(self.pid) + inside


@contextlib.contextmanager
def server(
    backend: str, slots: int, daemon: docker.APIClient | None = None, python: str | None = None
) -> Iterator[Server]:
    """Start a server with all its slots and spares. `python`: of its sandboxes, where it is not the usual one."""
    before = {process.pid for process in tree(os.getpid())}
    with set_for_children("PASSRATE_SANDBOX_PYTHON", python), local_server(backend=backend, slots=slots) as url:
        (pid,) = (process.pid for process in tree(os.getpid()) if process.depth == 1 and process.pid not in before)
        ended = time.monotonic() + DEADLINE_S
        while (ready := httpx.get(f"{url}/readyz", trust_env=False).json())["slots"] < slots or not ready["spares"]:
            if time.monotonic() > ended:
                raise LocalServerFailed(f"not all slots of {backend} opened: {ready}")
            time.sleep(0.1)
        yield Server(url, pid, daemon)


@contextlib.contextmanager
def set_for_children(name: str, value: str | None) -> Iterator[None]:
    """Give a variable to what is started in the block; None leaves it as it is."""
    before = os.environ.get(name)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
        elif value is not None:
            del os.environ[name]


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


def slot_bytes(server: Server) -> float | None:
    """Memory of an idle slot: its control process, zygote and, where it has one, bwrap."""
    idle = [process for process in server.processes() if process.depth]
    total = memory_bytes([process.pid for process in idle])
    return None if total is None else total / sum(process.depth == CONTROL_DEPTH for process in idle)


@dataclass(frozen=True, slots=True)
class Peak:
    """Memory of a server process, its sandboxes apart, before and during one batch. Bytes, resident."""

    completions: int
    before_bytes: int
    peak_bytes: int


def peak(backend: str, slots: int, daemon: docker.APIClient | None, completions: int) -> Peak:
    """Have a server of its own score one batch of so many trivial completions."""
    batch: list[Submission] = [
        {"problem": "p", "completion": f"<think>Easy.</think>\n```python\n{ADD}  # {number}\n```"}
        for number in range(completions)
    ]
    with server(backend, slots, daemon) as measured, SyncRewardClient(measured.url, chunk_items=completions) as client:
        before = highest_bytes(measured.pid)
        results = client.score(batch, TRIVIAL["problems"], detail="tests")
        assert all(result.reward == 1.0 for result in results)
        return Peak(completions, before, highest_bytes(measured.pid))


def latencies_s(url: str, requests: int) -> list[float]:
    """Seconds of each of a row of trivial requests to a server that has nothing else to do."""
    taken = []
    with httpx.Client(base_url=url, trust_env=False) as client:
        for _ in range(requests):
            began = time.perf_counter()
            response = client.post("/v1/score", json=TRIVIAL)
            taken.append(time.perf_counter() - began)
            assert response.json()["results"][0]["reward"] == 1.0, response.text
    return taken
