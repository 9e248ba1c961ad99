"""A queue that serves its lanes in turn: a batch of thousands does not make a single submission wait for all of them.

Holds no limit of its own and starts nothing; the dispatcher decides what may enter.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

T = TypeVar("T")


class FairQueue(Generic[T]):
    def __init__(self) -> None:
        self._lanes: OrderedDict[Hashable, OrderedDict[T, None]] = OrderedDict()
        self._takers: deque[asyncio.Future[None]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, lane: Hashable, item: T, *, first: bool = False) -> None:
        """Add an item at the end of its lane; with `first`, before all other items."""
        items = self._lanes.setdefault(lane, OrderedDict())
        items[item] = None
        if first:
            items.move_to_end(item, last=False)
            self._lanes.move_to_end(lane, last=False)
        self._size += 1
        self._wake_one()

    def remove(self, lane: Hashable, item: T) -> None:
        """Take an item out of the queue, if it is still there."""
        items = self._lanes.get(lane)
        if items is None or item not in items:
            return
        del items[item]
        self._size -= 1
        if not items:
            del self._lanes[lane]

    def clear(self) -> list[T]:
        """Empty the queue and return what was in it."""
        left = [item for items in self._lanes.values() for item in items]
        self._lanes.clear()
        self._size = 0
        return left

    def get_nowait(self) -> T | None:
        """Take an item, if there is one."""
        return self._pop() if self._size else None

    async def get(self) -> T:
        """Wait for an item and take it."""
        while not self._size:
            taker = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            try:
                await taker
            except asyncio.CancelledError:
                if taker.cancelled():
                    with contextlib.suppress(ValueError):  # who has put an item meanwhile has taken it out
                        self._takers.remove(taker)
                elif self._size:
                    self._wake_one()  # this one was woken and leaves: the item is for another
                raise
        return self._pop()

    def _pop(self) -> T:
        lane, items = next(iter(self._lanes.items()))
        item, _ = items.popitem(last=False)
        self._size -= 1
        if items:
            self._lanes.move_to_end(lane)
        else:
            del self._lanes[lane]
        return item

    def _wake_one(self) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return
