"""The judge's side: proxies for iterators, generators and coroutines, and what fetches their items ahead.

A crossing costs tens of microseconds, which a loop over 100,000 items would pay out of the submission's limit. So once
an iteration has given many items with nothing else crossing the wall in between, further items are fetched ahead: no
more than a quarter of what was taken so far, only while they are plain and unchanging, and for no more than a few
milliseconds at a time. An exception is raised where its turn comes.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

from reward_server.runner import link, values

if TYPE_CHECKING:
    from reward_server.runner.wall import Wall

UNFETCHED = 128
"""So many items of an iteration are asked for one by one."""
SHARE, MOST = 4, 4096


class Items:
    """The items of one iterator of the submission."""

    def __init__(self, wall: Wall, number: int) -> None:
        self.wall, self.number = wall, number
        self.ahead: collections.deque[Any] = collections.deque()
        self.ending: BaseException | None = None
        """What is raised after those that were fetched."""
        self.taken = 0
        self.crossings = wall.crossings
        self.alone = True
        """Whether nothing else has crossed the wall since the first item."""

    def next(self) -> Any:
        self.taken += 1
        if self.ahead:
            return self.ahead.popleft()
        if self.ending is not None:
            return self.end()
        self.alone = self.alone and (self.taken == 1 or self.wall.crossings == self.crossings)
        before = self.wall.crossings
        many = min(self.taken // SHARE, MOST) if self.alone and self.taken > UNFETCHED else 1
        try:
            return self.fetch(many) if many > 1 else self.wall.special(self.number, "__next__", ())
        finally:
            self.crossings = self.wall.crossings
            self.alone = self.alone and self.crossings == before + 1

    def fetch(self, many: int) -> Any:
        match self.wall.ask("take", self.number, "__next__", many):
            case [list(items), ending] if len(items) + (ending is not None) > 0 and len(items) <= many:
                self.ahead.extend(map(self.wall.decode, items))
                self.ending = None if ending is None else self.wall.exception(ending)
            case _:
                raise self.wall.refused(values.Unfit("items that were not understood"))
        return self.ahead.popleft() if self.ahead else self.end()

    def end(self) -> Any:
        error, self.ending = self.ending, None
        assert error is not None
        self.wall.evidence.note_raised(error, "special", (self.number, "__next__"))
        raise error

    def resume(self, sent: Any, throwing: BaseException | None) -> Any:
        return self.send(sent) if throwing is None else self.throw(throwing)

    def send(self, value: Any) -> Any:
        self.interfere()
        return self.wall.special(self.number, "send", (value,))

    def throw(self, error: BaseException) -> Any:
        self.interfere()
        return self.wall.decode(self.wall.ask("throw", self.number, self.wall.describe_exception(error)))

    def interfere(self) -> None:
        """A generator that is further than the test knows would take this in another place."""
        if self.ahead or self.ending is not None:
            self.wall.evidence.problem = "the test sends or throws to a generator of which it has taken many items"


def generator(wall: Wall, number: int) -> Any:
    sent: Any = None
    throwing: BaseException | None = None
    items, generation = Items(wall, number), wall.generation
    while generation == wall.generation:
        try:
            item = items.next() if sent is None and throwing is None else items.resume(sent, throwing)
        except StopIteration as stop:
            return stop.value
        throwing = None
        try:
            sent = yield item
        except GeneratorExit:
            if generation == wall.generation:
                wall.ask("method", number, "close", [], [])
            raise
        except Exception as error:
            throwing = error
    raise wall.refused(link.Refused("the generator's submission has ended"))


async def coroutine(wall: Wall, number: int, operation: str = "await") -> Any:
    """`operation`: `await_next` of what may end an iteration."""
    return await wall.awaited(operation, number)


async def async_generator(wall: Wall, number: int) -> Any:
    while True:
        try:
            item = await wall.awaited("anext", number)
        except StopAsyncIteration:
            return
        yield item
