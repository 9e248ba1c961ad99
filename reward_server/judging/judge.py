"""From what was seen of a job to a verdict for each test. Nothing that a submission wrote can make a verdict better."""

from __future__ import annotations

import numbers
from decimal import Decimal
from itertools import chain, repeat
from typing import TYPE_CHECKING

from reward_server.judging.calls import last_call, mismatch, where_raised
from reward_server.judging.counting import runs_pytest, weights_of
from reward_server.judging.output_modes import same_output
from reward_server.judging.payloads import judge_payload
from reward_server.judging.raised import read_raised
from reward_server.runner import values
from reward_server.runner.rows import MAX_MESSAGE, TIME_LIMITS
from reward_server.runner.wording import brief, unequal
from reward_server.verdicts import TestResult, Verdict
from tasks.schema import AssertsTests, CallTests, Checker, PytestTests, StdioTests

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from reward_server.jobs import Observation, Observations
    from reward_server.judging.calibration import Calibration
    from tasks.schema import CallCase, OutputCompare, Problem, StdioCase

SHOWN_BYTES = 64 << 10
"""A result shows the beginning of stdout and the end of stderr, up to this size. All of stdout is compared."""
BY_ENDING: dict[str, Verdict] = {
    "raised": "runtime_error",
    "exited": "runtime_error",
    "signaled": "runtime_error",
    "cpu": "cpu_timeout",
    "wall": "wall_timeout",
    "memory": "memory_exceeded",
    "output": "output_exceeded",
    "lost": "sandbox_error",
    "unreached": "wrong_answer",
}


def counted(
    results: list[TestResult], calibration: Calibration | None, skipped: Collection[int] = ()
) -> list[TestResult]:
    """The results that count: not those of asserts that a right program does not reach either.

    Which these are the reference shows; without one that passes, they are `skipped`.
    """
    left_out = skipped if calibration is None or calibration.fault else calibration.unreached
    return [each for index, each in enumerate(results) if index not in left_out] if left_out else results


def skipped(problem: Problem, observations: Observations, *, stop: bool = False) -> list[int]:
    """The asserts that were not reached, and that no submission could make the code go around.

    None after a `stop` at a failure or at a time limit: they might have been reached.
    """
    rows = observations.tests
    if not isinstance(problem.tests, AssertsTests) or observations.failed_load is not None:
        return []
    failures = [each.ending for each in rows if not each.passed and each.ending != "unreached"]
    if (stop and failures) or not TIME_LIMITS.isdisjoint(failures):
        return []
    return [at for at in judge_payload(problem).skippable if at < len(rows) and rows[at].ending == "unreached"]


def judge(
    problem: Problem,
    observations: Observations,
    checked: Observations | None = None,
    control: Observations | None = None,
) -> list[TestResult]:
    """One result for each test, in order. `checked`, `control`: what was seen of the jobs that `follow_up` asked for.

    A test that was not run is `skipped` when an earlier one did not pass.
    """
    tests = problem.tests
    if observations.failed_load is not None:
        return failed(problem, observations.failed_load)
    weights = weights_of(problem)
    for seen in observations.tests:
        if seen.ending == "lost":
            return [result(seen, "sandbox_error", weight, seen.message) for weight in weights]
    match tests:
        case StdioTests():
            results = judge_programs(tests, observations.tests, checked, control)
        case CallTests():
            expectations = frozenset(case.raises for case in tests.cases if case.raises is not None)
            results = [
                judge_call(case, tests, expectations, seen)
                for case, seen in zip(tests.cases, observations.tests, strict=False)
            ]
        case AssertsTests() | PytestTests():
            results = judge_checks(observations.tests, weights if isinstance(tests, AssertsTests) else [])
    if runs_pytest(problem) and results:
        return results  # pytest knows how many tests there are: marks skip some, parameters make more
    if len(results) < len(weights):
        stopped = any(one.verdict != "passed" for one in results)
        missing: Verdict = "skipped" if stopped else "sandbox_error"
        results += [TestResult(missing, weight) for weight in weights[len(results) :]]
    return results


def failed(problem: Problem, seen: Observation) -> list[TestResult]:
    """The submission never got as far as its tests: they all end as it did."""
    said = read_raised(seen.value)
    verdict = BY_ENDING.get(seen.ending, "runtime_error")
    message = seen.message or said.words
    if seen.ending == "raised":
        if seen.name == "compile" or said.at_compile:
            verdict = "compile_error"
        elif said.is_memory_error:
            verdict = "memory_exceeded"
    elif seen.ending == "exited":
        message = message or f"the program ended with exit code {seen.code} before its tests"
    return [result(seen, verdict, weight, message) for weight in weights_of(problem)]


def judge_programs(
    tests: StdioTests, observed: Sequence[Observation], checked: Observations | None, control: Observations | None
) -> list[TestResult]:
    results = []
    checks = iter(checked.tests if checked is not None else ())
    controls = iter(control.tests if control is not None else ())
    unloaded = checked.failed_load if checked is not None else None
    for case, seen in zip(tests.cases, observed, strict=False):
        if not ended_well(seen):
            verdict = BY_ENDING.get(seen.ending, "runtime_error")
            if seen.ending == "exited" and last_line(seen.stderr).startswith("MemoryError"):
                verdict = "memory_exceeded"
            results.append(result(seen, verdict, case.weight, ending_text(seen)))
        elif isinstance(tests.compare, Checker):
            check = next(checks, unloaded)
            again = next(controls, None) if needs_control(check) else None
            results.append(judge_checked(seen, check, again, case.weight))
        else:
            results.append(judge_output(case, tests.compare, seen))
    return results


def judge_output(case: StdioCase, compare: OutputCompare, seen: Observation) -> TestResult:
    expected = case.stdout.encode("utf-8", "surrogatepass")
    if same_output(compare, expected, seen.stdout):
        return result(seen, "passed", case.weight, "", compared=True)
    message = f"printed {brief(text_of(seen.stdout[:1000]))} where {brief(case.stdout)} was expected"
    return result(seen, "wrong_answer", case.weight, message, compared=True)


def ended_well(seen: Observation) -> bool:
    """Whether it counts what the program printed."""
    return seen.ending == "exited" and seen.code == 0


def judge_checked(
    seen: Observation, check: Observation | None, control: Observation | None, weight: float
) -> TestResult:
    """The checker's word on one case. One that fails on this output alone could not read it: the output is wrong.

    One that fails on the expected output too is the problem's fault, and so are points that are none.
    """
    said = word_of(check)
    if is_score(said):
        return scored(seen, float(said), weight)
    told = f"it returned {said}; points are from 0 to 1" if isinstance(said, float) else said
    if is_score(word_of(control)):
        return result(seen, "wrong_answer", weight, f"the checker could not read the output: {told}")
    return result(seen, "sandbox_error", weight, f"the problem's checker failed: {told}")


def is_score(said: float | str) -> bool:
    return isinstance(said, float) and 0 <= said <= 1


def scored(seen: Observation, points: float, weight: float) -> TestResult:
    """The result of an output to which a checker gave points."""
    if points == 1:
        return result(seen, "passed", weight, "", compared=True)
    message = f"the checker gave {points} of 1 point" if points else "the checker refused the output"
    return result(seen, "wrong_answer", weight, message, compared=True)._replace(score=points)


def needs_control(check: Observation | None) -> bool:
    """Whether a checker failed in a way that the output may have brought about."""
    return check is not None and check.ending != "lost" and not is_score(word_of(check))


def word_of(check: Observation | None) -> float | str:
    """The points that a checker gave, 1 for True; a text says why it gave none."""
    if check is None:
        return "it did not run"
    if check.ending != "returned":
        said = read_raised(check.value)
        return f"{said.name}: {said.text}" if said.types else said.text or check.message or check.ending
    try:
        value = values.decode(values.loads(check.value[1:]))
        return (
            float(value) if isinstance(value, numbers.Real | Decimal) else "it returned neither True, False nor points"
        )
    except (values.Unfit, OverflowError, ValueError) as error:
        return str(error)


def judge_call(case: CallCase, tests: CallTests, expectations: Collection[str], seen: Observation) -> TestResult:
    """`expectations`: the exceptions that the problem's cases expect."""
    if seen.ending == "raised":
        said = read_raised(seen.value)
        if case.raises is not None and said.call == last_call(case) and said.is_one_of(case.raises, expectations):
            return result(seen, "passed", case.weight, "", compared=True)
        if not said.types:  # a value that could not cross is an answer, and a wrong one
            return result(seen, "wrong_answer", case.weight, said.text or "the answer was not understood")
        verdict: Verdict = "memory_exceeded" if said.is_memory_error else "runtime_error"
        return result(seen, verdict, case.weight, f"{where_raised(case, said.call)}{said.words}")
    if seen.ending != "returned":
        return result(seen, BY_ENDING.get(seen.ending, "runtime_error"), case.weight, ending_text(seen))
    try:
        value = values.decode(values.loads(seen.value[1:]))
        if case.raises is not None:
            message = f"returned {brief(value)} where {case.raises} was expected"
            return result(seen, "wrong_answer", case.weight, message, compared=True)
        wrong = mismatch(case, tests.compare, value)
    except (values.Unfit, RecursionError) as error:
        return result(seen, "wrong_answer", case.weight, str(error)[:MAX_MESSAGE])
    if wrong is None:
        return result(seen, "passed", case.weight, "", compared=True)
    message = unequal(wrong.found, wrong.expected, wrong.what, compares_items=tests.compare == "equal")
    return result(seen, "wrong_answer", case.weight, message, compared=True)


def judge_checks(observed: Sequence[Observation], weights: Sequence[float]) -> list[TestResult]:
    """What the judge's process found. A test beyond the weights counts 1."""
    results = []
    stopped = False
    for seen, weight in zip(observed, chain(weights, repeat(1.0)), strict=False):
        if seen.passed:
            results.append(result(seen, "passed", weight, ""))
            continue
        verdict: Verdict = "wrong_answer" if seen.ending == "returned" else BY_ENDING.get(seen.ending, "runtime_error")
        message = seen.message
        if seen.ending == "unreached":
            verdict = "skipped" if stopped else verdict
            message = "" if stopped else "never reached"
        if seen.ending == "raised" and message.startswith("MemoryError"):
            verdict = "memory_exceeded"
        stopped = True
        results.append(result(seen, verdict, weight, message or ending_text(seen)))
    return results


def result(seen: Observation, verdict: Verdict, weight: float, message: str, *, compared: bool = False) -> TestResult:
    """`compared`: this side compared what was seen with what was expected, as it does for `stdio` and `call`."""
    return TestResult(
        verdict,
        weight,
        printable(seen.name) if seen.name != "compile" else "",
        seen.cpu_s,
        seen.wall_s,
        seen.memory_bytes,
        printable(message[:MAX_MESSAGE]),
        text_of(seen.stdout[:SHOWN_BYTES]),
        text_of(seen.stderr[-SHOWN_BYTES:]),
        1 if compared else seen.checks,
    )


def text_of(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def printable(text: str) -> str:
    """A text that UTF-8 can hold. A lone surrogate, as from an exception's text, would spoil the answer of a batch."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def ending_text(seen: Observation) -> str:
    if seen.ending == "exited":
        last = last_line(seen.stderr)
        return last or f"the program ended with exit code {seen.code}"
    if seen.ending == "signaled":
        return f"the program ended by signal {seen.code}"
    return seen.message


def last_line(text: bytes) -> str:
    lines = text[-4000:].decode(errors="replace").strip().splitlines()
    return lines[-1][:MAX_MESSAGE] if lines else ""
