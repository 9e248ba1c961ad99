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


def is_test_file_name(file: str) -> bool:
    """Whether pytest looks for tests in a file of that name."""
    return file.endswith(".py") and (file.startswith("test_") or file.endswith("_test.py"))


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
        if is_constant(node.test):
            return False
        return not (isinstance(node.test, ast.Constant) and bool(node.test.value))
    return isinstance(node, ast.Raise) or is_checking(callee(node)) or callee(node) in EXITS


OPEN = (ast.Name, ast.Call, ast.Attribute, ast.Await, ast.Yield, ast.Lambda, ast.NamedExpr)


def is_constant(test: ast.expr) -> bool:
    """Whether an expression, other than a plain constant, holds nothing but constants and operators."""
    return not isinstance(test, ast.Constant) and not any(isinstance(part, OPEN) for part in ast.walk(test))


def may_check(tests: ast.Module, setup: ast.Module) -> bool:
    """Whether test code of kind `asserts` comes to a check: in what it runs itself, and in what that uses."""
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
    yield node
    if isinstance(node, Function | ast.Lambda):
        inside: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*node.decorator_list]
    elif isinstance(node, ast.ClassDef):
        inside = [*node.decorator_list, *[each for each in node.body if not isinstance(each, Function)]]
    else:
        inside = list(ast.iter_child_nodes(node))
    for each in inside:
        yield from run_by(each)


def leaves_check_to_judge(tests: ast.Module) -> bool:
    """Whether test code defines `check(candidate)`, as HumanEval does, and does not call it itself."""
    statements = [node for node in tests.body if not isinstance(node, Function | ast.ClassDef)]
    calls = (each for node in statements for each in ast.walk(node) if isinstance(each, ast.Call))
    defined = any(isinstance(node, Function) and node.name == "check" for node in tests.body)
    return defined and not any(is_name(call.func, "check") for call in calls)


def is_main_guard(node: ast.AST) -> bool:
    """Whether this is `if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and is_name(node.test.left, "__name__")


def is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def is_test_file(tests: ast.Module) -> bool:
    """Whether test code of kind `asserts` holds tests that only a runner such as pytest would run.

    These are classes of unittest, `Test...` classes, and `test...` functions that the code itself does not call. What
    stands under a main guard does not count as a call: a runner does not come there.
    """
    classes = {node.name: node for node in tests.body if isinstance(node, ast.ClassDef)}
    if any(map(is_test_class, classes.values(), [classes] * len(classes))):
        return True
    functions = [node for node in tests.body if isinstance(node, Function) and node.name.startswith("test")]
    return any(not is_used(node, tests) for node in functions)


def is_test_class(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether a runner collects it. `classes`: those of the same source, from which it may derive."""
    bases = {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in node.bases}
    methods = [each.name for each in node.body if isinstance(each, Function)]
    if any(base.endswith("TestCase") for base in bases):
        return True
    if node.name.startswith("Test") and "__init__" not in methods and any(map(is_test_name, methods)):
        return True
    others = {name: each for name, each in classes.items() if name != node.name}
    return any(is_test_class(others[base], others) for base in bases & others.keys())


def is_test_name(name: str) -> bool:
    return name.startswith("test")


def is_used(function: Function, tests: ast.Module) -> bool:
    """Whether the code names a function outside of the function itself and of a main guard."""
    others = [node for node in tests.body if node is not function and not is_main_guard(node)]
    return any(is_name(each, function.name) for node in others for each in ast.walk(node))
