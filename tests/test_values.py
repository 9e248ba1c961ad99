"""Values that cross: what is sent arrives with its type and value; what is forged arrives as `Unfit`, and in time."""

# ruff: noqa: DTZ001, E501 - naive dates are values too; tables

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import enum
import fractions
import math
import random
import time
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from reward_server.runner import values


def through(value: Any) -> Any:
    return values.decode(values.loads(values.dumps(values.encode(value))))


class Whole(int): ...


class Text(str):
    __slots__ = ()


class Items(list[Any]): ...


class Pair(NamedTuple):
    left: int
    right: int


class Colour(enum.IntEnum):
    RED = 3


PLAIN = [
    *(None, True, False, 0, -1, 2**62, -(2**64), 10**3000, -(10**5000), 1 << 8192, (1 << 8193) + 1),
    *(0.0, -0.0, 1.5, 1e308, 5e-324, math.inf, -math.inf, 1j, complex(-0.0, 2)),
    *("", "text", "\x00\n\u2028", "\ud800", "😀", b"", b"\x00\xff", bytearray(b"ab")),
    *([], (), [1, [2, (3,)]], (1,), ((),), [None, "a", 1.0, True], {1, 2}, frozenset({"a"}), {(1, "x")}, set(), frozenset()),
    *({}, {"a": 1}, {1: {2: [3]}}, {None: 0, (1, "a"): [2]}, {1.5: b"x"}),
    *(range(3), range(5, -5, -2), slice(1, None, 2), ..., NotImplemented),
    *(Decimal("1.10"), Decimal("-Infinity"), Decimal("1E+999"), fractions.Fraction(-7, 3)),
    *(dt.date(2024, 2, 29), dt.datetime(2024, 1, 2, 3, 4, 5, 6), dt.time(1, 2, 3), dt.timedelta(-1, 2, 3)),
    dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))),
    *(collections.deque([1, 2], 5), collections.deque(), collections.OrderedDict(b=1, a=2), collections.Counter("aab")),
]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    PLAIN,
    ids=lambda value: (
        f"{type(value).__name__}-{str(value)[:20]!r}" if not isinstance(value, int) else f"int-{value.bit_length()}"
    ),
)
def test_a_value_arrives_as_it_was_sent(value: Any) -> None:  # fmt: skip
    arrived = through(value)
    assert type(arrived) is type(value)
    assert arrived == value
    if not isinstance(value, int | set | frozenset):  # a set may come apart in another order
        assert repr(arrived) == repr(value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [(Whole(3), 3), (Text("a"), "a"), (Items([1]), [1]), (Pair(1, 2), (1, 2)), (Colour.RED, 3), ([Whole(2)], [2])],
)  # fmt: skip
def test_a_subclass_arrives_as_the_builtin(value: Any, plain: Any) -> None:
    """Its operators stay at home: they could equal everything."""
    arrived = through(value)
    assert type(arrived) is type(plain)
    assert arrived == plain
    assert all(type(item) in (int, list) for item in arrived) if isinstance(plain, list) else True


def test_a_subclass_cannot_lie_about_what_it_holds() -> None:
    class Liar(int):
        def __index__(self) -> int:
            return 7

        def __int__(self) -> int:
            return 7

    assert through(Liar(3)) == 3


def test_not_a_number_and_minus_zero_arrive() -> None:
    assert math.isnan(through(math.nan))
    assert math.copysign(1, through(-0.0)) == -1


def test_the_order_of_a_mapping_arrives() -> None:
    assert list(through({"b": 1, "a": 2, 3: 0})) == ["b", "a", 3]


@pytest.mark.parametrize(
    "value", [object(), len, lambda: 1, (n for n in "a"), [object()], {"a": object()}, Whole, math]
)
def test_what_has_no_plain_form_is_unfit(value: Any) -> None:
    with pytest.raises(values.Unfit, match="cannot be passed"):
        values.encode(value)


def test_what_is_cyclic_or_deep_is_unfit() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (cyclic, deep):
        with pytest.raises(values.Unfit):
            values.dumps(values.encode(value))


HOSTILE = [
    *([], [[]], [None], [1], ["x"], ["h", 1, "function", None], ["r", 1], ["L"], ["L", 1], ["L", [[1]]], ["L", {"a": 1}]),
    *({}, {"a": 1}, ["T"], ["T", "ab"], ["S", [[1]]], ["d"], ["d", ["L", [1]]], ["d", ["L", [1]], ["L", []]], ["d", 1, 2]),
    *(["d", ["l", ["L", []]], ["L", [1]]], ["s", ["L", [1]]], ["f", ["d", ["L", []], ["L", []]]], ["i"], ["i", 5], ["i", "zz"]),
    *(["b", 1], ["b", "zz"], ["b"], ["B", None], ["c", 1], ["c", "1", 2], ["c", [], []], ["ra"], ["ra", 1.5], ["ra", 1, 2, 0]),
    *(["fr", 1, 0], ["fr", "1/3"], ["fr", "1e9"], ["fr", 1.5, 2], ["fr", ["D", "1"], 2], ["fr"], ["fr", True, 2], ["D", "x"], ["D", []]),
    *(["D", 5], ["D", 1.5], ["D", [0, [1], 2]], ["dt", 5], ["dt", "x"], ["da", None], ["ti", "25:00"], ["td", 1e308, 0, 0], ["td", "1", 2, 3]),
    *(["td"], ["q", "a", ["L", []]], ["q", -1, ["L", []]], ["q", None, 5], ["q", None, "ab"], ["o", 5], ["o", "ab"], ["o", ["L", [1]]]),
    *(["C", 5], ["C", "aab"], ["C", ["L", [1, 1]]], ["sl", 1, 2, 3, 4], ["sl"], ["L", [1], 2, ["x"]][:1], [["L", []]]),
]  # fmt: skip


@pytest.mark.parametrize("encoded", HOSTILE, ids=str)
def test_what_was_never_encoded_is_unfit(encoded: Any) -> None:
    """And nothing but `Unfit`: the server decodes what a submission wrote."""
    with pytest.raises(values.Unfit):
        values.decode(encoded)


@pytest.mark.parametrize(
    "text", [b"", b"[", b"nul", b"\xff", b"1 2", b"[1],", b"[" * 100_000, b"9" * 5000, b"{'a': 1}"]
)
def test_what_is_no_json_is_unfit(text: bytes) -> None:
    with pytest.raises(values.Unfit):
        values.loads(text)


@pytest.mark.parametrize(
    "encoded",
    [
        ["fr", "1e999999999"],
        ["fr", 1, "1e999999999"],
        ["D", "1e999999999"],
        ["S", [n * (2**61 - 1) for n in range(40_000)]],
        ["F", [n * (2**61 - 1) for n in range(40_000)]],
        ["d", ["L", [n * (2**61 - 1) for n in range(40_000)]], ["L", [0] * 40_000]],
        ["s", *[["T", [n * (2**61 - 1), 1]] for n in range(20_000)]],
        ["L", [0] * 500_000],
        ["i", "f" * 1_000_000],
        ["fr", *[["i", random.Random(seed).randbytes(400_000).hex()] for seed in (1, 2)]],
        ["fr", ["i", "7" * 2_000_000], ["i", "3" * 40_000]],
        ["S", [part for n in range(20_000) for part in (n, (n + 1) * (2**61 - 1))]],
        ["vk", ["L", [n * (2**61 - 1) for n in range(40_000)]]],
        ["C", ["d", ["L", [n * (2**61 - 1) + 7 for n in range(40_000)]], ["L", [1] * 40_000]]],
        ["s", *[["D", f"{n * (2**61 - 1)}"] for n in range(20_000)]],
        ["s", *[["T", [-1 - (n >> bit & 1) for bit in range(14)]] for n in range(1 << 14)]],
        ["s", *[["f", ["L", [0]], ["fr", n * (2**61 - 1), 1]] for n in range(10_000)]],
    ],
    ids=[
        "fraction",
        "denominator",
        "decimal",
        "set",
        "frozenset",
        "mapping",
        "tuples",
        "long",
        "digits",
        "gcd",
        "gcd_2",
        "half",
        "keys",
        "counter",
        "decimals",
        "minus_one",
        "nested",
    ],
)
def test_a_value_is_decoded_in_time(encoded: Any) -> None:
    """A megabyte that takes minutes to decode would stop the server for all.

    Red without the guards: `Fraction` multiplied out the power, and sets of numbers of one hash took quadratic time.
    """
    began = time.process_time()
    with contextlib.suppress(values.Unfit):
        values.decode(encoded)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "value",
    [
        {2**k for k in range(6000)},
        {-(2**k): k for k in range(6000)},
        {(x, y) for x in range(-50, 50) for y in range(-50, 50)},
        {float(n) for n in range(-5000, 5000)},
        {1 / n for n in range(1, 5000)},
        {fractions.Fraction(n, 7) for n in range(5000)},
        fractions.Fraction(math.factorial(2000), 3**9000),
        fractions.Fraction(math.factorial(20_000), 7),
    ],
    ids=["powers", "negative_powers", "grid", "floats", "inverses", "fractions", "long_fraction", "long_numerator"],
)
def test_honest_sets_and_fractions_cross(value: Any) -> None:
    assert through(value) == value


def test_random_structures_survive() -> None:
    draw = random.Random(7)

    def make(depth: int) -> Any:
        if depth == 0 or draw.random() < 0.3:
            return draw.choice([None, True, 0, -5, 2**80, 1.5, "é", "", b"x", Decimal("1.5")])
        items = [make(depth - 1) for _ in range(draw.randrange(4))]
        kind = draw.choice(["list", "tuple", "dict", "set"])
        if kind == "list":
            return items
        if kind == "tuple":
            return tuple(items)
        if kind == "dict":
            return dict(zip(range(len(items)), items, strict=True))
        return {repr(item) for item in items}

    for _ in range(300):
        value = make(5)
        assert through(value) == value


def test_random_messages_decode_or_are_unfit() -> None:
    draw = random.Random(8)
    tags = [*values.DECODERS, "h", "r", "?"]

    def make(depth: int) -> Any:
        if depth == 0 or draw.random() < 0.3:
            return draw.choice([None, True, 0, -5, 2**80, 1.5, "é", "ff", {"a": 1}, "L"])
        return [draw.choice(tags), *[make(depth - 1) for _ in range(draw.randrange(4))]]

    decoded = 0
    for _ in range(5000):
        try:
            values.decode(make(4))
        except values.Unfit:
            continue
        decoded += 1
    assert decoded > 100
