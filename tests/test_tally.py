from __future__ import annotations

import math

import pytest

from reward_server.tally import Tally


def test_each_bucket_counts_what_is_not_above_its_bound() -> None:
    tally = Tally((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 1.0, 7.0):
        tally.add(value)
    assert tally.buckets() == [("0.1", 2), ("1.0", 4), ("+Inf", 5)]
    assert tally.total == pytest.approx(8.65)


@pytest.mark.parametrize("odd", [-1.0, math.nan, -math.inf])
def test_what_no_clock_should_say_does_not_spoil_the_sum(odd: float) -> None:
    """Red without the check: the sum falls, or is no number for ever, and Prometheus takes that for a restart."""
    tally = Tally((0.1, 1.0))
    tally.add(odd)
    tally.add(0.5)
    assert tally.total == 0.5
    assert tally.buckets()[-1] == ("+Inf", 2)
