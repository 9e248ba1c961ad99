"""Whether the kernel has killed a process for want of memory: then a SIGKILL says nothing about who was killed."""

from __future__ import annotations

from pathlib import Path

COUNTERS = Path("/proc/vmstat")


class KernelKills:
    """Counts the machine's out-of-memory kills since it was last asked."""

    def __init__(self) -> None:
        self.known = self.count()

    @staticmethod
    def count() -> int:
        """All kills since boot; 0 where the kernel does not tell."""
        try:
            lines = COUNTERS.read_text(encoding="ascii").splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)

    def happened(self) -> bool:
        """True when there were any since the last call. A kill may be reported for the run after it: never missed."""
        before, self.known = self.known, self.count()
        return self.known > before
