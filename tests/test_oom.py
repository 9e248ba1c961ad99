"""A SIGKILL by the kernel for want of memory is nobody's verdict."""

from __future__ import annotations

import errno
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from reward_server.runner import oom, processes
from reward_server.runner.cell import Cell
from reward_server.runner.rows import Row, Seen
from reward_server.runner.submission import Submission

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = {"cpu_s": 1.0, "memory_bytes": 64 << 20}


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "vmstat"
    path.write_text("nr_free_pages 7\noom_kill 2\n")
    monkeypatch.setattr(oom, "MACHINE", path)
    monkeypatch.setattr(oom, "GROUP", ())
    return path


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "memory.events"
    path.write_text("low 0\noom 0\noom_kill 0\n")
    monkeypatch.setattr(oom, "GROUP", (tmp_path / "none", path))
    return path


def cell_of(kills: oom.KernelKills, judge_bytes: int) -> Cell:
    cell = Cell.__new__(Cell)
    cell.by_uid, cell.kernel_kills, cell.had_children = False, kills, False
    cell.shown_bytes, cell.used_s = 0, 0.0
    cell.judge_bytes = lambda: judge_bytes  # type: ignore[method-assign]
    return cell


def ended_by(number: int, *, memory_bytes: int, kills: oom.KernelKills, judge_bytes: int = 0) -> Submission:
    """A submission that a signal has ended, as it stands before `finish`."""
    submission = Submission.__new__(Submission)
    closed = SimpleNamespace(open=False, over=False, decisive=True, take=lambda: b"", drain_now=lambda: None)
    usage = {"status": number, "cpu_s": 0.1, "memory_bytes": memory_bytes}
    submission.__dict__.update(
        cell=cell_of(kills, judge_bytes),
        child=SimpleNamespace(pid=0, reap=lambda: usage, contained=True),
        meter=SimpleNamespace(seconds={}, cpu_s=0.1, cpu_at_begin=0.0, clock_at_begin=0.0, delay_s=0.0, peak_bytes=0),
        limits=LIMITS,
        stdout=closed,
        stderr=closed,
        ending=None,
        exited=True,
    )
    return submission


def test_kills_are_counted_since_the_last_question(counter: Path) -> None:
    kills = oom.KernelKills()
    assert not kills.happened()
    counter.write_text("nr_free_pages 7\noom_kill 3\n")
    assert kills.happened() == "machine"
    assert not kills.happened()


def test_a_kill_before_a_job_says_nothing_about_it(counter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Red when a slot kept what it knew from its start: one kill anywhere cost each slot a verdict, however late."""
    monkeypatch.setattr(oom, "LOOK_S", 0.0)
    kills = oom.KernelKills()
    counter.write_text("oom_kill 3\n")
    kills.begin_job()
    assert not kills.happened()
    counter.write_text("oom_kill 4\n")
    assert kills.happened() == "machine"


def test_a_kill_in_a_container_of_ones_own_is_told_apart(counter: Path, group: Path) -> None:
    kills = oom.KernelKills()
    counter.write_text("oom_kill 3\n")
    group.write_text("oom 1\noom_kill 1\noom_group_kill 0\n")
    assert kills.happened() == "group"
    assert not kills.happened()


def test_a_kill_elsewhere_is_nothing_to_a_container_whose_group_tells(counter: Path, group: Path) -> None:
    """Red where the machine's count is asked as well: a full container cost all others what they ran with children."""
    kills = oom.KernelKills()
    counter.write_text("oom_kill 3\n")
    assert group.exists()
    assert kills.happened() is None


def test_a_kernel_that_does_not_tell_has_killed_nothing(counter: Path) -> None:
    counter.unlink()
    assert not oom.KernelKills().happened()


@pytest.mark.parametrize(
    ("number", "memory_bytes", "killed", "ending"),
    [
        (signal.SIGKILL, 1 << 20, True, "lost"),
        (signal.SIGKILL, 1 << 20, False, "signaled"),  # it killed itself
        (signal.SIGSEGV, 1 << 20, True, "signaled"),
        (signal.SIGKILL, 65 << 20, True, "memory"),  # its own doing
    ],
)
def test_only_a_kill_for_want_of_memory_is_lost(
    counter: Path, monkeypatch: pytest.MonkeyPatch, number: int, memory_bytes: int, killed: bool, ending: str
) -> None:
    """Seen red: without the question in `finish` the first is a submission's own `signaled`."""
    monkeypatch.setattr(processes, "reap_orphans", lambda: None)
    submission = ended_by(number, memory_bytes=memory_bytes, kills=oom.KernelKills())
    if killed:
        counter.write_text("oom_kill 3\n")
    assert submission.finish().ending == ending


@pytest.mark.parametrize(("judge_bytes", "ending"), [(1 << 20, "memory"), (1 << 30, "lost")])
def test_a_full_container_is_the_submissions_doing_unless_the_judge_filled_it(
    counter: Path, group: Path, monkeypatch: pytest.MonkeyPatch, judge_bytes: int, ending: str
) -> None:
    monkeypatch.setattr(processes, "reap_orphans", lambda: None)
    submission = ended_by(signal.SIGKILL, memory_bytes=1 << 20, kills=oom.KernelKills(), judge_bytes=judge_bytes)
    counter.write_text("oom_kill 3\n")
    group.write_text("oom_kill 1\n")
    assert submission.finish().ending == ending


@pytest.mark.parametrize(
    ("killed_in", "endings", "then"),
    [
        (None, ["raised", "returned"], ["raised", "returned"]),
        ("machine", ["raised", "returned"], ["lost"]),
        ("machine", ["wall"], ["lost"]),  # a pool waits for ever for one of its processes
        ("machine", ["returned"], ["lost"]),  # with which value?
        ("machine", ["cpu", "memory", "output"], ["cpu", "memory", "output"]),
        ("group", ["raised", "returned", "cpu"], ["memory", "returned", "cpu"]),
        ("group", ["signaled"], ["memory"]),
        ("group", ["lost"], ["lost"]),
    ],
    ids=str,
)
def test_a_child_that_the_kernel_killed_says_nothing_for_its_parent(
    killed_in: str | None, endings: list[str], then: list[str]
) -> None:
    """Red where only a submission's own SIGKILL raised the question: what its child's death made of it was a 0."""
    assert [row.ending for row in oom.instead(Seen([Row(each) for each in endings]), killed_in).rows] == then
    failed = oom.instead(Seen(failed_load=Row("raised")), killed_in)
    assert [(row.ending) for row in [failed.failed_load, *failed.rows] if row is not None] == [
        {"machine": "lost", "group": "memory"}.get(killed_in or "", "raised")
    ]


@pytest.mark.parametrize(("killed_in", "cause"), [("machine", ""), ("group", "judge"), (None, "judge")])
def test_a_loss_while_the_machine_ran_out_of_memory_has_no_cause(killed_in: str | None, cause: str) -> None:
    """What failed may be what the kernel killed. In a container of its own nobody else fills the memory."""
    (row,) = oom.instead(Seen([Row("lost", message="it ended", name="judge")]), killed_in).rows
    assert (row.ending, row.name) == ("lost", cause)


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (OSError(errno.ENOSPC, "full"), True),
        (BlockingIOError(errno.EAGAIN, "no more processes"), True),
        (BrokenPipeError(errno.EPIPE, "gone"), False),
        (ValueError("not JSON"), False),
    ],
)
def test_what_a_machine_lacks_is_no_doing_of_a_submission(error: Exception, short: bool) -> None:
    assert oom.is_shortage(error) is short
