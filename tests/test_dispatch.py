from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, get_args

import pytest

from reward_server import dispatch, pool
from reward_server.backends.fake import FakeBackend, FakeSlot
from reward_server.clients import Client
from reward_server.dispatch import Dispatcher
from reward_server.errors import BackendUnavailable, Disturbed, Loss, Overloaded, SandboxLost, Unjudged
from reward_server.fair_queue import FairQueue, Lane
from reward_server.jobs import Observation, Observations
from reward_server.models import RunRequest
from reward_server.programs import program_job
from reward_server.settings import Settings
from reward_server.tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from reward_server.backends.base import Slot
    from reward_server.jobs import Job

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def started(backend: FakeBackend, *, patience_s: float = 20, **changes: Any) -> AsyncIterator[Dispatcher]:
    settings = Settings(**({"slots": 2, "spares": 0, "drain_s": 1, "problems": ""} | changes))
    dispatcher = Dispatcher(backend, settings, patience_s=patience_s)
    await dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.close()
    assert backend.open_slots == []


def run(code: str = "x") -> Callable[[Slot], Awaitable[Observations]]:
    job = program_job(RunRequest(code=code))
    return lambda slot: slot.run(job)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 any condition
            await asyncio.sleep(0.001)


def nobody(_: Ticket[Any]) -> None:
    pass


async def test_as_many_programs_run_at_once_as_there_are_slots() -> None:
    running = most = 0

    async def script(job: Job) -> Observations:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return Observations(())

    async with started(FakeBackend(script), slots=3) as dispatcher:
        await asyncio.gather(*(dispatcher.run(run()) for _ in range(20)))
    assert most == 3


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    async with started(FakeBackend(delay_s=0.01), slots=1, max_queued=4, max_batch_items=4) as dispatcher:
        await asyncio.gather(*(dispatcher.run(run()) for _ in range(4)))
        waiting = [Ticket(run(), nobody) for _ in range(4)]
        dispatcher.submit(waiting)
        with pytest.raises(Overloaded) as caught:
            dispatcher.submit([Ticket(run(), nobody)])
        assert 1 <= caught.value.retry_after_s <= 5
        assert dispatcher.queued == 4
        await until(lambda: all(ticket.done for ticket in waiting))


async def test_a_dropped_ticket_leaves_the_queue() -> None:
    backend = FakeBackend(delay_s=0.02)
    async with started(backend, slots=1) as dispatcher:
        first, second = Ticket(run("a"), nobody), Ticket(run("b"), nobody)
        dispatcher.submit([first, second])
        dispatcher.drop(second)
        assert dispatcher.queued == 1
        await until(lambda: first.done)
    assert len(backend.jobs) == 1


async def test_a_dropped_run_ends_its_sandbox_and_the_others_go_on() -> None:
    async def script(job: Job) -> Observations:
        if b"forever" in job.submission:
            await asyncio.Event().wait()
        return Observations(())

    backend = FakeBackend(script)
    async with started(backend, slots=1) as dispatcher:
        ticket = Ticket(run("forever"), nobody)
        dispatcher.submit([ticket])
        await until(lambda: ticket.hold is not None)
        dispatcher.drop(ticket)
        await dispatcher.run(run())
        assert [slot.closed for slot in backend.slots] == [True, False]
        assert not any(worker.cancelling() for worker in dispatcher._workers)  # or its next timeout would misfire


async def test_a_cancelled_caller_drops_its_work() -> None:
    backend = FakeBackend(delay_s=60)
    async with started(backend, slots=1) as dispatcher:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await dispatcher.run(run())
        await until(lambda: len(backend.slots) == 2)


async def test_a_lost_sandbox_is_replaced_and_its_work_tried_twice_more() -> None:
    backend = FakeBackend()
    async with started(backend) as dispatcher:
        with pytest.raises(SandboxLost, match="scripted"):
            await dispatcher.run(run("lost"))
        assert len(backend.jobs) == 3
        await until(lambda: len(backend.slots) == 5)
        assert len(backend.open_slots) == 2


async def test_a_second_try_may_succeed() -> None:
    tries = 0

    async def script(job: Job) -> Observations:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise SandboxLost("once")
        return Observations((Observation("exited"),))

    async with started(FakeBackend(script)) as dispatcher:
        assert (await dispatcher.run(run())).tests[0].ending == "exited"


async def test_work_that_could_not_be_judged_is_tried_once_more_without_a_new_sandbox() -> None:
    backend = FakeBackend()
    tries = 0

    async def work(_: Slot) -> None:
        nonlocal tries
        tries += 1
        raise Unjudged("no", ())

    async with started(backend, slots=1) as dispatcher:
        with pytest.raises(Unjudged):
            await dispatcher.run(work)
        assert len(backend.slots) == 1
    assert tries == 2


class Losing:
    """Work that is lost in one way after the other, and then comes to its end; it remembers where it ran."""

    def __init__(self, *losses: SandboxLost) -> None:
        self.losses = list(losses)
        self.slots: list[Slot] = []

    async def run(self, slot: Slot) -> str:
        self.slots.append(slot)
        if self.losses:
            raise self.losses.pop(0)
        return "done"


def by_judge(loss: Loss = "broken") -> SandboxLost:
    if loss == "unjudged":
        return Unjudged("the judge ended", (), "judge")
    return SandboxLost("the judge ended", loss, "judge")


@pytest.mark.parametrize("loss", ["protocol", "broken", "unjudged"])
async def test_what_fails_two_fresh_sandboxes_in_one_way_disturbs(loss: Loss) -> None:
    """Lost in a used slot it is tried alone in fresh ones: what was there before may have been the reason.

    Red where a loss in the used slot counts, or where the second try takes any slot.
    """
    backend = FakeBackend()
    work = Losing(*(by_judge(loss) for _ in range(3)))
    async with started(backend, slots=1) as dispatcher:
        await dispatcher.run(run())
        with pytest.raises(Disturbed, match="the judge ended"):
            await dispatcher.run(work.run)
        assert work.slots == backend.slots[:3]
        await dispatcher.run(run())
        assert (dispatcher.retried, dispatcher.lost[loss]) == (2, 3)


async def test_a_fresh_slot_from_the_start_is_one_of_the_two() -> None:
    work = Losing(*(by_judge() for _ in range(3)))
    async with started(FakeBackend(), slots=1) as dispatcher:
        with pytest.raises(Disturbed):
            await dispatcher.run(work.run)
    assert len(work.slots) == 2


@pytest.mark.parametrize(
    "losses",
    [
        (by_judge(), SandboxLost("no", "broken", "folders"), by_judge("protocol")),
        (by_judge(), SandboxLost("no", "gone"), SandboxLost("no", "gone")),
        (SandboxLost("no", "late"), by_judge(), SandboxLost("no", "late")),
    ],
    ids=["other_causes", "then_gone", "in_between"],
)
async def test_what_is_lost_in_other_ways_has_no_verdict(losses: tuple[SandboxLost, ...]) -> None:
    """Red where any two losses are one way."""
    work = Losing(*losses)
    async with started(FakeBackend(), slots=1) as dispatcher:
        with pytest.raises(SandboxLost) as caught:
            await dispatcher.run(work.run)
    assert not isinstance(caught.value, Disturbed)
    assert len(work.slots) == 3


@pytest.mark.parametrize("loss", get_args(Loss))
async def test_a_loss_without_a_cause_is_never_charged(loss: Loss) -> None:
    """However often: a killed sandbox, a daemon that is gone, a full machine, overload, a bug of ours."""
    lost = Unjudged("no", ()) if loss == "unjudged" else SandboxLost("no", loss)
    work = Losing(*[lost] * 3)
    async with started(FakeBackend(), slots=1) as dispatcher:
        with pytest.raises(SandboxLost) as caught:
            await dispatcher.run(work.run)
    assert not isinstance(caught.value, Disturbed)


async def test_what_recovers_in_a_fresh_slot_is_judged() -> None:
    work = Losing(by_judge(), by_judge("protocol"))
    async with started(FakeBackend(), slots=1) as dispatcher:
        assert await dispatcher.run(work.run) == "done"
    assert len(set(work.slots)) == 3


async def test_each_slot_that_is_lost_so_makes_room_for_one_fresh_one_only() -> None:
    """Red where every worker gives up its slot for the one that needs a fresh one."""
    backend = FakeBackend(delay_s=0.001)
    async with started(backend, slots=4) as dispatcher:
        await asyncio.gather(*(dispatcher.run(run()) for _ in range(40)))
        works = [Losing(by_judge("unjudged"), by_judge("unjudged")) for _ in range(3)]
        others = [dispatcher.run(run()) for _ in range(200)]
        await asyncio.gather(*(dispatcher.run(work.run) for work in works), *others)
        assert (len(backend.slots), dispatcher.queued) == (4 + 6, 0)


@pytest.mark.parametrize("ended", ["dropped", "stopped", "down"])
async def test_what_waits_for_a_fresh_slot_still_ends(ended: str) -> None:
    """Red where it is forgotten with the slot that it waits for."""
    backend = FakeBackend()
    ticket = Ticket(Losing(by_judge()).run, nobody)
    async with started(backend, slots=1, drain_s=0.05, patience_s=0.01) as dispatcher:
        await dispatcher.run(run())
        backend.failing_opens = 1000
        dispatcher.submit([ticket])
        await until(lambda: ticket.fresh)
        assert dispatcher.queued == 1
        if ended == "dropped":
            dispatcher.drop(ticket)
            assert (dispatcher.queued, ticket.done) == (0, True)
        elif ended == "down":
            await until(lambda: ticket.done)
    assert ticket.done
    assert not isinstance(ticket.error, Disturbed)


async def test_work_may_go_on_in_another_slot() -> None:
    backend = FakeBackend(spent_after_each=True)
    used: list[Slot] = []

    async def work(slot: Slot) -> str | None:
        used.append(slot)
        await run()(slot)
        return "done" if len(used) == 2 else None

    async with started(backend) as dispatcher:
        assert await dispatcher.run(work) == "done"
    assert used[0] is not used[1]


@pytest.mark.parametrize("limit", [{"slot_uses": 1}, {"slot_age_s": 1e-9}])
async def test_a_worn_slot_is_replaced(limit: dict[str, float]) -> None:
    backend = FakeBackend()
    async with started(backend, slots=1, **limit) as dispatcher:
        for _ in range(3):
            await dispatcher.run(run())
    assert len(backend.slots) >= 3


async def test_a_spent_slot_runs_nothing_more() -> None:
    async with started(FakeBackend(spent_after_each=True)) as dispatcher:
        await asyncio.gather(*(dispatcher.run(run()) for _ in range(10)))


async def test_a_bug_in_the_work_is_our_failure_and_the_worker_goes_on() -> None:
    async def work(_: Slot) -> None:
        raise ValueError("secret code")

    async with started(FakeBackend(), slots=1) as dispatcher:
        with pytest.raises(SandboxLost, match="ValueError") as caught:
            await dispatcher.run(work)
        assert "secret" not in str(caught.value)
        await dispatcher.run(run())


async def test_a_result_that_nobody_can_take_does_not_stop_the_worker() -> None:
    def broken(_: Ticket[Any]) -> None:
        raise ValueError

    async with started(FakeBackend(), slots=1) as dispatcher:
        dispatcher.submit([Ticket(run(), broken)])
        await dispatcher.run(run())


async def test_a_backend_that_cannot_open_any_slot_does_not_start() -> None:
    backend = FakeBackend(failing_opens=1000)
    with pytest.raises(BackendUnavailable, match="no sandbox here"):
        await Dispatcher(backend, Settings(slots=2)).start()


async def test_one_slot_is_enough_to_start_and_the_other_comes_later() -> None:
    backend = FakeBackend(failing_opens=1)
    async with started(backend) as dispatcher:
        await until(lambda: dispatcher.open_slots == 2)


async def test_no_ticket_waits_forever_when_no_slot_can_be_opened() -> None:
    backend = FakeBackend(spent_after_each=True)
    async with started(backend, slots=1, patience_s=0.05) as dispatcher:
        backend.failing_opens = 1000
        await dispatcher.run(run())  # spends the only slot
        with pytest.raises(SandboxLost, match="no sandbox here"):
            await dispatcher.run(run())
        with pytest.raises(BackendUnavailable, match="no sandbox here"):
            await dispatcher.run(run())
        backend.failing_opens = 0
        await until(lambda: dispatcher.open_slots == 1)
        await dispatcher.run(run())


async def test_a_stopping_server_finishes_what_it_has_accepted() -> None:
    async with started(FakeBackend(delay_s=0.01), slots=1) as dispatcher:
        tickets = [Ticket(run(), nobody) for _ in range(5)]
        dispatcher.submit(tickets)
    assert all(ticket.done and ticket.error is None for ticket in tickets)


async def test_a_stop_has_a_deadline() -> None:
    began = time.monotonic()
    async with started(FakeBackend(delay_s=60), slots=1, drain_s=0.05) as dispatcher:
        tickets = [Ticket(run(), nobody) for _ in range(3)]
        dispatcher.submit(tickets)
        await asyncio.sleep(0.01)
    assert all(isinstance(ticket.error, SandboxLost) for ticket in tickets)
    assert time.monotonic() - began < 5
    with pytest.raises(BackendUnavailable, match="stopping"):
        dispatcher.submit([])


async def test_a_large_batch_does_not_hold_up_a_small_one() -> None:
    ended: list[str] = []
    async with started(FakeBackend(), slots=1) as dispatcher:
        large = [Ticket(run(), lambda _: ended.append("large"), Lane("a", "large")) for _ in range(100)]
        small = [Ticket(run(), lambda _: ended.append("small"), Lane("a", "small")) for _ in range(2)]
        dispatcher.submit(large)
        dispatcher.submit(small)
        await until(lambda: len(ended) == 102)
    assert ended.index("small") < 4
    assert [place for place, name in enumerate(ended) if name == "small"][-1] < 6


async def test_a_taker_that_leaves_does_not_take_an_item_along() -> None:
    queue: FairQueue[str] = FairQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(Lane("a", "batch"), "item")  # wakes the first
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "item"
    assert len(queue) == 0


async def test_a_taker_that_leaves_as_an_item_comes_only_leaves() -> None:
    """It raised a ValueError instead, and with it ended a worker, for ever, whose look had come at that moment."""
    queue: FairQueue[str] = FairQueue()
    taker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    taker.cancel()
    queue.put(Lane("a", "batch"), "item")
    with pytest.raises(asyncio.CancelledError):
        await taker
    assert queue.get_nowait() == "item"


async def test_a_bug_between_two_runs_costs_a_slot_and_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = FakeBackend()
    async with started(backend, slots=1) as dispatcher:
        await dispatcher.run(run())

        async def broken(*_: Any) -> None:
            raise ValueError

        with monkeypatch.context() as patched:
            patched.setattr(dispatcher, "_ticket_for", broken)
            await dispatcher.run(run())  # the worker waits for it already, and then meets the bug
            await until(lambda: dispatcher.slots_closed["failed"] > 0)
        await dispatcher.run(run())


async def test_a_lost_slot_is_replaced_by_the_spare_and_the_spare_by_a_new_one() -> None:
    """Seen red: with a pool that opens a slot where a spare stands ready, the fourth job waits for the blocked door."""
    door = asyncio.Event()
    door.set()

    class SlowToOpen(FakeBackend):
        async def open_slot(self) -> FakeSlot:
            await door.wait()
            return await super().open_slot()

    backend = SlowToOpen()
    async with started(backend, slots=1, spares=1) as dispatcher:
        await until(lambda: dispatcher.spares == 1)
        door.clear()
        backend.open_slots[0].spent = True
        async with asyncio.timeout(5):
            await dispatcher.run(run())
        assert dispatcher.spares == 0
        door.set()
        await until(lambda: dispatcher.spares == 1)
    assert len(backend.slots) == 3


async def test_a_spare_that_ended_is_never_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "LOOK_S", 60)  # nobody has noticed yet
    backend = FakeBackend()
    async with started(backend, slots=1, spares=1) as dispatcher:
        await until(lambda: dispatcher.spares == 1)
        first, spare = backend.slots
        first.spent = spare.spent = True
        await dispatcher.run(run())
        assert backend.slots[2].seat == 0


async def test_a_spare_that_ended_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "LOOK_S", 0.01)
    backend = FakeBackend()
    async with started(backend, slots=1, spares=1) as dispatcher:
        await until(lambda: dispatcher.spares == 1)
        backend.slots[1].spent = True
        await until(lambda: len(backend.slots) == 3)
        assert backend.slots[1].closed


async def test_slots_that_ended_while_they_waited_cost_no_try() -> None:
    """As after a restart of the daemon: every slot is gone. Seen red without the second look in `_ticket_for`."""
    backend = FakeBackend()
    async with started(backend) as dispatcher:
        await until(lambda: dispatcher.open_slots == 2)
        for slot in backend.slots:
            slot.spent = True
        assert (await dispatcher.run(run())).tests
    assert len(backend.slots) == 4


async def test_an_idle_slot_that_ended_is_replaced_before_there_is_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "LOOK_S", 0.01)
    backend = FakeBackend()
    async with started(backend, slots=1) as dispatcher:
        backend.slots[0].spent = True
        await until(lambda: len(backend.open_slots) == 1 and not backend.open_slots[0].spent)
        assert dispatcher.open_slots == 1


async def test_no_two_slots_share_a_seat() -> None:
    backend = FakeBackend(spent_after_each=True)
    async with started(backend, slots=3, spares=2) as dispatcher:
        await asyncio.gather(*(dispatcher.run(run()) for _ in range(20)))
        await until(lambda: dispatcher.open_slots == 3)
        seats = [slot.seat for slot in backend.open_slots if slot.seat is not None]
        assert sorted(seats) == [0, 1, 2]


async def test_a_client_with_many_batches_gets_no_more_than_one_with_one() -> None:
    queue: FairQueue[str] = FairQueue()
    for batch in range(10):
        for item in range(5):
            queue.put(Lane("greedy", batch), f"greedy {batch} {item}")
    for item in range(5):
        queue.put(Lane("modest", "only"), f"modest {item}")
    assert (queue.clients, queue.queued_of("greedy"), queue.queued_of("modest")) == (2, 50, 5)
    order = [str(queue.get_nowait()) for _ in range(10)]
    assert [name.split()[0] for name in order] == ["greedy", "modest"] * 5
    assert order[::2] == [f"greedy {batch} 0" for batch in range(5)]
    queue.remove(Lane("greedy", 9), "greedy 9 4")
    assert (queue.clients, len(queue), queue.queued_of("modest")) == (1, 44, 0)
    queue.put(Lane("modest", "only"), "urgent", first=True)
    assert queue.get_nowait() == "urgent"
    assert len(queue.clear()) == 44
    assert queue.get_nowait() is None


class _Looping:
    """Work that meets a time limit so many times, and goes on in another slot each time."""

    def __init__(self, name: str, times: int, done: list[str]) -> None:
        self.name, self.left, self.done = name, times, done
        self.put_off = False

    async def work(self, slot: Slot) -> str | None:
        await asyncio.sleep(0.02)
        self.done.append(self.name)
        self.put_off = self.left > 0
        self.left -= 1
        return None if self.put_off else self.name

    def ticket(self, client: str = "") -> Ticket[str]:
        return Ticket(self.work, nobody, Lane(client, "batch"), is_put_off=lambda: self.put_off)


async def test_what_met_a_time_limit_goes_on_behind_everything_that_has_not() -> None:
    """Of all clients, and also behind what comes meanwhile."""
    done: list[str] = []
    async with started(FakeBackend(), slots=1) as dispatcher:
        loops = [_Looping(name, 2, done) for name in ("loop a", "loop b")]
        quick = [_Looping(f"quick {number}", 0, done) for number in range(3)]
        tickets = [each.ticket(f"client {place % 2}") for place, each in enumerate((*loops, *quick))]
        dispatcher.submit(tickets)
        await until(lambda: "quick 2" in done)
        late = _Looping("late", 0, done).ticket("client 1")
        dispatcher.submit([late])
        await until(lambda: all(ticket.done for ticket in (*tickets, late)))
    assert done[:5] == ["loop a", "loop b", "quick 0", "quick 1", "quick 2"]
    assert done.index("late") <= 6
    assert sorted(done[5:]) == ["late", *["loop a"] * 2, *["loop b"] * 2]


async def test_what_is_put_off_counts_as_waiting_and_can_be_dropped() -> None:
    done: list[str] = []
    backend = FakeBackend(delay_s=0.05)
    async with started(backend, slots=1, max_queued=2, max_batch_items=2) as dispatcher:
        looping, other = _Looping("loop", 1, done).ticket(), Ticket(run(), nobody)
        dispatcher.submit([looping, other])
        await until(lambda: other.hold is not None)
        assert dispatcher.queued == 1
        with pytest.raises(Overloaded):
            dispatcher.submit([Ticket(run(), nobody) for _ in range(2)])
        dispatcher.drop(looping)
        assert dispatcher.queued == 0
        await until(lambda: other.done)
    assert done == ["loop"]


async def test_what_is_put_off_ends_with_the_server() -> None:
    async with started(FakeBackend(delay_s=60), slots=1, drain_s=0) as dispatcher:
        looping, other = _Looping("loop", 1, []).ticket(), Ticket(run(), nobody)
        dispatcher.submit([looping, other])
        await until(lambda: other.hold is not None)
    assert isinstance(looping.error, SandboxLost)
    assert isinstance(other.error, SandboxLost)


class _SkippingLoop(asyncio.SelectorEventLoop):
    """Time that passes at once where nothing is to be done before it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        selector: Any = vars(self)["_selector"]
        select = selector.select

        def skip(timeout: float | None) -> Any:
            ready = select(0)
            if not ready and timeout:
                self.now += timeout
            return ready

        selector.select = skip

    def time(self) -> float:
        return self.now


@pytest.mark.parametrize(("takes_s", "idle_s"), [(0.5, 0.0), (0.5, 900.0), (20.0, 0.0)])
@pytest.mark.parametrize("clients", [1, 3])
def test_retry_after_is_honest(monkeypatch: pytest.MonkeyPatch, takes_s: float, idle_s: float, clients: int) -> None:
    """Who comes back then gets in, and could not have come much sooner: also after hours in which nothing was asked."""
    loop = _SkippingLoop()
    monkeypatch.setattr(time, "monotonic", loop.time)
    most = 30

    async def attempt() -> tuple[float, float]:
        settings = {"slots": 2, "max_queued": most * clients, "max_batch_items": 1}
        async with started(FakeBackend(delay_s=takes_s), **settings, slot_age_s=1e9, drain_s=1e6) as dispatcher:
            own = [Client(f"{number}", most, 99) for number in range(clients)]
            await asyncio.gather(*(dispatcher.run(run()) for _ in range(8)))
            await asyncio.sleep(idle_s)
            for client in own:
                dispatcher.submit([Ticket(run(), nobody, Lane(client.name, "b")) for _ in range(most)], client=client)
            batch = [Ticket(run(), nobody, Lane("0", "c")) for _ in range(20)]
            await asyncio.sleep(takes_s / 2)
            with pytest.raises(Overloaded) as caught:
                dispatcher.submit(batch, client=own[0])
            told, began = caught.value.retry_after_s, loop.now
            while True:
                try:
                    dispatcher.submit(batch, client=own[0])
                except Overloaded:
                    await asyncio.sleep(takes_s / 10)
                else:
                    return told, loop.now - began

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        told, true = runner.run(attempt())
    assert 0.7 * true <= told <= 1.5 * true
