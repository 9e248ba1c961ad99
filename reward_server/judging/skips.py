"""Which skips of a pytest file its text alone decides: whatever a submission does, it cannot bring them about.

Such a skip stands in a test, a fixture or at the top of a file, under no condition but of the machine (`sys`,
`platform`, which packages there are), and nothing before it leaves the function. All others may hide a failure.
"""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, NamedTuple

from reward_server.judging.asserts import BUILTINS, FreeNames
from reward_server.judging.checks import functions_in
from tasks.checks import callee

if TYPE_CHECKING:
    from collections.abc import Iterator

SKIPPING: Final = frozenset({"skip", "skipTest", "importorskip", "xfail", "SkipTest"})
MACHINE: Final = frozenset({"sys", "platform", "importlib", "shutil", "struct", "unittest"})
"""Modules of the library by which a test may ask about the machine. Files may be the submission's doing."""
REACHING: Final = frozenset({"open", "input", "eval", "exec", "globals", "locals", "vars", "__import__"})
LEAVING: Final = (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom)
BINDING: Final = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.If, ast.Try, ast.Pass)
Line = tuple[str, int]
"""The name of a file, and a line of it."""


class Skips(NamedTuple):
    files: list[Line]
    """Where a whole file is skipped."""
    tests: list[Line]
    """Where a test is skipped, by itself or a fixture."""


@lru_cache(maxsize=1024)
def skips_of(files: tuple[tuple[str, str], ...], module: str) -> Skips:
    """`module`: under which the files import the submission."""
    theirs = frozenset({"", module.partition(".")[0], *(PurePath(name).stem for name, _ in files)})
    found = Skips([], [])
    for name, source in files:
        if name.endswith(".py"):
            reader = Reader(name, ast.parse(source), theirs)
            found.files.extend(reader.file_skips())
            found.tests.extend(reader.test_skips())
    return found


class Reader:
    """One file, and which of its names the submission has no part in."""

    def __init__(self, name: str, tree: ast.Module, theirs: frozenset[str]) -> None:
        """`theirs`: modules in which the submission may have a part."""
        self.name, self.tree, self.theirs = name, tree, theirs
        self.known: frozenset[str] = frozenset()
        others = changed_in(tree)
        for statement in each_import(tree.body):
            bound = names_in(statement).bound
            if is_fixed(statement) and self.is_known(statement):
                self.known |= bound
            else:
                others |= bound
        self.known -= others

    def file_skips(self) -> Iterator[Line]:
        return self.skips_in(self.tree.body)

    def test_skips(self) -> Iterator[Line]:
        for statement in self.tree.body:
            for _, function in functions_in(statement):
                if all(map(self.is_known, function.decorator_list)):
                    yield from self.skips_in(function.body)

    def skips_in(self, body: list[ast.stmt]) -> Iterator[Line]:
        for node in body:
            if isinstance(node, ast.If) and self.is_known(node.test):
                yield from self.skips_in(node.body)
                yield from self.skips_in(node.orelse)
            elif (given := given_to_skip(node)) is not None and all(map(self.is_known, given)):
                yield from ((self.name, line) for line in range(node.lineno, (node.end_lineno or node.lineno) + 1))
            if any(isinstance(each, LEAVING) for each in ast.walk(node)):
                return

    def is_known(self, node: ast.AST) -> bool:
        """Whether all that it uses is something that the submission has no part in."""
        names = names_in(node)
        free = names.loaded - names.bound
        return (
            free <= self.known | BUILTINS - REACHING
            and not texts_in(node) & (self.theirs - {""})
            and all(map(self.is_of_the_machine, imports_in(node)))
        )

    def is_of_the_machine(self, module: str) -> bool:
        return module in MACHINE or (module not in self.theirs and module not in sys.stdlib_module_names)


def names_in(node: ast.AST) -> FreeNames:
    names = FreeNames()
    names.visit(node)
    return names


def each_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, where `import os, pytest` is two."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (ast.Import([alias]) for alias in statement.names)
        else:
            yield statement


def is_fixed(statement: ast.stmt) -> bool:
    """Whether what it binds stays as it is: modules and their parts, and values that cannot be changed in place."""
    parts = list(ast.walk(statement))
    values = [each.value for each in parts if isinstance(each, ast.Assign | ast.AnnAssign | ast.NamedExpr)]
    binds_only = all(isinstance(each, BINDING) for each in parts if isinstance(each, ast.stmt))
    return binds_only and all(value is None or is_unchanging(value) for value in values)


def is_unchanging(value: ast.expr) -> bool:
    match value:
        case ast.BoolOp(values=values):
            return all(map(is_unchanging, values))
        case ast.Call(func=function):
            return isinstance(function, ast.Attribute) or (isinstance(function, ast.Name) and function.id == "bool")
    return isinstance(value, ast.Constant | ast.Compare | ast.UnaryOp | ast.Attribute)


def changed_in(tree: ast.Module) -> set[str]:
    """The names of what the file sets attributes or items of."""
    found: set[str] = set()
    for node in ast.walk(tree):
        at: ast.AST = node
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            while isinstance(at, ast.Attribute | ast.Subscript):
                at = at.value
            found.add(getattr(at, "id", ""))
    return found


def imports_in(node: ast.AST) -> set[str]:
    """The modules that it imports."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in each.names}
        elif isinstance(each, ast.ImportFrom):
            found.add((each.module or "").partition(".")[0] if not each.level else "")
    return found


def texts_in(node: ast.AST) -> set[str]:
    """The first parts of its texts: a module may be asked for by its name."""
    texts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))
    return {text.partition(".")[0] for text in texts}


def given_to_skip(node: ast.stmt) -> list[ast.expr] | None:
    """The arguments of `pytest.skip("no")`, `x = pytest.importorskip("x")`, `raise unittest.SkipTest`; else None."""
    if not isinstance(node, ast.Expr | ast.Assign | ast.Return | ast.Raise):
        return None
    made = node.exc if isinstance(node, ast.Raise) else node.value
    if isinstance(made, ast.Call):
        return [*made.args, *[each.value for each in made.keywords]] if callee(made) in SKIPPING else None
    name = made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")
    return [] if isinstance(node, ast.Raise) and name in SKIPPING else None
