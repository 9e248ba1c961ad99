"""Compares a value that a submission returned with the one that was expected, which JSON holds.

A list stands for a tuple too. Numbers are equal where Python says so, whatever their types; those of a decoded answer
are the language's own. Time grows with the answer's length alone, whatever is in it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from typing import Any, Final, TypeGuard

Number = int | float | complex | Decimal | Fraction
NUMBERS: Final = (int, float, complex, Decimal, Fraction)
COLLECTIONS: Final = (list, tuple, set, frozenset)
JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,999})(\.[0-9]{1,999})?([eE][+-]?[0-9]{1,4})?")
DIGEST_BYTES: Final = 16
LONGEST_DECIMAL: Final = 5000
"""Digits of a `Decimal` before its point, up to which it is written out as an integer."""


def same_value(expected: Any, actual: Any) -> bool:
    """Equal as JSON holds values: a list and a tuple alike, keys by their JSON text."""
    return alike(expected, actual, None)


def close_value(expected: Any, actual: Any, tolerance: float) -> bool:
    """The same, where numbers may differ within the tolerance."""
    return alike(expected, actual, tolerance)


def same_items(expected: Any, actual: Any) -> bool:
    """The same items in any order; for what is no collection, equal."""
    if not isinstance(expected, list) or not isinstance(actual, COLLECTIONS):
        return same_value(expected, actual)
    if len(expected) != len(actual):
        return False
    return Counter(map(canonical, expected)) == Counter(map(canonical, actual))


def same_nested_items(expected: Any, actual: Any) -> bool:
    """The same, where the items of collections within are in any order too."""
    return canonical(expected, unordered=True) == canonical(actual, unordered=True)


def alike(expected: Any, actual: Any, tolerance: float | None) -> bool:
    if is_number(expected) and is_number(actual):
        return equal_numbers(expected, actual) if tolerance is None else close(expected, actual, tolerance)
    if isinstance(expected, list):
        return (
            isinstance(actual, list | tuple)
            and len(expected) == len(actual)
            and all(alike(*pair, tolerance) for pair in zip(expected, actual, strict=True))
        )
    if isinstance(expected, dict):
        pairs = paired(expected, actual) if isinstance(actual, dict) else None
        return pairs is not None and all(alike(*pair, tolerance) for pair in pairs)
    return type(expected) is type(actual) and bool(expected == actual)


def is_number(value: Any) -> TypeGuard[Number]:
    return isinstance(value, NUMBERS)


def equal_numbers(expected: Number, actual: Number) -> bool:
    """As Python compares them, except that NaN equals NaN."""
    try:
        return bool(expected == actual) or bool(expected != expected and actual != actual)  # noqa: PLR0124
    except ArithmeticError:  # a signaling NaN
        return False


def close(expected: Number, actual: Number, tolerance: float) -> bool:
    """Within the tolerance, absolute or relative to the expected number. NaN is close to NaN."""
    if isinstance(expected, complex) or isinstance(actual, complex):
        return equal_numbers(expected, actual)
    try:
        expected, actual = (
            float(each) if isinstance(each, Decimal | Fraction) else each for each in (expected, actual)
        )
    except (ValueError, OverflowError):  # a signaling NaN, or a fraction beyond the floats
        return False
    if expected != expected or actual != actual:  # noqa: PLR0124 an int may be too large for isnan()
        return expected != expected and actual != actual  # noqa: PLR0124
    if expected == actual or math.inf in (abs(expected), abs(actual)):
        return expected == actual
    try:
        return abs(float(expected) - float(actual)) <= tolerance * max(1.0, abs(float(expected)))
    except OverflowError:  # an integer beyond the floats
        wanted = Fraction(expected)
        return abs(wanted - Fraction(actual)) <= Fraction(tolerance) * max(Fraction(1), abs(wanted))


def paired(expected: dict[str, Any], actual: dict[Any, Any]) -> list[tuple[Any, Any]] | None:
    """The values of both, key by key; None where the keys differ.

    JSON has keys of text alone: `"1"` stands for 1 too, and `"1.5"` and `"1.50"` for 1.5.
    """
    if len(expected) != len(actual):
        return None
    by_number = {key: value for key, value in actual.items() if is_written_as_number(key)}
    by_text = {json_key(key): value for key, value in actual.items() if not is_written_as_number(key)}
    pairs = []
    for text, value in expected.items():
        held, key = (by_text, text) if text in by_text else (by_number, number_of(text))
        if key not in held:
            return None
        pairs.append((value, held.pop(key)))
    return pairs


def is_written_as_number(key: Any) -> bool:
    """JSON writes truth values, NaN and infinities as words."""
    return is_number(key) and not isinstance(key, bool) and not (isinstance(key, float) and not math.isfinite(key))


def number_of(text: str) -> int | float | None:
    """The number that a key stands for."""
    found = JSON_NUMBER.fullmatch(text)
    if found is None:
        return None
    return float(text) if found[1] or found[2] else int(text)


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


def canonical(value: Any, *, unordered: bool = False) -> bytes:
    """A text that an expected value and an answer share where `same_value` says that they are equal; `unordered`: or
    would be in another order.

    Texts are looked up and not values, as numbers can be chosen to have one hash. No expected value has the text of one
    that JSON cannot hold.
    """
    if is_number(value):
        return b"n" + number_text(value)
    if isinstance(value, str):
        return b"s" + value.encode("utf-8", "surrogatepass")
    if value is None:
        return b"0"
    if isinstance(value, dict):
        pairs = [(str(json_key(key)).encode("utf-8", "surrogatepass"), held) for key, held in value.items()]
        return digest(b"d", sorted(digest(b"p", [key, canonical(held, unordered=unordered)]) for key, held in pairs))
    if isinstance(value, COLLECTIONS if unordered else list | tuple):
        items = [canonical(item, unordered=unordered) for item in value]
        return digest(b"l", sorted(items) if unordered else items)
    return b"?"


def digest(tag: bytes, parts: list[bytes]) -> bytes:
    made = blake2b(tag, digest_size=DIGEST_BYTES)
    for part in parts:
        made.update(b"%d " % len(part) + part)
    return tag + made.digest()


def number_text(value: Number) -> bytes:
    """The same for numbers that are equal."""
    if isinstance(value, complex):
        return number_text(value.real) if not value.imag else repr(value).encode()
    if isinstance(value, Fraction) and value.denominator == 1:
        value = value.numerator
    if isinstance(value, int):
        return b"%x" % value
    if value.is_integer() if isinstance(value, float) else is_short_integer(value):
        return b"%x" % int(value)
    near = as_float(value)
    return b"%x/%x" % near.as_integer_ratio() if isinstance(near, Fraction) else repr(near).encode()


def is_short_integer(value: Decimal | Fraction) -> bool:
    """Whether it is an integer that takes no long time to write out."""
    if not isinstance(value, Decimal) or not value.is_finite() or value.adjusted() > LONGEST_DECIMAL:
        return False
    return value == value.to_integral_value()


def as_float(value: float | Decimal | Fraction) -> float | Decimal | Fraction:
    """The float that it equals; itself if it equals none."""
    try:
        near = float(value)
        exact = near == value or value != value  # noqa: PLR0124
    except (ValueError, ArithmeticError):  # a signaling NaN, or a fraction beyond the floats
        return value
    return near if exact else value
