"""Runs of single programs without judging: for `POST /v1/run` and for the canary."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any, Final

import orjson

from reward_server.errors import SandboxLost
from reward_server.jobs import Job
from reward_server.judging.judge import printable
from reward_server.judging.packages import slow_package

if TYPE_CHECKING:
    from collections.abc import Generator

    from reward_server.jobs import Observation, Observations
    from reward_server.models import RunRequest


PIECE_BYTES: Final = 64 << 10
"""So much output is put into JSON at once."""


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


def run_of(observations: Observations) -> Observation:
    """What was seen of the program. Raises: SandboxLost when nothing can be said."""
    seen = _only(observations)
    if seen.ending in ("lost", "unreached"):
        raise SandboxLost(printable(seen.message) or "the sandbox was lost")
    return seen


def run_report(seen: Observation, queue_s: float) -> Generator[None, None, bytes]:
    """Say what was seen, as `RunResponse` does, in JSON: step by step, as 64 MB of output would stop the event loop."""
    texts = {}
    for name, output in (("stdout", seen.stdout), ("stderr", seen.stderr)):
        texts[name] = yield from text_in_json(output)
    rest: dict[str, Any] = {
        "ending": seen.ending if seen.ending != "returned" else "exited",
        "exit_code": seen.code if seen.ending in ("exited", "returned") else None,
        "signal": seen.code if seen.ending == "signaled" else None,
        "message": printable(seen.message),
        "cpu_s": round(seen.cpu_s, 6),
        "wall_s": round(seen.wall_s, 6),
        "memory_bytes": seen.memory_bytes,
        "queue_s": round(queue_s, 6),
    }
    return b'{"stdout":"%b","stderr":"%b",%b' % (texts["stdout"], texts["stderr"], orjson.dumps(rest)[1:])


def text_in_json(output: bytes) -> Generator[None, None, bytes]:
    """What a program printed, as a JSON string without its quotes."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = []
    for at in range(0, len(output) + 1, PIECE_BYTES):
        text = decoder.decode(output[at : at + PIECE_BYTES], final=at + PIECE_BYTES > len(output))
        pieces.append(orjson.dumps(text)[1:-1])
        yield
    return b"".join(pieces)


def _only(observations: Observations) -> Observation:
    if observations.failed_load is not None:
        return observations.failed_load
    if not observations.tests:
        raise SandboxLost("the sandbox reported nothing")
    return observations.tests[0]
