"""A SIGKILL by the kernel for want of memory is nobody's verdict."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from reward_server.runner import oom, processes
from reward_server.runner.submission import Submission

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = {"cpu_s": 1.0, "memory_bytes": 64 << 20}


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "vmstat"
    path.write_text("nr_free_pages 7\noom_kill 2\n")
    monkeypatch.setattr(oom, "COUNTERS", path)
    return path


def ended_by(number: int, *, memory_bytes: int, kills: oom.KernelKills, ending: str | None = None) -> Submission:
    """A submission that a signal has ended, as it stands before `finish`."""
    submission = Submission.__new__(Submission)
    closed = SimpleNamespace(open=False, over=False, take=lambda: b"")
    usage = {"status": number, "cpu_s": 0.1, "memory_bytes": memory_bytes}
    submission.__dict__.update(
        cell=SimpleNamespace(by_uid=False, kernel_kills=kills),
        child=SimpleNamespace(reap=lambda: usage, contained=True),
        meter=SimpleNamespace(cpu_s=0.1, cpu_at_begin=0.0, clock_at_begin=0.0, delay_s=0.0, peak_bytes=0),
        limits=LIMITS,
        stdout=closed,
        stderr=closed,
        ending=ending,
        exited=True,
    )
    return submission


def test_kills_are_counted_since_the_last_question(counter: Path) -> None:
    kills = oom.KernelKills()
    assert not kills.happened()
    counter.write_text("nr_free_pages 7\noom_kill 3\n")
    assert kills.happened()
    assert not kills.happened()


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
