"""Comparison of what was printed with what was expected."""

from __future__ import annotations

import math
import time

import pytest

from reward_server.judging.comparing import close_tokens, same_text, same_tokens


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
