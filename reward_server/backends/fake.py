"""A backend for tests that runs nothing: a script says what each job observes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from reward_server.errors import BackendUnavailable, SandboxLost
from reward_server.jobs import Observation, Observations
from reward_server.runs import Runs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from reward_server.backends.base import Wear
    from reward_server.jobs import Job


def code_of(job: Job) -> str:
    """Return the submission's code."""
    return str(json.loads(job.submission)["code"])


async def print_the_code(job: Job) -> Observations:
    """The default script: every case prints the code itself; the code `lost` loses the sandbox."""
    code = code_of(job)
    if code == "lost":
        raise SandboxLost("scripted")
    printed = code.removeprefix("print('").removesuffix("')").encode()
    return Observations(tuple(Observation("exited", stdout=printed, cpu_s=0.001) for _ in job.cases))


class FakeSlot:
    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend
        self.together = backend.together
        self.spent = False
        self.closed = False
        self.seat: int | None = None

    @property
    def wear(self) -> Wear | None:
        return "ended" if self.spent else None

    def sit(self, seat: int) -> None:
        self.seat = seat

    async def run(self, job: Job) -> Observations:
        assert not self.closed
        assert not self.spent
        self._backend.jobs.append(job)
        await asyncio.sleep(self._backend.delay_s)
        try:
            observations = await self._backend.script(job)
        except SandboxLost:
            self.spent = True
            raise
        self._backend.runs.add(self._backend.delay_s, sum(test.cpu_s for test in observations.tests), 0.0)
        self.spent = self._backend.spent_after_each
        return observations

    async def run_all(self, jobs: Sequence[Job]) -> AsyncGenerator[tuple[int, Observations | None], None]:
        self._backend.messages.append(len(jobs))
        for at, job in enumerate(jobs):
            yield at, await self.run(job)

    async def close(self) -> None:
        self.closed = True


class FakeBackend:
    name = "fake"
    covers = "nothing: it runs nothing"
    memory_mb: int | None = None
    runs_in = "nothing"

    def __init__(
        self,
        script: Callable[[Job], Awaitable[Observations]] = print_the_code,
        *,
        delay_s: float = 0.0,
        failing_opens: int = 0,
        spent_after_each: bool = False,
        together: int = 1,
    ) -> None:
        self.script = script
        self.delay_s = delay_s
        self.failing_opens = failing_opens
        self.spent_after_each = spent_after_each
        self.runs = Runs()
        self.together = together
        self.jobs: list[Job] = []
        self.messages: list[int] = []
        """How many jobs were asked for, where that were several at once."""
        self.slots: list[FakeSlot] = []
        self.closed = False

    @property
    def open_slots(self) -> list[FakeSlot]:
        return [slot for slot in self.slots if not slot.closed]

    async def open_slot(self) -> FakeSlot:
        await asyncio.sleep(0)
        if self.failing_opens > 0:
            self.failing_opens -= 1
            raise BackendUnavailable("scripted: no sandbox here")
        slot = FakeSlot(self)
        self.slots.append(slot)
        return slot

    async def close(self) -> None:
        self.closed = True
