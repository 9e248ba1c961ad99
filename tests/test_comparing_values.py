"""Comparison of a value that was returned with the one that was expected."""

from __future__ import annotations

import math
import random
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from reward_server.judging.comparing_values import (
    alike,
    close,
    close_value,
    same_items,
    same_nested_items,
    same_value,
)


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
        (1, Decimal(1), True),
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


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (10**400, 10**400 + 1, True),
        (10**400, 10**400 + 10**395, False),
        (10**400, math.inf, False),
        (10**400, -(10**400), False),
        (10**400, 1e308, False),
        (1e308, 10**309, False),
        (1e308, -(10**400), False),
        (math.nan, 10**400, False),
        (math.nan, 1, False),
        (-0.0, 0, True),
        (0, -0.0, True),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        ({"1": 10**400}, {1: 10**400 + 1}, True),
    ],
)
def test_large_numbers_within_a_tolerance(expected: Any, actual: Any, same: bool) -> None:
    """Red with what `float` cannot hold taken for unequal."""
    assert close_value(expected, actual, 1e-6) is same


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ({"1": "a", "2": "b"}, {1: "a", "1": "b"}, False),
        ({"1": "a", "2": "a"}, {1: "a", "1": "a"}, False),
        ({"true": 1, "null": 2}, {"true": 1, None: 2}, True),
        ({"true": 1, "1": 1}, {True: 1, "true": 1}, False),
        ({"(1, 2)": 3}, {(1, 2): 3}, False),
        ({"b'1'": 3}, {b"1": 3}, False),
        ({"NaN": 1}, {math.nan: 1}, True),
        ({"nan": 1}, {math.nan: 1}, False),
        ({"-Infinity": 1}, {-math.inf: 1}, True),
        ({"1e+16": 1}, {1e16: 1}, True),
    ],
)
def test_keys_compare_by_their_json_text(expected: Any, actual: Any, same: bool) -> None:
    assert same_value(expected, actual) is same
    assert close_value(expected, actual, 1e-6) is same
    assert same_items([expected], [actual]) is same


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (0.5, Decimal("0.5"), True),
        (0.1, Decimal("0.1"), False),  # as in Python: no float is exactly 0.1
        (3, Decimal("3.00"), True),
        (0.25, Fraction(1, 4), True),
        (0.1, Fraction(1, 10), False),
        (2, Fraction(4, 2), True),
        (2, complex(2, 0), True),
        (2, complex(2, 1), False),
        (10**400, Decimal(10**400), True),
        (10**400, Fraction(10**400), True),
        (1, Decimal("1e999999999"), False),
        (math.inf, Decimal("Infinity"), True),
        (math.inf, Decimal("1e999999999"), False),
        (math.nan, Decimal("NaN"), True),
        (math.nan, Decimal("sNaN"), False),
        (1, Decimal("sNaN"), False),
        (1, Fraction(10**5000 + 1, 10**5000), False),
        ("1", Decimal(1), False),
        (None, Decimal(0), False),
        (Decimal, 1, False),
    ],
)
def test_numbers_of_other_types_equal_where_python_says_so(expected: Any, actual: Any, same: bool) -> None:
    assert same_value(expected, actual) is same
    assert same_items([expected], [actual]) is same
    assert same_nested_items([[expected]], [[actual]]) is same


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (0.1, Decimal("0.1"), True),
        (0.3333333, Fraction(1, 3), True),
        (0.3, Fraction(1, 3), False),
        (1, Decimal("1e999999999"), False),
        (1, Decimal("sNaN"), False),
        (1, Fraction(10**5000, 3), False),
        (2, complex(2, 0), True),
        (2, complex(2.0000001, 0), False),
    ],
)
def test_numbers_of_other_types_within_a_tolerance(expected: Any, actual: Any, same: bool) -> None:
    assert close_value(expected, actual, 1e-6) is same


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ({"1.50": 1}, {1.5: 1}, True),
        ({"1": 1}, {1.0: 1}, True),
        ({"1.0": 1}, {1: 1}, True),
        ({"1e3": 1}, {1000: 1}, True),
        ({"0.5": 1}, {Fraction(1, 2): 1}, True),
        ({"1": "a", "1.0": "b"}, {1.0: "b", "1": "a"}, True),
        ({"1": "a", "1.0": "a"}, {1: "a", "x": "a"}, False),
        ({"1": 1}, {"1.0": 1}, False),
        ({"1.0": 1}, {"1": 1}, False),
        ({"1": 1}, {True: 1}, False),
        ({"01": 1}, {1: 1}, False),
        ({"1_0": 1}, {10: 1}, False),
        ({"x": 1}, {1: 1}, False),
        ({"9" * 5000: 1}, {1: 1}, False),
    ],
)
def test_keys_that_stand_for_numbers(expected: Any, actual: Any, same: bool) -> None:
    assert same_value(expected, actual) is same


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ([[1, 2], [3]], [[3], [2, 1]], True),
        ([[1, 2], [3]], [[3], [2, 2]], False),
        ([[1, 2], [3]], ((3,), {1, 2}), True),
        ([[1, 1]], [{1}], False),
        ({"a": [1, [2, 3]]}, {"a": [[3, 2], 1]}, True),
        ({"a": [1, 2]}, {"b": [2, 1]}, False),
        ([[["a"], []], "b"], ["b", [[], ["a"]]], True),
        ([[1], [2]], [[1, 2]], False),
        ([], {}, False),
        ("ab", "ba", False),
        (1, 1.0, True),
        ([[1], "1", None], [None, [1.0], "1"], True),
        ([1, [2]], [[1], 2], False),
        (["l"], [["l"]], False),
    ],
)
def test_items_in_any_order_at_any_depth(expected: Any, actual: Any, same: bool) -> None:
    assert same_nested_items(expected, actual) is same


def test_items_of_one_hash_are_compared_in_time() -> None:
    """Red with a look-up of the values themselves: multiples of 2**61 - 1 have one hash."""
    items = [n * (2**61 - 1) for n in range(100_000)]
    began = time.process_time()
    assert same_items(items, items[::-1])
    assert same_nested_items([items, items], [items[::-1], items])
    assert time.process_time() - began < 5


def test_what_json_cannot_hold_equals_nothing() -> None:
    for value in (object(), b"1", {1, 2}, ..., range(2)):
        assert not same_items([1], [value])
        assert not same_items(["1"], [value])
        assert not same_nested_items([None], [value])
