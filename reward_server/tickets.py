"""Work that waits for a slot or holds one, as the dispatcher keeps it. Pure: starts and queues nothing."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from reward_server.clients import OURSELVES
from reward_server.fair_queue import Lane

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence

    from reward_server.backends.base import Slot
    from reward_server.errors import Cause, Loss
    from reward_server.jobs import Job, Observations

T = TypeVar("T")

NOWHERE: Final = Lane(OURSELVES.name, None)

log = logging.getLogger(__name__)


class Opening(Protocol):
    """What work begins with, where that is one job: it can be run together with those of others."""

    @property
    def expected_s(self) -> float:
        """Infinite where nobody knows, or where it is not so after all."""
        ...

    def job(self) -> Job: ...

    def take(self, seen: Observations) -> None:
        """Take what was seen of the job; the work then goes on from there."""
        ...


class Hold:
    """Of a slot, by one ticket or by some whose openings went there together."""

    def __init__(self, worker: asyncio.Task[None], tickets: Sequence[Ticket[Any]], *, fresh: bool = False) -> None:
        """`fresh`: the slot has run nothing before."""
        self.worker = worker
        self.blames = fresh and len(tickets) == 1
        """Whether no other submission can be the reason of a loss: there is none, and was none."""
        self.tickets = dict(enumerate(tickets))
        """Those that have not come back, by their place in the message."""
        self.sharing = len(tickets)
        """Those that were run or will be."""
        self.began = time.monotonic()

    @property
    def share_s(self) -> float:
        """Seconds so far, for each."""
        return (time.monotonic() - self.began) / self.sharing

    @property
    def unwanted(self) -> bool:
        """Whether nobody waits any more for what is there."""
        return bool(self.tickets) and all(ticket.dropped for ticket in self.tickets.values())


class Ticket(Generic[T]):
    """Work that waits for a slot or holds one. Ends once: with `value`, or with `error` set."""

    __slots__ = (
        "_on_end",
        "_work",
        "alone",
        "done",
        "dropped",
        "error",
        "fresh",
        "hold",
        "is_put_off",
        "lane",
        "opening",
        "queued_at",
        "request_id",
        "retried",
        "started_at",
        "value",
        "ways",
    )

    def __init__(
        self,
        work: Callable[[Slot], Awaitable[T | None]],
        on_end: Callable[[Ticket[T]], None],
        lane: Lane = NOWHERE,
        opening: Opening | None = None,
        is_put_off: Callable[[], bool] = bool,
    ) -> None:
        """Make a ticket. `work` that returns None goes on in another slot: it is called again.

        `is_put_off`: whether that waits until nothing else does.
        """
        self._work = work
        self._on_end = on_end
        self.lane = lane
        self.is_put_off = is_put_off
        self.opening = opening
        self.alone = opening is None
        """Whether it may share no message."""
        self.value: T | None = None
        self.error: Exception | None = None
        self.started_at = math.inf
        """By the monotonic clock; the first start of two, if it is tried again."""
        self.queued_at = 0.0
        self.request_id: str | None = None
        """Of the request that queued it; others may wait for it as well."""
        self.retried = 0
        self.fresh = False
        """Whether it must run alone in a slot that has run nothing before."""
        self.ways: set[tuple[Loss, Cause]] = set()
        """In which it was lost there, where it may be the reason itself."""
        self.dropped = False
        self.done = False
        self.hold: Hold | None = None
        """While it is in a slot."""

    @property
    def expected_s(self) -> float:
        """Infinite for one that must run alone."""
        return math.inf if self.alone or self.fresh or self.opening is None else self.opening.expected_s

    @property
    def took_s(self) -> float:
        """For how long it has had its slot, or its share of that where it was not alone."""
        return self.hold.share_s if self.hold is not None else 0.0

    async def run(self, slot: Slot) -> None:
        self.value = await self._work(slot)

    def end(self, error: Exception | None = None) -> None:
        if not self.done:
            self.done = True
            self.error = error
            try:
                self._on_end(self)
            except Exception:  # one batch that cannot take its result must not stop the worker
                log.exception("result_lost")
