from __future__ import annotations

from typing import TYPE_CHECKING

from reward_server.verdicts import TestResult
from tasks.schema import Problem
from trainer.display import show
from trainer.validate import findings_table, validate
from trainer.wire import Result, Submission, unscored

if TYPE_CHECKING:
    import pytest

PASSED = Result(reward=1.0, pass_rate=1.0, passed=2, total=2, verdict="passed")
HALF = Result(
    reward=0.5,
    pass_rate=0.5,
    passed=1,
    total=2,
    verdict="wrong_answer",
    tests=(TestResult("passed"), TestResult("wrong_answer", name="line 3", message="got 4")),
)


class FixedClient:
    """Answers by what the code says."""

    def score(self, submissions: list[Submission], *_: object, **__: object) -> list[Result]:
        results = {"good": PASSED, "bad": HALF, "lost": unscored("slot lost")}
        return [results[submission["code"]] for submission in submissions]


def problem(name: str, reference: str | None, *wrong: str) -> Problem:
    tests = {"kind": "stdio", "cases": [{"stdout": "1"}]}
    return Problem.model_validate({"id": name, "tests": tests, "reference": reference, "wrong": wrong})


def test_validate_names_what_scores_otherwise_than_it_should(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        problem("fine", "good", "bad", "bad"),
        problem("broken[/b]", "bad"),
        problem("lenient", "good", "bad", "good"),
        problem("lost", "lost"),
        problem("without", None),
    ]
    findings = validate(FixedClient(), problems)  # type: ignore[arg-type]
    show(findings_table(findings))
    assert "[/b]" in capsys.readouterr().out
    assert [(found.problem, found.solution) for found in findings] == [
        ("broken[/b]", "reference"),
        ("lenient", "wrong 2"),
        ("lost", "reference"),
    ]
    assert "line 3 got 4" in findings[0].reason
    assert "no verdict: slot lost" in findings[2].reason
