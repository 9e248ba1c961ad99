"""What a result says of a test that failed: the values that were compared."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.support import ROOMY, asserts

if TYPE_CHECKING:
    from tasks.schema import Isolation
    from tests.contract.support import Sandbox

ASSERTED = [
    ("assert f(1) == 3", "got 2 where 3 was expected"),
    ("assert 3 == f(1)", "got 2 where 3 was expected"),
    ("assert f(1) == f(2)", "got 2 where 4 was expected"),
    ("assert f([1]) != [1, 1]", "[1, 1] != [1, 1] is false"),
    ("assert abs(f(1) - 3) < 1e-6", "1 < 1e-06 is false"),
    ("assert f(1) in (3, 4)", "2 in (3, 4) is false"),
    ("assert not f(1)", "got 2"),
    ("assert isinstance(f(1), str)", "got False"),
    ("assert 0 < f(1) < 2", "got False"),
    ("assert f(1) == 3, 'twice plus one'", "twice plus one: got 2 where 3 was expected"),
    ("x = f(list(range(40)))\ny = list(range(40)) * 2\ny[50] = 0\nassert x == y", "; the first difference is at [50]: 10, not 0"),
    ("def check(g):\n    for n in range(1, 3):\n        assert g(n) == 2 * n + 1\ncheck(f)", "got 2 where 3 was expected"),
    ("try:\n    assert f(1) == 3\nfinally:\n    pass", "got 2 where 3 was expected"),
    ("def g(x):\n    assert x == 0\n    return x\nassert f(g(f(1))) == 1", "got 2 where 0 was expected"),
]  # fmt: skip


@pytest.mark.parametrize("isolation", ["separate", "shared"])
@pytest.mark.parametrize(("source", "message"), ASSERTED, ids=range(len(ASSERTED)))
def test_an_assert_shows_what_it_compared(sandbox: Sandbox, isolation: Isolation, source: str, message: str) -> None:
    first = sandbox.judge(asserts(source, isolation=isolation, limits=ROOMY), "def f(x): return x * 2")[0]
    assert first.verdict == "wrong_answer"
    assert first.message.endswith(message)


@pytest.mark.parametrize(
    "code",
    [
        "class T:\n    def __init__(self, x): pass\n    def __repr__(self): return '3'\n    def __eq__(self, other): return False",
        "class T:\n    def __init__(self, x): pass\n    def __repr__(self):\n        while True: pass\n    def __eq__(self, other): return False",
        "class T(int):\n    def __repr__(self): return '3'\n    def __eq__(self, other): return False",
    ],
    ids=range(3),
)  # fmt: skip
def test_an_object_of_the_submission_does_not_choose_how_it_is_shown(sandbox: Sandbox, code: str) -> None:
    """It would say that it is the expected value, or take its time over the answer."""
    problem = asserts("t = T(3)\nassert t == T(3)\nassert T(4) == t", limits=ROOMY)
    for result in sandbox.judge(problem, code):
        assert (result.verdict, result.message) == ("wrong_answer", "got <T> where <T> was expected")
