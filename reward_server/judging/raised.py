"""What a submission's process says of an exception: untrusted. It can word a failure, and name what was expected."""

from __future__ import annotations

import builtins
import json
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from reward_server.runner.rows import MAX_MESSAGE, MAX_SAID, line_in
from reward_server.runner.tracebacks import at_line

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_TYPES: Final = 24
MAX_CUSTOM: Final = 6
"""Types of an exception that are no builtin ones. `urllib.error.HTTPError` has six; a report of more is forged, or its
exception was made to bear many names."""
MAX_BUILTIN: Final = 2
"""Builtin types that an exception derives from directly, as `class NotFound(KeyError, AttributeError)` does."""
BUILTIN: Final = {
    name: kind for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
}
MAX_EXPECTED: Final = 2
"""Of the custom exceptions that a problem expects, one may derive from another."""
ROOTS: Final = {object, BaseException}
"""Every exception has them, and a report need not name them."""


class Raised(NamedTuple):
    """An exception, or why a value could not cross: then there are no types."""

    types: tuple[tuple[str, str], ...] = ()
    """Module and name, most derived first."""
    text: str = ""
    at_compile: bool = False
    line: int = 0
    """Of the submission's code; 0 where that is not known."""
    call: int | None = None
    """Which call of a sequence raised it, from 1."""

    @property
    def name(self) -> str:
        return self.types[0][1] if self.types else ""

    @property
    def words(self) -> str:
        """Type, text and place."""
        said = self.text if not self.types or self.at_compile else f"{self.name}: {self.text}"
        return said[:MAX_SAID] + at_line(self.line)

    @property
    def is_memory_error(self) -> bool:
        return any(name == "MemoryError" for _, name in self.types)

    def satisfies(self, expected: str) -> bool:
        """Whether it is the expected exception or a subclass. A report that no real exception could make is none."""
        claimed = {BUILTIN.get(name) for module, name in self.types if module == "builtins" and name != "object"}
        custom = [(module, name) for module, name in self.types if module != "builtins"]
        if None in claimed or not _is_real(claimed) or len(custom) > MAX_CUSTOM:
            return False
        package, _, name = expected.rpartition(".")
        if name in BUILTIN:
            return BUILTIN[name] in claimed | {BaseException}
        top = package.partition(".")[0]
        known = top in sys.stdlib_module_names
        return any(each == name and (not known or module.partition(".")[0] == top) for module, each in custom)

    def is_one_of(self, expected: str, expectations: Collection[str]) -> bool:
        """Whether it is the expected exception, and not one that was made to be whatever the problem expects.

        `expectations`: the exceptions that the problem's cases expect.
        """
        if not self.satisfies(expected):
            return False
        satisfied = {name for name in expectations if self.satisfies(name)}
        builtin = [BUILTIN[name.rpartition(".")[2]] for name in satisfied if name.rpartition(".")[2] in BUILTIN]
        related = all(issubclass(one, other) or issubclass(other, one) for one in builtin for other in builtin)
        return related and len(satisfied) - len(builtin) <= MAX_EXPECTED


def read_raised(value: bytes) -> Raised:
    """Read a report: `types` are pairs of module and name, or names alone, which are then taken for builtin ones."""
    try:
        said = json.loads(value[1:]) if value else {}
    except (ValueError, RecursionError):
        return Raised()
    if not isinstance(said, dict):
        return Raised()
    types, text = said.get("types"), said.get("text")
    rows = [_row(each) for each in types[:MAX_TYPES]] if isinstance(types, list) else []
    return Raised(
        tuple(row for row in rows if row is not None),
        text[:MAX_MESSAGE] if isinstance(text, str) else "",
        said.get("compile") is True,
        line_in(said),
        said["call"] if type(said.get("call")) is int else None,
    )


def _row(said: Any) -> tuple[str, str] | None:
    if isinstance(said, str):
        said = ["builtins" if said in BUILTIN or said == "object" else "", said]
    if not isinstance(said, list) or len(said) != 2 or not all(isinstance(part, str) for part in said):
        return None
    return said[0][:MAX_MESSAGE], said[1][:MAX_MESSAGE]


def _is_real(claimed: set[Any]) -> bool:
    """Whether these are all the builtin types of an exception that derives from at most two of them."""
    direct = [kind for kind in claimed if not any(other is not kind and issubclass(other, kind) for other in claimed)]
    inherited = {base for kind in direct for base in kind.__mro__}
    return 0 < len(direct) <= MAX_BUILTIN and claimed | ROOTS == inherited
