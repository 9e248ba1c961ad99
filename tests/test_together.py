"""Tickets that share a message to a sandbox: who does, and what becomes of each when one of them goes wrong."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends.fake import FakeBackend, code_of
from reward_server.dispatch import TOGETHER_S
from reward_server.errors import Disturbed, SandboxLost, Unjudged
from reward_server.jobs import Observation, Observations
from reward_server.models import RunRequest
from reward_server.programs import program_job
from reward_server.tickets import Ticket
from tests.test_dispatch import started, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reward_server.backends.base import Slot
    from reward_server.dispatch import Dispatcher
    from reward_server.jobs import Job

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Work:
    """As an evaluation: one job, and what was seen of it."""

    def __init__(self, code: str, expected_s: float = 0.001) -> None:
        self.code, self.expected_s = code, expected_s
        self.seen: Observations | None = None
        self.ticket = Ticket(self.run, lambda _: None, opening=self)

    def job(self) -> Job:
        return program_job(RunRequest(code=self.code))

    def take(self, seen: Observations) -> None:
        self.seen = seen

    async def run(self, slot: Slot) -> str:
        seen, self.seen = self.seen, None
        return (seen or await slot.run(self.job())).tests[0].message

    @property
    def outcome(self) -> str:
        return str(self.ticket.error or self.ticket.value)


async def say_the_code(job: Job) -> Observations:
    code = code_of(job)
    if code == "forever":
        await asyncio.Event().wait()
    if code.startswith("lost"):
        raise SandboxLost(code)
    return Observations((Observation("returned", message=code),))


def backend(**changes: Any) -> FakeBackend:
    return FakeBackend(say_the_code, together=4, **changes)


async def done(dispatcher: Dispatcher, works: Sequence[Work]) -> list[str]:
    dispatcher.submit([work.ticket for work in works])
    await until(lambda: all(work.ticket.done for work in works))
    return [work.outcome for work in works]


async def test_brief_tickets_share_messages_while_many_wait_and_none_at_the_end() -> None:
    """Red where one slot takes what another could begin at once: the last messages hold more than one."""
    made = backend()
    works = [Work(str(number)) for number in range(40)]
    async with started(made, slots=2) as dispatcher:
        assert await done(dispatcher, works) == [str(number) for number in range(40)]
        assert (dispatcher.running, dispatcher.queued) == (0, 0)
    assert set(made.messages) == {2, 3, 4}
    assert len(made.jobs) - sum(made.messages) >= 8


@pytest.mark.parametrize(
    ("expected_s", "most"),
    [(0.001, 4), (TOGETHER_S * 0.4, 2), (TOGETHER_S * 1.2, None), (math.inf, None)],
    ids=["brief", "two", "long", "new"],
)
async def test_what_may_take_long_waits_for_no_other_and_no_other_for_it(expected_s: float, most: int | None) -> None:
    made = backend()
    async with started(made, slots=1) as dispatcher:
        await done(dispatcher, [Work(str(number), expected_s) for number in range(40)])
    assert max(made.messages, default=None) == most


async def test_a_lost_message_costs_no_ticket_but_the_one_that_loses_its_sandbox_alone() -> None:
    """Red where the loss is charged to all: with three of these, honest neighbours end without a verdict."""
    made = backend()
    works = [Work(f"lost {number}" if number % 10 == 5 else str(number)) for number in range(40)]
    async with started(made, slots=1) as dispatcher:
        assert await done(dispatcher, works) == [work.code for work in works]
    assert {work.ticket.retried for work in works if "lost" not in work.code} == {0}
    assert {work.ticket.retried for work in works if "lost" in work.code} == {2}


@pytest.mark.parametrize("unjudged", [False, True])
async def test_what_is_lost_among_others_is_charged_only_when_it_fails_alone(unjudged: bool) -> None:
    """Red where a loss in a shared message counts as one of the two."""
    made = backend()

    async def script(job: Job) -> Observations:
        if code_of(job) == "5" and not unjudged:
            raise SandboxLost("5", "protocol", "reply")
        return Observations((Observation("returned", message=code_of(job)),))

    class Judged(Work):
        async def run(self, slot: Slot) -> str:
            told = await super().run(slot)
            if told == "5" and unjudged:
                raise Unjudged("5", (), "judge")
            return told

    made.script = script
    works = [Judged(str(number)) for number in range(40)]
    async with started(made, slots=1) as dispatcher:
        outcomes = await done(dispatcher, works)
        assert [work.ticket.retried for work in works if work.code != "5"] == [0] * 39
    assert isinstance(works[5].ticket.error, Disturbed)
    outcomes.pop(5)
    assert outcomes == [str(number) for number in range(40) if number != 5]
    assert len([job for job in made.jobs if code_of(job) == "5"]) >= 3


async def test_a_dropped_ticket_ends_no_sandbox_in_which_others_are() -> None:
    made = backend(delay_s=0.02)
    works = [Work(str(number)) for number in range(40)]
    async with started(made, slots=1) as dispatcher:
        dispatcher.submit([work.ticket for work in works])
        await until(lambda: works[1].ticket.hold is not None)
        dispatcher.drop(works[1].ticket)
        await until(lambda: all(work.ticket.done for work in works))
        assert (len(made.slots), works[1].ticket.value) == (1, None)
        assert [work.outcome for work in works if work is not works[1]] == [str(n) for n in range(40) if n != 1]


@pytest.mark.parametrize("last_first", [False, True])
async def test_a_message_that_nobody_waits_for_ends_its_sandbox(last_first: bool) -> None:
    """Red where the one that runs was dropped before those behind it: it has its sandbox until its limit."""
    made = backend()
    works = [Work("forever" if number == 0 else str(number)) for number in range(40)]
    async with started(made, slots=1) as dispatcher:
        dispatcher.submit([work.ticket for work in works])
        await until(lambda: works[0].ticket.hold is not None)
        for work in sorted(works[:4], key=works.index, reverse=last_first):
            assert not made.slots[0].closed
            dispatcher.drop(work.ticket)
        await until(lambda: all(work.ticket.done for work in works))
        assert [work.outcome for work in works[4:]] == [str(number) for number in range(4, 40)]
        assert [slot.closed for slot in made.slots] == [True, False]
        assert not any(worker.cancelling() for worker in dispatcher._workers)


async def test_a_stop_ends_all_of_a_message() -> None:
    made = backend()
    works = [Work("forever") for _ in range(40)]
    async with started(made, slots=1, drain_s=0.05) as dispatcher:
        dispatcher.submit([work.ticket for work in works])
        await until(lambda: works[0].ticket.hold is not None)
    assert {work.outcome for work in works} == {"the server is stopping"}


async def test_what_is_given_back_runs_later_and_is_charged_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = backend()

    async def all_but_the_first(slot: Any, jobs: list[Job]) -> Any:
        for place in range(1, len(jobs)):
            yield place, None
        yield 0, await slot.run(jobs[0])

    monkeypatch.setattr("reward_server.backends.fake.FakeSlot.run_all", all_but_the_first)
    works = [Work(str(number)) for number in range(40)]
    async with started(made, slots=1) as dispatcher:
        assert await done(dispatcher, works) == [str(number) for number in range(40)]
        assert (dispatcher.running, dispatcher.retried, len(made.jobs)) == (0, 0, 40)


async def test_a_bug_with_one_of_a_message_is_no_loss_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red where a job that cannot be made ends all: each is tried alone, and that one fails there."""
    works = [Work(str(number)) for number in range(40)]
    monkeypatch.setattr(works[2], "job", lambda: 1 / 0)
    async with started(backend(), slots=1) as dispatcher:
        outcomes = await done(dispatcher, works)
    assert outcomes.pop(2) == "the server failed: ZeroDivisionError"
    assert outcomes == [str(number) for number in range(40) if number != 2]
