"""The judge's side: makes a proxy class for a class of the submission, from what `classes.py` says of it there.

Names of special methods, bases and flags are chosen from lists here, whatever arrives. A class that derives from a
builtin type has a proxy class that does so too: what the builtin type does is done here, on what an instance holds.
"""

from __future__ import annotations

import collections
import datetime as dt
import fractions
import importlib
import types
from abc import ABCMeta
from functools import partial
from typing import TYPE_CHECKING, Any

from reward_server.runner import link, values
from reward_server.runner.specials import (
    ASKING,
    COMPARISONS,
    DESCRIPTORS,
    FORWARDED,
    LIBRARY_BASES,
    LIBRARY_HOMES,
    OF_EXCEPTIONS,
    OPERATORS,
    PREDICATES,
)
from reward_server.runner.stand_ins import (
    NamedMethod,
    Remote,
    RemoteABC,
    RemoteClass,
    RemoteException,
    RemoteExceptionClass,
    RemoteMethod,
    forward,
    forward_of_exception,
)

if TYPE_CHECKING:
    from reward_server.runner.wall import Wall

MOST_DEPTH = 50
BUILTIN_BASES = {kind.__name__: kind for kind in values.OWN_STATE}


def make(wall: Wall, number: int, told: Any, depth: int) -> type:
    """The proxy class for one of the submission's classes, with its hierarchy and the operators that it defines."""
    if type(told) is not dict or depth > MOST_DEPTH:
        raise values.Unfit("a class that was not understood")
    if "fields" in told:
        return named(wall, number, told)
    bases = [wall.mirror(base, depth + 1) for base in told["bases"] if type(base) is int]
    body: dict[str, Any] = {"__module__": "solution", "__doc__": told["doc"], "_class_number": number}
    for method in told["methods"]:
        if type(method) is str and method.isidentifier() and not method.startswith("__"):
            body[method] = RemoteMethod(wall, method, number)
    kind = of_exceptions(wall, told, bases, body) if told["exception"] is True else of_objects(wall, told, bases, body)
    wall.classes[number] = wall.imported[number] = kind
    return kind


def of_exceptions(wall: Wall, told: dict[str, Any], ours: list[type], body: dict[str, Any]) -> type:
    bases = exception_bases(wall, ours, told["known"])
    body |= {name: forward_of_exception(name) for name in told["special"] if name in OF_EXCEPTIONS}
    body |= {"_link": wall, **({} if told["hashable"] is True else {"__hash__": None})}
    try:
        return RemoteExceptionClass(str(told["name"]), tuple(bases), body)
    except TypeError:  # bases of two layouts
        return RemoteExceptionClass(str(told["name"]), tuple(bases[:-1]), body)


def of_objects(wall: Wall, told: dict[str, Any], ours: list[type], body: dict[str, Any]) -> type:
    bases: list[type] = [base for base in ours if issubclass(base, Remote)] or [Remote]
    base = BUILTIN_BASES.get(str(told.get("base")))
    if base is not None:
        body["__dict__"] = vars(Remote)["__dict__"]  # else the type would get a new one
        if not any(issubclass(each, base) for each in bases):
            bases.append(base)
    body |= {special: forward(special) for special in told["special"] if special in FORWARDED | DESCRIPTORS}
    body |= library_methods(told)
    if "__eq__" in body and "__hash__" not in body:
        body["__hash__"] = object.__hash__ if told["hashable"] is True else None
    if told["hashable"] is not True:
        body["__hash__"] = None
    body |= plain_attributes(wall, told)
    metaclass = RemoteABC if any(isinstance(each, ABCMeta) for each in bases) else RemoteClass
    kind = metaclass(str(told["name"]), tuple(bases), body)
    kind._class_link, kind._class_specials = wall, frozenset(told.get("of_class", ())) & FORWARDED
    if abstract := told.get("abstract"):
        kind.__abstractmethods__ = frozenset(map(str, abstract))
    if told.get("checks") is True:
        kind._asks_for_instances = True
    for library in known_bases(told):
        library.register(kind)
    return kind


def items_of(held: Any) -> dict[Any, Any]:
    return {key: held[key] for key in held}


AS_PLAIN: dict[tuple[str, str], Any] = {
    ("collections.abc", "Mapping"): items_of,
    ("collections.abc", "Set"): frozenset,
    ("collections", "UserDict"): items_of,
    ("collections", "UserList"): list,
    ("collections", "UserString"): str,
}


def library_methods(told: dict[str, Any]) -> dict[str, Any]:
    """The methods by which the library compares and searches: they run here, on the items of an object.

    So the submission does not know what they are compared with.
    """
    found: dict[str, Any] = {}
    for name, *home in told.get("library", ()):
        plain_form = AS_PLAIN.get(tuple(home))
        if name in COMPARISONS and plain_form is not None:
            found[name] = compare_as(plain_form, name)
        elif name in SEARCHING and tuple(home) in LIBRARY_HOMES:
            method = vars(getattr(importlib.import_module(home[0]), home[1])).get(name)
            found |= {name: method} if isinstance(method, types.FunctionType) else {}
    return found


SEARCHING = ASKING | {"get", "__contains__"}


def compare_as(plain_form: Any, name: str) -> Any:
    def compare(self: Remote, other: Any) -> Any:
        theirs = plain_form(other) if isinstance(other, type(self)) else other
        return getattr(plain_form(self), name)(theirs)

    return compare


def known_bases(told: dict[str, Any]) -> list[Any]:
    found = [library_base(str(module), str(name)) for module, name in told["known"][: link.MAX_BASES]]
    return [kind for kind in found if kind is not None]


def library_base(module: str, name: str) -> Any:
    if name not in LIBRARY_BASES.get(module, ()):
        return None
    return getattr(importlib.import_module(module), name)


def plain_attributes(wall: Wall, told: dict[str, Any]) -> dict[str, Any]:
    """What Python and the library read of a class itself."""
    found: dict[str, Any] = {}
    if match := [name for name in told.get("match", ()) if type(name) is str]:
        found["__match_args__"] = tuple(match)
    if annotations := told.get("annotations"):
        found["__annotations__"] = {str(name): wall.decode(note) for name, note in annotations}
    if "dataclass" in told:
        found |= dataclass_attributes(wall, *told["dataclass"])
    return found


def dataclass_attributes(wall: Wall, rows: list[list[Any]], params: list[Any]) -> dict[str, Any]:
    """What the functions of `dataclasses` look at."""
    import dataclasses  # what few tests need

    fields = {}
    for name, note, default, made, (init, shown, compared, keyword) in rows:
        given: dict[str, Any] = {"default": wall.decode(default[0])} if default else {}
        given |= {"default_factory": object} if made is True else {}
        field: Any = dataclasses.field(
            init=init is True, repr=shown is True, compare=compared is True, kw_only=keyword is True, **given
        )
        field.name, field.type, field._field_type = str(name), wall.decode(note), dataclasses._FIELD  # type: ignore[attr-defined]
        fields[field.name] = field
    arguments = [flag is True for flag in params]
    make_params: Any = dataclasses._DataclassParams  # type: ignore[attr-defined]
    count = make_params.__init__.__code__.co_argcount - 1  # more of them in later versions
    arguments += [False] * (count - len(arguments))
    return {"__dataclass_fields__": fields, "__dataclass_params__": make_params(*arguments)}


def native_instance(kind: type, base: Any, plain: Any) -> Any:
    """An instance of a proxy class that is this value of an unchanging builtin type."""
    if base is object:
        return object.__new__(kind)
    if base is dt.timedelta:
        return base.__new__(kind, plain.days, plain.seconds, plain.microseconds)
    if base in (dt.datetime, dt.date, dt.time):
        names = [name for name in CLOCK_FIELDS if hasattr(plain, name)]
        return base.__new__(kind, *[getattr(plain, name) for name in names])
    if base is fractions.Fraction:  # its own `__new__` sets attributes, which a proxy object forwards
        made: Any = object.__new__(kind)
        for name in ("_numerator", "_denominator"):
            object.__setattr__(made, name, getattr(plain, name))
        return made
    return base.__new__(kind, plain)


CLOCK_FIELDS = ("year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo")


def exception_bases(wall: Wall, ours: list[type], rows: list[list[str]]) -> list[type]:
    """The bases of a proxy class: the submission's own, and no more than `MOST_BASES` of those that are known."""
    bases = [base for base in ours if issubclass(base, BaseException)] or [RemoteException]
    known = link.known_bases([(str(module), str(name)) for module, name in rows[: link.MAX_BASES]], wall.models)
    bases += [
        kind
        for kind in known[: link.MOST_BASES]
        if kind is not Exception and not any(issubclass(base, kind) for base in bases)
    ]
    kinds = {kind for base in bases for kind in base.__mro__ if not isinstance(kind, RemoteExceptionClass)}
    kinds -= {RemoteException, *RemoteException.__mro__}
    leaves = [kind for kind in kinds if not any(kind in other.__mro__[1:] for other in kinds)]
    return bases if len(leaves) <= link.MOST_BASES else bases[:1]


def named(wall: Wall, number: int, told: dict[str, Any]) -> type:
    """The type of a tuple with names: a tuple of ours, that compares as one. Its methods are the submission's."""
    fields = [name for name in told["fields"] if type(name) is str and name.isidentifier() and name[0] != "_"]
    if len(fields) != len(told["fields"]) or len(set(fields)) != len(fields):
        raise values.Unfit("fields that have no names")
    defaults = [wall.decode(value) for value in told["defaults"]]
    make_type: Any = collections.namedtuple  # noqa: PYI024 its fields are known only now
    plain = make_type("plain", fields, rename=True, defaults=defaults)
    body: dict[str, Any] = {"__slots__": (), "__module__": "solution", "_class_number": number}
    body |= {
        "__doc__": told["doc"],
        **{name: NamedMethod(wall, number, name) for name in told["methods"] if may_be_named(name)},
    }
    for name in filter(may_be_named, told["properties"]):
        body[name] = property(partial(named_property, wall, number, name))
    body |= {name: named_special(wall, number, name) for name in told["special"] if name in NAMED_SPECIALS}
    if told.get("made_there") is True:
        body["__new__"] = lambda _kind, *arguments, **keywords: wall.call(number, arguments, keywords)
    wall.classes[number] = wall.imported[number] = kind = type(str(told["name"]), (plain,), body)
    return kind


def named_property(wall: Wall, number: int, name: str, value: Any) -> Any:
    return wall.decode(wall.ask("property", number, name, wall.encode(value)))


NAMED_SPECIALS = (OPERATORS - COMPARISONS) | frozenset(
    f"__{name}__"
    for name in (
        *("str", "repr", "format", "bool", "int", "float", "complex", "neg", "pos", "abs", "invert", "round", "call"),
    )
)
"""Those of a tuple with names that are asked for. It compares as a tuple, whatever its class says."""


def named_special(wall: Wall, number: int, name: str) -> Any:
    """A special method of a tuple with names. Operators are asked for between two of them only."""

    def special(self: Any, *rest: Any) -> Any:
        if name in OPERATORS and not all(isinstance(each, type(self)) for each in rest):
            plain = getattr(tuple, name, None)
            return plain(self, *rest) if plain is not None else NotImplemented
        return wall.ask_with_arguments("method", (number, name), (self, *rest), {})

    return special


def may_be_named(name: Any) -> bool:
    """Whether a type of a tuple with names may have a method of the submission by this name."""
    return type(name) is str and name.isidentifier() and name[0] != "_" and name not in PREDICATES
