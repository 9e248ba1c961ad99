"""A submission in a slot, from its plan to its judged tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reward_server.apart import Incomparable
from reward_server.errors import SandboxLost, Unjudged, cause_named
from reward_server.jobs import Observation, Observations
from reward_server.judging import counted, follow_up, judge, plan, skipped
from reward_server.judging.calibration import fault_shared
from reward_server.judging.counting import weights_of
from reward_server.judging.crashes import located
from reward_server.judging.limits import cpu_limits, explained, is_put_off, joined
from reward_server.verdicts import TestResult

if TYPE_CHECKING:
    from reward_server.apart import Apart
    from reward_server.backends.base import Slot
    from reward_server.jobs import Job
    from reward_server.judging.calibration import Calibration
    from reward_server.verdicts import Verdict
    from tasks.schema import Problem

    Results = tuple[TestResult, ...]


class Unfinished(NamedTuple):
    """A submission that another slot must go on with."""

    seen: tuple[Observations, ...]
    """What was seen of each of its jobs so far."""
    put_off: bool = False
    """Whether it met a time limit and has tests left: they wait until nothing else does."""


async def evaluate(
    slot: Slot,
    problem: Problem,
    code: str,
    calibration: Calibration | None = None,
    *,
    stop: bool,
    apart: Apart,
    begun: Unfinished | None = None,
) -> Results | Unfinished:
    """Run and judge a submission. `begun`: what other slots have seen of it, which a checker must still look at.

    Returns: a result for each test, or what was seen, to go on with in another slot. Raises: SandboxLost.
    """
    put_off = begun is not None and begun.put_off
    if begun is None:
        seen: tuple[Observations, ...] = (await slot.run(plan(problem, code, calibration, stop=stop)),)
    elif put_off:
        rest = await slot.run(plan(problem, code, calibration, after=begun.seen[0]))
        seen = (joined(problem, begun.seen[0], rest),)
    else:
        seen = begun.seen
    if len(seen) == 1 and not stop and is_put_off(problem, seen[0], again=put_off):
        return Unfinished(seen, put_off=True)
    try:
        while (job := await apart.call(follow_up, problem, *seen)) is not None:
            if slot.spent:
                return Unfinished(seen)  # the submission soiled the slot: that must not save it from its checker
            seen = (*seen, await run_checker(slot, job))
        left_out = skipped(problem, seen[0], stop=stop)
        results = tuple(counted(await apart.call(judge, problem, *seen), calibration, left_out))
        results = tuple(explained(problem, results, cpu_limits(problem, code, calibration)))
    except Incomparable as error:
        return tuple(TestResult("wrong_answer", weight, message=str(error)) for weight in weights_of(problem))
    if fault := fault_shared(results, calibration):
        results = tuple(each._replace(verdict="sandbox_error", message=fault) for each in results)
    results = tuple(located(problem, results, code))
    for result in results:
        if result.verdict == "sandbox_error":
            cause = next((cause_named(test.name) for test in seen[0].tests if test.ending == "lost"), None)
            raise Unjudged(result.message or "the sandbox was lost", results, cause)
    return results


async def run_checker(slot: Slot, job: Job) -> Observations:
    """Run the problem's checker. What it breaks is not the submission's doing. Raises: SandboxLost."""
    try:
        return await slot.run(job)
    except SandboxLost as lost:
        raise SandboxLost(str(lost), lost.loss) from None


def results_without_run(problem: Problem, verdict: Verdict, message: str) -> Results:
    """Give every test of a problem the same verdict, for a submission that was not run."""
    unloaded = judge(problem, Observations((), failed_load=Observation("raised", message=message)))
    return tuple(result._replace(verdict=verdict, message=message) for result in unloaded)
