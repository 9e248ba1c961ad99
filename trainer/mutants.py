"""Mutants: a program with one small change each, which makes it wrong in most cases and changes nothing in some.

Pure: reads and writes source, runs nothing.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from tasks.schema import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 12

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
SYMBOLS: dict[type[ast.AST], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.Add: "+",
    ast.Sub: "-",
    ast.And: "and",
    ast.Or: "or",
}


class Change(NamedTuple):
    """What is put into a field of a node, and how to call it."""

    node: ast.AST
    field: str
    value: object
    name: str


def mutants(source: str, many: int = MANY) -> list[tuple[str, str]]:
    """Make (name, code) of at most `many` mutants, spread over the source in its order; none where it is no Python."""
    try:
        tree = parse(source)
    except ValueError:
        return []
    changes = sorted(_changes(tree), key=_place)
    if len(changes) > many:
        changes = [changes[number * len(changes) // many] for number in range(many)]
    return [(f"line {_place(change)[0]}: {change.name}", _code_with(change, tree)) for change in changes]


def _code_with(change: Change, tree: ast.Module) -> str:
    before = getattr(change.node, change.field)
    setattr(change.node, change.field, change.value)
    try:
        return ast.unparse(tree)
    finally:
        setattr(change.node, change.field, before)


def _changes(tree: ast.Module) -> Iterator[Change]:
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ops=[first, *rest]) if type(first) in COMPARISONS:
                other = COMPARISONS[type(first)]
                yield Change(node, "ops", [other(), *rest], _becomes(type(first), other))
            case ast.BinOp(op=ast.Add()) | ast.AugAssign(op=ast.Add()):
                yield Change(node, "op", ast.Sub(), _becomes(ast.Add, ast.Sub))
            case ast.BinOp(op=ast.Sub()) | ast.AugAssign(op=ast.Sub()):
                yield Change(node, "op", ast.Add(), _becomes(ast.Sub, ast.Add))
            case ast.BoolOp(op=ast.And()):
                yield Change(node, "op", ast.Or(), _becomes(ast.And, ast.Or))
            case ast.BoolOp(op=ast.Or()):
                yield Change(node, "op", ast.And(), _becomes(ast.Or, ast.And))
            case ast.Constant(value=int(number)) if not isinstance(number, bool):
                yield Change(node, "value", number + 1, f"{number} becomes {number + 1}")
            case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
                yield Change(node, "value", ast.Constant(None), "returns None")
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield Change(node, "test", ast.UnaryOp(ast.Not(), test), "the condition is negated")


def _becomes(before: type[ast.AST], after: type[ast.AST]) -> str:
    return f"{SYMBOLS[before]} becomes {SYMBOLS[after]}"


def _place(change: Change) -> tuple[int, int]:
    return getattr(change.node, "lineno", 0), getattr(change.node, "col_offset", 0)
