"""Whether test code needs objects of the submission, as far as its text says: without a reference nobody knows better.

A test that calls functions and looks at plain values needs none; then no object of the submission is let through, and
the result rests on `values`.
"""

from __future__ import annotations

import ast
import collections
import datetime as dt
import decimal
import fractions
from collections import defaultdict
from functools import lru_cache
from typing import Final

from reward_server.judging.names import identifier

PLAIN_KINDS: Final = (
    *(list, dict, set, frozenset, str, bytes, bytearray, int, float, complex, tuple, range, slice, memoryview),
    *(collections.deque, collections.Counter, collections.OrderedDict, collections.defaultdict),
    *(decimal.Decimal, fractions.Fraction, dt.datetime, dt.timedelta, dt.time),
)
ARRAYS: Final = frozenset(
    (
        *(
            "T",
            "all",
            "any",
            "argmax",
            "argmin",
            "argsort",
            "astype",
            "cumsum",
            "diagonal",
            "dot",
            "dtype",
            "fill",
            "flat",
        ),
        *(
            "flatten",
            "item",
            "max",
            "mean",
            "min",
            "ndim",
            "nonzero",
            "prod",
            "ravel",
            "reshape",
            "round",
            "shape",
            "size",
        ),
        *("std", "sum", "tobytes", "tolist", "trace", "transpose", "var"),
    )
)
PLAIN: Final = ARRAYS.union(*map(dir, PLAIN_KINDS)) - {"__enter__", "__exit__", "total"}
"""Attributes that plain values have: to use one asks for no object. `total` is seldom that of a Counter."""
TABLES: Final = frozenset({"pandas", "pd", "polars", "networkx", "nx"})
"""Packages whose objects have no plain form."""


@lru_cache(maxsize=4096)
def needs_objects(provided: frozenset[str], module: str, *sources: str) -> bool:
    """`provided`: names of the submission that the test code uses. `module`: under which it imports the submission."""
    uses = Uses(provided, module)
    for source in sources:
        uses.visit(without_aliases(ast.parse(source), module))
    return uses.needed()


def without_aliases(tree: ast.Module, module: str) -> ast.Module:
    """The code with the module's own name, or its last part, in the place of what `import module as m` calls it."""
    imports = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    aliases = {alias.asname for alias in imports if alias.name == module and alias.asname}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in aliases:
            node.id = module.rpartition(".")[2]
    return tree


class Uses(ast.NodeVisitor):
    """Where objects would be needed, and how the submission's values flow from name to name."""

    def __init__(self, provided: frozenset[str], module: str) -> None:
        self.provided, self.path = set(provided), module.split(".")
        self.module = self.path[-1]
        self.found = False
        self.looked_into: set[str] = set()
        """Names at the root of an expression of which an attribute is read that no plain value has."""
        self.flows: defaultdict[str, set[str]] = defaultdict(set)
        """By name, the names that are assigned from it."""
        self.functions: list[str] = []
        self.passed: list[tuple[set[str], set[str]]] = []
        """For each call, the names at the root of the function and of its arguments."""

    def needed(self) -> bool:
        reached = self.reached()
        used = {self.module, *self.provided}
        return (
            self.found
            or bool(self.looked_into & reached)
            or any(function & used and taken & reached for function, taken in self.passed)
        )

    def reached(self) -> set[str]:
        """The names that may hold what came from the submission."""
        reached, queue = set(self.provided), list(self.provided)
        while queue:
            new = self.flows[queue.pop()] - reached
            reached |= new
            queue += new
        return reached

    def visit_Constant(self, node: ast.Constant) -> None:
        """A text is no name, but for what `patch("solution.Point.area")` is given."""
        whole = ".".join(self.path)
        if type(node.value) is str and node.value.startswith(f"{whole}."):
            first, dot, _ = node.value[len(whole) + 1 :].partition(".")
            self.found = self.found or (bool(dot) and is_class_like(first))

    def visit_Import(self, node: ast.Import) -> None:
        self.found = self.found or any(alias.name.split(".")[0] in TABLES for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module == ".".join(self.path):
            names = {alias.asname or alias.name for alias in node.names} - {"*"}
            self.provided |= names
            self.found = self.found or any(is_class_like(alias.name) for alias in node.names)
        self.found = self.found or (node.module or "").split(".")[0] in TABLES

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.provided and is_class_like(node.id):
            self.found = True

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Follow a chain such as `a.b(1)[2].c` to its root, at once: one that is long is not walked for each link."""
        names: list[str] = []
        beside: list[ast.expr] = []
        at: ast.expr = node
        while isinstance(at, ast.Attribute | ast.Subscript | ast.Call):
            match at:
                case ast.Attribute():
                    names.append(at.attr)
                    at = at.value
                case ast.Subscript():
                    beside.append(at.slice)
                    at = at.value
                case ast.Call():
                    beside += [*at.args, *[keyword.value for keyword in at.keywords]]
                    at = at.func
        packages = self.path[:-1]
        if packages and isinstance(at, ast.Name) and [at.id, *names[: -len(packages) - 1 : -1]] == self.path:
            del names[-len(packages) :]
            at = ast.Name(self.module)
        if isinstance(at, ast.Name) and at.id == self.module:
            first = names.pop()
            self.found = self.found or is_class_like(first) or not PLAIN.issuperset(names)
        elif not PLAIN.issuperset(names):
            self.looked_into |= roots(at, self.module) | set(names[1:])
        for each in (at, *beside):
            self.visit(each)

    def visit_Call(self, node: ast.Call) -> None:
        """What one function gives and another one takes may be an object that the test never looks at."""
        taken: set[str] = set()
        for argument in node.args:
            taken |= roots(argument, self.module)
        self.passed.append((roots(node.func, ""), taken))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """`f() is f()`: only an object is the same one each time."""
        for operator, side in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.Is | ast.IsNot) and not isinstance(side, ast.Constant):
                self.looked_into |= roots(node.left, self.module) & roots(side, self.module)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name == "check" and node.args.args and not self.functions:
            self.provided.add(node.args.args[0].arg)  # the candidate
        for decorator in node.decorator_list:
            self.flow(decorator, node.name)
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Return(self, node: ast.Return | ast.Yield) -> None:
        if node.value is not None and self.functions:
            self.flow(node.value, self.functions[-1])
        self.generic_visit(node)

    visit_Yield = visit_Return  # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.hold(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign | ast.NamedExpr) -> None:
        if node.value is not None:
            self.hold(node.target, node.value)
        self.generic_visit(node)

    visit_NamedExpr = visit_AnnAssign  # noqa: N815

    def visit_For(self, node: ast.For | ast.AsyncFor | ast.comprehension) -> None:
        self.hold(node.target, node.iter)
        self.generic_visit(node)

    visit_AsyncFor = visit_comprehension = visit_For  # noqa: N815

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            held = roots(item.context_expr, self.module)
            self.looked_into |= held
            if item.optional_vars is not None:
                self.hold(item.optional_vars, item.context_expr)
        self.generic_visit(node)

    visit_AsyncWith = visit_With  # noqa: N815

    def hold(self, target: ast.expr, value: ast.expr) -> None:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            name = identifier(part.value if isinstance(part, ast.Starred) else part)
            if name:
                self.flow(value, name)

    def flow(self, value: ast.expr, name: str) -> None:
        for origin in roots(value, self.module):
            self.flows[origin].add(name)


def is_class_like(name: str) -> bool:
    """`Point`, but neither `area` nor `MAX_SIZE`."""
    bare = name.lstrip("_")
    return bare[:1].isupper() and (len(bare) == 1 or not bare.isupper())


def roots(node: ast.expr, module: str) -> set[str]:
    """The names from which the value of an expression may come, one or two levels deep."""
    found: set[str] = set()
    level: list[ast.expr] = [node]
    for _ in range(3):
        below: list[ast.expr] = []
        for each in level:
            while isinstance(each, ast.Attribute | ast.Subscript | ast.Await | ast.Starred):
                if isinstance(each, ast.Attribute):
                    found.add(each.attr)  # `self.bag`, or the submission's module
                each = each.value  # noqa: PLW2901
            match each:
                case ast.Name():
                    found.add(each.id)
                case ast.Call():
                    below += [each.func, *each.args]
                case ast.BinOp():
                    below += [each.left, each.right]
                case ast.Tuple() | ast.List() | ast.Set():
                    below += each.elts
                case ast.BoolOp():
                    below += each.values
                case ast.IfExp():
                    below += [each.body, each.orelse]
                case ast.NamedExpr():
                    below.append(each.value)
                case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                    below.append(each.elt)
        level = below
    return found - {module}
