"""The client against two real servers, one of which is killed in the midst of a batch and started again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.own_server import OwnServer
from trainer.client import RewardClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.wire import Submission

PROBLEM = {"entry_point": "f", "tests": {"kind": "call", "cases": [{"args": [n], "expected": n} for n in range(4)]}}
ITEMS = 240
MAX_ROUNDS = 60
"""A server that failed is left out for some seconds, a round takes about one."""
REFUSED_SHARE = 0.1


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
def servers() -> Iterator[tuple[OwnServer, OwnServer]]:
    with contextlib.ExitStack() as stack:
        both = OwnServer("--slots", "1"), OwnServer("--slots", "1")
        for server in both:
            stack.callback(server.end, signal.SIGTERM)
        for server in both:
            server.wait_ready()
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
def test_a_server_that_is_killed_and_comes_back_costs_no_reward(servers: tuple[OwnServer, OwnServer]) -> None:
    steady, mortal = servers
    transport = Refusing()

    async def run() -> list[float | None]:
        async def keep_going(done: int) -> None:
            if done == ITEMS // 4:
                await asyncio.to_thread(mortal.end)
            if done == ITEMS // 2:
                mortal.start()

        async with RewardClient(f"{steady.url},{mortal.url}", transport=transport, chunk_items=4) as client:
            rewards: list[float | None] = [None] * ITEMS
            done = 0
            async for place, result in client.stream(submissions(0), {"p": PROBLEM}):
                rewards[place] = result.reward
                done += 1
                await keep_going(done)
            async with RewardClient(mortal.url) as again:
                await again.wait_ready(60)
            for _ in range(MAX_ROUNDS):
                results = await client.score(submissions(len(rewards)), {"p": PROBLEM})
                rewards += [result.reward for result in results]
                if judged(mortal.url) > 0:
                    break
            return rewards

    rewards = asyncio.run(run())
    assert rewards == [number % 5 / 4 for number in range(len(rewards))]
    assert transport.refused > 3
    assert judged(steady.url) > ITEMS / 2
    assert judged(mortal.url) > 0
