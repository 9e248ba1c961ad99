from __future__ import annotations

from collections import Counter

import pytest

from tasks.schema import Problem
from trainer.evaluation import Evaluation, compare, evaluate, pass_at, problems_by_tag
from trainer.wire import Result, Submission, unscored

PASSED = Result(reward=1.0, pass_rate=1.0, passed=2, total=2, verdict="passed")
HALF = Result(reward=0.5, pass_rate=0.5, passed=1, total=2, verdict="wrong_answer")


def known(counts: dict[str, tuple[int, int]], *ks: int) -> Evaluation:
    return Evaluation(pass_at(counts, counts, ks), counts, Counter(), None, 0, None)


def test_samples_without_a_verdict_count_as_not_drawn() -> None:
    """As failures they would make a model look worse for our own trouble."""
    submissions: list[Submission] = [{"problem": name, "code": ""} for name in ("a", "a", "a", "b")]
    found = evaluate(submissions, [PASSED, HALF, unscored("slot lost"), unscored("x")], ks=[1, 2, 3])
    assert found.counts == {"a": (2, 1), "b": (0, 0)}
    assert found.pass_at == {1: 0.5, 2: 1.0, 3: None}
    assert [found.problems_at(k) for k in (1, 2, 3)] == [1, 1, 0]
    assert (found.unscored, found.why_unscored) == (2, "slot lost")
    assert found.mean_reward == pytest.approx(0.75)
    assert found.verdicts == {"passed": 1, "wrong_answer": 1, "sandbox_error": 2}


def test_a_sample_that_disturbed_the_judge_is_a_failure_and_not_absent() -> None:
    disturbed = Result(reward=0.0, pass_rate=0.0, passed=0, total=2, verdict="judge_disturbed")
    submissions: list[Submission] = [{"problem": "a", "code": ""}] * 2
    found = evaluate(submissions, [PASSED, disturbed], ks=[1])
    assert (found.counts, found.pass_at, found.unscored) == ({"a": (2, 1)}, {1: 0.5}, 0)


def test_a_comparison_is_over_the_problems_with_k_scored_samples_on_both_sides() -> None:
    ours = known({"a": (2, 2), "b": (2, 0), "c": (2, 1), "d": (1, 1), "lost": (9, 9), "ours": (9, 9)}, 1, 2, 3)
    theirs = known({"a": (2, 1), "b": (2, 0), "c": (4, 2), "d": (2, 0), "lost": (0, 0), "theirs": (9, 0)}, 1)
    found = compare(ours, theirs)
    one, two, three = found[1], found[2], found[3]
    assert (one.problems, one.ours, one.theirs) == (4, 0.625, 0.25)
    assert one.value == pytest.approx(0.375)
    assert two.problems == 3
    assert two.ours == pytest.approx(2 / 3)
    assert two.theirs == pytest.approx((1 + 0 + 5 / 6) / 3)
    assert (three.problems, three.ours, three.theirs, three.value, three.interval) == (0, None, None, None, None)


def test_how_hard_problems_are_does_not_widen_the_interval() -> None:
    """Each problem keeps both its sides: here ours is better by a tenth throughout, from very hard to very easy."""
    ours = known({str(solved): (10, solved + 1) for solved in range(10)}, 1)
    theirs = known({str(solved): (10, solved) for solved in range(10)}, 1)
    interval = compare(ours, theirs)[1].interval
    assert interval == pytest.approx((0.1, 0.1))
    assert interval is not None
    assert interval.excludes_zero


def test_5_of_10_and_10_of_20_do_not_differ() -> None:
    """In floats they do, by 1e-16: enough for an interval that excludes 0."""
    ours = known({str(number): (10, 5) for number in range(3)}, 1)
    theirs = known({str(number): (20, 10) for number in range(3)}, 1)
    assert ours.pass_at != theirs.pass_at, "a case that shows it"
    assert compare(ours, theirs)[1].interval == (0.0, 0.0)


def test_one_problem_has_a_difference_but_no_interval() -> None:
    found = compare(known({"a": (1, 1)}, 1), known({"a": (1, 0)}, 1))[1]
    assert (found.problems, found.value, found.interval) == (1, 1.0, None)


def test_a_problem_counts_in_each_of_its_tags_once() -> None:
    tests = {"kind": "stdio", "cases": [{"stdout": "1"}]}
    tags = {"a": ["sums", "sums"], "b": ["trees", "sums"], "c": []}
    problems = [Problem.model_validate({"id": name, "tests": tests, "tags": of}) for name, of in tags.items()]
    assert list(problems_by_tag(problems).items()) == [("sums", ["a", "b"]), ("trees", ["b"])]
    assert pass_at({"a": (2, 2), "b": (2, 0)}, ["a", "b", "c"], [1, 3]) == {1: 0.5, 3: None}
