"""`/readyz` says no when nothing can be judged, and says why; it costs one small program a second at most."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from reward_server import canary, dispatch
from reward_server.backends.fake import FakeBackend, code_of, print_the_code
from reward_server.canary import PROGRAM, Canary
from reward_server.errors import SandboxLost
from tests.test_dispatch import run, started, until

if TYPE_CHECKING:
    from reward_server.jobs import Job, Observations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Wedged(FakeBackend):
    """Slots that never end this code."""

    def __init__(self, code: str) -> None:
        self.wedged = 0

        async def script(job: Job) -> Observations:
            if code_of(job) == code and self.wedged:
                self.wedged -= 1
                await asyncio.Event().wait()
            return await print_the_code(job)

        super().__init__(script)


async def test_a_slot_that_does_not_end_the_canary_is_noticed_and_replaced() -> None:
    """Although another program has ended just before. Red without the note of who has taken it: it was "busy"."""
    backend = Wedged(PROGRAM)
    async with started(backend, slots=1) as dispatcher:
        asking = Canary(dispatcher, timeout_s=0.05)
        await dispatcher.run(run())
        backend.wedged = 1
        cause = await asking.cause()
        assert cause == "a slot has taken a program that prints ok, and not ended it within 0.05 s"
        assert (asking.ready, asking.asked, asking.failed) == (False, 1, 1)
        await until(lambda: len(backend.slots) == 2 and dispatcher.open_slots == 1)
        assert backend.slots[0].closed
        assert dispatcher.slots_closed["dropped"] == 1
        asking._asked_at = -60
        assert await asking.cause() is None
        assert asking.ready


async def test_slots_that_are_busy_with_long_programs_are_ready() -> None:
    backend = Wedged("long")
    async with started(backend, slots=1) as dispatcher:
        await dispatcher.run(run())
        backend.wedged = 1
        long = asyncio.create_task(dispatcher.run(run("long")))
        await until(lambda: dispatcher.running == 1)
        assert await Canary(dispatcher, timeout_s=0.05).cause() is None
        long.cancel()


async def test_slots_of_which_none_has_ended_anything_for_long_are_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "BUSY_S", 0.01)
    backend = Wedged("long")
    async with started(backend, slots=1) as dispatcher:
        backend.wedged = 1
        long = asyncio.create_task(dispatcher.run(run("long")))
        await until(lambda: dispatcher.running == 1)
        assert await Canary(dispatcher, timeout_s=0.05).cause() == "no slot has run a program within 0.05 s"
        long.cancel()


async def test_a_server_without_a_slot_says_why_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also within the second for which an answer is kept. Red where the kept answer comes first."""
    monkeypatch.setattr(dispatch, "LOOK_S", 0.01)
    backend = FakeBackend()
    async with started(backend, slots=1) as dispatcher:
        asking = Canary(dispatcher)
        assert await asking.cause() is None
        backend.failing_opens = 1000
        backend.slots[0].spent = True
        await until(lambda: dispatcher.open_slots == 0 and dispatcher.slots_failed > 0)
        began = time.monotonic()
        assert await asking.cause() == "scripted: no sandbox here"
        assert time.monotonic() - began < 5  # without waiting for a slot


async def test_a_server_that_stops_says_so_at_once() -> None:
    backend = FakeBackend(delay_s=0.2)
    async with started(backend, slots=1, drain_s=5) as dispatcher:
        asking = Canary(dispatcher)
        assert await asking.cause() is None
        working = asyncio.create_task(dispatcher.run(run()))
        await until(lambda: dispatcher.running == 1)
        closing = asyncio.create_task(dispatcher.close())
        await asyncio.sleep(0)
        assert await asking.cause() == "the server is stopping"
        assert (await working).tests
        await closing


async def test_however_many_ask_one_program_runs_a_second() -> None:
    backend = FakeBackend(delay_s=0.02)
    async with started(backend, slots=1) as dispatcher:
        asking = Canary(dispatcher)
        assert set(await asyncio.gather(*(asking.cause() for _ in range(100)))) == {None}
    assert len(backend.jobs) == 1


async def test_a_lost_canary_is_told_by_its_cause() -> None:
    async def script(job: Job) -> Observations:
        raise SandboxLost("the sandbox is gone", "gone")

    async with started(FakeBackend(script), slots=1) as dispatcher:
        assert await Canary(dispatcher).cause() == "the sandbox is gone"
        assert dispatcher.lost["gone"] == 3


async def test_the_canary_goes_before_all_that_waits() -> None:
    backend = FakeBackend(delay_s=0.01)
    async with started(backend, slots=1) as dispatcher:
        waiting = [asyncio.create_task(dispatcher.run(run(str(number)))) for number in range(20)]
        await until(lambda: dispatcher.running == 1)
        assert await Canary(dispatcher).cause() is None
        assert [code_of(job) for job in backend.jobs].index(PROGRAM) <= 2
        for each in waiting:
            each.cancel()
