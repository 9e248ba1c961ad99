"""Runs jobs of kind `call`: all cases are calls in one process, which is started anew after a case that ended it, or
after each one where the job asks for that.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
import time
from typing import TYPE_CHECKING

from reward_server.runner import frames, link, supervision
from reward_server.runner.rows import Row, Seen
from reward_server.runner.submission import Submission

if TYPE_CHECKING:
    from reward_server.runner.cell import Cell
    from reward_server.runner.rows import Job

LONGEST_REPORT = 4096
"""Of a failed load. The server reads it at once, and for each case that is left."""
F_SEAL_FUTURE_WRITE = 0x0010
SEALS = F_SEAL_FUTURE_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
"""Only the mapping that was there before can write."""


class Answers:
    """Reads length-prefixed answers of a submission that is called, as far as they are not too long."""

    def __init__(self, loop: supervision.Loop, channel: socket.socket, limit: int) -> None:
        self.loop, self.channel, self.limit = loop, channel, limit
        self.received = bytearray()
        self.closed = False
        self.over = False
        loop.add(channel.fileno(), self.drain)

    def drain(self) -> None:
        try:
            piece = self.channel.recv(1 << 18)
        except OSError:
            piece = b""
        if not piece:
            self.closed = True
            self.loop.remove(self.channel.fileno())
            return
        self.received += piece
        self.over = self.over or len(self.received) > self.limit

    def take(self) -> bytes | None:
        """The next whole answer, if it is there."""
        if len(self.received) < link.LENGTH.size:
            return None
        (size,) = link.LENGTH.unpack_from(self.received)
        if size > self.limit:
            self.over = True
        return link.take(self.received)


class Arguments:
    """A memory file for the arguments of one call at a time, which the submission can read and not write.

    It gets to see a call's arguments in the call's own time only, or it could compute ahead in that of others.
    """

    def __init__(self, job: Job) -> None:
        self.body = job.body
        size = max(size for _, size in job.parts[2:])
        self.descriptor = os.memfd_create("arguments", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.descriptor, size)
        self.memory = mmap.mmap(self.descriptor, size)
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, SEALS)

    def put(self, start: int, size: int) -> None:
        """Take those that lie there in the body of the job."""
        with memoryview(self.memory) as view:
            frames.read_into(self.body, view[:size], start)

    def close(self) -> None:
        os.close(self.descriptor)
        self.memory.close()


class Called:
    """A submission whose entry point is called, case by case."""

    def __init__(self, cell: Cell, job: Job, arguments: Arguments) -> None:
        self.channel, theirs = socket.socketpair()
        # It may answer without reading, or leave the channel to a child that is silent: nothing here waits for it.
        self.channel.setblocking(False)
        try:
            self.submission = Submission(cell, job, "calls", theirs.fileno(), more=(arguments.descriptor,))
        finally:
            theirs.close()
        self.arguments = arguments
        self.answers = Answers(self.submission.loop, self.channel, job.limits["output_bytes"] + 4096)

    def wait(self) -> bytes | None:
        """The next answer; None when the submission ended or was ended first."""
        while True:
            answer = self.answers.take()
            if answer is not None:
                return answer or b"?"
            submission = self.submission
            if submission.ending is not None or self.answers.closed or submission.exited:
                if submission.ending is None and not self.answers.closed:
                    self.answers.drain()
                    continue
                if submission.ending is None:
                    submission.wait_for_exit()
                return None
            submission.step()
            if self.answers.over and submission.ending is None:
                submission.end("output")

    def call(self, start: int, size: int) -> bytes | None:
        """The answer to the call whose arguments lie there; None when the submission ended or was ended first."""
        self.submission.begin()
        self.arguments.put(start, size)
        try:
            self.channel.send(link.LENGTH.pack(size))
        except OSError:
            return None
        return self.wait()

    def end(self) -> None:
        self.submission.cell.kill_submission()
        self.submission.reap()
        self.close()

    def close(self) -> None:
        self.submission.close()
        self.channel.close()


def run_calls(cell: Cell, job: Job) -> Seen:
    """All cases are calls in one process; it is started anew after a case that ended it."""
    seen = Seen()
    called: Called | None = None
    arguments = Arguments(job)
    try:
        for case in range(2, len(job.parts)):
            if called is None:
                called = Called(cell, job, arguments)
                loaded = called.wait()
                if loaded is None or loaded[:1] != b"L":
                    row = called.submission.finish()
                    if loaded is not None:
                        row.ending, row.value = "raised", loaded if len(loaded) <= LONGEST_REPORT else b"F"
                    if not seen.rows:
                        seen.failed_load = row
                    else:  # it loaded before: the remaining cases end as this start did
                        row.stdout = row.stderr = b""  # for each case anew, they could fill the machine
                        seen.rows += [row] * (len(job.parts) - case)
                    break
                called.submission.meter.glance()  # what loading took is of no case
            start, size = job.parts[case]
            answer = called.call(start, size)
            submission = called.submission
            submission.meter.glance()
            if (
                answer is not None
                and (used := submission.meter.cpu_s - submission.meter.cpu_at_begin) <= job.limits["cpu_s"]
            ):
                row = Row(
                    "returned" if answer[:1] == b"=" else "raised",
                    0,
                    used,
                    max(0.0, time.monotonic() - submission.meter.clock_at_begin),
                    submission.meter.peak_bytes,
                    value=answer,
                )
                submission.stdout.drain_now()
                submission.stderr.drain_now()
                submission.show(row)
                if row.memory_bytes > job.limits["memory_bytes"]:
                    row.ending = "memory"
            else:
                begun_at, clock = submission.meter.cpu_at_begin, submission.meter.clock_at_begin
                row = submission.finish()
                row.cpu_s, row.wall_s = max(0.0, row.cpu_s - begun_at), max(0.0, time.monotonic() - clock)
                called.close()
                called = None
            seen.rows.append(row)
            if job.ends_with(row, row.ending == "returned"):
                break
            if job.fresh and called is not None:
                called.end()
                called = None
    finally:
        arguments.close()
        if called is not None:
            called.end()
    return seen
