"""The problems that the server holds, by id: `<set>/<id within the set>`.

Sets named in the settings are read in the background, so that the server answers at once; who asks for one waits for
it. Problems stored by PUT live in memory, within bounds, and never replace those of a set. They belong to the key that
stored them: others neither see nor replace them. Those of a key that was removed stay for a new key of its name, until
someone else needs their room.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reward_server.errors import BadRequest, BadSetting, TooLarge, UnknownProblem
from reward_server.identity import judging_digest
from tasks.schema import CallTests, StdioTests

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

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


@dataclass(frozen=True, slots=True)
class Room:
    """How many bytes stored problems may have."""

    in_all: int
    each: int | None = None
    """Those of one owner; None where there is only one."""


@dataclass
class Stored:
    """What one owner has stored."""

    problems: dict[str, Known] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


class ProblemStore:
    def __init__(
        self,
        sources: str,
        room: Room,
        load: Callable[[str], list[Problem]],
        owners: Callable[[], Collection[str]] | None = None,
    ) -> None:
        """Name the sources; nothing is read yet. `owners`: those that there are now.

        Raises: BadSetting for a file that is not there.
        """
        self._sources = {set_name(source): source for source in _split(sources)}
        self._load = load
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._errors: dict[str, str] = {}
        self._of_sets: dict[str, Known] = {}
        self._stored: dict[str, Stored] = {}
        self._room = room
        self._owners = owners
        for source in self._sources.values():
            path = source.partition(":")[2] or source
            if path != "bundled" and not Path(path).exists():
                raise BadSetting(f"PASSRATE_PROBLEMS: there is no file {path}")

    @property
    def held(self) -> int:
        """Problems, those of the sets included."""
        return len(self._of_sets) + self.stored

    @property
    def stored(self) -> int:
        """Problems that were stored by PUT."""
        return sum(len(each.sizes) for each in self._stored.values())

    @property
    def stored_bytes(self) -> int:
        return sum(sum(each.sizes.values()) for each in self._stored.values())

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

    async def get(self, problem_id: str, field: str = "id", owner: str = "") -> Known:
        """Return a problem of a set, or of this owner. Raises: UnknownProblem that names the field."""
        name = problem_id.partition("/")[0]
        if name in self._loading and problem_id not in self._of_sets:
            await asyncio.shield(self._loading[name])
        known = self._of_sets.get(problem_id) or self._own(owner).get(problem_id)
        if known is not None:
            return known
        if name in self._errors:
            raise UnknownProblem(field, f"the set {name!r} could not be read: {self._errors[name]}")
        raise UnknownProblem(
            field, f"no problem {problem_id[:200]!r}: give it inline under `problems`, or store it by PUT /v1/problems"
        )

    async def page(
        self, prefix: str, offset: int, limit: int, owner: str = ""
    ) -> tuple[list[tuple[str, Problem]], int]:
        """Return a page of the problems whose id begins with `prefix`, by id, and the number of all of them."""
        for name, task in self._loading.items():
            if f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/"):
                await asyncio.shield(task)
        seen = self._of_sets | self._own(owner)
        ids = sorted((each for each in seen if each.startswith(prefix)), key=_natural)
        return [(each, seen[each].problem) for each in ids[offset : offset + limit]], len(ids)

    def put(self, problems: Mapping[str, Problem], owner: str = "") -> int:
        """Store all or none. Returns: how many this owner has stored now. Raises: BadRequest, TooLarge."""
        sizes = {}
        for problem_id, problem in problems.items():
            name = problem_id.partition("/")[0]
            if name in self._sources:
                message = f"the set {name!r} came with the server and stays as it is: choose another prefix"
                raise BadRequest(f"problems.{problem_id}", message)
            sizes[problem_id] = len(problem.model_dump_json())
        before = self._stored.get(owner, Stored())
        after = before.sizes | sizes
        self._make_room(owner, sum(after.values()))
        named = {each: Known(problem.model_copy(update={"id": each})) for each, problem in problems.items()}
        self._stored[owner] = Stored(before.problems | named, after)
        return len(after)

    def _own(self, owner: str) -> dict[str, Known]:
        return self._stored[owner].problems if owner in self._stored else {}

    def _make_room(self, owner: str, size: int) -> None:
        """Forget problems whose owner is gone, where their room is needed. Raises: TooLarge."""
        room = self._room
        if room.each is not None and size > room.each:
            raise TooLarge("problems", f"the problems that one key stores may have {room.each} bytes")
        if self._with(owner, size) > room.in_all and self._owners is not None:
            for gone in self._stored.keys() - set(self._owners()) - {owner}:
                del self._stored[gone]
        if self._with(owner, size) > room.in_all:
            raise TooLarge("problems", f"stored problems may have {room.in_all} bytes in all")

    def _with(self, owner: str, size: int) -> int:
        """The bytes of all that is stored once this owner's are so many."""
        return size + sum(sum(each.sizes.values()) for name, each in self._stored.items() if name != owner)

    async def _read(self, name: str) -> None:
        try:
            problems = await asyncio.to_thread(self._load, self._sources[name])
        except Exception as error:  # noqa: BLE001 a bad file is told to those who ask for its problems
            self._errors[name] = str(error) or type(error).__name__
            log.error("problem_set_unreadable", extra={"set": name, "cause": self._errors[name]})  # noqa: TRY400
            return
        for problem in problems:
            problem_id = f"{name}/{problem.id}"
            self._of_sets[problem_id] = Known(problem.model_copy(update={"id": problem_id}))


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
