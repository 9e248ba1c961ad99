"""Runs jobs of kind `call`: all cases are calls in one process, which is started anew after a case that ended it."""

from __future__ import annotations

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


class Called:
    """A submission whose entry point is called, case by case.

    `cases` holds the arguments of all calls. Its process gets them at once and is told which to take: it may look
    ahead, where there is nothing that it does not get to see anyway.
    """

    def __init__(self, cell: Cell, job: Job, cases: int) -> None:
        self.channel, theirs = socket.socketpair()
        # It may answer without reading, or leave the channel to a child that is silent: nothing here waits for it.
        self.channel.setblocking(False)
        try:
            self.submission = Submission(cell, job, "calls", theirs.fileno(), more=(cases,))
        finally:
            theirs.close()
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
        try:
            self.channel.send(frames.LENGTHS.pack(start, size))
        except OSError:
            return None
        return self.wait()

    def close(self) -> None:
        self.submission.close()
        self.channel.close()


def run_calls(cell: Cell, job: Job) -> Seen:
    """All cases are calls in one process; it is started anew after a case that ended it."""
    seen = Seen()
    called: Called | None = None
    cases = job.cases()
    first, _ = job.parts[2]
    try:
        for case in range(2, len(job.parts)):
            if called is None:
                called = Called(cell, job, cases)
                loaded = called.wait()
                if loaded is None or loaded[:1] != b"L":
                    row = called.submission.finish()
                    if loaded is not None:
                        row.ending, row.value = "raised", loaded
                    if not seen.rows:
                        seen.failed_load = row
                    else:  # it loaded before: the remaining cases end as this start did
                        seen.rows += [row] * (len(job.parts) - case)
                    break
            start, size = job.parts[case]
            answer = called.call(start - first, size)
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
                row.stdout, row.stderr = submission.stdout.take(), submission.stderr.take()
                if row.memory_bytes > job.limits["memory_bytes"]:
                    row.ending = "memory"
            else:
                begun_at, clock = submission.meter.cpu_at_begin, submission.meter.clock_at_begin
                row = submission.finish()
                row.cpu_s, row.wall_s = max(0.0, row.cpu_s - begun_at), max(0.0, time.monotonic() - clock)
                called.close()
                called = None
            seen.rows.append(row)
            if job.stop and row.ending != "returned":
                break
    finally:
        os.close(cases)
        if called is not None:
            called.submission.cell.kill_submission()
            called.submission.reap()
            called.close()
    return seen
