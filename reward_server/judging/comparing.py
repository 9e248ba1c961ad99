"""Compares what a submission printed with what was expected.

What was printed is compared as bytes: what is no UTF-8 equals no text. Time grows with the answer's length alone,
whatever its numbers are.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal
from typing import Final

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
