"""A submission's process from start to end, however it is driven."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from reward_server.runner import oom, processes, supervision
from reward_server.runner.rows import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reward_server.runner.cell import Cell
    from reward_server.runner.rows import Job

FIRST_CHECK_S = 0.05
DRAIN_S = 20.0
EXIT_S = 1.0
SHOWN_BYTES = 128 << 20
"""What one job may show of all its tests. Without a bound its answer fills the container and ends this process."""


class Submission:
    """A submission's process from start to end."""

    def __init__(
        self, cell: Cell, job: Job, role: str, channel: int, stdin: int | None = None, more: Sequence[int] = ()
    ) -> None:
        """Start it. Its descriptors: standard streams, `channel`, the payload, `more`."""
        self.cell, self.limits = cell, job.limits
        cell.submission_zygote(role)  # which may take a second to start: not of the submission's time
        self.loop = supervision.Loop()
        self.ending: str | None = None
        self.exited = False
        payload = job.part(0)
        out, out_end = os.pipe2(os.O_CLOEXEC)
        err, err_end = os.pipe2(os.O_CLOEXEC)
        for end in (out_end, err_end):
            os.fchmod(end, 0o666)  # or /dev/stdout could not be opened by name
        try:
            self.child = cell.spawn_submission(
                role, [cell.null if stdin is None else stdin, out_end, err_end, channel, payload, *more], job.limits
            )
        finally:
            supervision.close_quietly(payload, out_end, err_end)
        shown = job.limits["output_bytes"]
        self.stdout = supervision.Pump(self.loop, out, shown, decisive=role == "program")
        self.stderr = supervision.Pump(self.loop, err, shown, decisive=False)
        shared_bytes = cell.submission_zygote(role).resident_bytes
        self.meter = supervision.Meter(job.limits, cell.population, shared_bytes, cell.uid)
        self.next_check = time.monotonic() + FIRST_CHECK_S
        self.loop.add(self.child.descriptor, self._on_exit)

    @property
    def main_pid(self) -> int:
        """Of the submission itself: the first process of its namespace, where it has one, only waits for it."""
        return self.child.pid if self.cell.by_uid else processes.first_child(self.child.pid) or self.child.pid

    def _on_exit(self) -> None:
        self._note_exit()
        if self.cell.by_uid:  # what it started ends with it, or could hold its channel and answer with silence
            self.cell.kill_submission()

    def _note_exit(self) -> None:
        self.exited = True
        self.loop.remove(self.child.descriptor)

    def begin(self) -> None:
        """Begin the next test where the meter has looked last: what was used since then is of this one."""
        self.meter.begin(self.meter.cpu_s, self.meter.delay_s)
        self.next_check = time.monotonic() + FIRST_CHECK_S

    def step(self) -> None:
        """Wait for something to happen; end the submission where a limit says so."""
        self.loop.step(max(0.0, self.next_check - time.monotonic()))
        self.meter.stalled_s = self.loop.stalled_s
        if self.ending is not None or self.exited:
            return
        if self.stdout.over:
            self.end("output")
        elif time.monotonic() >= self.next_check:
            self.meter.sample()
            self.before_check()
            ending, wait_s = self.meter.check()
            self.next_check = time.monotonic() + wait_s
            if ending is not None:
                self.end(ending)

    def wait_for_exit(self) -> None:
        """It closed its channel, so that it should be ending: in a pid namespace it takes a moment to be told how."""
        deadline = time.monotonic() + EXIT_S
        while not self.exited and time.monotonic() < deadline:
            self.loop.step(deadline - time.monotonic())

    def before_check(self) -> None:
        """Overridden where intervals are begun by someone else. The meter has just sampled."""

    def end(self, ending: str) -> None:
        self.ending = ending
        self.cell.kill_submission()

    def finish(self) -> Row:
        """Kill what is left, drain, reap. Returns how the process ended, what it used and printed. Raises: Broken."""
        ended_by_itself = self.exited and self.ending is None
        if not self.exited:
            self.cell.kill_submission()
            self._note_exit()
        usage = self.reap()
        processes.reap_orphans()
        self.drain()
        if self.ending is None and self.stdout.over:
            self.ending = "output"
        if not self.child.contained:
            return Row("lost", message=self.child.uncontained_because)
        status = usage["status"]
        cpu_s = max(usage["cpu_s"], self.meter.cpu_s)
        row = Row(
            "signaled" if os.WIFSIGNALED(status) else "exited",
            os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
            cpu_s,
            max(0.0, time.monotonic() - self.meter.clock_at_begin - self.meter.delay_s),
            max(usage["memory_bytes"], self.meter.peak_bytes),
        )
        used_s = cpu_s - self.meter.cpu_at_begin
        if self.ending == "lost":
            row.ending, row.message = "lost", "the machine is too busy to judge"
        elif used_s > self.limits["cpu_s"] or (status & 0x7F) == signal.SIGXCPU:
            row.ending = "cpu"
        elif self.ending in ("cpu", "wall"):
            row.ending = self.ending
        elif self.ending == "memory" or row.memory_bytes > self.limits["memory_bytes"]:
            row.ending = "memory"
        elif self.ending == "output":
            row.ending = "output"
        elif ended_by_itself and (row.ending, row.code) == ("signaled", signal.SIGKILL):
            self.blame_for_kill(row)
        self.show(row)
        return row

    def show(self, row: Row) -> None:
        """Give a test what was printed in it, as long as the job has room for that."""
        row.stdout, row.stderr = self.stdout.take(), self.stderr.take()
        self.cell.shown_bytes += len(row.value) + (len(row.stdout) if self.stdout.decisive else 0)
        if self.cell.shown_bytes > SHOWN_BYTES:
            row.stdout = row.value = b""
            row.ending = "lost" if row.ending == "lost" else "output"
        if not self.stdout.decisive:
            row.stdout = self.cut(row.stdout)
        row.stderr = self.cut(row.stderr)

    def cut(self, text: bytes) -> bytes:
        """Show what decides nothing only while it takes no room from what does."""
        if self.cell.shown_bytes + len(text) > SHOWN_BYTES // 2:
            return b""
        self.cell.shown_bytes += len(text)
        return text

    def drain(self) -> None:
        """Take what lies in its pipes. Raises: Broken when something of it does not end.

        Nothing is added once all its processes are gone, but a pipe may stay open: in flight over a socket.
        """
        deadline = time.monotonic() + DRAIN_S
        gone = False
        while True:
            self.stdout.drain_now()
            self.stderr.drain_now()
            if gone or not (self.stdout.open or self.stderr.open):
                return
            if time.monotonic() > deadline:
                raise processes.Broken("a process of the submission did not end when it was killed")
            gone = self.cell.submission_is_gone()
            if not gone:
                self.loop.step(0.01)

    def reap(self) -> dict[str, Any]:
        """Wait for its end, which must be near, and note whether it had children. Raises: Broken."""
        if self.cell.by_uid:
            has_waited = processes.standing(self.child.pid)[2] > 0
            self.cell.had_children |= has_waited or len(self.meter.seconds) > 1
        else:  # the child is the first process of a namespace, and has waited for the submission in any case
            self.cell.had_children |= len(self.meter.seconds) > 2
        usage = self.child.reap()
        self.cell.used_s += max(usage["cpu_s"], self.meter.cpu_s)
        return usage

    def blame_for_kill(self, row: Row) -> None:
        """Who filled the memory, if the kernel sent this SIGKILL? As far as was measured, not the submission.

        A container has room beside what a submission may use. If it was full all the same, and not of the judge, then
        the submission was faster than the measuring.
        """
        killed_in = self.cell.killed_in()
        if killed_in == "group":
            row.ending = "memory"
        elif killed_in is not None:
            row.ending, row.message = "lost", oom.FULL

    def close(self) -> None:
        self.stdout.close()
        self.stderr.close()
