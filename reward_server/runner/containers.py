"""The lists, dicts and sets that both sides of the wall hold: what is one there is one here.

A container that crosses gets a number and travels as `["k", number]`. What it holds travels beside the message, one
level deep: `[forgotten, [[number, contents], ...]]`, for each container that is new or has changed since. So identity,
sharing, cycles and changes in place, also after the call, are as within one process. The judge's side numbers from -1
downwards and says which containers it no longer holds; the submission's side numbers from 1 upwards and forgets what
it is told to. An instance of a class that the problem's setup defines is such a container, of attributes: each side
makes it anew from its own class.

An answer looks at what its request named, however large. What else both sides hold is looked at as far as that stays
cheap: `MANY_HELD` containers with `MANY_ITEMS` in them, and larger ones until `SPARE_ITEMS` were looked at in all.
"""

from __future__ import annotations

import collections
import functools
import sys
import types
from builtins import reversed, sorted  # noqa: A004 a test may patch the builtin
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import is_
from typing import Any

from reward_server.runner import arrays, library_values, values

NOTHING = 0
"""In the place of an account that has nothing to tell."""
MANY_NEW = 20_000
"""So many new containers are numbered in one message; further ones cross as copies."""
MANY_HELD, MANY_ITEMS, SPARE_ITEMS = 1024, 100_000, 10_000_000
INSTANCE_SIZE = 8
"""What an instance of a class counts as, in items."""
ATOMS_ONLY = frozenset({"L", "T", "F"})
"""Contents that are the same on both sides."""
NO_STATE = frozenset({"__dict__", "__weakref__"})
BASES = (list, dict, set, collections.deque)
UNCHANGING = (BaseException, tuple, type, int, float, str, bytes)
"""Instances of these cross in ways of their own."""


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

    def __init__(self, step: int, *, forgets: bool, models: Mapping[str, type] = types.MappingProxyType({})) -> None:
        """`models`: the classes whose instances cross by value, by name."""
        self.step, self.forgets, self.models = step, forgets, models
        self.last = 0
        self.held: dict[int, Held] = {}
        self.numbers: dict[int, int] = {}
        """By `id`: what is held lives."""
        self.named: dict[int, None] = {}
        """Those that the message under way names."""
        self.found: list[int] = []
        """Those that it names and that were not yet looked at."""
        self.asked: dict[int, None] | None = None
        """Those that the request named which is being answered."""
        self.spare = SPARE_ITEMS
        self.new: list[int] = []
        self.changed: list[tuple[Held, values.Encoded]] = []
        self.of_the_test: Callable[[int, int], Any] | None = None
        """Makes an empty container of a class of the test, by their numbers there."""
        self.forgotten: list[int] = []
        """What the other side forgot while a message of it was still being read here, which may name it yet."""
        self.decoding = 0
        """So deep in a message that arrived: what it brings is not yet held by anything else."""

    def model_of(self, value: Any) -> str | None:
        """The name of the class by which an instance crosses by value: its own, or a base of it."""
        if not self.models or isinstance(value, UNCHANGING):
            return None
        own = type(value)
        for kind in own.__mro__:
            if self.models.get(kind.__name__) is kind:
                return kind.__name__
            if any(callable(held) for held in vars(kind).values()):
                return None  # it is more than the class of the setup
        return None

    def name(self, value: Any) -> values.Encoded:
        """What stands for a container in a message; None where it is to cross as a copy."""
        self.let_go()
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

    def pack(self, contents: Contents, *, answers: bool = False) -> values.Encoded:
        """The account that goes with a message, when all else of it is encoded. Raises: Unfit; then call `undo`."""
        self.let_go()
        if self.decoding or not self.held:
            return NOTHING
        told: list[Any] = []
        seen: set[int] = set()
        operands = set(self.named)
        self.tell(self.few(), contents, told, seen)
        self.tell(self.named, contents, told, seen)
        if answers and self.asked:
            self.tell([number for number in self.asked if number in self.held], contents, told, seen)
        forgotten = self.forget(operands, contents, told, seen) if self.forgets else []
        return [forgotten, told] if forgotten or told else NOTHING

    def few(self) -> list[int]:
        """What is looked at unasked."""
        room = MANY_ITEMS
        numbers: list[int] = []
        if len(self.held) > MANY_HELD:
            return numbers
        for number, held in self.held.items():
            size = size_of(held.value)
            if size <= room:
                room -= size
            elif size <= self.spare:
                self.spare -= size
            else:
                continue
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
            if is_untouched(held.value, held.known):
                continue
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
            # Attributes first: the hash of an instance in a set may need them.
            for number, encoded in sorted(told, key=lambda row: row[1][0] != "ob"):
                held = self.held[number]
                if encoded[0] == "ot":
                    fill_base(held.value, decode(encoded[3]))
                elif encoded[0] == "ob":
                    set_state(held.value, decode(encoded[2]), code=not self.forgets)
                    fill_base(held.value, decode(encoded[3]))
                else:
                    fill(held.value, decode(encoded))
                held.known = self.as_told_here(held.value, encoded, contents)
            if self.decoding > 1:
                self.forgotten += forgotten
            else:
                for number in forgotten:
                    self.drop(number)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise values.Unfit(f"containers did not arrive in one piece: {type(error).__name__}") from None
        finally:
            self.decoding -= 1

    def let_go(self) -> None:
        """Drop what the other side has forgotten, once no message is being read."""
        if self.forgotten and not self.decoding:
            for number in self.forgotten:
                self.drop(number)
            self.forgotten.clear()

    def as_told_here(self, value: Any, encoded: values.Encoded, contents: Contents) -> values.Encoded:
        """What a container that arrived as `encoded` holds, as this side tells it.

        A set has an order of its own here, and an object is a handle on one side and at home on the other.
        """
        if encoded[0] in ATOMS_ONLY:
            return encoded
        named, found = self.named.copy(), self.found.copy()
        try:
            return contents(value)
        except values.Unfit:
            return encoded
        finally:
            self.named, self.found = named, found

    def make_room(self, number: Any, encoded: values.Encoded) -> None:
        """An empty container of the right type for one that is new: they may hold one another."""
        held = self.held.get(number)
        if encoded[0] == "ot":
            self.make_room_for_theirs(number, held, *encoded[1:3])
            return
        empty = new_instance(self.models[encoded[1]]) if encoded[0] == "ob" else values.empty(encoded)
        if held is not None:
            if not isinstance(held.value, type(empty)):
                raise values.Unfit("a container of another type than it was")
        elif type(number) is not int or number * self.step >= 0:
            raise values.Unfit("a container that was not made here")
        else:
            self.keep(number, empty)

    def make_room_for_theirs(self, number: int, held: Held | None, class_number: int, own_number: int) -> None:
        """Only the test makes such containers. Raises: Unfit."""
        if held is None and self.of_the_test is not None:
            self.keep(number, self.of_the_test(class_number, own_number))
        elif held is None:
            raise values.Unfit("a container that is not the test's")

    def find(self, number: int) -> Any:
        if self.asked is not None:
            self.asked[number] = None
        return self.held[number].value


def size_of(value: Any) -> int:
    if arrays.is_array(value):
        return int(value.size)
    return len(value) if type(value) in values.CONTAINERS else INSTANCE_SIZE


def state_of(value: Any) -> dict[str, Any]:
    """The attributes that an instance holds itself."""
    slots = [name for kind in type(value).__mro__ for name in list_of(vars(kind).get("__slots__", ()))]
    held = {name: getattr(value, name) for name in slots if name not in NO_STATE and hasattr(value, name)}
    held |= getattr(value, "__dict__", {})
    return {name: each for name, each in held.items() if not name.startswith("__")}


def base_of(kind: type) -> Any:
    """The builtin container that a class derives from."""
    return next((base for base in kind.__mro__ if base in BASES), object)


def new_instance(kind: type) -> Any:
    """An instance that nothing was done with."""
    return base_of(kind).__new__(kind)


def fill_base(value: Any, new: Any) -> None:
    """Make an instance of a builtin container's subclass hold what another one holds, by no method of its own."""
    base: Any = base_of(type(value))
    if base is list:
        list.__setitem__(value, slice(None), new)
    elif base is not object:
        base.clear(value)
        if base is collections.deque:
            base.__init__(value, (), new.maxlen)
        (collections.deque.extend if base is collections.deque else base.update)(value, new)


def list_of(slots: Any) -> list[str]:
    return [slots] if isinstance(slots, str) else list(slots)


def set_state(value: Any, state: dict[str, Any], *, code: bool) -> None:
    """Give an instance these attributes and no others. Without `code` none can be called or hides a method.

    Raises: ValueError, AttributeError.
    """
    for name, held in list(state.items()):
        kept = getattr(type(value), name, None)
        hides = callable(kept) or isinstance(kept, property)
        if name.startswith("__") or (not code and (hides or callable(held))):
            raise ValueError(f"an attribute {name!r} that is not plain")
        if not code and isinstance(kept, functools.cached_property):
            del state[name]  # computed anew where it is asked for
    for name in state_of(value).keys() - state.keys():
        object.__delattr__(value, name)
    for name, held in state.items():
        object.__setattr__(value, name, held)


def is_untouched(value: Any, known: values.Encoded) -> bool:
    """Whether a container holds the very atoms that it is known to hold: found ten times as fast as what it holds."""
    kind = type(value)
    if known is None or (kind is not list and kind is not dict):
        return False
    if kind is list:
        return known[0] == "L" and len(value) == len(known[1]) and all(map(is_, value, known[1]))
    keys, items = known[1:]
    return (
        (keys[0] == items[0] == "L")
        and len(value) == len(keys[1])
        and all(map(is_, value, keys[1]))
        and all(map(is_, value.values(), items[1]))
    )


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
    if library_values.tag_of(value) is not None:
        library_values.fill(value, new)
        return
    value.clear()
    if isinstance(value, collections.defaultdict):
        value.default_factory = new.default_factory
    if isinstance(value, dict):
        for key, item in new.items():  # `update` of a Counter would add
            value[key] = item
    elif isinstance(value, set):
        value.update(new)
    else:
        value.extend(new)
