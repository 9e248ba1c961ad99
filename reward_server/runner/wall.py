"""The judge's end of the link: makes a proxy object of each thing that arrives, of a type that is chosen here.

It also decides what the submission may do with the test's own objects.

Runs in the judge's process. In assurance `values` no object of the submission has a proxy: functions can be called and
iterators, generators and coroutines are run to their end, and what comes of them is plain. In `objects` an object may
arrive where the reference gave one (`call_sites.py`); without a reference anywhere, but then only what a class under
test has just made may answer operators with plain values.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import sys
import types
from typing import TYPE_CHECKING, Any

from reward_server.runner import (
    arrays,
    containers,
    iterating,
    library_values,
    link,
    proxy_classes,
    submodules,
    tracebacks,
    values,
)
from reward_server.runner.call_sites import EMPTY, HELD, OBJECT, CallSites
from reward_server.runner.descriptions import is_mock
from reward_server.runner.exports import Exports
from reward_server.runner.keeper import TEST_MODULE
from reward_server.runner.specials import OPERATORS
from reward_server.runner.stand_ins import (
    Opaque,
    Pickled,
    Remote,
    RemoteClass,
    RemoteException,
    RemoteExceptionClass,
    RemoteFunction,
    vars_of,
)
from reward_server.runner.trust import Trust

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection, Iterator, Mapping

    from reward_server.runner.coroutines import Turns
    from reward_server.runner.evidence import Evidence
    from reward_server.runner.mirrored import Mirrored

MOST_HELD = 100_000
"""So many values in a container are looked at."""
GONE = 0
"""The number of no object."""
LOOK_UPS = frozenset(
    {"names", "type", "public", "binds", "await", "await_next", "anext", "turn", "cancel", "code", "plain"}
)

DESCRIBING = frozenset({"public", "type", "code"})
"""Those by which the test may come to depend on what the submission defines."""


class HandedBack(values.Unfit):
    """An object of the submission of which the judge has no more than the truth value."""


class Wall(link.Link):
    """The judge's end of the link."""

    def __init__(
        self,
        channel: socket.socket,
        evidence: Evidence,
        *,
        objects: bool = True,
        class_names: frozenset[str] = frozenset(),
        likely_names: frozenset[str] = frozenset(),
        sites: CallSites | None = None,
        models: Mapping[str, type] = types.MappingProxyType({}),
        empty: bool = True,
    ) -> None:
        """`objects`: the assurance is `objects`, else `values`. `class_names`, `likely_names`: as in `Trust`.

        `empty`: whether an answer may be an empty array, of which every comparison holds.

        `models`: the classes that the problem's setup defines, whose instances cross by value.
        """
        self.models, self.empty = models, empty
        super().__init__(channel, self.no_containers())
        self.objects, self.sites = objects, sites
        self.trust = Trust(class_names, likely_names, sites)
        self.evidence = evidence
        self.generation = self.renewed = 0
        self.named: dict[str, tuple[int, Any]] = {}
        """What the test holds by name, and since which start of the submission."""
        self.imported: dict[int, Any] = {}
        self.classes: dict[int, type] = {}
        self.serving = 0
        """So many requests of the submission are under way."""
        self.answering = 0
        """So many of them are under way or being answered: what goes out then was the submission's choice."""
        self.looked_up: Any = None
        """The last handle that arrived for a name of the submission's module."""
        self.crossings = 0
        """So many requests, calls back and changes of containers there were."""
        self.unpacking = False
        self.top: Any = None
        """What an answer is, itself rather than something in it."""
        self.test_modules = frozenset({TEST_MODULE})
        """What their classes make may be seen from the submission, by public names."""
        self.streams, self.stdout_place = (sys.stdout, sys.stderr), place_of(1)
        self.mirrored: Mirrored | None = None
        """What the test does around the submission, where its text names any of it."""
        self.exports = Exports(self)
        self.turns: Turns | None = None
        self.tickets = 0
        Pickled.wall = self

    def no_containers(self) -> containers.Containers:
        return containers.Containers(-1, forgets=True, models=self.models)

    def restart(self, channel: socket.socket) -> None:
        """Go on with a submission that was started anew: objects of the earlier one are gone."""
        self.channel.close()
        self.channel = channel
        self.gone = False
        self.buffered.clear()
        self.containers = self.no_containers()
        self.generation += 1
        self.disown()
        self.imported.clear()
        self.classes.clear()
        self.trust.forget()
        if self.mirrored is not None:
            self.mirrored.restart()
        self.turns = None

    def disown(self) -> None:
        """The objects of an earlier submission have no number in this one."""
        for held in self.imported.values():
            if issubclass(type(held), Remote):
                vars_of(held)["_number"] = GONE
            elif type(held) is RemoteFunction:
                held._number = GONE

    # Whether an object may arrive, and whether it is trusted (`trust.py`).

    def is_new(self, encoded: Any) -> bool:
        """Whether this handle stands for an object that was never seen before."""
        return type(encoded) is list and encoded[:1] == ["h"] and encoded[1] not in self.imported

    def decode_born(self, encoded: Any, maker: set[int] | None) -> Any:
        """Decode an answer; what it has just made is trusted as `maker` says: a set of classes of `Trust`."""
        new = maker is not None and self.is_new(encoded)
        value = self.decode(encoded)
        if new and maker is not None and isinstance(value, Remote):
            self.trust.born(value._number, self.home_number(type(value)), maker)
        return value

    def may_answer(self, number: int, name: str) -> None:
        """Raises: Unfit, AttributeError."""
        if not (self.objects or name.startswith("__")):
            raise AttributeError(f"function has no attribute {name!r}")
        if text := self.trust.refusal(number, name):
            raise self.refused(values.Unfit(text))

    def may_be_asked(self, number: int, name: str) -> None:
        """Raises: Unfit."""
        if text := self.trust.refusal_with_argument(number, name):
            raise self.refused(values.Unfit(text))

    def refused(self, error: values.Unfit | link.Refused) -> values.Unfit | link.Refused:
        """Note that something was kept from the test, which may swallow the exception."""
        self.evidence.doubt(str(error))
        return error

    # Requests.

    def send_bytes(self, text: bytes) -> None:
        if self.mirrored is not None:
            serving, self.serving = self.serving, 0  # what is done here is not done for the submission
            self.mirrored.before(text)
            self.serving = serving
        super().send_bytes(text)

    def receive(self) -> list[Any]:
        if self.mirrored is None:
            return super().receive()
        serving, self.serving = self.serving, 0
        try:
            return self.mirrored.receive(super().receive)
        finally:
            self.serving = serving

    def question(self) -> str:
        if self.streams == (sys.stdout, sys.stderr):
            return "?"
        # `capfd` has put a file in the place of descriptor 1.
        return "?c" if place_of(1) == self.stdout_place else "?f"

    def take_printed(self, out: str, err: str) -> None:
        """For a test that looks at what is printed, by `redirect_stdout` or `capsys`."""
        self.crossings += 1
        for text, stream, own in zip((out, err), (sys.stdout, sys.stderr), self.streams, strict=True):
            if text and stream is not own:
                stream.write(text)

    def signature(self, number: int) -> Any:
        """What `inspect.signature` answers."""
        import inspect

        told = self.ask("signature", number)
        try:
            rows, returned = told
            parameters = [
                inspect.Parameter(
                    str(name),
                    inspect._ParameterKind(kind),
                    **{
                        field: self.decode(held[0])
                        for field, held in (("default", default), ("annotation", annotation))
                        if held
                    },
                )
                for name, kind, default, annotation in rows
            ]
            note = self.decode(returned[0]) if returned else inspect.Signature.empty
            return inspect.Signature(parameters, return_annotation=note)
        except (TypeError, ValueError, LookupError):
            raise values.Unfit("a signature that was not understood") from None

    def ask(self, operation: str, *operands: Any) -> Any:
        """As in `Link`; what ends a test's loop, or is kept from it, is noted."""
        self.crossings += 1
        try:
            answer = super().ask(operation, *operands)
            if self.mirrored is not None:
                self.mirrored.replayed.run()
        except link.Gone:
            raise
        except (values.Unfit, link.Refused) as error:
            raise self.refused(error) from None
        except BaseException as error:
            self.evidence.note_raised(error, operation, operands)
            raise
        if operation not in LOOK_UPS:
            self.evidence.answers += 1
        elif operation in DESCRIBING:
            self.evidence.heard = True
        if self.sites is not None and operation not in LOOK_UPS:
            # Set once the answer is there: while it was waited for, a callback may have asked for something else.
            self.sites.asked = self.name_of(operation, operands)
            self.sites.answered()
        return answer

    def name_of(self, operation: str, operands: tuple[Any, ...]) -> str:
        """The name of what a request asks for: of a function, a method, an attribute."""
        if operation == "call":
            return next((name for name, (_, held) in self.named.items() if self.home_number(held) == operands[0]), "")
        return str(operands[1]) if len(operands) > 1 and type(operands[1]) is str else operation

    def encode(self, value: Any) -> Any:
        try:
            return super().encode(value)
        except values.Unfit as error:
            self.blame_for_its_own(error)
            raise

    def framed(self, mark: str, *parts: Any) -> bytes:
        try:
            return super().framed(mark, *parts)
        except values.Unfit as error:
            self.blame_for_its_own(error)
            raise

    def blame_for_its_own(self, error: values.Unfit) -> None:
        """A value is too deep or too large to cross: it is the test's own while the submission has given none."""
        if not (self.answering or self.evidence.answers or isinstance(error, HandedBack)):
            self.evidence.blame_test(str(error))

    def decode(self, encoded: Any) -> Any:
        outer = self.top
        self.top = encoded if outer is None else outer
        try:
            return super().decode(encoded)
        except values.Unfit as error:
            raise self.refused(error) from None
        finally:
            self.top = outer

    def unpack(self, account: Any) -> None:
        self.unpacking = True
        self.crossings += account != containers.NOTHING
        try:
            super().unpack(account)
        finally:
            self.unpacking = False

    def call(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return self.ask_with_arguments("call", (number,), arguments, keywords)

    def make(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """An instance of a class of the submission."""
        encoded = self.ask("call", number, *self.encode_arguments(arguments, keywords))
        return self.decode_born(encoded, self.trust.of_class(number))

    def call_entry(self, entry_point: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call `Class.method` on an instance that never leaves the submission."""
        return self.ask_with_arguments("entry", (entry_point,), arguments, keywords)

    def ask_with_arguments(
        self, operation: str, target: tuple[Any, ...], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        answer = self.ask(operation, *target, *self.encode_arguments(arguments, keywords))
        match answer:
            case ["a", int(place)] if 0 <= place < len(arguments) and link.has_no_parts(arguments[place]):
                return arguments[place]
        return self.decode(answer)

    def special(
        self, number: int, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any] | None = None
    ) -> Any:
        maker = self.trust.of_object(number) if name in OPERATORS else None
        encoded = self.ask("special", number, name, *self.encode_arguments(arguments, keywords or {}))
        match encoded:
            case ["h", int(coroutine), "coroutine", _] if name == "__anext__":
                return iterating.coroutine(self, coroutine, "await_next")
        value = self.decode_born(encoded, maker)
        if maker is not None and isinstance(value, Remote) and value._number == number:
            self.trust.born(number, self.home_number(type(value)), maker)  # `x += 1`
        return value

    def get(self, number: int, name: str) -> Any:
        self.may_answer(number, name)
        value = self.decode(self.ask("get", number, name))
        if isinstance(value, RemoteFunction):
            self.may_be_asked(number, name)
        return value

    def method(self, number: int, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        self.may_answer(number, name)
        with_default = name == "get" and len(arguments) + len(keywords) > 1  # which may be what is expected
        if arguments or keywords:
            self.may_be_asked(number, "setdefault" if with_default else name)
        return self.ask_with_arguments("method", (number, name), arguments, keywords)

    def set(self, number: int, name: str, value: Any) -> None:
        self.ask("set", number, name, self.encode(property_of(value) if is_mock(value) else value))

    def restored(self, pickled: bytes) -> Any:
        """What an object was pickled as, unpickled where it lives."""
        return self.decode(self.ask("unpickle", self.encode(pickled)))

    def delete(self, number: int, name: str) -> None:
        self.ask("delete", number, name)

    def copied(self, original: Remote, *, deep: bool) -> Any:
        """A copy of an object, made where it lives."""
        encoded = self.ask("copy", original._number, deep)
        return self.decode_born(encoded, self.trust.of_object(original._number))

    def names(self, names: list[str]) -> dict[str, Any]:
        """The values that the submission's module holds under these names; missing ones are left out."""
        encoded = self.ask("names", names)
        if type(encoded) is not list or len(encoded) != len(names):
            raise values.Unfit("an answer of another length")
        found = {}
        for name, value in zip(names, encoded, strict=True):
            if value:
                stands = self.renewed_stand_in(name, value[0]) or submodules.submodule(self, name, value[0])
                found[name] = stands or self.decode_named(value[0])
                if type(found[name]) is RemoteFunction:
                    found[name]._name = found[name]._name or name
                    if name.startswith("test"):
                        found[name]._kind = RemoteFunction
                if isinstance(found[name], RemoteFunction | RemoteClass | RemoteExceptionClass):
                    self.named[name] = self.generation, found[name]
                if isinstance(found[name], RemoteClass):
                    self.trust.name_class(name, found[name]._class_number)
        if len(found.keys() & self.named.keys()) < len(names):
            self.evidence.answers += 1
        return found

    def decode_named(self, encoded: Any) -> Any:
        """What the submission's module holds under a name: a class is not handed out by that."""
        self.looked_up = encoded
        return self.decode(encoded)

    def renew(self) -> None:
        """After a new start of the submission: look up again what the test holds by name."""
        if self.renewed != self.generation:
            self.renewed = self.generation
            self.names(list(self.named))

    def renewed_stand_in(self, name: str, value: Any) -> Any:
        """The function or class that the test holds by this name from an earlier start, now with its new number."""
        generation, held = self.named.get(name, (self.generation, None))
        match value:
            case ["h", int(number), "function" | "class", _] if (
                generation != self.generation and type(held) is RemoteFunction
            ):
                held._number = number
            case ["h", int(number), "class", _] if generation != self.generation and isinstance(held, type):
                held._class_number = number  # type: ignore[attr-defined]
                self.classes[number] = held
            case _:
                return None
        self.imported[number] = held
        return held

    # What arrives.

    def _resolve(self, encoded: list[Any]) -> Any:
        value = super()._resolve(encoded)
        if encoded[0] == "k" and encoded[1] > 0 and arrays.is_array(value) and not value.size:
            known = self.sites.allows(EMPTY) if self.sites is not None and not self.unpacking else None
            if known is False or not (known or self.empty):
                raise values.Unfit("the submission gave an empty array, to which every value would be equal")
        if isinstance(value, RemoteClass) and encoded is not self.looked_up:
            self.trust.hand_out(value._class_number)
        if issubclass(type(value), Remote) and self.is_to_be_plain(value, encoded):
            return self.plain_of(values.base_of(type(value)), self.ask("plain", value._number))
        if isinstance(value, Remote | RemoteFunction) and encoded[0] == "h":
            objects = [value] if isinstance(value, Remote) else []
            if self.unpacking:  # in a list that both sides hold: whether that is an answer is seen later
                self.trust.distrust([each._number for each in objects])
            elif objects or self.sites is not None:
                self.trust.arrived([each._number for each in objects], OBJECT if encoded is self.top else HELD)
        elif encoded[0] == "k" and self.classes and not self.unpacking and (found := self.objects_in(value)):
            self.trust.arrived([each._number for each in found], HELD)
        return value

    def is_to_be_plain(self, value: Remote, encoded: list[Any]) -> bool:
        """Whether an instance of a builtin type's subclass came where the reference gives a plain value."""
        if self.sites is None or encoded[0] != "h" or values.base_of(type(value)) is object:
            return False
        return self.sites.allows(OBJECT if encoded is self.top else HELD) is False

    def objects_in(self, value: Any) -> list[Remote]:
        """The objects of the submission that a container holds, however deep."""
        found: list[Remote] = []
        seen: set[int] = set()
        queue = [value]
        while queue and len(seen) < MOST_HELD:
            held = queue.pop()
            if isinstance(held, Remote):
                found.append(held)
            elif id(held) not in seen:
                seen.add(id(held))
                if isinstance(held, dict):
                    queue += [*held.keys(), *held.values()]
                elif isinstance(held, list | tuple | set | frozenset | collections.deque):
                    queue += held
                elif library_values.tag_of(held) is not None:
                    queue += library_values.inner(held)
                elif self.containers.model_of(held) is not None:
                    queue += containers.state_of(held).values()
        return found

    def resolve(self, number: int, kind: str, type_number: int | None, plain: Any = None) -> Any:
        known = self.imported.get(number)
        if known is None:
            known = self.imported[number] = self.stand_in(number, kind, type_number, plain)
        return known

    def stand_in(self, number: int, kind: str, type_number: int | None, plain: Any) -> Any:
        if kind == "function" or (kind == "class" and not self.objects):
            return RemoteFunction(self, number)
        if kind == "class":
            return self.mirror(number)
        if kind in ("generator", "iterator"):
            return iterating.generator(self, number)
        if kind == "coroutine":
            return iterating.coroutine(self, number)
        if kind == "async_generator":
            return iterating.async_generator(self, number)
        if kind == "object" and not self.objects:
            raise values.Unfit("the submission gave an object of its own where the test expects a plain value")
        if kind == "object" and type_number is not None:
            return self.instance_of(self.mirror(type_number), number, plain)
        raise values.Unfit(f"a {kind} cannot be passed between test and submission")

    def instance_of(self, kind: type, number: int, plain: Any) -> Remote:
        """A new proxy object. `plain`: what it holds as an instance of a builtin type."""
        base = values.base_of(kind)
        if not issubclass(kind, Remote):
            raise values.Unfit("an exception as a value")
        if base in values.CHANGING:
            made: Any = base.__new__(kind)
            self.imported[number] = made  # it may hold itself
        else:
            made = proxy_classes.native_instance(kind, base, None if base is object else self.plain_of(base, plain))
        vars_of(made).update(_link=self, _number=number)
        if base in values.CHANGING:
            containers.fill_base(made, self.plain_of(base, plain))
        instance: Remote = made
        return instance

    def plain_of(self, base: type, plain: Any) -> Any:
        held = self.decode(plain)
        if type(held) is not base:
            raise values.Unfit(f"a value of another type than {base.__name__}")
        return held

    def refresh(self, held: Remote) -> None:
        """Make a proxy of an instance of a builtin container hold what that holds now."""
        base = values.base_of(type(held))
        if base in values.CHANGING:
            containers.fill_base(held, self.plain_of(base, self.ask("plain", held._number)))

    def home_number(self, value: Any) -> int | None:
        if issubclass(type(value), Remote | RemoteFunction):  # a mock of a class says to be of it
            return value._number  # type: ignore[no-any-return]
        if isinstance(value, RemoteClass | RemoteExceptionClass):
            return value._class_number
        if isinstance(value, submodules.Submodule):
            return submodules.number_of(value)
        if isinstance(value, type) and issubclass(value, tuple):
            number: int | None = value.__dict__.get("_class_number")
            return number
        return None

    def mirror(self, number: int, depth: int = 0) -> type:
        """The proxy class for one of the submission's classes."""
        known = self.classes.get(number)
        return proxy_classes.make(self, number, self.ask("type", number), depth) if known is None else known

    @staticmethod
    def plain_named(name: str, fields: list[Any]) -> Any:
        """The type of a tuple with names as plain values know it. Raises: ValueError, TypeError."""
        make: Any = collections.namedtuple  # noqa: PYI024 its fields are known only now
        return make(name, list(map(str, fields)))

    def named_tuple(self, type_number: int | None, name: str, fields: list[Any], items: list[Any]) -> Any:
        kind: Any = self.models.get(name)
        if not (kind is not None and issubclass(kind, tuple)):
            kind = self.mirror(type_number) if type(type_number) is int and self.objects else None
        if kind is None or not issubclass(kind, tuple):
            kind = self.plain_named(name, fields)
        return kind._make(self.plain_attributes(items))

    def attributes(self, held: dict[str, Any]) -> dict[str, Any]:
        self.plain_attributes(held.values())
        return held

    @staticmethod
    def plain_attributes(held: Collection[Any]) -> Collection[Any]:
        """What a value holds by names: a function there would be a method of it. Raises: Unfit."""
        if any(isinstance(each, RemoteFunction) for each in held):
            raise values.Unfit("the submission gave a function as an attribute of a plain value")
        return held

    def derive(self, made: Any, bases: list[RemoteClass], body: dict[str, Any]) -> int:
        """Tell the submission of a class that the test has derived from its own. Returns: the class's number there."""
        own = []
        for name, value in body.items():
            if name not in ("__module__", "__qualname__", "__classcell__", "__doc__", "__firstlineno__"):
                try:
                    own.append([name, self.encode(value)])
                except values.Unfit:
                    continue  # a property, say: it works here
        number = self.ask("subclass", made.__name__, [base._class_number for base in bases], own)
        if type(number) is not int:
            raise values.Unfit("a class that was not understood")
        self.classes[number] = self.imported[number] = made
        self.trust.derived(number, {base._class_number for base in bases})
        return number

    async def awaited(self, operation: str, number: int) -> Any:
        """What comes of a coroutine, or the next item of an asynchronous generator, of the submission."""
        from reward_server.runner import coroutines  # asyncio is what few tests need

        turns = coroutines.Turns.of(self)
        if turns is None:  # the test sends to the coroutine itself
            return self.arrived(operation, number, self.ask(operation, number))
        return await turns.run(operation, number)

    def arrived(self, operation: str, number: int, encoded: Any) -> Any:
        """The value of an answer that came in a later turn."""
        self.evidence.answers += 1
        if self.sites is not None:
            self.sites.asked = self.name_of(operation, (number,))
            self.sites.answered()
        return self.decode(encoded)

    def exception(self, described: Any) -> BaseException:
        rows, encoded, number, type_number, home, dress = described
        if type(home) is int and isinstance(held := self.exported[home], Exception):
            return held  # the test raised it, and it passed through the submission
        if type(rows) is not list or not all(type(row) is list and len(row) == 2 for row in rows):
            raise values.Unfit("an exception that was not understood")
        arguments = tuple(self.plain_attributes(self.decode(encoded)))
        if self.objects and type(type_number) is int and type(number) is int and not self.is_model(rows):
            kind = self.mirror(type_number)
            if not issubclass(kind, BaseException):
                raise values.Unfit("an exception of a type that is none")
            error = kind.__new__(kind)
            error.args = arguments
            if isinstance(error, RemoteException):
                error.__dict__.update(_link=self, _number=number)
        else:
            error = link.make_exception(self.exception_type(rows), arguments)
        return self.dress(error, dress)

    def place(self, error: BaseException, context: Any, rows: Any) -> None:
        if context is not None:
            error.__context__ = self.exception(context)
        elif error.__cause__ is not None:
            error.__context__ = error.__cause__
        error.__traceback__ = tracebacks.made_of(rows)

    def is_model(self, rows: list[Any]) -> bool:
        """Whether these are the types of an exception that the problem's setup defines."""
        return bool(rows) and rows[0][1] in self.models

    def describe_exception(self, error: BaseException) -> Any:
        theirs = isinstance(type(error), RemoteExceptionClass)
        number = error.__dict__.get("_number") if theirs else None
        if number is not None:  # it is at home there: to ask what it holds would ask, from within a list, without end
            return [[], ["T", []], number, self.home_number(type(error)), None, None]
        described = super().describe_exception(error)
        if theirs:
            described[3] = self.home_number(type(error))
        else:
            described[4] = self.export(error)
        return described

    # What the submission may do with the test's own objects.

    def stays(self, value: Any) -> bool:
        """A proxy object stays whole, and so do instances of the test's subclasses of some builtin types."""
        if issubclass(type(value), Remote):
            return True
        whole = is_mock(value) or isinstance(value, (*values.STANDING, *values.WRAPPERS))
        return super().stays(value) or (whole and self.exports.descriptions.is_usable(value))

    def opaque(self, name: str, truth: bool) -> Any:
        return Opaque(name, truth)

    def is_of_the_test(self, value: Any) -> bool:
        own = isinstance(value, containers.BASES) and not issubclass(type(value), Remote)
        return own and type(value).__module__ in self.test_modules

    def numbers_of(self, value: Any) -> tuple[int, int]:
        return self.export(type(value)), self.export(value)

    def describe(self, value: Any) -> Any:
        if isinstance(value, BaseException) and not is_mock(value):
            return ["x", *self.describe_exception(value)]
        if isinstance(value, types.TracebackType):
            return None
        if type(value) is Opaque:
            raise HandedBack(str(value.refusal()))
        if isinstance(value, tuple) and not is_mock(value):
            kind: Any = type(value)
            items = [self.encode(item) for item in value]
            return ["nt", self.home_number(kind), kind.__name__, list(kind._fields), items]
        if isinstance(value, re.Pattern) and type(value.pattern) is str:
            return ["re", value.pattern, value.flags]  # this way only: a pattern may be dear to compile
        return self.exports.describe(value)

    def answer(self, message: list[Any]) -> None:
        with self.chosen_there():
            super().answer(message)

    @contextlib.contextmanager
    def chosen_there(self) -> Iterator[None]:
        """The submission chooses what goes out: if it cannot be used there, that is not the test's fault."""
        self.answering += 1
        try:
            yield
        finally:
            self.answering -= 1

    def perform(self, operation: str, operands: list[Any]) -> Any:
        self.serving += 1
        self.crossings += 1
        answers = self.evidence.answers
        try:
            result = self.exports.serve(operation, operands)
        except BaseException as error:
            self.evidence.callback_ended([operation, *operands], error, answers)
            raise
        finally:
            self.serving -= 1
        self.evidence.callback_ended([operation, *operands], None, answers)
        return result


def property_of(mock: Any) -> Any:
    """A property that asks a `PropertyMock`; any other mock as it is."""
    if not hasattr(type(mock), "__get__"):
        return mock
    return property(lambda _: mock(), lambda _, value: mock(value))


def place_of(descriptor: int) -> tuple[int, int] | None:
    """Device and inode of what a descriptor stands for."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino
