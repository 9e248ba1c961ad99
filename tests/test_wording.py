"""Values in words: short, from their beginning only, and without asking them."""

from __future__ import annotations

import collections
import time
from decimal import Decimal
from typing import Any

import pytest

from reward_server.runner.rows import MAX_MESSAGE
from reward_server.runner.wording import MOST_CHARS, brief, difference, failed, unequal


class Speaking(list):  # type: ignore[type-arg]
    """Stands for an object that must not be asked for anything."""

    def __repr__(self) -> str:
        raise SystemExit

    __iter__ = __len__ = __eq__ = __bool__ = __getitem__ = __repr__  # type: ignore[assignment]
    __hash__ = None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        ("a'b", '"a\'b"'),
        ([1, (2,), {"a": {3}}], "[1, (2,), {'a': {3}}]"),
        ([[], (), {}, set(), frozenset()], "[[], (), {}, set(), frozenset()]"),
        (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        (collections.deque([1]), "deque([1])"),
        (Decimal("0.1"), "Decimal('0.1')"),
        ([[[[[1]]]]], "[[[[<list>]]]]"),
        ("x" * 500, repr("x" * MOST_CHARS)[:MOST_CHARS] + "…"),
        (10**5000, "a long int"),
        (Speaking(), "<Speaking>"),
        ([Speaking(), {1: Speaking()}], "[<Speaking>, {1: <Speaking>}]"),
    ],
    ids=range(12),
)
def test_a_value_is_shown_by_its_beginning(value: Any, text: str) -> None:
    assert brief(value) == text


@pytest.mark.parametrize(
    ("found", "expected", "place"),
    [
        ([1, 2, 3], [1, 5, 3], "at [1]: 2, not 5"),
        ([[1], [2, 3]], [[1], [2, 4]], "at [1][1]: 3, not 4"),
        ({"a": [1]}, {"a": [2]}, "at ['a'][0]: 1, not 2"),
        ([1, 2], [1], "at (length): 2, not 1"),
        ({"a": 1}, {"a": 1, "b": 2}, "at (length): 1, not 2"),
        (["x" * 50 + "a"], ["x" * 50 + "b"], "at [0][50]: 'a', not 'b'"),
        ([1, 2.0], [1.0, 2], ""),
        ([1], (1,), ""),
        ([Speaking(), 1], [Speaking(), 2], "at [1]: 1, not 2"),
        ([Decimal("sNaN")], [Decimal(1)], "at [0]: Decimal('sNaN'), not Decimal('1')"),
        ({Ellipsis: 1}, {Ellipsis: 2}, ""),
        (1, 2, ""),
    ],
    ids=range(12),
)
def test_the_first_difference_is_named(found: Any, expected: Any, place: str) -> None:
    assert difference(found, expected) == place


def test_a_difference_is_named_where_it_is_hard_to_see() -> None:
    assert unequal([1, 2], [1, 3]) == "got [1, 2] where [1, 3] was expected"
    long = list(range(100))
    assert unequal(long, [*long[:-1], 0]).endswith("; the first difference is at [99]: 99, not 0")
    assert "difference" not in unequal(long, long[::-1], compares_items=False)


@pytest.mark.parametrize(
    ("check", "operands", "text"),
    [
        ("==", [1, 2], "got 1 where 2 was expected"),
        ("== turned", [2, 1], "got 1 where 2 was expected"),
        ("in", [1, [2]], "1 in [2] is false"),
        ("", [None], "got None"),
        ("==", [1], ""),
        ("", [], ""),
        ("<", [1, 2, 3], ""),
    ],
)
def test_a_failed_check_shows_what_it_compared(check: str, operands: list[Any], text: str) -> None:
    assert failed(check, operands) == text


@pytest.mark.parametrize(
    "pair",
    [
        ([[0] * 10_000] * 10_000, [[0] * 10_000] * 10_000),
        ({n: n for n in range(10**6)}, {n: n for n in range(10**6)}),
        (["x" * 10**7], ["x" * 10**7 + "y"]),
        ({"k" * 1000: {"l" * 1000: {"m" * 1000: 1}}}, {"k" * 1000: {"l" * 1000: {"m" * 1000: 2}}}),
    ],
    ids=range(4),
)
def test_a_message_is_short_and_soon_there(pair: tuple[Any, Any]) -> None:
    began = time.process_time()
    assert len(unequal(*pair)) <= MAX_MESSAGE
    assert time.process_time() - began < 0.1


def test_what_holds_itself_is_shown() -> None:
    cycle: list[Any] = [1]
    cycle.append(cycle)
    other: list[Any] = [1]
    other.append(other)
    assert brief(cycle) == "[1, [1, [1, [1, <list>]]]]"
    assert difference(cycle, other) == ""
