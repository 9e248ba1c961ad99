"""Decorators of the submission on classes of the test: only these may set attributes of such a class.

Runs in the judge's process. While the test code is at the decorator nobody else can have the class yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reward_server.runner import link
from reward_server.runner.call_sites import CallSites, Place
from reward_server.runner.descriptions import USABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

MAY_BE_SET = USABLE | {"__init__", "__getattr__", "__setattr__", "__delattr__"}
"""Special methods that a decorator of a class may set."""
HIDDEN = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_", "func_")
MISSING = object()
NOT_REPLACED = "what the test calls is not for the submission to replace"


class Decorating:
    def __init__(self) -> None:
        self.sources: Mapping[str, str] = {}
        """The text of the test code's files, by name."""
        self.decorators: dict[Place, str] | None = None
        self.replaced: dict[tuple[type, str], Any] = {}
        """What a class held under the names that a decorator of the submission has set."""

    def decorate(self, kind: Any, name: str, value: Any) -> None:
        """Set an attribute of a class of the test. Raises: Refused."""
        if not (isinstance(kind, type) and may_be_set(kind, name) and self.is_being_decorated(kind)):
            raise link.Refused(NOT_REPLACED)
        self.replaced.setdefault((kind, name), vars(kind).get(name, MISSING))
        setattr(kind, name, value)

    def is_being_decorated(self, kind: type) -> bool:
        """Whether the test code is at a decorator of this very class: nobody else can have it yet."""
        if self.decorators is None:
            self.decorators = decorators_in(self.sources)
        place = CallSites(self.sources, None).here()
        return place is not None and self.decorators.get(place) == kind.__name__


def may_be_set(kind: type, name: str) -> bool:
    if name.startswith("__"):
        return name in MAY_BE_SET
    return not name.startswith(HIDDEN) or (name.startswith("_") and not hasattr(kind, name))


def decorators_in(sources: Mapping[str, str]) -> dict[Place, str]:
    """Where the test code decorates a class, and the name of that."""
    import ast  # what few tests need

    found: dict[Place, str] = {}
    trees = {name: ast.parse(text) for name, text in sources.items() if name.endswith(".py")}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef):
                continue
            for each in node.decorator_list:
                place = each.lineno, each.end_lineno or 0, each.col_offset, each.end_col_offset or 0
                found[name, *place] = node.name
    return found
