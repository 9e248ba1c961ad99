"""What a case of kind `call` asks for, and whether an answer is that. An answer may have any form."""

from __future__ import annotations

from typing import Any

import pytest

from reward_server.judging.calls import asked_of, mismatch, where_raised
from tasks.schema import CallCase

QUEUE = CallCase.model_validate({"calls": [["Queue", [2]], ["push", [1]], ["pop", []]], "expected": [None, None, 1]})
IN_PLACE = CallCase(args=([3, 1],), expected=[1, 3], compare_argument=0)
FIRST_TWO = CallCase(args=([1, 1, 2],), expected=[1, 2], compare_argument=0, up_to_returned=True)


def test_expected_values_are_not_told() -> None:
    assert asked_of(CallCase(args=(1,), expected=2)) == ([1], {})
    assert asked_of(IN_PLACE) == ([[3, 1]], {}, {"argument": 0, "returned": False})
    assert asked_of(QUEUE) == ([], {}, {"calls": [["Queue", [2]], ["push", [1]], ["pop", []]]})


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        (QUEUE, [None, None, 1]),
        (IN_PLACE, [None, [1, 3]]),
        (FIRST_TWO, [2, [1, 2, 2]]),
        (FIRST_TWO, [2, [1, 2]]),
    ],
)
def test_a_right_answer(case: CallCase, answer: Any) -> None:
    assert mismatch(case, "equal", answer) is None


@pytest.mark.parametrize(
    ("case", "answer", "message"),
    [
        (QUEUE, [None, None, 2], ("call 3, `pop`, returned", 2, 1)),
        (QUEUE, [None, None], ("answered", [None, None], [None, None, 1])),
        (QUEUE, [None, None, 1, 1], ("answered", [None, None, 1, 1], [None, None, 1])),
        (QUEUE, 1, ("answered", 1, [None, None, 1])),
        (QUEUE, {"0": None}, ("answered", {"0": None}, [None, None, 1])),
        (IN_PLACE, [None, [3, 3]], ("left", [3, 3], [1, 3])),
        (IN_PLACE, [1, 3], ("left", 3, [1, 3])),
        (IN_PLACE, [None], ("answered", [None], [1, 3])),
        (IN_PLACE, None, ("answered", None, [1, 3])),
        (FIRST_TWO, [3, [1, 2]], ("returned", 3, 2)),
        (FIRST_TWO, [-1, [1, 2, 9]], ("returned", -1, 2)),
        (FIRST_TWO, [None, [1, 2]], ("returned", None, 2)),
        (FIRST_TWO, [2.0, [1, 2]], ("returned", 2.0, 2)),
        (FIRST_TWO, [2, [1]], ("left", [1], [1, 2])),
        (FIRST_TWO, [2, "12"], ("left", "12", [1, 2])),
    ],
)
def test_a_wrong_answer_says_what_was_wrong(case: CallCase, answer: Any, message: tuple[Any, ...]) -> None:
    assert mismatch(case, "equal", answer) == message
    assert mismatch(case, "unordered_nested", answer) == message


def test_each_call_of_a_sequence_compares_on_its_own() -> None:
    """In any order are the items of what a call returns, not the calls."""
    case = CallCase.model_validate({"calls": [["P", []], ["a", []], ["b", []]], "expected": [None, [1, 2], 3]})
    assert mismatch(case, "unordered", [None, [2, 1], 3]) is None
    assert mismatch(case, "unordered", [None, 3, [1, 2]])


@pytest.mark.parametrize(
    ("case", "number", "text"),
    [
        (QUEUE, 1, "call 1, `Queue`: "),
        (QUEUE, 3, "call 3, `pop`: "),
        *[(QUEUE, number, "") for number in (0, -1, 4, 10**30, None)],
        (IN_PLACE, 1, ""),
    ],
)
def test_a_message_names_the_call_that_raised(case: CallCase, number: int | None, text: str) -> None:
    assert where_raised(case, number) == text
