"""Whether test code can check anything, as far as its text says. What cannot would pass every program."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKING: Final = frozenset({"raises", "warns", "deprecated_call", "fail", "RaisesGroup"})
"""Callables that check something, beside those whose names begin with `assert`."""
EXITS: Final = frozenset({"exit", "quit", "_exit", "abort"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_checking(name: str) -> bool:
    return name in CHECKING or name.lstrip("_").startswith("assert")


def callee(node: ast.AST | None) -> str:
    """The last name of what is called; empty for what is no call."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def checks_here(node: ast.AST) -> bool:
    """Whether this very node may tell a right program from a wrong one."""
    if isinstance(node, ast.Assert):
        return not (isinstance(node.test, ast.Constant) and bool(node.test.value))
    return isinstance(node, ast.Raise) or is_checking(callee(node)) or callee(node) in EXITS


def may_check(tests: ast.Module, setup: ast.Module) -> bool:
    """Whether test code of kind `asserts` comes to a check: in what it runs itself, and in what that uses.

    Functions of the tests that nobody calls, classes of unittest and a main guard are not run.
    """
    defined: dict[str, list[ast.stmt]] = {}
    for node in (*ast.walk(setup), *ast.walk(tests)):
        if isinstance(node, Function | ast.ClassDef):
            defined.setdefault(node.name, []).extend(node.body)
    checks = [node for node in tests.body if isinstance(node, Function) and node.name == "check"]
    queue: list[ast.AST] = [*tests.body, *[statement for node in checks for statement in node.body]]
    while queue:
        for node in run_by(queue.pop()):
            if checks_here(node):
                return True
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            queue += defined.pop(name, [])
    return False


def run_by(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all in it that runs when it does."""
    if isinstance(node, ast.If) and is_main_guard(node.test):
        return
    yield node
    if isinstance(node, Function | ast.Lambda):
        inside: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*node.decorator_list]
    elif isinstance(node, ast.ClassDef):
        inside = [*node.decorator_list, *[each for each in node.body if not isinstance(each, Function)]]
    else:
        inside = list(ast.iter_child_nodes(node))
    for each in inside:
        yield from run_by(each)


def is_main_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"
