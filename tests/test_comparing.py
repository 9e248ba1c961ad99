"""Comparison of what was answered with what was expected."""

from __future__ import annotations

import math
import random
import time
from decimal import Decimal
from typing import Any

import pytest

from reward_server.judging.comparing import (
    alike,
    close,
    close_tokens,
    close_value,
    same_items,
    same_text,
    same_tokens,
    same_value,
)


@pytest.mark.parametrize(
    ("expected", "actual", "tokens", "text"),
    [
        ("1 2\n", "1 2\n", True, True),
        ("1 2\n", "1 2", True, True),
        ("1 2", "1 2\n", True, True),
        ("1 2\n", "1 2\n\n", True, False),
        ("1 2", " 1\n\t2 ", True, False),
        ("1 2", "12", False, False),
        ("", "", True, True),
        ("", "\n", True, True),
        ("", " ", True, False),
        ("a", "A", False, False),
        ("1", "1.0", False, False),
        ("a\r\nb", "a\nb", True, False),
    ],
)
def test_text(expected: str, actual: str, tokens: bool, text: bool) -> None:
    assert same_tokens(expected, actual) is tokens
    assert same_text(expected, actual) is text


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance", "same"),
    [
        ("1.0", "1.0000001", 1e-6, True),
        ("1.0", "1.00001", 1e-6, False),
        ("1e9", "1000000100", 1e-6, True),  # relative where the expected number is large
        ("0", "0.0000001", 1e-6, True),  # absolute where it is small
        ("yes 1.5", "yes 1.4999999999", 1e-6, True),
        ("yes 1.5", "no 1.5", 1e-6, False),
        ("1 2", "1", 1e-6, False),
        ("nan", "nan", 1e-6, True),
        ("nan", "NaN", 1e-6, True),
        ("1", "nan", 1e-6, False),
        ("nan", "1", 1e-6, False),
        ("inf", "inf", 1e-6, True),
        ("inf", "-inf", 1e-6, False),
        ("1", "inf", 1.0, False),
        ("a", "nan", 1.0, False),
        ("1", "0x1", 1.0, False),
        ("5", "5", 0.0, True),
    ],
)
def test_tokens_within_a_tolerance(expected: str, actual: str, tolerance: float, same: bool) -> None:
    assert close_tokens(expected, actual, tolerance) is same


def test_the_tolerance_is_relative_to_the_expected_number_only() -> None:
    """Else an answer of 1e300 would be close to anything."""
    assert not close(1.0, 1e300, 1e-6)
    assert not close(1e-3, 1e300, 1.0)
    assert not close(1e308, -1e308, 0.5)


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ([1, 2], (1, 2), True),
        ([[1], []], ((1,), ()), True),
        ([1, 2], [2, 1], False),
        ([1], {1}, False),
        ([], {}, False),
        ({}, [], False),
        ({"1": "a"}, {1: "a"}, True),
        ({"true": 1, "null": 2}, {True: 1, None: 2}, True),
        ({"1.5": 1}, {1.5: 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"1": 1}, {1: 1, "1": 1}, False),
        ({"a": 1}, {10**5000: 1}, False),
        (1, 1.0, True),
        (1, True, True),
        (0, None, False),
        (0, "", False),
        ("1", 1, False),
        (1, "1", False),
        ("a", b"a", False),
        (None, None, True),
        (None, False, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        ([math.nan], [math.nan], True),
        (1, Decimal(1), False),
        (2**60, float(2**60), True),
        (10**400, 1e308, False),
    ],
)
def test_values(expected: Any, actual: Any, same: bool) -> None:
    assert same_value(expected, actual) is same
    assert same_items([expected], [actual]) is same  # the look-up agrees with the comparison


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ([1.0, {"a": [2]}], (1.0000001, {"a": (2.0000001,)}), True),
        ([1.0], [1.1], False),
        (10**400, 10**400, True),
        (10**400, 1.0, False),
        (1.0, 10**400, False),
        ("1.0", 1.0, False),
        (math.inf, 1e308, False),
        (1, True, True),
    ],
)
def test_values_within_a_tolerance(expected: Any, actual: Any, same: bool) -> None:
    assert close_value(expected, actual, 1e-6) is same


def test_items_in_any_order() -> None:
    assert same_items([1, "a", [2], None, {"x": [1]}], [{"x": (1,)}, None, (2,), "a", 1.0])
    assert same_items([1, 1, 2], [2, 1, 1])
    assert not same_items([1, 1, 2], [1, 2, 2])
    assert not same_items([1, 2], [1, 2, 2])
    assert same_items([1, 2], {2, 1})
    assert not same_items([1, [2]], [1, {2}])
    assert not same_items([[1]], [{10**5000}])
    assert same_items(5, 5)
    assert not same_items("ab", ["a", "b"])
    assert same_items([math.nan, "nan"], ["nan", math.nan])


def test_items_agree_with_a_plain_search() -> None:
    draw = random.Random(3)
    pool = [0, 1, 1.0, True, "1", None, (1,), [1], [], {"a": 1}, {"a": 1.0}, math.nan, "nan"]
    for _ in range(2000):
        expected = [draw.choice(pool) for _ in range(draw.randrange(5))]
        expected = [list(item) if isinstance(item, tuple) else item for item in expected]
        actual = [draw.choice(pool) for _ in range(len(expected))]
        left, found = list(expected), True
        for item in actual:
            at = next((at for at, candidate in enumerate(left) if alike(candidate, item, None)), None)
            if at is None:
                found = False
                break
            del left[at]
        assert same_items(expected, actual) is found, (expected, actual)


def test_long_answers_are_compared_in_time() -> None:
    """The server compares on its event loop. Red with a search of each item in turn: 200,000 of them take an hour."""
    items = list(range(200_000))
    began = time.process_time()
    assert same_items(items, items[::-1])
    assert not same_items(items, [n * (2**61 - 1) for n in items])
    assert same_value(items, items)
    assert time.process_time() - began < 5
