"""What results rest on: the order of assurances, and which one each kind of problem has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reward_server.judging import assurance_of
from reward_server.scoring import STRONGER, refusal
from tasks.assurance import ASSURANCES, is_weaker
from tests.contract.support import asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tasks.assurance import Assurance
    from tasks.schema import Problem

TEST = "def test(): assert f() == 1"
CHECKER = {"checker": "def check(stdin, expected, actual): return True"}
PROBLEMS: list[tuple[Problem, Assurance]] = [
    (stdio(("", "1")), "values"),
    (stdio(("", "1"), compare=CHECKER), "values"),
    (stdio(("", "1"), compare={"float": 0.1}), "values"),
    (call(returns(1)), "values"),
    (call(returns(1), entry_point="Solution.solve"), "values"),
    (call({"raises": "ValueError"}), "values"),
    (asserts("a = Stack()\na.push(1)\nassert a.pop() == 1", "Stack"), "objects"),
    (pytest_files("from solution import Stack\ndef test(): assert Stack().pop() is None"), "objects"),
    (asserts("assert f(1) == 2"), "values"),
    (asserts("assert f(1).startswith('a') and f(2).items()"), "values"),
    (asserts("assert f(1) == MAX_SIZE"), "values"),
    (asserts("assert f(1).area == 2"), "objects"),
    (asserts("assert f() is f()"), "objects"),
    (asserts("a = f()\nassert g(a) == 3"), "objects"),
    (asserts("with f() as a: assert a == 3"), "objects"),
    (pytest_files("from solution import f\ndef test(): assert f(1) == 2"), "values"),
    (asserts("assert f() == 1", isolation="shared"), "shared"),
    (asserts("def check(f): assert f() == 1", "f", isolation="shared"), "shared"),
    (pytest_files(TEST, isolation="shared"), "shared"),
]


@pytest.mark.parametrize(("problem", "assurance"), PROBLEMS)
def test_each_kind_of_problem_has_its_assurance(problem: Problem, assurance: Assurance) -> None:
    assert assurance_of(problem) == assurance


@pytest.mark.parametrize("least", ASSURANCES)
def test_an_assurance_is_weaker_than_those_before_it(least: Assurance) -> None:
    assert ASSURANCES == ("values", "objects", "shared")
    weaker = ASSURANCES[ASSURANCES.index(least) + 1 :]
    assert tuple(each for each in ASSURANCES if is_weaker(each, least)) == weaker


@pytest.mark.parametrize(("problem", "assurance"), PROBLEMS)
def test_what_rests_on_less_is_refused_with_its_assurance_and_the_fix(problem: Problem, assurance: Assurance) -> None:
    for least in ASSURANCES:
        refused = refusal(problem, least)
        assert (refused is None) == (ASSURANCES.index(assurance) <= ASSURANCES.index(least))
        if refused is not None:
            verdict, message = refused
            assert verdict == "sandbox_error"
            assert f"`{assurance}`" in message
            assert f"min_assurance `{least}`" in message
            assert message.endswith(STRONGER[assurance])
