"""From what was seen of a job to a verdict for each test. Nothing that a submission wrote can make a verdict better."""

from __future__ import annotations

import json
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from reward_server.judging.comparing import close_tokens, close_value, same_items, same_text, same_tokens, same_value
from reward_server.judging.counting import weights_of
from reward_server.runner import values
from reward_server.runner.rows import MAX_MESSAGE, told_of
from reward_server.verdicts import TestResult, Verdict
from tasks.schema import AssertsTests, CallTests, Checker, FloatTolerance, PytestTests, StdioTests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reward_server.jobs import Observation, Observations
    from tasks.schema import CallCase, Problem

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


def judge(problem: Problem, observations: Observations, followed: Observations | None = None) -> list[TestResult]:
    """One result for each test, in order. `followed` is what was seen of the job that `follow_up` asked for.

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
            results = judge_programs(tests, observations.tests, followed)
        case CallTests():
            results = [
                judge_call(case, tests, seen) for case, seen in zip(tests.cases, observations.tests, strict=False)
            ]
        case AssertsTests() | PytestTests():
            results = judge_checks(observations.tests, weights if isinstance(tests, AssertsTests) else [])
    if isinstance(tests, PytestTests) and results:
        return results  # pytest knows how many tests there are: marks skip some, parameters make more
    if len(results) < len(weights):
        stopped = any(one.verdict != "passed" for one in results)
        missing: Verdict = "skipped" if stopped else "sandbox_error"
        results += [TestResult(missing, weight) for weight in weights[len(results) :]]
    return results


def failed(problem: Problem, seen: Observation) -> list[TestResult]:
    """The submission never got as far as its tests: they all end as it did."""
    told = load_message(seen.value)
    verdict = BY_ENDING.get(seen.ending, "runtime_error")
    message = seen.message or told.get("text", "")
    if seen.ending == "raised":
        types = told.get("types", [])
        if seen.name == "compile" or told.get("compile") is True:
            verdict = "compile_error"
        elif "MemoryError" in types:
            verdict = "memory_exceeded"
        if types and not message.startswith(str(types[0])):
            message = f"{types[0]}: {message}" if told.get("compile") is not True else message
    elif seen.ending == "exited":
        message = message or f"the program ended with exit code {seen.code} before its tests"
    return [result(seen, verdict, weight, message) for weight in weights_of(problem)]


def load_message(value: bytes) -> dict[str, Any]:
    """What the submission's process said of its failed load. Untrusted: it can only word a failure."""
    try:
        told = json.loads(value[1:]) if value else {}
    except (ValueError, RecursionError):
        return {}
    return told_of(told) if isinstance(told, dict) else {}


def judge_programs(
    tests: StdioTests, observed: Sequence[Observation], followed: Observations | None
) -> list[TestResult]:
    checked = iter(followed.tests) if followed is not None else iter(())
    results = []
    for case, seen in zip(tests.cases, observed, strict=False):
        if seen.ending != "exited" or seen.code != 0:
            verdict = BY_ENDING.get(seen.ending, "runtime_error")
            if seen.ending == "exited" and last_line(seen.stderr).startswith("MemoryError"):
                verdict = "memory_exceeded"
            results.append(result(seen, verdict, case.weight, ending_text(seen)))
            continue
        actual = printed(seen)
        if isinstance(tests.compare, Checker):
            results.append(judge_checked(seen, next(checked, None), followed, case.weight))
            continue
        if isinstance(tests.compare, FloatTolerance):
            passed = close_tokens(case.stdout, actual, tests.compare.float)
        else:
            passed = (same_tokens if tests.compare == "tokens" else same_text)(case.stdout, actual)
        message = "" if passed else f"printed {brief(actual)} where {brief(case.stdout)} was expected"
        results.append(result(seen, "passed" if passed else "wrong_answer", case.weight, message))
    return results


def judge_checked(
    seen: Observation, checked: Observation | None, followed: Observations | None, weight: float
) -> TestResult:
    """The checker's word on one case. A checker that fails is the problem's fault, and no verdict on the submission."""
    if checked is None or checked.ending != "returned":
        cause = followed.failed_load if followed is not None and followed.failed_load is not None else checked
        told = load_message(cause.value) if cause is not None else {}
        reason = told.get("text") or (cause.message or cause.ending if cause is not None else "it did not run")
        return result(seen, "sandbox_error", weight, f"the problem's checker failed: {reason}")
    try:
        value = values.decode(values.loads(checked.value[1:]))
    except values.Unfit as error:
        return result(seen, "sandbox_error", weight, f"the problem's checker failed: {error}")
    if not isinstance(value, bool):
        return result(
            seen, "sandbox_error", weight, "the problem's checker returned something other than True or False"
        )
    return result(
        seen, "passed" if value else "wrong_answer", weight, "" if value else "the checker refused the output"
    )


def judge_call(case: CallCase, tests: CallTests, seen: Observation) -> TestResult:
    if seen.ending == "raised":
        told = load_message(seen.value)
        types, text = told.get("types", []), told.get("text", "")
        if case.raises is not None and case.raises in types:
            return result(seen, "passed", case.weight, "")
        if not types:  # a value that could not cross is an answer, and a wrong one
            return result(seen, "wrong_answer", case.weight, text or "the answer was not understood")
        verdict: Verdict = "memory_exceeded" if "MemoryError" in types else "runtime_error"
        return result(seen, verdict, case.weight, f"{types[0]}: {text}")
    if seen.ending != "returned":
        return result(seen, BY_ENDING.get(seen.ending, "runtime_error"), case.weight, ending_text(seen))
    try:
        value = values.decode(values.loads(seen.value[1:]))
        if case.raises is not None:
            return result(
                seen, "wrong_answer", case.weight, f"returned {brief(value)} where {case.raises} was expected"
            )
        if isinstance(tests.compare, FloatTolerance):
            passed = close_value(case.expected, value, tests.compare.float)
        else:
            passed = (same_value if tests.compare == "equal" else same_items)(case.expected, value)
        message = "" if passed else f"returned {brief(value)} where {brief(case.expected)} was expected"
    except (values.Unfit, RecursionError) as error:
        return result(seen, "wrong_answer", case.weight, str(error)[:MAX_MESSAGE])
    return result(seen, "passed" if passed else "wrong_answer", case.weight, message)


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


def result(seen: Observation, verdict: Verdict, weight: float, message: str) -> TestResult:
    return TestResult(
        verdict,
        weight,
        printable(seen.name) if seen.name != "compile" else "",
        seen.cpu_s,
        seen.wall_s,
        seen.memory_bytes,
        printable(message[:MAX_MESSAGE]),
        printed(seen),
        seen.stderr.decode("utf-8", "replace"),
    )


def printed(seen: Observation) -> str:
    return seen.stdout.decode("utf-8", "replace")


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


def brief(value: Any) -> str:
    """A value, short enough for a message."""
    if isinstance(value, (list, tuple, set, dict, str, bytes)) and len(value) > 200:
        if isinstance(value, str):
            return repr(value[:80]) + "…"
        return f"a {type(value).__name__} of {len(value)}"
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return f"a {type(value).__name__}"
    return text if len(text) <= 120 else text[:120] + "…"
