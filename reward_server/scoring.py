"""A batch from request to results: resolve, extract, deduplicate, dispatch, judge, reward.

Promises: one result for each submission, whatever happens to the others; identical submissions in flight run once;
failures of ours are never cached and never a 0. Results are rendered to JSON as they finish, so that the end of a large
batch does not stop the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from reward_server.cache import JudgementCache
from reward_server.clients import OURSELVES
from reward_server.dispatch import Ticket
from reward_server.errors import BadRequest, TooLarge, Unjudged
from reward_server.evaluating import evaluate
from reward_server.expectations import Expectations
from reward_server.extraction import extract_code
from reward_server.fair_queue import Lane
from reward_server.identity import submission_key
from reward_server.jobs import Observation, Observations
from reward_server.judging import has_follow_up, is_shared, judge, plan
from reward_server.problems import Known
from reward_server.processes.remote import RemoteSlot
from reward_server.rewards import score
from reward_server.suspicion import suspicions
from reward_server.verdicts import TestResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from reward_server.backends.base import Slot
    from reward_server.clients import Client
    from reward_server.disk_cache import DiskCache
    from reward_server.dispatch import Dispatcher
    from reward_server.jobs import Job
    from reward_server.models import Detail, ScoreRequest, Submission
    from reward_server.problems import ProblemStore
    from reward_server.rewards import Scheme
    from reward_server.settings import Settings
    from reward_server.verdicts import Verdict
    from tasks.schema import Limits, Problem

Results = tuple["TestResult", ...]

ITEMS_AT_ONCE: Final = 128
"""Items that are prepared before others get the event loop."""
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


class Scorer:
    def __init__(
        self,
        dispatcher: Dispatcher,
        store: ProblemStore,
        settings: Settings,
        memory_mb: int | None = None,
        disk: DiskCache | None = None,
    ) -> None:
        """`memory_mb`: the highest limit of memory that the sandboxes can give; None where there is no bound."""
        self._disk = disk
        self._dispatcher = dispatcher
        self._memory_mb = memory_mb
        self._store = store
        self._settings = settings
        self.cache = JudgementCache(settings.cache_entries, settings.cache_bytes)
        self._expected = Expectations()
        self.joined = 0
        """Submissions that got their results from an identical one in flight."""
        self._running: dict[bytes, Evaluation] = {}

    async def begin(self, request: ScoreRequest, client: Client = OURSELVES) -> Batch:
        """Accept a batch of a client. Whoever begins it waits for it and then calls `leave`.

        Raises: BadRequest, TooLarge, UnknownProblem, Overloaded, BackendUnavailable; then nothing of it has begun.
        """
        count = len(request.submissions)
        if count > self._settings.max_batch_items:
            message = f"{count} items; at most {self._settings.max_batch_items} in one request: split the batch"
            raise TooLarge("submissions", message)
        problems = await self._resolve(request)
        batch = Batch(count, request.reward, request.detail)
        programs: list[tuple[int, Known, str, bytes]] = []
        unrun: dict[tuple[bytes, Verdict, str], tuple[Problem, list[int]]] = {}
        for index, submission in enumerate(request.submissions):
            if index % ITEMS_AT_ONCE == ITEMS_AT_ONCE - 1:
                await asyncio.sleep(0)
            known = problems[submission.problem]
            code = REFUSED if refused(known.problem, request) else self._code_of(submission, known.problem)
            if isinstance(code, str):
                key = submission_key(known.digest, code, stop=request.stop_on_failure)
                programs.append((index, known, code, key))
                continue
            unrun.setdefault((known.digest, *code), (known.problem, []))[1].append(index)
        for at, ((_, verdict, why), (problem, indexes)) in enumerate(unrun.items()):
            if at % ITEMS_AT_ONCE == ITEMS_AT_ONCE - 1:
                await asyncio.sleep(0)
            batch.add(indexes, results_without_run(problem, verdict, why), problem)
        if self._disk is not None:
            missing = {key for *_, key in programs if key not in self.cache and key not in self._running}
            for key, results in (await self._disk.find(list(missing))).items():
                self.cache.put(key, results)
        finished = self._enter(batch, client, programs, stop=request.stop_on_failure)
        try:
            for at, (known, code, results, indexes) in enumerate(finished.values()):
                if at % ITEMS_AT_ONCE == ITEMS_AT_ONCE - 1:
                    await asyncio.sleep(0)
                batch.add(indexes, results, known.problem, code=code, cached=True)
        except BaseException:
            self.leave(batch)
            raise
        return batch

    def leave(self, batch: Batch) -> None:
        """Drop what only this batch waits for."""
        for evaluation in batch.evaluations:
            evaluation.waiting.pop(batch, None)
            if not evaluation.waiting:
                self._dispatcher.drop(evaluation.ticket)
                self._running.pop(evaluation.key, None)
                del evaluation.ticket
        batch.evaluations.clear()

    def expire(self, batch: Batch, message: str) -> None:
        """Answer what is left of a batch without a reward."""
        left = [(evaluation, evaluation.waiting.get(batch, [])) for evaluation in batch.evaluations]
        self.leave(batch)
        for evaluation, indexes in left:
            results = results_without_run(evaluation.problem, "sandbox_error", message)
            batch.add(indexes, results, evaluation.problem, queue_s=time.monotonic() - batch.submitted_at)

    async def _resolve(self, request: ScoreRequest) -> dict[str, Known]:
        problems: dict[str, Known] = {}
        for index, submission in enumerate(request.submissions):
            name = submission.problem
            if name in problems:
                continue
            inline = request.problems.get(name)
            field = f"submissions[{index}].problem" if inline is None else f"problems.{name}.limits.memory_mb"
            known = Known(inline) if inline is not None else await self._store.get(name, field)
            check_memory(known.problem.limits, self._memory_mb, field)
            problems[name] = known
        return problems

    def _code_of(self, submission: Submission, problem: Problem) -> str | tuple[Verdict, str]:
        """Return the code of a submission, or the verdict for one that has none that could run."""
        limit = self._settings.max_completion_bytes
        if submission.code is not None:
            if _is_longer(submission.code, limit):
                return "compile_error", f"the code has more than {limit} bytes"
            return submission.code
        text = submission.completion_text()
        if _is_longer(text, limit):
            return "no_code", f"the completion has more than {limit} bytes"
        code = extract_code(text, problem.language)
        return code if code is not None else ("no_code", "no fenced code block after the thinking")

    def _enter(
        self, batch: Batch, client: Client, programs: list[tuple[int, Known, str, bytes]], *, stop: bool
    ) -> dict[bytes, tuple[Known, str, Results, list[int]]]:
        """Queue what is new and join what runs. Returns: what is known already. Does not wait, so nothing changes."""
        # A server that is asked for far too much must refuse at little cost: before anything is made of it.
        keys = {key for *_, key in programs}
        self._dispatcher.check_room(sum(key not in self._running and key not in self.cache for key in keys), client)
        finished: dict[bytes, tuple[Known, str, Results, list[int]]] = {}
        joined: list[tuple[int, Evaluation]] = []
        new: dict[bytes, Evaluation] = {}
        lane = Lane(client.name, batch)
        for index, known, code, key in programs:
            results = self.cache.get(key)
            if results is not None:
                finished.setdefault(key, (known, code, results, []))[3].append(index)
                continue
            evaluation = self._running.get(key) or new.get(key)
            if evaluation is None:
                evaluation = new[key] = Evaluation(key, known, code, self._expected, stop=stop)
                opening = None if has_follow_up(known.problem) else evaluation
                evaluation.ticket = Ticket(evaluation.run, partial(self._end, evaluation), lane, opening)
            joined.append((index, evaluation))
        longest_first = sorted(new.values(), key=lambda each: self._expected[each.digest], reverse=True)
        self._dispatcher.submit([evaluation.ticket for evaluation in longest_first], client=client)
        self._running.update(new)
        self.joined += len(joined) - len(new)
        for index, evaluation in joined:
            evaluation.waiting.setdefault(batch, []).append(index)
            batch.evaluations.add(evaluation)
        return finished

    def _end(self, evaluation: Evaluation, ticket: Ticket[Results]) -> None:
        """Hand the results of an evaluation to all that wait for it."""
        del self._running[evaluation.key]
        del evaluation.ticket  # each holds the other: the collector would have to find them
        if ticket.error is None and ticket.value is not None:
            results = ticket.value
            self.cache.put(evaluation.key, results)
            if self._disk is not None:
                self._disk.put(evaluation.key, results)
            self._expected.note(evaluation.digest, ticket.took_s)
        elif isinstance(ticket.error, Unjudged):
            results = ticket.error.results
        else:
            results = results_without_run(evaluation.problem, "sandbox_error", str(ticket.error))
        started_at = min(ticket.started_at, time.monotonic())
        for batch, indexes in evaluation.waiting.items():
            batch.evaluations.discard(evaluation)
            queue_s = max(0.0, started_at - batch.submitted_at)
            batch.add(indexes, results, evaluation.problem, code=evaluation.code, queue_s=queue_s)


REFUSED: Final[tuple[Verdict, str]] = (
    "sandbox_error",
    "the problem's tests share the submission's process (isolation: shared), and the request has allow_shared: false",
)


def refused(problem: Problem, request: ScoreRequest) -> bool:
    return not request.allow_shared and is_shared(problem.tests)


def check_memory(limits: Limits, most_mb: int | None, field: str) -> None:
    """Refuse a limit that is higher than what a sandbox has. Raises: BadRequest."""
    if most_mb is not None and limits.memory_mb > most_mb:
        message = (
            f"memory_mb is {limits.memory_mb}, and a sandbox here has {most_mb}: raise PASSRATE_CONTAINER_MEMORY_MB"
        )
        raise BadRequest(field, message)


def results_without_run(problem: Problem, verdict: Verdict, message: str) -> Results:
    """Give every test of a problem the same verdict, for a submission that was not run."""
    unloaded = judge(problem, Observations((), failed_load=Observation("raised", message=message)))
    return tuple(result._replace(verdict=verdict, message=message) for result in unloaded)


def _is_longer(text: str, limit: int) -> bool:
    """Tell whether the UTF-8 of a text has more than `limit` bytes; encodes it only where the length leaves it open."""
    return len(text) > limit or (4 * len(text) > limit and len(text.encode("utf-8", "surrogatepass")) > limit)


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
