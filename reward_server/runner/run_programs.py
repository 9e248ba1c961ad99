"""Runs jobs of kind `program`: each case is a run of the whole program with its stdin."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from reward_server.runner import processes, supervision
from reward_server.runner.rows import Seen
from reward_server.runner.submission import Submission

if TYPE_CHECKING:
    from reward_server.runner.cell import Cell
    from reward_server.runner.rows import Job

MAX_LOAD_MESSAGE = 4096


def run_programs(cell: Cell, job: Job) -> Seen:
    """Each case is a run of the whole program with its stdin."""
    seen = Seen()
    for case in range(2, len(job.parts)):
        if job.cases_cpu_s:
            job.limits["cpu_s"] = job.cases_cpu_s[case - 2]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        feed = None if job.stdin == "file" else supervision.Feed(job.body, *job.parts[case])
        stdin = job.part(case) if feed is None else feed.reader
        try:
            submission = Submission(cell, job, "program", theirs.fileno(), stdin)
        finally:
            theirs.close()
            os.close(stdin)
        try:
            if feed is not None:
                feed.follow(submission.loop)
            while not submission.exited and submission.ending is None:
                submission.step()
            row = submission.finish()
        finally:
            submission.close()
            if feed is not None:
                feed.close()
        ours.setblocking(False)
        try:
            uncompiled = ours.recv(MAX_LOAD_MESSAGE)
        except BlockingIOError:
            uncompiled = b""
        ours.close()
        if uncompiled and row.ending == "exited":
            row.ending, row.name, row.message = "raised", "compile", uncompiled.decode(errors="replace")
            return Seen(failed_load=row)
        seen.rows.append(row)
        if job.ends_with(row, row.good):
            break
        if case + 1 < len(job.parts):
            emptied = cell.tidy()
            if emptied is not None:
                raise processes.Broken(emptied, "folders")
    return seen
