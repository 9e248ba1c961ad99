"""Coroutines that wait across the wall: the event loops of both sides take turns.

A coroutine of the submission runs on a loop there. Whenever that would wait, it stops, and the judge is told what has
ended, which coroutines of the test are awaited, and how long until the next timer. So the judge's loop goes on
meanwhile, and what is set, released or cancelled there arrives. `Tasks` is the submission's side, `Turns` the judge's.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

from reward_server.runner import containers, link, values

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from reward_server.runner.served import Served
    from reward_server.runner.wall import Wall

SHORTEST_S, LONGEST_S = 0.001, 3600.0
POLL_S = 0.005
"""Where a thread or a pipe may end the wait."""


class Patient(selectors.DefaultSelector):
    """Does not wait: notes how long it would have."""

    loop: asyncio.AbstractEventLoop
    rest: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.rest = timeout
            self.loop.stop()
        return super().select(0)


class Tasks:
    """The submission's coroutines that the judge awaits, by the judge's tickets."""

    def __init__(self, home: Served) -> None:
        self.home = home
        selector = Patient()
        self.loop: Any = asyncio.SelectorEventLoop(selector)
        self.selector = selector
        selector.loop = self.loop
        self.tasks: dict[int, asyncio.Task[Any]] = {}
        self.awaited: dict[int, asyncio.Future[Any]] = {}
        self.last = 0
        self.wanted: list[list[Any]] = []
        self.dropped: list[int] = []

    def start(self, ticket: int, awaitable: Awaitable[Any]) -> dict[str, Any]:
        self.tasks[ticket] = self.loop.create_task(run(awaitable))
        return self.turn([])

    def cancel(self, ticket: int) -> dict[str, Any]:
        if ticket in self.tasks:
            self.tasks[ticket].cancel()
        return self.turn([])

    def turn(self, outcomes: list[Any]) -> dict[str, Any]:
        """Go on with these outcomes of what was wanted, until there is nothing to do but wait."""
        for number, outcome in outcomes:
            future = self.awaited.pop(number, None)
            if future is not None and not future.done():
                future.set_result(outcome)
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            self.selector.rest = 0
            self.loop.call_soon(lambda: None)
            self.loop.run_forever()
            while self.loop._ready:
                self.loop.run_forever()
        finally:
            asyncio._set_running_loop(running)
        return self.told()

    def told(self) -> dict[str, Any]:
        ended = [ticket for ticket, task in self.tasks.items() if task.done()]
        wanted, self.wanted = self.wanted, []
        dropped, self.dropped = self.dropped, []
        rest = self.selector.rest
        if self.loop._default_executor is not None or len(self.selector.get_map()) > 1:
            rest = POLL_S if rest is None else min(rest, POLL_S)
        outcomes = [[ticket, self.outcome(self.tasks.pop(ticket))] for ticket in ended]
        return {"ended": outcomes, "wanted": wanted, "dropped": dropped, "rest": rest}

    def outcome(self, task: asyncio.Task[Any]) -> list[Any]:
        try:
            return ["=", self.home.encode(task.result())]
        except (values.Unfit, link.Refused) as error:
            return ["~", str(error)]
        except BaseException as error:
            return ["!", self.home.describe_exception(error)]

    async def want(self, operation: str, number: int) -> Any:
        """What a coroutine or an asynchronous generator of the test gives."""
        self.last += 1
        ticket = self.last
        future = self.awaited[ticket] = self.loop.create_future()
        self.wanted.append([ticket, operation, number])
        try:
            mark, content = await future
        except asyncio.CancelledError:
            self.dropped.append(ticket)
            raise
        if mark == "=":
            return self.home.decode(content)
        raise self.home.exception(content) if mark == "!" else link.Refused(content)

    def are_running(self) -> bool:
        """Whether the coroutine under way is one of these."""
        return asyncio._get_running_loop() is self.loop


async def run(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class Turns:
    """What the test awaits of the submission, on one event loop."""

    @classmethod
    def of(cls, wall: Wall) -> Turns | None:
        """Those of the running event loop; None where there is none."""
        loop = asyncio._get_running_loop()
        if loop is not None and (wall.turns is None or wall.turns.loop is not loop):
            wall.turns = cls(wall, loop)
        return None if loop is None else wall.turns

    def __init__(self, wall: Wall, loop: asyncio.AbstractEventLoop) -> None:
        self.wall, self.loop = wall, loop
        self.last = 0
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.serving: dict[int, asyncio.Task[None]] = {}
        self.timer: asyncio.TimerHandle | None = None

    async def run(self, operation: str, number: int) -> Any:
        """The encoded value that comes of it. Raises: what the submission raised; Gone; Unfit; Refused."""
        wall = self.wall
        wall.tickets += 1
        ticket, cancelled = wall.tickets, False
        future = self.waiting[ticket] = self.loop.create_future()
        self.take(wall.ask(operation, number, ticket))
        try:
            outcome = await future
        except asyncio.CancelledError:
            cancelled = True
            self.take(wall.ask("cancel", ticket))
            outcome = await future
        match outcome[0]:
            case ["=", encoded]:
                return wall.arrived(operation, number, encoded)
            case ["!", described]:
                error = wall.exception(described)
                if not (cancelled and isinstance(error, asyncio.CancelledError)):
                    wall.evidence.note_raised(error, operation, (number,))
                raise error
        raise wall.refused(link.Refused(str(outcome[0][1:])[:500]))

    def go_on(self, outcomes: list[Any]) -> None:
        if self.wall.turns is not self:
            return  # the submission was started anew since
        try:
            with self.wall.chosen_there():
                told = self.wall.ask("turn", outcomes)
            self.take(told)
        except BaseException as error:
            for future in self.waiting.values():
                if not future.done():
                    future.set_exception(error)

    def take(self, told: Any) -> None:
        """Take over what the submission says of its turn. Raises: Unfit."""
        try:
            for ticket, outcome in told["ended"]:
                future = self.waiting.pop(ticket, None)
                if future is not None and not future.done():
                    future.set_result((outcome, self.held(outcome)))
            for ticket, operation, number in told["wanted"]:
                self.serving[ticket] = self.loop.create_task(self.serve(ticket, operation, number))
            for ticket in told["dropped"]:
                if ticket in self.serving:
                    self.serving[ticket].cancel()
            self.wait(told["rest"])
        except (LookupError, TypeError, ValueError) as error:
            raise self.wall.refused(values.Unfit(f"a turn that was not understood: {type(error).__name__}")) from None

    def held(self, outcome: Any) -> list[Any]:
        """The containers that an outcome names, lest they are forgotten before it is looked at."""
        named = containers.named_in(outcome[1]) if type(outcome[1]) is list and outcome[1] else ()
        return [self.wall.containers.find(number) for number in named if number in self.wall.containers.held]

    def wait(self, rest: Any) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.waiting and type(rest) in (int, float):
            self.timer = self.loop.call_later(max(SHORTEST_S, min(rest, LONGEST_S)), self.go_on, [])

    async def serve(self, ticket: int, operation: str, number: int) -> None:
        """Await what the submission awaits of the test's."""
        try:
            outcome = await self.wall.exports.outcome(operation, number)
        finally:
            self.serving.pop(ticket, None)
        self.go_on([[ticket, outcome]])
