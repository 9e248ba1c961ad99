"""Each limit is measured on its own: what another one would end a little later does not hide it."""

from __future__ import annotations

import os
from typing import Any

import pytest

from reward_server.runner import processes, supervision
from reward_server.runner.cell import Cell
from reward_server.runner.supervision import Meter
from tests.test_oom import ended_by

LIMITS = {"cpu_s": 1.0, "wall_s": 2.0, "cap_s": 40.0, "memory_bytes": 100 << 20}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is seen of a submission of two processes, 7 and 8, and what the clock says."""
    seen: dict[str, Any] = {"cpu": {}, "delay": {}, "bytes": {}, "now": 0.0, "inodes": 0}
    monkeypatch.setattr(processes, "clock", lambda pid: seen["cpu"].get(pid, 0.0))
    monkeypatch.setattr(processes, "run_delays", lambda pid: {pid: seen["delay"].get(pid, 0.0)})
    monkeypatch.setattr(processes, "resident_bytes", lambda pid: seen["bytes"].get(pid, 0))
    monkeypatch.setattr("reward_server.runner.supervision.time.monotonic", lambda: seen["now"])
    monkeypatch.setattr(supervision, "held_inodes", lambda _: seen["inodes"])
    return seen


@pytest.mark.parametrize(
    ("what", "ending"),
    [
        ({}, None),
        ({"cpu": {7: 0.6}, "now": 1.9}, None),
        ({"cpu": {7: 1.1}}, "cpu"),
        ({"cpu": {7: 0.6, 8: 0.6}}, "cpu"),
        ({"now": 2.1}, "wall"),
        ({"now": 30.0, "delay": {7: 29.0}}, None),
        ({"now": 41.0, "delay": {7: 40.0}}, "lost"),
        ({"bytes": {7: 101 << 20}}, "memory"),
        ({"bytes": {7: 60 << 20, 8: 60 << 20}}, "memory"),
        ({"inodes": 20_001}, "memory"),
    ],
    ids=str,
)
def test_a_limit_is_due_when_it_is_passed(machine: dict[str, Any], what: dict[str, Any], ending: str | None) -> None:
    meter = Meter(LIMITS, lambda: {7, 8}, 0)
    machine.update(what)
    assert meter.check()[0] == ending


def test_those_that_wait_one_after_another_wait_in_all_that_long(machine: dict[str, Any]) -> None:
    """A program that starts others and waits for each; what waits at the same time waits once."""
    meter = Meter(LIMITS, lambda: {7, 8}, 0)
    for now, delay in ((5.0, {7: 4.0, 8: 3.9}), (10.0, {7: 4.0, 8: 8.4})):
        machine.update(now=now, delay=delay)
        meter.sample()
    assert meter.delay_s == pytest.approx(8.5)
    machine["delay"] = {7: 4.0, 8: 100.0}
    machine["now"] = 11.0
    meter.sample()
    assert meter.delay_s == pytest.approx(10.5), "nobody waits for longer than the clock has gone"


def test_what_ended_processes_used_still_counts(machine: dict[str, Any]) -> None:
    alive = {7, 8}
    meter = Meter(LIMITS, lambda: alive, 0)
    machine["cpu"] = {7: 0.6, 8: 0.6}
    meter.sample()
    alive.remove(8)
    machine["cpu"] = {7: 0.6}
    assert meter.check()[0] == "cpu"


def test_a_glance_reads_the_clock_of_what_it_knows_and_soon_finds_what_it_does_not(machine: dict[str, Any]) -> None:
    """A test of microseconds does not pay for a look at all processes; one that starts others is charged for them."""
    alive = {7}
    meter = Meter(LIMITS, lambda: alive, 0)
    machine["now"] = 1.0
    meter.begin_now()
    alive.add(8)
    machine["cpu"] = {7: 0.001, 8: 0.5}
    meter.glance()
    assert meter.cpu_s == 0.001
    machine["now"] = 1.0 + 2 * supervision.GLANCE_S
    meter.glance()
    assert meter.cpu_s == 0.501


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
    pump = supervision.Pump(supervision.Loop(), reader, 10)
    os.write(writer, bytes(11))
    pump.drain()
    os.close(writer)
    assert (pump.over, len(pump.take())) == (True, 10)
    pump.close()


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
    assert loop.stalled_s == pytest.approx(2.0)
