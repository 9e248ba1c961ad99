"""What test code says of the names that it takes from the submission.

Classes: an operator between an instance and a plain value is for the instance's class to decide, and so for the
submission. Where a test takes a name for a function, a class in its place must have no such say: it could equal
everything. `from solution import *`: the submission must not replace what the test means by `abs` or `math`. Objects: a
test that only calls functions needs none. Takes time in proportion to the source.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from reward_server.judging.asserts import BUILTINS, Check, FreeNames

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = frozenset(name for kind in (list, dict, set, str, int, tuple) for name in dir(kind))
"""Attributes that a plain value has too: to use one says nothing of a class."""


@lru_cache(maxsize=4096)
def class_names(*sources: str) -> frozenset[str]:
    """The names that begin with a capital and are used as only classes are."""
    seen = Uses()
    for source in sources:
        seen.visit(ast.parse(source))
    found = seen.classes | {made for holder in seen.looked_into for made in seen.made_by[holder] | {holder}}
    found |= {made for holder in seen.methods_of for made in seen.made_by[holder] & seen.called_bare}
    answering = seen.answering.union(*(seen.made_by[name] for name in seen.answering))
    for sides in seen.compared:
        found |= seen.on_all(sides) - answering
    return frozenset(name for name in found if name.lstrip("_")[:1].isupper())


@lru_cache(maxsize=4096)
def star_names(*sources: str) -> tuple[frozenset[str], frozenset[str], frozenset[str], tuple[Check, ...]]:
    """What test files use and do not define, as a star import may give it; what they look into, call, and check.

    Never a builtin, nor what a file binds for itself.
    """
    wanted: set[str] = set()
    looked_into: set[str] = set()
    called: set[str] = set()
    checks: list[Check] = []
    for source in sources:
        tree = ast.parse(source)
        free, own = FreeNames(), FreeNames()
        free.visit(tree)
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own.bound.add(statement.name)
            else:
                own.visit(statement)
        wanted |= free.loaded - own.bound - BUILTINS
        looked_into |= free.looked_into
        called |= free.called
        checks += free.checks
    return frozenset(wanted), frozenset(looked_into), frozenset(called), tuple(checks)


@lru_cache(maxsize=4096)
def taken_names(module: str, *sources: str) -> frozenset[str]:
    """The names that test files take from a module by name: `from module import f`, `module.f`."""
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    aliases = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == module
    }
    imported = {
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }
    looked_up = {node.attr for node in nodes if isinstance(node, ast.Attribute) and identifier(node.value) in aliases}
    return frozenset(imported | looked_up)


class Uses(ast.NodeVisitor):
    def __init__(self) -> None:
        self.classes: set[str] = set()
        self.looked_into: set[str] = set()
        """Names of which the test reads an attribute that no plain value has."""
        self.methods_of: set[str] = set()
        """Names of which the test reads any attribute."""
        self.called_bare: set[str] = set()
        """What is called without an argument, which a function under test hardly is."""
        self.compared: set[tuple[frozenset[str], ...]] = set()
        """`C(1) + 2 == C(3)`: what is called on each side."""
        self.answering: set[str] = set()
        """`C(5, 2) == 10`: what is called for a plain value, and variables that are compared with one."""
        self.made_by: defaultdict[str, set[str]] = defaultdict(set)
        """What is called for the value of a variable, an attribute, or the result of a function."""
        self.functions: list[str] = []
        """Those around the node that is visited."""

    def visit_Constant(self, node: ast.Constant) -> None:
        """Nothing in there is used as a class."""

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.methods_of |= {identifier(node.value)}
        if node.attr not in PLAIN:
            self.looked_into |= {identifier(node.value)}
            self.classes |= {callee(node.value)}
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if not node.args and not node.keywords:
            self.called_bare.add(identifier(node.func))
        if identifier(node.func) in ("isinstance", "issubclass", "raises"):
            self.classes |= {identifier(part) for argument in node.args[-1:] for part in operands(argument)}
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.classes |= {identifier(part) for part in operands(node.type)}
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes |= {identifier(base) for base in node.bases}
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = (node.left, *node.comparators)
        self.compared.add(
            tuple(
                frozenset(name for part in operands(side) for name in (callee(part), identifier(part)) if name)
                for side in sides
            )
        )
        if any(map(is_plain, sides)):
            self.answering |= {callee(side) or identifier(side) for side in sides}
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.hold(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign | ast.NamedExpr) -> None:
        if node.value is not None:
            self.hold(node.target, node.value)
        self.generic_visit(node)

    visit_NamedExpr = visit_AnnAssign  # noqa: N815

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                self.hold(item.optional_vars, item.context_expr)
        self.generic_visit(node)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Return(self, node: ast.Return | ast.Yield) -> None:
        if node.value is not None and self.functions:
            self.made_by[self.functions[-1]].add(callee(node.value))
        self.generic_visit(node)

    visit_Yield = visit_Return  # noqa: N815

    def hold(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for one, its in zip(target.elts, value.elts, strict=True):
                self.hold(one, its)
        else:
            self.made_by[identifier(target)].add(callee(value))

    def on_all(self, sides: tuple[frozenset[str], ...]) -> set[str]:
        """What is called, or held by a variable, on each side of a comparison."""
        makers = [[side, *(self.made_by[name] for name in side)] for side in sides]
        fewest = min(makers, key=lambda sets: sum(map(len, sets)))
        return {name for name in set().union(*fewest) if all(any(name in each for each in sets) for sets in makers)}


def operands(node: ast.expr) -> Iterator[ast.expr]:
    """An expression and what it combines by operators or lists, but not what it calls something with."""
    yield node
    match node:
        case ast.BinOp():
            parts = [node.left, node.right]
        case ast.UnaryOp():
            parts = [node.operand]
        case ast.Tuple() | ast.List() | ast.Set():
            parts = node.elts
        case _:
            parts = []
    for part in parts:
        yield from operands(part)


def is_plain(node: ast.expr) -> bool:
    """Whether this is a literal, a display of the language's own containers, or combines such by operators."""
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        return all(map(is_plain, [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]))
    return isinstance(node, ast.Constant | ast.JoinedStr | ast.List | ast.Tuple | ast.Set | ast.Dict)


def identifier(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def callee(node: ast.AST) -> str:
    return identifier(node.func) if isinstance(node, ast.Call) else ""
