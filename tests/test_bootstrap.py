from __future__ import annotations

import itertools
import math

import pytest

from trainer.bootstrap import Interval, mean_interval

VALUES = [-0.2, 0.1, 0.3, 0.05, 0.5]


def test_the_interval_is_that_of_all_resamples_there_are() -> None:
    """5 values have 3,125 equally likely resamples: count how many means lie beyond each bound."""
    means = [math.fsum(drawn) / 5 for drawn in itertools.product(VALUES, repeat=5)]
    found = mean_interval(VALUES)
    assert found is not None
    beyond = [
        (sum(mean < found.low for mean in means), sum(mean <= found.low for mean in means)),
        (sum(mean > found.high for mean in means), sum(mean >= found.high for mean in means)),
    ]
    for without, within in beyond:  # three standard errors of 10,000 draws
        assert without / len(means) <= 0.025 + 0.005
        assert within / len(means) >= 0.025 - 0.005


def test_the_same_values_give_the_same_interval_and_swapped_sides_its_mirror_image() -> None:
    found = mean_interval(VALUES)
    assert found is not None
    assert mean_interval(VALUES) == found
    assert mean_interval([-value for value in VALUES]) == (-found.high, -found.low)


def test_values_that_are_all_alike_leave_nothing_to_chance() -> None:
    assert mean_interval([0.25] * 30) == (0.25, 0.25)


@pytest.mark.parametrize("values", [[], [1.0]])
def test_fewer_than_two_values_have_no_interval(values: list[float]) -> None:
    """One value resampled is that value: an interval without width would look like certainty."""
    assert mean_interval(values) is None


@pytest.mark.parametrize(
    ("low", "high", "excluded"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False), (0.0, 0.1, False)]
)
def test_an_interval_that_touches_zero_does_not_exclude_it(low: float, high: float, excluded: bool) -> None:
    assert Interval(low, high).excludes_zero is excluded
