"""Rewrites test code so that each of its asserts counts on its own.

`assert x == y` becomes `with __site__(3): assert x == y`, where the judge process enters the result and goes on. Inside
a `try` or `with` block the exception goes on its way as well, since the block may be there for it. An `assert` of a
true constant counts for nothing; one of a false constant passes unless it is reached. What the judge runs also hands
each operand of a check to `__saw__`, which returns it, so that a message can say why the check failed.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from reward_server.judging.checks import constant_lines
from tasks.checks import callee, is_checking, is_constant, is_main_guard, leaves_check_to_judge

if TYPE_CHECKING:
    from collections.abc import Iterable

BUILTINS = frozenset(dir(builtins))
SAW = "__saw__"
RESERVED = frozenset({"__site__", "__raising_site__", "__never__", SAW})
OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


@dataclass(frozen=True, slots=True)
class Site:
    """One counted assert."""

    kind: str
    """`check`, or `never` for an assert that must not be reached."""
    line: int
    column: int = 0
    check: str = ""
    """The operator between two operands, `== turned` where the expected one comes first, or nothing."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Test code with its sites."""

    source: str
    """What else is known of it is known of this text."""
    run: str
    """The same, line by line, with its operands handed to `__saw__`: what the judge process runs."""
    sites: tuple[Site, ...]
    calls_check: bool
    """True when the source defines `check(candidate)`, which is then called with the entry point."""
    names: frozenset[str]
    """Names that the source uses and does not define."""
    looked_into: frozenset[str]
    """Those of which it reads an attribute."""
    called: frozenset[str]
    checks: tuple[Check, ...]
    constant: tuple[int, ...]
    """Lines of this source with asserts that say nothing of the submission."""


@lru_cache(maxsize=4096)
def rewrite(source: str) -> Rewritten:
    """Raises: SyntaxError; a `Problem` holds no source that does."""
    tree = ast.parse(source)
    run_main_guards(tree.body)
    rewriter = Rewriter()
    tree = rewriter.visit(tree)
    names = FreeNames()
    names.visit(tree)
    free = frozenset(names.loaded - names.bound - BUILTINS - RESERVED)
    looked_into = frozenset(names.looked_into)
    calls_check = leaves_check_to_judge(tree)
    sites = rewriter.sites
    if not sites:  # no assert at all: the code as a whole is the test
        first = next((at for at, statement in enumerate(tree.body) if not stays_first(statement)), len(tree.body))
        if tree.body[first:]:
            tree.body[first:] = [around(0, "__raising_site__", tree.body[first:])]
        sites = [Site("check", 1)]
    text = ast.unparse(tree)
    constant = constant_lines(ast.parse(text)) if rewriter.constants else []
    for node in rewriter.checks:
        hand_over(node)
    return Rewritten(
        text,
        ast.unparse(tree) if rewriter.checks else text,
        tuple(sites),
        calls_check,
        free,
        looked_into,
        frozenset(names.called),
        tuple(names.checks),
        tuple(constant),
    )


@lru_cache(maxsize=4096)
def builtins_tested(source: str, entry_point: str | None) -> frozenset[str]:
    """The builtin's name under which the submission defines what is tested: `assert sum(10, 15) == 6`.

    That is the entry point; without one, where the code uses no name that Python lacks, what each check calls before
    anything else.
    """
    first = (entry_point or "").partition(".")[0]
    if first:
        return frozenset({first}) & BUILTINS
    tree = ast.parse(source)
    names = FreeNames()
    names.visit(tree)
    checks = [node for node in ast.walk(tree) if isinstance(node, ast.Assert) and not is_constant(node.test)]
    if names.loaded - names.bound - BUILTINS or not checks:
        return frozenset()
    common = frozenset.intersection(*(called_first(node.test) for node in checks)) - names.bound
    return common if len(common) == 1 else frozenset()


def called_first(node: ast.expr) -> frozenset[str]:
    """The functions that are called with no call among their arguments."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    inner = [each for each in calls if sum(isinstance(part, ast.Call) for part in ast.walk(each)) == 1]
    return frozenset(each.func.id for each in inner if isinstance(each.func, ast.Name))


def around(row: int, function: str, body: list[ast.stmt]) -> ast.With:
    call = ast.Call(func=ast.Name(id=function, ctx=ast.Load()), args=[ast.Constant(row)], keywords=[])
    return ast.With(items=[ast.withitem(context_expr=call)], body=body, lineno=0)


def operator_of(test: ast.expr) -> str:
    """As `Site.check`."""
    match test:
        case ast.Compare(left=ast.Constant() | ast.List() | ast.Tuple() | ast.Dict() as left, ops=[ast.Eq()]):
            is_expected = not any(isinstance(each, ast.Call) for each in ast.walk(left))
            return "== turned" if is_expected else "=="
        case ast.Compare(ops=[operator]):
            return OPERATORS[type(operator)]
    return ""


def hand_over(node: ast.Assert) -> None:
    """Have the judge's process see the operands of a check: both of a comparison, or else the value itself."""
    match node.test:
        case ast.Compare(left=left, ops=[_], comparators=[right]):
            node.test.left, node.test.comparators = seen(left), [seen(right)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            node.test.operand = seen(operand)
        case test:
            node.test = seen(test)


def seen(operand: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=SAW, ctx=ast.Load()), args=[operand], keywords=[])


def stays_first(statement: ast.stmt) -> bool:
    """Whether it must stand before all other code: an import of `__future__`, and a docstring before that."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def run_main_guards(statements: Iterable[ast.stmt]) -> None:
    """Have what stands under `if __name__ == "__main__":` run, as in a file that is run by its name."""
    for node in statements:
        if isinstance(node, ast.If) and is_main_guard(node):
            node.test = ast.Constant(value=True)


class Rewriter(ast.NodeTransformer):
    """Puts a site around each assert."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.checks: list[ast.Assert] = []
        self.guarded = 0
        self.constants = 0
        """Asserts that hold nothing but constants: they test nobody."""

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        if is_constant(node.test):
            self.constants += 1
            return node
        if isinstance(node.test, ast.Constant):
            if node.test.value:
                return node
            return self.site("never", node, "__never__")
        self.checks.append(node)
        return self.site("check", node, "__raising_site__" if self.guarded else "__site__", operator_of(node.test))

    def site(self, kind: str, node: ast.stmt, function: str, check: str = "") -> ast.stmt:
        self.sites.append(Site(kind, node.lineno, node.col_offset, check))
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


@dataclass(frozen=True, slots=True)
class Check:
    """What one check uses and does not define, other than builtins, and what of that it calls."""

    names: frozenset[str]
    called: frozenset[str]


class FreeNames(ast.NodeVisitor):
    """Collects the names that a source loads and those that it binds anywhere: what remains is free."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.bound: set[str] = set()
        self.looked_into: set[str] = set()
        self.called: set[str] = set()
        self.checks: list[Check] = []

    def check(self, *nodes: ast.AST) -> None:
        """Visit what one check consists of."""
        inner = FreeNames()
        for node in nodes:
            inner.visit(node)
        self.checks += [*inner.checks, Check(frozenset(inner.loaded - inner.bound - BUILTINS), frozenset(inner.called))]
        self.loaded |= inner.loaded
        self.bound |= inner.bound
        self.looked_into |= inner.looked_into
        self.called |= inner.called

    def visit_Constant(self, node: ast.Constant) -> None:
        """Nothing in there is a name; the visitor's own way takes long to find that."""

    def visit_Assert(self, node: ast.Assert) -> None:
        self.check(node.test)
        if node.msg is not None:
            self.visit(node.msg)

    def visit_With(self, node: ast.With) -> None:
        """`with pytest.raises(ValueError): f(-1)` checks as an assert does."""
        for item in node.items:
            self.visit(item)
        if any(is_checking(callee(item.context_expr)) for item in node.items):
            self.check(*node.body)
        else:
            for statement in node.body:
                self.visit(statement)

    def visit_Name(self, node: ast.Name) -> None:
        (self.loaded if isinstance(node.ctx, ast.Load) else self.bound).add(node.id)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            self.called.add(node.func.id)
        if is_checking(callee(node)):
            self.visit(node.func)
            self.check(*node.args, *node.keywords)
        else:
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name):
            self.looked_into.add(node.value.id)
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
