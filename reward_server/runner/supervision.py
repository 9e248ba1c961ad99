"""Watches one contained submission: drains what it prints, measures what it uses, ends it at its limits."""

from __future__ import annotations

import contextlib
import fcntl
import math
import mmap
import os
import select
import time
from typing import TYPE_CHECKING, Any

from reward_server.runner import containment, processes, sharing
from reward_server.runner.delays import Delays
from reward_server.runner.server import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSORS = os.cpu_count() or 1
SHORTEST_TICK_S, LONGEST_TICK_S = 0.01, 0.1
LATE_S = 0.05
"""A wait that ends so much too late was not ended by its timer."""
OWN_READ_S = 0.25
"""For so long this process's own waits are not read again; those just before a standstill are taken off it as well."""
GLANCE_S = 0.005
"""For so long after a look at all processes, only the clocks of those that were seen then are read."""
PIPE_BYTES, LARGE_PIPE_BYTES = 1 << 16, 1 << 20
"""The default capacity of a pipe, and the most that an unprivileged process may set. Submissions cannot change it."""
MAX_INODES = 20_000
"""Files and folders that one submission may leave lying about at once."""


class Loop:
    """A poll loop: descriptors and what to do when they can be read."""

    def __init__(self) -> None:
        self.poll = select.poll()
        self.handlers: dict[int, Callable[[], None]] = {}
        self.stalled_s = 0.0
        """Seconds in which this process, and so everyone here, stood still: the machine was paused, not busy."""
        self.own_delay_s, self.own_read_at = processes.run_delay(os.getpid()), time.monotonic()
        if SERVER.channel is not None:
            self.handlers[SERVER.channel.fileno()] = SERVER.leave
            self.poll.register(SERVER.channel.fileno(), select.POLLRDHUP)

    def add(self, descriptor: int, handler: Callable[[], None], events: int = select.POLLIN) -> None:
        self.handlers[descriptor] = handler
        self.poll.register(descriptor, events)

    def remove(self, descriptor: int) -> None:
        if self.handlers.pop(descriptor, None):
            self.poll.unregister(descriptor)

    def step(self, timeout_s: float) -> None:
        began = time.monotonic()
        if began - self.own_read_at > OWN_READ_S:
            self.own_delay_s, self.own_read_at = processes.run_delay(os.getpid()), began
        ready = self.poll.poll(max(0, int(timeout_s * 1000) + 1))
        now = time.monotonic()
        SERVER.sign(now)
        late_s = now - began - max(0.0, timeout_s)
        if late_s > LATE_S:
            self.stalled_s += max(0.0, late_s - (processes.run_delay(os.getpid()) - self.own_delay_s))
            self.own_read_at = -math.inf
        for descriptor, _ in ready:
            handler = self.handlers.get(descriptor)
            if handler is not None:
                handler()


class Feed:
    """Writes a part of a memory file to a pipe as fast as the submission reads it."""

    def __init__(self, body: int, start: int, size: int) -> None:
        """Write what fits. The caller passes `reader` to the submission and closes it."""
        self.body, self.at, self.end = body, start, start + size
        self.loop: Loop | None = None
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.fchmod(self.reader, 0o666)  # or /dev/stdin could not be opened by name
        os.set_blocking(self.writer, False)
        self.open = True
        if size > PIPE_BYTES:
            with contextlib.suppress(OSError):  # the user has many large pipes; a small one works too
                fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, min(size, LARGE_PIPE_BYTES))
        self.pour()

    def pour(self) -> None:
        """Write until the pipe is full, all is written, or the submission has closed its end."""
        try:
            while self.at < self.end:
                piece = os.pread(self.body, min(self.end - self.at, PIPE_BYTES), self.at)
                self.at += os.write(self.writer, piece)
        except BlockingIOError:
            return
        except BrokenPipeError:
            pass
        self.close()

    def follow(self, loop: Loop) -> None:
        """Write the rest whenever the pipe has room."""
        if self.open:
            self.loop = loop
            loop.add(self.writer, self.pour, select.POLLOUT)

    def close(self) -> None:
        if self.open:
            self.open = False
            if self.loop is not None:
                self.loop.remove(self.writer)
            os.close(self.writer)


class Pump:
    """Drains one pipe for as long as it is open; keeps at most `limit` bytes.

    `decisive`: writing more exceeds the limit. Otherwise the first bytes are dropped: an error message comes last.
    """

    def __init__(self, loop: Loop, descriptor: int, limit: int, *, decisive: bool) -> None:
        self.loop, self.descriptor, self.limit, self.decisive = loop, descriptor, limit, decisive
        self.kept = bytearray()
        self.over = False
        self.open = True
        os.set_blocking(descriptor, False)
        loop.add(descriptor, self.drain)

    def drain(self) -> None:
        try:
            piece = os.read(self.descriptor, PIPE_BYTES)
        except BlockingIOError:
            return
        if not piece:
            self.close()
            return
        room = self.limit - len(self.kept)
        if self.decisive:
            self.over = self.over or len(piece) > room
            self.kept += piece[:room]
        else:
            self.kept += piece
            del self.kept[: max(0, len(piece) - room)]

    def drain_now(self) -> None:
        """Take what lies in the pipe, and its end, without waiting. No more, as a thread may print without end."""
        for _ in range(2):
            if not self.open or not select.select([self.descriptor], [], [], 0)[0]:
                return
            self.drain()

    def take(self) -> bytes:
        """What was kept since the last call; the limit counts anew."""
        taken = bytes(self.kept)
        self.kept.clear()
        return taken

    def close(self) -> None:
        if self.open:
            self.open = False
            self.loop.remove(self.descriptor)
            os.close(self.descriptor)


class Meter:
    """Measures the current interval (one test) of a submission against its limits.

    Processor time first; the clock, less the time in which it was held up, only bounds sleeping. `beside_s` is what the
    judge used in the interval, `beside_delay_s` how long the judge was held up.
    """

    def __init__(
        self, limits: dict[str, Any], population: Callable[[], set[int]], shared_bytes: int, uid: int | None = None
    ) -> None:
        """What is resident in the zygote is resident in each; `uid` is the submission's, if it has one of its own."""
        self.limits, self.population, self.shared_bytes, self.uid = limits, population, shared_bytes, uid
        self.seconds: dict[int, float] = {}
        self.reaped_s: dict[int, float] = {}
        """By process that is there, what those have used that it started and has waited for."""
        self.peak_bytes = 0
        self.weighed_until = 0.0
        self.beside_s = self.beside_delay_s = self.stalled_s = self.stalled_before_s = 0.0
        self.beside_unended_s: Callable[[], float] = float
        self.sampled_at = 0.0
        self.delays = Delays(time.monotonic())
        self.begin(0.0, 0.0)

    def begin(self, cpu_s: float, delay_s: float) -> None:
        """Begin an interval; both are what had been used by then."""
        self.cpu_at_begin, self.delay_at_begin, self.clock_at_begin = cpu_s, delay_s, time.monotonic()

    def glance(self) -> None:
        """Sample, or do the part of it that costs least, where little can have happened since."""
        if time.monotonic() - self.sampled_at > GLANCE_S:
            self.sample()
        for pid, known_s in self.seconds.items():
            self.seconds[pid] = max(known_s, processes.clock(pid))

    def sample(self) -> None:
        """Measure every process: processor time, time in which it was held up, memory."""
        # The clock first: what this process waits for a processor from here on is not of the submission's time.
        self.sampled_at = time.monotonic()
        alive = self.population()
        resident, faults = {}, {}
        self.reaped_s = {}
        for pid in alive:
            self.seconds[pid] = max(self.seconds.get(pid, 0.0), processes.clock(pid))
            resident[pid], self.reaped_s[pid], faults[pid] = processes.standing(pid)
        stalled_s, self.stalled_before_s = self.stalled_s - self.stalled_before_s, self.stalled_s
        self.delays.look(faults, self.cpu_s, self.sampled_at, stalled_s)
        self.peak_bytes = max(self.peak_bytes, self.held_bytes(resident))

    def held_bytes(self, resident: dict[int, int]) -> int:
        """What these processes hold together, of each of which so much is resident.

        To know it exactly takes 10 ms for each GB: only where it matters, and for no more than half of the time.
        """
        most = self.limits["memory_bytes"]
        if sum(resident.values()) <= most or len(resident) < 2 or max(resident.values()) > most:
            return sharing.discounted(resident, self.shared_bytes)
        if self.sampled_at < self.weighed_until:
            return 0
        began = time.monotonic()
        held = sharing.held_together(resident, self.shared_bytes, self.uid)
        if held > most:  # processes that end meanwhile leave their part to those that were not read yet
            held = min(held, sharing.held_together(resident, self.shared_bytes, self.uid))
        ended = time.monotonic()
        self.weighed_until = ended + (ended - began)
        return held

    @property
    def cpu_s(self) -> float:
        """Of all processes so far. One that is gone was seen, or was waited for by one that is there, or both."""
        gone_s = sum(used_s for pid, used_s in self.seconds.items() if pid not in self.reaped_s)
        return sum(self.seconds.values()) + max(0.0, sum(self.reaped_s.values()) - gone_s)

    def cpu_beside(self, pid: int) -> float:
        """Of all but that process, by the last sample."""
        return self.cpu_s - self.seconds.get(pid, 0.0)

    @property
    def delay_s(self) -> float:
        return self.delays.held_up_s

    def unended_s(self) -> float:
        """Bound the waits for a processor that have not ended yet."""
        return max(self.delays.unended_s(), self.beside_unended_s())

    def check(self) -> tuple[str | None, float]:
        """Returns the ending that is due by the last sample, if any, and the seconds until the next check."""
        cpu_s = self.cpu_s - self.cpu_at_begin + self.beside_s
        clock_s = self.sampled_at - self.clock_at_begin
        wall_s = clock_s - (self.delay_s - self.delay_at_begin) - self.beside_delay_s
        if cpu_s > self.limits["cpu_s"]:
            return "cpu", 0.0
        if wall_s > self.limits["wall_s"] and wall_s - self.unended_s() > self.limits["wall_s"]:
            return "wall", 0.0
        if clock_s > self.limits["cap_s"]:
            return "lost", 0.0  # so slow that it says more of this machine than of the submission
        if self.peak_bytes > self.limits["memory_bytes"]:
            return "memory", 0.0
        if any(held_inodes(path) > MAX_INODES for path in containment.WRITABLE):
            return "memory", 0.0
        left_s = min((self.limits["cpu_s"] - cpu_s) / PROCESSORS, self.limits["wall_s"] - wall_s)
        return None, min(max(left_s, SHORTEST_TICK_S), LONGEST_TICK_S)


def held_inodes(path: str) -> int:
    held = os.statvfs(path)
    return held.f_files - held.f_ffree


def shared_memory(size: int) -> tuple[int, mmap.mmap]:
    """A page that can be handed to another process. The caller closes the descriptor."""
    descriptor = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    # Who shortens it would end this process at its next look, by SIGBUS.
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptor, mmap.mmap(descriptor, size)


def close_quietly(*descriptors: int) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
