"""Rewards by way of the trainer's function, HTTP, batches, cache and several slots, beside those of one slot alone."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends.embedded import EmbeddedBackend
from reward_server.calibrating import Calibrations
from reward_server.extraction import extract
from reward_server.identity import judging_digest
from reward_server.judging import needs_of
from reward_server.settings import Settings
from tasks.registry import load_problems
from tasks.schema import Limits, Problem
from tests.contract.support import Sandbox
from tests.own_server import OwnServer
from trainer import rewards as rewards_module
from trainer.mutants import mutants
from trainer.rewards import UnscoredShare, code_reward
from trainer.wire import judging_spec
from trainer.wrong_programs import wrong_programs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reward_server.verdicts import TestResult

    Item = tuple[Problem, str]
    """A problem and a completion."""
    Key = tuple[str, Limits, str]
    Outcome = tuple[float | None, str]
    """A reward and a verdict."""

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(300)]

ITEMS, DISTINCT, AGAIN = 2000, 1400, 100
"""Completions, those unlike any other, and the repeated ones that are scored directly once more."""
CALLS = 2
"""Batches that they are cut into, of more than one chunk each: the second one finds verdicts of the first."""
SHARES = {"call": 0.53, "asserts": 0.3, "stdio": 0.15, "pytest": 0.02}
"""Of the kinds of tests: those of pytest take 100 ms each."""
SHORT_CPU, SHORT_WALL = Limits(cpu_s=0.2), Limits(wall_s=0.6)

WRAPPINGS = (
    "```python\n{}\n```",
    "Here it is:\n\n```py\n{}\n```\nIt runs in linear time.",
    "<think>\nPerhaps ```python\npass\n``` or so.\n</think>\n```python\n{}\n```",
    "First try:\n```python\nraise ValueError\n```\nBetter:\n```python\n{}\n```",
    "```python\n{}\n```\nIt prints\n```\n42\n```",
    "~~~python3\r\n{}\r\n~~~",
    "1. So:\n\n   ```python\n{}\n   ```",
    "```\n{}\n```",
    "```python\n{}",  # cut off
)
ODD = (
    "",
    " \n\t",
    "I would rather not.",
    "<think>I wonder whether it",
    "<think>\n```python\nprint(1)\n```\n</think>\nThat is it.",
    "```python\n```",
    "```rust\nfn main() {}\n```",
    "\ud800 \udfff alone",
    "\ud83d\ude00\0\ufeff",
    "x" * 300_000,
    "`" * 5000,
)
TOO_MUCH = "print('x' * 100_000_000)"
ODD_CODE = (
    "def f(:",
    "return 1",
    "(" * 500,
    "x = 'a\0b'",
    "x = '\ud800'",
    "print('\ud83d\ude00 é 漢字 \u2028 \x0c')",
    "# -*- coding: latin-1 -*-\nprint('é')",
    "#" * 200_000,
    "raise SystemExit",
    "import sys; sys.exit(0)",
    "import sys; sys.exit('no')",
    "import os; os._exit(0)",
    "import os; os.abort()",
    "import os, signal; os.kill(0, signal.SIGKILL)",
    "def f(): f()\nf()",
    "1 / 0",
    "raise BaseException",
    "import no_such_module",
    TOO_MUCH,
    "x = bytearray(10 ** 11)",
    "import sys; sys.stdout.close()",
    "import threading; threading.Thread(target=input, daemon=True).start()",
)
NEVER_ENDING = (("while True: pass", SHORT_CPU), ("import time; time.sleep(60)", SHORT_WALL))
A_WHILE = "import time\nwhile time.process_time() < 0.3: pass"


def many_completions(rng: random.Random) -> list[Item]:
    """Draw programs of all kinds, in all wrappings, 30 % of which come again, in any order."""
    problems = load_problems("bundled")
    by_kind = {kind: [each for each in problems if each.tests.kind == kind] for kind in SHARES}
    programs = {problem.id: programs_for(problem) for problem in problems}
    kinds, weights = list(SHARES), list(SHARES.values())
    calls = by_kind["call"]
    distinct: dict[Key, Item] = {}

    def add(problem: Problem, text: str) -> None:
        distinct[key_of((problem, text))] = problem, text

    for text in ODD:
        for problem in rng.sample(problems, 6):
            add(problem, text)
    for code in ODD_CODE:
        for problem in rng.sample([*calls, *by_kind["asserts"]], 6):
            add(problem, rng.choice(WRAPPINGS).format(code))
    for problem in rng.sample(by_kind["stdio"], 3):
        add(problem, WRAPPINGS[0].format(TOO_MUCH))
    for code, limits in NEVER_ENDING:
        for problem in calls[:3]:
            add(problem.model_copy(update={"limits": limits}), WRAPPINGS[0].format(code))
    for problem in (calls[0], calls[0].model_copy(update={"limits": SHORT_CPU})):
        add(problem, WRAPPINGS[0].format(A_WHILE))
    while len(distinct) < DISTINCT:
        problem = rng.choice(by_kind[rng.choices(kinds, weights)[0]])
        add(problem, rng.choice(WRAPPINGS).format(rng.choice(rng.choice(programs[problem.id]))))
    items = list(distinct.values())
    items += rng.choices(items, k=ITEMS - DISTINCT)
    rng.shuffle(items)
    return items


def key_of(item: Item) -> Key:
    problem, text = item
    return problem.id, problem.limits, text


def programs_for(problem: Problem) -> list[list[str]]:
    """Write what is right, what is nearly right, and what solves nothing."""
    reference = problem.reference or ""
    changed = [] if "while" in reference else mutants(reference)  # of which one could be made endless
    return [
        [reference],
        [*problem.wrong, *(code for _, code in changed)],
        [code for _, code in wrong_programs(problem)],
    ]


def over_http(items: Sequence[Item]) -> tuple[list[Outcome], list[float]]:
    """Score as TRL has it done. Returns: the outcomes, and of each batch the share that came from the cache."""
    outcomes: list[Outcome] = []
    cached: list[float] = []
    size = len(items) // CALLS
    for first in range(0, len(items), size):
        batch = items[first : first + size]
        metrics: dict[str, float] = {}
        columns: dict[str, list[Any]] = {}
        rewards = asyncio.run(
            code_reward(
                prompts=[problem.prompt for problem, _ in batch],
                completions=[text for _, text in batch],
                problem=[json.dumps(judging_spec(problem)) for problem, _ in batch],
                log_metric=metrics.__setitem__,
                log_extra=columns.__setitem__,
            )
        )
        outcomes += zip(rewards, columns["verdict"], strict=True)
        cached.append(metrics["passrate/cached"])
    return outcomes, cached


def directly(sandbox: Sandbox, calibrations: Calibrations, item: Item) -> Outcome:
    """Judge one completion by itself: no HTTP, no client, no batch, no cache, no neighbours."""
    problem, text = item
    # All that the way to the server may change: what JSON in UTF-8 cannot carry.
    read = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    code = extract(read, needs=lambda: needs_of(problem)).code
    if code is None:
        return 0.0, "no_code"
    verdicts = [result.verdict for result in calibrated_results(sandbox, calibrations, problem, code)]
    passed = verdicts.count("passed")
    return passed / len(verdicts), next((each for each in verdicts if each != "passed"), "passed")


def calibrated_results(sandbox: Sandbox, calibrations: Calibrations, problem: Problem, code: str) -> list[TestResult]:
    """Judge by what the reference shows, as the server does."""
    if not problem.is_calibrated:
        return sandbox.judge(problem, code)
    digest = sandbox.runner.run(judging_digest(problem))
    while (found := sandbox.runner.run(calibrations.of(sandbox.ready(), digest, problem))) is None:
        pass
    return sandbox.judge(problem, code, calibration=found)


def all_directly(items: Sequence[Item], rng: random.Random) -> list[Outcome]:
    """Judge what is alike once, and then some of that again: it must not matter."""
    times = Counter(key_of(item) for item in items)
    own: dict[Key, Outcome] = {}
    sandbox, calibrations = Sandbox(EmbeddedBackend(Settings())), Calibrations()
    try:
        for item in items:
            if key_of(item) not in own:
                own[key_of(item)] = directly(sandbox, calibrations, item)
        for item in rng.sample([item for item in items if times[key_of(item)] > 1], AGAIN):
            assert directly(sandbox, calibrations, item) == own[key_of(item)]
    finally:
        sandbox.close()
    return [own[key_of(item)] for item in items]


def test_rewards_over_http_equal_those_computed_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Item by item and exactly, on 2,000 completions. Nothing on the way may mix up, round or forget one."""
    rng = random.Random(20)
    items = many_completions(rng)
    monkeypatch.setattr(rewards_module, "_unscored", UnscoredShare())
    server = OwnServer()
    try:
        server.wait_ready()
        monkeypatch.setenv("PASSRATE_URL", server.url)
        told, cached = over_http(items)
    finally:
        server.end(signal.SIGTERM)
    own = all_directly(items, rng)

    compared = zip(items, told, own, strict=True)
    unequal = [
        f"{item[0].id}: {one}, alone {other}: {item[1][:200]!r}" for item, one, other in compared if one != other
    ]
    assert not unequal, "\n".join(unequal[:20])
    assert len(items) == ITEMS
    assert cached[-1] > 0.2, "the second batch found verdicts of the first"
    verdicts = {verdict for _, verdict in told}
    assert verdicts >= {"passed", "wrong_answer", "runtime_error", "compile_error", "no_code"}
    assert verdicts >= {"cpu_timeout", "wall_timeout", "memory_exceeded", "output_exceeded"}
    assert len({reward for reward, _ in told}) > 20, "there was something to mix up"
