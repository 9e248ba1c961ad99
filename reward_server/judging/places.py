"""Where each statement of test code stands: its function, and what decides whether the code comes to it. Pure text."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tasks.checks import Function


class Decision(NamedTuple):
    """Something on the way to a statement that may keep the code from it."""

    parts: tuple[ast.AST, ...]
    """What decides: a condition, what a loop walks over, or all that may raise an exception in a block."""
    is_loop: bool = False
    """Only how many items there are matters, not what they are."""
    instead: tuple[ast.stmt, ...] = ()
    """What runs where the code does not go this way."""


class Place(NamedTuple):
    statement: ast.stmt
    scope: str
    """The function or class around it; empty at the top."""
    decisions: tuple[Decision, ...]
    """Those within the scope."""


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
