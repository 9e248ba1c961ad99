"""From verdicts to a reward. Pure.

A reward is right or absent: one test that met a failure of ours leaves the whole submission without a reward.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reward_server.verdicts import TestResult, Verdict

Scheme = Literal["pass_rate", "all_passed", "weighted"]
"""`pass_rate`: the share of tests that pass. `all_passed`: 1 or 0. `weighted`: the share of the tests' weights. In the
first and the last, a test to which a checker gave points counts with these."""


class Score(NamedTuple):
    """What is said of one submission."""

    reward: float | None
    """In [0, 1], 1 only if every test passed; None where no verdict could be had."""
    pass_rate: float | None
    """The share of tests that passed, whatever their weights, their points and the scheme."""
    passed: int
    total: int
    """All tests, those that were skipped included."""
    verdict: Verdict
    """That of the first test that did not pass."""
    error: str | None
    """Why there is no reward."""


def score(results: Sequence[TestResult], scheme: Scheme) -> Score:
    """Score a submission by the results of its tests."""
    verdicts = [result.verdict for result in results]
    passed = verdicts.count("passed")
    if "sandbox_error" in verdicts:
        error = results[verdicts.index("sandbox_error")].message or "the sandbox was lost"
        return Score(None, None, passed, len(results), "sandbox_error", error)
    if not results:
        return Score(None, None, 0, 0, "sandbox_error", "the problem has no test that counts")
    verdict: Verdict = "passed"
    if passed < len(results):
        verdict = next(each for each in verdicts if each != "passed")
    pass_rate = passed / len(results)
    match scheme:
        case "pass_rate":
            reward = _share([result.points for result in results], [1.0] * len(results))
        case "all_passed":
            reward = float(passed == len(results))
        case "weighted":
            reward = _share([result.points for result in results], [result.weight for result in results])
    return Score(reward, pass_rate, passed, len(results), verdict, None)


def _share(points: Sequence[float], weights: Sequence[float]) -> float:
    if all(each == 1 for each in points):
        return 1.0
    share = math.fsum(map(operator.mul, points, weights)) / math.fsum(weights)
    # A test of tiny weight may vanish in rounding. 1 still means that every test passed.
    return min(share, math.nextafter(1.0, 0.0))
