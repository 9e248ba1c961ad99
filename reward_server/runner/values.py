"""Values that may cross between a submission and what judges it: plain ones, as JSON. No pickle, no code.

`encode` turns a value into JSON-able lists; `decode` turns them back and trusts nothing: the types of what comes out
are chosen here. Scalars stand for themselves; everything else is a list that begins with its tag. Subclasses of builtin
types arrive as the builtin. What has no plain form goes through the two hooks, as handles.
"""

from __future__ import annotations

import builtins
import collections
import datetime as dt
import decimal
import fractions
import importlib
import json
import sys
import types
from typing import TYPE_CHECKING, Any

from reward_server.runner import arrays, library_values

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DECIMAL_BITS = 8192
"""Longer integers travel in base 16: the decimal form takes quadratic time, and Python refuses it past 4300 digits."""
CHANGING = (collections.Counter, list, dict, set, collections.deque)
OWN_STATE = (
    *(*CHANGING, frozenset, int, float, complex, str, bytes, tuple),
    *(decimal.Decimal, fractions.Fraction, dt.datetime, dt.date, dt.time, dt.timedelta),
)
"""Builtin types that programs derive from; `CHANGING` are those whose instances can be changed in place."""
STANDING = (list, dict, set, frozenset, int, float, str, collections.deque)
"""Builtin types of which the test's own subclasses have a stand-in in the submission; others cross as plain values."""
WRAPPERS = (collections.UserDict, collections.UserList, collections.UserString)
"""The library's classes in Python that hold a builtin value."""
MANY_EQUAL = 200
"""Items of a set or mapping that may have one hash: each is compared with all before it. Powers of two have 61."""
MAX_FRACTION_BITS = 1 << 30
"""Of numerator times denominator: what reduces a fraction takes time that grows with the product of their lengths."""
BUILTIN_TYPES = {kind: name for name, kind in vars(builtins).items() if type(kind) is type}
"""`int`, `ValueError` and their like are the same on both sides, and are known by name."""
NAMED_TYPES = {name: kind for kind, name in BUILTIN_TYPES.items()}
ATOMS = frozenset({type(None), bool, int, float, str})
CONTAINERS = frozenset(
    (
        *(list, dict, set, bytearray, collections.deque),
        *(collections.defaultdict, collections.OrderedDict, collections.Counter),
    )
)
"""What can be changed in place."""
BY_TEXT = {
    **dict.fromkeys(("PurePosixPath", "PosixPath"), "pathlib"),
    "UUID": "uuid",
    **dict.fromkeys(("IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network"), "ipaddress"),
}
"""Types of the library that are what their text says, by name, with their modules: loaded where they are used."""
Encoded = Any
"""What `json` can hold: the result of `encode`."""
Handle = Any
"""A function of a value and of whether it has a plain form too; then None leaves it at that. Asked for what has no
plain form, for containers, and for instances of subclasses."""


class Unfit(Exception):
    """A value that cannot cross, or one that did not arrive in one piece."""


def base_of(kind: type) -> Any:
    """The builtin type of which a class is, as programs derive from it; `object` if none."""
    return next((base for base in OWN_STATE if issubclass(kind, base)), object)


def is_named_tuple(kind: type) -> bool:
    """As `namedtuple` makes them."""
    return issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_field_defaults")


def refuse(value: object, plain: bool = False) -> Encoded:
    if plain:
        return None
    raise Unfit(f"a value of type {type(value).__name__} cannot be passed between test and submission")


def as_json(value: object, plain: bool = False) -> Encoded:
    """A `Handle` by which numpy's values cross as what `tolist` makes of them."""
    if arrays.crosses(value):
        return encode(value.tolist(), as_json)  # type: ignore[attr-defined]
    return refuse(value, plain)


def encode(value: Any, handle: Handle = refuse) -> Encoded:
    """Raises: Unfit for a value without a plain form (unless `handle` gives it one), cyclic or nested too deep."""
    try:
        return _encode(value, handle)
    except RecursionError:
        raise Unfit("a value that is cyclic or nests too deep cannot be passed between test and submission") from None


def decode(encoded: Encoded, resolve: Callable[[list[Any]], Any] | None = None) -> Any:
    """Raises: Unfit for anything that `encode` would not have made."""
    try:
        return _decode(encoded, resolve)
    except RecursionError:
        raise Unfit("a value nests too deep") from None
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise Unfit(f"a value did not arrive in one piece: {type(error).__name__}") from None


WRITE = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""Made once: `json.dumps` with settings and `json.loads` touch three times as many pages of a fresh fork."""


def dumps(message: Encoded) -> bytes:
    """Raises: Unfit."""
    try:
        return WRITE(message).encode("ascii")
    except (ValueError, TypeError, RecursionError):
        raise Unfit("a value cannot be written as JSON") from None


def loads(text: bytes) -> Encoded:
    """Raises: Unfit."""
    try:
        held = text.decode()
        message, end = SCAN(held, 0)
    except (ValueError, RecursionError, StopIteration):
        raise Unfit("a message is not JSON") from None
    if end != len(held):
        raise Unfit("a message is not JSON alone")
    return message


def _encode(value: Any, handle: Handle) -> Encoded:
    kind = type(value)
    if kind in ATOMS:
        return _integer(value) if kind is int else value
    coder = ENCODERS.get(kind)
    if kind in CONTAINERS:
        named = handle(value, True)
        if named is not None:
            return named
    elif coder is None:
        if arrays.crosses(value):
            named = handle(value, True)
            return arrays.encode(value) if named is None else named
        if library_values.tag_of(value) is not None:
            named = handle(value, True)
            return contents(value, handle) if named is None else named
        for base, inherited in INHERITED:
            if isinstance(value, base):
                own = handle(value, True)
                if own is not None:
                    return own
                coder = inherited
                break
        else:
            name = kind.__name__
            if name in BY_TEXT and getattr(sys.modules.get(BY_TEXT[name]), name, None) is kind:
                return ["tx", name, kind.__str__(value)]
            return handle(value)
    return coder(value, handle)  # type: ignore[misc]


def contents(value: Any, handle: Handle) -> Encoded:
    """What a container holds, whatever `handle` makes of the container itself. Raises: Unfit."""
    try:
        if arrays.is_array(value):
            return arrays.encode(value)
        if type(value) in ENCODERS:
            return ENCODERS[type(value)](value, handle)
        held = library_values.contents(value, lambda part: _encode(part, handle))
        return handle(value) if held is None else held
    except RecursionError:
        raise Unfit("a value that is cyclic or nests too deep cannot be passed between test and submission") from None


def empty(encoded: Encoded) -> Any:
    """An empty container of the type that these contents ask for. Raises: Unfit."""
    match encoded:
        case ["l" | "L", *_]:
            return []
        case ["s" | "S", *_]:
            return set()
        case ["d", _, _]:
            return {}
        case ["B", _]:
            return bytearray()
        case ["o", _]:
            return collections.OrderedDict()
        case ["C", _]:
            return collections.Counter()
        case ["q", None | int() as longest, _] if longest is None or longest >= 0:
            return collections.deque(maxlen=longest)
        case ["dd", _, _]:
            return collections.defaultdict()
        case [str(tag), typecode, *_] if tag in library_values.TYPES:
            return library_values.empty(tag, typecode)
        case ["na", str(name), list(shape), str(data)]:
            return arrays.decode(name, shape, data)  # no memory is handed out before it is filled
    raise Unfit("contents of no container")


def _integer(value: int) -> Encoded:
    return value if value.bit_length() <= MAX_DECIMAL_BITS else ["i", hex(value)]


def _items(tag: str, values: Any, handle: Handle) -> Encoded:
    values = list(values)
    kinds = set(map(type, values))
    # One comparison of types instead of a walk: a million numbers cross at the speed of the JSON writer.
    if kinds <= ATOMS and (int not in kinds or _all_short(values)):
        return [tag.upper(), values]
    return [tag, *[_encode(value, handle) for value in values]]


def _all_short(values: list[Any]) -> bool:
    return all(value.bit_length() <= MAX_DECIMAL_BITS for value in values if type(value) is int)


def _mapping(value: dict[Any, Any], handle: Handle, kind: type[dict[Any, Any]] = dict) -> Encoded:
    keys, held = kind.keys(value), kind.values(value)
    return ["d", _items("l", keys, handle), _items("l", held, handle)]


def _with_default(value: collections.defaultdict[Any, Any], handle: Handle) -> Encoded:
    held, factory = _mapping(value, handle), value.default_factory
    try:
        return held if factory is None else ["dd", BUILTIN_TYPES.get(factory) or handle(factory), held]  # type: ignore[call-overload]
    except (Unfit, TypeError):  # a factory that has to stay, or one without a hash
        return held


ENCODERS: dict[type, Callable[[Any, Handle], Encoded]] = {
    list: lambda value, handle: _items("l", list.__iter__(value), handle),
    tuple: lambda value, handle: _items("t", tuple.__iter__(value), handle),
    set: lambda value, handle: _items("s", set.__iter__(value), handle),
    frozenset: lambda value, handle: _items("f", frozenset.__iter__(value), handle),
    dict: _mapping,
    int: lambda value, _: _integer(int.__index__(value)),
    float: lambda value, _: float.__float__(value),
    str: lambda value, _: str.__str__(value),
    bytes: lambda value, _: ["b", bytes.hex(value)],
    bytearray: lambda value, _: ["B", bytearray.hex(value)],
    complex: lambda value, _: ["c", complex.real.__get__(value), complex.imag.__get__(value)],
    range: lambda value, _: ["ra", _integer(value.start), _integer(value.stop), _integer(value.step)],
    decimal.Decimal: lambda value, _: ["D", decimal.Decimal.__str__(value)],
    fractions.Fraction: lambda value, _: ["fr", _integer(int(value.numerator)), _integer(int(value.denominator))],
    dt.datetime: lambda value, _: ["dt", dt.datetime.isoformat(value)],
    dt.date: lambda value, _: ["da", dt.date.isoformat(value)],
    dt.time: lambda value, _: ["ti", dt.time.isoformat(value)],
    dt.timedelta: lambda value, _: ["td", value.days, value.seconds, value.microseconds],
    dt.timezone: lambda value, handle: ["tz", *_encode(value.utcoffset(None), handle)[1:], value.tzname(None)],
    collections.defaultdict: _with_default,
    collections.deque: lambda value, handle: ["q", value.maxlen, _items("l", value, handle)],
    collections.OrderedDict: lambda value, handle: ["o", _mapping(value, handle, collections.OrderedDict)],
    collections.Counter: lambda value, handle: ["C", _mapping(value, handle)],
    types.MappingProxyType: lambda value, handle: ["mp", _mapping(dict(value), handle)],
    memoryview: lambda value, _: ["mv", value.tobytes().hex()],
    collections.ChainMap: lambda value, handle: ["cm", _items("l", value.maps, handle)],
    collections.UserDict: lambda value, handle: ["ud", _mapping(dict(value), handle)],
    collections.UserList: lambda value, handle: ["ul", _items("l", value, handle)],
    collections.UserString: lambda value, _: ["us", str(value)],
    type(NotImplemented): lambda _value, _handle: ["N"],
    type(Ellipsis): lambda _value, _handle: ["E"],
    type: lambda value, handle: ["ty", BUILTIN_TYPES[value]] if value in BUILTIN_TYPES else handle(value),
    type({}.keys()): lambda value, handle: ["vk", _items("l", value, handle)],
    type({}.values()): lambda value, handle: ["vv", _items("l", value, handle)],
    type({}.items()): lambda value, handle: ["vi", _mapping(dict(value), handle)],
    type(collections.OrderedDict().keys()): lambda value, handle: ["vk", _items("l", value, handle)],
    type(collections.OrderedDict().values()): lambda value, handle: ["vv", _items("l", value, handle)],
    type(collections.OrderedDict().items()): lambda value, handle: ["vi", _mapping(dict(value), handle)],
    slice: lambda value, handle: ["sl", *[_encode(part, handle) for part in (value.start, value.stop, value.step)]],
}
INHERITED = [
    (base, ENCODERS[base])
    for base in (
        *(collections.Counter, collections.OrderedDict, list, tuple, dict, set, frozenset, int, float, str, bytes),
        *(bytearray, complex, decimal.Decimal, fractions.Fraction),
        *(dt.datetime, dt.date, dt.time, dt.timedelta, collections.deque, *WRAPPERS),
    )
]


def _decode(encoded: Encoded, resolve: Callable[[list[Any]], Any] | None) -> Any:
    if type(encoded) is not list:
        if type(encoded) is dict:
            raise Unfit("a JSON object is not a value")
        return encoded
    tag = encoded[0]
    decoder = DECODERS.get(tag)
    if decoder is not None:
        return decoder(encoded, resolve)
    if resolve is None:
        raise Unfit("a value of no plain type")
    return resolve(encoded)


def _plain(encoded: list[Any], _: object) -> list[Any]:
    items = encoded[1]
    if type(items) is not list or not set(map(type, items)) <= ATOMS:
        raise Unfit("a list of atoms holds something else")
    return items.copy()


def _each(encoded: list[Any], resolve: Callable[[list[Any]], Any] | None) -> list[Any]:
    return [_decode(item, resolve) for item in encoded[1:]]


def _pairs(encoded: list[Any], resolve: Callable[[list[Any]], Any] | None) -> dict[Any, Any]:
    keys, held = _as(list, encoded[1], resolve), _as(list, encoded[2], resolve)
    return dict(zip(_distinct(keys), held, strict=True))


def _distinct(items: list[Any]) -> list[Any]:
    """Refuse items that were chosen for having one hash: a set of them takes quadratic time."""
    if len(items) > MANY_EQUAL and max(collections.Counter(map(hash, items)).values()) > MANY_EQUAL:
        raise Unfit("too many items of a set or mapping have one hash")
    return items


def _fraction(numerator: int, denominator: int) -> fractions.Fraction:
    if numerator.bit_length() * denominator.bit_length() > MAX_FRACTION_BITS:
        raise Unfit("a fraction of too many digits")
    return fractions.Fraction(numerator, denominator)


def _as(kind: type, encoded: Encoded, resolve: Callable[[list[Any]], Any] | None = None) -> Any:
    """Decode what must be of one type. A number as text, say, could be one that takes hours to write out."""
    value = _decode(encoded, resolve)
    if type(value) is not kind:
        raise Unfit(f"a value of another type than {kind.__name__}")
    return value


DECODERS: dict[str, Callable[[list[Any], Callable[[list[Any]], Any] | None], Any]] = {
    "L": _plain,
    "T": lambda encoded, resolve: tuple(_plain(encoded, resolve)),
    "S": lambda encoded, resolve: set(_distinct(_plain(encoded, resolve))),
    "F": lambda encoded, resolve: frozenset(_distinct(_plain(encoded, resolve))),
    "l": _each,
    "t": lambda encoded, resolve: tuple(_each(encoded, resolve)),
    "s": lambda encoded, resolve: set(_distinct(_each(encoded, resolve))),
    "f": lambda encoded, resolve: frozenset(_distinct(_each(encoded, resolve))),
    "d": _pairs,
    "i": lambda encoded, _: int(encoded[1], 16),
    "b": lambda encoded, _: bytes.fromhex(encoded[1]),
    "B": lambda encoded, _: bytearray.fromhex(encoded[1]),
    "c": lambda encoded, _: complex(encoded[1], encoded[2]),
    "ra": lambda encoded, resolve: range(*_each(encoded, resolve)),
    "fr": lambda encoded, _: _fraction(_as(int, encoded[1]), _as(int, encoded[2])),
    "D": lambda encoded, _: decimal.Decimal(_as(str, encoded[1])),
    "dt": lambda encoded, _: dt.datetime.fromisoformat(encoded[1]),
    "da": lambda encoded, _: dt.date.fromisoformat(encoded[1]),
    "ti": lambda encoded, _: dt.time.fromisoformat(encoded[1]),
    "td": lambda encoded, _: dt.timedelta(encoded[1], encoded[2], encoded[3]),
    "tz": lambda encoded, _: dt.timezone(dt.timedelta(*encoded[1:4]), str(encoded[4])),
    "dd": lambda encoded, resolve: collections.defaultdict(
        _decode(encoded[1], resolve) if type(encoded[1]) is list else NAMED_TYPES[encoded[1]],
        _as(dict, encoded[2], resolve),
    ),
    "q": lambda encoded, resolve: collections.deque(_as(list, encoded[2], resolve), encoded[1]),
    "o": lambda encoded, resolve: collections.OrderedDict(_as(dict, encoded[1], resolve)),
    "C": lambda encoded, resolve: collections.Counter(_as(dict, encoded[1], resolve)),
    "mp": lambda encoded, resolve: types.MappingProxyType(_as(dict, encoded[1], resolve)),
    "mv": lambda encoded, _: memoryview(bytes.fromhex(encoded[1])),
    "cm": lambda encoded, resolve: collections.ChainMap(*_as(list, encoded[1], resolve)),
    "ar": lambda encoded, _: library_values.make("ar", [_as(str, encoded[1]), _plain(["L", encoded[2]], _)]),
    "rn": lambda encoded, resolve: library_values.make("rn", _each(encoded, resolve)),
    "xe": lambda encoded, resolve: library_values.make("xe", _each(encoded, resolve)),
    "ud": lambda encoded, resolve: collections.UserDict(_as(dict, encoded[1], resolve)),
    "ul": lambda encoded, resolve: collections.UserList(_as(list, encoded[1], resolve)),
    "us": lambda encoded, _: collections.UserString(_as(str, encoded[1])),
    "N": lambda _encoded, _resolve: NotImplemented,
    "E": lambda _encoded, _resolve: ...,
    "ty": lambda encoded, _: NAMED_TYPES[encoded[1]],
    "vk": lambda encoded, resolve: dict.fromkeys(_distinct(_as(list, encoded[1], resolve))).keys(),
    "vv": lambda encoded, resolve: dict(enumerate(_as(list, encoded[1], resolve))).values(),
    "vi": lambda encoded, resolve: _as(dict, encoded[1], resolve).items(),
    "tx": lambda encoded, _: getattr(importlib.import_module(BY_TEXT[encoded[1]]), encoded[1])(_as(str, encoded[2])),
    "sl": lambda encoded, resolve: slice(*_each(encoded, resolve)),
}
