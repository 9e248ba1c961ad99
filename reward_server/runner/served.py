"""The submission's side: loads its module, then answers calls.

All of this runs in the submission's own process, which it may bend as it likes: an answer is only ever its answer.
"""

from __future__ import annotations

import builtins
import collections.abc
import importlib
import os
import socket
import sys
import time
import types
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from reward_server.runner import (
    cases,
    classes,
    containers,
    entry,
    following,
    frames,
    link,
    modules,
    printed,
    tracebacks,
    values,
)
from reward_server.runner.test_classes import ForeignClass, ForeignExceptionClass, number_of
from reward_server.runner.test_objects import TestObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANNEL, PAYLOAD, ARGUMENTS = 3, 4, 5
DEFAULT_MODULE = "solution"
MOST_CONTEXTS = 10
MOST_TAKEN_S = 0.002


class FailedLoad(Exception):
    def __init__(self, described: dict[str, Any]) -> None:
        super().__init__(described)
        self.described = described


def load() -> tuple[types.ModuleType, modules.Payload]:
    """Raises: FailedLoad."""
    payload = modules.Payload.read(PAYLOAD)
    name = payload.module or DEFAULT_MODULE
    file = f"{name.replace('.', '/')}.py"
    try:
        module, code = modules.prepare(payload, name, file)
        exec(code, module.__dict__)
    except modules.Uncompiled as error:
        raise FailedLoad({"types": [["builtins", "SyntaxError"]], "text": str(error), "compile": True}) from None
    except BaseException as error:
        described = modules.describe(error, os.path.join(os.getcwd(), file))
        raise FailedLoad({**described, "compile": False}) from None
    finally:
        flush()
    return module, payload


def flush() -> None:
    try:
        sys.stdout.flush()
    except BaseException:
        pass


# Tests of kind `call`: the control process asks, one case at a time.


def run_calls(_: dict[str, Any]) -> NoReturn:
    channel = socket.socket(fileno=CHANNEL)
    try:
        module, payload = load()
        call = resolve(module, payload) if payload.entry_point else None
    except FailedLoad as failed:
        reply(channel, b"F", failed.described)
        os._exit(0)
    reply(channel, b"L", None)
    while True:
        request = channel.recv(link.LENGTH.size)
        if not request:
            os._exit(0)
        (size,) = link.LENGTH.unpack(request)
        case = values.decode(values.loads(frames.read_at(ARGUMENTS, 0, size)))
        try:
            answer = b"=" + values.dumps(cases.answer(case, call, partial(find, module, payload)))
        except values.Unfit as error:
            answer = b"?" + values.dumps({"types": [], "text": str(error)})
        except cases.RaisedInCall as error:
            answer = b"!" + values.dumps({**modules.describe(error.__cause__ or error), "call": error.number})
        except BaseException as error:
            answer = b"!" + values.dumps(modules.describe(error, str(module.__file__)))
        flush()
        channel.sendall(link.LENGTH.pack(len(answer)) + answer)


def reply(channel: socket.socket, kind: bytes, content: Any) -> None:
    answer = kind + values.dumps(content)
    channel.sendall(link.LENGTH.pack(len(answer)) + answer)


def resolve(module: types.ModuleType, payload: modules.Payload) -> Any:
    """The function under test. `Class.method` becomes a call on a new instance. Raises: FailedLoad."""
    entry_point = payload.entry_point or ""
    try:
        target = find(module, payload, entry_point)
    except NameError as error:
        raise FailedLoad({**modules.describe(error), "compile": False}) from None
    method = entry_point.partition(".")[2]
    return entry.method_of(target, method) if method else target


def find(module: types.ModuleType, payload: modules.Payload, name: str) -> Any:
    """Raises: NameError."""
    found = entry.find(module, name, payload.given)
    if found is None:
        raise NameError(f"the submission defines no {name!r}")
    return found


# Tests of kinds `asserts` and `pytest`: the judge process asks, by handles.


def run_served(_: dict[str, Any]) -> NoReturn:
    channel = socket.socket(fileno=CHANNEL)
    try:
        module, payload = load()
    except FailedLoad as failed:
        Served(channel, None, None).send_bytes(values.dumps(["failed", failed.described]))
        os._exit(0)
    served = Served(channel, module, payload)
    served.following = following.Following(served, payload.files)
    served.send_bytes(values.dumps(["loaded", True]))
    try:
        while True:
            served.answer(served.receive())
    except link.Gone:
        os._exit(0)


class Served(link.Link):
    def __init__(
        self,
        channel: socket.socket,
        module: types.ModuleType | None,
        payload: modules.Payload | None,
    ) -> None:
        models = payload.models if payload is not None else {}
        super().__init__(channel, containers.Containers(1, forgets=False, models=current(module, models)))
        self.module, self.objects = module, payload is None or payload.objects
        self.file = str(getattr(module, "__file__", ""))
        """What the code of the submission is compiled as."""
        self.code = payload.code if payload is not None else ""
        self.contexts = 0
        """So many exceptions, each the context of another, are being described."""
        self.given: Mapping[str, Any] = payload.given if payload is not None else {}
        self.under_test = entry.named(module, payload.entry_point or "", self.given) if module and payload else {}
        self.printed: list[printed.Streams | printed.Descriptors] = []
        """For requests whose asker wants what is printed meanwhile."""
        self.following: following.Following | None = None
        self.test_objects = TestObjects(self)
        self.containers.of_the_test = self.test_objects.new_container
        self.own_tasks: Any = None
        """The coroutines that the test awaits."""
        self.patched: dict[tuple[int, str], Any] = {}
        """What the module and its classes held under names that the test has set."""

    def send_bytes(self, text: bytes) -> None:
        flush()  # first: after its last answer this process may be ended at once
        # Looked at before anything is sent: with the first message the scratch folder's path becomes the judge's.
        ahead = self.following.before() if self.following is not None else None
        if self.printed:
            out, err = self.printed[-1].take()
            if out or err:
                super().send_bytes(values.dumps(["p", out, err]))
        if ahead is not None:
            super().send_bytes(ahead)
        super().send_bytes(text)

    def receive(self) -> list[Any]:
        ahead: list[Any] = []
        while (message := super().receive())[0] == "s":
            ahead.append(message[1])
        for told in ahead:  # only now, as what is told may have to be asked for, and the judge waits for answers
            assert self.following is not None
            self.following.apply(told)
        return message

    def answer(self, message: list[Any]) -> None:
        if message[0] == "?":
            super().answer(message)
            return
        self.printed.append(printed.Streams() if message[0] == "?c" else printed.Descriptors())
        try:
            super().answer(message)
        finally:
            self.printed.pop().end()

    def stays(self, value: Any) -> bool:
        """An instance of a builtin type's subclass stays whole where the test has the class, or may use its methods."""
        kind = type(value)
        return (
            super().stays(value)
            or self.home_number(value) is not None
            or (
                self.objects
                and isinstance(value, (*values.OWN_STATE, *values.WRAPPERS))
                and (id(kind) in self.numbers or classes.is_more_than_plain(kind))
            )
        )

    def describe(self, value: Any) -> Any:
        if isinstance(value, type):
            return ["h", self.export(value), "class", None]
        if isinstance(value, BaseException):
            return ["x", *self.describe_exception(value)]
        if isinstance(value, types.TracebackType):
            return None
        if values.is_named_tuple(type(value)):
            kind: Any = type(value)
            items = [self.encode(item) for item in tuple.__iter__(value)]
            return ["nt", self.export(kind), kind.__name__, list(kind._fields), items]
        for native, name in KINDS.items():
            if isinstance(value, native):
                return ["h", self.export(value), name, None]
        if isinstance(value, types.ModuleType):
            return ["h", self.export(value), "module", None]
        if (descriptor := self.describe_descriptor(value)) is not None:
            return descriptor
        if callable(value) and type(value).__module__ in ("builtins", "functools"):
            return ["h", self.export(value), "function", None]
        own = type(value).__module__ == getattr(self.module, "__name__", "")
        if hasattr(type(value), "__next__") and not (own and self.objects):
            return ["h", self.export(value), "iterator", None]
        if self.objects:
            return self.describe_object(value)
        if callable(value):
            return ["h", self.export(value), "function", None]
        if isinstance(value, collections.abc.Mapping):
            return values.ENCODERS[collections.UserDict](value, self._handle)
        if any("__iter__" in vars(base) for base in type(value).__mro__):
            return ["h", self.export(iter(value)), "iterator", None]
        return ["op", type(value).__name__, bool(value)]

    def look_up(self, name: str) -> list[Any] | None:
        """What the submission defines under this name."""
        if name in self.under_test:
            return [self.encode(self.under_test[name])]
        if entry.is_given(vars(self.module), name, self.given) or not hasattr(self.module, name):
            return None
        return [self.encode(getattr(self.module, name))]

    def describe_object(self, value: Any) -> Any:
        """With what it holds as an instance of a builtin type, when it crosses for the first time."""
        known, number, base = id(value) in self.numbers, self.export(value), values.base_of(type(value))
        told = ["h", number, "object", self.export(type(value))]
        return told if known or base is object else [*told, self.plain_form(value)]

    def plain_form(self, value: Any) -> Any:
        return values.ENCODERS[values.base_of(type(value))](value, self._handle)

    def resolve(self, number: int, kind: str, type_number: int | None, plain: Any = None) -> Any:
        return self.test_objects.find(number, kind, type_number, plain)

    def home_number(self, value: Any) -> int | None:
        return self.test_objects.number_of(value)

    def is_of_the_test(self, value: Any) -> bool:
        return isinstance(type(value), ForeignClass) and isinstance(value, containers.BASES)

    def numbers_of(self, value: Any) -> tuple[int, int]:
        return number_of(type(value)), number_of(value)

    def exception_class(self, rows: Any, number: int) -> type[BaseException]:
        kind = self.exception_type(rows)
        self.test_objects.keep(number, kind)
        return kind

    def exception_type(self, rows: Any) -> type[BaseException]:
        """As in `Link`; the classes of the test keep their hierarchy and their modules."""
        key = tuple((str(module), str(name)) for module, name in rows[: link.MAX_BASES])
        if key not in self.exception_types and len(key) > 1:
            made = super().exception_type(rows)
            if link.known_exception(*key[0], self.containers.models) is None:
                first = self.exception_type(rows[1:])
                bases = first, *[base for base in made.__bases__ if not issubclass(first, base)]
                body = {"__module__": key[0][0], "__objects__": self.test_objects}
                kind: Any = ForeignExceptionClass(key[0][1], bases, body)
                self.exception_types[key] = kind
        return super().exception_type(rows)

    def describe_exception(self, error: BaseException) -> Any:
        described = super().describe_exception(error)
        described[2] = self.export(error) if self.objects else None
        home = getattr(error, "__foreign__", None)
        described[4] = home if type(home) is int else None
        # A test may well expect SystemExit. The others end more than one test where they are not expected.
        native = isinstance(error, Exception) and type(error).__module__ == "builtins"
        if self.objects and type(error) is not SystemExit and not native:
            described[3] = self.export(type(error))
        described[5] += [self.describe_context(error), tracebacks.rows_of(error, self.file)]
        return described

    def describe_context(self, error: BaseException) -> Any:
        """What was being handled when it was raised."""
        context = error.__context__
        if context is None or context is error.__cause__ or self.contexts >= MOST_CONTEXTS:
            return None
        self.contexts += 1
        try:
            return self.describe_exception(context)
        finally:
            self.contexts -= 1

    def exception(self, described: Any) -> BaseException:
        rows, arguments, number, type_number, home, dress = described
        if number is not None:
            ours: BaseException = self.exported[number]
            return ours
        kind: Any = self.exported[type_number] if type_number is not None else self.exception_type(rows)
        held = tuple(self.decode(arguments))
        # To call a class of the test would make another one there.
        of_the_test = type(kind) is ForeignExceptionClass
        error: Any = kind.__new__(kind, *held) if of_the_test else link.make_exception(kind, held)
        if home is not None:
            error.__foreign__ = home
        return self.dress(error, dress)

    def named_tuple(self, type_number: int | None, name: str, fields: list[Any], items: list[Any]) -> Any:
        if type_number is not None:
            return self.exported[type_number](*items)
        if name in self.containers.models:
            return self.containers.models[name](*items)
        return importlib.import_module("collections").namedtuple(name, fields)(*items)

    def pattern(self, pattern: str, flags: int) -> Any:
        return importlib.import_module("re").compile(pattern, flags)

    def perform(self, operation: str, operands: list[Any]) -> Any:
        match operation, operands:
            case "names", [names]:
                return [self.look_up(name) for name in names]
            case "reload", []:
                self.reload()
                return None
            case "public", []:
                own = vars(self.module)
                return [name for name in own if not name.startswith("__") and not entry.is_given(own, name, self.given)]
            case "type", [number]:
                return classes.describe_type(self, self.exported[number])
            case "plain", [number]:
                return self.plain_form(self.exported[number])
            case "call", [number, arguments, keywords]:
                return self.apply(self.exported[number], arguments, keywords)
            case "entry", [entry_point, arguments, keywords]:
                kind, _, method = entry_point.partition(".")
                return self.apply(entry.bound(self.under_test[kind], method), arguments, keywords)
            case "method", [number, name, arguments, keywords]:
                return self.apply(getattr(self.exported[number], name), arguments, keywords)
            case "special", [number, name, arguments, keywords]:
                value = self.exported[number]
                return self.apply(getattr(type(value), name).__get__(value), arguments, keywords)
            case "get", [number, name]:
                return self.encode(getattr(self.exported[number], name))
            case "property", [number, name, value]:
                return self.encode(getattr(self.decode(value), name))
            case "subclass", [name, bases, body]:
                own = {key: self.decode(value) for key, value in body}
                return self.export(type(name, tuple(self.exported[number] for number in bases), own))
            case "item", [number, key]:
                found = self.exported[number][self.decode(key)]
                origin = getattr(found, "__origin__", None)  # of `Queue[int]`
                return self.encode(origin if origin is self.exported[number] else found)
            case "set", [number, name, value]:
                self.set(self.exported[number], name, self.decode(value))
                return None
            case "delete", [number, name]:
                self.delete(self.exported[number], name)
                return None
            case "copy", [number, deep]:
                copier = importlib.import_module("copy")
                return self.encode((copier.deepcopy if deep else copier.copy)(self.exported[number]))
            case "take", [number, "__next__", many]:
                return self.take(self.exported[number], many)
            case "pickle", [number]:
                return self.encode(importlib.import_module("pickle").dumps(self.exported[number]))
            case "unpickle", [pickled]:
                return self.encode(importlib.import_module("pickle").loads(self.decode(pickled)))
            case ("isinstance" | "issubclass") as check, [number, kind]:
                return getattr(builtins, check)(self.exported[number], self.exported[kind])
            case "code", [number]:
                return classes.describe_code(self.exported[number])
            case "throw", [number, described]:
                return self.encode(self.exported[number].throw(self.exception(described)))
            case "await" | "await_next", [number]:
                return self.encode(self.complete(self.exported[number]))
            case "anext", [number]:
                return self.encode(self.complete(anext(self.exported[number])))
            case "await" | "await_next", [number, ticket]:
                return self.start(ticket, self.exported[number])
            case "anext", [number, ticket]:
                return self.start(ticket, anext(self.exported[number]))
            case "turn", [outcomes]:
                return self.tasks().turn(outcomes)
            case "cancel", [ticket]:
                return self.tasks().cancel(ticket)
            case "set_name", [name, value]:
                self.set(self.module, name, self.decode(value))
                return None
            case "delete_name", [name]:
                self.delete(self.module, name)
                return None
            case "binds", [number]:
                return hasattr(type(self.exported[number]), "__get__")
            case "signature", [number]:
                return self.describe_signature(self.exported[number])
        raise link.Refused(f"no operation {operation!r}")

    def reload(self) -> None:
        assert self.module is not None
        exec(modules.compiled(self.code, self.file), self.module.__dict__)

    def tasks(self) -> Any:
        if self.own_tasks is None:
            from reward_server.runner import coroutines  # asyncio is what few tests need

            self.own_tasks = coroutines.Tasks(self)
        return self.own_tasks

    def start(self, ticket: int, awaitable: Any) -> Any:
        tasks = self.tasks()
        if not tasks.loop.is_running():
            return tasks.start(ticket, awaitable)
        # The test's code awaits while it is itself called from a coroutine here.
        try:
            outcome = ["=", self.encode(self.complete(awaitable))]
        except BaseException as error:
            outcome = ["!", self.describe_exception(error)]
        return {"ended": [[ticket, outcome]], "wanted": [], "dropped": [], "rest": None}

    def take(self, iterator: Any, many: int) -> list[Any]:
        """Some of the next items, and the exception that ends them. Stops after one that is not plain, or is slow."""
        items: list[Any] = []
        ending = None
        began_s = time.process_time()
        while len(items) < many and ending is None:
            try:
                item = next(iterator)
            except link.Gone:
                raise
            except BaseException as error:
                ending = self.describe_exception(error)
            else:
                items.append(self.encode(item))
                if not is_unchanging(item) or time.process_time() - began_s > MOST_TAKEN_S:
                    break
        return [items, ending]

    def apply(self, function: Any, arguments: Any, keywords: Any) -> Any:
        positional, named = self.decode_arguments(arguments, keywords)
        result = function(*positional, **named)
        for place, argument in enumerate(positional):
            if result is argument and type(result) in (tuple, frozenset, str, bytes) and link.has_no_parts(result):
                return ["a", place]  # the test's own, and not one that equals it
        return self.encode(result)

    def set(self, target: Any, name: str, value: Any) -> None:
        if isinstance(target, type | types.ModuleType):
            self.patched.setdefault((id(target), name), vars(target).get(name, MISSING))
        setattr(target, name, value)

    def delete(self, target: Any, name: str) -> None:
        """Undo what the test has set: a patch that saw no such name in the stand-in's own dictionary takes it away."""
        original = self.patched.pop((id(target), name), MISSING)
        if original is MISSING:
            delattr(target, name)
        else:
            setattr(target, name, original)

    def describe_signature(self, function: Any) -> list[Any]:
        """A row for each parameter, and one for what is returned. Only types of the language cross as annotations."""
        inspect = importlib.import_module("inspect")
        told = inspect.signature(function)

        def row(held: Any, *, note: bool) -> list[Any]:
            if held is inspect.Signature.empty:
                return []
            plain = not note or held is None or isinstance(held, str) or held in values.NAMED_TYPES.values()
            return [self.encode(held if plain else inspect.formatannotation(held))]

        rows = [
            [each.name, int(each.kind), row(each.default, note=False), row(each.annotation, note=True)]
            for each in told.parameters.values()
        ]
        return [rows, row(told.return_annotation, note=True)]


def current(module: types.ModuleType | None, models: Mapping[str, type]) -> dict[str, type]:
    """The classes of the setup as the submission knows them: many define such a class again."""
    held = vars(module) if module is not None else {}
    return {name: held[name] if isinstance(held.get(name), type) else kind for name, kind in models.items()}


def is_unchanging(value: Any) -> bool:
    """Whether a value is the same whenever it crosses."""
    return type(value) in values.ATOMS or (type(value) is tuple and all(type(each) in values.ATOMS for each in value))


MISSING = object()
KINDS = {
    types.GeneratorType: "generator",
    types.CoroutineType: "coroutine",
    types.AsyncGeneratorType: "async_generator",
}
