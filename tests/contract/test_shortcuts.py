"""Shortcuts save time and nothing else: verdicts and rewards are those of programs that are run without any.

With them: warm slots that serve many, a standing judge, packages loaded before the fork, duplicates run once, the
cache, the order of a batch, brief jobs that share a message. Without: each program in a sandbox of its own, with a
judge of its own, one by one.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from reward_server import dispatch
from reward_server.judging import follow_up, judge, plan
from reward_server.judging.crashes import located
from reward_server.judging.limits import explained
from reward_server.models import ScoreRequest
from reward_server.rewards import score
from reward_server.service import Service
from reward_server.settings import Settings
from tasks.registry import load_problems
from tests.contract.support import BACKENDS, LIMITS, asserts, call, docker_here, pytest_files, returns, stdio

if TYPE_CHECKING:
    from reward_server.backends.base import Backend
    from reward_server.jobs import Job, Observations
    from tasks.schema import Problem

EVERY = 9
"""Of the bundled problems."""
ODD: list[tuple[Problem, str]] = [
    (asserts("import os\nassert f(1) == 1\nassert f(2) == 3", "f"), "def f(x): return x"),
    (asserts("assert f(1) == 1\nassert f(2) == 3\nassert f(3) == 3", "f"), "def f(x): return x"),
    (asserts("assert f(1) == 1\nassert f(2)", "f"), "def f(x):\n    if x == 1: return 1\n    raise KeyError(x)"),
    (call(returns(1, 1), returns(2, 2)), "def solve(x):\n    while x > 1: pass\n    return x"),
    (call(returns(1)), "def solve(: return 1"),
    (
        pytest_files("from solution import f\ndef test_a(): assert f()\ndef test_b(): assert not f()"),
        "def f(): return 1",
    ),
    (stdio(("1", "1"), ("2", "2")), "print(1)"),
    (stdio(("", "")), "import os; os.abort()"),
    (stdio(("1", "1"), compare={"checker": "def check(stdin, expected, out): return out == '7'"}), "print(7, end='')"),
    (call(returns([2.5]), limits=LIMITS.model_copy(update={"cpu_s": 2.0})), "import numpy\ndef solve(): return [2.5]"),
]
Said = tuple[float | None, list[tuple[str, str]]]
"""A reward, and of each test the verdict and the message."""


def told(message: str) -> str:
    """A message without the addresses that it quotes."""
    return re.sub("0x[0-9a-f]+", "0x", message)


def programs() -> list[tuple[Problem, str]]:
    bundled = [problem for problem in load_problems("bundled")[::EVERY] if problem.reference is not None]
    made = [(problem, code) for problem in bundled for code in (str(problem.reference), *problem.wrong[:1])]
    return [*made, *ODD]


def request(asked: list[tuple[Problem, str]], **fields: Any) -> ScoreRequest:
    """Each program twice: the second time it is a duplicate."""
    problems = {str(number): problem for number, (problem, _) in enumerate(asked)}
    items = [{"problem": str(number), "code": code} for number, (_, code) in enumerate(asked)]
    return ScoreRequest.model_validate({"problems": problems, "submissions": items * 2} | fields)


def said_of(result: dict[str, Any]) -> Said:
    return result["reward"], [(test["verdict"], told(test["message"])) for test in result["tests"]]


async def with_shortcuts(
    backend: Backend, asked: list[tuple[Problem, str]], *, cached: bool = True, **fields: Any
) -> list[Said]:
    settings = Settings(slots=2, problems="") if cached else Settings(slots=2, problems="", cache_entries=0)
    service = Service.assemble(settings, backend)
    await service.start()
    said: list[Said] = []
    try:
        for _ in range(2):  # the second time from the cache, or with what is known to be brief together
            batch = await service.scorer.begin(request(asked, **fields))
            await batch.wait()
            said += map(said_of, json.loads(batch.body())["results"])
            assert batch.cached in (0, 2 * len(asked))
    finally:
        await service.close()
    return said


async def without(backend: Backend, problem: Problem, code: str) -> Said:
    job: Job | None = plan(problem, code)._replace(pure=False, package="")
    seen: list[Observations] = []
    while job is not None:
        slot = await backend.open_slot()
        try:
            seen.append(await slot.run(job))
        finally:
            await slot.close()
        job = follow_up(problem, *seen)
    results = list(located(problem, explained(problem, judge(problem, *seen), ()), code))
    return score(results, "pass_rate").reward, [(result.verdict, told(result.message)) for result in results]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BACKENDS)
def test_verdicts_and_rewards_are_those_without_any_shortcut(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Red where the cache, an order or a standing judge mixed up two programs."""
    asked = programs()

    async def compare() -> None:
        plain = [await without(BACKENDS[name](), *each) for each in asked]
        assert await with_shortcuts(BACKENDS[name](), asked) == plain * 4
        monkeypatch.setattr(dispatch, "TOGETHER_S", 60)  # all that has been run once
        assert await with_shortcuts(BACKENDS[name](), asked, cached=False) == plain * 4
        assert 0 < sum(reward == 1.0 for reward, _ in plain) < len(plain)
        stopped = await with_shortcuts(BACKENDS[name](), asked, stop_on_failure=True, reward="all_passed")
        assert [reward for reward, _ in stopped] == [float(reward == 1.0) for reward, _ in plain] * 4

    if name == "docker":
        docker_here().close()
    asyncio.run(compare())
