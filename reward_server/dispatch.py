"""Brings work to slots: one worker a slot, one bounded queue, no task per item.

Promises:
- every ticket ends: with a value, or with an error after two retries, when no slot can be had, or at the stop;
- a sandbox that was lost, is spent or worn, or held dropped work is closed and replaced while the others go on;
- a ticket that met a time limit goes on only where none waits that has not;
- brief tickets share a message to a sandbox only where so many wait that no slot would be idle for it; one lost among
  others is not counted as lost, and then runs alone;
- work that may itself be the reason of its loss then runs alone in fresh slots only; lost so twice in the same way, it
  ends as `Disturbed`;
- more than `max_queued` waiting tickets are refused at once, and more than a client may have waiting.
Does not know what the work is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

from reward_server import request_id
from reward_server.clients import OURSELVES
from reward_server.errors import (
    STOPPING,
    BackendUnavailable,
    Disturbed,
    Loss,
    Overloaded,
    SandboxLost,
    Stopping,
    TooLarge,
    Unjudged,
)
from reward_server.fair_queue import FairQueue, Lane
from reward_server.pool import LOOK_S, PATIENCE_S, Pool
from reward_server.tally import Tally
from reward_server.tickets import Hold, Ticket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from reward_server.backends.base import Backend, Slot, Wear
    from reward_server.clients import Client
    from reward_server.settings import Settings

T = TypeVar("T")

MIN_RETRY_AFTER_S: Final = 1.0
MAX_RETRY_AFTER_S: Final = 600.0
RETRIES: Final = 2
"""After lost sandboxes. Where all end at once, the next one may be about to end as well, unnoticed yet."""
FEWER_RETRIES: Final[dict[Loss, int]] = {"unjudged": 1, "failed": 0}
GUESSED_RETRY_AFTER_S: Final = 5.0
"""While nothing has finished yet, nobody knows."""

TOGETHER_S: Final = 0.1
"""What tickets that share a message may be expected to take, all of them."""

log = logging.getLogger(__name__)


class Dispatcher:
    """Owns the workers and their slots. `start` it, `close` it."""

    def __init__(self, backend: Backend, settings: Settings, *, patience_s: float = PATIENCE_S) -> None:
        self._settings = settings
        self._queue: FairQueue[Ticket[Any]] = FairQueue()
        self._for_fresh: FairQueue[Ticket[Any]] = FairQueue()
        """What must run in a fresh slot. For each there is a worker that is about to have one."""
        self._put_off: FairQueue[Ticket[Any]] = FairQueue()
        """What has met a time limit and goes on where nothing else waits. Who puts it here looks here next."""
        self._pool = Pool(backend, settings.slots, self._fail_all, spares=settings.spares, patience_s=patience_s)
        self._workers: list[asyncio.Task[None]] = []
        self._running = 0
        self.waits = Tally()
        """Seconds from the queue to the first start."""
        self.lost: Counter[Loss] = Counter(dict.fromkeys(get_args(Loss), 0))
        self.retried = 0
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
        return sum(map(len, self._queues))

    @property
    def _queues(self) -> tuple[FairQueue[Ticket[Any]], ...]:
        return self._queue, self._put_off, self._for_fresh

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
    def slots_closed(self) -> Mapping[Wear, int]:
        return self._pool.closed

    @property
    def spares(self) -> int:
        return self._pool.spares

    @property
    def why_no_slot(self) -> str | None:
        """Why nothing can be run: the server stops, or the last attempt to open a slot failed and there is none."""
        return STOPPING if self._stopping else self._pool.error

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
            self._fail_all(STOPPING)
            await self._stop_workers()
            self._fail_all(STOPPING)  # what came back for a second try meanwhile

    def hurry(self) -> None:
        """End the wait of `close`."""
        if self._patience is not None:
            self._patience.reschedule(0)

    def submit(self, tickets: Sequence[Ticket[Any]], *, client: Client = OURSELVES, urgent: bool = False) -> None:
        """Queue all tickets or none; their lanes are of that client. Raises: Overloaded, BackendUnavailable."""
        self.check_room(0 if urgent else len(tickets), client)
        now, asked_by = time.monotonic(), request_id.current.get()
        for ticket in tickets:
            ticket.queued_at, ticket.request_id = now, asked_by
            self._queue.put(ticket.lane, ticket, first=urgent)
        if tickets:
            self._idle.clear()

    def check_room(self, count: int, client: Client) -> None:
        """Tell whether `submit` would take so many tickets.

        Raises: BackendUnavailable; Overloaded, with the seconds until there is room for so many; TooLarge where there
        never will be.
        """
        if self._stopping:
            raise Stopping
        if (cause := self._pool.cause) is not None:
            raise BackendUnavailable(cause)
        if not count:
            return
        if count > client.max_queued:
            message = f"{count} to run; at most {client.max_queued} of this client may wait: split the batch"
            raise TooLarge("submissions", message)
        waiting, most = len(self._queue) + len(self._put_off), self._settings.max_queued
        own = self._queue.queued_of(client.name) + self._put_off.queued_of(client.name)
        own_most = client.max_queued
        ahead, own_ahead = waiting + count - most, own + count - own_most
        if ahead <= 0 and own_ahead <= 0:
            return
        # While those of this client leave the queue, the others have their turns.
        seconds = self._seconds_for(max(ahead, own_ahead * max(1, self._queue.clients)))
        if ahead > 0:
            raise Overloaded(f"{waiting} submissions wait already, and at most {most} may", seconds)
        raise Overloaded(f"{own} submissions of this client wait already, and at most {own_most} may", seconds)

    def drop(self, ticket: Ticket[Any]) -> None:
        """Forget a ticket that nobody waits for: take it from the queue, or end its sandbox."""
        if ticket.done:
            return
        ticket.dropped = ticket.done = True
        if ticket.hold is not None:
            if ticket.hold.unwanted and ticket.hold.worker is not asyncio.current_task():
                ticket.hold.worker.cancel()
        else:
            self._queue_of(ticket).remove(ticket.lane, ticket)
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
            wear: Wear = "failed"
            try:
                wear = await self._wear_out(slot, share)
            except asyncio.CancelledError:
                wear = "closed"
                raise
            except Exception:  # whatever it is, there must be a worker for this seat
                log.exception("worker_failed")
            finally:
                await self._pool.close(slot, wear)

    async def _wear_out(self, slot: Slot, share: float) -> Wear:
        """Serve by a slot until another one must take its place. Returns: why."""
        task = asyncio.current_task()
        assert task is not None
        worn_at = time.monotonic() + self._settings.slot_age_s * share
        uses = most = max(1, int(self._settings.slot_uses * share))
        while uses > 0:
            fresh = uses == most and not slot.spent
            ticket = (self._for_fresh.get_nowait() if fresh else None) or await self._ticket_for(slot)
            if ticket is None:
                return slot.wear or "ended"
            tickets = self._with_others(ticket, min(slot.together, uses))
            uses -= len(tickets)
            broken = await self._serve(Hold(task, tickets, fresh=fresh), slot)
            if broken is not None:
                return broken
            if time.monotonic() > worn_at:
                return "age"
        return "uses"

    async def _ticket_for(self, slot: Slot) -> Ticket[Any] | None:
        """Wait for work. Returns: None when the slot is spent, also when it ended while it waited."""
        while not slot.spent:
            ticket = self._queue.get_nowait() or self._put_off.get_nowait()
            if ticket is not None:
                return ticket
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    ticket = await self._queue.get()
                if not slot.spent:
                    return ticket
                self._queue.put(ticket.lane, ticket, first=True)
        return None

    def _with_others(self, ticket: Ticket[Any], most: int) -> list[Ticket[Any]]:
        """Take from the queue what may share a message with a ticket."""
        tickets, seconds = [ticket], ticket.expected_s
        most = min(most, len(self._queue) // (2 * self._settings.slots))
        while len(tickets) < most and seconds < TOGETHER_S and (another := self._queue.get_nowait()) is not None:
            seconds += another.expected_s
            if seconds > TOGETHER_S:
                self._queue.put(another.lane, another, first=True)
            else:
                tickets.append(another)
        return tickets

    async def _serve(self, hold: Hold, slot: Slot) -> Wear | None:
        """Run a ticket, or some together. Returns: why the slot may run no other; None if it may, or is spent."""
        tickets, task = list(hold.tickets.values()), hold.worker
        for ticket in tickets:
            ticket.hold = hold
            if ticket.started_at == math.inf:
                ticket.started_at = hold.began
                self.waits.add(hold.began - ticket.queued_at)
        self._running += 1
        try:
            if len(tickets) > 1:
                return await self._run_together(hold, slot)
            return await self._run(tickets[0], slot)
        except SandboxLost as lost:
            self._lose(hold, lost)
            return "lost"
        except asyncio.CancelledError:
            if not hold.unwanted:
                for ticket in hold.tickets.values():
                    ticket.end(SandboxLost(STOPPING))
                raise
            if task.uncancel():
                raise  # the server stops as well
            return "dropped"
        except Exception as error:
            log.exception("work_failed", extra={"request_id": tickets[0].request_id})
            self._lose(hold, SandboxLost(f"the server failed: {type(error).__name__}", "failed"))
            return "failed"
        finally:
            for place in list(hold.tickets):
                self._leave(hold, place)
            self._running -= 1
            self._note_idle()

    async def _run(self, ticket: Ticket[Any], slot: Slot) -> Wear | None:
        """Returns as `_serve`. Raises: SandboxLost, and whatever the work raises that is our failure."""
        try:
            await ticket.run(slot)
        except Unjudged as lost:
            self._retry_or_end(ticket, lost)
            return "lost" if ticket.fresh else None
        if ticket.value is None:
            if not ticket.dropped:
                self._put_back(ticket)
            return slot.wear or "lost" if ticket.fresh else None
        self._last_finished_at = time.monotonic()
        ticket.end()
        return None

    async def _run_together(self, hold: Hold, slot: Slot) -> Wear | None:
        """Returns and raises as `_serve` and `_run`."""
        openings = [ticket.opening for ticket in hold.tickets.values() if ticket.opening is not None]
        wear: Wear | None = None
        async with contextlib.aclosing(slot.run_all([opening.job() for opening in openings])) as answers:
            async for place, seen in answers:
                ticket = hold.tickets[place]
                if seen is None:
                    hold.sharing -= 1
                    if not ticket.dropped:
                        self._put_back(ticket)
                elif not ticket.dropped:
                    openings[place].take(seen)
                    wear = await self._run(ticket, slot) or wear
                self._leave(hold, place)
                if hold.unwanted:
                    return "dropped"
        return wear

    def _leave(self, hold: Hold, place: int) -> None:
        """A ticket leaves its slot."""
        hold.tickets.pop(place).hold = None
        self._took_s.append(hold.share_s)

    def _lose(self, hold: Hold, lost: SandboxLost) -> None:
        """Which of several was it? Each will tell when it runs alone, and none is charged with this loss."""
        if len(hold.tickets) == 1:
            (ticket,) = hold.tickets.values()
            self._retry_or_end(ticket, lost)
            return
        self.lost[lost.loss] += 1
        log.warning("run_lost", extra={"request_id": None, "loss": lost.loss, "tried_again": True})
        for ticket in hold.tickets.values():
            if not ticket.dropped:
                ticket.alone = True
                self._put_back(ticket)

    def _retry_or_end(self, ticket: Ticket[Any], lost: SandboxLost) -> None:
        self.lost[lost.loss] += 1
        most = FEWER_RETRIES.get(lost.loss, RETRIES) if lost.cause is None else RETRIES
        disturbed = self._disturbs(ticket, lost)
        again = ticket.retried < most and not ticket.dropped and not disturbed
        # Its text may quote what was run.
        facts = {"request_id": ticket.request_id, "loss": lost.loss, "cause": lost.cause, "tried_again": again}
        log.warning("run_lost", extra=facts)
        if again:
            self.retried += 1
            ticket.retried += 1
            ticket.fresh = ticket.fresh or lost.cause is not None
            self._put_back(ticket)
        else:
            ticket.end(Disturbed(lost) if disturbed else lost)

    def _disturbs(self, ticket: Ticket[Any], lost: SandboxLost) -> bool:
        """Note how a ticket was lost, and tell whether it is the reason itself: so it was lost before, as now."""
        if lost.cause is None or ticket.hold is None or not ticket.hold.blames:
            return False
        way = lost.loss, lost.cause
        known = way in ticket.ways
        ticket.ways.add(way)
        return known

    def _queue_of(self, ticket: Ticket[Any]) -> FairQueue[Ticket[Any]]:
        if ticket.fresh:
            return self._for_fresh
        return self._put_off if ticket.is_put_off() else self._queue

    def _put_back(self, ticket: Ticket[Any]) -> None:
        self._queue_of(ticket).put(ticket.lane, ticket, first=not ticket.is_put_off())

    def _fail_all(self, cause: str) -> None:
        for queue in self._queues:
            for ticket in queue.clear():
                ticket.end(SandboxLost(cause))
        self._note_idle()

    def _note_idle(self) -> None:
        if not self._running and not self.queued:
            self._idle.set()

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
