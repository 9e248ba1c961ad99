"""P1, the control process: the first of the sandbox, small and single-threaded.

It serves the server's channel: jobs in, one run at a time, what was seen of each out. It never opens a path that a
submission controls, and never holds what a submission is made of in its heap.
"""

from __future__ import annotations

import mmap
import os
import resource
import select
import signal
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from reward_server.runner import cell, frames, kernel, oom, processes, zygote
from reward_server.runner.rows import Job, Seen
from reward_server.runner.run_calls import run_calls
from reward_server.runner.run_judged import run_judged
from reward_server.runner.run_programs import run_programs
from reward_server.runner.run_shared import run_shared
from reward_server.runner.server import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL = 1
KINDS = {"program": run_programs, "call": run_calls, "asserts": run_judged, "pytest": run_judged, "shared": run_shared}


def main(config: dict[str, Any]) -> Callable[[], object]:
    """Serve until the channel closes. Returns in the plain zygote only, with what it is to do."""
    channel = take_channel()
    prepare(channel, config["containment"])
    started = mmap.mmap(-1, mmap.PAGESIZE)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # The only fork of this process: a later one would be a copy of all that it has seen of jobs.
    pid = os.fork()
    if pid == 0:
        return partial(zygote.main, theirs.detach(), started, filtered=config["containment"] == "uid")
    theirs.close()
    kept = cell.Cell(config, processes.Zygote(ours, pid, started))
    SERVER.channel = channel
    channel.send(frames.pack({"hello": PROTOCOL, "containment": config["containment"]}))
    while True:
        serve_next(kept, channel, config["rest_s"])


def prepare(channel: frames.Channel, containment: str) -> None:
    """Be pid 1 of a sandbox, with no more rights than it takes."""
    if missing := kernel.lacks():
        channel.send(frames.pack({"hello": PROTOCOL, "lacks": missing}))
        os._exit(1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # pid 1 would ignore them; the sandbox ends with its channel
    oom.be_killed_early(oom.NEXT)  # before its own files in /proc are closed to it
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    # The server's own limit may be low; what a run needs does not depend on it.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kernel.keep_no_inheritable(kernel.CAP_SETGID | kernel.CAP_SETUID if containment == "uid" else 0)


def serve_next(kept: cell.Cell, channel: frames.Channel, rest_s: float) -> None:
    """Run the jobs of the next message; rest where none comes for long."""
    if not select.select([channel], [], [], rest_s)[0]:
        kept.rest()
    try:
        SERVER.hear()
    except EOFError:
        os._exit(0)
    while SERVER.jobs:
        answer, fit = serve(kept, *SERVER.jobs.popleft())
        SERVER.answer(answer, fit=fit)


def take_channel() -> frames.Channel:
    """The channel came as descriptors 0 and 1; put /dev/null in their place."""
    channel = frames.Channel(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return channel


def serve(kept: cell.Cell, header: dict[str, Any], body: int) -> tuple[bytes, bool]:
    """Run one job. Returns the reply frame (rows, whether the load failed, what is not clean afterwards), and whether
    another job may run here.
    """
    begun_at = time.monotonic()
    kept.begin_job()
    broken: str | None = None
    cause = ""
    seen = Seen()
    try:
        job = Job(header, body)
        kept.sit(job.seat)
        kept.package = job.package
        seen = KINDS["shared" if job.shared else job.kind](kept, job)
        if kept.had_children or any(row.ending == "lost" for row in seen.rows):
            seen = oom.instead(seen, kept.killed_in())
    except processes.Broken as error:
        broken, cause = str(error), error.cause
    except Exception as error:
        broken = f"the control process failed: {type(error).__name__}: {error}"
        cause = "" if oom.is_shortage(error) else "control"
    finally:
        os.close(body)
    ended_at = time.monotonic()
    try:
        dirty = kept.end_job()
    except (processes.Broken, OSError) as error:
        dirty = str(error)
    clean_at = time.monotonic()
    rows = ([seen.failed_load] if seen.failed_load else []) + seen.rows
    parts = [part for row in rows for part in (row.stdout, row.stderr, row.value)]
    if not any(parts):
        parts = []
    answer = frames.pack(
        {
            "job": header["job"],
            "broken": broken,
            "cause": "" if cause and kept.killed_in() == "machine" else cause,
            "dirty": dirty,
            "spent": kept.spent,
            "run_s": round(clean_at - begun_at, 6),
            "clean_s": round(clean_at - ended_at, 6),
            "failed_load": seen.failed_load is not None,
            "rows": [row.facts() for row in rows],
            "learned": seen.learned,
            "cpu_s": round(kept.used_s, 6),
        },
        parts,
    )
    return answer, broken is None and dirty is None and not kept.spent
