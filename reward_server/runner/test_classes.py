"""The test's own classes, as the submission sees them: one stand-in for each, with the special methods that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reward_server.runner import values

if TYPE_CHECKING:
    from collections.abc import Callable

    from reward_server.runner.test_objects import TestObjects

COMPARISONS = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})

OF_TOOLS = frozenset(
    (
        *("__dataclass_fields__", "__dataclass_params__", "__match_args__", "__replace__", "__annotations__"),
        *("__doc__", "__name__", "__qualname__", "__module__"),
    )
)
"""What the library's own decorators of classes write down for themselves: it stays here."""


class ForeignClass(type):
    """The type of stand-ins for the test's classes: calling one makes an instance where the test is."""

    __objects__: TestObjects
    __derived__ = False
    """Whether the submission has made it, of a class of the test."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> ForeignClass:
        body.setdefault("__derived__", True)
        return super().__new__(cls, name, bases, body)

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        if cls.__derived__:
            return super().__call__(*arguments, **keywords)
        return cls.__objects__.call("call", (number_of(cls),), arguments, keywords)

    @property
    def __signature__(cls) -> Any:
        return cls.__objects__.signature(number_of(cls))

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return cls.__objects__.ask("get", number_of(cls), name)

    def __setattr__(cls, name: str, value: Any) -> None:
        """As a decorator of the class does. Elsewhere the judge refuses it."""
        if not (cls.__derived__ or name in OF_TOOLS):
            cls.__objects__.ask("decorate", number_of(cls), name, cls.__objects__.home.encode(value))
        super().__setattr__(name, value)


def number_of(value: Any) -> int:
    """The number of what a stand-in stands for. Raises: TypeError for an object of a class that is derived here."""
    objects: TestObjects = value.__objects__
    if isinstance(value, ForeignClass):
        value = next(kind for kind in value.__mro__ if isinstance(kind, ForeignClass) and not kind.__derived__)
    number = objects.numbers.get(id(value)) or objects.derived.get(id(value), (None, None))[1]
    if number is None:
        raise TypeError(f"a {type(value).__name__} that the test has not made")
    return number


class ForeignObject:
    """Base of the stand-ins for the test's objects."""

    __slots__ = ()
    __objects__: TestObjects

    @property
    def __home__(self) -> Any:
        return self.__objects__.home

    @property
    def __foreign__(self) -> int:
        return number_of(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            own = self.__objects__.own.get(number_of(self), {})
            if name in own:
                return own[name]
            if name in ("__name__", "__qualname__"):  # a mock may have them
                said = self.__home__.ask("about", number_of(self))
                if type(said.get(name)) is str:
                    return said[name]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.__objects__.ask("get", number_of(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            self.__objects__.own.setdefault(number_of(self), {})[name] = value
        else:
            self.__objects__.ask("set", number_of(self), name, self.__objects__.home.encode(value))

    def __delattr__(self, name: str) -> None:
        own = self.__objects__.own.get(number_of(self), {})
        if name in own:
            del own[name]
        else:
            self.__objects__.ask("delete", number_of(self), name)

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return State(self)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """As a mock of a class has it."""
        return self.__objects__.claimed.get(self.__objects__.numbers.get(id(self), 0), type(self))

    def __copy__(self) -> Any:
        return self.__objects__.ask("copy", number_of(self), False)

    def __deepcopy__(self, _memo: Any) -> Any:
        return self.__objects__.ask("copy", number_of(self), True)


class State(dict[str, Any]):
    """The attributes of an object of the test: public ones of its own, and private ones that the submission has set."""

    def __init__(self, owner: ForeignObject) -> None:
        number, objects = number_of(owner), owner.__objects__
        super().__init__(objects.ask("state", number) | objects.own.get(number, {}))
        self.owner = owner

    def __setitem__(self, name: str, value: Any) -> None:
        """Past the descriptors of the class, as the dictionary of an object is."""
        if not name.startswith("_"):
            objects = self.owner.__objects__
            objects.ask("hold", number_of(self.owner), name, objects.home.encode(value))
        else:
            setattr(self.owner, name, value)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        delattr(self.owner, name)
        super().__delitem__(name)

    def setdefault(self, name: str, value: Any = None) -> Any:
        if name not in self:
            self[name] = value
        return self[name]

    def pop(self, name: str, *default: Any) -> Any:
        if name not in self and default:
            return default[0]
        value = self[name]
        del self[name]
        return value

    def update(self, *more: Any, **named: Any) -> None:
        for name, value in dict(*more, **named).items():
            self[name] = value


def make_class(objects: TestObjects, number: int, told: dict[str, Any]) -> type:
    bases = tuple(objects.class_of(number) for number in told["bases"])
    native = values.NAMED_TYPES.get(told["native"]) if told["native"] else None
    bases = bases or ((ForeignObject,) if native is None else (ForeignObject, native))
    body: dict[str, Any] = {
        "__module__": told["module"],
        "__qualname__": told["qualname"],
        "__doc__": told["doc"],
        "__objects__": objects,
        "__derived__": False,
        "__slots__": () if native is not None or told["bases"] else ("__weakref__",),
    }
    body |= {name: forwarded(name) for name in told["special"]}
    body |= {name: objects.method(number, name) for name in told["methods"]}
    body["__hash__"] = {"none": None, "identity": object.__hash__, "own": forwarded("__hash__")}[told["hash"]]
    if told["matched"]:
        body["__match_args__"] = tuple(told["matched"])
    body["__annotations__"] = {
        name: objects.home.decode(note) for name, *notes in told["annotations"] for note in notes
    }
    if told["fields"] is not None:
        body["__dataclass_fields__"] = fields_of(told["fields"], body["__annotations__"])
    kind: Any = ForeignClass
    if told["class_special"]:
        kind = type("ForeignClass", (ForeignClass,), {name: of_class(name) for name in told["class_special"]})
    made: type = kind(told["name"], bases, body)
    return made


def forwarded(name: str) -> Callable[..., Any]:
    """A special method that asks the judge."""

    def special(self: Any, *arguments: Any, **keywords: Any) -> Any:
        objects: TestObjects = self.__objects__
        if name == "__await__":
            return objects.coroutine(number_of(self)).__await__()
        if name == "__call__":
            return objects.call("call", (number_of(self),), arguments, keywords)
        try:
            return objects.call("special", (number_of(self), name), arguments, keywords)
        except values.Unfit:
            if name in COMPARISONS:
                return NotImplemented  # with an object that stays here
            raise

    special.__name__ = special.__qualname__ = name
    return special


def call_method(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    owner, *rest = arguments
    return owner.__objects__.call("method", (number_of(owner), name), tuple(rest), keywords)


def initialise(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """The test's own `__init__`: of an object that is being made, and of one whose class is derived here."""
    owner, *rest = arguments
    objects: TestObjects = owner.__objects__
    own: Any = type(owner)
    if own.__derived__:
        base = next(kind for kind in own.__mro__ if not kind.__derived__)
        objects.derived[id(owner)] = owner, number_of(base(*rest, **keywords))
    else:
        objects.call("special", (number_of(owner), "__init__"), tuple(rest), keywords)


def of_class(name: str) -> Callable[..., Any]:
    def special(cls: Any, *arguments: Any) -> Any:
        return cls.__objects__.call("special", (number_of(cls), name), arguments, {})

    return special


def fields_of(rows: list[Any], notes: dict[str, Any]) -> dict[str, Any]:
    import dataclasses  # what few submissions need

    made: Any = dataclasses.make_dataclass(
        "Fields",
        [
            (name, notes.get(name, object), dataclasses.field(default=None, init=init, repr=shown, compare=compared))
            for name, init, shown, compared in rows
        ],
    )
    return dict(made.__dataclass_fields__)


class ForeignExceptionClass(type):
    """The type of stand-ins for the test's exception classes: calling one makes an exception where the test is."""

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        objects = vars(cls).get("__objects__")
        number = objects.number_of(cls) if objects is not None else None
        if objects is None or number is None:
            return super().__call__(*arguments, **keywords)
        return objects.call("call", (number,), arguments, keywords)
