"""Where test files check something: each check is counted as it is come through, and a test without one cannot pass.

A check that is satisfied by not being reached, such as `pytest.fail`, is not counted; in a loop each item is instead.

Pure text: lines stay where they are, so that what pytest says of a file is true of the author's.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import lru_cache
from typing import Final

from tasks.checks import callee, is_checking, is_constant, is_test_file_name

STATEMENTS: Final = (ast.Expr, ast.Assign, ast.AnnAssign)


@lru_cache(maxsize=1024)
def counted(source: str) -> str:
    """The source with a call of `__check__` behind each check and `__counted__` around one inside an expression.

    `__checked__` goes around context managers that check, `__each__` around what a loop with a failure walks over.
    """
    # The parser counts these line ends and no others.
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.encode("utf-8", "surrogatepass") for line in text.split("\n")]
    for line, column, added in sorted(insertions(source), reverse=True):
        at = lines[line - 1]
        lines[line - 1] = at[:column] + added + at[column:]
    return b"\n".join(lines).decode("utf-8", "surrogatepass")


def insertions(source: str) -> list[tuple[int, int, bytes]]:
    """Line, column in bytes, and what goes there."""
    found: list[tuple[int, int, bytes]] = []
    done: set[ast.AST | None] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            done.update(ast.walk(node))  # the parser does not know where the parts stand
        elif isinstance(node, ast.Assert) or (isinstance(node, STATEMENTS) and is_check(node.value)):
            done.add(getattr(node, "value", None))
            found.append((node.end_lineno or 0, node.end_col_offset or 0, b"; __check__()"))
        elif isinstance(node, ast.With):
            managers = [item.context_expr for item in node.items if is_check(item.context_expr)]
            done.update(managers)
            found += [each for manager in managers for each in around(manager, b"__checked__(")]
        elif fails_in_a_loop(node):
            found += around(node.iter, b"__each__((", b"))")  # type: ignore[attr-defined]
        elif isinstance(node, ast.Call) and is_check(node) and node not in done:
            found += around(node, b"__counted__(")
    return found


def around(node: ast.expr, opening: bytes, closing: bytes = b")") -> list[tuple[int, int, bytes]]:
    return [(node.lineno, node.col_offset, opening), (node.end_lineno or 0, node.end_col_offset or 0, closing)]


def is_check(node: ast.AST | None) -> bool:
    """Whether it must be reached to check something."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    return is_checking(callee(node)) and callee(node) != "fail"


def is_failure(node: ast.AST) -> bool:
    """Whether it must not be reached: `assert False`, `pytest.fail()`, `raise AssertionError`."""
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Constant) and not node.test.value
    if isinstance(node, ast.Raise):
        return "AssertionError" in (callee(node.exc), getattr(node.exc, "id", ""))
    return callee(node) == "fail"


@lru_cache(maxsize=1024)
def unchecked(files: tuple[tuple[str, str], ...]) -> list[str]:
    """The node ids of test functions that neither hold a check to be reached nor use a name of the files that does.

    They pass by coming to their end.
    """
    uses, checks, tests = names_of(files)
    able = {name for name, has in checks.items() if has}
    users: defaultdict[str, set[str]] = defaultdict(set)
    for name, used in uses.items():
        for each in used:
            users[each].add(name)
    queue = list(able)
    while queue:
        new = users[queue.pop()] - able
        able |= new
        queue += new
    return [test for test, name in tests.items() if name not in able]


def names_of(files: tuple[tuple[str, str], ...]) -> tuple[dict[str, set[str]], dict[str, bool], dict[str, str]]:
    """By function: the names that it uses, and whether it checks itself. And the functions of the tests by node id.

    A test function is named by its node id, as others may have its name; all else by its name.
    """
    uses: dict[str, set[str]] = {}
    checks: dict[str, bool] = {}
    tests: dict[str, str] = {}

    def enter(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> None:
        inner = [each for part in (node.args, *node.body) for each in ast.walk(part)]
        uses.setdefault(name, set()).update(
            *({each.id} for each in inner if isinstance(each, ast.Name)),
            *({each.attr} for each in inner if isinstance(each, ast.Attribute)),
            *({each.arg} for each in inner if isinstance(each, ast.arg)),
            *({each.value} for each in inner if isinstance(each, ast.Constant) and isinstance(each.value, str)),
        )
        checks[name] = checks.get(name, False) or any(is_check(each) or fails_in_a_loop(each) for each in inner)

    for file, source in files:
        for node in ast.parse(source).body if file.endswith(".py") else ():
            for holder, each in functions_in(node):
                is_test = each.name.startswith("test") and is_test_file_name(file)
                name = f"{file}::{holder}{each.name}" if is_test else each.name
                enter(each, name)
                if is_test:
                    tests[name] = name
    return uses, checks, tests


def fails_in_a_loop(node: ast.AST) -> bool:
    return isinstance(node, ast.For) and any(map(is_failure, ast.walk(node)))


def functions_in(node: ast.stmt) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [("", node)]
    if isinstance(node, ast.ClassDef):
        return [(f"{node.name}::{holder}", each) for statement in node.body for holder, each in functions_in(statement)]
    return []


def constant_lines(tree: ast.AST) -> list[int]:
    """The lines of asserts that say nothing of anybody, as `assert 1 + 1 == 3`."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert) and is_constant(node.test)]
