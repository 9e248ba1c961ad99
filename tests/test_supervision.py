"""Each limit is measured on its own: what another one would end a little later does not hide it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.runner import processes, sharing, supervision
from reward_server.runner.cell import Cell
from reward_server.runner.submission import Submission
from reward_server.runner.supervision import Meter
from tests.test_oom import ended_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIMITS = {"cpu_s": 1.0, "wall_s": 2.0, "cap_s": 40.0, "memory_bytes": 100 << 20}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is seen of a submission of two processes, 7 and 8, of the machine, and what the clock says.

    `delay` is by process, or by process and thread. `reaped`: seconds and page faults of what a process waited for.
    """
    seen: dict[str, Any] = {"cpu": {}, "delay": {}, "bytes": {}, "reaped": {}, "ready": set()}
    seen |= {"now": 0.0, "inodes": 0, "idle": 0.0, "stolen": 0.0}

    def threads(pid: int) -> list[int]:
        return [which[1] for which in seen["delay"] if isinstance(which, tuple) and which[0] == pid] or [pid]

    def schedule(pid: int, thread: int) -> tuple[int, int, int]:
        waited_s = seen["delay"].get((pid, thread), seen["delay"].get(pid, 0.0))
        return int(1e9 * seen["cpu"].get(pid, 0.0)), int(1e9 * waited_s), 1

    monkeypatch.setattr(processes, "clock", lambda pid: seen["cpu"].get(pid, 0.0))
    monkeypatch.setattr(processes, "threads", threads)
    monkeypatch.setattr(processes, "schedule", schedule)
    monkeypatch.setattr(processes, "is_ready", lambda pid, _: pid in seen["ready"])
    monkeypatch.setattr(processes, "idle_and_stolen", lambda _: (seen["idle"], seen["stolen"]))
    monkeypatch.setattr(
        processes, "standing", lambda pid: (seen["bytes"].get(pid, 0), *seen["reaped"].get(pid, (0.0, 0)))
    )
    monkeypatch.setattr("reward_server.runner.supervision.time.monotonic", lambda: seen["now"])
    monkeypatch.setattr(
        sharing, "held_together", lambda held, *_: seen["together"].pop(0) if "together" in seen else sum(held.values())
    )
    monkeypatch.setattr(supervision, "held_inodes", lambda _: seen["inodes"])
    return seen


def ending(meter: Meter) -> str | None:
    meter.sample()
    return meter.check()[0]


@pytest.mark.parametrize(
    ("what", "due"),
    [
        ({}, None),
        ({"cpu": {7: 0.6}, "now": 1.9}, None),
        ({"cpu": {7: 1.1}}, "cpu"),
        ({"cpu": {7: 0.6, 8: 0.6}}, "cpu"),
        ({"cpu": {7: 0.6}, "reaped": {7: (0.6, 9)}}, "cpu"),
        ({"now": 2.1}, "wall"),
        ({"now": 30.0, "delay": {7: 29.0}}, None),
        ({"now": 30.0, "delay": {7: 20.0, 8: 9.0}}, None),
        ({"now": 30.0, "delay": {(7, 7): 0.0, (7, 9): 29.0}}, None),
        ({"now": 30.0, "delay": {7: 20.0}}, "wall"),
        ({"now": 41.0, "delay": {7: 40.0}}, "lost"),
        ({"bytes": {7: 101 << 20}}, "memory"),
        ({"bytes": {7: 60 << 20, 8: 60 << 20}}, "memory"),
        ({"inodes": 20_001}, "memory"),
    ],
    ids=str,
)
def test_a_limit_is_due_when_it_is_passed(machine: dict[str, Any], what: dict[str, Any], due: str | None) -> None:
    meter = Meter(LIMITS, lambda: {7, 8}, 0)
    machine.update(what)
    assert ending(meter) == due


def test_what_ended_processes_used_still_counts(machine: dict[str, Any]) -> None:
    alive = {7, 8}
    meter = Meter(LIMITS, lambda: alive, 0)
    machine["cpu"] = {7: 0.6, 8: 0.6}
    meter.sample()
    alive.remove(8)
    machine["cpu"] = {7: 0.6}
    assert ending(meter) == "cpu"


@pytest.mark.parametrize(
    ("held", "together", "due"),
    [
        ({7: 60, 8: 60}, [70], None),
        ({7: 60, 8: 60}, [110, 110], "memory"),
        ({7: 60, 8: 60}, [110, 90], None),  # a process ended while it was looked at
        ({7: 101, 8: 1}, [], "memory"),
        ({7: 50, 8: 50}, [], None),
    ],
    ids=str,
)
def test_where_the_sum_is_too_much_what_is_shared_is_asked_for(
    machine: dict[str, Any], held: dict[int, int], together: list[int], due: str | None
) -> None:
    meter = Meter(LIMITS, lambda: {7, 8}, 0)
    machine.update(bytes={pid: size << 20 for pid, size in held.items()}, together=[size << 20 for size in together])
    assert (ending(meter), machine["together"]) == (due, [])


def test_what_is_shared_is_asked_for_half_of_the_time_at_most(
    machine: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look at 64 processes of 1 GB each takes 0.6 s, of the processor that they are waiting for."""
    asked_at: list[float] = []

    def look(*_: object) -> int:
        asked_at.append(machine["now"])
        machine["now"] += 0.6
        return 0

    monkeypatch.setattr(sharing, "held_together", look)
    meter = Meter(LIMITS, lambda: {7, 8}, 0)
    machine["bytes"] = {7: 60 << 20, 8: 60 << 20}
    for _ in range(20):
        later(machine, 0.1)
        meter.sample()
    assert asked_at == pytest.approx([0.1, 1.3, 2.5, 3.7])


def later(machine: dict[str, Any], by_s: float, **seen: Any) -> None:
    machine.update(seen, now=machine["now"] + by_s)


def test_own_threads_that_wait_for_each_other_make_no_time(machine: dict[str, Any]) -> None:
    """Eight that run in turns wait 0.7 s each while the processor is never anybody else's, and then sleep."""
    meter = Meter(LIMITS, lambda: {7, 8}, 0)
    meter.sample()
    for round_number in range(1, 11):
        waited_s = 0.09 * round_number
        later(machine, 0.25, idle=0.15 * round_number, cpu={7: 0.05 * round_number, 8: 0.05 * round_number})
        machine["delay"] = {(7, thread): waited_s for thread in range(8)}
        due = ending(meter)
    assert (due, machine["now"]) == ("wall", 2.5)


def test_what_a_child_waited_goes_with_it_and_is_not_charged(machine: dict[str, Any]) -> None:
    """Each look finds another child; of the 0.2 s between two, none ran for 0.17, and the processor was busy."""
    meter = Meter(LIMITS, lambda: {7}, 0)
    for count in range(1, 31):
        later(machine, 0.2, reaped={7: (0.03 * count, 100 * count)})
        assert ending(meter) is None


def test_children_whose_end_is_ignored_make_no_time(machine: dict[str, Any]) -> None:
    """What these used is in no account, and could not be told from what others used."""
    pids = [7, 100]
    meter = Meter(LIMITS, lambda: set(pids), 0)
    seen: list[str | None] = []
    while not seen or seen[-1] is None:
        pids[1] += 1
        later(machine, 0.2)
        seen.append(ending(meter))
    assert (seen[-1], len(seen)) == ("wall", 11)


def test_a_wait_that_has_not_ended_is_not_charged(machine: dict[str, Any]) -> None:
    """The kernel counts a wait for a processor when it is over. At the limit it may be what is missing."""
    meter = Meter(LIMITS, lambda: {7}, 0)
    later(machine, 1.8, cpu={7: 0.1})
    assert ending(meter) is None
    later(machine, 3.0, ready={7})
    assert ending(meter) is None
    later(machine, 0.01, delay={7: 2.9}, cpu={7: 0.11})
    assert ending(meter) is None
    later(machine, 0.5, ready=set())
    assert ending(meter) == "wall"


def test_what_runs_all_the_time_does_not_wait(machine: dict[str, Any]) -> None:
    meter = Meter(LIMITS | {"cpu_s": 9.0}, lambda: {7}, 0)
    machine["ready"] = {7}
    for count in range(1, 11):
        later(machine, 0.25, cpu={7: 0.25 * count})
        due = ending(meter)
    assert due == "wall"


def test_time_that_the_host_took_is_not_charged(machine: dict[str, Any]) -> None:
    meter = Meter(LIMITS, lambda: {7}, 0)
    for count in range(1, 12):
        later(machine, 0.25, stolen=0.2 * count)
        assert ending(meter) is None


def test_a_glance_reads_the_clock_of_what_it_knows_and_soon_finds_what_it_does_not(machine: dict[str, Any]) -> None:
    """A test of microseconds does not pay for a look at all processes; one that starts others is charged for them."""
    alive = {7}
    meter = Meter(LIMITS, lambda: alive, 0)
    machine["now"] = 1.0
    meter.glance()
    alive.add(8)
    machine["cpu"] = {7: 0.001, 8: 0.5}
    meter.glance()
    assert meter.cpu_s == 0.001
    machine["now"] = 1.0 + 2 * supervision.GLANCE_S
    meter.glance()
    assert meter.cpu_s == 0.501


def test_what_is_used_between_two_tests_is_of_the_next(machine: dict[str, Any]) -> None:
    """A thread that goes on while nobody asks anything of it has no time of its own. Red with a look at each begin."""
    submission = Submission.__new__(Submission)
    submission.meter = Meter(LIMITS, lambda: {7}, 0)
    for now, used_s in ((1.0, 0.5), (2.0, 0.7)):
        machine["now"], machine["cpu"] = now, {7: used_s}
        submission.meter.glance()
        machine["cpu"] = {7: used_s + 0.1}
        submission.begin()
        submission.meter.glance()
        assert submission.meter.cpu_s - submission.meter.cpu_at_begin == pytest.approx(0.1)


def test_a_process_that_was_not_contained_is_our_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it printed or returned before is nothing that may be judged."""
    monkeypatch.setattr(processes, "reap_orphans", lambda: None)
    submission = ended_by(0, memory_bytes=1 << 20, kills=None)  # type: ignore[arg-type]
    submission.child.contained = False  # type: ignore[misc]
    submission.child.uncontained_because = "no user id"  # type: ignore[misc]
    assert submission.finish().ending == "lost"


@pytest.mark.parametrize(
    ("alive", "state", "said"),
    [(set(), (0, 1), None), ({7}, (0, 1), "processes"), (set(), (1, 1), "empty"), (set(), (0, 2), "empty")],
    ids=["clean", "process", "blocks", "inodes"],
)
def test_a_slot_is_clean_when_nothing_is_left_and_not_otherwise(
    monkeypatch: pytest.MonkeyPatch, alive: set[int], state: tuple[int, int], said: str | None
) -> None:
    """Whatever was done against it before: this is the proof that it worked."""
    cell = Cell.__new__(Cell)
    cell.population = lambda: alive  # type: ignore[method-assign]
    cell.folders, cell.clean_state = ("/box",), [(0, 1)]  # type: ignore[assignment]
    monkeypatch.setattr("reward_server.runner.cell.state_of", lambda _: state)
    found = cell.unclean()
    assert found is None if said is None else said in str(found)


def test_the_pipe_of_a_submission_is_kept_to_its_limit_only() -> None:
    reader, writer = os.pipe()
    pump = supervision.Pump(supervision.Loop(), reader, 10, decisive=True)
    os.write(writer, bytes(11))
    pump.drain()
    os.close(writer)
    assert (pump.over, len(pump.take())) == (True, 10)
    pump.close()


def test_of_output_that_decides_nothing_the_end_is_kept() -> None:
    reader, writer = os.pipe()
    pump = supervision.Pump(supervision.Loop(), reader, 10, decisive=False)
    for piece in (b"first", b"second", b"x" * 30 + b"last"):
        os.write(writer, piece)
        pump.drain()
    assert (pump.over, bytes(pump.kept)) == (False, b"xxxxxxlast")
    pump.close()
    os.close(writer)


def test_draining_ends_while_somebody_prints() -> None:
    reader, writer = os.pipe()
    pump = supervision.Pump(supervision.Loop(), reader, 10, decisive=False)
    drain, drained = pump.drain, 0

    def print_more() -> None:
        nonlocal drained
        drained += 1
        assert drained < 10
        drain()
        os.write(writer, b"more")

    pump.drain = print_more  # type: ignore[method-assign]
    os.write(writer, b"some")
    pump.drain_now()
    pump.close()
    os.close(writer)


@pytest.fixture
def feeds(tmp_path: Path) -> Iterator[Callable[[bytes], supervision.Feed]]:
    """Makes feeds of a text that lies between others."""
    made = []

    def feed(text: bytes) -> supervision.Feed:
        (tmp_path / "body").write_bytes(b"before" + text + b"after")
        body = os.open(tmp_path / "body", os.O_RDONLY)
        made.append((supervision.Feed(body, len("before"), len(text)), body))
        return made[-1][0]

    yield feed
    for each, body in made:
        each.close()
        supervision.close_quietly(each.reader, body)


@pytest.mark.parametrize("size", [0, 1, 1 << 16, (1 << 16) + 1, 1 << 20])
def test_input_that_fits_into_the_pipe_is_written_at_once(
    feeds: Callable[[bytes], supervision.Feed], size: int
) -> None:
    feed = feeds(b"x" * size)
    assert not feed.open
    with open(feed.reader, "rb", closefd=False) as reader:
        assert reader.read() == b"x" * size


def test_input_is_written_without_waiting_for_its_reader(
    feeds: Callable[[bytes], supervision.Feed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision.Feed, "pour", lambda _: None)
    assert not os.get_blocking(feeds(b"").writer)


def test_a_long_input_arrives_whole(feeds: Callable[[bytes], supervision.Feed]) -> None:
    text, loop = os.urandom(3 << 20), supervision.Loop()
    feed = feeds(text)
    assert feed.open
    feed.follow(loop)
    read = b""
    while piece := os.read(feed.reader, 300_000):
        read += piece
        loop.step(0.0)
    assert read == text
    assert not feed.open


def test_nothing_is_written_once_nobody_reads(feeds: Callable[[bytes], supervision.Feed]) -> None:
    feed, loop = feeds(bytes(3 << 20)), supervision.Loop()
    feed.follow(loop)
    os.close(feed.reader)
    feed.reader = -1
    loop.step(1.0)
    assert not feed.open
    assert feed.writer not in loop.handlers


def test_a_standstill_counts_whole_however_long_this_process_waited_before(machine: dict[str, Any]) -> None:
    """Red when the waits of all steps before were taken off it: `wall_timeout` after a pause of a busy machine."""

    class Poll:
        def __init__(self, took_s: float, waited_s: float) -> None:
            self.took_s, self.waited_s = took_s, waited_s

        def poll(self, _: int) -> list[tuple[int, int]]:
            machine["now"] += self.took_s
            machine["delay"][os.getpid()] = machine["delay"].get(os.getpid(), 0.0) + self.waited_s
            return []

    loop: Any = supervision.Loop()
    loop.poll = Poll(took_s=0.04, waited_s=0.04)
    for _ in range(50):
        loop.step(0.25)
    assert loop.stalled_s == 0.0
    loop.poll = Poll(took_s=2.35, waited_s=0.1)
    loop.step(0.25)
    assert loop.stalled_s == pytest.approx(2.0, abs=supervision.OWN_READ_S)


def test_every_thread_of_a_process_is_seen() -> None:
    """What each waits for a processor is left out of the clock."""
    over = threading.Event()
    others = [threading.Thread(target=over.wait) for _ in range(2)]
    before = set(processes.threads(os.getpid()))
    for other in others:
        other.start()
    try:
        seen = set(processes.threads(os.getpid()))
    finally:
        over.set()
        for other in others:
            other.join()
    assert seen - before == {other.native_id for other in others}
    assert os.getpid() in before
