"""What is done to sandboxes, server and connections in the midst of a batch costs no reward, and makes none wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.faults import strikes
from tests.faults.fire import Batch, is_whole, submission, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.strikes import Target

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("strike", [strikes.kill_all_sandboxes, strikes.kill_all_zygotes])
def test_what_is_struck_at_every_try_has_no_verdict(target: Target, strike: Callable[[Target], None]) -> None:
    """The same way each time, alone and in a fresh sandbox: all the same it is no 0, as no submission can do that."""
    until(lambda: is_whole(target))
    batch = Batch(target.relay.url, given=[submission(sleep_s=0.25)])
    while batch.thread.is_alive():
        if is_running(target):
            strike(target)
        time.sleep(0.05)
    (missing,) = batch.check()
    assert missing.verdict == "sandbox_error"
    until(lambda: is_whole(target))


def is_running(target: Target) -> bool:
    """Whether a slot is at work: a strike at other times only keeps sandboxes from being opened."""
    told = httpx.get(f"{target.server.url}/metrics", trust_env=False).text
    return 'passrate_slots{state="running"} 0.0' not in told


@pytest.mark.parametrize("strike", strikes.STRIKES, ids=lambda strike: strike.__name__)
def test_every_item_of_a_batch_is_judged_all_the_same(target: Target, strike: Callable[[Target], None]) -> None:
    """Each submission is tried once more, so that one strike loses none, also where it hits all sandboxes at once.

    Seen red: `stop_*` without the look at when a sandbox was heard last (no answer by the deadline); `pause_*` where a
    test that began since the last look is not given what was waited since then (wall_timeout); and with a stopped
    control process, where the death signal is not asked for anew: it is left when the server is killed.
    """
    until(lambda: is_whole(target))
    batch = Batch(target.relay.url)
    time.sleep(0.7)
    strike(target)
    assert batch.check() == []
    until(lambda: is_whole(target))
