"""The judge's side: stand-ins for what lives in the submission's process.

The types of all that arrives are chosen here. A stand-in forwards what a test does with it, with one exception: **an
operator between a stand-in and a plain value is not forwarded**, unless the test itself made the object, of what it
takes for a class, and the submission never handed it back. Otherwise an object that claims to equal everything, or
whose difference from everything is 0, would pass any test. Two of the submission's own objects may be compared by the
submission.
"""

from __future__ import annotations

import collections
import re
import sys
import types
from functools import partial
from typing import TYPE_CHECKING, Any

from reward_server.runner import link, values
from reward_server.runner.specials import COMPARISONS, FORWARDED, OPERATORS

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

READABLE = frozenset(
    {"__dict__", "__annotations__", "__wrapped__", "__cause__", "__notes__", "__dataclass_fields__", "__members__"}
)
TEST_MODULE = "__test__"
"""The module name of test code: what its classes make may be seen from the submission, by public names."""
MOCKS = "unittest.mock"
"""Whose objects are the test's own as well."""
HIDDEN = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_", "func_")


class Remote:
    """Base of all stand-ins for instances. `_number` is the object's number on the other side."""

    __slots__ = ("_link", "_number")
    _link: Wall
    _number: int

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Reached by `super().__init__` of a class that the test derives, and in no other way."""
        first = next(base for base in type(self).__mro__ if isinstance(base, RemoteClass) and not base.derived)
        target = first._class_number, "__init__"
        self._link.ask_with_arguments("method", target, (self, *arguments), keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in READABLE:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._link.get(self._number, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.set(self._number, name, value)

    def __delattr__(self, name: str) -> None:
        self._link.delete(self._number, name)


class RemoteException(Exception):
    """Base of stand-ins for exceptions that the submission defines."""

    _link: Wall
    _number: int

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "_number" not in self.__dict__:
            raise AttributeError(name)
        return self._link.get(self._number, name)


class RemoteClass(type):
    """The type of stand-ins for classes: calling one makes an instance on the other side."""

    _class_link: Wall
    _class_number: int
    derived = False
    """Whether the test has made it, of a class of the submission."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> RemoteClass:
        made = super().__new__(cls, name, bases, body)
        if "_class_number" not in body:
            theirs = [base for base in bases if isinstance(base, RemoteClass)]
            made._class_link, made.derived = theirs[0]._class_link, True
            made._class_number = made._class_link.derive(made, theirs, body)
        return made

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        cls._class_link.renew()
        made = cls._class_link.call(cls._class_number, arguments, keywords)
        if cls._class_number in cls._class_link.believed:
            cls._class_link.trust(made)
        return made

    def __getattr__(cls, name: str) -> Any:
        if name == "__signature__":
            return cls._class_link.signature(cls._class_number)
        if name.startswith("__") and name not in READABLE:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        cls._class_link.renew()
        return cls._class_link.get(cls._class_number, name)

    def __iter__(cls) -> Iterator[Any]:
        return iter(cls._class_link.get(cls._class_number, "__members__").values())

    def __len__(cls) -> int:
        return len(cls._class_link.get(cls._class_number, "__members__"))

    def __bool__(cls) -> bool:
        return True

    def __contains__(cls, value: Any) -> bool:
        return any(value is member for member in cls)

    def __getitem__(cls, key: Any) -> Any:
        wall = cls._class_link
        return wall.decode(wall.ask("item", cls._class_number, wall.encode(key))[0])


class RemoteMethod:
    """A method of a stand-in class: one request instead of a look-up and a call."""

    def __init__(self, wall: Wall, name: str, class_number: int) -> None:
        self.wall, self.name, self.class_number = wall, name, class_number

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            self.wall.renew()
        number = owner._class_number if instance is None else instance._number
        first: tuple[Any, ...] = ()
        if instance is not None and getattr(owner, "derived", False):  # it may be asked for by `super()`
            number, first = self.class_number, (instance,)

        def call(*arguments: Any, **keywords: Any) -> Any:
            arguments = (*first, *arguments)
            return self.wall.ask_with_arguments("method", (number, self.name), arguments, keywords)

        call.__name__ = call.__qualname__ = self.name
        return call


class NamedMethod:
    """A method of a tuple with names: the tuple goes along."""

    def __init__(self, wall: Wall, number: int, name: str) -> None:
        self.wall, self.number, self.name = wall, number, name

    def __get__(self, instance: Any, owner: Any) -> Any:
        first = () if instance is None else (instance,)
        target = self.number, self.name
        return lambda *rest, **keywords: self.wall.ask_with_arguments("method", target, (*first, *rest), keywords)


class RemoteFunction:
    """A function of the submission."""

    def __init__(self, wall: Wall, number: int) -> None:
        self._link, self._number = wall, number

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._link.get(self._number, "__doc__")

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        self._link.renew()
        return self._link.call(self._number, arguments, keywords)

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            return self._link.signature(self._number)
        if name.startswith("__") and name not in (*READABLE, "__name__", "__doc__", "__qualname__", "__defaults__"):
            raise AttributeError(f"function has no attribute {name!r}")
        return self._link.get(self._number, name)


class Wall(link.Link):
    """The judge's end of the link."""

    def __init__(self, channel: socket.socket) -> None:
        super().__init__(channel)
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
        self.arguments: list[tuple[Any, ...]] = []
        self.test_modules = frozenset({TEST_MODULE})
        self.failed_in_callback: AssertionError | None = None
        """Of the test's own code, called by the submission, which may keep it from the test."""
        self.streams = sys.stdout, sys.stderr

    def restart(self, channel: socket.socket) -> None:
        """Go on with a submission that was started anew: objects of the earlier one are gone."""
        self.channel.close()
        self.channel = channel
        self.buffered.clear()
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

        told = self.ask("signature", number)[0]
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
        encoded = self.encode_arguments(arguments, keywords)
        self.arguments.append((*arguments, *keywords.values()))
        try:
            result, changes = self.ask(operation, *target, *encoded)
            self.take_changes(changes)
        finally:
            self.arguments.pop()
        return self.decode(result)

    def special(self, number: int, name: str, arguments: tuple[Any, ...]) -> Any:
        self.arguments.append(arguments)
        try:
            result, changes = self.ask("special", number, name, [self.encode(value) for value in arguments])
            self.take_changes(changes)
        finally:
            self.arguments.pop()
        return self.decode(result)

    def take_changes(self, changes: Any) -> None:
        arguments = self.arguments[-1] if self.arguments else ()
        if type(changes) is not list or len(changes) > len(arguments):
            raise values.Unfit("changes of arguments that were not sent")
        for change in changes:
            if (
                type(change) is not list
                or len(change) != 2
                or type(change[0]) is not int
                or not 0 <= change[0] < len(arguments)
            ):
                raise values.Unfit("changes of arguments that were not sent")
            if isinstance(arguments[change[0]], link.MUTABLE):
                link.patch(arguments[change[0]], self.decode(change[1]))

    def get(self, number: int, name: str) -> Any:
        return self.decode(self.ask("get", number, name)[0])

    def set(self, number: int, name: str, value: Any) -> None:
        self.ask("set", number, name, self.encode(value))

    def delete(self, number: int, name: str) -> None:
        self.ask("delete", number, name)

    def names(self, names: list[str]) -> dict[str, Any]:
        """The values that the submission's module holds under these names; missing ones are left out."""
        encoded = self.ask("names", names)[0]
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
        told = self.ask("type", number)[0]
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
        return self.decode(self.ask("property", number, name, self.encode(value))[0])

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
        number = self.ask("subclass", made.__name__, [base._class_number for base in bases], own)[0]
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
                    item = self.decode(self.ask("throw", number, self.describe_exception(throwing))[0])
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
        return self.decode(self.ask("await", number)[0])

    async def async_generator(self, number: int) -> Any:
        while True:
            try:
                item = self.decode(self.ask("anext", number)[0])
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
        described = super().describe_exception(error)
        if isinstance(type(error), RemoteExceptionClass):
            described[2:4] = error.__dict__.get("_number"), self.home_number(type(error))
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

    def perform(self, operation: str, operands: list[Any]) -> tuple[Any, list[Any]]:
        match operation, operands:
            case "call", [int(number), list(arguments), list(keywords)]:
                positional, named = self.decode_arguments(arguments, keywords)
                try:
                    result = self.exported[number](*positional, **named)
                except AssertionError as error:
                    self.failed_in_callback = self.failed_in_callback or error
                    raise
                return self.encode(result), self.changed(
                    [*positional, *named.values()], [*arguments, *[v for _, v in keywords]]
                )
            case "await", [int(number)] if isinstance(self.exported[number], types.CoroutineType):
                return self.encode(self.complete(self.exported[number])), []
            case "about", [int(number), "__name__" | "__qualname__" | "__doc__" as name]:
                told = getattr(self.exported[number], name, None)
                return told if type(told) is str else None, []
            case "next", [int(number)]:
                return self.encode(next(self.exported[number])), []
            case "get", [int(number), str(name)] if not name.startswith(HIDDEN):
                return self.encode(getattr(self.instance(number), name)), []
            case "set", [int(number), str(name), value] if not name.startswith(HIDDEN):
                setattr(self.instance(number), name, self.decode(value))
                return None, []
        raise link.Refused("the test's objects do not allow that")

    def instance(self, number: int) -> Any:
        value = self.exported[number]
        if isinstance(value, type) or type(value).__module__ not in (*self.test_modules, MOCKS):
            raise link.Refused("the test's objects do not allow that")
        return value


class RemoteExceptionClass(type):
    """The type of stand-ins for exception classes: an instance made by the test is made on the other side."""

    _link: Wall
    _class_number: int

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        cls._link.renew()
        return cls._link.call(cls._class_number, arguments, keywords)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        wall: Wall = type.__getattribute__(cls, "_link")
        return wall.get(type.__getattribute__(cls, "_class_number"), name)


def forward(name: str) -> Any:
    """A special method that asks the other side."""
    if name in ("__exit__", "__aexit__"):
        return leave if name == "__exit__" else leave_async
    if name in OPERATORS:
        return forward_operator(name)

    def special(self: Remote, *arguments: Any) -> Any:
        if self._number in self._link.mixed:
            raise TypeError(f"an object of the submission that was mixed with a plain value has no {name}")
        return self._link.special(self._number, name, arguments)

    return special


def forward_operator(name: str) -> Any:
    def operate(self: Remote, other: Any, *rest: Any) -> Any:
        wall = self._link
        plain = not isinstance(other, Remote | RemoteClass)
        trusted = self._number in wall.made
        if plain and not trusted and (name in COMPARISONS or wall.home_number(type(self)) not in wall.believed):
            if name == "__contains__":
                raise TypeError("the submission's own container is not asked whether it holds a plain value")
            return NotImplemented
        result = wall.special(self._number, name, (other, *rest))
        mixed = {self._number, getattr(other, "_number", 0)} & wall.mixed or (plain and not trusted)
        if not isinstance(result, Remote):
            return NotImplemented if mixed and name not in COMPARISONS else result
        if mixed:
            wall.mixed.add(result._number)
        elif trusted and (plain or getattr(other, "_number", 0) in wall.made):
            wall.trust(result)
        return result

    return operate


def worded(name: str) -> Any:
    def text(self: RemoteException) -> Any:
        number = self.__dict__.get("_number")
        return getattr(super(RemoteException, self), name)() if number is None else self._link.special(number, name, ())

    return text


def leave(self: Remote, *arguments: Any) -> bool:
    """The end of a with block. A failure of the test's own is not the submission's to swallow, nor to replace."""
    error = arguments[1] if len(arguments) > 1 else None
    if isinstance(error, AssertionError):
        self._link.failed_in_callback = self._link.failed_in_callback or error
    swallowed = self._link.special(self._number, "__exit__", arguments)
    return bool(swallowed) and isinstance(error, Exception) and not isinstance(error, AssertionError)


async def leave_async(self: Remote, *arguments: Any) -> bool:
    error = arguments[1] if len(arguments) > 1 else None
    if isinstance(error, AssertionError):
        self._link.failed_in_callback = self._link.failed_in_callback or error
    swallowed = await self._link.special(self._number, "__aexit__", arguments)
    return bool(swallowed) and isinstance(error, Exception) and not isinstance(error, AssertionError)
