"""Whom the kernel kills for want of memory, and whether it has: then a SIGKILL says nothing about who was killed."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import Final

from reward_server.runner.rows import Row, Seen

MACHINE: Final = Path("/proc/vmstat")
OWN_SCORE: Final = Path("/proc/self/oom_score_adj")
FIRST_OF_ALL, NEXT = 1000, 900
"""Of submissions, and of what stands around them: each step of ten is one in a hundred of all memory."""
GROUP: Final = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))
"""A container sees the counters of its own control group here (version 2, version 1)."""

FULL: Final = "the machine ran out of memory"
OWN_DOING: Final = frozenset({"cpu", "memory", "output", "lost"})
"""Endings that no killed child brings about."""
RAN_OUT: Final = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC})
"""Errors of a machine that lacks something."""
LOOK_S: Final = 0.5
"""A look at the counters takes 50 us, so short jobs share one: a kill so long before a job may be held against it."""


def be_killed_early(score: int) -> None:
    """Have the kernel end this sandbox, if memory runs out, rather than the server or a trainer beside it.

    Inherited by all that is in it. A submission may take it back, but not ask for less than what the server has.
    """
    OWN_SCORE.write_text(str(score), encoding="ascii")


class KernelKills:
    """Counts out-of-memory kills during a job: on the machine, and in a container's own control group."""

    def __init__(self) -> None:
        self.looked_at = -LOOK_S
        self.begin_job()

    def begin_job(self) -> None:
        """Leave out what was killed before."""
        now = time.monotonic()
        if now - self.looked_at >= LOOK_S:
            self.known, self.looked_at = self.count(), now

    @staticmethod
    def count() -> tuple[int, int | None]:
        """All kills since boot, and those of the group since it was made; None where there is none that tells."""
        return kills_in(MACHINE) or 0, next((told for told in map(kills_in, GROUP) if told is not None), None)

    def happened(self) -> str | None:
        """`group` where the kernel killed in the control group of this sandbox, else `machine` where on the machine.

        Who has a group that tells need not care about the machine: whoever was killed there is of another one.
        """
        (machine_before, group_before), self.known = self.known, self.count()
        machine, group = self.known
        if group is not None:
            return "group" if group > (group_before or 0) else None
        return "machine" if machine > machine_before else None


def instead(seen: Seen, killed_in: str | None) -> Seen:
    """What can be said of a submission that had children, one of which may be what the kernel killed there.

    It may have been told so, have waited for an answer for ever, or have come to another result.
    """
    if killed_in == "machine":  # whatever failed may be what was killed
        for row in seen.rows:
            row.name = "" if row.ending == "lost" else row.name
    ends = [row.ending for row in ([seen.failed_load] if seen.failed_load else seen.rows)]
    if killed_in == "machine" and not set(ends) <= OWN_DOING:
        return Seen([Row("lost", message=FULL)])
    if killed_in == "group":
        for row in [seen.failed_load] if seen.failed_load else seen.rows:
            if not row.good and row.ending not in OWN_DOING:
                row.ending = "memory"
    return seen


def is_shortage(error: Exception) -> bool:
    """Tell whether the machine lacked something, which no submission can be charged with."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in RAN_OUT)


def kills_in(counters: Path) -> int | None:
    """None where the kernel does not tell."""
    try:
        lines = counters.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
