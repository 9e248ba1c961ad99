"""The judge's side: proxy objects for what lives in the submission's process.

A proxy forwards what a test does with it, with one exception: **an operator between a proxy and a plain value is
forwarded only if the object is trusted** (`wall.py`), and a number or text of a class of its own answers as the plain
one that arrived with it. Otherwise an object that claims to equal everything, or whose
difference from everything is 0, would pass any test. Two of the submission's own objects may be compared by it.
"""

from __future__ import annotations

import types
from abc import ABCMeta
from typing import TYPE_CHECKING, Any

from reward_server.runner import values
from reward_server.runner.evidence import is_finding
from reward_server.runner.specials import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from reward_server.runner.wall import Wall

READABLE = frozenset(
    {
        "__dict__",
        "__annotations__",
        "__wrapped__",
        "__cause__",
        "__notes__",
        "__dataclass_fields__",
        "__members__",
        "__slots__",
    }
)


class Pickled:
    """Found by name when a test unpickles an object: what it gives is the object of the submission."""

    wall: Wall

    def __new__(cls, pickled: bytes) -> Any:
        return cls.wall.restored(pickled)


class Bare:
    """Has the attributes that a proxy object keeps for itself."""


OWN_DICT = vars(Bare)["__dict__"]


class Remote(Bare):
    """Base of all stand-ins for instances. `_number` is the object's number on the other side."""

    _link: Wall
    _number: int

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Reached by `super().__init__` of a class that the test derives, and in no other way."""
        first = next(base for base in type(self).__mro__ if isinstance(base, RemoteClass) and not base._derived)
        target = first._class_number, "__init__"
        self._link.ask_with_arguments("method", target, (self, *arguments), keywords)

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return self._link.get(self._number, "__dict__")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in READABLE:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._link.get(self._number, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.set(self._number, name, value)

    def __delattr__(self, name: str) -> None:
        self._link.delete(self._number, name)

    def __copy__(self) -> Any:
        return self._link.copied(self, deep=False)

    def __deepcopy__(self, _memo: Any) -> Any:
        return self._link.copied(self, deep=True)

    def __reduce_ex__(self, _protocol: Any) -> Any:
        pickled = self._link.decode(self._link.ask("pickle", self._number))
        if type(pickled) is not bytes:
            raise values.Unfit("an object that was pickled as no bytes")
        return Pickled, (pickled,)


def vars_of(made: Remote) -> dict[str, Any]:
    """What a proxy object itself holds, which its `__dict__` hides."""
    held: dict[str, Any] = OWN_DICT.__get__(made)
    return held


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
    _derived = False
    """Whether the test has made it, of a class of the submission."""
    _asks_for_instances = False
    """Whether the metaclass decides what is an instance."""
    _class_specials: Collection[str] = ()
    """Special methods that the metaclass defines."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> RemoteClass:
        made = super().__new__(cls, name, bases, body)
        if "_class_number" not in body:
            theirs = [base for base in bases if isinstance(base, RemoteClass)]
            made._class_link, made._derived = theirs[0]._class_link, True
            made._class_number = made._class_link.derive(made, theirs, body)
        return made

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        cls._class_link.renew()
        return cls._class_link.make(cls._class_number, arguments, keywords)

    def __getattr__(cls, name: str) -> Any:
        if name == "__signature__":
            return cls._class_link.signature(cls._class_number)
        if name.startswith("__") and name not in READABLE:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        cls._class_link.renew()
        return cls._class_link.get(cls._class_number, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith("_") or cls._derived:
            super().__setattr__(name, value)
        elif type(value) is RemoteMethod:  # a patch puts back what it found in the stand-in's own dictionary
            delattr(cls, name)
        else:
            cls._class_link.set(cls._class_number, name, value)

    def __delattr__(cls, name: str) -> None:
        cls._class_link.delete(cls._class_number, name)

    @property
    def __mro__(cls) -> tuple[type, ...]:
        """Without what only a proxy class derives from."""
        return tuple(kind for kind in type.__dict__["__mro__"].__get__(cls) if kind not in (Remote, Bare))

    def mro(cls) -> list[type]:
        """Python asks it for the whole order, before there is one."""
        return super().mro() if type.__dict__["__mro__"].__get__(cls) is None else list(cls.__mro__)

    @property
    def __bases__(cls) -> tuple[type, ...]:  # type: ignore[override]
        return tuple(kind for kind in type.__dict__["__bases__"].__get__(cls) if kind is not Remote) or (object,)

    def __instancecheck__(cls, value: Any) -> bool:
        """An object may be of a class by what it can do, or as one that was registered: the submission knows."""
        if super().__instancecheck__(value) or not (cls._asks_for_instances and issubclass(type(value), Remote)):
            return super().__instancecheck__(value)
        return cls._class_link.ask("isinstance", value._number, cls._class_number) is True

    def __subclasscheck__(cls, kind: type) -> bool:
        if super().__subclasscheck__(kind) or not (cls._asks_for_instances and isinstance(kind, RemoteClass)):
            return super().__subclasscheck__(kind)
        return cls._class_link.ask("issubclass", kind._class_number, cls._class_number) is True

    def __iter__(cls) -> Iterator[Any]:
        return iter(cls.special_of_class("__iter__"))

    def __len__(cls) -> int:
        return int(cls.special_of_class("__len__"))

    def special_of_class(cls, name: str) -> Any:
        """What a special method of the metaclass gives."""
        if name not in cls._class_specials:
            raise TypeError(f"a class without {name}: {cls.__name__}")
        return cls._class_link.special(cls._class_number, name, ())

    def __bool__(cls) -> bool:
        return True

    def __contains__(cls, value: Any) -> bool:
        return any(value is member for member in cls)

    def __getitem__(cls, key: Any) -> Any:
        wall = cls._class_link
        encoded = wall.ask("item", cls._class_number, wall.encode(key))
        if type(encoded) is list and encoded[:3] == ["h", cls._class_number, "class"]:  # `Queue[int]`
            return cls
        return wall.decode(encoded)


class RemoteABC(RemoteClass, ABCMeta):
    """Of a class that derives from a builtin type with a metaclass of its own, such as `Fraction`."""


class Opaque:
    """An object of the submission where only plain values are expected: true or false, and equal to nothing else."""

    def __init__(self, name: str, truth: bool) -> None:
        self._name, self._truth = name, truth

    def __bool__(self) -> bool:
        return self._truth

    def __repr__(self) -> str:
        return f"<{self._name} object>"

    def __getattr__(self, name: str) -> Any:
        raise self.refusal()

    def refusal(self) -> AttributeError:
        return AttributeError(f"an object of type {self._name}, where the test expects a plain value")


Opaque.__name__ = Opaque.__qualname__ = "object"


class RemoteMethod:
    """A method of a stand-in class: one request instead of a look-up and a call."""

    def __init__(self, wall: Wall, name: str, class_number: int) -> None:
        self.wall, self.name, self.class_number = wall, name, class_number

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `create_autospec` takes it for, which reads it in the dictionary of the class."""
        return types.FunctionType

    def __getattr__(self, name: str) -> Any:
        if name in ("__name__", "__qualname__"):
            return self.name
        if name.startswith("__") and name not in (*READABLE, "__signature__", "__code__", "__defaults__"):
            raise AttributeError(f"'function' object has no attribute {name!r}")
        return getattr(self.wall.get(self.class_number, self.name), name)

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self.wall.get(self.class_number, self.name).__doc__

    def __repr__(self) -> str:
        return f"<function {self.name} at {id(self):#x}>"

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.wall.method(self.class_number, self.name, arguments, keywords)

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            self.wall.renew()
            number = owner._class_number
            return self if number == self.class_number else RemoteMethod(self.wall, self.name, number)
        number = instance._number
        first: tuple[Any, ...] = ()
        if getattr(owner, "_derived", False):  # it may be asked for by `super()`
            number, first = self.class_number, (instance,)

        def call_bound(_: Any, *arguments: Any, **keywords: Any) -> Any:
            return self.wall.method(number, self.name, (*first, *arguments), keywords)

        call_bound.__name__ = call_bound.__qualname__ = self.name
        return types.MethodType(call_bound, instance)


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
        self._kind: type = types.FunctionType
        self._name = ""
        """By which the test has looked it up."""

    def __repr__(self) -> str:
        return f"<function {self._name} at {id(self):#x}>" if self._name else f"<function at {id(self):#x}>"

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `inspect` takes it for."""
        return self._kind

    @property
    def __code__(self) -> Any:
        return made_code(self._link.ask("code", self._number))

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._link.get(self._number, "__doc__")

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        self._link.renew()
        return self._link.call(self._number, arguments, keywords)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """In a class of the test: bound to the instance, as what it stands for would be."""
        if instance is None or self._link.ask("binds", self._number) is not True:
            return self
        return types.MethodType(self, instance)

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            return self._link.signature(self._number)
        if name.startswith("__") and name not in (*READABLE, "__name__", "__doc__", "__qualname__", "__defaults__"):
            raise AttributeError(f"function has no attribute {name!r}")
        return self._link.get(self._number, name)


RemoteFunction.__name__ = RemoteFunction.__qualname__ = "function"
"""What messages such as "'function' object is not subscriptable" call it."""


CODE_FLAGS = 0x4 | 0x8 | 0x20 | 0x80 | 0x100 | 0x200
"""Variable arguments and keywords; generator, coroutine, iterable coroutine, asynchronous generator."""


def made_code(told: Any) -> types.CodeType:
    """Code of nothing, of which `inspect` reads kind and parameters. Raises: AttributeError."""
    if told is None:
        raise AttributeError("__code__")
    name, line, flags, (arguments, positional, keyword), names = told
    try:
        return not_implemented.__code__.replace(
            co_name=name,
            co_firstlineno=line,
            co_flags=flags & CODE_FLAGS,
            co_argcount=arguments,
            co_posonlyargcount=positional,
            co_kwonlyargcount=keyword,
            co_varnames=tuple(names),
            co_nlocals=len(names),
        )
    except (TypeError, ValueError):
        raise AttributeError("__code__") from None


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

    def special(self: Remote, *arguments: Any, **keywords: Any) -> Any:
        return self._link.special(self._number, name, arguments, keywords)

    return special


def forward_operator(name: str) -> Any:
    def operate(self: Remote, other: Any, *rest: Any) -> Any:
        wall = self._link
        if wall.trust.may_operate(self._number, name) or isinstance(other, Remote | RemoteClass):
            given = wall.special(self._number, name, (other, *rest))
            if given is not NotImplemented:
                return given
        if (base := values.base_of(type(self))) is not object:
            wall.refresh(self)
            return getattr(base, name, not_implemented)(self, other, *rest)
        if name == "__contains__":
            raise TypeError("the submission's own container is not asked whether it holds a plain value")
        return NotImplemented

    return operate


def not_implemented(*_: Any) -> Any:
    return NotImplemented


def forward_of_exception(name: str) -> Any:
    """As `forward`, of an exception. One that the test holds without its object is what Python makes of it."""

    def special(self: RemoteException, *rest: Any) -> Any:
        number = self.__dict__.get("_number")
        if number is None:
            return getattr(super(RemoteException, self), name, not_implemented)(*rest)
        if name in OPERATORS and not isinstance(rest[0], RemoteException):
            return NotImplemented
        return self._link.special(number, name, rest)

    return special


def leave(self: Remote, *arguments: Any) -> bool:
    """The end of a with block. A failure of the test's own is not the submission's to swallow, nor to replace."""
    note_finding(self, arguments)
    return may_swallow(self, arguments, bool(self._link.special(self._number, "__exit__", arguments)))


async def leave_async(self: Remote, *arguments: Any) -> bool:
    note_finding(self, arguments)
    return may_swallow(self, arguments, bool(await self._link.special(self._number, "__aexit__", arguments)))


def note_finding(self: Remote, arguments: tuple[Any, ...]) -> None:
    error = arguments[1] if len(arguments) > 1 else None
    if error is not None and is_finding(error):
        self._link.evidence.doubt(str(error) or "a check failed in a with block of the submission")


def may_swallow(self: Remote, arguments: tuple[Any, ...], swallows: bool) -> bool:
    """Whether the exception ends here. One that the submission raised itself may, and then is no pass."""
    error = arguments[1] if len(arguments) > 1 else None
    if error is None or not swallows:
        return swallows
    if any(error is each for each in self._link.evidence.theirs):
        self._link.evidence.doubt(f"a with block of the submission swallowed {type(error).__name__} of its own")
    return isinstance(error, Exception) and not is_finding(error)
