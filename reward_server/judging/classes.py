"""Which names of the submission the test code takes for classes.

An operator between an instance and a plain value is for the instance's class to decide, and so for the submission.
Where a test takes a name for a function, a class in its place must have no such say: it could equal everything.
Takes time in proportion to the source.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from reward_server.judging.names import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PLAIN = frozenset(name for kind in (list, dict, set, str, int, tuple) for name in dir(kind))
"""Attributes that a plain value has too: to use one says nothing of a class."""
COMPARING = frozenset(
    f"assert{name}"
    for name in (
        *("Equal", "Equals", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "Is", "IsNot"),
        *("AlmostEqual", "NotAlmostEqual", "CountEqual", "SequenceEqual", "ListEqual", "In", "NotIn"),
    )
)
"""Methods of `unittest` that compare their first two arguments."""
SEARCHING = frozenset({"assertIn", "assertNotIn"})
ORDERING = frozenset({"assertLess", "assertLessEqual", "assertGreater", "assertGreaterEqual"})
OF_CLASSES = {
    **dict.fromkeys(("raises", "assertRaises", "assertRaisesRegex", "create_autospec", "issubclass"), 0),
    **dict.fromkeys(("isinstance", "assertIsInstance", "assertNotIsInstance"), 1),
}
"""Functions that take a class, and which of their arguments it is."""
OF_OBJECTS = frozenset({"vars", "asdict", "astuple", "fields", "is_dataclass", "replace"})
"""Functions that look into an object."""


class ClassNames(NamedTuple):
    proved: frozenset[str]
    """Used as only classes are."""
    likely: frozenset[str]
    """Called, named as classes are (`BankAccount`), and compared for equality with no plain value.

    Were it a function, some check would do that. Instances may be ordered and added to (`specials.ORDERING`).
    """


@lru_cache(maxsize=4096)
def class_names(*sources: str) -> ClassNames:
    seen = Uses()
    for source in sources:
        seen.visit(ast.parse(source))
    found = seen.classes | {made for holder in seen.looked_into for made in seen.made_by[holder] | {holder}}
    found |= {made for holder in seen.methods_of for made in seen.made_by[holder] & seen.called_bare}
    answering = seen.answering.union(*map(seen.makers, seen.answering))
    equal = seen.equal.union(*map(seen.makers, seen.equal))
    decided = equal.union(seen.decided, *map(seen.makers, seen.decided))
    found |= {made for holder in seen.changed for made in seen.made_by[holder]} - equal
    for sides in seen.compared:
        found |= seen.on_all(sides) - answering
    return ClassNames(capitalized(found), frozenset(filter(is_class_like, seen.called - decided)))


def is_class_like(name: str) -> bool:
    """`Point` and `_Node`, but neither `Find_Max` nor `F`, as functions are called."""
    bare = name.lstrip("_")
    return bare[:1].isupper() and not bare.isupper() and "_" not in bare


def capitalized(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in names if name.lstrip("_")[:1].isupper())


class Uses(ast.NodeVisitor):
    def __init__(self) -> None:
        self.classes: set[str] = set()
        self.looked_into: set[str] = set()
        """Names of which the test reads an attribute that no plain value has."""
        self.methods_of: set[str] = set()
        """Names of which the test reads any attribute."""
        self.changed: set[str] = set()
        """Names of which the test calls a method, or applies an operator, and drops what that gives."""
        self.called: set[str] = set()
        self.called_bare: set[str] = set()
        """What is called without an argument, which a function under test hardly is."""
        self.compared: set[tuple[frozenset[str], ...]] = set()
        """`C(1) + 2 == C(3)`: what is called on each side."""
        self.answering: set[str] = set()
        """`C(5, 2) < 10`: what is called for a plain value, and variables that are compared with one."""
        self.equal: set[str] = set()
        """Those of them that are compared for equality or identity."""
        self.decided: set[str] = set()
        """Those of them that are asked whether they contain a plain value."""
        self.made_by: defaultdict[str, set[str]] = defaultdict(set)
        """What is called for the value of a variable, an attribute, or the result of a function."""
        self.items_of: defaultdict[str, set[str]] = defaultdict(set)
        """What is called for the items of a list, tuple, set or dict that stands in the text."""
        self.functions: list[str] = []
        """Those around the node that is visited."""

    def visit_Constant(self, node: ast.Constant) -> None:
        """Nothing in there is used as a class."""

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.methods_of |= {identifier(node.value)}
        if node.attr not in PLAIN:
            self.looked_into |= {identifier(node.value)}
            self.classes |= {callee(part) for part in operands(node.value)}
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = identifier(node.func)
        self.called.add(name)
        if not node.args and not node.keywords:
            self.called_bare.add(name)
        if name in OF_CLASSES:
            at = OF_CLASSES[name]
            self.classes |= {identifier(part) for argument in node.args[at : at + 1] for part in operands(argument)}
        elif name in COMPARING and len(node.args) > 1:
            self.compare(node.args[:2], {"In"} if name in SEARCHING else {"Lt"} if name in ORDERING else {"Eq"})
        elif is_look(node):
            self.look_into(node.args[0])
        self.classes |= {identifier(each.value) for each in node.keywords if each.arg in ("spec", "spec_set")}
        self.generic_visit(node)

    def look_into(self, node: ast.expr) -> None:
        self.looked_into.add(identifier(node))
        self.classes |= {callee(part) for part in operands(node)}

    def visit_Expr(self, node: ast.Expr) -> None:
        """`queue << 1` and `queue.put(1)` are there for what they change."""
        match node.value:
            case ast.BinOp() as operation:
                self.changed |= {identifier(part) for part in operands(operation)}
            case ast.Call(func=ast.Attribute(value=holder)):
                self.changed.add(identifier(holder))
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.classes |= {identifier(part) for part in operands(node.type)}
        self.generic_visit(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        self.classes.add(identifier(node.cls))
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes |= {identifier(base) for base in node.bases}
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = (node.left, *node.comparators)
        self.compare(sides, {type(operator).__name__ for operator in node.ops})
        if any(callee(side) == "type" for side in sides):
            self.classes |= {identifier(side) for side in sides}
        self.generic_visit(node)

    def compare(self, sides: Iterable[ast.expr], operators: set[str]) -> None:
        """`operators`: names of the classes of `ast`."""
        sides = tuple(sides)
        self.compared.add(tuple(frozenset(filter(None, (origin(part) for part in operands(side)))) for side in sides))
        if any(map(is_plain, sides)):
            named = {callee(side) or identifier(side) for side in sides}
            self.answering |= named
            if not operators <= {"In", "NotIn", "Lt", "LtE", "Gt", "GtE"}:
                self.equal |= named
            elif not operators <= {"Lt", "LtE", "Gt", "GtE"}:
                self.decided |= named

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.hold(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign | ast.NamedExpr) -> None:
        if node.value is not None:
            self.hold(node.target, node.value)
        self.generic_visit(node)

    visit_NamedExpr = visit_AnnAssign  # noqa: N815

    def visit_For(self, node: ast.For | ast.comprehension) -> None:
        for item in displayed(node.iter):
            self.hold(node.target, item)
        self.generic_visit(node)

    visit_comprehension = visit_For

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                self.hold(item.optional_vars, item.context_expr)
            self.look_into(item.context_expr)
        self.generic_visit(node)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            match decorator:
                case ast.Call(func=ast.Attribute(attr="parametrize"), args=[ast.Constant(value=str(names)), rows, *_]):
                    self.hold_rows(names, rows)
        self.functions.append(node.name)
        self.generic_visit(node)
        self.functions.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def hold_rows(self, names: str, rows: ast.expr) -> None:
        """What the parameters of a test are."""
        targets = [ast.Name(name.strip()) for name in names.split(",")]
        target = ast.Tuple(list[ast.expr](targets)) if len(targets) > 1 else targets[0]
        for row in displayed(rows):
            self.hold(target, row)

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
            kept = self.items_of if isinstance(value, ast.Tuple | ast.List | ast.Set | ast.Dict) else self.made_by
            parts = value.values if isinstance(value, ast.Dict) else operands(value)
            kept[identifier(target)] |= set(map(callee, parts)) - {""}

    def makers(self, name: str) -> set[str]:
        return self.made_by[name] | self.items_of[name]

    def on_all(self, sides: tuple[frozenset[str], ...]) -> set[str]:
        """What is called, or held by a variable, on each side of a comparison."""
        makers = [[side, *map(self.makers, side)] for side in sides]
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


def displayed(node: ast.expr) -> list[ast.expr]:
    """The items of a list or tuple that stands in the text."""
    return node.elts if isinstance(node, ast.List | ast.Tuple) else []


def is_plain(node: ast.expr) -> bool:
    """Whether this is a literal, a display of the language's own containers, or combines such by operators."""
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        return all(map(is_plain, [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]))
    return isinstance(node, ast.Constant | ast.JoinedStr | ast.List | ast.Tuple | ast.Set | ast.Dict)


def is_look(node: ast.Call) -> bool:
    """Whether a call looks into its first argument, for more than what plain values have."""
    match node:
        case ast.Call(func=ast.Name("hasattr" | "getattr" | "setattr"), args=[_, ast.Constant(value=name), *_]):
            return name not in PLAIN
        case ast.Call(func=ast.Name(name) | ast.Attribute(value=ast.Name("dataclasses"), attr=name), args=[_, *_]):
            return name in OF_OBJECTS
    return False


def callee(node: ast.AST) -> str:
    return identifier(node.func) if isinstance(node, ast.Call) else ""


def origin(node: ast.AST) -> str:
    """The function that is called, or the variable in whose place or item the value is."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return callee(node) or identifier(node)
