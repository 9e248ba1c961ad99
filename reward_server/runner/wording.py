"""Values in words, for the messages of results: of bounded length, from the beginning of a value only.

A value is never asked for its own words: what is not exactly of a type named here is shown by the name of its type. In
the judge's process it may stand for an object of the submission, which would choose the words and how long they take.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
from typing import TYPE_CHECKING, Any, Final

from reward_server.runner import arrays
from reward_server.runner.stand_ins import Opaque

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST_CHARS: Final = 120
MOST_DEPTH: Final = 4
MOST_COMPARED: Final = 10_000
"""Items among which the first difference is looked for."""
MOST_DIFFERENCE: Final = 160
EASILY_READ: Final = 40
"""Characters up to which a difference is seen without help."""
TEXTS: Final = frozenset((str, bytes, bytearray))
PLAIN: Final = TEXTS | {
    *(type(None), bool, int, float, complex, decimal.Decimal, fractions.Fraction),
    *(range, dt.datetime, dt.date, dt.time, dt.timedelta),
}
SEQUENCES: Final[dict[type, tuple[str, str]]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    collections.deque: ("deque([", "])"),
}
SETS: Final[dict[type, tuple[str, str]]] = {set: ("{", "}"), frozenset: ("frozenset({", "})")}
MAPPINGS: Final[dict[type, tuple[str, str]]] = {
    dict: ("{", "}"),
    collections.Counter: ("Counter({", "})"),
    collections.OrderedDict: ("OrderedDict({", "})"),
    collections.defaultdict: ("defaultdict({", "})"),
}


def brief(value: Any, depth: int = MOST_DEPTH) -> str:
    """A value, short enough for a message."""
    text = _words(value, depth)
    return text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "…"


def unequal(found: Any, expected: Any, said: str = "got", *, compares_items: bool = True) -> str:
    """Say of a value that it is not the expected one and, where that is hard to see, where they differ first.

    `compares_items`: values are equal if their items are, one by one.
    """
    shown, wanted = brief(found), brief(expected)
    text = f"{said} {shown} where {wanted} was expected"
    if compares_items and max(len(shown), len(wanted)) > EASILY_READ and (where := difference(found, expected)):
        return f"{text}; the first difference is {where}"
    return text


def failed(check: str, operands: Sequence[Any]) -> str:
    """Say why an assert failed, by its operator and the values of its operands."""
    match check, operands:
        case "==", [found, expected]:
            return unequal(found, expected)
        case "== turned", [expected, found]:  # the test names the expected value first
            return unequal(found, expected)
        case "", [value]:
            return f"got {brief(value)}"
        case _, [left, right] if check:
            return f"{brief(left)} {check} {brief(right)} is false"
    return ""  # the assert was not evaluated to its end


def difference(found: Any, expected: Any) -> str:
    """Name the first place where two values differ, and what is there; empty where that takes more than a look."""
    differs = _differing(found, expected, iter(range(MOST_COMPARED)), 5 * MOST_DEPTH)
    if differs is None or not differs[0]:
        return ""
    place, one, other = differs
    return f"at {place.lstrip()}: {brief(one)}, not {brief(other)}"[:MOST_DIFFERENCE]


def _differing(found: Any, expected: Any, room: Iterator[int], depth: int) -> tuple[str, Any, Any] | None:
    """The first difference: the path to it, and what is there on both sides."""
    if type(found) in PLAIN and type(expected) in PLAIN:
        return _differing_text(found, expected) if not _are_equal(found, expected) else None
    if type(found) is not type(expected):
        return "", found, expected
    for place, one, other in _parts(found, expected) if depth else ():
        if next(room, None) is None:
            return None
        if (inner := _differing(one, other, room, depth - 1)) is not None:
            return f"[{brief(place)}]{inner[0]}", *inner[1:]
    if type(found) in SEQUENCES | MAPPINGS and len(found) != len(expected):
        return " (length)", len(found), len(expected)
    return None


def _differing_text(found: Any, expected: Any) -> tuple[str, Any, Any]:
    if type(found) is not str or type(expected) is not str or max(len(found), len(expected)) <= EASILY_READ:
        return "", found, expected
    shorter = min(len(found), len(expected))
    places = range(min(shorter, MOST_COMPARED))
    at = next((at for at in places if found[at] != expected[at]), shorter)
    return f"[{at}]", found[at : at + EASILY_READ], expected[at : at + EASILY_READ]


def _are_equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except ArithmeticError:  # a decimal number that signals
        return False


def _parts(found: Any, expected: Any) -> Iterator[tuple[Any, Any, Any]]:
    """The parts that two values of one type have at the same places."""
    if type(found) in SEQUENCES:
        yield from ((at, *pair) for at, pair in enumerate(zip(found, expected, strict=False)))
    elif type(found) in MAPPINGS and _has_plain_keys(found) and _has_plain_keys(expected):
        yield from ((key, found[key], value) for key, value in expected.items() if key in found)


def _has_plain_keys(mapping: Mapping[Any, Any]) -> bool:
    return len(mapping) <= MOST_COMPARED and all(type(key) in PLAIN for key in mapping)


def _words(value: Any, depth: int) -> str:
    kind = type(value)
    if kind in TEXTS:
        return repr(value[:MOST_CHARS]) + ("…" if len(value) > MOST_CHARS else "")
    if kind in PLAIN:
        try:
            return repr(value)
        except ValueError:  # an integer of more digits than Python writes
            return f"a long {kind.__name__}"
    if arrays.crosses(value) and value.size <= MOST_CHARS:
        return f"{kind.__name__}({_words(value.tolist(), depth)})"
    begin, end = (SEQUENCES | SETS | MAPPINGS).get(kind, ("", ""))
    if kind is Opaque:
        return repr(value)[:MOST_CHARS]
    if not begin or not depth:
        return f"<{kind.__name__[:MOST_CHARS]}>"
    items: Iterable[Any] = value.items() if kind in MAPPINGS else value
    text = _joined(items, depth - 1, is_mapping=kind in MAPPINGS)
    return f"{begin}{text}{',' if kind is tuple and len(value) == 1 else ''}{end}" if value else _empty(kind)


def _joined(items: Iterable[Any], depth: int, *, is_mapping: bool) -> str:
    """The first items, as many as fit."""
    parts: list[str] = []
    room = MOST_CHARS
    for item in items:
        if room < 0:
            return ", ".join([*parts, "…"])
        words = f"{_words(item[0], depth)}: {_words(item[1], depth)}" if is_mapping else _words(item, depth)
        room -= len(words) + 2
        parts.append(words)
    return ", ".join(parts)


def _empty(kind: type) -> str:
    brackets = "".join((SEQUENCES | MAPPINGS).get(kind, ""))
    return brackets if len(brackets) == 2 else f"{kind.__name__}()"
