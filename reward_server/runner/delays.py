"""How long processes were held up because others had the processor: what the clock of a submission leaves out.

The kernel tells for each thread that is still there how long it was ready to run and did not. Promises: what one thread
waited is left out whole; what several waited, no more than the time in which none of them ran and the processor was not
idle, so that nobody can make time by letting own threads wait for each other. A wait that has not ended yet is in no
count of the kernel's: `unended_s` bounds it.
"""

from __future__ import annotations

import os

from reward_server.runner import processes

LONG_S = 0.02
"""After so long a look also asks what the processors did."""


class Thread:
    """What was seen of one thread."""

    __slots__ = ("counts", "delay_s", "ran_after")

    def __init__(self, counts: tuple[int, ...], delay_s: float, ran_after: float) -> None:
        self.counts, self.delay_s = counts, delay_s
        self.ran_after = ran_after
        """A time after which it has run: the last look at which its counts were others."""


class Delays:
    """What a changing set of processes was held up, from one look to the next."""

    def __init__(self, now: float) -> None:
        self.held_up_s = self.before_s = 0.0
        """So far, and as it was at the look before the last one."""
        self.looked_at = now
        self.used_s = 0.0
        self.threads: dict[tuple[int, int], Thread] = {}
        self.faults: dict[int, int] = {}
        self.room_s = 0.0
        """In which others had the processor, and no wait was put there so far: one may be told long after it began."""
        self.last: tuple[float, float] | None = None

    def look(self, faults: dict[int, int], used_s: float, now: float, elsewhere_s: float = 0.0) -> None:
        """Count what happened since the last look.

        Given are the processes, each with the page faults of what it started and has waited for; the processor time of
        all so far; and the seconds since the last look in which the machine as a whole stood still.
        """
        seen = dict(seen for pid in faults for seen in self.look_at(pid, now))
        waited_s = sum(
            thread.delay_s - (self.threads[which].delay_s if which in self.threads else 0.0)
            for which, thread in seen.items()
        )
        # What a thread waited goes with it. Who ignores the end of its children gets nothing for them: what they used
        # is in no account either, and could not be told from what others used.
        gone = [each.ran_after for which, each in self.threads.items() if which not in seen and which[0] in faults]
        if any(count > self.faults.get(pid, 0) for pid, count in faults.items()):
            gone.append(self.looked_at)
        passed_s, stolen_s = now - self.looked_at, 0.0
        if gone or len(seen) > 1 or passed_s > LONG_S:
            idle_s, stolen_s = self.machine_since()
            self.room_s += max(0.0, passed_s - (used_s - self.used_s) - idle_s)
            if gone or len(seen) > 1:
                waited_s = min(max(waited_s, now - min(gone)) if gone else waited_s, self.room_s)
        self.room_s = max(0.0, self.room_s - waited_s)
        self.before_s = self.held_up_s
        self.held_up_s += waited_s + stolen_s + elsewhere_s
        self.threads, self.faults, self.used_s, self.looked_at = seen, faults, used_s, now

    def look_at(self, pid: int, now: float) -> list[tuple[tuple[int, int], Thread]]:
        seen = []
        for thread in processes.threads(pid):
            counts = processes.schedule(pid, thread)
            known = self.threads.get((pid, thread))
            ran_after = self.looked_at if known is None or known.counts != counts else known.ran_after
            seen.append(((pid, thread), Thread(counts, counts[1] / 1e9, ran_after)))
        return seen

    def machine_since(self) -> tuple[float, float]:
        """Seconds since the last call in which the processors had nothing to do, and were taken away by the host."""
        now = processes.idle_and_stolen(os.sched_getaffinity(0))
        last, self.last = self.last or now, now
        return now[0] - last[0], now[1] - last[1]

    def unended_s(self) -> float:
        """How long at most a thread has been waiting for a processor, of those that do so now."""
        waiting = [
            thread.ran_after
            for which, thread in self.threads.items()
            if processes.is_ready(*which) or processes.schedule(*which) != thread.counts  # it was until just now
        ]
        return self.looked_at - min(waiting) if waiting else 0.0
