"""What the reference of a problem shows about judging it: which assurance it needs, which asserts count. Pure.

The reference is tried with each assurance in turn, the strongest first, until it passes. A reference that does not pass
in one process either is at fault itself, and the problem is judged as if it had none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from reward_server.judging.assurance import assurance_of
from reward_server.judging.counting import runs_pytest
from reward_server.judging.crashes import without_place
from reward_server.judging.judge import judge
from reward_server.judging.plan import plan
from reward_server.runner.rows import PROBLEM_FAULT
from tasks.assurance import ASSURANCES
from tasks.schema import StdioTests

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reward_server.jobs import Job, Observations
    from reward_server.verdicts import TestResult
    from tasks.assurance import Assurance
    from tasks.schema import Problem

ATTEMPTS: Final = ASSURANCES
"""The strongest first."""


class Calibration(NamedTuple):
    """What is known of a problem by its reference."""

    assurance: Assurance
    """What its tests need. With a `fault`, what is assumed without a reference."""
    sites: str = "null"
    """JSON of what came back at each call site of the test, as the judge told it; `null` where nothing was learned."""
    unreached: tuple[int, ...] = ()
    """`asserts` only: those that the reference does not reach, by their index. They do not count."""
    cpu_s: float = 0.0
    """Processor seconds of the reference, its loading and all tests; 0 where they are not known."""
    fault: str = ""
    """Why the reference cannot be used, and the fix; empty where it passes."""
    cases_cpu_s: tuple[float, ...] = ()
    """`stdio` only: its processor seconds in each case. All other tests run in one process, where one test may do what
    the reference does in another, as a cache is filled by whoever comes first."""
    errors: tuple[tuple[str, str], ...] = ()
    """Names of tests that end in an exception with the reference, and what it says: these tests may be at fault."""


def attempt(problem: Problem, assurance: Assurance) -> Job:
    """The job that tries the reference with an assurance. It stops at the first failure, so a loop costs one limit."""
    reference = problem.reference or ""
    if assurance == "shared":
        tests = problem.tests.model_copy(update={"isolation": "shared"})
        problem = problem.model_copy(update={"tests": tests})
    tried = Calibration(assurance)
    return plan(problem, reference, tried, learn=assurance == "objects", stop=True)


def is_lost(seen: Observations) -> bool:
    """Whether the judge could say nothing: by our failure, or as the test cannot be run with that assurance."""
    return any(test.ending == "lost" for test in seen.tests)


def passed(problem: Problem, assurance: Assurance, seen: Observations) -> Calibration | None:
    """What an attempt has shown; None where the reference does not pass."""
    unreached = _unreached(problem, seen)
    results = [each for index, each in enumerate(judge(problem, seen)) if index not in unreached]
    if not results or any(each.verdict != "passed" for each in results):
        return None
    return Calibration(assurance, seen.learned or "null", unreached, used_s(seen, results))


def timed(problem: Problem, seen: Observations, results: Sequence[TestResult]) -> Calibration:
    """What the reference of a problem without test code shows: how long right takes."""
    if any(each.verdict != "passed" for each in results):
        return at_fault(problem, results)
    cases = tuple(each.cpu_s for each in results) if isinstance(problem.tests, StdioTests) else ()
    return Calibration("values", cpu_s=used_s(seen, results), cases_cpu_s=cases)


def used_s(seen: Observations, results: Sequence[TestResult]) -> float:
    """Of the submission's processes from their start, or of its tests with what the judge used in them."""
    return round(max(seen.cpu_s, sum(each.cpu_s for each in results)), 6)


def faulty(problem: Problem, seen: Observations) -> Calibration:
    """What is to be said of a reference that does not even pass in one process."""
    return at_fault(problem, judge(problem, seen))


def at_fault(problem: Problem, results: Sequence[TestResult]) -> Calibration:
    why = next(map(_words, (each for each in results if each.verdict != "passed")), "there is no test that counts")
    errors = tuple((each.name, without_place(each.message)) for each in results if each.verdict == "runtime_error")
    fault = f"the reference does not pass every test ({why}): fix it or the tests"
    return Calibration(assurance_of(problem), fault=fault, errors=errors)


def fault_shared(results: Iterable[TestResult], calibration: Calibration | None) -> str:
    """What is wrong with the problem where a test ends in the very exception that it ends in with the reference."""
    errors = calibration.errors if calibration is not None else ()
    same = next((each for each in results if errors and (each.name, without_place(each.message)) in errors), None)
    return f"{PROBLEM_FAULT}: its reference ends in the same way: {same.message}" if same is not None else ""


def _words(result: TestResult) -> str:
    return " ".join(filter(None, (result.name, result.verdict, result.message)))


def _unreached(problem: Problem, seen: Observations) -> tuple[int, ...]:
    if runs_pytest(problem):  # there a test that is not reached was kept from running
        return ()
    return tuple(index for index, test in enumerate(seen.tests) if test.ending == "unreached")
