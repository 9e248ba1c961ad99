"""Work on the event loop that others do not wait for: long work in turns, and what goes on beside a block."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Generator, Iterable, Iterator

T = TypeVar("T")

TURN_S: Final = 0.0003
"""Short, as ten batches that come at once take one turn each before anyone else is answered."""


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield items as they come, and let others have the event loop after each `TURN_S` that this has taken."""
    until = time.monotonic() + TURN_S
    for item in items:
        yield item
        if time.monotonic() > until:
            await asyncio.sleep(0)
            until = time.monotonic() + TURN_S


async def go_through(steps: Generator[None, None, T]) -> T:
    """Go through the steps of one piece of work. Returns and raises what that does."""
    returned = []

    def all_of_them() -> Iterator[None]:
        returned.append((yield from steps))

    async for _ in in_turns(all_of_them()):
        pass
    return returned[0]


@contextlib.asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Have work go on while the block does, and end it with the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
