from __future__ import annotations

import math

import pytest

from reward_server.rewards import Scheme, score
from reward_server.verdicts import TestResult, Verdict


def results(*verdicts: Verdict) -> list[TestResult]:
    return [TestResult(verdict) for verdict in verdicts]


@pytest.mark.parametrize(("scheme", "reward"), [("pass_rate", 0.5), ("all_passed", 0.0), ("weighted", 0.25)])
def test_each_scheme_pays_its_share(scheme: Scheme, reward: float) -> None:
    scored = score([TestResult("passed", weight=1), TestResult("wrong_answer", weight=3)], scheme)
    assert scored.reward == reward
    assert scored.pass_rate == 0.5
    assert (scored.passed, scored.total) == (1, 2)


@pytest.mark.parametrize("scheme", ["pass_rate", "all_passed", "weighted"])
def test_all_passed_is_exactly_one(scheme: Scheme) -> None:
    assert score([TestResult("passed", weight=0.1)] * 7, scheme).reward == 1.0


def test_the_verdict_is_that_of_the_first_test_that_did_not_pass() -> None:
    assert score(results("passed", "cpu_timeout", "wrong_answer"), "pass_rate").verdict == "cpu_timeout"


def test_skipped_tests_count_as_not_passed() -> None:
    scored = score(results("passed", "wrong_answer", "skipped", "skipped"), "pass_rate")
    assert scored.reward == 0.25
    assert scored.total == 4


@pytest.mark.parametrize("scheme", ["pass_rate", "all_passed", "weighted"])
def test_one_failure_of_ours_leaves_no_reward(scheme: Scheme) -> None:
    """Even where another test shows that the program is wrong: a reward is right or absent."""
    lost = TestResult("sandbox_error", message="the daemon went away")
    scored = score([TestResult("wrong_answer"), lost, TestResult("passed")], scheme)
    assert scored.reward is None
    assert scored.pass_rate is None
    assert scored.verdict == "sandbox_error"
    assert scored.error == "the daemon went away"


def test_a_weight_too_small_to_matter_still_keeps_the_reward_below_one() -> None:
    scored = score([TestResult("passed", weight=1e6), TestResult("wrong_answer", weight=1e-300)], "weighted")
    assert scored.reward is not None
    assert 0 < scored.reward < 1


@pytest.mark.parametrize(("scheme", "reward"), [("pass_rate", 0.75), ("all_passed", 0.0), ("weighted", 0.625)])
def test_points_of_a_checker_count_as_a_share_of_their_test(scheme: Scheme, reward: float) -> None:
    """Seen red where only tests that pass count."""
    scored = score([TestResult("passed"), TestResult("wrong_answer", weight=3, score=0.5)], scheme)
    assert scored.reward == reward
    assert (scored.pass_rate, scored.passed, scored.verdict) == (0.5, 1, "wrong_answer")


def test_points_that_vanish_in_rounding_are_no_pass() -> None:
    nearly = [TestResult("wrong_answer", score=math.nextafter(1.0, 0.0)), *[TestResult("passed")] * 9]
    for scheme in ("pass_rate", "weighted"):
        reward = score(nearly, scheme).reward
        assert reward is not None
        assert reward < 1


def test_no_tests_is_no_reward() -> None:
    """0 of 0 is not a success."""
    assert score([], "all_passed").reward is None
