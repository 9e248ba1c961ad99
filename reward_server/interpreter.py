"""How the server's interpreter is set, so that it answers at once and gives back what memory it no longer needs."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import itertools
import sys
import time
from typing import TYPE_CHECKING, Final

from reward_server.turns import beside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SWITCH_S: Final = 0.001
"""A thread that reads problem sets or kept judgements gives way to the event loop after so long."""
GC_THRESHOLDS: Final = (5_000, 1, 100_000)
"""Young objects are looked at twice, some thousands at a time, as nothing else runs meanwhile; all objects, which may
be a million, hardly ever."""
YOUNG_S: Final = 0.025
"""Young objects are looked at this often besides. The first threshold is for what was made less what was freed: where
as much is freed as made, none is looked at until there are 100,000, and then the event loop stands still for 0.1 s."""
IDLE_S: Final = 0.1
"""How often while the server is idle, when little is made: so often its HTTP server wakes up as well."""
IDLE_SHARE: Final = 0.05
"""Of one processor: a server that uses less is idle."""
MMAP_THRESHOLD, TRIM_THRESHOLD = (-3, 1 << 20), (-1, 8 << 20)
"""Parameters of mallopt(3) and what they are set to, in bytes."""


@contextlib.asynccontextmanager
async def tuned() -> AsyncIterator[None]:
    """Set it for the server, when all that stays is there."""
    sys.setswitchinterval(SWITCH_S)
    _give_back_memory()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    async with beside(_collect_young()):
        yield


async def _collect_young() -> None:
    pause_s, used_s = YOUNG_S, time.process_time()
    for generation in itertools.cycle((0, 1)):
        await asyncio.sleep(pause_s)
        used_before_s, used_s = used_s, time.process_time()
        pause_s = IDLE_S if used_s - used_before_s < IDLE_SHARE * pause_s else YOUNG_S
        gc.collect(generation)


def _give_back_memory() -> None:
    """Have glibc give the memory of large bodies back to the system as soon as they are done with.

    By itself it raises the bound from which it does so to 32 MB, once it sees such blocks come and go.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        for parameter, value in (MMAP_THRESHOLD, TRIM_THRESHOLD):
            mallopt(parameter, value)
