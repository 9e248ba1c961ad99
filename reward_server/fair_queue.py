"""A queue that serves clients in turn, and of each client its lanes in turn.

So a batch of thousands does not make a single submission wait for all of them, and ten batches of one client get no
more than one batch of another. Each step costs the same however much waits. Holds no limit of its own and starts
nothing; the dispatcher decides what may enter.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

T = TypeVar("T")


class Lane(NamedTuple):
    """Where an item waits."""

    client: Hashable
    batch: Hashable


class _Line(Generic[T]):
    """What waits for one client."""

    __slots__ = ("lanes", "size")

    def __init__(self) -> None:
        self.lanes: OrderedDict[Lane, OrderedDict[T, None]] = OrderedDict()
        self.size = 0


class FairQueue(Generic[T]):
    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, _Line[T]] = OrderedDict()
        self._takers: deque[asyncio.Future[None]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def clients(self) -> int:
        """How many clients wait for something."""
        return len(self._lines)

    def queued_of(self, client: Hashable) -> int:
        line = self._lines.get(client)
        return line.size if line is not None else 0

    def put(self, lane: Lane, item: T, *, first: bool = False) -> None:
        """Add an item at the end of its lane; with `first`, before all other items."""
        line = self._lines.get(lane.client)
        if line is None:
            line = self._lines[lane.client] = _Line()
        items = line.lanes.setdefault(lane, OrderedDict())
        items[item] = None
        if first:
            items.move_to_end(item, last=False)
            line.lanes.move_to_end(lane, last=False)
            self._lines.move_to_end(lane.client, last=False)
        line.size += 1
        self._size += 1
        self._wake_one()

    def remove(self, lane: Lane, item: T) -> None:
        """Take an item out of the queue, if it is still there."""
        line = self._lines.get(lane.client)
        items = line.lanes.get(lane) if line is not None else None
        if line is None or items is None or item not in items:
            return
        del items[item]
        if not items:
            del line.lanes[lane]
        self._count_out(lane.client, line)

    def clear(self) -> list[T]:
        """Empty the queue and return what was in it."""
        left = [item for line in self._lines.values() for items in line.lanes.values() for item in items]
        self._lines.clear()
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
                    with contextlib.suppress(ValueError):  # an item that came since has passed it over
                        self._takers.remove(taker)
                elif self._size:
                    self._wake_one()  # this one was woken and leaves: the item is for another
                raise
        return self._pop()

    def _pop(self) -> T:
        client, line = next(iter(self._lines.items()))
        lane, items = next(iter(line.lanes.items()))
        item, _ = items.popitem(last=False)
        if items:
            line.lanes.move_to_end(lane)
        else:
            del line.lanes[lane]
        self._lines.move_to_end(client)
        self._count_out(client, line)
        return item

    def _count_out(self, client: Hashable, line: _Line[T]) -> None:
        self._size -= 1
        line.size -= 1
        if not line.size:
            del self._lines[client]

    def _wake_one(self) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return
