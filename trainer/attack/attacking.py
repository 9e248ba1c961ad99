"""Runs payloads in slots of a backend, with the canary after each.

Promises: every payload has an outcome, also where a sandbox is lost; each slot that it opens is closed. A slot that is
spent after a payload is replaced, as a server would; the canary then looks at the new one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from reward_server.errors import RewardServerError
from reward_server.judging import judge, plan
from trainer.attack import canary
from trainer.attack.hogs import spinning
from trainer.attack.payload import Payload, program_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from reward_server.backends.base import Backend, Slot
    from reward_server.verdicts import TestResult
    from tasks.schema import Problem

SIDE_BY_SIDE: Final = 2
BEFORE_THE_NEIGHBOUR_S: Final = 0.4
"""For so long a payload is at work before what is to be hindered begins."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one payload."""

    seen: str
    """Its verdict."""
    slot: Literal["clean", "replaced", "dirty"]
    """`clean`: the canary saw what it sees in a new slot. `replaced`: the slot was given up, and the canary ran in
    another one."""
    wrong: str = ""
    """What is not as it must be, in one line; empty if all is."""
    why_spent: str = ""


class Target:
    """One slot after another, each known from its first canary."""

    def __init__(self, backend: Backend, seat: int) -> None:
        self.backend, self.seat = backend, seat
        self.slot: Slot | None = None
        self.why_spent: list[str] = []
        """Of each slot that was given up so far."""
        self.fresh: list[TestResult] = []

    async def ready(self) -> Slot:
        """Return the slot, or a new one where it is spent. Raises: RewardServerError."""
        if self.slot is not None and self.slot.spent:
            self.why_spent.append(getattr(self.slot, "why_spent", ""))
            await self.close()
        if self.slot is None:
            self.slot = await self.backend.open_slot()
            self.slot.sit(self.seat)
            self.fresh = await self.judged(canary.PROBLEM, canary.PROGRAM)
        return self.slot

    async def judged(self, problem: Problem, code: str) -> list[TestResult]:
        assert self.slot is not None
        return judge(problem, await self.slot.run(plan(problem, code)))

    async def close(self) -> None:
        if self.slot is not None:
            await self.slot.close()
            self.slot = None

    async def attacked(self, payload: Payload) -> Outcome:
        """Run a payload and then the canary. Never raises for what a payload does."""
        given_up_before = len(self.why_spent)
        try:
            await self.ready()
            given_up_before = len(self.why_spent)
            seen, wrong = await self.struck(payload)
        except RewardServerError as error:
            seen, wrong = "none", f"no verdict: {error}"
        try:
            await self.ready()
            found = canary.complaint(await self.judged(canary.PROBLEM, canary.PROGRAM), self.fresh)
        except RewardServerError as error:
            found = f"no verdict: {error}"
        if found:
            wrong = wrong or f"afterwards {found}"
        given_up = self.why_spent[given_up_before:]
        return Outcome(seen, "dirty" if found else "replaced" if given_up else "clean", wrong, ", ".join(given_up))

    async def struck(self, payload: Payload) -> tuple[str, str]:
        """Run a payload with all that belongs to it. Returns its verdict and what was wrong. Raises: SandboxLost."""
        if payload.beside:
            return await self.beside(payload)
        with spinning(payload.hogs):
            (result,) = await self.judged(payload.problem, payload.code)
        wrong = complaint(payload, result)
        if payload.differs:
            (again,) = await self.judged(payload.problem, payload.code)
            if again.stdout == result.stdout:
                wrong = wrong or f"printed twice: {result.stdout}"
        if payload.then and not wrong:
            await self.ready()
            (after,) = await self.judged(program_problem(), payload.then)
            if after.verdict != "passed":
                wrong = f"the next submission: {after.verdict}, {after.message}"
        return result.verdict, wrong

    async def beside(self, payload: Payload) -> tuple[str, str]:
        """The same, with a program in another slot meanwhile."""
        neighbour = Target(self.backend, self.seat + 1)
        try:
            await neighbour.ready()
            async with asyncio.TaskGroup() as group:
                striking = group.create_task(self.judged(payload.problem, payload.code))
                await asyncio.sleep(BEFORE_THE_NEIGHBOUR_S)
                (honest,) = await neighbour.judged(program_problem(), payload.beside)
            (result,) = striking.result()
        except* RewardServerError as lost:
            raise lost.exceptions[0] from None
        finally:
            await neighbour.close()
        if honest.verdict != "passed":
            return result.verdict, f"in the slot beside it: {honest.verdict}, {honest.message}"
        return result.verdict, complaint(payload, result)


def complaint(payload: Payload, result: TestResult) -> str:
    if result.verdict in payload.verdicts:
        return ""
    return f"{result.verdict} where {' or '.join(payload.verdicts)} is right: {result.message}"


async def attack(
    backend: Backend, payloads: Sequence[Payload], tell: Callable[[Payload, Outcome], None], side_by_side: int
) -> None:
    """Run payloads, so many side by side, and those alone that need the machine's processors; tell of each."""
    await strike(backend, [each for each in payloads if not alone(each)], tell, side_by_side)
    await strike(backend, [each for each in payloads if alone(each)], tell, 1)


def alone(payload: Payload) -> bool:
    return bool(payload.hogs or payload.beside)


async def strike(
    backend: Backend, payloads: Iterable[Payload], tell: Callable[[Payload, Outcome], None], side_by_side: int
) -> None:
    waiting = iter(payloads)

    async def work(seat: int) -> None:
        target = Target(backend, seat)
        try:
            for payload in waiting:  # one iterator for all: each takes what is next
                tell(payload, await target.attacked(payload))
        finally:
            await target.close()

    async with asyncio.TaskGroup() as group:
        for seat in range(side_by_side):
            group.create_task(work(seat))
