"""What the names of test code are bound to, and where they are used. Pure text.

Names count for the whole source, wherever they are bound.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from reward_server.judging.places import Place, Places, evaluated, own_expressions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.checks import Function

UNKNOWN: Final = ast.Yield()
"""What depends on anything."""


class Origin(NamedTuple):
    """What a name is bound to somewhere."""

    value: ast.AST
    is_item: bool
    """It is one of the items of `value`."""
    place: Place | None


class Bindings:
    """The bindings of one source."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.origins: defaultdict[str, list[Origin]] = defaultdict(list)
        self.changes: list[tuple[str, Origin]] = []
        """What is put into the values of names."""
        self.returned: defaultdict[str, list[ast.AST]] = defaultdict(list)
        """By function, what it returns or yields."""
        self.modules: dict[str, str] = {}
        """By name, the module that it is, or the module and the name that was imported from it."""
        for place in places.all:
            self.read_import(place.statement)
            self.read(place)

    def read_import(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules[alias.asname or alias.name.partition(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def read(self, place: Place) -> None:
        node = place.statement
        match node:
            case ast.Assign():
                for target in node.targets:
                    self.bind(target, node.value, place)
            case ast.AnnAssign() | ast.AugAssign():
                self.bind(node.target, node.value or UNKNOWN, place)
            case ast.For() | ast.AsyncFor():
                self.bind_items(node.target, node.iter, place)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.bind_parameters(node)
            case ast.Return() if node.value is not None:
                self.returned[place.scope].append(node.value)
            case ast.Global() | ast.Nonlocal():
                self.forget(node.names, place)
            case ast.Try() | ast.TryStar():
                self.forget([each.name for each in node.handlers if each.name], place)
            case ast.With() | ast.AsyncWith() | ast.Delete() | ast.Match():
                self.forget({name for part in own_expressions(node) for name in stored(part)}, place)
        for each, where in evaluated(place):
            self.read_expression(each, where)

    def forget(self, names: Iterable[str], place: Place) -> None:
        """They are bound to what is not known."""
        for name in names:
            self.origins[name].append(Origin(UNKNOWN, False, place))

    def read_expression(self, node: ast.AST, place: Place) -> None:
        match node:
            case ast.comprehension():
                self.bind_items(node.target, node.iter, place)
            case ast.NamedExpr():
                self.bind(node.target, node.value, place)
            case ast.Yield(value=value) | ast.YieldFrom(value=value) if value is not None:
                self.returned[place.scope].append(value)

    def bind(self, target: ast.AST, value: ast.AST, place: Place | None, *, is_item: bool = False) -> None:
        match target:
            case ast.Name():
                self.origins[target.id].append(Origin(value, is_item, place))
            case ast.Tuple() | ast.List():
                for one in target.elts:
                    self.bind(one, value, place, is_item=True)
            case ast.Starred():
                self.bind(target.value, value, place, is_item=is_item)
            case ast.Attribute():
                self.change(target.value, value, place)
            case ast.Subscript():
                self.change(target.value, value, place)
                self.change(target.value, target.slice, place)

    def change(self, target: ast.AST, value: ast.AST, place: Place | None) -> None:
        """Something is put into the value of a target: an item, an attribute, or what a method is called with."""
        while isinstance(target, ast.Attribute | ast.Subscript | ast.Call):
            target = target.func if isinstance(target, ast.Call) else target.value
        if isinstance(target, ast.Name):
            # Who calls a function in which this happens is another question.
            known = value if place is not None and not place.scope else UNKNOWN
            self.changes.append((target.id, Origin(known, False, place)))
            self.changes.append((target.id, Origin(value, False, place)))

    def bind_items(self, target: ast.expr, walked: ast.expr, place: Place) -> None:
        """`for target in walked`; of `zip`, `enumerate` and displays each part is known."""
        match walked, target:
            case ast.Call(func=ast.Name(id="zip"), args=args), ast.Tuple() if len(args) == len(target.elts):
                for one, its in zip(target.elts, args, strict=True):
                    self.bind_items(one, its, place)
            case ast.Call(func=ast.Name(id="enumerate"), args=[its, *_]), ast.Tuple(elts=[number, item]):
                self.bind(number, ast.Constant(0), place)
                self.bind_items(item, its, place)
            case ast.Name(), ast.Tuple() if (columns := self.columns(walked.id, len(target.elts))) is not None:
                for one, column in zip(target.elts, columns, strict=True):
                    if all(isinstance(each, ast.Constant) for each in column):
                        for each in column:
                            self.bind(one, each, place)
                    else:
                        self.bind(one, walked, place, is_item=True)
            case _:
                self.bind(target, walked, place, is_item=True)

    @cached_property
    def bound_by(self) -> dict[str, list[ast.stmt]]:
        """By name, the statements that bind it themselves."""
        found = defaultdict(list)
        for place in self.places.all:
            for name in {name for part in own_expressions(place.statement) for name in stored(part)}:
                found[name].append(place.statement)
        return found

    def columns(self, name: str, width: int) -> list[tuple[ast.expr, ...]] | None:
        """The columns of the table of literals to which a name is bound once and for all."""
        bound = self.bound_by.get(name, ())
        shown = bound[0].value if len(bound) == 1 and isinstance(bound[0], ast.Assign) else None
        if not isinstance(shown, ast.List | ast.Tuple) or not shown.elts:
            return None
        rows = [each.elts for each in shown.elts if isinstance(each, ast.Tuple | ast.List) and len(each.elts) == width]
        starred = any(isinstance(each, ast.Starred) for row in rows for each in row)
        return list(zip(*rows, strict=True)) if len(rows) == len(shown.elts) and not starred else None

    def bind_parameters(self, function: Function) -> None:
        given = function.args
        names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        others = [each.arg for each in (given.vararg, given.kwarg) if each is not None]
        calls = self.calls_of(function)
        for name in [*others, *(names if calls is None else ())]:
            self.origins[name].append(Origin(UNKNOWN, False, None))
        for default in (*given.defaults, *(each for each in given.kw_defaults if each is not None)):
            for name in names:
                self.origins[name].append(Origin(default, False, None))
        for place, call in calls or ():
            if any(isinstance(each, ast.Starred) for each in call.args) or any(k.arg is None for k in call.keywords):
                pairs = [(name, argument) for name in names for argument in arguments_of(call)]
            else:
                pairs = [*zip(names, call.args, strict=False), *((str(k.arg), k.value) for k in call.keywords)]
            for name, argument in pairs:
                self.origins[name].append(Origin(argument, False, place))

    def calls_of(self, function: Function) -> list[tuple[Place, ast.Call]] | None:
        """Where it is called; None where that is not all that is done with it, or its body may run later."""
        several = len(self.places.definitions[function.name]) > 1
        if several or function.decorator_list or function.name == "check" or is_lazy(function):
            return None
        calls = []
        for place, name, call in self.uses.get(function.name, ()):
            if call is None or call.func is not name:
                return None
            calls.append((place, call))
        top = [each for each in self.places.all if each.statement is function and not each.scope]
        return calls if top else None

    @cached_property
    def uses(self) -> dict[str, list[tuple[Place, ast.Name, ast.Call | None]]]:
        """By name, where it is read, and the call of it that this is."""
        found = defaultdict(list)
        for place in self.places.all:
            nodes = list(evaluated(place))
            called = {id(each.func): each for each, _ in nodes if isinstance(each, ast.Call)}
            for each, where in nodes:
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
                    found[each.id].append((where, each, called.get(id(each))))
        return found


def modules_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]


def arguments_of(call: ast.Call) -> list[ast.AST]:
    return [*call.args, *(each.value for each in call.keywords)]


def loaded(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def stored(node: ast.AST) -> set[str]:
    found = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    for each in ast.walk(node):
        if isinstance(each, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and each.name:
            found.add(each.name)
    return found


def is_lazy(function: Function) -> bool:
    """Whether its body does not run, or not to its end, when it is called."""
    yields = any(isinstance(each, ast.Yield | ast.YieldFrom) for node in function.body for each in ast.walk(node))
    return yields or isinstance(function, ast.AsyncFunctionDef)
