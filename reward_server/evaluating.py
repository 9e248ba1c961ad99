"""A submission in a slot, from its plan to its judged tests: the same in the server and in a judging process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_server.errors import Unjudged
from reward_server.judging import follow_up, judge, plan

if TYPE_CHECKING:
    from reward_server.backends.base import Slot
    from reward_server.jobs import Observations
    from reward_server.verdicts import TestResult
    from tasks.schema import Problem

    Results = tuple[TestResult, ...]


async def evaluate(
    slot: Slot, problem: Problem, code: str, *, stop: bool, seen: Observations | None = None
) -> Results | Observations:
    """Run and judge a submission. `seen`: what another slot has seen of it, which only a checker must still look at.

    Returns: a result for each test, or what was seen, to go on with in another slot. Raises: SandboxLost.
    """
    if seen is None:
        seen = await slot.run(plan(problem, code, stop=stop))
    second = follow_up(problem, seen)
    if second is not None and slot.spent:
        return seen  # the submission soiled the slot: that must not save it from its checker
    followed = await slot.run(second) if second is not None else None
    results = tuple(judge(problem, seen, followed))
    for result in results:
        if result.verdict == "sandbox_error":
            raise Unjudged(result.message or "the sandbox was lost", results)
    return results
