"""Runs of single programs without judging: for `POST /v1/run` and for the canary."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reward_server.errors import SandboxLost
from reward_server.jobs import Job
from reward_server.judging.judge import printable
from reward_server.judging.packages import slow_package

if TYPE_CHECKING:
    from reward_server.jobs import Observation, Observations
    from reward_server.models import RunRequest


def program_job(request: RunRequest) -> Job:
    """Make the job that runs a program once."""
    submission = {
        "code": request.code,
        "setup": f"__import__('sys').argv[1:] = {list(request.args)!r}\n" if request.args else "",
        "files": request.files,
        "entry_point": None,
        "module": None,
    }
    stdin = request.stdin.encode("utf-8", "surrogatepass")
    encoded = json.dumps(submission).encode()
    return Job("program", request.limits, encoded, cases=(stdin,), package=slow_package(request.code))


def run_report(observations: Observations, queue_s: float) -> dict[str, Any]:
    """Say what was seen, as `RunResponse` does. Raises: SandboxLost when nothing can be said."""
    seen = _only(observations)
    message = printable(seen.message)
    if seen.ending in ("lost", "unreached"):
        raise SandboxLost(message or "the sandbox was lost")
    return {
        "ending": seen.ending if seen.ending != "returned" else "exited",
        "exit_code": seen.code if seen.ending in ("exited", "returned") else None,
        "signal": seen.code if seen.ending == "signaled" else None,
        "stdout": seen.stdout.decode("utf-8", "replace"),
        "stderr": seen.stderr.decode("utf-8", "replace"),
        "message": message,
        "cpu_s": round(seen.cpu_s, 6),
        "wall_s": round(seen.wall_s, 6),
        "memory_bytes": seen.memory_bytes,
        "queue_s": round(queue_s, 6),
    }


def _only(observations: Observations) -> Observation:
    if observations.failed_load is not None:
        return observations.failed_load
    if not observations.tests:
        raise SandboxLost("the sandbox reported nothing")
    return observations.tests[0]
