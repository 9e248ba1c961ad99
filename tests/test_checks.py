"""Test code that can check nothing is refused, and what pytest files check is counted."""

from __future__ import annotations

import ast

import pytest
from pydantic import ValidationError

from reward_server.judging.checks import constant_lines, counted, unchecked
from tasks.checks import is_test_file
from tasks.schema import Problem
from tests.contract.support import asserts, pytest_files

UNITTEST = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(1), 2)\n"


@pytest.mark.parametrize(
    "source",
    [
        "f(1) == 2",
        "print(f(1))",
        "f(1)",
        "x = f(1) == 2",
        "assert True",
        "assert 1 == 1",
        "assert 1 + 1 == 2 and not 0",
        "def helper(): assert f(1) == 2",
        "def test_a(): f(1) == 2",
        "class T:\n    def check(self): assert f(1)",
        "try:\n    f(1)\nexcept ValueError:\n    pass",
    ],
)
def test_a_source_that_checks_nothing_is_refused(source: str) -> None:
    """It would pass every program."""
    with pytest.raises(ValidationError, match=r"`tests\.source` comes to no check"):
        asserts(source)


@pytest.mark.parametrize(
    "source",
    [
        "assert f(1) == 2",
        "assert False",
        "if f(1) != 2: raise ValueError",
        "if f(1) != 2: exit(1)",
        "import numpy as np\nnp.testing.assert_allclose(f(1), 2)",
        "def check_all():\n    assert f(1)\ncheck_all()",
        "def one(x): assert x\nfor x in (1, 2): one(f(x))",
        "def one(x): assert x\nlist(map(one, [f(1)]))",
        "class T:\n    def check(self): assert f(1)\nT().check()",
        "def check_a(): assert f(1)\nfor test in [check_a]: test()",
        UNITTEST + "T().test_a()",
        "with f() as x: assert x",
        "def test_a(): assert f(1) == 2",
        "def test_a():\n    assert f(1) == 2\nif __name__ == '__main__':\n    test_a()",
        "def helper(): assert f(1)\nif __name__ == '__main__': helper()",
        UNITTEST,
        UNITTEST + "unittest.main()",
        UNITTEST + "if __name__ == '__main__': unittest.main()",
    ],
)
def test_a_source_that_may_check_is_taken(source: str) -> None:
    assert asserts(source)


def test_a_check_of_the_setup_counts() -> None:
    assert asserts("verify(f(1), 2)", setup="def verify(a, b):\n    assert a == b")


def test_a_check_function_runs_without_a_call() -> None:
    assert asserts("def check(candidate):\n    assert candidate(1) == 2", "f")
    with pytest.raises(ValidationError):
        asserts("def check(candidate):\n    candidate(1) == 2", "f")


def test_pytest_files_need_a_check_somewhere() -> None:
    with pytest.raises(ValidationError, match="the files check nothing"):
        pytest_files("from solution import f\ndef test_a(): f(1)")
    assert pytest_files(
        {"test_a.py": "from help import check\ndef test_a(): check(1)", "help.py": "def check(x): assert x"}
    )


def test_an_error_names_the_field_and_the_fix() -> None:
    with pytest.raises(ValidationError, match="add an `assert` that runs"):
        Problem.model_validate({"tests": {"kind": "asserts", "source": "f(1)"}})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("assert x", "assert x; __check__()"),
        ("assert x, 'no'  # why", "assert x, 'no'; __check__()  # why"),
        ("if a: assert b", "if a: assert b; __check__()"),
        ("assert (\n    x\n)", "assert (\n    x\n); __check__()"),
        ("assert 'é' == x; y", "assert 'é' == x; __check__(); y"),
        ("self.assertEqual(1, 2)", "self.assertEqual(1, 2); __check__()"),
        ("with pytest.raises(E) as e: f()", "with __checked__(pytest.raises(E)) as e: f()"),
        ("with a, pytest.raises(E):\n    f()", "with a, __checked__(pytest.raises(E)):\n    f()"),
        ("e = pytest.raises(E, f)", "e = pytest.raises(E, f); __check__()"),
        ("def test(): return self.assertEqual(1, 2)", "def test(): return __counted__(self.assertEqual(1, 2))"),
        ("[assertIn(x, y) for x in z]", "[__counted__(assertIn(x, y)) for x in z]"),
        ("pytest.raises(E, f).match('a')", "__counted__(pytest.raises(E, f)).match('a')"),
        ("s.enter_context(pytest.raises(E))", "s.enter_context(__counted__(pytest.raises(E)))"),
        ("if x: pytest.fail(f'{assert_is(1)}')", "if x: pytest.fail(f'{assert_is(1)}')"),
        ("for x in 1, *y:\n    if x: pytest.fail()", "for x in __each__((1, *y)):\n    if x: pytest.fail()"),
        (
            "for x in y:\n    if x: raise AssertionError('no')",
            "for x in __each__((y)):\n    if x: raise AssertionError('no')",
        ),
        ("for x in y:\n    if x: raise ValueError", "for x in y:\n    if x: raise ValueError"),
        ("x = '''\nassert y\n'''", "x = '''\nassert y\n'''"),
        ("x = 'a\\x0cb'\x0c\nassert x", "x = 'a\\x0cb'\x0c\nassert x; __check__()"),
        ("assert x\r\nassert y", "assert x; __check__()\nassert y; __check__()"),
    ],
)
def test_each_check_is_counted_where_it_stands(source: str, expected: str) -> None:
    assert counted(source) == expected
    ast.parse(expected)


def test_tests_without_a_check_are_known() -> None:
    source = (
        "import pytest\n@pytest.fixture\ndef sure(): assert f\ndef helper(x): assert x\ndef outer(x): helper(x)\n"
        "def test_a(): f()\ndef test_b(): outer(f())\ndef test_c(sure): f()\ndef test_d(): assert f()\n"
        "class TestIt:\n    def test_e(self): f()\n    def test_f(self): self.look()\n    def look(self): assert f()\n"
    )
    assert unchecked((("test_it.py", source),)) == ["test_it.py::test_a", "test_it.py::TestIt::test_e"]


@pytest.mark.parametrize(
    "body",
    [
        "try:\n        f()\n    except ValueError: return\n    pytest.fail('no')",
        "try:\n        f()\n        assert False, 'no'\n    except ValueError: pass",
        "if f() != 1: raise AssertionError(f())",
        "with f(): raise ValueError",
        "f() == 1 or pytest.fail('no')",
    ],
)
def test_checks_that_must_not_be_reached_let_a_test_pass_by_its_end(body: str) -> None:
    assert unchecked((("test_it.py", f"def test_a():\n    {body}\n"),)) == ["test_it.py::test_a"]


def test_a_loop_that_fails_for_a_wrong_item_needs_an_item() -> None:
    source = "def test_a():\n    for x in f():\n        if x != 1: pytest.fail('no')\n"
    assert unchecked((("test_it.py", source),)) == []


def test_a_check_among_the_parameters_of_a_test_is_none_in_it() -> None:
    source = "@pytest.mark.parametrize('e', [pytest.raises(E)])\ndef test_a(e):\n    with e: f()\n"
    assert unchecked((("test_it.py", source),)) == ["test_it.py::test_a"]


@pytest.mark.parametrize(
    ("test", "constant"),
    [("1 + 1 == 3", True), ("(1, 2) == (1, 2)", True), ("True", False), ("x == 1", False), ("len('a') == 1", False)],
)
def test_asserts_of_constants_are_known(test: str, constant: bool) -> None:
    assert constant_lines(ast.parse(f"\nassert {test}")) == ([2] if constant else [])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def test_a(): assert f(1)", True),
        ("def test_a(): assert f(1)\ntest_a()", False),
        ("def test_a(): assert f(1)\nif __name__ == '__main__': test_a()", True),
        ("def test_a(): assert f(1)\nfor t in [test_a]: t()", False),
        ("def test_a(): assert f(1)\ndef test_b(): test_a()", True),
        (UNITTEST, True),
        (UNITTEST + "T().test_a()", True),
        ("class Base(unittest.TestCase): pass\nclass T(Base):\n    def test_a(self): assert f(1)", True),
        ("class TestF:\n    def test_a(self): assert f(1)", True),
        ("class TestF:\n    def __init__(self): pass\n    def test_a(self): assert f(1)", False),
        ("class A(A): pass\nclass B(C): pass\nclass C(B): pass\nassert f(1)", False),
        ("def helper(): assert f(1)\nhelper()", False),
    ],
)
def test_tests_that_the_code_does_not_call_are_for_pytest(source: str, expected: bool) -> None:
    """They would be passed unrun."""
    assert is_test_file(ast.parse(source)) is expected


def test_check_beside_tests_that_nobody_calls_is_refused() -> None:
    """One of the two would not be run."""
    with pytest.raises(ValidationError, match=r"defines both `check\(candidate\)` and tests"):
        asserts("def check(candidate): assert candidate(1)\ndef test_a(): assert f(1)", entry_point="f")
