"""The client against two real servers, one of which is killed in the midst of a batch and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from trainer.client import RewardClient, SyncRewardClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.wire import Submission

PROBLEM = {"entry_point": "f", "tests": {"kind": "call", "cases": [{"args": [n], "expected": n} for n in range(4)]}}
ITEMS = 240
REFUSED_SHARE = 0.1


class Replaceable:
    """A server at a port of its own, which can be killed and started again there."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "trainer.cli", "serve", "--until-stdin-closes", "--backend", "embedded"]
        command += ["--port", str(self.port), "--slots", "1", "--problems", ""]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def end(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()


class Refusing(httpx.AsyncHTTPTransport):
    """The network, on which a share of the requests is answered 503."""

    def __init__(self) -> None:
        super().__init__()
        self.chance = random.Random(7)
        self.refused = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/score" and self.chance.random() < REFUSED_SHARE:
            self.refused += 1
            return httpx.Response(503, json={"error": {"type": "x", "field": None, "message": "no"}}, request=request)
        return await super().handle_async_request(request)


@pytest.fixture
def servers() -> Iterator[tuple[Replaceable, Replaceable]]:
    with contextlib.ExitStack() as stack:
        both = Replaceable(), Replaceable()
        for server in both:
            stack.callback(server.end, signal.SIGTERM)
        for server in both:
            with SyncRewardClient(server.url) as client:
                client.wait_ready(60)
        yield both


def submissions(first: int) -> list[Submission]:
    """Each unlike the others, the n-th right for n modulo 5 of the four cases."""
    return [
        {"problem": "p", "code": f"def f(n): return n if n < {number % 5} else -1  # {number}"}
        for number in range(first, first + ITEMS)
    ]


def judged(url: str) -> float:
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    lines = [line for line in text.splitlines() if line.startswith("passrate_submissions_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.mark.sandbox
def test_a_server_that_is_killed_and_comes_back_costs_no_reward(servers: tuple[Replaceable, Replaceable]) -> None:
    steady, mortal = servers
    transport = Refusing()

    async def run() -> tuple[list[float | None], list[float | None]]:
        async def keep_going(done: int) -> None:
            if done == ITEMS // 4:
                await asyncio.to_thread(mortal.end)
            if done == ITEMS // 2:
                mortal.start()

        async with RewardClient(f"{steady.url},{mortal.url}", transport=transport, chunk_items=4) as client:
            first: list[float | None] = [None] * ITEMS
            done = 0
            async for place, result in client.stream(submissions(0), {"p": PROBLEM}):
                first[place] = result.reward
                done += 1
                await keep_going(done)
            async with RewardClient(mortal.url) as again:
                await again.wait_ready(60)
            second = await client.score(submissions(ITEMS), {"p": PROBLEM})
            return first, [result.reward for result in second]

    first, second = asyncio.run(run())
    expected = [number % 5 / 4 for number in range(2 * ITEMS)]
    assert first + second == expected
    assert transport.refused > 3
    assert judged(steady.url) > ITEMS / 2
    assert judged(mortal.url) > 0
