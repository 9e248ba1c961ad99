"""The submission's side: what there is to say of a class, so that the judge can make a proxy class for it."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from builtins import sorted  # noqa: A004 a test may patch the builtin
from typing import TYPE_CHECKING, Any

from reward_server.runner import values
from reward_server.runner.specials import DESCRIPTORS, FORWARDED, LIBRARY_HOMES

if TYPE_CHECKING:
    from reward_server.runner.served import Served


def describe_type(served: Served, kind: type) -> dict[str, Any]:
    own = [base for base in kind.__mro__ if base is not object]
    base = values.base_of(kind)
    methods = {name for each in own for name in function_names(each)}
    if base in values.CHANGING:
        methods |= {name for name in dir(kind) if name[0] != "_" and callable(getattr(kind, name))}
    return {
        "name": kind.__name__,
        "module": kind.__module__,
        "doc": kind.__doc__ if type(kind.__doc__) is str else None,
        "bases": [
            served.export(each) for each in kind.__bases__ if each.__module__ == kind.__module__ and each is not object
        ],
        "known": [[each.__module__, each.__name__] for each in own],
        "exception": issubclass(kind, BaseException),
        "special": sorted(special_names(kind, own)),
        "methods": sorted(methods),
        "hashable": kind.__hash__ is not None,
        "base": base.__name__ if base is not object else None,
        "library": library_methods(own),
        "of_class": special_names_of_class(kind),
        "checks": type(kind).__instancecheck__ is not type.__instancecheck__,
        "abstract": sorted(map(str, getattr(kind, "__abstractmethods__", ()))),
        "match": [str(name) for name in getattr(kind, "__match_args__", ())],
        "annotations": describe_annotations(served, kind),
        **describe_dataclass(served, kind),
        **(describe_fields(served, kind) if values.is_named_tuple(kind) else {}),
    }


def special_names(kind: type, own: list[type]) -> set[str]:
    """The special methods to ask for. What an unchanging value's own type gives is had without asking."""
    found: set[str] = set()
    for name in FORWARDED | DESCRIPTORS:
        home = next((each for each in own if name in vars(each)), None)
        base = BaseException if issubclass(kind, BaseException) else values.base_of(kind)
        native = home is not None and (issubclass(base, home) or home.__module__ == "builtins")
        if home is not None and vars(home)[name] is not None and not (native and base not in values.CHANGING):
            found.add(name)
    return found


def special_names_of_class(kind: type) -> list[str]:
    """The special methods that the metaclass defines."""
    metaclass: Any = type(kind)
    return sorted(special_names(metaclass, [each for each in metaclass.__mro__ if each not in (type, object)]))


def library_methods(own: list[type]) -> list[list[str]]:
    """The methods that a class has from the library, with the class there that defines them."""
    found = {name: each for each in reversed(own) for name in vars(each)}
    return [
        [name, each.__module__, each.__name__]
        for name, each in found.items()
        if (each.__module__, each.__name__) in LIBRARY_HOMES
    ]


def describe_annotations(served: Served, kind: type) -> list[list[Any]]:
    found = []
    for name, held in vars(kind).get("__annotations__", {}).items():
        with contextlib.suppress(values.Unfit):
            found.append([name, served.encode(annotation(held))])
    return found


def annotation(held: Any) -> Any:
    """Types of the language cross as they are, others as their text."""
    if held is None or isinstance(held, str) or held in values.NAMED_TYPES.values():
        return held
    return importlib.import_module("inspect").formatannotation(held)


def describe_dataclass(served: Served, kind: Any) -> dict[str, Any]:
    """The fields of a dataclass: name, type, default, whether a factory makes it, and its flags."""
    dataclasses = sys.modules.get("dataclasses")
    if dataclasses is None or not hasattr(kind, "__dataclass_fields__"):
        return {}
    rows = []
    for field in dataclasses.fields(kind):
        default: list[Any] = []
        with contextlib.suppress(values.Unfit):
            default = [served.encode(field.default)] if field.default is not dataclasses.MISSING else []
        flags = [field.init is True, field.repr is True, field.compare is True, field.kw_only is True]
        made = field.default_factory is not dataclasses.MISSING
        rows.append([field.name, served.encode(annotation(field.type)), default, made, flags])
    params = kind.__dataclass_params__
    return {"dataclass": [rows, [getattr(params, name) is True for name in PARAMS]]}


def describe_fields(served: Served, kind: Any) -> dict[str, Any]:
    """What more there is to say of a tuple with names."""
    own = [each for each in kind.__mro__ if each.__module__ not in ("builtins", "collections", "typing")]
    held = [(name, value) for each in own for name, value in vars(each).items()]
    made = [getattr(value, "__func__", value) for name, value in held if name == "__new__"]
    return {
        "fields": list(kind._fields),
        "defaults": [served.encode(value) for value in kind._field_defaults.values()],
        "properties": [name for name, value in held if isinstance(value, property)],
        "special": sorted(
            {name for name, value in held if name in FORWARDED and getattr(value, "__module__", "") != "collections"}
        ),
        "made_there": any(not str(each.__module__).startswith("namedtuple_") for each in made),
    }


PLAIN_MODULES = frozenset({"builtins", "collections", "enum", "decimal", "fractions", "numbers", "datetime"})
PARAMS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")


def function_names(kind: type) -> list[str]:
    """The methods that a class itself defines."""
    native = (types.FunctionType, staticmethod, classmethod)
    return [name for name, value in vars(kind).items() if not name.startswith("__") and isinstance(value, native)]


def is_more_than_plain(kind: type) -> bool:
    """Whether a class derived from a builtin type has attributes or methods of its own."""
    own = [each for each in kind.__mro__ if each.__module__ not in PLAIN_MODULES]
    return any(function_names(each) or any(isinstance(held, property) for held in vars(each).values()) for each in own)


def describe_code(function: Any) -> list[Any] | None:
    """What `inspect` reads of a function's code: its kind, and what its parameters are called."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return None
    counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount]
    return [code.co_name, code.co_firstlineno, code.co_flags, counts, list(code.co_varnames[: sum(counts[::2]) + 2])]
