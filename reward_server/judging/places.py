"""Where each statement of test code stands: its function, and what decides whether the code comes to it. Pure text."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.checks import Function


class Decision(NamedTuple):
    """Something on the way to a statement that may keep the code from it."""

    parts: tuple[ast.AST, ...]
    """What decides: a condition, what a loop walks over, or all that may raise an exception in a block."""
    is_loop: bool = False
    """Only how many items there are matters, not what they are."""
    instead: tuple[ast.stmt, ...] = ()
    """What runs where the code does not go this way."""


ANYTHING: Final = Decision((ast.Yield(),))
"""Who calls a lambda, or takes the items of a generator, decides whether its code runs."""


class Place(NamedTuple):
    statement: ast.stmt
    scope: str
    """The function or class around it; empty at the top."""
    decisions: tuple[Decision, ...]
    """Those within the scope."""

    def behind(self, *decisions: Decision) -> Place:
        return self._replace(decisions=(*self.decisions, *decisions))


class Places(ast.NodeVisitor):
    """All statements of a source."""

    def __init__(self, tree: ast.Module) -> None:
        self.all: list[Place] = []
        self.jumps: defaultdict[str, list[Place]] = defaultdict(list)
        """By scope, the statements that leave a block, a loop or a function."""
        self.definitions: defaultdict[str, list[Function | ast.ClassDef]] = defaultdict(list)
        self.block(tree.body, "", ())

    def block(self, body: list[ast.stmt], scope: str, decisions: tuple[Decision, ...]) -> None:
        for node in body:
            place = Place(node, scope, decisions)
            self.all.append(place)
            if isinstance(node, ast.Return | ast.Break | ast.Continue | ast.Raise):
                self.jumps[scope].append(place)
            self.inner(node, scope, decisions)

    def inner(self, node: ast.stmt, scope: str, decisions: tuple[Decision, ...]) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.definitions[node.name].append(node)
                self.block(node.body, node.name, ())
            case ast.If():
                arms = node.body, node.orelse
                for arm, other in (arms, arms[::-1]):
                    self.block(arm, scope, (*decisions, Decision((node.test,), instead=tuple(other))))
            case ast.While():
                self.block([*node.body, *node.orelse], scope, (*decisions, Decision((node.test,))))
            case ast.For() | ast.AsyncFor():
                self.block([*node.body, *node.orelse], scope, (*decisions, Decision((node.iter,), is_loop=True)))
            case ast.With() | ast.AsyncWith():
                parts = (*(item.context_expr for item in node.items), *node.body)
                self.block(node.body, scope, (*decisions, Decision(parts)))
            case ast.Try() | ast.TryStar():
                raising = Decision(tuple(node.body))
                within = [*node.body, *(each for handler in node.handlers for each in handler.body), *node.orelse]
                self.block(within, scope, (*decisions, raising))
                self.block(node.finalbody, scope, decisions)
            case ast.Match():
                parts = (node.subject, *(guard for case in node.cases if (guard := case.guard) is not None))
                for each in node.cases:
                    self.block(each.body, scope, (*decisions, Decision(parts)))


def own_expressions(node: ast.stmt) -> list[ast.AST]:
    """What a statement holds beside other statements."""
    parts: list[ast.AST] = []
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.excepthandler | ast.match_case):
            parts += [inner for inner in ast.iter_child_nodes(each) if not isinstance(inner, ast.stmt)]
        elif not isinstance(each, ast.stmt):
            parts.append(each)
    return parts


def evaluated(place: Place) -> Iterator[tuple[ast.AST, Place]]:
    """All expressions of a statement, each with what decides whether the code comes to it."""
    for part in own_expressions(place.statement):
        yield from evaluated_in(part, place)


def evaluated_in(node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, Place]]:
    yield node, place
    match node:
        case ast.BoolOp(values=values):
            yield from one_by_one(values, place, always=1)
        case ast.Compare(left=left, comparators=others):
            yield from one_by_one([left, *others], place, always=2)
        case ast.IfExp(test=test, body=body, orelse=other):
            yield from evaluated_in(test, place)
            for arm in (body, other):
                yield from evaluated_in(arm, place.behind(Decision((test,))))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from evaluated_in_comprehension(node, place)
        case ast.Lambda():
            yield from evaluated_in(node.body, place.behind(ANYTHING))
            yield from evaluated_in(node.args, place)
        case _:
            for each in ast.iter_child_nodes(node):
                yield from evaluated_in(each, place)


def evaluated_in_comprehension(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, place: Place
) -> Iterator[tuple[ast.AST, Place]]:
    inner = place
    for each in node.generators:
        yield each, place
        yield from evaluated_in(each.iter, inner)
        inner = inner.behind(ANYTHING if isinstance(node, ast.GeneratorExp) else Decision((each.iter,), is_loop=True))
        for test in each.ifs:
            yield from evaluated_in(test, inner)
            inner = inner.behind(Decision((test,)))
    for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
        yield from evaluated_in(part, inner)


def one_by_one(nodes: Sequence[ast.expr], place: Place, always: int) -> Iterator[tuple[ast.AST, Place]]:
    """Expressions of which each is evaluated, but for the first, only if those before it allow it."""
    for at, each in enumerate(nodes):
        yield from evaluated_in(each, place.behind(Decision(tuple(nodes[:at]))) if at >= always else place)
