"""Calibrates problems by their references, each once, in the slots of those that wait for it.

Promises: one attempt at a time for a problem, whoever waits for it; when that one is cancelled or loses its sandbox,
the next in line goes on from there; a lost run calibrates nothing; at most five runs, each ended by its first failure.
What was learned stays in memory and, without a fault, in the cache file.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from reward_server.apart import Apart, Incomparable
from reward_server.errors import SandboxLost
from reward_server.judging import follow_up, judge
from reward_server.judging.calibration import ATTEMPTS, Calibration, at_fault, attempt, faulty, is_lost, passed, timed
from reward_server.lru import LRUCache
from reward_server.verdicts import TestResult

if TYPE_CHECKING:
    from collections.abc import Collection

    from reward_server.backends.base import Slot
    from reward_server.disk_cache import DiskCache
    from reward_server.jobs import Observations
    from tasks.schema import Problem

MOST: Final = 8192
MOST_BYTES: Final = 64 << 20
CALIBRATION_BYTES: Final = 300
"""What one takes besides its texts, about."""
NUMBER_BYTES: Final = 32
UNJUDGED: Final = "the reference could not be judged"
DISK_PREFIX: Final = b"calibration "


class Course:
    """The calibration of one problem, under way or done."""

    __slots__ = ("_lost_before", "_tried", "found", "turn")

    def __init__(self, found: Calibration | None = None) -> None:
        self.found = found
        self.turn = asyncio.Lock()
        self._tried = 0
        """How many attempts the reference did not pass."""
        self._lost_before = False

    async def go_on(self, slot: Slot, problem: Problem, apart: Apart) -> None:
        """Try the reference once more. Raises: SandboxLost; then all is as before."""
        try:
            await (self._attempt(slot, problem) if problem.has_test_code else self._time(slot, problem, apart))
        except SandboxLost as error:
            # Made anew, so that nobody takes the submission that waits for what brought the loss about.
            raise SandboxLost(f"{UNJUDGED}: {error}", error.loss) from None

    async def _time(self, slot: Slot, problem: Problem, apart: Apart) -> None:
        """Without test code the reference shows only how long right takes: lost twice, it is done without.

        Raises: SandboxLost.
        """
        seen: tuple[Observations, ...] = ()
        try:
            seen = (await slot.run(attempt(problem, "values")),)
            while not slot.spent and (job := await apart.call(follow_up, problem, *seen)) is not None:
                seen = (*seen, await slot.run(job))
            results = await apart.call(judge, problem, *seen)
        except Incomparable as error:
            results = [TestResult("wrong_answer", message=str(error))]
        except SandboxLost as error:
            if not self._lost_before:
                self._lost_before = True
                raise
            results = [TestResult("sandbox_error", message=str(error))]
        if not self._lost_before and any(each.verdict == "sandbox_error" for each in results):
            self._lost_before = True
        else:
            self.found = timed(problem, seen[0], results) if seen else at_fault(problem, results)

    async def _attempt(self, slot: Slot, problem: Problem) -> None:
        """Raises: SandboxLost."""
        assurance = ATTEMPTS[self._tried]
        seen = await slot.run(attempt(problem, assurance))
        lost = is_lost(seen)
        if lost and assurance == "shared":
            raise SandboxLost(seen.tests[0].message)
        self._lost_before = lost and not self._lost_before
        if self._lost_before:
            return  # a failure of ours comes once; a test that cannot be run so is lost each time
        self.found = passed(problem, assurance, seen)
        self._tried += 1
        if self.found is None and self._tried == len(ATTEMPTS):
            self.found = faulty(problem, seen)


def calibration_of(rows: list[Any]) -> Calibration:
    """Raises: TypeError, ValueError."""
    assurance, sites, unreached, cpu_s, fault, cases_cpu_s, *_ = rows
    return Calibration(assurance, sites, tuple(unreached), cpu_s, fault, tuple(cases_cpu_s))


class Calibrations:
    """What is known of problems by their references, by judging digest."""

    def __init__(self, disk: DiskCache | None = None, apart: Apart | None = None) -> None:
        """`apart`: judges what the references answer; whoever made it closes it."""
        self._disk = disk
        self._apart = apart or Apart()
        self._courses: LRUCache[Course] = LRUCache(MOST, MOST_BYTES)

    def known(self, digest: bytes) -> Calibration | None:
        course = self._courses.get(digest)
        return course.found if course is not None else None

    async def recall(self, digests: Collection[bytes]) -> None:
        """Take from the cache file what is not in memory."""
        missing = [digest for digest in digests if self._courses.get(digest) is None]
        if self._disk is None or not missing:
            return
        found = await self._disk.read([DISK_PREFIX + digest for digest in missing], calibration_of)
        for key, calibration in found.items():
            digest = key.removeprefix(DISK_PREFIX)
            if self._courses.get(digest) is None:
                self._keep(digest, Course(calibration))

    async def of(self, slot: Slot, digest: bytes, problem: Problem) -> Calibration | None:
        """Return what the reference shows: known already, or found by attempts in this slot, one caller at a time.

        Returns: None where the slot is spent before that is known; call again with another one. Raises: SandboxLost.
        """
        course = self._courses.get(digest)
        if course is None:
            course = Course()
            self._courses.put(digest, course, 0)
        if course.found is not None:
            return course.found
        async with course.turn:
            while course.found is None:
                if slot.spent:
                    return None
                await course.go_on(slot, problem, self._apart)
                if course.found is not None:
                    self._keep(digest, course)
                    self._write(digest, course.found)
        return course.found

    def _keep(self, digest: bytes, course: Course) -> None:
        assert course.found is not None
        size = len(course.found.sites) + len(course.found.fault) + NUMBER_BYTES * len(course.found.cases_cpu_s)
        self._courses.put(digest, course, CALIBRATION_BYTES + size)

    def _write(self, digest: bytes, found: Calibration) -> None:
        # A fault may come from a flaky reference or a busy machine: the next server tries again.
        if self._disk is not None and not found.fault:
            self._disk.keep(DISK_PREFIX + digest, list(found))
