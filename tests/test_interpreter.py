"""Young objects are looked at often, however many old ones are freed meanwhile, and memory is given back."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections import deque
from typing import TYPE_CHECKING

import pytest

from reward_server.interpreter import GC_THRESHOLDS, IDLE_S, tuned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OBJECTS = 4 * GC_THRESHOLDS[0]
DEADLINE_S = 60.0


@pytest.fixture
def _as_before() -> Iterator[None]:
    thresholds, switch_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(switch_s)


def in_tuned(begin: Callable[[], object], done: Callable[[], bool]) -> None:
    """Begin when it is set up, and wait until it is so. Raises: TimeoutError."""

    async def wait() -> None:
        async with tuned(), asyncio.timeout(DEADLINE_S):
            begin()
            while not done():  # noqa: ASYNC110 the collector tells nobody
                await asyncio.sleep(0.01)

    asyncio.run(wait())


@pytest.mark.usefixtures("_as_before")
def test_young_objects_do_not_pile_up_where_as_many_old_ones_are_freed() -> None:
    """Red without `_collect_young`: what was made is never looked at."""
    held: deque[list[int]] = deque()
    counts: list[int] = []

    def begin() -> None:
        held.extend([] for _ in range(OBJECTS))
        gc.collect()
        for _ in range(OBJECTS):
            held.append([])
            held.popleft()

    def is_done() -> bool:
        counts.append(len(gc.get_objects(generation=0)))
        return counts[-1] < OBJECTS

    in_tuned(begin, is_done)
    assert counts[0] >= OBJECTS, "the thresholds saw them"


@pytest.mark.usefixtures("_as_before")
def test_a_cycle_is_freed() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            freed.append(True)

    freed: list[bool] = []
    in_tuned(Cycle, lambda: bool(freed))


@pytest.mark.usefixtures("_as_before")
def test_an_idle_server_hardly_wakes_up() -> None:
    """A timer of 40 Hz took 1 % of a processor for nothing."""
    looks: list[str] = []

    async def idle() -> None:
        async with tuned():
            await asyncio.sleep(0.2)
            gc.callbacks.append(note)
            await asyncio.sleep(1)
            gc.callbacks.remove(note)

    def note(phase: str, _: dict[str, int]) -> None:
        looks.append(phase)

    asyncio.run(idle())
    assert looks.count("start") <= 1 / IDLE_S + 1


MANY_BODIES = """
import io, sys
from reward_server import interpreter
if sys.argv[1:]: interpreter._give_back_memory()
def resident_mb():
    return next(int(line.split()[1]) >> 10 for line in open("/proc/self/status") if line.startswith("VmRSS"))
before, kept = resident_mb(), []
for _ in range(4):
    bodies = [io.BytesIO() for _ in range(10)]
    for _ in range(320):
        for body in bodies: body.write(bytes(1 << 16))
        kept.append(bytes(2000))
    del bodies, body
print(resident_mb() - before)
"""


def left_mb(*arguments: str) -> int:
    command = [sys.executable, "-c", MANY_BODIES, *arguments]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout)


def test_the_memory_of_bodies_that_grow_side_by_side_is_given_back() -> None:
    """What is kept lies between them, and glibc's own bound for what lies apart rises with what comes and goes."""
    assert left_mb("given back") < left_mb() * 2 / 3
