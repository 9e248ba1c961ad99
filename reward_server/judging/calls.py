"""Compares what a case of kind `call` was answered with what it expects. Pure; an answer is hostile data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from reward_server.judging.comparing_values import alike, same_items, same_nested_items, same_value
from tasks.schema import FloatTolerance

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.schema import CallCase, Compare


class Mismatch(NamedTuple):
    """The first value that is not as expected."""

    what: str
    """What gave it, such as `returned`."""
    found: Any
    expected: Any


def asked_of(case: CallCase) -> tuple[Any, ...]:
    """What the submission gets to know of a case: arguments, and what is wanted if not what is returned."""
    if case.calls is not None:
        return [], {}, {"calls": [[name, list(arguments)] for name, arguments in case.calls]}
    if case.compare_argument is not None:
        asked = {"argument": case.compare_argument, "returned": case.up_to_returned}
        return list(case.args), case.kwargs, asked
    return list(case.args), case.kwargs


def last_call(case: CallCase) -> int | None:
    """The number of the call that is to raise, in a sequence."""
    return len(case.calls) if case.calls is not None else None


def where_raised(case: CallCase, number: int | None) -> str:
    """The call that a submission says has raised, as the beginning of a message."""
    if case.calls is None or number is None or not 1 <= number <= len(case.calls):
        return ""
    return f"call {number}, `{case.calls[number - 1][0]}`: "


def mismatch(case: CallCase, compare: Compare, answer: Any) -> Mismatch | None:
    same = comparison(compare)
    if case.calls is not None:
        return first_mismatch(case, same, answer)
    if case.compare_argument is None:
        return None if same(case.expected, answer) else Mismatch("returned", answer, case.expected)
    if not isinstance(answer, list) or len(answer) != 2:
        return Mismatch("answered", answer, case.expected)
    returned, left = answer
    if case.up_to_returned:
        if type(returned) is not int or returned != len(case.expected):
            return Mismatch("returned", returned, len(case.expected))
        left = left[:returned] if isinstance(left, list) else left
    return None if same(case.expected, left) else Mismatch("left", left, case.expected)


def first_mismatch(case: CallCase, same: Callable[[Any, Any], bool], answers: Any) -> Mismatch | None:
    """The first call of a sequence that gave something else."""
    assert case.calls is not None
    if not isinstance(answers, list) or len(answers) != len(case.calls):
        return Mismatch("answered", answers, case.expected)
    for number, ((name, _), expected, answer) in enumerate(zip(case.calls, case.expected, answers, strict=True), 1):
        if not same(expected, answer):
            return Mismatch(f"call {number}, `{name}`, returned", answer, expected)
    return None


def comparison(compare: Compare) -> Callable[[Any, Any], bool]:
    """A function of the expected value and the answer."""
    if isinstance(compare, FloatTolerance):
        return partial(alike, tolerance=compare.float)
    by_name = {"equal": same_value, "unordered": same_items, "unordered_nested": same_nested_items}
    return by_name[compare]
