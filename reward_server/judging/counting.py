"""How many tests a problem has, what they are called and what they weigh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_server.judging.payloads import judge_payload
from tasks.schema import AssertsTests, CallTests, PytestTests, StdioTests

if TYPE_CHECKING:
    from tasks.schema import Problem


def weights_of(problem: Problem) -> list[float]:
    """The weight of each test; for `pytest`, of each test function that the sources show."""
    match problem.tests:
        case StdioTests() | CallTests() as tests:
            return [case.weight for case in tests.cases]
        case AssertsTests() as tests:
            count = judge_payload(problem).tests
            given = list(tests.weights or ())[:count]
            return given + [1.0] * (count - len(given))
        case PytestTests():
            return [1.0] * judge_payload(problem).tests


def runs_pytest(problem: Problem) -> bool:
    return problem.has_test_code and judge_payload(problem).kind == "pytest"


def assert_names(problem: Problem) -> list[str]:
    """What each counted assert is called, by its line."""
    assert isinstance(problem.tests, AssertsTests)
    return list(judge_payload(problem).names)
