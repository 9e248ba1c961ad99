"""What stands against a pass: whether an exception of the submission was seen by a handler of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from reward_server.runner.evidence import Evidence


@pytest.fixture
def evidence() -> Evidence:
    made = Evidence()
    made.files, made.expected = frozenset({Path(__file__).name}), frozenset({"StopIteration"})
    return made


def raises() -> None:
    raise StopIteration


def catches() -> StopIteration:
    try:
        raises()
    except StopIteration as error:
        return error
    raise AssertionError


def test_what_no_handler_has_seen_was_swallowed(evidence: Evidence) -> None:
    """Where the interpreter ends a loop by it, the outermost frame of the traceback is one without a handler."""
    error = catches()
    assert not evidence.was_swallowed(error)
    assert error.__traceback__ is not None
    assert evidence.was_swallowed(error.with_traceback(error.__traceback__.tb_next))


def test_who_takes_the_traceback_off_has_seen_the_exception(evidence: Evidence) -> None:
    with pytest.raises(StopIteration) as caught:
        raises()
    assert not evidence.was_swallowed(caught.value.with_traceback(None))


def test_a_handler_of_the_library_has_not_seen_it_for_the_test(evidence: Evidence) -> None:
    """`collections.abc.Sequence` ends its loop at an IndexError."""
    error = catches()
    evidence.files = frozenset()
    assert evidence.was_swallowed(error)


def test_an_exception_that_the_test_does_not_name_is_none_that_it_expects(evidence: Evidence) -> None:
    evidence.note_raised(catches(), "call", (1,))
    assert evidence.against() is None
    evidence.note_raised(KeyError(1), "call", (1,))
    assert evidence.against() is not None


def test_of_many_exceptions_none_is_forgotten(evidence: Evidence) -> None:
    error = catches()
    assert error.__traceback__ is not None
    evidence.note_raised(error.with_traceback(error.__traceback__.tb_next), "call", (1,))
    for _ in range(2000):
        evidence.note_raised(catches(), "call", (1,))
    assert evidence.against() is not None
