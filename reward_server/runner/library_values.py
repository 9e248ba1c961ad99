"""Mutable objects of the library that are containers as lists are: each side has its own, and both hold the same.

Their contents are plain, or other values that may cross; no type is loaded before one of its objects crosses.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TAGS = {
    ("types", "SimpleNamespace"): "sn",
    ("argparse", "Namespace"): "an",
    ("array", "array"): "ar",
    ("random", "Random"): "rn",
    ("xml.etree.ElementTree", "Element"): "xe",
}
"""By module and name of the type, what begins the contents."""
TYPES = {tag: place for place, tag in TAGS.items()}
NAMESPACES = frozenset({"sn", "an"})
BY_NAME = sys.stdlib_module_names | {"numpy"}
"""Packages whose classes are the same on both sides."""


def tag_of(value: Any) -> str | None:
    kind = type(value)
    tag = TAGS.get((kind.__module__, kind.__name__))
    return tag if tag is not None and type_of(tag) is kind else None


def type_of(tag: str) -> Any:
    module, name = TYPES[tag]
    return getattr(importlib.import_module(module), name)


def contents(value: Any, encode: Callable[[Any], Any]) -> list[Any] | None:
    """What one of these holds; None where that has no plain form."""
    tag = tag_of(value)
    if tag in NAMESPACES:
        return [tag, mapping(vars(value), encode)]
    if tag == "ar":
        return [tag, value.typecode, value.tolist()]
    if tag == "rn":
        version, numbers, gauss = value.getstate()
        return [tag, version, ["T", list(numbers)], gauss]
    texts = (value.tag, value.text, value.tail)
    if type(value.tag) is not str or not all(text is None or type(text) is str for text in texts):
        return None  # a comment, say, whose tag is a function
    return [tag, *texts, mapping(value.attrib, encode), *map(encode, value)]


def mapping(held: dict[str, Any], encode: Callable[[Any], Any]) -> list[Any]:
    return ["d", ["L", list(held)], ["l", *map(encode, held.values())]]


def empty(tag: str, typecode: Any) -> Any:
    return type_of(tag)(*{"ar": (typecode,), "xe": ("",)}.get(tag, ()))


def make(tag: str, parts: list[Any]) -> Any:
    """An object that holds these. Raises: TypeError, ValueError."""
    if tag == "ar":
        return type_of(tag)(*parts)
    made = empty(tag, None)
    if tag == "rn":
        made.setstate(tuple(parts))
    elif tag == "xe":
        made.tag, made.text, made.tail, attributes, *children = parts
        made.attrib.update(attributes)
        made.extend(children)
    else:
        vars(made).update(parts[0])
    return made


def fill(value: Any, new: Any) -> None:
    """Make an object hold what another one holds."""
    tag = tag_of(value)
    if tag == "ar":
        value[:] = new
    elif tag == "rn":
        value.setstate(new.getstate())
    elif tag == "xe":
        children = list(new)
        value.clear()
        value.tag, value.text, value.tail = new.tag, new.text, new.tail
        value.attrib.update(new.attrib)
        value.extend(children)
    else:
        vars(value).clear()
        vars(value).update(vars(new))


def inner(value: Any) -> list[Any]:
    """The values that a namespace holds."""
    return list(vars(value).values()) if tag_of(value) in NAMESPACES else []


def place_of(kind: type) -> list[str] | None:
    """Module and name by which a class of the library is found."""
    if kind.__module__.partition(".")[0] in BY_NAME and find(kind.__module__, kind.__qualname__) is kind:
        return [kind.__module__, kind.__qualname__]
    if kind.__module__ == "builtins":  # `NoneType` and its like
        return next((["types", name] for name, held in vars(types).items() if held is kind), None)
    return None


def parts_of_alias(value: Any) -> list[Any] | None:
    """Origin and arguments of a type such as `list[int]` or `int | None`; of `Any` and its like the name alone."""
    if isinstance(value, types.UnionType):
        return ["|", *value.__args__]
    if isinstance(value, types.GenericAlias):
        return [value.__origin__, *value.__args__]
    if type(value).__module__ != "typing" or isinstance(value, type):
        return None
    typing = sys.modules["typing"]
    origin = getattr(value, "__origin__", None)
    if origin is None or not hasattr(value, "__args__"):
        name = getattr(value, "_name", None)
        return [name] if type(name) is str and getattr(typing, name, None) is value else None
    return ["|" if origin is typing.Union else origin, *value.__args__]


def alias(parts: list[Any]) -> Any:
    origin, *arguments = parts
    if origin == "|":
        return importlib.import_module("typing").Union[tuple(arguments)]
    if type(origin) is str:
        return getattr(importlib.import_module("typing"), origin)
    return origin[tuple(arguments)]


def named(path: str) -> Any:
    """The module of this name, or what a module has by its last part. Raises: ImportError, and as any import does."""
    try:
        return importlib.import_module(path)
    except ImportError:
        module, _, name = path.rpartition(".")
        if not module:
            raise
        return getattr(importlib.import_module(module), name, None)


def find(module: str, qualname: str) -> Any:
    """What the library has by this name; None for nothing."""
    held: Any = sys.modules.get(module) or importlib.import_module(module)
    for name in qualname.split("."):
        held = getattr(held, name, None)
    return held
