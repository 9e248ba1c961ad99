"""A backend whose slots are held by several judging processes, so that one event loop need not feed them all.

Promises: a slot opens where there are the fewest; a process that ended is started again for the next slot, later and
later where it ends at once; no process before there is a slot for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from reward_server.processes.remote import RemoteProcess
from reward_server.runs import Runs

if TYPE_CHECKING:
    from reward_server.backends.base import Backend
    from reward_server.processes.remote import RemoteSlot
    from reward_server.settings import Settings

SLOTS_IN_THE_SERVER: Final = 16
"""With 5 ms an evaluation they keep a server that judges itself busy for more than half of the time, and answers begin
to wait for one another. With fewer a process apart costs more than it gains: 0.2 ms an evaluation."""
SLOTS_EACH: Final = 16
FIRST_DELAY_S: Final = 0.1
MAX_DELAY_S: Final = 5.0
STEADY_S: Final = 60.0
"""A process that has lived so long is started again without much delay."""

log = logging.getLogger(__name__)


def processes_for(settings: Settings) -> int:
    """How many judging processes there are to be; 0: the server holds the slots itself."""
    if settings.processes is not None:
        return min(settings.processes, settings.slots)
    return 0 if settings.slots <= SLOTS_IN_THE_SERVER else -(-settings.slots // SLOTS_EACH)


def spread(backend: Backend, settings: Settings) -> Backend:
    """Give the slots of a backend to judging processes, where there are to be any."""
    count = processes_for(settings)
    if not count:
        return backend
    log.info("judging_processes", extra={"count": count})
    return SpreadBackend(backend, settings, count)


class SpreadBackend:
    """Knows what `inner` knows, and opens its slots elsewhere."""

    def __init__(self, inner: Backend, settings: Settings, count: int) -> None:
        self._inner = inner
        self.posts = [Post(settings, inner.name, part, count) for part in range(count)]

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def covers(self) -> str:
        return self._inner.covers

    @property
    def memory_mb(self) -> int | None:
        return self._inner.memory_mb

    @property
    def runs_in(self) -> str:
        return self._inner.runs_in

    @property
    def runs(self) -> Runs:
        """Of all processes, those that have ended too, each some seconds old."""
        runs = Runs()
        for post in self.posts:
            runs.take(post.ended.told())
            if post.process is not None:
                runs.take(post.process.runs.told())
        return runs

    async def open_slot(self) -> RemoteSlot:
        """Raises: BackendUnavailable."""
        post = min(self.posts, key=lambda post: post.taken)
        return await post.open_slot()

    async def close(self) -> None:
        await asyncio.gather(*(post.close() for post in self.posts))
        await self._inner.close()


class Post:
    """The place of one process, and of the next one when that ends."""

    def __init__(self, settings: Settings, backend: str, part: int, parts: int) -> None:
        self._settings, self._backend, self._part, self._parts = settings, backend, part, parts
        self.process: RemoteProcess | None = None
        self._starting: asyncio.Task[RemoteProcess] | None = None
        self.ended = Runs()
        """What was run in the processes before this one."""
        self._opening = 0
        self._delay_s = 0.0

    @property
    def taken(self) -> int:
        """Slots that it has, or is about to have."""
        alive = self.process is not None and not self.process.gone.is_set()
        return self._opening + (len(self.process.slots) if self.process is not None and alive else 0)

    async def open_slot(self) -> RemoteSlot:
        """Raises: BackendUnavailable."""
        self._opening += 1
        try:
            process = await self._running()
        finally:
            self._opening -= 1
        return await process.open_slot()

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self.process is not None:
            await self.process.stop()

    async def _running(self) -> RemoteProcess:
        """Return the process; start one where there is none. Raises: BackendUnavailable."""
        if self.process is not None and not self.process.gone.is_set():
            return self.process
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> RemoteProcess:
        """Start a process, after a while where the last one did not last. All who want a slot here wait for it."""
        last, self.process = self.process, None
        if last is not None:
            self.ended.take(last.runs.told())
            log.warning("judging_process_ended", extra={"part": self._part})
            await last.stop()
            if time.monotonic() - last.began_at > STEADY_S:
                self._delay_s = 0.0
        await asyncio.sleep(self._delay_s)
        self._delay_s = min(max(2 * self._delay_s, FIRST_DELAY_S), MAX_DELAY_S)
        started = RemoteProcess(self._settings, self._backend, self._part, self._parts)
        await started.start()
        self.process = started
        return started
