"""What the keeper of results enters for a test."""

from __future__ import annotations

import mmap
import socket

import pytest

from reward_server.runner.keeper import Keeper
from reward_server.runner.page import HALF_DONE, NUMBER, Page, size


class Timed(Keeper):
    used_s = 0.0

    def clocks(self) -> tuple[float, float]:
        return self.used_s, 0.0


def page() -> Page:
    return Page(mmap.mmap(-1, size(1)))


@pytest.mark.parametrize(("used_s", "ending"), [(0.9, "returned"), (1.1, "cpu")])
def test_a_test_that_used_too_much_fails_whenever_that_is_seen(used_s: float, ending: str) -> None:
    """Beside other work the control process may look only when the test is over."""
    with socket.socket() as control:
        keeper = Timed(control, page(), ["test"], stop=False, timeouts=1, cpu_s=1.0)
        begun = keeper.begin_interval(inside=True)
        keeper.used_s = used_s
        keeper.settle(0, begun, failed=False)
    assert keeper.endings == [(ending, 0)]


def test_each_execution_of_a_test_has_the_limit_for_itself() -> None:
    with socket.socket() as control:
        keeper = Timed(control, page(), ["test"], stop=False, timeouts=1, cpu_s=1.0)
        for _ in range(3):
            begun = keeper.begin_interval(inside=True)
            keeper.used_s += 0.6
            keeper.settle(0, begun, failed=False)
    assert keeper.endings == [("returned", 0)]


def test_an_interval_that_is_half_begun_is_not_taken_for_begun() -> None:
    """Who writes it may be left without a processor just there, and the test before would be charged to this one."""
    kept = page()
    kept.begin(1, 0.1, 0.2, 3.0, inside=True)
    seen = kept.interval()
    NUMBER.pack_into(kept.memory, 0, HALF_DONE)
    assert kept.interval() == seen == (1, True, 0.1, 0.2, 3.0)
    kept.begin(2, 0.4, 0.5, 6.0, inside=False)
    assert kept.interval() == (2, False, 0.4, 0.5, 6.0)
