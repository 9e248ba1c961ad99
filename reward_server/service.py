"""The parts of one running server, wired together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_server.canary import Canary
from reward_server.disk_cache import DiskCache, version_of_judge
from reward_server.dispatch import Dispatcher
from reward_server.door import Door
from reward_server.keys import KeyRing
from reward_server.metrics import Metrics
from reward_server.problems import ProblemStore, Room
from reward_server.scoring import Scorer
from reward_server.wire import Bodies

if TYPE_CHECKING:
    from reward_server.backends.base import Backend
    from reward_server.settings import Settings
    from tasks.schema import Problem


@dataclass(frozen=True, slots=True)
class Service:
    settings: Settings
    backend: Backend
    dispatcher: Dispatcher
    store: ProblemStore
    scorer: Scorer
    canary: Canary
    metrics: Metrics
    disk: DiskCache | None
    door: Door
    bodies: Bodies

    @classmethod
    def assemble(cls, settings: Settings, backend: Backend) -> Service:
        """Wire the parts; nothing is started. Raises: BadSetting."""
        keys = KeyRing(settings.api_keys_file) if settings.api_keys_file is not None else None
        dispatcher = Dispatcher(backend, settings)
        room = Room(settings.max_stored_bytes, settings.max_stored_bytes_per_key if keys is not None else None)
        store = ProblemStore(settings.problems, room, _load, owners=keys.names if keys is not None else None)
        disk = None
        if settings.cache_file is not None:
            disk = DiskCache(settings.cache_file, version_of_judge(backend.runs_in), settings.cache_file_bytes)
        scorer, canary = Scorer(dispatcher, store, settings, backend.memory_mb, disk), Canary(dispatcher)
        metrics = Metrics(settings, backend, dispatcher, store, scorer, canary)
        door, bodies = Door(settings, keys), Bodies(settings.max_body_bytes, scorer.apart)
        return cls(settings, backend, dispatcher, store, scorer, canary, metrics, disk, door, bodies)

    async def start(self) -> None:
        """Open the slots and begin to read the problem sets. Raises: BackendUnavailable."""
        try:
            await self.dispatcher.start()
        except BaseException:
            await self.backend.close()
            raise
        await self.store.start()
        if self.disk is not None:
            await self.disk.start()

    async def drain(self) -> None:
        """Let nothing new in, and see to it that what was let in is answered: within `drain_s`, or without a reward."""
        self.door.closed = True
        await self.dispatcher.close()

    async def close(self) -> None:
        self.door.closed = True
        try:
            await self.dispatcher.close()
        finally:
            if self.disk is not None:
                await self.disk.close()
            self.scorer.close()
            await self.store.close()
            await self.backend.close()


def _load(source: str) -> list[Problem]:
    from tasks.registry import load_problems  # noqa: PLC0415 reading sets must not slow the start

    return load_problems(source)
