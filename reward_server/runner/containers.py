"""The lists, dicts and sets that both sides of the wall hold: what is one there is one here.

A container that crosses gets a number and travels as `["k", number]`. What it holds travels beside the message, one
level deep: `[forgotten, [[number, contents], ...]]`, for each container that is new or has changed since. So identity,
sharing, cycles and changes in place, also after the call, are as within one process. The judge's side numbers from -1
downwards and says which containers it no longer holds; the submission's side numbers from 1 upwards and forgets what
it is told to.

What a message does not name is looked at as far as that stays cheap: `MANY_HELD` containers, `MANY_ITEMS` in them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from reward_server.runner import arrays, values

NOTHING = 0
"""In the place of an account that has nothing to tell."""
MANY_NEW = 20_000
"""So many new containers are numbered in one message; further ones cross as copies."""
MANY_HELD, MANY_ITEMS = 1024, 100_000


class Held:
    """A container, and what both sides know it to hold."""

    __slots__ = ("known", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.known: values.Encoded = None


SAMPLE = Held([])
UNHELD = sys.getrefcount(SAMPLE.value)
"""What `getrefcount` says of a container to which nothing but its `Held` refers."""
Contents = Callable[[Any], values.Encoded]
"""What a container holds, encoded one level deep."""


class Containers:
    """One side's containers. `step` is the first of its own numbers; `forgets`: it decides how long both keep them."""

    def __init__(self, step: int, *, forgets: bool) -> None:
        self.step, self.forgets = step, forgets
        self.last = 0
        self.held: dict[int, Held] = {}
        self.numbers: dict[int, int] = {}
        """By `id`: what is held lives."""
        self.named: dict[int, None] = {}
        """Those that the message under way names."""
        self.found: list[int] = []
        """Those that it names and that were not yet looked at."""
        self.new: list[int] = []
        self.changed: list[tuple[Held, values.Encoded]] = []
        self.decoding = 0
        """So deep in a message that arrived: what it brings is not yet held by anything else."""

    def name(self, value: Any) -> values.Encoded:
        """What stands for a container in a message; None where it is to cross as a copy."""
        number = self.numbers.get(id(value))
        if number is None:
            if len(self.new) >= MANY_NEW:
                return None
            self.last += self.step
            number = self.last
            self.keep(number, value)
            self.new.append(number)
        if number not in self.named:
            self.named[number] = None
            self.found.append(number)
        return ["k", number]

    def keep(self, number: int, value: Any) -> Held:
        held = self.held[number] = Held(value)
        self.numbers[id(value)] = number
        return held

    def drop(self, number: int) -> None:
        held = self.held.pop(number, None)
        if held is not None:
            del self.numbers[id(held.value)]

    def pack(self, contents: Contents) -> values.Encoded:
        """The account that goes with a message, when all else of it is encoded. Raises: Unfit; then call `undo`."""
        if self.decoding or not self.held:
            return NOTHING
        told: list[Any] = []
        seen: set[int] = set()
        operands = set(self.named)
        self.tell(self.few(), contents, told, seen)
        self.tell(self.named, contents, told, seen)
        forgotten = self.forget(operands, contents, told, seen) if self.forgets else []
        return [forgotten, told] if forgotten or told else NOTHING

    def few(self) -> list[int]:
        """What is looked at unasked."""
        room = MANY_ITEMS
        numbers: list[int] = []
        if len(self.held) > MANY_HELD:
            return numbers
        for number, held in self.held.items():
            room -= held.value.size if arrays.is_array(held.value) else len(held.value)
            if room >= 0:
                numbers.append(number)
        return numbers

    def tell(self, numbers: Iterable[int], contents: Contents, told: list[Any], seen: set[int]) -> None:
        """Add a row for each of these that has changed, and for all that they hold and that is new."""
        queue = list(numbers)
        for number in queue:
            if number in seen:
                continue
            seen.add(number)
            held = self.held[number]
            self.found.clear()
            try:
                now = contents(held.value)
            except values.Unfit:
                if held.known is None:
                    raise
                continue  # it crossed before, and now holds what cannot: nobody asked for it
            if not same(now, held.known):
                self.changed.append((held, held.known))
                held.known = now
                told.append([number, now])
            queue += self.found

    def forget(self, operands: set[int], contents: Contents, told: list[Any], seen: set[int]) -> list[int]:
        """Let go of what nobody here holds any longer, and then of what only such containers held.

        Not of operands: they are looked up after the account was taken over.
        """
        forgotten: list[int] = []
        looked_at: Iterable[int] = list(self.held)
        while unheld := [number for number in looked_at if number not in operands and self.is_unheld(number)]:
            self.tell(unheld, contents, told, seen)
            forgotten += unheld
            inner = {number for one in unheld for number in named_in(self.held[one].known)}
            for number in unheld:
                self.drop(number)
            looked_at = sorted(inner & self.held.keys())
        return forgotten

    def is_unheld(self, number: int) -> bool:
        return sys.getrefcount(self.held[number].value) <= UNHELD

    def sent(self) -> None:
        """The message is on its way."""
        self.named.clear()
        self.new.clear()
        self.changed.clear()

    def undo(self) -> None:
        """The message does not go out."""
        for held, known in reversed(self.changed):
            held.known = known
        self.unname(0)
        self.sent()

    def unname(self, before: int) -> None:
        """What was named since then is not part of the message after all."""
        for number in self.new[before:]:
            self.drop(number)
            del self.named[number]
        del self.new[before:]

    def unpack(self, account: values.Encoded, decode: Callable[[values.Encoded], Any], contents: Contents) -> None:
        """Take over what came with a message, before its content is decoded. Raises: Unfit."""
        if account == NOTHING:
            return
        self.decoding += 1
        try:
            forgotten, told = account
            if forgotten and self.forgets:
                raise values.Unfit("it is not for the other side to forget")
            for number, encoded in told:
                self.make_room(number, encoded)
            for number, encoded in told:
                held = self.held[number]
                fill(held.value, decode(encoded))
                held.known = contents(held.value) if type(held.value) is set else encoded  # its order here is its own
            for number in forgotten:
                self.drop(number)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise values.Unfit(f"containers did not arrive in one piece: {type(error).__name__}") from None
        finally:
            self.decoding -= 1

    def make_room(self, number: Any, encoded: values.Encoded) -> None:
        """An empty container of the right type for one that is new: they may hold one another."""
        empty = values.empty(encoded)
        held = self.held.get(number)
        if held is not None:
            if not isinstance(held.value, type(empty)):
                raise values.Unfit("a container of another type than it was")
        elif type(number) is not int or number * self.step >= 0:
            raise values.Unfit("a container that was not made here")
        else:
            self.keep(number, empty)

    def find(self, number: int) -> Any:
        return self.held[number].value


def same(now: values.Encoded, known: values.Encoded) -> bool:
    """Whether a container holds what it held. 1 and True are not the same."""
    if now != known:
        return False
    return now[0] != "L" or [*map(type, now[1])] == [*map(type, known[1])]


def named_in(encoded: values.Encoded) -> Iterator[int]:
    """The containers that are named in contents, and perhaps numbers that name none."""
    if encoded[0] == "k":
        yield encoded[1]
    elif encoded[0] not in ("L", "T", "S", "F"):  # which hold atoms
        for part in encoded[1:]:
            if type(part) is list and part:
                yield from named_in(part)


def fill(value: Any, new: Any) -> None:
    """Make a container hold what another one holds."""
    if isinstance(value, list | bytearray):
        value[:] = new
        return
    if arrays.is_array(value):
        arrays.fill(value, new)
        return
    value.clear()
    if isinstance(value, dict):
        for key, item in new.items():  # `update` of a Counter would add
            value[key] = item
    elif isinstance(value, set):
        value.update(new)
    else:
        value.extend(new)
