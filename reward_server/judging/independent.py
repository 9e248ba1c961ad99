"""Which values of test code a submission has no say in: constants, and what is made of them alone. Pure text.

Cautious: names count for the whole source, wherever they are bound. A name is independent if all that it is bound to
is, at places to which the code comes by what is independent too; and if what it holds cannot be changed by the
submission, to which it might be passed.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from reward_server.judging.asserts import BUILTINS
from reward_server.judging.bindings import Bindings, Origin, arguments_of, loaded, modules_of
from reward_server.judging.places import Decision, Place, Places, own_expressions
from tasks.checks import Function

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MODULES: Final = frozenset(
    (
        *("collections", "copy", "decimal", "fractions", "functools", "itertools", "math", "numbers", "numpy"),
        *("operator", "platform", "re", "string", "typing"),
    )
)
"""Modules that say the same whatever the submission does. What they are called with may decide more."""
FILE_READING: Final = frozenset({"DataSource", "fromfile", "fromregex", "genfromtxt", "load", "loadtxt", "memmap"})
"""Functions of theirs that read files, which the submission may have written."""
SYSTEM: Final[frozenset[tuple[str, str]]] = frozenset(
    (module, name)
    for module, names in {
        "sys": "byteorder float_info hexversion implementation maxsize platform version version_info",
        "os": "name",
    }.items()
    for name in names.split()
)
DYNAMIC: Final = frozenset(
    (
        *("__import__", "breakpoint", "compile", "delattr", "dir", "eval", "exec", "getattr", "globals"),
        *("hasattr", "input", "locals", "open", "setattr", "vars"),
    )
)
"""Builtins that come to what no text shows."""
CALLING: Final = frozenset(
    (
        *("accumulate", "apply_along_axis", "dropwhile", "filter", "filterfalse", "fromfunction", "groupby", "map"),
        *("partial", "reduce", "starmap", "takewhile", "vectorize"),
    )
)
"""Functions that call one of their arguments, or keep it."""
READING: Final = frozenset(
    (
        *("count", "endswith", "find", "get", "index", "items", "join", "keys", "lower", "split"),
        *("startswith", "strip", "upper", "values"),
    )
)
"""Methods that change nothing."""
MOST_ROUNDS, MOST_DEPTH = 20, 20
"""What takes more to find out is taken for dependent."""


class Independent:
    """What is independent in one source."""

    def __init__(
        self,
        places: Places,
        library: Collection[str],
        provided: Collection[str],
        *,
        objects: bool,
        own: Collection[str] = ("solution",),
    ) -> None:
        """`library`: names of the library that it uses without an import. `provided`: those of the submission.

        `own`: modules of the submission and of the tests.

        `objects`: operators may be answered by objects of the submission, which then see the other side.
        """
        self.places, self.library, self.objects, self.own = places, library, objects, set(own)
        self.bindings = Bindings(places)
        self.origins, self.modules = self.bindings.origins, self.bindings.modules
        self.builtins = BUILTINS - DYNAMIC - set(provided)
        self.functions: dict[str, bool] = {}
        """Whether those of the test that were asked for are independent, by what is known so far."""
        self.depth = 0
        self.exposed: set[str] = set()
        """Names whose value the submission may change."""
        self.shaken: set[str] = set()
        """Names of containers of whose items it may change some."""
        for place in places.all:
            for part in own_expressions(place.statement):
                for node in ast.walk(part):
                    self.read_effects(node, place)
        for name, origin in self.bindings.changes:
            if name in self.origins:
                self.origins[name].append(origin)
        self.spread()
        self.names = {name for name in self.origins if name not in self.exposed or self.is_immutable(name)}
        self.shaken -= {name for name in self.shaken if self.is_immutable(name)}
        self.settle()

    def settle(self) -> None:
        """Leave only names of which all that they depend on is left."""
        for _ in range(MOST_ROUNDS):
            self.functions.clear()
            before = len(self.names)
            for name in list(self.names):
                if not all(map(self.holds, self.origins[name])):
                    self.names.discard(name)
            if len(self.names) == before:
                return
        self.names.clear()

    def holds(self, origin: Origin) -> bool:
        return self.of(origin.value, is_loop=True) and (origin.place is None or self.comes_to(origin.place))

    def comes_to(self, place: Place) -> bool:
        """Whether it is independent that, once its function is called, the code comes to a place."""
        jumps = self.places.jumps[place.scope]
        decisions = {each for one in (place, *jumps) for each in one.decisions}
        return all(self.decides(each) for each in decisions)

    def decides(self, decision: Decision) -> bool:
        return all(self.of(part, is_loop=decision.is_loop) for part in decision.parts)

    # ---- what the submission may change

    def read_effects(self, node: ast.AST, place: Place) -> None:
        if self.objects and isinstance(node, ast.BinOp | ast.Compare):
            for side in ast.iter_child_nodes(node):
                self.expose(side)
        if not isinstance(node, ast.Call) or self.is_harmless(node):
            return
        for argument in arguments_of(node):
            self.expose(argument)
        if isinstance(node.func, ast.Attribute) and node.func.attr not in READING:
            self.expose(node.func.value)
            for argument in arguments_of(node):
                self.bindings.change(node.func.value, argument, place)

    def is_harmless(self, call: ast.Call) -> bool:
        """Whether what it is called with stays as it is, or is followed into a function of the test."""
        match call.func:
            case ast.Name(id=name) if name in self.places.definitions:
                return all(
                    isinstance(each, Function) and self.bindings.calls_of(each) is not None
                    for each in self.places.definitions[name]
                )
            case ast.Name(id=name):
                known = name in self.builtins or self.is_library(call.func)
            case ast.Attribute(attr=name):
                known = self.is_library(call.func)
            case _:
                return False
        calls_it = name in CALLING or any(each.arg in ("key", "default_factory") for each in call.keywords)
        return known and not calls_it and not any(map(self.is_called, arguments_of(call)))

    def is_called(self, argument: ast.AST) -> bool:
        """Whether this may be a function that is called, and hands on what it gets."""
        held = {argument.id} if isinstance(argument, ast.Name) else set()
        return isinstance(argument, ast.Lambda) or bool(
            held - self.builtins - self.origins.keys() - self.modules.keys()
        )

    def is_library(self, node: ast.AST) -> bool:
        """Whether this is a name of a known module."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id in self.origins:
            return False
        path = [*self.modules.get(node.id, node.id if node.id in self.library else "").split("."), *attributes]
        if FILE_READING & {*path[1:]}:
            return False
        return path[0] in MODULES or node.id in self.library or (path[0], ".".join(path[1:2])) in SYSTEM

    def expose(self, node: ast.AST) -> None:
        """The submission gets this, and may change it."""
        match node:
            case ast.Name(id=name):
                within = [each for one in self.places.definitions.get(name, []) for each in one.body]
                self.exposed.update({name}, *map(loaded, within))
            case ast.Constant() | ast.Compare():
                pass
            case ast.Starred() | ast.Subscript():
                self.shaken.update(loaded(node))
            case ast.Call() if self.is_harmless(node) and not self.places.definitions.keys() & loaded(node.func):
                self.shaken.update(loaded(node))
            case _:
                self.exposed.update(loaded(node))

    def spread(self) -> None:
        """Follow from name to name what may be changed, as two names may hold the same or one an item of the other."""
        links = list(self.links())
        for _ in range(MOST_ROUNDS):
            before = len(self.exposed) + len(self.shaken)
            for link in links:
                self.spread_along(*link)
            if len(self.exposed) + len(self.shaken) == before:
                return
        self.exposed.update(self.origins)

    def spread_along(self, name: str, other: str, origin: Origin) -> None:
        touched = name in self.exposed or name in self.shaken
        other_touched = other in self.exposed or other in self.shaken
        if origin.is_item:
            self.shaken.update({other} if touched else ())
            self.exposed.update({name} if other_touched else ())
        elif isinstance(origin.value, ast.Name):
            for held in (self.exposed, self.shaken):
                held.update((name, other) if name in held or other in held else ())
        else:
            self.exposed.update((name, other) if touched or other_touched else ())

    def links(self) -> Iterator[tuple[str, str, Origin]]:
        """A name, and another from which it may have its value."""
        known = self.origins.keys() | self.bindings.returned.keys()
        held_by = [(name, each) for name, origins in self.origins.items() for each in origins]
        held_by += [
            (name, Origin(each, False, None)) for name, values in self.bindings.returned.items() for each in values
        ]
        for name, origin in held_by:
            if self.objects or not isinstance(origin.value, ast.Compare):
                yield from ((name, other, origin) for other in loaded(origin.value) & known - {name})

    def is_immutable(self, name: str) -> bool:
        """Whether it only ever holds what nobody can change: plain constants."""
        return all(isinstance(each.value, ast.Constant) and not each.is_item for each in self.origins[name])

    # ---- asking

    def of(self, node: ast.AST, *, is_loop: bool = False) -> bool:
        """Whether it has nothing to do with the submission. `is_loop`: as far as the number of items goes."""
        is_loop = is_loop and (isinstance(node, ast.Name) or is_walk(node))
        return all(self.of_part(each, is_loop) for each in ast.walk(node))

    def of_part(self, node: ast.AST, is_loop: bool) -> bool:
        match node:
            case ast.Name(ctx=ast.Load()):
                return self.of_name(node, is_loop)
            case ast.Attribute(ctx=ast.Load()) if not self.is_library(node):
                return node.attr in READING
            case ast.Call(func=ast.Name(id=name)) if name in self.places.definitions:
                return self.is_harmless(node)
            case ast.Call(func=ast.Attribute(attr=name)):
                return name in READING or self.is_library(node.func)
            case ast.Import() | ast.ImportFrom():
                return all(self.is_known_module(each) for each in modules_of(node))
            case ast.Await() | ast.Yield() | ast.YieldFrom() | ast.Lambda():
                return False
        return True

    def of_name(self, node: ast.Name, is_loop: bool) -> bool:
        name = node.id
        if name in self.origins:
            return name in self.names and (is_loop or name not in self.shaken)
        if name in self.places.definitions:
            if name not in self.functions and self.depth < MOST_DEPTH:
                self.functions[name] = False  # until its body has been looked at
                within = [each for one in self.places.definitions[name] for each in one.body]
                self.depth += 1
                self.functions[name] = all(map(self.of, within))
                self.depth -= 1
            return self.functions.get(name, False)
        if name in self.modules:
            return self.modules[name] in {"sys", "os"} or self.is_library(node)
        return name in self.builtins or name in self.library

    def is_variable(self, name: str) -> bool:
        """Whether it is neither the language's, nor a module's, nor a function of the test."""
        known = self.builtins | self.modules.keys() | self.places.definitions.keys() | set(self.library)
        return name in self.origins or name not in known

    def computed_from(self, name: str) -> list[ast.AST]:
        """The comparisons that a name may stand for."""
        return [each.value for each in self.origins.get(name, ()) if isinstance(each.value, ast.Compare)]

    def is_known_module(self, name: str) -> bool:
        """Whether importing it has nothing to do with the submission."""
        return name.partition(".")[0] not in self.own | {""}


def is_walk(node: ast.AST) -> bool:
    """Whether this has as many items as the names in it."""
    match node:
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "reversed"), args=args):
            return all(isinstance(each, ast.Name) or is_walk(each) for each in args)
    return False
