"""A server under fire: a batch with known rewards, what must come of it, and that the server is whole again."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.contract.support import IMAGE, TRANSPORT, docker_here
from tests.faults.leftovers import traces
from tests.faults.relay import Relay
from tests.faults.strikes import Target
from tests.own_server import PROGRAM, OwnServer
from trainer.client import SyncRewardClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trainer.wire import Result, Submission

SLOTS = 2
DEADLINE_S = 100.0
SOON_S = 40.0
SETTINGS = {"PASSRATE_IMAGE": IMAGE, "PASSRATE_TRANSPORT": TRANSPORT, "PASSRATE_SILENCE_S": "5"}
LIMITS = {"cpu_s": 0.5, "wall_s": 1.0, "memory_mb": 128}
"""Shorter than a pause: to stand still is not to sleep."""
PROBLEMS: dict[str, dict[str, Any]] = {
    "asserts": {
        "entry_point": "f",
        "tests": {"kind": "asserts", "source": "assert f(2) == 4\nassert f(3) == 9\nassert f(4) == 16"},
        "limits": LIMITS,
    },
    "call": {
        "entry_point": "f",
        "tests": {"kind": "call", "cases": [{"args": [n], "expected": n * n} for n in (2, 3, 4)]},
        "limits": LIMITS,
    },
    "stdio": {
        "tests": {"kind": "stdio", "cases": [{"stdin": str(n), "stdout": str(n * n)} for n in (2, 3, 4)]},
        "limits": LIMITS,
    },
}
ITEMS = 18
SLEEP_S = 0.15
_number = count()


def submission(*, sleep_s: float = SLEEP_S) -> tuple[Submission, float]:
    """One that nobody sent before, and its right reward: every third fails one of its three tests."""
    number = next(_number)
    wrong_for = 3 if number % 3 == 0 else 0
    kind = list(PROBLEMS)[number // 3 % 3]
    code = (
        f"import time\ndef f(x):\n    time.sleep({sleep_s})\n    return -1 if x == {wrong_for} else x * x  # {number}\n"
    )
    code += "print(f(int(input())))\n" if kind == "stdio" else ""
    return {"problem": kind, "code": code}, 2 / 3 if wrong_for else 1.0


class Batch:
    """Some four seconds of work, or what is given with its right rewards, sent by a thread."""

    def __init__(
        self,
        url: str,
        items: int = ITEMS,
        given: Sequence[tuple[Submission, float]] = (),
        problems: Mapping[str, Any] = PROBLEMS,
    ) -> None:
        self.url, self.problems = url, problems
        self.sent = list(given) or [submission() for _ in range(items)]
        self.answers: Counter[int] = Counter()
        self.missing: dict[int, Result] = {}
        self.wrong: list[tuple[Submission, float, Result]] = []
        self.thread = threading.Thread(target=self.send)
        self.thread.start()

    def send(self) -> None:
        with SyncRewardClient(self.url, deadline_s=DEADLINE_S) as client:
            for place, result in client.stream([each for each, _ in self.sent], self.problems, detail="output"):
                self.answers[place] += 1
                asked, right = self.sent[place]
                if result.reward is None:
                    self.missing[place] = result
                elif abs(result.reward - right) > 1e-9 or result.verdict == "judge_disturbed":
                    self.wrong.append((asked, right, result))

    def check(self) -> list[Result]:
        """Wait for its end: each item was answered once, and none is wrong. Returns: those without a reward."""
        self.thread.join(DEADLINE_S + 20)
        assert not self.thread.is_alive(), "the batch was not answered"
        assert self.answers == dict.fromkeys(range(len(self.sent)), 1)
        assert self.wrong == []  # nor is any charged with what was done to the server
        assert all(result.error for result in self.missing.values())
        return list(self.missing.values())


@contextlib.contextmanager
def under_fire(
    backend: str,
    *,
    env: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
    program: Sequence[str] = PROGRAM,
) -> Iterator[Target]:
    """Yield a server that can judge. When it has ended nothing may be left of it."""
    daemon = docker_here() if backend == "docker" else None
    with contextlib.ExitStack() as stack, traces() as traced:
        if daemon is not None:
            stack.callback(daemon.close)
        settings = {**SETTINGS, "TMPDIR": str(traced.folder), **(env or {})}
        server = OwnServer("--slots", str(SLOTS), backend=backend, env=settings, before=before, program=program)
        try:
            server.wait_ready()
            with Relay(server.port) as relay:
                yield Target(server, relay, daemon)
        finally:
            server.end(signal.SIGTERM)
        left = traced.left(server.owners, daemon)
        assert left == [], left


def is_whole(target: Target) -> bool:
    """Whether all slots and the spare are there, and a program went through."""
    try:
        told = httpx.get(f"{target.server.url}/readyz", trust_env=False, timeout=30).json()
    except httpx.TransportError:
        return False
    return (told.get("slots"), told.get("spares")) == (SLOTS, 1)


def until(condition: Callable[[], object], within_s: float = SOON_S) -> None:
    ended = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ended, "it did not come to it in time"
        time.sleep(0.05)


def only_as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can do that to a server")
