"""A batch, with its results as they come, and the evaluations that batches wait for.

Promises: each result is rendered to JSON at once, so that the end of a large batch does not stop the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import orjson

from reward_server.evaluating import evaluate
from reward_server.jobs import Observations
from reward_server.judging import is_shared, plan
from reward_server.processes.remote import RemoteSlot
from reward_server.rewards import score
from reward_server.suspicion import suspicions
from reward_server.verdicts import TestResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from reward_server.backends.base import Slot
    from reward_server.expectations import Expectations
    from reward_server.jobs import Job
    from reward_server.models import Detail
    from reward_server.problems import Known
    from reward_server.rewards import Scheme
    from reward_server.tickets import Ticket
    from tasks.schema import Problem

Results = tuple["TestResult", ...]

GATHER_S: Final = 0.2
"""For so long a result waits for others to be sent with it: a write and a wake-up each would cost more than judging."""

log = logging.getLogger(__name__)


class Batch:
    """The results of one request, as they come."""

    def __init__(self, size: int, reward: Scheme, detail: Detail) -> None:
        self.verdicts: Counter[str] = Counter()
        self.suspicions: Counter[str] = Counter()
        self.cached = 0
        self.submitted_at = time.monotonic()
        self.evaluations: set[Evaluation] = set()
        """What it still waits for."""
        self._reward = reward
        self._detail = detail
        self._rendered: list[bytes] = [b""] * size
        self._finished: list[int] = []
        self._news = asyncio.Event()
        self._ended = asyncio.Event()

    def add(
        self,
        indexes: Sequence[int],
        results: Results,
        problem: Problem,
        *,
        code: str | None = None,
        queue_s: float = 0.0,
        cached: bool = False,
    ) -> None:
        """Take the results of a submission that stands at these places of the request."""
        try:
            signs = suspicions(code, results) if code is not None else []
            result = _result(results, self._reward, self._detail)
        except Exception as error:  # a bug of ours costs this result, not the whole batch its end
            log.exception("result_lost")
            signs, lost = [], TestResult("sandbox_error", message=f"the server failed: {type(error).__name__}")
            result = _result((lost,), self._reward, self._detail)
        for sign in signs:
            self.suspicions[sign] += len(indexes)
        result["suspicion"] = signs
        result["isolation"] = "shared" if is_shared(problem.tests) else "separate"
        result["queue_s"] = round(queue_s, 6)
        result["cached"] = cached
        self.verdicts[result["verdict"]] += len(indexes)
        self.cached += cached * len(indexes)
        rendered = _json(result)
        for index in indexes:
            self._rendered[index] = rendered
        self._finished += indexes
        self._news.set()
        if len(self._finished) == len(self._rendered):
            self._ended.set()

    async def wait(self) -> None:
        await self._ended.wait()

    def body(self) -> bytes:
        return b'{"results":[' + b",".join(self._rendered) + b"]}"

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield results as JSON lines in the order in which they finish, each with its index; some at a time."""
        sent = 0
        while sent < len(self._rendered):
            await self._news.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._ended.wait()
            self._news.clear()
            ready = self._finished[sent:]
            sent += len(ready)
            yield b"".join(b'{"index":%d,%b\n' % (index, self._rendered[index][1:]) for index in ready)


class Evaluation:
    """One distinct submission in flight, and the batches that wait for it."""

    __slots__ = ("__weakref__", "_expected", "_seen", "_stop", "code", "digest", "key", "problem", "ticket", "waiting")

    def __init__(self, key: bytes, known: Known, code: str, expected: Expectations, *, stop: bool) -> None:
        self.key = key
        self.problem = known.problem
        self.digest = known.digest
        self.ticket: Ticket[Results]
        self.waiting: dict[Batch, list[int]] = {}
        """The indexes at which each batch holds this submission."""
        self.code = code
        self._expected = expected
        self._stop = stop
        self._seen: Observations | None = None
        """What its job has shown, where that was run elsewhere or together with others."""

    @property
    def expected_s(self) -> float:
        return self._expected[self.digest] if self._seen is None else math.inf

    def job(self) -> Job:
        return plan(self.problem, self.code, stop=self._stop)

    def take(self, seen: Observations) -> None:
        self._seen = seen

    async def run(self, slot: Slot) -> Results | None:
        """Run and judge the submission. Returns: None to go on in another slot. Raises: SandboxLost."""
        seen, self._seen = self._seen, None
        if isinstance(slot, RemoteSlot):
            outcome = await slot.evaluate(self.digest, self.problem, self.code, stop=self._stop, seen=seen)
        else:
            outcome = await evaluate(slot, self.problem, self.code, stop=self._stop, seen=seen)
        if outcome is None or isinstance(outcome, Observations):
            self._seen = outcome
            return None
        return outcome


def _result(results: Results, scheme: Scheme, detail: Detail) -> dict[str, Any]:
    """Build a `ScoreResult`, except for what the batch knows."""
    scored = score(results, scheme)
    message = ""
    if scored.verdict != "passed":
        message = next((each.message for each in results if each.verdict == scored.verdict), "")
    return {
        "reward": scored.reward,
        "pass_rate": scored.pass_rate,
        "passed": scored.passed,
        "total": scored.total,
        "verdict": scored.verdict,
        "message": message,
        "tests": [_report(each, detail) for each in results] if detail != "none" else [],
        "cpu_s": round(sum([each.cpu_s for each in results]), 6),
        "error": scored.error,
    }


def _json(result: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(result)
    except TypeError:  # a message quotes a lone surrogate: JSON can say it, by an escape, and UTF-8 cannot
        return json.dumps(result, separators=(",", ":")).encode()


def _report(result: TestResult, detail: Detail) -> dict[str, Any]:
    return {
        "verdict": result.verdict,
        "weight": result.weight,
        "name": result.name,
        "cpu_s": result.cpu_s,
        "wall_s": result.wall_s,
        "memory_bytes": result.memory_bytes,
        "message": result.message,
        "stdout": result.stdout if detail == "output" else "",
        "stderr": result.stderr if detail == "output" else "",
    }
