"""The judge's end of the link: makes a stand-in of each thing that arrives, of a type that is chosen here, and decides
what the submission may do with the test's own objects.
"""

from __future__ import annotations

import collections
import re
import sys
import types
from functools import partial
from typing import TYPE_CHECKING, Any

from reward_server.runner import containers, link, values
from reward_server.runner.keeper import TEST_MODULE
from reward_server.runner.specials import FORWARDED
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

MOCKS = "unittest.mock"
"""Whose objects are the test's own as well."""
HIDDEN = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_", "func_")


class Wall(link.Link):
    """The judge's end of the link."""

    def __init__(self, channel: socket.socket) -> None:
        super().__init__(channel, self.no_containers())
        self.generation = self.renewed = 0
        self.named: dict[str, tuple[int, Any]] = {}
        """What the test holds by name, and since which start of the submission."""
        self.imported: dict[int, Any] = {}
        self.classes: dict[int, type] = {}
        self.class_names: frozenset[str] = frozenset()
        """Names that the test takes for classes, as its source shows: the operators of these are what it tests."""
        self.believed: set[int] = set()
        """The numbers of these classes."""
        self.made: set[int] = set()
        self.mixed: set[int] = set()
        """What came of an operator between an object of such a class, not made by the test, and a plain value: it may
        hold what the test expects, and is asked nothing but how it compares to other objects of the submission."""
        self.test_modules = frozenset({TEST_MODULE})
        """What their classes make may be seen from the submission, by public names."""
        self.failed_in_callback: AssertionError | None = None
        """Of the test's own code, called by the submission, which may keep it from the test."""
        self.streams = sys.stdout, sys.stderr

    @staticmethod
    def no_containers() -> containers.Containers:
        return containers.Containers(-1, forgets=True)

    def restart(self, channel: socket.socket) -> None:
        """Go on with a submission that was started anew: objects of the earlier one are gone."""
        self.channel.close()
        self.channel = channel
        self.buffered.clear()
        self.containers = self.no_containers()
        self.generation += 1
        self.imported.clear()
        self.classes.clear()
        self.made.clear()
        self.mixed.clear()
        self.believed.clear()

    def trust(self, made: Any) -> None:
        """What the test has made of a class that it tests may answer for itself."""
        if isinstance(made, Remote):
            self.made.add(made._number)

    # Requests.

    def question(self) -> str:
        return "?" if self.streams == (sys.stdout, sys.stderr) else "?c"

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

    def call(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return self.ask_with_arguments("call", (number,), arguments, keywords)

    def ask_with_arguments(
        self, operation: str, target: tuple[Any, ...], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        return self.decode(self.ask(operation, *target, *self.encode_arguments(arguments, keywords)))

    def special(self, number: int, name: str, arguments: tuple[Any, ...]) -> Any:
        return self.decode(self.ask("special", number, name, [self.encode(value) for value in arguments]))

    def get(self, number: int, name: str) -> Any:
        return self.decode(self.ask("get", number, name))

    def set(self, number: int, name: str, value: Any) -> None:
        self.ask("set", number, name, self.encode(value))

    def delete(self, number: int, name: str) -> None:
        self.ask("delete", number, name)

    def copied(self, original: Remote, *, deep: bool) -> Any:
        """A copy of an object, made where it lives. It is believed as far as the original is."""
        made = self.decode(self.ask("copy", original._number, deep))
        if isinstance(made, Remote) and made is not original:
            for kept in (self.made, self.mixed):
                if original._number in kept:
                    kept.add(made._number)
        return made

    def names(self, names: list[str]) -> dict[str, Any]:
        """The values that the submission's module holds under these names; missing ones are left out."""
        encoded = self.ask("names", names)
        if type(encoded) is not list or len(encoded) != len(names):
            raise values.Unfit("an answer of another length")
        found = {}
        for name, value in zip(names, encoded, strict=True):
            if value is not None:
                found[name] = self.renewed_stand_in(name, value) or self.decode(value)
                if isinstance(found[name], RemoteFunction | RemoteClass | RemoteExceptionClass):
                    self.named[name] = self.generation, found[name]
                if isinstance(found[name], RemoteClass) and name in self.class_names:
                    self.believed.add(found[name]._class_number)
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
            case ["h", int(number), "function", _] if generation != self.generation and type(held) is RemoteFunction:
                held._number = number
            case ["h", int(number), "class", _] if generation != self.generation and isinstance(held, type):
                held._class_number = number  # type: ignore[attr-defined]
                self.classes[number] = held
            case _:
                return None
        self.imported[number] = held
        return held

    # What arrives.

    def resolve(self, number: int, kind: str, type_number: int | None) -> Any:
        known = self.imported.get(number)
        if known is None:
            known = self.imported[number] = self.stand_in(number, kind, type_number)
        elif number in self.made:
            self.made.discard(number)  # the submission handed it back: its operators are no longer believed
        return known

    def stand_in(self, number: int, kind: str, type_number: int | None) -> Any:
        if kind == "function":
            return RemoteFunction(self, number)
        if kind == "class":
            return self.mirror(number)
        if kind in ("generator", "coroutine", "async_generator"):
            return getattr(self, kind)(number)
        if kind == "object" and type_number is not None:
            instance: Any = object.__new__(self.mirror(type_number))
            if not isinstance(instance, Remote):
                raise values.Unfit("an exception as a value")
            object.__setattr__(instance, "_link", self)
            object.__setattr__(instance, "_number", number)
            return instance
        raise values.Unfit(f"a {kind} cannot cross the sandbox's wall")

    def home_number(self, value: Any) -> int | None:
        if isinstance(value, Remote | RemoteFunction):
            return value._number
        if isinstance(value, RemoteClass | RemoteExceptionClass):
            return value._class_number
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
            bases = [base for base in bases if issubclass(base, BaseException)]
            if not bases:
                bases = [RemoteException, link.known_exception(told["known"])]
                bases = bases[:1] if bases[1] is Exception else bases
            body |= {name: worded(name) for name in ("__str__", "__repr__") if name in told["special"]}
        else:
            del body["_link"]
            body["__slots__"] = ()
            bases = [base for base in bases if issubclass(base, Remote)] or [Remote]
            body |= {special: forward(special) for special in told["special"] if special in FORWARDED}
            if "__eq__" in body and "__hash__" not in body:
                body["__hash__"] = object.__hash__ if told["hashable"] is True else None
            if told["hashable"] is not True:
                body["__hash__"] = None
        for method in told["methods"]:
            if type(method) is str and method.isidentifier() and not method.startswith("__"):
                body[method] = RemoteMethod(self, method, number)
        kind: type
        if is_exception:
            kind = RemoteExceptionClass(name, tuple(bases), body)
        else:
            kind = RemoteClass(name, tuple(bases), body)
            kind._class_link = self
        self.classes[number] = self.imported[number] = kind
        return kind

    def named_mirror(self, number: int, told: dict[str, Any]) -> type:
        """The type of a tuple with names: a tuple of ours, that compares as one. Its methods are the submission's."""
        fields = [name for name in told["fields"] if type(name) is str and name.isidentifier() and name[0] != "_"]
        if len(fields) != len(told["fields"]) or len(set(fields)) != len(fields):
            raise values.Unfit("fields that have no names")
        defaults = [self.decode(value) for value in told["defaults"]]
        make: Any = collections.namedtuple  # noqa: PYI024 its fields are known only now
        plain = make("plain", fields, rename=True, defaults=defaults)
        body: dict[str, Any] = {"__slots__": (), "__module__": "solution", "_class_number": number}
        for name in told["methods"]:
            if type(name) is str and name.isidentifier() and name[0] != "_":
                body[name] = NamedMethod(self, number, name)
        for name in told["properties"]:
            if type(name) is str and name.isidentifier() and name[0] != "_":
                body[name] = property(partial(self.named_property, number, name))
        self.classes[number] = self.imported[number] = kind = type(str(told["name"]), (plain,), body)
        return kind

    def named_property(self, number: int, name: str, value: Any) -> Any:
        return self.decode(self.ask("property", number, name, self.encode(value)))

    def named_tuple(self, type_number: int | None, name: str, fields: list[Any], items: list[Any]) -> Any:
        kind: Any = self.mirror(type_number) if type(type_number) is int else None
        if kind is None or not issubclass(kind, tuple):
            raise values.Unfit("a tuple of no known type")
        return kind._make(items)

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
        if self.believed.intersection(base._class_number for base in bases):
            self.believed.add(number)
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

    async def coroutine(self, number: int) -> Any:
        return self.decode(self.ask("await", number))

    async def async_generator(self, number: int) -> Any:
        while True:
            try:
                item = self.decode(self.ask("anext", number))
            except StopAsyncIteration:
                return
            yield item

    def exception(self, described: Any) -> BaseException:
        rows, encoded, number, type_number, home, dress = described
        if type(home) is int and isinstance(held := self.exported[home], Exception):
            return held  # the test raised it, and it passed through the submission
        if type(rows) is not list or not all(type(row) is list and len(row) == 2 for row in rows):
            raise values.Unfit("an exception that was not understood")
        arguments = tuple(self.decode(encoded))
        if type(type_number) is int and type(number) is int:
            kind = self.mirror(type_number)
            if not issubclass(kind, BaseException):
                raise values.Unfit("an exception of a type that is none")
            error = kind.__new__(kind)
            error.args = arguments
            if isinstance(error, RemoteException):
                error.__dict__.update(_link=self, _number=number)
        else:
            error = link.make_exception(link.known_exception(rows), arguments)
        return self.dress(error, dress)

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

    def describe(self, value: Any) -> Any:
        if isinstance(value, BaseException):
            return ["x", *self.describe_exception(value)]
        if isinstance(value, types.TracebackType):
            return None
        if isinstance(value, tuple):
            kind: Any = type(value)
            items = [self.encode(item) for item in value]
            return ["nt", self.home_number(kind), kind.__name__, list(kind._fields), items]
        if isinstance(value, re.Pattern) and type(value.pattern) is str:
            return ["re", value.pattern, value.flags]  # this way only: a pattern may be dear to compile
        if isinstance(value, types.CoroutineType):
            return ["h", self.export(value), "coroutine", None]
        if hasattr(type(value), "__next__") and not callable(value):
            return ["h", self.export(value), "iterator", None]
        if type(value).__module__ in (*self.test_modules, MOCKS):
            return ["h", self.export(value), "object", None]
        if callable(value):  # a function, a bound method, a class: it can be called, and nothing else
            return ["h", self.export(value), "function", None]
        raise values.Unfit(
            f"the test passed a value of type {type(value).__name__}, which cannot cross the sandbox's wall"
        )

    def perform(self, operation: str, operands: list[Any]) -> Any:
        match operation, operands:
            case "call", [int(number), list(arguments), list(keywords)]:
                positional, named = self.decode_arguments(arguments, keywords)
                try:
                    result = self.exported[number](*positional, **named)
                except AssertionError as error:
                    self.failed_in_callback = self.failed_in_callback or error
                    raise
                return self.encode(result)
            case "await", [int(number)] if isinstance(self.exported[number], types.CoroutineType):
                return self.encode(self.complete(self.exported[number]))
            case "about", [int(number), "__name__" | "__qualname__" | "__doc__" as name]:
                told = getattr(self.exported[number], name, None)
                return told if type(told) is str else None
            case "next", [int(number)]:
                return self.encode(next(self.exported[number]))
            case "get", [int(number), str(name)] if not name.startswith(HIDDEN):
                return self.encode(self.attribute(self.instance(number), name))
            case "set", [int(number), str(name), value] if not name.startswith(HIDDEN):
                self.put(self.instance(number), name, self.decode(value))
                return None
        raise link.Refused("the test's objects do not allow that")

    def attribute(self, held: Any, name: str) -> Any:
        """What the submission may read of an object of the test; of a mock not what it is set up and checked by."""
        if is_mock(held) and callable(getattr(type(held), name, None)):
            raise link.Refused("the test's mocks are not for the submission to set up")
        return getattr(held, name)

    def put(self, held: Any, name: str, value: Any) -> None:
        """Set an attribute, unless the test may call it to check: then the submission could answer in its place."""
        theirs = Remote | RemoteFunction | RemoteClass
        if is_mock(held):
            refused = hasattr(type(held), name) or isinstance(value, theirs) or callable(value)
        else:
            known = getattr(held, name, None)
            refused = callable(known) and not isinstance(known, theirs)
        if refused:
            raise link.Refused("what the test calls is not for the submission to replace")
        setattr(held, name, value)

    def instance(self, number: int) -> Any:
        value = self.exported[number]
        if isinstance(value, type) or type(value).__module__ not in (*self.test_modules, MOCKS):
            raise link.Refused("the test's objects do not allow that")
        return value


def is_mock(held: Any) -> bool:
    module = sys.modules.get(MOCKS)
    return module is not None and isinstance(held, module.NonCallableMock)
