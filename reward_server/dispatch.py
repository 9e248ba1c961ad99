"""Brings work to slots: one worker a slot, one bounded queue, no task per item.

Promises:
- every ticket ends: with a value, or with an error after one retry, when no slot can be had, or at the stop;
- a sandbox that was lost, is spent or worn, or held dropped work is closed and replaced while the others go on;
- more than `max_queued` waiting tickets are refused at once, and more than a client may have waiting.
Does not know what the work is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from reward_server.clients import OURSELVES
from reward_server.errors import BackendUnavailable, Overloaded, SandboxLost, Stopping, TooLarge, Unjudged
from reward_server.fair_queue import FairQueue, Lane
from reward_server.pool import LOOK_S, PATIENCE_S, Pool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from reward_server.backends.base import Backend, Slot
    from reward_server.clients import Client
    from reward_server.settings import Settings

T = TypeVar("T")

NOWHERE: Final = Lane(OURSELVES.name, None)
MIN_RETRY_AFTER_S: Final = 1.0
MAX_RETRY_AFTER_S: Final = 600.0
GUESSED_RETRY_AFTER_S: Final = 5.0
"""While nothing has finished yet, nobody knows."""

log = logging.getLogger(__name__)


class Ticket(Generic[T]):
    """Work that waits for a slot or holds one. Ends once: with `value`, or with `error` set."""

    __slots__ = ("_on_end", "_work", "done", "dropped", "error", "lane", "retried", "started_at", "value", "worker")

    def __init__(
        self, work: Callable[[Slot], Awaitable[T | None]], on_end: Callable[[Ticket[T]], None], lane: Lane = NOWHERE
    ) -> None:
        """Make a ticket. `work` that returns None goes on in another slot: it is called again."""
        self._work = work
        self._on_end = on_end
        self.lane = lane
        self.value: T | None = None
        self.error: Exception | None = None
        self.started_at = math.inf
        """By the monotonic clock; the first start of two, if it is tried again."""
        self.retried = False
        self.dropped = False
        self.done = False
        self.worker: asyncio.Task[None] | None = None
        """Who runs it now."""

    async def run(self, slot: Slot) -> None:
        self.started_at = min(self.started_at, time.monotonic())
        self.value = await self._work(slot)

    def end(self, error: Exception | None = None) -> None:
        if not self.done:
            self.done = True
            self.error = error
            try:
                self._on_end(self)
            except Exception:  # one batch that cannot take its result must not stop the worker
                log.exception("result_lost")


class Dispatcher:
    """Owns the workers and their slots. `start` it, `close` it."""

    def __init__(self, backend: Backend, settings: Settings, *, patience_s: float = PATIENCE_S) -> None:
        self._settings = settings
        self._queue: FairQueue[Ticket[Any]] = FairQueue()
        self._pool = Pool(backend, settings.slots, self._fail_all, spares=settings.spares, patience_s=patience_s)
        self._workers: list[asyncio.Task[None]] = []
        self._running = 0
        self.runs_lost = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._took_s: deque[float] = deque(maxlen=512)
        """For how long each of the last tickets held its slot."""
        self._last_finished_at = -math.inf
        self._stopping = False
        self._patience: asyncio.Timeout | None = None
        """Of a `close` under way."""

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def open_slots(self) -> int:
        return self._pool.open_slots

    @property
    def running(self) -> int:
        return self._running

    @property
    def slots_opened(self) -> int:
        return self._pool.opened

    @property
    def slots_failed(self) -> int:
        return self._pool.failed

    @property
    def spares(self) -> int:
        return self._pool.spares

    @property
    def why_no_slot(self) -> str | None:
        """Why the last attempt to open a slot failed, while there is none."""
        return self._pool.error

    @property
    def stopping(self) -> bool:
        """Whether new work is refused, since `close` was called."""
        return self._stopping

    @property
    def last_finished_at(self) -> float:
        """When a ticket last ended with a value, by the monotonic clock."""
        return self._last_finished_at

    async def start(self) -> None:
        """Open all slots and return when the first is there. Raises: BackendUnavailable."""
        self._workers = [asyncio.create_task(self._work(number)) for number in range(self._settings.slots)]
        try:
            await self._pool.first_slot()
        except BaseException:
            await self._stop_workers()
            raise
        self._pool.keep_spares()

    async def close(self) -> None:
        """Refuse new work, give `drain_s` to what was accepted, then end the rest and close every slot.

        May be called again: then there is nothing left to wait for.
        """
        self._stopping = True
        try:
            async with asyncio.timeout(self._settings.drain_s) as self._patience:
                await self._idle.wait()
        except TimeoutError:
            log.warning("drain_ended_early", extra={"queued": self.queued, "running": self._running})
        finally:
            self._patience = None
            self._fail_all("the server is stopping")
            await self._stop_workers()
            self._fail_all("the server is stopping")  # what came back for a second try meanwhile

    def hurry(self) -> None:
        """End the wait of `close`."""
        if self._patience is not None:
            self._patience.reschedule(0)

    def submit(self, tickets: Sequence[Ticket[Any]], *, client: Client = OURSELVES, urgent: bool = False) -> None:
        """Queue all tickets or none; their lanes are of that client. Raises: Overloaded, BackendUnavailable."""
        if self._stopping:
            raise Stopping
        if (cause := self._pool.cause) is not None:
            raise BackendUnavailable(cause)
        if not urgent:
            self._check_room(len(tickets), client)
        for ticket in tickets:
            self._queue.put(ticket.lane, ticket, first=urgent)
        if tickets:
            self._idle.clear()

    def drop(self, ticket: Ticket[Any]) -> None:
        """Forget a ticket that nobody waits for: take it from the queue, or end its sandbox."""
        if ticket.done:
            return
        ticket.dropped = ticket.done = True
        if ticket.worker is not None:
            ticket.worker.cancel()
        else:
            self._queue.remove(ticket.lane, ticket)
            self._note_idle()

    async def run(self, work: Callable[[Slot], Awaitable[T]], *, client: Client = OURSELVES, urgent: bool = False) -> T:
        """Do one piece of work and return its value. Raises: Overloaded, BackendUnavailable, SandboxLost."""
        ended = asyncio.Event()
        ticket = Ticket(work, lambda _: ended.set(), Lane(client.name, ended))
        self.submit([ticket], client=client, urgent=urgent)
        try:
            await ended.wait()
        finally:
            self.drop(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.value  # type: ignore[return-value]  # set, since there is no error

    async def _work(self, number: int) -> None:
        # Slots that were opened together should not all wear out together.
        share = 1 - number / (2 * self._settings.slots)
        while True:
            slot = await self._pool.open(seat=number)
            try:
                worn_at = time.monotonic() + self._settings.slot_age_s * share
                for _ in range(max(1, int(self._settings.slot_uses * share))):
                    ticket = await self._ticket_for(slot)
                    if ticket is None or not await self._serve(ticket, slot) or time.monotonic() > worn_at:
                        break
            finally:
                await self._pool.close(slot)

    async def _ticket_for(self, slot: Slot) -> Ticket[Any] | None:
        """Wait for work. Returns: None when the slot is spent, also when it ended while it waited."""
        while not slot.spent:
            ticket = self._queue.get_nowait()
            if ticket is not None:
                return ticket
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    ticket = await self._queue.get()
                if not slot.spent:
                    return ticket
                self._queue.put(ticket.lane, ticket, first=True)
        return None

    async def _serve(self, ticket: Ticket[Any], slot: Slot) -> bool:
        """Run one ticket. Returns: whether the slot may run another one."""
        task = asyncio.current_task()
        assert task is not None
        ticket.worker = task
        began = time.monotonic()
        self._running += 1
        try:
            await ticket.run(slot)
        except Unjudged as lost:
            self._retry_or_end(ticket, lost)
            return True
        except SandboxLost as lost:
            self._retry_or_end(ticket, lost)
            return False
        except asyncio.CancelledError:
            if not ticket.dropped:
                ticket.end(SandboxLost("the server is stopping"))
                raise
            if task.uncancel():
                raise  # the server stops as well
            return False
        except Exception as error:
            log.exception("work_failed")
            ticket.end(SandboxLost(f"the server failed: {type(error).__name__}"))
            return False
        else:
            if ticket.value is None:
                self._queue.put(ticket.lane, ticket, first=True)
                return True
            self._last_finished_at = time.monotonic()
            ticket.end()
            return True
        finally:
            self._took_s.append(time.monotonic() - began)
            ticket.worker = None
            self._running -= 1
            self._note_idle()

    def _retry_or_end(self, ticket: Ticket[Any], lost: SandboxLost) -> None:
        self.runs_lost += 1
        if ticket.retried:
            ticket.end(lost)
        elif not ticket.dropped:
            ticket.retried = True
            self._queue.put(ticket.lane, ticket, first=True)

    def _fail_all(self, cause: str) -> None:
        for ticket in self._queue.clear():
            ticket.end(SandboxLost(cause))
        self._note_idle()

    def _note_idle(self) -> None:
        if not self._running and not self._queue:
            self._idle.set()

    def _check_room(self, count: int, client: Client) -> None:
        """Raises: Overloaded, with the seconds until there is room for so many; TooLarge where there never will be."""
        if count > client.max_queued:
            message = f"{count} to run; at most {client.max_queued} of this client may wait: split the batch"
            raise TooLarge("submissions", message)
        waiting, most = len(self._queue), self._settings.max_queued
        own, own_most = self._queue.queued_of(client.name), client.max_queued
        ahead, own_ahead = waiting + count - most, own + count - own_most
        if ahead <= 0 and own_ahead <= 0:
            return
        # While those of this client leave the queue, the others have their turns.
        seconds = self._seconds_for(max(ahead, own_ahead * max(1, self._queue.clients)))
        if ahead > 0:
            raise Overloaded(f"{waiting} submissions wait already, and at most {most} may", seconds)
        raise Overloaded(f"{own} submissions of this client wait already, and at most {own_most} may", seconds)

    def _seconds_for(self, count: int) -> float:
        """Estimate how long it takes until `count` tickets have left the queue.

        From the time that tickets hold a slot, not from how many ended lately: that would count idle hours as work.
        """
        if not self._took_s:
            return GUESSED_RETRY_AFTER_S
        each = sum(self._took_s) / len(self._took_s) / max(1, self._pool.open_slots)
        return min(max(MIN_RETRY_AFTER_S, count * each), MAX_RETRY_AFTER_S)

    async def _stop_workers(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, self._pool.close_spares(), return_exceptions=True)
