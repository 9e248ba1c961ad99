"""Examples of doctest in test code are read as test code."""

from __future__ import annotations

import pytest

from reward_server.judging.doctests import examples_of

TRACEBACK = '">>> f()\\nTraceback (most recent call last):\\n  ...\\nlib.Missing: gone\\n"'


def test_examples_in_docstrings_and_constants_are_read() -> None:
    source = 'TEXT = ">>> f(1)\\n2\\n"\ndef test():\n    """\n    >>> for x in g():\n    ...     print(x)\n    """\n'
    assert examples_of(source) == "assert (f(1))\nfor x in g():\n    print(x)\n"


def test_an_expected_exception_is_one_that_the_test_names() -> None:
    assert examples_of(TRACEBACK) == "assert (f())\nMissing\n"


@pytest.mark.parametrize("text", [">>> f(", ">>>f()", "no example", ">>> a = 1\n  >>> b", ">>> f(" + "-" * 200 + "1)"])
def test_what_is_no_example_is_left_out(text: str) -> None:
    assert "f(" not in examples_of(f"TEXT = {text!r}")
