"""P1, the control process: the first of the sandbox, small and single-threaded.

It serves the server's channel: jobs in, one run at a time, what was seen of each out. It never opens a path that a
submission controls, and never holds what a submission is made of in its heap.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time
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
    """Serve until the channel closes. Returns in a new zygote only, with what it is to do."""
    channel = take_channel()
    SERVER.channel = channel
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
    kernel.keep_no_inheritable(kernel.CAP_SETGID | kernel.CAP_SETUID if config["containment"] == "uid" else 0)
    kept = cell.Cell(config)
    try:
        kept.zygote(cell.PLAIN)
        channel.send(frames.pack({"hello": PROTOCOL, "containment": config["containment"]}))
        while True:
            if not select.select([channel], [], [], config["rest_s"])[0]:
                kept.rest()
            try:
                SERVER.hear()
            except EOFError:
                os._exit(0)
            while SERVER.jobs:
                answer, fit = serve(kept, *SERVER.jobs.popleft())
                SERVER.answer(answer, fit=fit)
    except cell.BecomeZygote as new:
        channel.close()
        SERVER.answers.clear()
        zygote.KEPT.extend((kept, new, new.become))
        return new.become


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
    seen = Seen()
    try:
        job = Job(header, body)
        kept.sit(job.seat)
        kept.package = job.package
        seen = KINDS["shared" if job.shared else job.kind](kept, job)
        if kept.had_children or any(row.ending == "lost" for row in seen.rows):
            seen = oom.instead(seen, kept.killed_in())
    except processes.Broken as error:
        broken = str(error)
    except cell.BecomeZygote:
        raise
    except Exception as error:
        broken = f"the control process failed: {type(error).__name__}: {error}"
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
            "dirty": dirty,
            "spent": kept.spent,
            "run_s": round(clean_at - begun_at, 6),
            "clean_s": round(clean_at - ended_at, 6),
            "failed_load": seen.failed_load is not None,
            "rows": [row.facts() for row in rows],
        },
        parts,
    )
    return answer, broken is None and dirty is None and not kept.spent
