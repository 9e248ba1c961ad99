"""The judge's side: stand-ins for what lives in the submission's process.

A stand-in forwards what a test does with it, with one exception: **an operator between a stand-in and a plain value is
not forwarded**, unless the test itself made the object, of what it takes for a class, and the submission never handed
it back; or it is an object of such a class, and what comes of it is an object again, which then only compares to other
objects of the submission. Otherwise an object that claims to equal everything, or whose difference from everything is
0, would pass any test. Two of the submission's own objects may be compared by the submission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reward_server.runner.specials import COMPARISONS, OPERATORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reward_server.runner.wall import Wall

READABLE = frozenset(
    {"__dict__", "__annotations__", "__wrapped__", "__cause__", "__notes__", "__dataclass_fields__", "__members__"}
)


class Remote:
    """Base of all stand-ins for instances. `_number` is the object's number on the other side."""

    __slots__ = ("_link", "_number")
    _link: Wall
    _number: int

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        """Reached by `super().__init__` of a class that the test derives, and in no other way."""
        first = next(base for base in type(self).__mro__ if isinstance(base, RemoteClass) and not base._derived)
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

    def __copy__(self) -> Any:
        return self._link.copied(self, deep=False)

    def __deepcopy__(self, _memo: Any) -> Any:
        return self._link.copied(self, deep=True)


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

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> RemoteClass:
        made = super().__new__(cls, name, bases, body)
        if "_class_number" not in body:
            theirs = [base for base in bases if isinstance(base, RemoteClass)]
            made._class_link, made._derived = theirs[0]._class_link, True
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

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith("_") or cls._derived:
            super().__setattr__(name, value)
        elif isinstance(value, RemoteMethod):  # a patch puts back what it found in the stand-in's own dictionary
            delattr(cls, name)
        else:
            cls._class_link.set(cls._class_number, name, value)

    def __delattr__(cls, name: str) -> None:
        cls._class_link.delete(cls._class_number, name)

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
        return wall.decode(wall.ask("item", cls._class_number, wall.encode(key)))


class RemoteMethod:
    """A method of a stand-in class: one request instead of a look-up and a call."""

    def __init__(self, wall: Wall, name: str, class_number: int) -> None:
        self.wall, self.name, self.class_number = wall, name, class_number

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            self.wall.renew()
        number = owner._class_number if instance is None else instance._number
        first: tuple[Any, ...] = ()
        if instance is not None and getattr(owner, "_derived", False):  # it may be asked for by `super()`
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
    may_swallow = note_failure(self, arguments)
    return bool(self._link.special(self._number, "__exit__", arguments)) and may_swallow


async def leave_async(self: Remote, *arguments: Any) -> bool:
    may_swallow = note_failure(self, arguments)
    return bool(await self._link.special(self._number, "__aexit__", arguments)) and may_swallow


def note_failure(self: Remote, arguments: tuple[Any, ...]) -> bool:
    """Remember a failed assert, whatever becomes of it. Returns: whether the submission may swallow the exception."""
    error = arguments[1] if len(arguments) > 1 else None
    if not isinstance(error, AssertionError):
        return isinstance(error, Exception)
    self._link.failed_in_callback = self._link.failed_in_callback or error
    return False
