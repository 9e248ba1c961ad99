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

from reward_server.evaluating import Unfinished, evaluate, results_without_run
from reward_server.judging import assurance_of, plan
from reward_server.judging.counting import assert_names
from reward_server.rewards import score
from reward_server.suspicion import suspicions
from reward_server.verdicts import TestResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from reward_server.apart import Apart
    from reward_server.backends.base import Slot
    from reward_server.calibrating import Calibrations
    from reward_server.expectations import Expectations
    from reward_server.jobs import Job, Observations
    from reward_server.judging.calibration import Calibration
    from reward_server.models import Detail
    from reward_server.problems import Known
    from reward_server.rewards import Scheme
    from reward_server.tickets import Ticket
    from reward_server.verdicts import Verdict
    from tasks.assurance import Assurance
    from tasks.schema import Problem

Results = tuple["TestResult", ...]

GATHER_S: Final = 0.2
"""For so long a result waits for others to be sent with it: a write and a wake-up each would cost more than judging."""

ONE_PROCESS: Final[tuple[Verdict, str]] = (
    "sandbox_error",
    'the reference passes only in one process with its tests: set `"isolation": "shared"` in the tests of the problem',
)

log = logging.getLogger(__name__)


class Batch:
    """The results of one request, as they come."""

    def __init__(self, size: int, reward: Scheme, detail: Detail, min_assurance: Assurance = "shared") -> None:
        self.verdicts: Counter[str] = Counter()
        self.suspicions: Counter[str] = Counter()
        self.assurances: Counter[str] = Counter()
        self.cached = 0
        self.submitted_at = time.monotonic()
        self.evaluations: set[Evaluation] = set()
        """What it still waits for."""
        self.min_assurance = min_assurance
        self.notes: dict[int, str] = {}
        """What was taken of a completion in which there was a choice, by its place."""
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
        calibration: Calibration | None = None,
        *,
        code: str | None = None,
        queue_s: float = 0.0,
        cached: bool = False,
    ) -> None:
        """Take the results of a submission that stands at these places of the request."""
        try:
            signs = suspicions(code, results) if code is not None else []
            result = _result(results, self._reward, self._detail)
            if calibration is not None and (self._detail != "none" or calibration.fault):
                result["calibration"] = _shown(calibration, problem)
        except Exception as error:  # a bug of ours costs this result, not the whole batch its end
            log.exception("result_lost")
            signs, lost = [], TestResult("sandbox_error", message=f"the server failed: {type(error).__name__}")
            result = _result((lost,), self._reward, self._detail)
        for sign in signs:
            self.suspicions[sign] += len(indexes)
        result["code"] = code if self._detail == "output" else None
        result["suspicion"] = signs
        result["assurance"] = assurance_of(problem, calibration)
        self._enter(indexes, result, queue_s=queue_s, cached=cached)

    def _enter(
        self, indexes: Sequence[int], result: dict[str, Any], *, queue_s: float = 0.0, cached: bool = False
    ) -> None:
        result["queue_s"] = round(queue_s, 6)
        result["cached"] = cached
        self.verdicts[result["verdict"]] += len(indexes)
        self.assurances[result["assurance"]] += len(indexes)
        self.cached += cached * len(indexes)
        rendered = _json(result)
        for index in indexes:
            note = self.notes.get(index)
            self._rendered[index] = _json(_with_note(result, note)) if note else rendered
        self._finished += indexes
        self._news.set()
        if len(self._finished) == len(self._rendered):
            self._ended.set()

    def refuse(self, indexes: Sequence[int], message: str) -> None:
        """Answer the submissions to a problem that is wrong."""
        lost = TestResult("sandbox_error", message=message)
        self._enter(indexes, {**_result((lost,), self._reward, "none"), "suspicion": [], "assurance": "values"})

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

    __slots__ = (
        "__weakref__",
        "_apart",
        "_begun",
        "_calibrations",
        "_expected",
        "_stop",
        "code",
        "digest",
        "key",
        "problem",
        "ticket",
        "waiting",
    )

    def __init__(
        self,
        key: bytes,
        known: Known,
        code: str,
        expected: Expectations,
        calibrations: Calibrations,
        apart: Apart,
        *,
        stop: bool,
    ) -> None:
        self.key = key
        self.problem = known.problem
        self.digest = known.digest
        self.ticket: Ticket[Results]
        self.waiting: dict[Batch, list[int]] = {}
        """The indexes at which each batch holds this submission."""
        self.code = code
        self._expected = expected
        self._calibrations = calibrations
        self._stop = stop
        self._apart = apart
        self._begun: Unfinished | None = None
        """What its job has shown, where that was run in another slot or together with others."""

    @property
    def calibration(self) -> Calibration | None:
        return self._calibrations.known(self.digest) if self.problem.is_calibrated else None

    @property
    def expected_s(self) -> float:
        if self.problem.is_calibrated and ((known := self.calibration) is None or known.assurance == "shared"):
            return math.inf
        return self._expected[self.digest] if self._begun is None else math.inf

    def job(self) -> Job:
        return plan(self.problem, self.code, self.calibration, stop=self._stop)

    @property
    def is_put_off(self) -> bool:
        """Whether what is left of it waits until nothing else does."""
        return self._begun is not None and self._begun.put_off

    def take(self, seen: Observations) -> None:
        self._begun = Unfinished((seen,))

    async def run(self, slot: Slot) -> Results | None:
        """Run and judge the submission. Returns: None to go on in another slot. Raises: SandboxLost."""
        calibration = self.calibration
        if self.problem.is_calibrated and self._begun is None:
            calibration = await self._calibrations.of(slot, self.digest, self.problem)
            if calibration is None or slot.spent:
                return None
            if calibration.assurance == "shared":
                return results_without_run(self.problem, *ONE_PROCESS)
        begun, self._begun = self._begun, None
        outcome = await evaluate(
            slot, self.problem, self.code, calibration, stop=self._stop, apart=self._apart, begun=begun
        )
        if isinstance(outcome, Unfinished):
            self._begun = outcome
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
        "code": None,
        "calibration": None,
        "error": scored.error,
    }


def _with_note(result: dict[str, Any], note: str) -> dict[str, Any]:
    message = result["message"]
    return result | {"message": f"{message} ({note})" if message else note}


def _shown(calibration: Calibration, problem: Problem) -> dict[str, Any]:
    """Build a `CalibrationReport`."""
    names = assert_names(problem) if calibration.unreached else []
    return {
        "assurance": calibration.assurance,
        "unreached": [names[index] for index in calibration.unreached],
        "cpu_s": calibration.cpu_s,
        "fault": calibration.fault,
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
        "checks": result.checks,
        "score": result.points,
    }
