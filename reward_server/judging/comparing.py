"""Compares what a submission answered with what was expected.

What was printed is compared as bytes: what is no UTF-8 equals no text. Time grows with the answer's length alone,
whatever its numbers are.
"""

from __future__ import annotations

import decimal
import math
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]{1,17})?")
"""ASCII decimal notation. `nan`, `inf`, `1_0`, `0x1` and digits of other scripts are words, as are numbers of a longer
exponent, which `decimal` has no room for."""
ROUNDING: Final = decimal.Context(prec=40, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[])
"""Differences are rounded to so many digits. That bounds the work where two exponents lie far apart."""


def same_tokens(expected: bytes, actual: bytes) -> bool:
    """Equal but for how ASCII white space is laid out."""
    pairs = tokens_of(expected, actual)
    return pairs is not None and pairs[0] == pairs[1]


def same_text(expected: bytes, actual: bytes) -> bool:
    """Equal, but for one line end at the end."""
    return expected.removesuffix(b"\n") == actual.removesuffix(b"\n")


def close_tokens(expected: bytes, actual: bytes, tolerance: float) -> bool:
    """Token by token, where tokens that are numbers may differ within the tolerance; others are equal."""
    within = Decimal(repr(tolerance))
    pairs = tokens_of(expected, actual)
    return pairs is not None and all(close_token(*pair, within) for pair in zip(*pairs, strict=True))


def tokens_of(expected: bytes, actual: bytes) -> tuple[list[bytes], list[bytes]] | None:
    """The tokens of both; None where they are not equally many. The longer text is not split any further than that."""
    if len(expected) > len(actual):
        pairs = tokens_of(actual, expected)
        return None if pairs is None else pairs[::-1]
    few = expected.split()
    many = actual.split(None, len(few))
    return (few, many) if len(few) == len(many) else None


def close_token(expected: bytes, actual: bytes, within: Decimal) -> bool:
    if expected == actual:
        return True
    if NUMBER.fullmatch(expected) is None or NUMBER.fullmatch(actual) is None:
        return False
    wanted, found = Decimal(expected.decode()), Decimal(actual.decode())
    room = ROUNDING.multiply(within, max(Decimal(1), ROUNDING.abs(wanted)))
    return ROUNDING.abs(ROUNDING.subtract(wanted, found)) <= room


def close(expected: float, actual: float, tolerance: float) -> bool:
    """Within the tolerance, absolute or relative to the expected number. NaN is close to NaN."""
    if expected != expected or actual != actual:  # noqa: PLR0124 an int may be too large for isnan()
        return expected != expected and actual != actual  # noqa: PLR0124
    if expected == actual or math.inf in (abs(expected), abs(actual)):
        return expected == actual
    try:
        return abs(float(expected) - float(actual)) <= tolerance * max(1.0, abs(float(expected)))
    except OverflowError:  # an integer beyond the floats
        wanted = Fraction(expected)
        return abs(wanted - Fraction(actual)) <= Fraction(tolerance) * max(Fraction(1), abs(wanted))


def same_value(expected: Any, actual: Any) -> bool:
    """Equal as JSON holds values: a list and a tuple alike, keys by their JSON text."""
    return alike(expected, actual, None)


def close_value(expected: Any, actual: Any, tolerance: float) -> bool:
    """The same, where numbers may differ within the tolerance."""
    return alike(expected, actual, tolerance)


def same_items(expected: Any, actual: Any) -> bool:
    """The same items in any order; for what is no collection, equal."""
    if not isinstance(expected, list) or not isinstance(actual, list | tuple | set | frozenset):
        return same_value(expected, actual)
    if len(expected) != len(actual):
        return False
    counts = Counter(map(canonical, expected))
    for item in actual:
        key = canonical(item)
        if not counts[key]:
            return False
        counts[key] -= 1
    return True


def canonical(value: Any) -> Any:
    """What is equal for two values exactly when `same_value` says so, and can be looked up."""
    if isinstance(value, int | float):
        return "nan" if isinstance(value, float) and math.isnan(value) else value
    if isinstance(value, list | tuple):
        return "list", *map(canonical, value)
    if isinstance(value, dict):
        return "dict", len(value), frozenset((json_key(key), canonical(held)) for key, held in value.items())
    if value is None or isinstance(value, str):
        return type(value), value
    return object()  # no JSON holds such a value: it equals nothing that is expected


def alike(expected: Any, actual: Any, tolerance: float | None) -> bool:
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        if tolerance is not None:
            return close(expected, actual, tolerance)
        return bool(expected == actual) or (expected != expected and actual != actual)  # noqa: PLR0124
    if isinstance(expected, list):
        return (
            isinstance(actual, list | tuple)
            and len(expected) == len(actual)
            and all(alike(*pair, tolerance) for pair in zip(expected, actual, strict=True))
        )
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or len(expected) != len(actual):
            return False
        by_text = {json_key(key): value for key, value in actual.items()}
        return by_text.keys() == expected.keys() and all(
            alike(value, by_text[key], tolerance) for key, value in expected.items()
        )
    return type(expected) is type(actual) and bool(expected == actual)


def json_key(key: Any) -> Any:
    """A key as JSON writes it, or what equals no text."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if not isinstance(key, int | float):
        return object()  # JSON has no such key
    if isinstance(key, float) and not math.isfinite(key):
        return "NaN" if math.isnan(key) else "Infinity" if key > 0 else "-Infinity"
    try:
        return repr(key)
    except ValueError:  # an integer of more digits than Python writes
        return object()
