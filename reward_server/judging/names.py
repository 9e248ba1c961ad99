"""The names that test files take from the submission by a star import.

It must not replace what they mean by `abs` or `math`.

Takes time in proportion to the source.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from reward_server.judging.asserts import BUILTINS, Check, FreeNames


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


def identifier(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
