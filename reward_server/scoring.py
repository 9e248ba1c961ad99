"""A batch from request to results: resolve, extract, deduplicate, dispatch, judge, reward.

Promises: one result for each submission, whatever happens to the others; identical submissions in flight run once;
failures of ours are never cached and never a 0.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from reward_server.apart import Apart
from reward_server.batch import ONE_PROCESS, Batch, Evaluation
from reward_server.cache import JudgementCache
from reward_server.calibrating import Calibrations
from reward_server.clients import OURSELVES
from reward_server.errors import BadRequest, Disturbed, SandboxLost, TooLarge, Unjudged
from reward_server.evaluating import results_without_run
from reward_server.expectations import Expectations
from reward_server.extraction import Extraction
from reward_server.fair_queue import Lane
from reward_server.identity import submission_key
from reward_server.judging import assurance_of, has_follow_up, needs_of
from reward_server.problems import Known
from reward_server.runner.rows import PROBLEM_FAULT
from reward_server.tickets import Ticket
from reward_server.turns import in_turns
from tasks.assurance import is_weaker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reward_server.batch import Results
    from reward_server.clients import Client
    from reward_server.disk_cache import DiskCache
    from reward_server.dispatch import Dispatcher
    from reward_server.extraction import Unfenced
    from reward_server.judging.calibration import Calibration
    from reward_server.models import ScoreRequest, Submission
    from reward_server.problems import ProblemStore
    from reward_server.settings import Settings
    from reward_server.verdicts import Verdict
    from tasks.assurance import Assurance
    from tasks.schema import Problem


class Program(NamedTuple):
    """What is to be run for some places of a request."""

    known: Known
    code: str
    indexes: list[int]


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
        self.apart = Apart()
        self.calibrations = Calibrations(disk, self.apart)
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
        problems = await self._resolve(request, client.owner)
        await self.calibrations.recall([each.digest for each in problems.values() if each.problem.is_calibrated])
        batch = Batch(count, request.reward, request.detail, request.min_assurance)
        for name, (field, message) in request.refused.items():
            batch.refuse(
                [index for index, each in enumerate(request.submissions) if each.problem == name],
                f"{PROBLEM_FAULT}: {field}: {message}",
            )
        programs, unrun = await self._programs(request, problems, batch.notes)
        async for (digest, verdict, why), (problem, indexes) in in_turns(unrun.items()):
            batch.add(indexes, results_without_run(problem, verdict, why), problem, self.calibrations.known(digest))
        if self._disk is not None:
            for key, results in (await self._disk.find(list(self._unknown(programs)))).items():
                self.cache.put(key, results)
        finished = await self._enter(batch, client, programs, stop=request.stop_on_failure)
        try:
            async for program, results in in_turns(finished):
                known, calibration = program.known, self.calibrations.known(program.known.digest)
                batch.add(program.indexes, results, known.problem, calibration, code=program.code, cached=True)
        except BaseException:
            self.leave(batch)
            raise
        return batch

    def close(self) -> None:
        self.apart.close()

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
        left: dict[bytes, tuple[Problem, list[int]]] = {}
        for evaluation in batch.evaluations:
            left.setdefault(evaluation.digest, (evaluation.problem, []))[1].extend(evaluation.waiting[batch])
        self.leave(batch)
        queue_s = time.monotonic() - batch.submitted_at
        for digest, (problem, indexes) in left.items():
            results = results_without_run(problem, "sandbox_error", message)
            batch.add(indexes, results, problem, self.calibrations.known(digest), queue_s=queue_s)

    async def _resolve(self, request: ScoreRequest, owner: str) -> dict[str, Known]:
        problems: dict[str, Known] = {}
        async for index, submission in in_turns(enumerate(request.submissions)):
            name = submission.problem
            if name in problems or name in request.refused:
                continue
            inline = request.problems.get(name)
            field = f"submissions[{index}].problem" if inline is None else f"problems.{name}.limits.memory_mb"
            known = Known(inline) if inline is not None else await self._store.get(name, field, owner)
            try:
                check_memory(known.problem.memory_mb, self._memory_mb, field)
            except BadRequest as error:
                request.refuse(name, error)
                continue
            problems[name] = await known.identified()
            await self.apart.analyse(known.problem)
        return problems

    async def _code_of(
        self, submission: Submission, problem: Problem, unfenced: Unfenced
    ) -> Extraction | tuple[Verdict, str]:
        """Return the code of a submission, or the verdict for one that has none that could run."""
        limit = self._settings.max_completion_bytes
        if submission.code is not None:
            if _is_longer(submission.code, limit):
                return "compile_error", f"the code has more than {limit} bytes"
            return Extraction(submission.code)
        text = submission.completion_text()
        if _is_longer(text, limit):
            return "no_code", f"the completion has more than {limit} bytes"
        try:
            found = await self.apart.extract(text, problem.language, partial(needs_of, problem), unfenced)
        except SandboxLost as lost:
            return "sandbox_error", str(lost)
        return found if found.code is not None else ("no_code", found.note)

    async def _programs(
        self, request: ScoreRequest, problems: Mapping[str, Known], notes: dict[int, str]
    ) -> tuple[dict[bytes, Program], dict[tuple[bytes, Verdict, str], tuple[Problem, list[int]]]]:
        """Return what can be run, the longest first, and the verdicts of what cannot.

        `notes`: where to say, by its place, what was taken of a completion in which there was a choice.
        """
        programs: dict[bytes, Program] = {}
        unrun: dict[tuple[bytes, Verdict, str], tuple[Problem, list[int]]] = {}
        async for index, submission in in_turns(enumerate(request.submissions)):
            if submission.problem in request.refused:
                continue
            known = problems[submission.problem]
            calibration = self.calibrations.known(known.digest)
            refused = refusal(known.problem, request.min_assurance, calibration)
            found = refused or await self._code_of(submission, known.problem, request.unfenced)
            if isinstance(found, Extraction):
                code = found.code or ""
                key = submission_key(known.digest, code, stop=request.stop_on_failure)
                programs.setdefault(key, Program(known, code, [])).indexes.append(index)
                if found.note:
                    notes[index] = found.note
            else:
                unrun.setdefault((known.digest, *found), (known.problem, []))[1].append(index)
        return self._in_order(programs), unrun

    def _in_order(self, programs: Mapping[bytes, Program]) -> dict[bytes, Program]:
        """Put the longest first, and of problems alike in that one of each in turn.

        So several references are run at once, rather than all slots wait for the first one.
        """
        ranks: Counter[bytes] = Counter()
        order: dict[bytes, tuple[float, int]] = {}
        for key, program in programs.items():
            digest = program.known.digest
            ranks[digest] += 1
            order[key] = self._expected[digest], -ranks[digest]
        return {key: programs[key] for key in sorted(programs, key=order.__getitem__, reverse=True)}

    def _is_calibrated(self, program: Program) -> bool:
        """Whether results of a problem can be used: what they rest on is known."""
        known = program.known
        return not known.problem.is_calibrated or self.calibrations.known(known.digest) is not None

    def _unknown(self, programs: Mapping[bytes, Program]) -> dict[bytes, Program]:
        """Return those that are neither judged nor in flight."""
        return {
            key: each
            for key, each in programs.items()
            if not (key in self.cache and self._is_calibrated(each)) and key not in self._running
        }

    async def _enter(
        self, batch: Batch, client: Client, programs: Mapping[bytes, Program], *, stop: bool
    ) -> list[tuple[Program, Results]]:
        """Queue what is new and join what runs, all or nothing. Returns: what is known already."""
        unknown = self._unknown(programs)
        # A server that is asked for far too much must refuse at little cost: before anything is made of it.
        self._dispatcher.check_room(len(unknown), client)
        lane = Lane(client.name, batch)
        made = {key: self._evaluation(key, each, lane, stop=stop) async for key, each in in_turns(unknown.items())}
        # From here on nothing waits, so nothing changes. What did while they were made is seen here.
        finished: list[tuple[Program, Results]] = []
        joined: list[tuple[Evaluation, Program]] = []
        new: dict[bytes, tuple[Evaluation, Ticket[Results]]] = {}
        for key, program in programs.items():
            results = self.cache.get(key) if self._is_calibrated(program) else None
            if results is not None:
                finished.append((program, results))
                continue
            evaluation = self._running.get(key)
            if evaluation is None:
                new[key] = made.get(key) or self._evaluation(key, program, lane, stop=stop)
                evaluation = new[key][0]
            joined.append((evaluation, program))
        self._dispatcher.submit([ticket for _, ticket in new.values()], client=client)
        for key, (evaluation, ticket) in new.items():
            self._running[key] = evaluation
            evaluation.ticket = ticket  # only now, as each holds the other until it ends: a refused batch leaves none
        self.joined += sum([len(program.indexes) for _, program in joined]) - len(new)
        for evaluation, program in joined:
            evaluation.waiting[batch] = program.indexes
        batch.evaluations.update([evaluation for evaluation, _ in joined])
        return finished

    def _evaluation(
        self, key: bytes, program: Program, lane: Lane, *, stop: bool
    ) -> tuple[Evaluation, Ticket[Results]]:
        evaluation = Evaluation(
            key, program.known, program.code, self._expected, self.calibrations, self.apart, stop=stop
        )
        opening = None if has_follow_up(program.known.problem) else evaluation
        end = partial(self._end, evaluation)
        return evaluation, Ticket(evaluation.run, end, lane, opening, lambda: evaluation.is_put_off)

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
            # Neither is kept: two sandboxes on one machine are good evidence, but not worth a 0 for ever.
            verdict: Verdict = "judge_disturbed" if isinstance(ticket.error, Disturbed) else "sandbox_error"
            results = results_without_run(evaluation.problem, verdict, str(ticket.error))
        started_at = min(ticket.started_at, time.monotonic())
        for batch, indexes in evaluation.waiting.items():
            batch.evaluations.discard(evaluation)
            queue_s = max(0.0, started_at - batch.submitted_at)
            problem, calibration = evaluation.problem, evaluation.calibration
            refused = refusal(problem, batch.min_assurance, calibration)
            answer = results if refused is None else results_without_run(problem, *refused)
            batch.add(indexes, answer, problem, calibration, code=evaluation.code, queue_s=queue_s)


STRONGER: Final[dict[Assurance, str]] = {
    "objects": "write the tests as kind `call` or `stdio`, or lower min_assurance",
    "shared": "remove `isolation: shared` from the problem's tests, or lower min_assurance",
}
"""How a problem of this assurance can pass a higher `min_assurance`."""


def refusal(problem: Problem, least: Assurance, calibration: Calibration | None = None) -> tuple[Verdict, str] | None:
    """Return the verdict of every submission to a problem whose results rest on less than `least`.

    What the results of a problem with a reference rest on is not known before it is calibrated.
    """
    if problem.is_calibrated and calibration is None:
        return None
    assurance = assurance_of(problem, calibration)
    if calibration is not None and assurance == "shared":
        return ONE_PROCESS
    if not is_weaker(assurance, least):
        return None
    message = f"the problem's assurance is `{assurance}`, and the request has min_assurance `{least}`"
    return "sandbox_error", f"{message}: {STRONGER[assurance]}"


def check_memory(memory_mb: int, most_mb: int | None, field: str) -> None:
    """Refuse a limit that is higher than what a sandbox has. Raises: BadRequest."""
    if most_mb is not None and memory_mb > most_mb:
        message = f"memory_mb is {memory_mb}, and a sandbox here has {most_mb}: raise PASSRATE_CONTAINER_MEMORY_MB"
        raise BadRequest(field, message)


def _is_longer(text: str, limit: int) -> bool:
    """Tell whether the UTF-8 of a text has more than `limit` bytes; encodes it only where the length leaves it open."""
    return len(text) > limit or (4 * len(text) > limit and len(text.encode("utf-8", "surrogatepass")) > limit)
