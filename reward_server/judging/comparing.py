"""Compares what a submission answered with what was expected."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any


def same_tokens(expected: str, actual: str) -> bool:
    """Equal but for how white space is laid out."""
    return expected.split() == actual.split()


def same_text(expected: str, actual: str) -> bool:
    """Equal, but for one line end at the end."""
    return expected.removesuffix("\n") == actual.removesuffix("\n")


def close_tokens(expected: str, actual: str, tolerance: float) -> bool:
    """Token by token, where tokens that are numbers may differ within the tolerance."""
    left, right = expected.split(), actual.split()
    return len(left) == len(right) and all(close_token(*pair, tolerance) for pair in zip(left, right, strict=True))


def close_token(expected: str, actual: str, tolerance: float) -> bool:
    if expected == actual:
        return True
    try:
        return close(float(expected), float(actual), tolerance)
    except ValueError:
        return False


def close(expected: float, actual: float, tolerance: float) -> bool:
    """Within the tolerance, absolute or relative to the expected number. NaN is close to NaN."""
    if math.isnan(expected) or math.isnan(actual):
        return math.isnan(expected) and math.isnan(actual)
    if math.isinf(expected) or math.isinf(actual):
        return expected == actual
    try:
        return abs(expected - actual) <= tolerance * max(1.0, abs(expected))
    except OverflowError:
        return False


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
        if tolerance is None:
            both_nan = expected != expected and actual != actual  # noqa: PLR0124 an int may be too large for isnan()
            return expected == actual or both_nan
        try:
            return expected == actual or close(float(expected), float(actual), tolerance)
        except OverflowError:
            return False
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
    """A key as JSON writes it."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None:
        return "null"
    try:
        return repr(key)
    except ValueError:  # an integer of more digits than Python writes
        return key
