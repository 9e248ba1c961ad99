"""A submission may define its entry point as a function or as a method: which of the two counts, and that none is made up."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

import types
from typing import Any

import pytest

from reward_server.runner import entry

FUNCTION = "def plus(a, b): return a + b\n"
METHOD = "class Solution:\n    def plus(self, a, b): return a + b\n"
WRONG_FUNCTION = "def plus(a, b): return 0\n"
WRONG_METHOD = "class Solution:\n    def plus(self, a, b): return 0\n"


def called(source: str, entry_point: str, setup: str = "") -> Any:
    """What the entry point gives for 1 and 2; None if the submission does not define it."""
    module = types.ModuleType("solution")
    exec(setup, module.__dict__)
    given = dict(vars(module))
    exec(source, module.__dict__)
    found = entry.find(module, entry_point, given)
    method = entry_point.partition(".")[2]
    return found and (entry.method_of(found, method) if method else found)(1, 2)


@pytest.mark.parametrize("entry_point", ["plus", "Solution.plus"])
@pytest.mark.parametrize(
    "source",
    [
        FUNCTION,
        METHOD,
        "plus = lambda a, b: a + b",
        "class Solution:\n    @staticmethod\n    def plus(a, b): return a + b",
        "class Solution:\n    @classmethod\n    def plus(cls, a, b): return a + b",
        "class Base:\n    def plus(self, a, b): return a + b\nclass Solution(Base): pass",
        "class Solution:\n    def __init__(self, n): pass\n    @staticmethod\n    def plus(a, b): return a + b",
        "class Solution:\n    def plus(self, a, b): return self.both(a, b)\n    def both(self, *xs): return sum(xs)",
    ],
)
def test_either_form_counts(entry_point: str, source: str) -> None:
    assert called(source, entry_point) == 3


@pytest.mark.parametrize(
    ("entry_point", "source"),
    [
        ("plus", FUNCTION + WRONG_METHOD),
        ("Solution.plus", WRONG_FUNCTION + METHOD),
        ("plus", "from operator import sub as plus\n" + METHOD),
        ("plus", "from operator import add as plus"),
        ("Solution.plus", "class Solution:\n    plus = None\n    def plus(self, a, b): return a + b"),
    ],
)
def test_the_form_that_is_asked_for_comes_first_unless_it_is_imported(entry_point: str, source: str) -> None:
    assert called(source, entry_point) == 3


@pytest.mark.parametrize(
    ("entry_point", "source"),
    [
        ("plus", "class Answer:\n    def plus(self, a, b): return a + b"),
        ("plus", "class Solution:\n    def add(self, a, b): return a + b"),
        ("Solution.plus", "from operator import add as plus"),
        ("Solution.plus", "class Other:\n    def plus(self, a, b): return a + b"),
        ("plus", ""),
        ("Solution.plus", ""),
    ],
)
def test_nothing_else_does(entry_point: str, source: str) -> None:
    assert called(source, entry_point) is None


@pytest.mark.parametrize("setup", [FUNCTION, "from operator import add as plus", "from operator import *\nplus = add"])
def test_what_setup_defines_is_not_the_submission_s(setup: str) -> None:
    """Otherwise an empty submission would pass."""
    assert called("", "plus", setup) is None
    assert called(WRONG_FUNCTION, "plus", setup) == 0
    assert called(METHOD, "plus", setup) == 3


def test_each_call_has_a_new_instance() -> None:
    source = "class Solution:\n    n = 0\n    def plus(self, a, b):\n        self.n += a + b\n        return self.n"
    module = types.ModuleType("solution")
    exec(source, module.__dict__)
    plus = entry.find(module, "plus", {})
    assert [plus(1, 2), plus(1, 2)] == [3, 3]
