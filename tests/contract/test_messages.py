"""What a result says of a test that failed: the values that were compared, the line that crashed."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.support import ROOMY, asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tasks.schema import Isolation, Problem
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


CRASH = "def g(x):\n    return x[7]\n\n\ndef f(x):\n    return g([x])\n"
AT_LINE = "IndexError: list index out of range (solution.py:2: return x[7])"
CRASHES = [
    (call(returns(1, 2), entry_point="f"), CRASH, AT_LINE),
    (call({"args": [1], "raises": "ValueError"}, entry_point="f"), CRASH, AT_LINE),
    (stdio(("", "1")), f"{CRASH}f(1)", AT_LINE),
    (stdio(("", "1")), f"{CRASH}try:\n    f(1)\nexcept IndexError as e:\n    raise ValueError('no') from e", "ValueError: no (solution.py:10: raise ValueError('no') from e)"),
    (stdio(("", "1")), "import json\n\njson.loads('[')", "json.decoder.JSONDecodeError: Expecting value: line 1 column 2 (char 1) (solution.py:3: json.loads('['))"),
    (asserts("assert f(1) == 1"), CRASH, AT_LINE),
    (asserts("assert f(1) == 1", isolation="shared"), CRASH, AT_LINE),
    (asserts("x = f(1)\nassert x == 1"), CRASH, f"{AT_LINE} (it ended the test code)"),
    (asserts("import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(1), 1)"), CRASH, AT_LINE),
    (pytest_files("from solution import f\ndef test(): assert f(1) == 1"), CRASH, AT_LINE),
    (pytest_files("from solution import f\ndef test(): assert f(1) == 1", isolation="shared"), CRASH, AT_LINE),
    # while it is loaded
    (call(returns(1, 2), entry_point="f"), "def f(x): return x\nf()", "TypeError: f() missing 1 required positional argument: 'x' (solution.py:2: f())"),
    (asserts("assert f(1) == 1"), "\n\n1 / 0", "ZeroDivisionError: division by zero (solution.py:3: 1 / 0)"),
    (pytest_files("from solution import f\ndef test(): assert f(1) == 1"), "\n1 / 0", "ZeroDivisionError: division by zero (solution.py:2: 1 / 0)"),
    # no line of the submission raised it
    (asserts("assert f(1)[0] == 1"), "def f(x): return []", "IndexError: list index out of range"),
    (call(returns(1, 2), entry_point="f"), "def h(x): pass", "NameError: the submission defines no 'f'"),
    # what it says of itself is text
    (call(returns(1, 2), entry_point="f"), "def f(x): raise ValueError('v ' * 10**6)", "ValueError: " + "v " * 169 + " (solution.py:1: def f(x): raise ValueError('v ' * 10**6))"),
    (call(returns(1, 2), entry_point="f"), "def f(x):\n  try: 1 / 0\n  except ZeroDivisionError as e:\n    e.__traceback__ = None\n    raise e", "ZeroDivisionError: division by zero (solution.py:5: raise e)"),
    (asserts("assert f(1) == 1"), "import sys\ndef f(x): raise ValueError(' (solution.py:1)')", "ValueError:  (solution.py:1) (solution.py:2: def f(x): raise ValueError(' (solution.py:1)'))"),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "code", "message"), CRASHES, ids=range(len(CRASHES)))
def test_a_crash_shows_the_line_that_raised(sandbox: Sandbox, problem: Problem, code: str, message: str) -> None:
    problem = problem.model_copy(update={"limits": ROOMY})
    (result,) = sandbox.judge(problem, code)
    assert (result.verdict, result.message) == ("runtime_error", message)


def test_an_assertion_of_the_submission_shows_its_line(sandbox: Sandbox) -> None:
    code = "def f(x):\n    assert x > 1, 'too small'\n    return x"
    (result,) = sandbox.judge(asserts("assert f(1) == 1", limits=ROOMY), code)
    assert (result.verdict, result.message) == (
        "wrong_answer",
        "too small (solution.py:2: assert x > 1, 'too small')",
    )
