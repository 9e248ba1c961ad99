"""What the submission is told of the test's own functions and classes: their descriptions, by value.

Runs in the judge's process. Never told: code objects, globals, what a function encloses, private names and values.
"""

from __future__ import annotations

import sys
import types
from builtins import sorted  # noqa: A004 a test may patch the builtin
from typing import TYPE_CHECKING, Any

from reward_server.runner import library_values, link, values
from reward_server.runner.specials import FORWARDED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reward_server.runner.wall import Wall

MOCKS = "unittest.mock"
"""Whose objects are the test's own as well."""
LIBRARY = {
    "_io": ("StringIO", "BytesIO", "TextIOWrapper", "BufferedReader", "BufferedWriter", "BufferedRandom"),
    "contextlib": ("_GeneratorContextManager", "_AsyncGeneratorContextManager", "nullcontext", "closing"),
    "_thread": ("lock", "RLock"),
    "threading": ("Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier"),
    "queue": ("Queue", "LifoQueue", "PriorityQueue"),
    "_queue": ("SimpleQueue",),
    "asyncio.locks": ("Event", "Lock", "Condition", "Semaphore", "BoundedSemaphore"),
    "asyncio.queues": ("Queue", "LifoQueue", "PriorityQueue"),
    "collections": ("UserDict", "UserList", "UserString"),
    "functools": ("KeyWrapper",),
    "re": ("Match",),
    "_csv": ("reader", "writer"),
    "csv": ("DictReader", "DictWriter"),
    "_asyncio": ("Future", "Task"),
    MOCKS: ("_SentinelObject", "_ANY"),
    "tempfile": ("_TemporaryFileWrapper", "SpooledTemporaryFile"),
}
"""Types of the library, by module, whose objects have no plain form and may be used where they are."""
USABLE = FORWARDED | {"__fspath__", "__missing__"}
"""Special methods that may be called."""
AS_TEXT = frozenset({"__repr__", "__str__", "__format__"})
"""Those that any object has."""
ON_CLASSES = frozenset({"__iter__", "__len__", "__getitem__", "__contains__", "__reversed__"})
"""Those of a metaclass, as that of enums."""
TOLD = ("__name__", "__qualname__", "__doc__", "__module__")


class Descriptions:
    def __init__(self, wall: Wall) -> None:
        self.wall = wall
        self.kinds_of_unusable: set[type] = set()

    def is_of_the_test(self, kind: Any) -> bool:
        """Whether a class or a function is defined in the test code."""
        return kind.__module__ in self.wall.test_modules

    def is_usable(self, value: Any) -> bool:
        """Whether the submission may use this object by public names and special methods."""
        kind = type(value)
        return not isinstance(value, type) and (self.is_of_the_test(kind) or is_mock(value) or in_library(kind))

    def about(self, held: Any) -> dict[str, Any]:
        """A function, by value: never its code object, its globals or what it encloses."""
        found = {name: getattr(held, name) for name in TOLD if hasattr(held, name)}
        told: dict[str, Any] = {name: value if type(value) is str else None for name, value in found.items()}
        told["signature"] = self.signature(held)
        if isinstance(held, types.FunctionType):
            code = held.__code__
            named = code.co_argcount + code.co_kwonlyargcount
            counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, code.co_name
            told["code"] = [*counts, code.co_varnames[:named]]
            told["attributes"] = self.fit_items(
                (name, value) for name, value in vars(held).items() if name == "__wrapped__" or name[0] != "_"
            )
        return told

    def is_function(self, held: Any) -> bool:
        """Whether it is a function of the test code."""
        return isinstance(held, types.FunctionType) and self.is_of_the_test(held)

    def signature(self, held: Any) -> Any:
        """A row for each parameter, and one for what is returned; None where nobody knows."""
        import inspect  # what few tests need

        try:
            told = inspect.signature(held, follow_wrapped=False)
        except (ValueError, TypeError):
            return None
        empty = inspect.Signature.empty
        rows = [
            [
                each.name,
                int(each.kind),
                [] if each.default is empty else self.fit(each.default),
                [] if each.annotation is empty else self.noted(each.annotation),
            ]
            for each in told.parameters.values()
        ]
        return [rows, [] if told.return_annotation is empty else self.noted(told.return_annotation)]

    def noted(self, note: Any) -> list[Any]:
        """An annotation: a type, or its text."""
        return self.fit(note if self.is_type(note) else getattr(note, "__name__", repr(note)))

    def is_type(self, note: Any) -> bool:
        """Whether a part of an annotation is one that both sides know."""
        if note is None or isinstance(note, str):
            return True
        if isinstance(note, type) and library_values.parts_of_alias(note) is None:
            known = note in values.BUILTIN_TYPES or self.is_of_the_test(note)
            return known or library_values.place_of(note) is not None
        parts = library_values.parts_of_alias(note)
        return parts is not None and all(self.is_type(part) for part in parts)

    def fit(self, value: Any) -> list[Any]:
        """A value that can cross, or nothing."""
        try:
            return [self.wall.encode(value)]
        except values.Unfit:
            return []

    def fit_items(self, items: Iterable[tuple[str, Any]]) -> list[list[Any]]:
        return [[name, *held] for name, value in items if (held := self.fit(value))]

    def about_class(self, kind: type) -> dict[str, Any]:
        """A class, by value: its name, what may be asked of its objects, and its bases among the test's classes."""
        known = self.is_of_the_test(kind) or kind.__module__ == MOCKS or in_library(kind)
        if not known and kind not in self.kinds_of_unusable:
            raise refusal()
        own = [base for base in kind.__mro__ if base is not object and base not in values.STANDING]
        special = {name for base in own for name in vars(base) if name in USABLE and vars(base)[name] is not None}
        if not known:
            special |= AS_TEXT
        notes = vars(kind).get("__annotations__")
        fields = vars(kind).get("__dataclass_fields__") or getattr(kind, "__dataclass_fields__", {})
        return {
            "name": kind.__name__,
            "qualname": kind.__qualname__,
            "module": kind.__module__,
            "doc": kind.__doc__ if type(kind.__doc__) is str else None,
            "bases": [self.wall.export(base) for base in kind.__bases__ if self.is_of_the_test(base)],
            "native": next((base.__name__ for base in kind.__mro__ if base in values.STANDING), None),
            "special": sorted(special),
            "class_special": sorted(
                name for name in ON_CLASSES if self.is_of_the_test(kind) and hasattr(type(kind), name)
            ),
            "methods": [name for name, held in vars(kind).items() if self.is_function(held) and is_told(name)],
            "hash": hash_of(kind),
            "fields": [[name, each.init, each.repr, each.compare] for name, each in fields.items()] if fields else None,
            "matched": [name for name in getattr(kind, "__match_args__", ()) if type(name) is str],
            "annotations": [
                [name, *self.noted(note)]
                for name, note in (notes.items() if type(notes) is dict else ())
                if name[0] != "_"
            ],
        }


def in_library(kind: type) -> bool:
    return kind.__name__ in LIBRARY.get(kind.__module__, ())


def refusal() -> link.Refused:
    return link.Refused("the test's objects do not allow that")


def is_told(name: str) -> bool:
    """Whether the submission is told of a method by this name."""
    return name == "__init__" or not name.startswith("_")


def hash_of(kind: Any) -> str:
    if kind.__hash__ is None:
        return "none"
    return "identity" if kind.__hash__ is object.__hash__ else "own"


def is_mock(held: Any) -> bool:
    module = sys.modules.get(MOCKS)
    return module is not None and isinstance(held, module.NonCallableMock)
