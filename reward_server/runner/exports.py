"""What the submission may do with the test's own objects. Runs in the judge's process.

An object of a class that the test code defines, a mock, and an object of a type in `LIBRARY` may be used by public
names and by the special methods in `USABLE`. Nothing that begins with an underscore can be read, set or called, so
that neither `__class__`, `__dict__`, `__globals__` nor a private attribute is reachable; nor can frames and code.
Nobody can set what the test may call, nor anything on a class, but for the one that the test is just decorating.
"""

from __future__ import annotations

import copy
import functools
import io
import sys
import types
from typing import TYPE_CHECKING, Any

from reward_server.runner import library_values, link, values
from reward_server.runner.decorating import HIDDEN, MISSING, NOT_REPLACED, Decorating
from reward_server.runner.descriptions import ON_CLASSES, USABLE, Descriptions, is_mock, is_told, refusal
from reward_server.runner.stand_ins import Remote, RemoteClass, RemoteFunction

if TYPE_CHECKING:
    from reward_server.runner.wall import Wall

WITHOUT_ATTRIBUTES = frozenset({"contextlib"})
"""Modules of which objects can be entered, and no more: one holds what it was made from."""
COMPUTED = (property, functools.cached_property, types.MemberDescriptorType)


class Exports:
    """The test's objects that the submission has handles of."""

    def __init__(self, wall: Wall) -> None:
        self.wall, self.descriptions = wall, Descriptions(wall)
        self.handed: set[int] = set()
        """The numbers of classes of neither the test nor the library that the test has handed over to be called."""
        self.unusable: set[int] = set()
        """What has crossed although it can neither be copied nor used there, such as a thread or a socket."""
        self.passed: set[int] = set()
        """Those that the test has handed over without being asked."""
        self.decorating = Decorating()
        self.methods: dict[tuple[int, str], Any] = {}
        """The bound methods that have crossed, by object and name."""

    # What crosses.

    def describe(self, value: Any) -> Any:
        """The handle of one of the test's objects."""
        export = self.wall.export
        if (descriptor := self.wall.describe_descriptor(value)) is not None:
            return descriptor
        for stream in ("stdout", "stderr"):
            if value is getattr(sys, stream) and type(value) is not io.StringIO:
                return ["h", export(value), "stream", None, stream]
        if type(value) is object:
            return ["h", export(value), "sentinel", None]
        if self.descriptions.is_usable(value):
            return ["h", export(value), "object", export(type(value)), *self.plain_form(value)]
        if isinstance(value, type):
            return self.describe_class(value)
        for native, kind in KINDS.items():
            if isinstance(value, native):
                return ["h", export(value), kind, None]
        if hasattr(type(value), "__next__") and not callable(value):
            return ["h", export(value), "iterator", None]
        parts = library_values.parts_of_alias(value)
        if parts is not None:
            return ["h", export(value), "alias", None, [self.wall.encode(part) for part in parts]]
        if callable(value) and type(value).__module__ != "sqlite3":  # a connection is more than a function
            return ["h", export(self.same_method(value)), "function", None]
        return self.describe_unusable(value)

    def describe_unusable(self, value: Any) -> Any:
        """The handle of what the submission can keep, compare by identity and hand back, and nothing else."""
        number = self.wall.export(value)
        if not self.wall.answering:
            self.passed.add(number)
        self.unusable.add(number)
        kind = type(value)
        self.descriptions.kinds_of_unusable.add(kind)
        place = library_values.place_of(kind)
        return ["h", number, "object", self.wall.export(kind), ["of", *place] if place is not None else None]

    def use_of_unusable(self, number: int) -> link.Refused:
        """The test is at fault if it has passed such an object itself."""
        name = type(self.wall.exported[number]).__name__
        text = f"the test passed a value of type {name}, which cannot be used across the sandbox's wall"
        if number in self.passed and not self.wall.evidence.calibrated:
            self.wall.evidence.blame_test(text)
        return link.Refused(text)

    def same_method(self, value: Any) -> Any:
        """A method that is bound anew at each look-up, as it first crossed: it is to equal itself there as well."""
        if not isinstance(value, types.MethodType | types.BuiltinMethodType):
            return value
        return self.methods.setdefault((id(value.__self__), value.__name__), value)

    def plain_form(self, value: Any) -> list[Any]:
        """The plain value that an object is as well, or the class that a mock says to be of."""
        if is_mock(value):
            return self.descriptions.fit(value.__class__) if value.__class__ is not type(value) else []
        return [values.encode(value)] if isinstance(value, values.STANDING) else []

    def describe_class(self, kind: type) -> Any:
        if issubclass(kind, BaseException):
            return ["xt", link.type_rows(kind), self.wall.export(kind)]
        if self.descriptions.is_of_the_test(kind):
            return ["h", self.wall.export(kind), "class", None]
        place = library_values.place_of(kind)
        if place is not None:
            return ["h", self.wall.export(kind), "library", None, place]
        self.handed.add(self.wall.export(kind))
        return ["h", self.wall.export(kind), "function", None]

    # What may be asked.

    def serve(self, operation: str, operands: list[Any]) -> Any:
        """Carry out a request. Returns the encoded result. Raises: link.Refused, and what the test's code raises."""
        wall = self.wall
        exported = wall.exported
        if operands and type(operands[0]) is int and operands[0] in self.unusable:
            raise self.use_of_unusable(operands[0])
        match operation, operands:
            case "call", [int(number), list(arguments), list(keywords)] if self.may_call(number):
                return self.apply(exported[number], arguments, keywords)
            case "method", [int(number), str(name), list(arguments), list(keywords)] if not name.startswith(HIDDEN):
                return self.apply(self.own(self.instance(number), name), arguments, keywords)
            case "special", [int(number), str(name), list(arguments), list(keywords)]:
                return self.call_special(exported[number], name, arguments, keywords)
            case "next" | "send" | "throw" | "close", [int(number), *sent]:
                return self.resume(exported[number], operation, sent)
            case "await", [int(number)]:
                return wall.encode(wall.complete(self.awaited(operation, exported[number])))
            case "anext" | "asend" | "athrow" | "aclose", [int(number), *sent]:
                return self.resume_async(exported[number], operation, sent)
            case "about", [int(number)]:
                return self.descriptions.about(exported[number])
            case "about", [int(number), str(name)]:
                return self.descriptions.about(self.function_in(exported[number], name))
            case "type", [int(number)] if isinstance(exported[number], type):
                return self.descriptions.about_class(exported[number])
            case "get", [int(number), str(name)] if not name.startswith(HIDDEN):
                return wall.encode(self.attribute(exported[number], name))
            case "set", [int(number), str(name), value] if not name.startswith(HIDDEN):
                self.put(exported[number], name, wall.decode(value))
                return None
            case "delete", [int(number), str(name)] if not name.startswith(HIDDEN):
                self.may_put(self.of_the_test(exported[number]), name)
                delattr(exported[number], name)
                return None
            case "state", [int(number)]:
                return self.state(exported[number])
            case "hold", [int(number), str(name), value] if not name.startswith(HIDDEN):
                self.hold(self.of_the_test(exported[number]), name, wall.decode(value))
                return None
            case "copy", [int(number), bool(deep)]:
                return wall.encode((copy.deepcopy if deep else copy.copy)(self.of_the_test(exported[number])))
            case "decorate", [int(number), str(name), value]:
                if not self.descriptions.is_of_the_test(exported[number]):
                    raise refusal()
                self.decorating.decorate(exported[number], name, wall.decode(value))
                return None
        raise refusal()

    def apply(self, function: Any, arguments: list[Any], keywords: list[Any]) -> Any:
        positional, named = self.wall.decode_arguments(arguments, keywords)
        return self.wall.encode(function(*positional, **named))

    def call_special(self, held: Any, name: str, arguments: list[Any], keywords: list[Any]) -> Any:
        function = self.special(held, name)
        positional, named = self.wall.decode_arguments(arguments, keywords)
        if name in ("__exit__", "__aexit__") and len(positional) == 3 and isinstance(positional[1], BaseException):
            error = positional[1]
            positional = [type(error), error, error.__traceback__]
        return self.wall.encode(function(*positional, **named))

    def may_call(self, number: int) -> bool:
        """Of a class of the library the submission has its own: it has no use for calling that of the judge."""
        held = self.wall.exported[number]
        return not isinstance(held, type) or number in self.handed or self.descriptions.is_of_the_test(held)

    def special(self, held: Any, name: str) -> Any:
        """A special method of an object, or of a class by its metaclass. What `object` defines is not the test's."""
        kind = type(held)
        if isinstance(held, type):
            allowed = self.descriptions.is_of_the_test(held) and name in ON_CLASSES
        else:
            allowed = self.descriptions.is_usable(held) and (
                name in USABLE or any((base, name) in self.decorating.replaced for base in kind.__mro__)
            )
        if not allowed:
            raise refusal()
        for base in kind.__mro__:
            found = self.decorating.replaced.get((base, name), vars(base).get(name, MISSING))
            if found is not MISSING and (base is not object or name == "__init__"):
                return bound(found, held)
        raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")

    def own(self, held: Any, name: str) -> Any:
        """A method of an object as the test wrote it, whatever a decorator of the submission has put in its place."""
        for base in type(held).__mro__:
            found = self.decorating.replaced.get((base, name), MISSING)
            if found is not MISSING:
                return bound(found, held)
        return self.attribute(held, name)

    def attribute(self, held: Any, name: str) -> Any:
        """What the submission may read of an object of the test; of a mock not what it is set up and checked by."""
        if isinstance(held, type):
            if not self.descriptions.is_of_the_test(held) or not any(name in vars(base) for base in held.__mro__):
                raise AttributeError(f"type object has no attribute {name!r}")
        elif isinstance(held, BaseException):
            if not self.descriptions.is_of_the_test(type(held)):
                raise AttributeError(name)
        elif isinstance(held, types.FunctionType):
            if not self.descriptions.is_of_the_test(held) or name not in vars(held):
                raise AttributeError(f"'function' object has no attribute {name!r}")
        elif not self.descriptions.is_usable(held) or type(held).__module__ in WITHOUT_ATTRIBUTES:
            raise AttributeError(f"{type(held).__name__!r} object has no attribute {name!r}")
        elif is_mock(held) and callable(getattr(type(held), name, None)):
            raise link.Refused("the test's mocks are not for the submission to set up")
        return getattr(held, name)

    def put(self, held: Any, name: str, value: Any) -> None:
        """Set an attribute of an object, or of a function."""
        kind = held if isinstance(held, types.FunctionType) else type(held)
        if not (is_mock(held) or (self.descriptions.is_of_the_test(kind) and not isinstance(held, type))):
            raise refusal()
        if is_mock(held) and (isinstance(value, Remote | RemoteFunction | RemoteClass) or callable(value)):
            raise link.Refused(NOT_REPLACED)
        self.may_put(held, name)
        setattr(held, name, value)

    def hold(self, held: Any, name: str, value: Any) -> None:
        """Set an attribute in an object's own dictionary, past a descriptor of the submission only."""
        if isinstance(static(type(held), name), Remote):
            vars(held)[name] = value
        else:
            self.put(held, name, value)

    def may_put(self, held: Any, name: str) -> None:
        """The test may call an attribute to check: then the submission could answer in its place. Raises: Refused."""
        known = static(held, name)
        if known is MISSING or isinstance(known, COMPUTED):
            known = getattr(held, name, None)
        theirs = Remote | RemoteFunction | RemoteClass
        if is_mock(held):
            refused = hasattr(type(held), name)
        else:
            refused = (callable(known) or isinstance(known, classmethod)) and not isinstance(known, theirs)
        if refused:
            raise link.Refused(NOT_REPLACED)

    def state(self, held: Any) -> Any:
        """The public attributes that an object holds itself, as far as they can cross; of a mock none."""
        held = {} if is_mock(held) else vars(self.of_the_test(held))
        told = self.descriptions.fit_items((name, value) for name, value in held.items() if not name.startswith(HIDDEN))
        return ["d", ["L", [name for name, _ in told]], ["l", *[encoded for _, encoded in told]]]

    def instance(self, number: int) -> Any:
        value = self.wall.exported[number]
        if not self.descriptions.is_usable(value):
            raise refusal()
        return value

    def of_the_test(self, value: Any) -> Any:
        """The object, if its class is the test's. Raises: Refused."""
        if isinstance(value, type) or not self.descriptions.is_of_the_test(type(value)):
            raise refusal()
        return value

    # Generators and what is awaited.

    def resume(self, held: Any, operation: str, sent: list[Any]) -> Any:
        if operation == "next":
            if not hasattr(type(held), "__next__"):
                raise refusal()
            return self.wall.encode(next(held))
        if not isinstance(held, types.GeneratorType):
            raise refusal()
        return self.wall.encode(getattr(held, operation)(*self.sent(operation, sent)))

    def resume_async(self, held: Any, operation: str, sent: list[Any]) -> Any:
        if not isinstance(held, types.AsyncGeneratorType):
            raise refusal()
        awaitable = held.__anext__() if operation == "anext" else getattr(held, operation)(*self.sent(operation, sent))
        return self.wall.encode(self.wall.complete(awaitable))

    def sent(self, operation: str, sent: list[Any]) -> list[Any]:
        if operation in ("throw", "athrow"):
            return [self.wall.exception(each) for each in sent]
        return [self.wall.decode(each) for each in sent]

    async def outcome(self, operation: str, number: Any) -> list[Any]:
        """What comes of a coroutine or an asynchronous generator that the submission awaits."""
        evidence = self.wall.evidence
        answers = evidence.answers
        self.wall.serving += 1
        try:
            value = await self.awaited(operation, self.wall.exported[number])
            with self.wall.chosen_there():
                outcome = ["=", self.wall.encode(value)]
        except (values.Unfit, link.Refused) as error:
            return ["~", str(error)]
        except Exception as error:
            evidence.callback_ended([operation, number], error, answers)
            with self.wall.chosen_there():
                return ["!", self.wall.describe_exception(error)]
        finally:
            self.wall.serving -= 1
        evidence.callback_ended([operation, number], None, answers)
        return outcome

    def awaited(self, operation: str, held: Any) -> Any:
        """Raises: Refused."""
        if operation == "await" and self.may_await(held):
            return held
        if operation == "anext" and isinstance(held, types.AsyncGeneratorType):
            return held.__anext__()
        raise refusal()

    def may_await(self, held: Any) -> bool:
        return isinstance(held, types.CoroutineType) or (
            self.descriptions.is_usable(held) and hasattr(type(held), "__await__")
        )

    def function_in(self, kind: Any, name: str) -> Any:
        held = vars(kind).get(name) if isinstance(kind, type) and self.descriptions.is_of_the_test(kind) else None
        held = self.decorating.replaced.get((kind, name), held)
        if not (self.descriptions.is_function(held) and is_told(name)):
            raise refusal()
        return held


KINDS = {
    types.CoroutineType: "coroutine",
    types.GeneratorType: "generator",
    types.AsyncGeneratorType: "async_generator",
}


def static(held: Any, name: str) -> Any:
    """What an object or a class has by this name, before any descriptor is asked; or `MISSING`."""
    import inspect  # what few tests need

    return inspect.getattr_static(held, name, MISSING)


def bound(found: Any, held: Any) -> Any:
    binds = getattr(type(found), "__get__", None)
    return found if binds is None else binds(found, held, type(held))
