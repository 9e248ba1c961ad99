"""The problems that the server holds, by id: `<set>/<id within the set>`.

Sets named in the settings are read in the background, so that the server answers at once; who asks for one waits for
it. Problems stored by PUT live in memory, within `max_stored_bytes`, and never replace those of a set.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reward_server.errors import BadRequest, BadSetting, TooLarge, UnknownProblem
from reward_server.identity import judging_digest
from tasks.schema import CallTests, StdioTests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tasks.schema import Problem

log = logging.getLogger(__name__)


@dataclass
class Known:
    """A problem and how it is told from others."""

    problem: Problem
    digest: bytes = b""
    """Empty until it was asked for by `identified`."""

    async def identified(self) -> Known:
        self.digest = self.digest or await judging_digest(self.problem)
        return self


class ProblemStore:
    def __init__(self, sources: str, max_stored_bytes: int, load: Callable[[str], list[Problem]]) -> None:
        """Name the sources; nothing is read yet. Raises: BadSetting for a file that is not there."""
        self._sources = {set_name(source): source for source in _split(sources)}
        self._load = load
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._errors: dict[str, str] = {}
        self._known: dict[str, Known] = {}
        self._stored_bytes: dict[str, int] = {}
        self._max_stored_bytes = max_stored_bytes
        for source in self._sources.values():
            path = source.partition(":")[2] or source
            if path != "bundled" and not Path(path).exists():
                raise BadSetting(f"PASSRATE_PROBLEMS: there is no file {path}")

    @property
    def held(self) -> int:
        """Problems, those of the sets included."""
        return len(self._known)

    @property
    def stored(self) -> int:
        """Problems that were stored by PUT."""
        return len(self._stored_bytes)

    @property
    def stored_bytes(self) -> int:
        return sum(self._stored_bytes.values())

    @property
    def unreadable(self) -> int:
        """Sets that could not be read."""
        return len(self._errors)

    async def start(self) -> None:
        """Begin to read the sets."""
        self._loading = {name: asyncio.create_task(self._read(name)) for name in self._sources}

    async def close(self) -> None:
        for task in self._loading.values():
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)

    async def get(self, problem_id: str, field: str = "id") -> Known:
        """Return a problem. Raises: UnknownProblem that names the field."""
        known = self._known.get(problem_id)
        if known is not None:
            return known
        name = problem_id.partition("/")[0]
        if name in self._loading:
            await asyncio.shield(self._loading[name])
        if problem_id in self._known:
            return self._known[problem_id]
        if name in self._errors:
            raise UnknownProblem(field, f"the set {name!r} could not be read: {self._errors[name]}")
        raise UnknownProblem(
            field, f"no problem {problem_id[:200]!r}: give it inline under `problems`, or store it by PUT /v1/problems"
        )

    async def page(self, prefix: str, offset: int, limit: int) -> tuple[list[tuple[str, Problem]], int]:
        """Return a page of the problems whose id begins with `prefix`, by id, and the number of all of them."""
        for name, task in self._loading.items():
            if f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/"):
                await asyncio.shield(task)
        ids = sorted((each for each in self._known if each.startswith(prefix)), key=_natural)
        return [(each, self._known[each].problem) for each in ids[offset : offset + limit]], len(ids)

    def put(self, problems: Mapping[str, Problem]) -> int:
        """Store all or none. Returns: how many are stored by PUT now. Raises: BadRequest, TooLarge."""
        sizes = {}
        for problem_id, problem in problems.items():
            name = problem_id.partition("/")[0]
            if name in self._sources:
                message = f"the set {name!r} came with the server and stays as it is: choose another prefix"
                raise BadRequest(f"problems.{problem_id}", message)
            sizes[problem_id] = len(problem.model_dump_json())
        after = self._stored_bytes | sizes
        if sum(after.values()) > self._max_stored_bytes:
            raise TooLarge("problems", f"stored problems may have {self._max_stored_bytes} bytes in all")
        self._stored_bytes = after
        for problem_id, problem in problems.items():
            self._known[problem_id] = Known(problem.model_copy(update={"id": problem_id}))
        return len(after)

    async def _read(self, name: str) -> None:
        try:
            problems = await asyncio.to_thread(self._load, self._sources[name])
        except Exception as error:  # noqa: BLE001 a bad file is told to those who ask for its problems
            self._errors[name] = str(error) or type(error).__name__
            log.error("problem_set_unreadable", extra={"set": name, "cause": self._errors[name]})  # noqa: TRY400
            return
        for problem in problems:
            problem_id = f"{name}/{problem.id}"
            self._known[problem_id] = Known(problem.model_copy(update={"id": problem_id}))


def set_name(source: str) -> str:
    """Name the set of a source: `humaneval:PATH` is `humaneval`, `PATH/mine.jsonl` is `mine`."""
    kind, colon, _ = source.partition(":")
    return kind if colon else Path(source).stem


def summary(problem_id: str, problem: Problem) -> dict[str, Any]:
    """Describe a problem in brief, as `ProblemSummary` says."""
    tests = problem.tests
    return {
        "id": problem_id,
        "language": problem.language,
        "kind": tests.kind,
        "entry_point": problem.entry_point,
        "cases": len(tests.cases) if isinstance(tests, StdioTests | CallTests) else None,
        "tags": list(problem.tags),
        "difficulty": problem.difficulty,
    }


def _split(sources: str) -> list[str]:
    return [source.strip() for source in sources.split(",") if source.strip()]


def _natural(problem_id: str) -> tuple[tuple[int, str], ...]:
    """Order `x/2` before `x/10`."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in problem_id.split("/"))
