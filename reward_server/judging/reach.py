"""Which asserts may go unreached although the submission is right. Pure text, for problems without a reference.

An assert that is not reached counts as failed: else a submission would steer the test code around it. It does not
count where no submission could: whether the code comes to it depends on constants alone, its function is never called,
or the other branch compares the same values.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from reward_server.judging.asserts import run_main_guards
from reward_server.judging.bindings import is_lazy, loaded
from reward_server.judging.independent import MOST_DEPTH, Independent
from reward_server.judging.places import Places, own_expressions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from reward_server.judging.places import Decision, Place

HIDDEN: Final = frozenset({"__dict__", "__globals__", "__subclasses__", "modules", "getmembers"})
"""Attributes by which code finds functions whose names it does not say."""
PATCHING: Final = frozenset({"monkeypatch", "patch", "setattr", "setitem"})
"""Names by which a library comes to hold what is the submission's."""
MOST_NODES: Final = 50_000
"""Of a larger source nothing is said."""
FINDING: Final = frozenset({"eval", "exec", "getattr", "globals", "locals", "vars"})


def skippable(
    source: str, library: Collection[str], provided: Collection[str], *, objects: bool
) -> set[tuple[int, int]]:
    """Line and column of the asserts that do not count when they are not reached."""
    tree = ast.parse(source)
    run_main_guards(tree.body)
    nodes = list(ast.walk(tree))
    if len(nodes) > MOST_NODES or any(map(finds, nodes)):
        return set()
    places = Places(tree)
    reach = Reach(places, Independent(places, library, provided, objects=objects))
    asserts = [place for place in places.all if isinstance(place.statement, ast.Assert)]
    return {(place.statement.lineno, place.statement.col_offset) for place in asserts if reach.is_skippable(place)}


def independent_lines(source: str, library: Collection[str], own: Collection[str], *, objects: bool) -> list[int]:
    """Lines of statements that have nothing to do with the submission: an exception there is a fault of the test.

    Nor does it decide whether the code comes to them, unless an earlier statement fails.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    if len(nodes) > MOST_NODES or any(map(finds, nodes)):
        return []
    places = Places(tree)
    independent = Independent(places, library, (), objects=objects, own=own)
    lines: dict[int, bool] = {}
    for place in places.all:
        first = place.statement.lineno  # decorators stand before it
        parts = [each for each in own_expressions(place.statement) if getattr(each, "lineno", first) >= first]
        is_import = isinstance(place.statement, ast.Import | ast.ImportFrom)
        states = not isinstance(place.statement, ast.Raise | ast.Assert)
        holds = states and independent.comes_to(place)
        holds = holds and all(map(independent.of, [place.statement] if is_import else parts))
        last = max([getattr(part, "end_lineno", 0) or 0 for part in parts], default=0)
        for line in range(first, max(last, first) + 1):
            lines[line] = lines.get(line, True) and holds
    return sorted(line for line, holds in lines.items() if holds)


def finds(node: ast.AST) -> bool:
    """Whether it may come to something that the text does not show, or change what a module holds."""
    match node:
        case ast.Name(id=name) | ast.arg(arg=name):
            return name in FINDING | PATCHING
        case ast.Attribute(value=ast.Name(id=base), ctx=ast.Store() | ast.Del()):
            return base not in {"self", "cls"}
        case ast.Attribute(attr=name):
            return name in HIDDEN | PATCHING
    return False


class Reach:
    """Asks of each place whether a submission could steer the code around it."""

    def __init__(self, places: Places, independent: Independent) -> None:
        self.places, self.independent = places, independent

    def is_skippable(self, place: Place, above: tuple[str, ...] = ()) -> bool:
        jumps = {each for jump in self.places.jumps[place.scope] for each in jump.decisions}
        steered = [each for each in {*place.decisions, *jumps} if not self.independent.decides(each)]
        if not all(each in place.decisions and self.has_alternative(each, place.statement) for each in steered):
            return False
        return not place.scope or place.scope in above or self.is_called_alike(place.scope, (*above, place.scope))

    def is_called_alike(self, scope: str, above: tuple[str, ...]) -> bool:
        """Whether no submission decides if a function is called."""
        if len(above) > MOST_DEPTH:
            return False
        found = [each for each in self.places.all if each.statement in self.places.definitions[scope]]
        uses = [use for use in self.independent.bindings.uses.get(scope, ()) if use[0].scope != scope]
        if len(found) != 1 or isinstance(found[0].statement, ast.ClassDef):
            return not uses and all(is_plain(each.statement) and self.is_known(each.scope, above) for each in found)
        function = found[0].statement
        if any(isinstance(each, ast.ClassDef) for each in self.places.definitions.get(found[0].scope, ())):
            return self.is_called_alike(found[0].scope, (*above, found[0].scope))
        if not uses:
            return is_plain(function)
        if is_lazy(function):  # type: ignore[arg-type]
            return False
        return all(
            call is not None and call.func is name and self.is_skippable(place, above) for place, name, call in uses
        )

    def is_known(self, scope: str, above: tuple[str, ...]) -> bool:
        return not scope or scope in above or self.is_called_alike(scope, (*above, scope))

    # ---- alternatives

    def has_alternative(self, decision: Decision, statement: ast.stmt) -> bool:
        """Whether all that a statement compares with is compared where the code goes the other way."""
        names, constants = self.compared(statement)
        other_names, other_constants = self.compared_in(decision.instead)
        if names & self.independent.names:
            return names <= other_names
        return bool(constants) and names <= other_names and constants <= other_constants

    def compared_in(self, body: Iterable[ast.stmt]) -> tuple[set[str], set[str]]:
        names: set[str] = set()
        constants: set[str] = set()
        for node in body:
            if isinstance(node, ast.Assert):
                found = self.compared(node)
                names |= found[0]
                constants |= found[1]
        return names, constants

    def compared(self, node: ast.stmt) -> tuple[set[str], set[str]]:
        """The variables and the constants that a check uses, but for the keywords of calls."""
        names: set[str] = set()
        results: set[str] = set()
        constants: set[str] = set()
        queue: list[ast.AST] = [node.test] if isinstance(node, ast.Assert) else [node]
        while queue:
            each = queue.pop()
            if isinstance(each, ast.Constant):
                constants.add(repr(each.value))
            elif isinstance(each, ast.Name) and self.independent.is_variable(each.id):
                computed = self.independent.computed_from(each.id)
                queue += computed if each.id not in results else ()
                (results if computed else names).add(each.id)
            queue += () if isinstance(each, ast.keyword) else ast.iter_child_nodes(each)
        return names, constants


def is_plain(node: ast.stmt) -> bool:
    """Whether defining it calls nothing else."""
    if isinstance(node, ast.ClassDef) and (node.keywords or any(loaded(base) != {"object"} for base in node.bases)):
        return False
    return not getattr(node, "decorator_list", ())
