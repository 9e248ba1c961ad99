"""What of the test's own process is carried to the submission, besides files: each part says what has changed.

Runs in the judge's process. A part sends plain values, and handles for what the test put in the place of a function.
"""

from __future__ import annotations

import functools
import importlib
import io
import logging
import os
import random
import sys
import types
import warnings
from builtins import sorted  # noqa: A004 a test may patch the builtin
from typing import TYPE_CHECKING, Any, Protocol

from reward_server.runner import library_values, values
from reward_server.runner.stand_ins import Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from reward_server.runner.wall import Wall

MISSING = object()
USED_BY_THE_LINK = frozenset(
    (
        *("isinstance", "issubclass", "type", "len", "getattr", "setattr", "hasattr", "list", "dict", "tuple", "set"),
        *("str", "int", "float", "bool", "bytes", "map", "zip", "any", "all", "iter", "next", "id", "vars", "callable"),
        *("object", "super", "property", "range", "frozenset", "hash", "repr", "__import__", "__build_class__"),
    )
)
"""Builtins that the submission's end of the link cannot do without."""
OTHERWISE = {("os", "environ"), *(("sys", name) for name in ("argv", "stdin", "stdout", "stderr", "path", "modules"))}
"""What other parts carry, or nothing does."""
CLASSES_OF_THE_LINK = frozenset({"socket.socket"})
NOT_IMPORTED = frozenset({"antigravity", "this", "idlelib", "turtledemo", "test"})
OWN_VARIABLES = ("PYTEST_",)


class Part(Protocol):
    """One thing that is carried to the submission."""

    def changes(self) -> Any:
        """What has changed since the last call; None where nothing has."""

    def restart(self) -> None:
        """The submission is another one, that knows nothing."""


class Seeds:
    """The states of the random generators, from the first time that the test seeds one."""

    def __init__(self, *, numpy: bool) -> None:
        self.seeded = self.told = 0
        self.last: Any = None
        self.numpy: Any = None
        self.watch(random, "seed", "setstate")
        if numpy:
            try:
                self.numpy = importlib.import_module("numpy.random")
            except Exception:
                return  # the test will see that
            self.watch(self.numpy, "seed", "set_state")

    def watch(self, module: Any, *names: str) -> None:
        for name in names:
            setattr(module, name, self.noted(getattr(module, name)))

    def noted(self, seed: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(seed)
        def seed_and_note(*arguments: Any, **keywords: Any) -> Any:
            self.seeded += 1
            return seed(*arguments, **keywords)

        return seed_and_note

    def changes(self) -> Any:
        if not self.seeded:
            return None
        states: list[Any] = [random.getstate(), None]
        if self.numpy is not None:
            kind, words, *rest = self.numpy.get_state()
            states[1] = [kind, words.tolist(), *rest]
        if self.told == self.seeded and states == self.last:
            return None
        self.told, self.last = self.seeded, states
        return states

    def restart(self) -> None:
        self.told = 0


class Patches:
    """Names of the library that the test has replaced. What it put there is called back, or crosses by value."""

    def __init__(self, wall: Wall, targets: Collection[tuple[str, str]]) -> None:
        self.wall = wall
        self.originals: dict[tuple[str, str], tuple[Any, Any]] = {}
        """By module and name: the module, and what it held."""
        self.last: dict[tuple[str, str], Any] = {}
        for module, name in targets:
            home = self.home(module)
            if home is not None and hasattr(home, name) and (module, name) not in OTHERWISE:
                self.originals[module, name] = home, held_by(home, name)

    @staticmethod
    def home(module: str) -> Any:
        """A module, or a class in one that the link does without."""
        if module.partition(".")[0] in NOT_IMPORTED:
            return None
        try:
            found = library_values.named(module)
        except Exception:
            return None
        known = isinstance(found, types.ModuleType) or (isinstance(found, type) and module not in CLASSES_OF_THE_LINK)
        return found if known else None

    def changes(self) -> Any:
        told = []
        for (module, name), (home, original) in self.originals.items():
            held = held_by(home, name)
            if held is self.last.get((module, name), original):
                continue
            self.last[module, name] = held
            if held is original:
                told.append([module, name])
            elif (value := self.value(module, name, held)) is not None:
                told.append([module, name, *value])
        return told or None

    def value(self, module: str, name: str, held: Any) -> list[Any] | None:
        try:
            if module != "builtins" or name not in USED_BY_THE_LINK:
                return [self.wall.encode(held) if callable(held) or isinstance(held, Remote) else values.encode(held)]
        except values.Unfit:
            pass
        self.wall.evidence.blame_test(
            f"the test replaces {module}.{name}, which cannot be passed between test and submission"
        )
        return None

    def restart(self) -> None:
        self.last = {}


def held_by(home: Any, name: str) -> Any:
    """What a module or a class holds under a name, with no descriptor asked."""
    for each in home.__mro__ if isinstance(home, type) else (home,):
        if name in vars(each):
            return vars(each)[name]
    return MISSING if isinstance(home, type) else getattr(home, name, MISSING)


class Environment:
    """Variables of the environment."""

    def __init__(self) -> None:
        self.first = self.last = self.own()

    @staticmethod
    def own() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}

    def changes(self) -> Any:
        now, last = self.own(), self.last
        self.last = now
        if now == last:
            return None
        return [[name, now.get(name)] for name in sorted(now.keys() | last.keys()) if now.get(name) != last.get(name)]

    def restart(self) -> None:
        self.last = self.first


class Arguments:
    """`sys.argv`."""

    def __init__(self) -> None:
        self.first = self.last = list(sys.argv)

    def changes(self) -> Any:
        now = list(sys.argv)
        if now == self.last or not all(type(each) is str for each in now):
            return None
        self.last = now
        return [] if now == self.first else now

    def restart(self) -> None:
        self.last = self.first


class Stdin:
    """`sys.stdin`: a stream in memory crosses as the text that is left in it."""

    def __init__(self, wall: Wall) -> None:
        self.wall = wall
        self.first = self.last = sys.stdin

    def changes(self) -> Any:
        now = sys.stdin
        if now is self.last:
            return None
        self.last = now
        if now is self.first:
            return []
        try:
            return [rest_of(now)] if isinstance(now, io.TextIOBase) else [None, self.wall.encode(now)]
        except (values.Unfit, OSError):
            return None

    def restart(self) -> None:
        self.last = self.first


def rest_of(stream: io.TextIOBase) -> str:
    at = stream.tell()
    text = stream.read()
    stream.seek(at)
    return text


class Filters:
    """What `warnings` does with which warning."""

    def __init__(self, wall: Wall) -> None:
        self.wall = wall
        self.last: list[Any] | None = None

    def changes(self) -> Any:
        now: list[Any] = list(warnings.filters)
        if now == self.last:
            return None
        self.last = now
        return [row for each in now if (row := self.row(*each)) is not None]

    def row(self, action: str, message: Any, category: Any, module: Any, line: int) -> list[Any] | None:
        try:
            return [action, pattern_of(message), self.wall.encode(category), pattern_of(module), line]
        except values.Unfit:
            return None

    def restart(self) -> None:
        self.last = None


def pattern_of(held: Any) -> str:
    return str(getattr(held, "pattern", held) or "")


class Levels:
    """The levels of loggers that the test has set."""

    def __init__(self) -> None:
        self.first = self.last = self.now()

    @staticmethod
    def now() -> dict[str, int]:
        known = logging.Logger.manager.loggerDict
        levels = {name: each.level for name, each in known.items() if isinstance(each, logging.Logger) and each.level}
        return {**levels, "root": logging.root.level, "": logging.root.manager.disable}

    def changes(self) -> Any:
        now, last = self.now(), self.last
        self.last = now
        if now == last:
            return None
        names = [name for name in now.keys() | last.keys() if now.get(name) != last.get(name)]
        # None: as it was, which the submission may have set itself.
        return [[name, now[name] if now.get(name) != self.first.get(name) else None] for name in names]

    def restart(self) -> None:
        self.last = self.first
