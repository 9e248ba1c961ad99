"""The judge's end of the link: makes a proxy object of each thing that arrives, of a type that is chosen here.

It also decides what the submission may do with the test's own objects.

Runs in the judge's process. In assurance `values` no object of the submission has a proxy: functions can be called and
iterators, generators and coroutines are run to their end, and what comes of them is plain. In `objects` an object may
arrive where the reference gave one (`call_sites.py`); without a reference anywhere, but then only what a class under
test has just made may answer operators with plain values.
"""

from __future__ import annotations

import collections
import os
import re
import sys
import types
from functools import partial
from typing import TYPE_CHECKING, Any

from reward_server.runner import containers, library_values, link, submodules, values
from reward_server.runner.call_sites import HELD, OBJECT, CallSites
from reward_server.runner.descriptions import is_mock
from reward_server.runner.exports import Exports
from reward_server.runner.keeper import TEST_MODULE
from reward_server.runner.specials import ASKING, DESCRIPTORS, FORWARDED, OPERATORS, PREDICATES
from reward_server.runner.stand_ins import (
    NamedMethod,
    Remote,
    RemoteClass,
    RemoteException,
    RemoteExceptionClass,
    RemoteFunction,
    RemoteMethod,
    forward,
    worded,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection, Mapping

    from reward_server.runner.coroutines import Turns
    from reward_server.runner.evidence import Evidence
    from reward_server.runner.mirrored import Mirrored

MOST_HELD = 100_000
"""So many values in a container are looked at."""
LOOK_UPS = frozenset({"names", "type", "public", "binds", "await", "anext", "turn", "cancel"})


class Wall(link.Link):
    """The judge's end of the link."""

    def __init__(
        self,
        channel: socket.socket,
        evidence: Evidence,
        *,
        objects: bool = True,
        class_names: frozenset[str] = frozenset(),
        sites: CallSites | None = None,
        models: Mapping[str, type] = types.MappingProxyType({}),
    ) -> None:
        """`objects`: the assurance is `objects`, else `values`. `class_names`: what the test takes for classes.

        `models`: the classes that the problem's setup defines, whose instances cross by value.
        """
        self.models = models
        super().__init__(channel, self.no_containers())
        self.objects, self.class_names, self.sites = objects, class_names, sites
        self.evidence = evidence
        self.generation = self.renewed = 0
        self.named: dict[str, tuple[int, Any]] = {}
        """What the test holds by name, and since which start of the submission."""
        self.imported: dict[int, Any] = {}
        self.classes: dict[int, type] = {}
        self.under_test: set[int] = set()
        """The numbers of the classes that the test names."""
        self.trusted: set[int] = set()
        """Objects that may answer operators with plain values. Trust begins at birth or never."""
        self.made: set[int] = set()
        """Those that the test has made, whoever has had them since."""
        self.serving = 0
        """So many requests of the submission are under way."""
        self.unpacking = False
        self.top: Any = None
        """What an answer is, itself rather than something in it."""
        self.test_modules = frozenset({TEST_MODULE})
        """What their classes make may be seen from the submission, by public names."""
        self.streams, self.place = (sys.stdout, sys.stderr), place_of(1)
        self.mirrored: Mirrored | None = None
        """What the test does around the submission, where its text names any of it."""
        self.exports = Exports(self)
        self.turns: Turns | None = None
        self.tickets = 0

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
        self.imported.clear()
        self.classes.clear()
        self.trusted.clear()
        self.made.clear()
        self.under_test.clear()
        if self.mirrored is not None:
            self.mirrored.restart()
        self.turns = None

    # Whether an object may arrive, and whether it is trusted.

    def admit(self, objects: list[Remote], flag: int) -> None:
        """Decide whether these objects, which an answer brings, answer for themselves.

        They do where the reference gave an object in this way. Handed back by the submission, they do so no longer.
        Raises: Unfit where the reference gives a plain value.
        """
        known = self.sites.allows(flag) if self.sites is not None else None
        if known is False:
            raise values.Unfit("the submission gave an object of its own where the reference gives a plain value")
        numbers = [each._number for each in objects]
        (self.trusted.update if known else self.trusted.difference_update)(numbers)
        self.made.update(numbers if known else ())

    def is_new(self, encoded: Any) -> bool:
        """Whether this handle stands for an object that was never seen before."""
        return type(encoded) is list and encoded[:1] == ["h"] and encoded[1] not in self.imported

    def decode_born(self, encoded: Any, *, trusted: bool) -> Any:
        """Decode an answer; what it has just made is trusted if `trusted` says so."""
        new = trusted and self.is_new(encoded)
        value = self.decode(encoded)
        if new and isinstance(value, Remote) and self.home_number(type(value)) in self.under_test:
            self.trusted.add(value._number)
            self.made.add(value._number)
        return value

    def may_answer(self, number: int, name: str) -> None:
        """Predicates of plain values are for plain values to answer. Raises: Unfit, AttributeError."""
        if not (self.objects or name.startswith("__")):
            raise AttributeError(f"function has no attribute {name!r}")
        if name in PREDICATES and number not in self.trusted and number not in self.under_test:
            raise self.refused(values.Unfit(f"an object of the submission is not asked for {name!r}"))

    def may_be_asked(self, number: int, name: str) -> None:
        """An object that no test has made is asked nothing that a plain value would be. Raises: Unfit."""
        if name in ASKING and number not in self.made and number not in self.under_test:
            raise self.refused(values.Unfit(f"an object of the submission is not asked for {name!r}"))

    def refused(self, error: values.Unfit | link.Refused) -> values.Unfit | link.Refused:
        """Note that something was kept from the test, which may swallow the exception."""
        self.evidence.doubt(str(error))
        return error

    # Requests.

    def send_bytes(self, text: bytes) -> None:
        if self.mirrored is not None:
            self.mirrored.before(text)
        super().send_bytes(text)

    def receive(self) -> list[Any]:
        return super().receive() if self.mirrored is None else self.mirrored.receive(super().receive)

    def question(self) -> str:
        if self.streams == (sys.stdout, sys.stderr):
            return "?"
        # `capfd` has put a file in the place of descriptor 1.
        return "?c" if place_of(1) == self.place else "?f"

    def take_printed(self, out: str, err: str) -> None:
        """For a test that looks at what is printed, by `redirect_stdout` or `capsys`."""
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
        try:
            super().unpack(account)
        finally:
            self.unpacking = False

    def call(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return self.ask_with_arguments("call", (number,), arguments, keywords)

    def make(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """An instance of a class of the submission."""
        encoded = self.ask("call", number, *self.encode_arguments(arguments, keywords))
        return self.decode_born(encoded, trusted=number in self.under_test)

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
        trusted = name in OPERATORS and number in self.trusted
        encoded = self.ask("special", number, name, *self.encode_arguments(arguments, keywords or {}))
        value = self.decode_born(encoded, trusted=trusted)
        if trusted and isinstance(value, Remote) and value._number == number:
            self.trusted.add(number)  # `x += 1`
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
        self.ask("set", number, name, self.encode(value))

    def delete(self, number: int, name: str) -> None:
        self.ask("delete", number, name)

    def copied(self, original: Remote, *, deep: bool) -> Any:
        """A copy of an object, made where it lives."""
        encoded = self.ask("copy", original._number, deep)
        return self.decode_born(encoded, trusted=original._number in self.trusted)

    def names(self, names: list[str]) -> dict[str, Any]:
        """The values that the submission's module holds under these names; missing ones are left out."""
        encoded = self.ask("names", names)
        if type(encoded) is not list or len(encoded) != len(names):
            raise values.Unfit("an answer of another length")
        found = {}
        for name, value in zip(names, encoded, strict=True):
            if value:
                stands = self.renewed_stand_in(name, value[0]) or submodules.submodule(self, name, value[0])
                found[name] = stands or self.decode(value[0])
                if isinstance(found[name], RemoteFunction | RemoteClass | RemoteExceptionClass):
                    self.named[name] = self.generation, found[name]
                if isinstance(found[name], RemoteClass) and name in self.class_names:
                    self.under_test.add(found[name]._class_number)
        if len(found.keys() & self.named.keys()) < len(names):
            self.evidence.answers += 1
        return found

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
        if isinstance(value, Remote | RemoteFunction) and encoded[0] == "h":
            objects = [value] if isinstance(value, Remote) else []
            if self.unpacking:  # in a list that both sides hold: whether that is an answer is seen later
                self.trusted.difference_update(each._number for each in objects)
            elif objects or self.sites is not None:
                self.admit(objects, OBJECT if encoded is self.top else HELD)
        elif encoded[0] == "k" and self.classes and not self.unpacking and (found := self.objects_in(value)):
            self.admit(found, HELD)
        return value

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
            known = self.imported[number] = self.stand_in(number, kind, type_number)
            if isinstance(known, Remote):
                object.__setattr__(known, "_plain", values.decode(plain))
        return known

    def stand_in(self, number: int, kind: str, type_number: int | None) -> Any:
        if kind == "function" or (kind == "class" and not self.objects):
            return RemoteFunction(self, number)
        if kind == "class":
            return self.mirror(number)
        if kind in ("generator", "iterator"):
            return self.generator(number)
        if kind in ("coroutine", "async_generator"):
            return getattr(self, kind)(number)
        if kind == "object" and not self.objects:
            raise values.Unfit("the submission gave an object of its own where the test expects a plain value")
        if kind == "object" and type_number is not None:
            instance: Any = object.__new__(self.mirror(type_number))
            if not isinstance(instance, Remote):
                raise values.Unfit("an exception as a value")
            object.__setattr__(instance, "_link", self)
            object.__setattr__(instance, "_number", number)
            return instance
        raise values.Unfit(f"a {kind} cannot cross the sandbox's wall")

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
        """The stand-in for one of the submission's classes, with its hierarchy and the operators that it defines."""
        known = self.classes.get(number)
        if known is not None:
            return known
        told = self.ask("type", number)
        if type(told) is not dict or depth > 50:
            raise values.Unfit("a class that was not understood")
        if "fields" in told:
            return self.named_mirror(number, told)
        name, is_exception = str(told["name"]), told["exception"] is True
        bases = [self.mirror(base, depth + 1) for base in told["bases"] if type(base) is int]
        body: dict[str, Any] = {
            "__module__": "solution",
            "__doc__": told["doc"],
            "_link": self,
            "_class_number": number,
        }
        if is_exception:
            bases = self.exception_bases(bases, told["known"])
            body |= {name: worded(name) for name in ("__str__", "__repr__") if name in told["special"]}
        else:
            del body["_link"]
            body["__slots__"] = ()
            bases = [base for base in bases if issubclass(base, Remote)] or [Remote]
            body |= {special: forward(special) for special in told["special"] if special in FORWARDED | DESCRIPTORS}
            if "__eq__" in body and "__hash__" not in body:
                body["__hash__"] = object.__hash__ if told["hashable"] is True else None
            if told["hashable"] is not True:
                body["__hash__"] = None
        for method in told["methods"]:
            if type(method) is str and method.isidentifier() and not method.startswith("__"):
                body[method] = RemoteMethod(self, method, number)
        kind: type
        if is_exception:
            try:
                kind = RemoteExceptionClass(name, tuple(bases), body)
            except TypeError:  # bases of two layouts
                kind = RemoteExceptionClass(name, tuple(bases[:-1]), body)
        else:
            kind = RemoteClass(name, tuple(bases), body)
            kind._class_link = self
        self.classes[number] = self.imported[number] = kind
        return kind

    def exception_bases(self, ours: list[type], rows: list[list[str]]) -> list[type]:
        """The bases of a proxy class: the submission's own, and no more than `MOST_BASES` of those that are known."""
        bases = [base for base in ours if issubclass(base, BaseException)] or [RemoteException]
        known = link.known_bases([(str(module), str(name)) for module, name in rows[: link.MAX_BASES]], self.models)
        bases += [
            kind
            for kind in known[: link.MOST_BASES]
            if kind is not Exception and not any(issubclass(base, kind) for base in bases)
        ]
        kinds = {kind for base in bases for kind in base.__mro__ if not isinstance(kind, RemoteExceptionClass)}
        kinds -= {RemoteException, *RemoteException.__mro__}
        leaves = [kind for kind in kinds if not any(kind in other.__mro__[1:] for other in kinds)]
        return bases if len(leaves) <= link.MOST_BASES else bases[:1]

    def named_mirror(self, number: int, told: dict[str, Any]) -> type:
        """The type of a tuple with names: a tuple of ours, that compares as one. Its methods are the submission's."""
        fields = [name for name in told["fields"] if type(name) is str and name.isidentifier() and name[0] != "_"]
        if len(fields) != len(told["fields"]) or len(set(fields)) != len(fields):
            raise values.Unfit("fields that have no names")
        defaults = [self.decode(value) for value in told["defaults"]]
        make: Any = collections.namedtuple  # noqa: PYI024 its fields are known only now
        plain = make("plain", fields, rename=True, defaults=defaults)
        body: dict[str, Any] = {"__slots__": (), "__module__": "solution", "_class_number": number}
        for name in filter(may_be_named, told["methods"]):
            body[name] = NamedMethod(self, number, name)
        for name in filter(may_be_named, told["properties"]):
            body[name] = property(partial(self.named_property, number, name))
        self.classes[number] = self.imported[number] = kind = type(str(told["name"]), (plain,), body)
        return kind

    @staticmethod
    def plain_named(name: str, fields: list[Any]) -> Any:
        """The type of a tuple with names as plain values know it. Raises: ValueError, TypeError."""
        make: Any = collections.namedtuple  # noqa: PYI024 its fields are known only now
        return make(name, list(map(str, fields)))

    def named_property(self, number: int, name: str, value: Any) -> Any:
        return self.decode(self.ask("property", number, name, self.encode(value)))

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
        if self.under_test.intersection(base._class_number for base in bases):
            self.under_test.add(number)
        return number

    def generator(self, number: int) -> Any:
        sent: Any = None
        throwing: BaseException | None = None
        while True:
            try:
                if throwing is None:
                    item = (
                        self.special(number, "send", (sent,))
                        if sent is not None
                        else self.special(number, "__next__", ())
                    )
                else:
                    item = self.decode(self.ask("throw", number, self.describe_exception(throwing)))
            except StopIteration as stop:
                return stop.value
            throwing = None
            try:
                sent = yield item
            except GeneratorExit:
                self.ask("method", number, "close", [], [])
                raise
            except Exception as error:
                throwing = error

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

    async def coroutine(self, number: int) -> Any:
        return await self.awaited("await", number)

    async def async_generator(self, number: int) -> Any:
        while True:
            try:
                item = await self.awaited("anext", number)
            except StopAsyncIteration:
                return
            yield item

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
        """Of the test's subclasses of builtin types those that `values.OWN_STATE` names stay whole."""
        whole = is_mock(value) or isinstance(value, values.OWN_STATE)
        return super().stays(value) or (whole and self.exports.descriptions.is_usable(value))

    def is_of_the_test(self, value: Any) -> bool:
        return isinstance(value, containers.BASES) and type(value).__module__ in self.test_modules

    def numbers_of(self, value: Any) -> tuple[int, int]:
        return self.export(type(value)), self.export(value)

    def describe(self, value: Any) -> Any:
        if isinstance(value, BaseException) and not is_mock(value):
            return ["x", *self.describe_exception(value)]
        if isinstance(value, types.TracebackType):
            return None
        if isinstance(value, tuple) and not is_mock(value):
            kind: Any = type(value)
            items = [self.encode(item) for item in value]
            return ["nt", self.home_number(kind), kind.__name__, list(kind._fields), items]
        if isinstance(value, re.Pattern) and type(value.pattern) is str:
            return ["re", value.pattern, value.flags]  # this way only: a pattern may be dear to compile
        handle = self.exports.describe(value)
        if handle is not None:
            return handle
        text = f"the test passed a value of type {type(value).__name__}, which cannot cross the sandbox's wall"
        if not self.serving:  # what the submission asks for is its own choice
            self.evidence.blame_test(text)
        raise values.Unfit(text)

    def perform(self, operation: str, operands: list[Any]) -> Any:
        self.serving += 1
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


def place_of(descriptor: int) -> tuple[int, int] | None:
    """Device and inode of what a descriptor stands for."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def may_be_named(name: Any) -> bool:
    """Whether a type of a tuple with names may have a method of the submission by this name."""
    return type(name) is str and name.isidentifier() and name[0] != "_" and name not in PREDICATES
