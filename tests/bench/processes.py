"""What a tree of processes has used, by /proc: CPU time, that of reaped children included, and memory."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    born_ticks: int
    own_s: float
    """By the process's clock, to the nanosecond: /proc counts ticks of 10 ms."""
    reaped_s: float
    """CPU time of children that ended and were waited for, and of theirs. It counts those that were killed, too."""
    depth: int = 0
    """Steps from the root of the tree."""


def tree(root: int, depth: int = 0) -> list[Process]:
    """A process and all its descendants, parents first. `depth`: that of the root."""
    children: dict[int, list[tuple[int, int, float, float]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                reaped_s = (int(fields[13]) + int(fields[14])) / TICKS_PER_S
                row = (int(entry.name), int(fields[19]), clock_s(int(entry.name)), reaped_s)
                children.setdefault(int(fields[1]), []).append(row)
    own = next((row, parent) for parent, rows in children.items() for row in rows if row[0] == root)
    found = [Process(own[0][0], own[1], *own[0][1:], depth)]
    for process in found:  # grows as it goes
        for pid, born_ticks, own_s, reaped_s in children.get(process.pid, ()):
            found.append(Process(pid, process.pid, born_ticks, own_s, reaped_s, process.depth + 1))
    return found


def clock_s(pid: int) -> float:
    """CPU seconds of all threads of a process, also of those that have ended. Raises: OSError."""
    return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) makes it


def memory_bytes(pids: list[int]) -> int | None:
    """The proportional set size of processes together; None where this user may not know."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            return None
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) << 10
    return total


def highest_bytes(pid: int) -> int:
    """The largest resident set that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) << 10
