"""The test's own objects, as the submission sees them: stand-ins that ask the judge.

All of this runs in the submission's own process. What may be asked is for the judge to decide (`exports.py`).
"""

from __future__ import annotations

import sys
import types
from functools import partial
from typing import TYPE_CHECKING, Any

from reward_server.runner import library_values, values
from reward_server.runner.test_classes import call_method, initialise, make_class

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from reward_server.runner.served import Served


class TestObjects:
    """What stands here for each object of the test, by its number."""

    def __init__(self, home: Served) -> None:
        self.home = home
        self.held: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        """By `id`: what is held lives."""
        self.classes: dict[int, type] = {}
        self.own: dict[int, dict[str, Any]] = {}
        """Private attributes that the submission has set; they stay here."""
        self.derived: dict[int, tuple[Any, int]] = {}
        """By `id`, the objects of classes that are derived here, and the numbers of what the test has made for them."""
        self.claimed: dict[int, Any] = {}
        """The classes that mocks, and what cannot be used here, say to be of."""

    def number_of(self, value: Any) -> int | None:
        """By identity: what is copied from an object of the test is none."""
        return self.numbers.get(id(value))

    def keep(self, number: int, value: Any) -> Any:
        self.held[number] = value
        self.numbers[id(value)] = number
        return value

    def find(self, number: int, kind: str, type_number: int | None, detail: Any) -> Any:
        if kind == "stream":
            return getattr(sys, detail)  # as it is now: it may be redirected
        if number not in self.held:
            self.keep(number, self.make(number, kind, type_number, detail))
        return self.held[number]

    def make(self, number: int, kind: str, type_number: int | None, detail: Any) -> Any:
        match kind:
            case "object" if type_number is not None:
                return self.new_object(number, self.class_of(type_number), detail)
            case "class":
                return self.class_of(number)
            case "library":
                return library_values.find(*detail)
            case "alias":
                return library_values.alias([self.home.decode(part) for part in detail])
            case "sentinel":
                return object()
            case "iterator":
                return iterator(self, number)
            case "generator":
                return generator(self, number)
            case "coroutine":
                return coroutine(self, number)
            case "async_generator":
                return async_generator(self, number)
        return ForeignFunction(self, (number,), partial(self.call, "call", (number,)))

    def class_of(self, number: int) -> type:
        if number not in self.classes:
            made = make_class(self, number, self.home.ask("type", number))
            self.classes[number] = self.keep(number, made)
        return self.classes[number]

    def new_object(self, number: int, kind: Any, detail: Any) -> Any:
        """`detail`: the plain value that the object is as well, or the class that it says to be of."""
        native = native_of(kind)
        if native is not object:
            return native.__new__(kind, self.home.decode(detail))
        if detail is not None:
            of_library = detail[0] == "of"
            self.claimed[number] = library_values.find(*detail[1:]) if of_library else self.home.decode(detail)
        return object.__new__(kind)

    def coroutine(self, number: int) -> Any:
        """What an object of the test gives that can be awaited."""
        return coroutine(self, number)

    def method(self, class_number: int, name: str) -> ForeignFunction:
        """A function that a class of the test defines. It is called by way of the object."""
        call = initialise if name == "__init__" else partial(call_method, name)
        return ForeignFunction(self, (class_number, name), call)

    def ask(self, operation: str, number: int, *operands: Any) -> Any:
        return self.home.decode(self.home.ask(operation, number, *operands))

    def signature(self, number: int) -> Any:
        """That of a class of the test."""
        said = self.home.ask("about", number)["signature"]
        return signature_of(self.home, said) if said else None

    def new_container(self, class_number: int, number: int) -> Any:
        """An empty list, dict or the like of a class of the test."""
        kind: Any = self.class_of(class_number)
        return self.keep(number, native_of(kind).__new__(kind))

    def call(
        self, operation: str, target: tuple[Any, ...], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        return self.ask(operation, *target, *self.home.encode_arguments(arguments, keywords))


def native_of(kind: type) -> Any:
    return next((base for base in kind.__mro__ if base in values.STANDING), object)


class ForeignFunction:
    """A function of the test."""

    __slots__ = ("__asked__", "__called__", "__objects__", "__told__", "__weakref__")

    def __init__(self, objects: TestObjects, asked: tuple[Any, ...], called: Callable[..., Any]) -> None:
        """`asked`: its number, or that of its class and its name there. `called` takes arguments and keywords."""
        for name, value in (("objects", objects), ("asked", asked), ("called", called), ("told", None)):
            object.__setattr__(self, f"__{name}__", value)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.__called__(arguments, keywords)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __getattr__(self, name: str) -> Any:
        told = about(self)
        if name in told:
            return told[name]
        if name.startswith("_") or len(self.__asked__) > 1:
            raise AttributeError(f"'function' object has no attribute {name!r}")
        return self.__objects__.ask("get", *self.__asked__, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or len(self.__asked__) > 1:
            about(self)[name] = value
        else:
            self.__objects__.ask("set", *self.__asked__, name, self.__objects__.home.encode(value))

    @property
    def __module__(self) -> Any:  # type: ignore[override]
        return named(self, "__module__")

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return named(self, "__doc__")

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return about(self).get("__attributes__", {})

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `isinstance` and `inspect` go by."""
        return types.FunctionType if "__code__" in about(self) else type(self)

    def __repr__(self) -> str:
        return f"<function {about(self).get('__qualname__', '')}>"


class Code:
    """What programs read of the code object of a function: how many arguments it has, and their names."""

    def __init__(self, arguments: int, positional: int, keywords: int, flags: int, name: str, names: list[str]) -> None:
        self.co_argcount, self.co_posonlyargcount, self.co_kwonlyargcount = arguments, positional, keywords
        self.co_flags, self.co_name, self.co_varnames = flags, name, tuple(names)
        self.co_nlocals = len(names)


def about(function: ForeignFunction) -> dict[str, Any]:
    """What there is to know of a function of the test. The judge is asked once."""
    told: dict[str, Any] | None = function.__told__
    if told is None:
        home = function.__objects__.home
        told = understood(home, home.ask("about", *function.__asked__))
        object.__setattr__(function, "__told__", told)
    return told


def named(function: ForeignFunction, name: str) -> Any:
    """Raises: AttributeError where the function has no such name, as an object that can be called."""
    try:
        return about(function)[name]
    except KeyError:
        raise AttributeError(name) from None


def understood(home: Served, said: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        name: said[name] for name in ("__name__", "__qualname__", "__doc__", "__module__") if name in said
    }
    signature = signature_of(home, said["signature"]) if said["signature"] else None
    if signature is not None:
        told["__signature__"] = signature
        told["__annotations__"] = annotations_of(signature)
    if "code" in said:
        told["__code__"] = Code(*said["code"])
        told["__attributes__"] = attributes = {name: home.decode(value) for name, value in said["attributes"]}
        told |= attributes
        parameters = signature.parameters.values() if signature is not None else ()
        defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
        keywords = {
            each.name: each.default for each in parameters if each.kind == each.KEYWORD_ONLY and each.name in defaults
        }
        told["__defaults__"] = tuple(value for name, value in defaults.items() if name not in keywords) or None
        told["__kwdefaults__"] = keywords or None
    return told


def signature_of(home: Served, said: Any) -> Any:
    import inspect  # what few submissions need

    rows, returned = said
    parameters = [
        inspect.Parameter(
            name,
            inspect._ParameterKind(kind),
            default=home.decode(default[0]) if default else inspect.Parameter.empty,
            annotation=home.decode(note[0]) if note else inspect.Parameter.empty,
        )
        for name, kind, default, note in rows
    ]
    return inspect.Signature(
        parameters, return_annotation=home.decode(returned[0]) if returned else inspect.Signature.empty
    )


def annotations_of(signature: Any) -> dict[str, Any]:
    notes = {name: each.annotation for name, each in signature.parameters.items()}
    notes["return"] = signature.return_annotation
    return {name: note for name, note in notes.items() if note is not signature.empty}


# What is pulled or awaited.


def iterator(objects: TestObjects, number: int) -> Generator[Any, Any, Any]:
    while True:
        try:
            item = objects.ask("next", number)
        except StopIteration:
            return
        yield item


def generator(objects: TestObjects, number: int) -> Generator[Any, Any, Any]:
    operation = "next"
    operands: list[Any] = []
    while True:
        try:
            item = objects.ask(operation, number, *operands)
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield item
        except GeneratorExit:
            objects.ask("close", number)
            raise
        except BaseException as error:
            operation, operands = "throw", [objects.home.describe_exception(error)]
        else:
            operation, operands = ("next", []) if sent is None else ("send", [objects.home.encode(sent)])


async def coroutine(objects: TestObjects, number: int) -> Any:
    return await awaited(objects, "await", number)


async def async_generator(objects: TestObjects, number: int) -> AsyncIterator[Any]:
    while True:
        try:
            item = await awaited(objects, "anext", number)
        except StopAsyncIteration:
            return
        yield item


async def awaited(objects: TestObjects, operation: str, number: int) -> Any:
    """In turns with the test's event loop; on a loop that the submission runs itself the test has none beside it."""
    tasks = objects.home.own_tasks
    if tasks is not None and tasks.are_running():
        return await tasks.want(operation, number)
    return objects.ask(operation, number)
