"""Makes a file for pytest of test code of kind `asserts` that holds tests which it does not call itself."""

from __future__ import annotations

import ast
from typing import Final

from reward_server.judging.asserts import builtins_tested, run_main_guards, stays_first
from tasks.checks import is_main_guard

NAME: Final = "test_source.py"
MODULE: Final = "solution"


def as_test_file(source: str, entry_point: str | None) -> str:
    """The source with the names of the submission: as a star import gives them, and the entry point in either form.

    A main guard is run only if it holds asserts: as a rule it only starts the tests that pytest runs anyway.
    """
    tree = ast.parse(source)
    run_main_guards([node for node in tree.body if is_main_guard(node) and has_assert(node)])
    first = (entry_point or "").partition(".")[0]
    names = ["*", *builtins_tested(source, entry_point), *([first] if first else [])]
    at = next((at for at, node in enumerate(tree.body) if not stays_first(node)), len(tree.body))
    tree.body[at:at] = [ast.ImportFrom(MODULE, [ast.alias(name)], 0) for name in names]
    return ast.unparse(ast.fix_missing_locations(tree))


def has_assert(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Assert) for each in ast.walk(node))
