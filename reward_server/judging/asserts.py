"""Rewrites test code so that each of its asserts counts on its own.

`assert x == y` becomes `with __site__(3): assert x == y`, where the judge process enters the result and goes on. Inside
a `try` or `with` block the exception goes on its way as well, since the block may be there for it. An `assert` of a
true constant counts for nothing; one of a false constant passes unless it is reached.
"""

from __future__ import annotations

import ast
import builtins
import sys
from dataclasses import dataclass
from functools import lru_cache

BUILTINS = frozenset(dir(builtins))
PURE_MODULES = frozenset(
    (
        *("abc", "bisect", "cmath", "collections", "copy", "dataclasses", "datetime", "enum", "fractions", "functools"),
        *("heapq", "itertools", "json", "math", "numbers", "operator", "random", "re", "statistics", "string", "time"),
        *("typing",),
    )
)
"""Modules whose functions change nothing that a later run could see (`random` is seeded anew for each)."""
REACHING = frozenset(
    (
        *("__builtins__", "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "globals", "input"),
        *("open", "setattr", "vars"),
    )
)
"""Builtins by which code reaches beyond its own names."""
RESERVED = frozenset({"__site__", "__raising_site__", "__never__"})


@dataclass(frozen=True, slots=True)
class Site:
    """One counted assert."""

    kind: str
    """`check`, or `never` for an assert that must not be reached."""
    line: int


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Test code as the judge process runs it."""

    source: str
    sites: tuple[Site, ...]
    calls_check: bool
    """True when the source defines `check(candidate)`, which is then called with the entry point."""
    names: tuple[str, ...]
    """Names that the source uses and does not define: they come from the submission."""
    modules: tuple[str, ...]
    """Standard modules that the source looks into without importing them."""
    pure: bool
    """True when the source can leave nothing behind: a judge process that has run it may run another."""


@lru_cache(maxsize=4096)
def rewrite(source: str) -> Rewritten:
    """Raises: SyntaxError; a `Problem` holds no source that does."""
    tree = ast.parse(source)
    rewriter = Rewriter()
    tree = rewriter.visit(tree)
    names = FreeNames()
    names.visit(tree)
    free = names.loaded - names.bound - BUILTINS - RESERVED
    modules = {name for name in free & names.looked_into if name in sys.stdlib_module_names}
    calls_check = any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in tree.body)
    sites = rewriter.sites
    if not sites:  # no assert at all: the code as a whole is the test
        first = next((at for at, statement in enumerate(tree.body) if not stays_first(statement)), len(tree.body))
        if tree.body[first:]:
            tree.body[first:] = [around(0, "__raising_site__", tree.body[first:])]
        sites = [Site("check", 1)]
    return Rewritten(
        ast.unparse(tree),
        tuple(sites),
        calls_check,
        tuple(sorted(free - modules)),
        tuple(sorted(modules)),
        names.pure and modules <= PURE_MODULES,
    )


def around(row: int, function: str, body: list[ast.stmt]) -> ast.With:
    call = ast.Call(func=ast.Name(id=function, ctx=ast.Load()), args=[ast.Constant(row)], keywords=[])
    return ast.With(items=[ast.withitem(context_expr=call)], body=body, lineno=0)


def stays_first(statement: ast.stmt) -> bool:
    """Whether it must stand before all other code: an import of `__future__`, and a docstring before that."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class Rewriter(ast.NodeTransformer):
    """Puts a site around each assert."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.guarded = 0

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        if isinstance(node.test, ast.Constant):
            if node.test.value:
                return node
            return self.site("never", node, "__never__")
        return self.site("check", node, "__raising_site__" if self.guarded else "__site__")

    def site(self, kind: str, node: ast.stmt, function: str) -> ast.stmt:
        self.sites.append(Site(kind, node.lineno))
        return around(len(self.sites) - 1, function, [node])

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return node

    def visit_With(self, node: ast.With | ast.AsyncWith) -> ast.stmt:
        return self.in_block(node, 1)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_Try(self, node: ast.Try | ast.TryStar) -> ast.stmt:
        return self.in_block(node, 1)

    visit_TryStar = visit_Try  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        outer, self.guarded = self.guarded, 0
        self.generic_visit(node)
        self.guarded = outer
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def in_block(self, node: ast.stmt, depth: int) -> ast.stmt:
        self.guarded += depth
        self.generic_visit(node)
        self.guarded -= depth
        return node


class FreeNames(ast.NodeVisitor):
    """Collects the names that a source loads and those that it binds anywhere: what remains is free."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.bound: set[str] = set()
        self.looked_into: set[str] = set()
        self.pure = True

    def visit_Constant(self, node: ast.Constant) -> None:
        """Nothing in there is a name; the visitor's own way takes long to find that."""

    def visit_Name(self, node: ast.Name) -> None:
        (self.loaded if isinstance(node.ctx, ast.Load) else self.bound).add(node.id)
        self.pure = self.pure and node.id not in REACHING

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name):
            self.looked_into.add(node.value.id)
        if not isinstance(node.ctx, ast.Load) and not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            self.pure = False  # it may set something on a module or a builtin
        if node.attr.startswith("__"):
            self.pure = False
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.pure = self.pure and all(alias.name.split(".")[0] in PURE_MODULES for alias in node.names)
        self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.pure = self.pure and (node.module or "").split(".")[0] in PURE_MODULES
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.bound.add(node.name)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef  # noqa: N815

    def visit_arg(self, node: ast.arg) -> None:
        self.bound.add(node.arg)
        self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> None:
        self.bound.add((node.asname or node.name).split(".")[0])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.bound.add(node.name)
        self.generic_visit(node)
