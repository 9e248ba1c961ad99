"""The values that cross the wire between trainer and server, as the trainer sees them.

Promises: no torch, no I/O. Answers may grow fields; those not named here are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict, get_args

from reward_server.verdicts import TestResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.assurance import Assurance
    from tasks.schema import Problem

CONTRACT = 2
"""The version of the wire that this client speaks. A server names its own in `/healthz`."""

RewardScheme = Literal["pass_rate", "all_passed", "weighted"]
Detail = Literal["none", "tests", "output"]
Unfenced = Literal["no_code", "code"]

SCHEMES: tuple[RewardScheme, ...] = get_args(RewardScheme)
UNFENCED: tuple[Unfenced, ...] = get_args(Unfenced)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

NOT_JUDGED = {"id", "prompt", "tags", "difficulty", "reference", "wrong"}
"""Fields of a problem that say nothing about how it is judged: they stay at home. The reference goes along where the
server learns from it (`Problem.is_calibrated`)."""


class Submission(TypedDict):
    """What is to be judged. Give `completion` (text that holds a fenced block) or `code`."""

    problem: str
    """The key of an inline problem, or the id of one that the server holds."""
    completion: NotRequired[str]
    code: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Learned:
    """What the reference of a problem has shown the server."""

    assurance: str
    """What the tests need: `values`, `objects` or `shared`."""
    unreached: tuple[str, ...]
    """Asserts that the reference does not reach, by their lines. They do not count."""
    cpu_s: float
    """Processor seconds of the reference, over all tests."""
    fault: str
    """Why the reference cannot be used, and the fix; empty where it passes."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of one submission."""

    reward: float | None
    """None where no verdict could be had: our failure, never the program's."""
    pass_rate: float | None
    passed: int
    total: int
    verdict: Verdict
    tests: tuple[TestResult, ...] = ()
    """There with `detail` `tests` or `output`."""
    cpu_s: float = 0.0
    queue_s: float = 0.0
    cached: bool = False
    assurance: Assurance | None = None
    """What it rests on (see `tasks.assurance`); None where no server said so."""
    suspicion: tuple[str, ...] = ()
    """Signs that it tried to cheat. They never change the reward."""
    calibration: Learned | None = None
    """None where the server does not learn from the problem's reference, and with `detail` `none` unless that fails."""
    error: str | None = None
    """Why there is no reward."""
    message: str = ""
    """Why the first test that did not pass failed, in words."""
    code: str | None = None
    """The program that was judged; there with `detail` `output`."""

    @property
    def all_passed(self) -> bool:
        return self.verdict == "passed"


def unscored(error: str) -> Result:
    """Make the result of a submission about which nothing is known."""
    return Result(reward=None, pass_rate=None, passed=0, total=0, verdict="sandbox_error", error=error)


def result_from(answer: Mapping[str, Any]) -> Result:
    """Read one result of `POST /v1/score`. Raises: KeyError or TypeError where it is not one."""
    return Result(
        reward=answer["reward"],
        pass_rate=answer["pass_rate"],
        passed=answer["passed"],
        total=answer["total"],
        verdict=answer["verdict"],
        message=answer.get("message", ""),
        code=answer.get("code"),
        tests=tuple(outcome_from(test) for test in answer.get("tests") or ()),
        cpu_s=answer.get("cpu_s", 0.0),
        queue_s=answer.get("queue_s", 0.0),
        cached=answer.get("cached", False),
        assurance=answer.get("assurance"),
        suspicion=tuple(answer.get("suspicion") or ()),
        calibration=learned_from(answer["calibration"]) if answer.get("calibration") else None,
        error=answer.get("error"),
    )


def learned_from(answer: Mapping[str, Any]) -> Learned:
    return Learned(answer["assurance"], tuple(answer["unreached"]), answer["cpu_s"], answer["fault"])


def outcome_from(test: Mapping[str, Any]) -> TestResult:
    return TestResult(**{name: test[name] for name in TestResult._fields if name in test})


def judging_spec(problem: Problem) -> dict[str, Any]:
    """Take what the server needs to judge: tests, entry point, limits, setup, files, a reference to learn from."""
    left_out = NOT_JUDGED - {"reference"} if problem.is_calibrated else NOT_JUDGED
    # Unset fields stay unset: a case may have `expected: null` or `raises`, and which one shows only by what was set.
    return problem.model_dump(mode="json", exclude=left_out, exclude_unset=True)
