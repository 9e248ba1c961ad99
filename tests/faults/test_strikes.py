"""What is done to sandboxes, server and connections in the midst of a batch costs no reward, and makes none wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.faults import strikes
from tests.faults.fire import Batch, is_whole, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.strikes import Target

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


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
