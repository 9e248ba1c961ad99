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
    assert same_tokens(expected.encode(), actual.encode()) is tokens
    assert same_text(expected.encode(), actual.encode()) is text


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
        ("nan", "NaN", 1e-6, False),
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
    assert close_tokens(expected.encode(), actual.encode(), tolerance) is same


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


FACTORIAL = str(math.factorial(200))


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (FACTORIAL, FACTORIAL, True),
        (FACTORIAL, "7.886578673647905e374", True),
        (FACTORIAL, str(math.factorial(200) + 1), True),
        (FACTORIAL, "7.8866e374", False),
        (FACTORIAL, "9" * 400, False),
        (FACTORIAL, "1e999", False),
        (FACTORIAL, "inf", False),
        ("1e400", "1e401", False),
        ("-" + FACTORIAL, FACTORIAL, False),
        ("0", "1e-400", True),
        ("0", "1e999999999", False),
        ("1e999999999", "1.0000001e999999999", True),
        ("1", "1e99999999999999999999", False),  # no room for that exponent: a word
        ("0", "1e-99999999999999999999", False),
        ("1", "1.000001", True),  # just as far as it may be, which binary numbers cannot say
        ("1.000001", "1", True),
        ("10", "1_0", False),
        ("1", "\u0661", False),
        ("12", "1\u0968", False),
        ("5", "\uff15", False),
        ("inf", "Infinity", False),
        ("Infinity", "infinity", False),
        ("inf", "1e999", False),
        ("Nan", "nan", False),
        ("-nan", "nan", False),
        ("16", "0x10", False),
        ("1", "1f", False),
        ("1", "1e", False),
        ("1.5", "1,5", False),
        (".5", "0.5", True),
        ("5.", "+5", True),
        ("-0", "0", True),
        ("1E3", "1000", True),
        (".", "0", False),
    ],
)
def test_numbers_are_ascii_decimals_of_any_size(expected: str, actual: str, same: bool) -> None:
    """Others are words. Red with floats: all above 1.8e308 were one infinity."""
    assert close_tokens(expected.encode(), actual.encode(), 1e-6) is same


@pytest.mark.parametrize("printed", [b"\xff", b"\xef\xbf", b"\xed\xb3\xbf", b"\xc0\x80", b"\xf5\x80\x80\x80"])
@pytest.mark.parametrize("expected", ["\ufffd", "\ufffd\ufffd", "\ufffd" * 3, "\ufffd" * 4, "", "\0"])
def test_bytes_that_are_no_text_equal_no_text(expected: str, printed: bytes) -> None:
    wanted = expected.encode()
    assert not same_tokens(wanted, printed)
    assert not same_text(wanted, printed)
    assert not close_tokens(wanted, printed, 1.0)


@pytest.mark.parametrize("space", ["\xa0", "\x1c", "\x85", "\u2003", "\u3000", "\ufeff", "\u200b"])
def test_white_space_is_that_of_ascii(space: str) -> None:
    """As for the judges of contests. Others are part of a token, in what is expected too."""
    assert not same_tokens(b"1 2", f"1{space}2".encode())
    assert not same_tokens(b"1", f"1{space}".encode())
    assert same_tokens(f"1{space}2".encode(), f" 1{space}2\v\f\r\n".encode())


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (b"5", b"9" * (1 << 20)),
        (b"5" * (1 << 20), b"9" * (1 << 20)),
        (b"1e999999999", b"-1e-999999999"),
        (b"1", b"1" * (1 << 20) + b"x"),
        (b"1", b"." * (1 << 20)),
        (b"1", b"e" * (1 << 20)),
        (b"1 1", b"1 " * (1 << 20)),
        (b"1 " * (1 << 20), b"1 1"),
    ],
)
def test_no_digits_or_exponents_cost_much(expected: bytes, actual: bytes) -> None:
    began = time.process_time()
    assert not close_tokens(expected, actual, 1e-6)
    assert time.process_time() - began < 1


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
        ({"1": "a", "1.0": "a"}, {1: "a", "1": "a"}, False),
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
