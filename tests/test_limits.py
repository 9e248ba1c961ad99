"""How much processor time a reference allows, and what is left after a time limit."""

from __future__ import annotations

from typing import Any

import pytest

from reward_server.jobs import Observation, Observations
from reward_server.judging import follow_up, plan
from reward_server.judging.calibration import Calibration, timed
from reward_server.judging.limits import cpu_limits, imported, is_put_off, joined
from reward_server.verdicts import TestResult
from tasks.schema import Problem

CASES = [{"stdin": "1", "stdout": "1"}, {"stdin": "2", "stdout": "2"}, {"stdin": "3", "stdout": "3"}]


def stdio(**fields: Any) -> Problem:
    return Problem.model_validate({"tests": {"kind": "stdio", "cases": CASES}, "reference": "print(input())", **fields})


def call(**fields: Any) -> Problem:
    tests = {"kind": "call", "cases": [{"args": [n], "expected": n} for n in range(3)]}
    return Problem.model_validate({"tests": tests, "entry_point": "f", **fields})


def asserts(**fields: Any) -> Problem:
    return Problem.model_validate({"tests": {"kind": "asserts", "source": "assert f(1)\nassert f(2)"}, **fields})


@pytest.mark.parametrize(
    ("limits", "calibration", "seconds"),
    [
        ({}, None, ()),
        ({}, Calibration("values", fault="it fails"), ()),
        ({"cpu_factor": None}, Calibration("values", cpu_s=0.1), ()),
        ({}, Calibration("values", cpu_s=0.001), (0.5,)),
        ({}, Calibration("values", cpu_s=0.1), (2.0,)),
        ({}, Calibration("values", cpu_s=1.0), (5.0,)),
        ({"cpu_s": 0.2}, Calibration("values", cpu_s=0.001), (0.2,)),
        ({"cpu_factor": 2}, Calibration("values", cpu_s=1.0), (2.0,)),
        ({}, Calibration("values", cpu_s=0.4, cases_cpu_s=(0.001, 0.1, 0.3)), (0.5, 2.0, 5.0)),
    ],
)
def test_a_test_may_use_a_multiple_of_the_reference_between_half_a_second_and_its_limit(
    limits: dict[str, Any], calibration: Calibration | None, seconds: tuple[float, ...]
) -> None:
    assert cpu_limits(stdio(limits=limits), "x = 1", calibration) == seconds


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import os", {"os"}),
        ("import os, sys as s, numpy.linalg as la", {"os", "sys", "numpy"}),
        ("from collections import deque", {"collections"}),
        ("from sklearn.svm import SVC", {"sklearn"}),
        ("if True: import torch; import jax", {"torch", "jax"}),
        ("important = 1", set()),
        ("x = 'imports'", set()),
    ],
)
def test_imports_are_read_from_the_text(code: str, names: set[str]) -> None:
    assert imported(code) == names


@pytest.mark.parametrize(
    ("code", "limited"),
    [
        ("import re, heapq", True),
        ("import networkx", False),
        ("import numpy as np", True),
        ("import numpy, sympy", False),
        ("import tiny", True),
    ],
)
def test_a_submission_that_imports_more_than_the_reference_has_the_whole_limit(code: str, limited: bool) -> None:
    """What is loaded beforehand takes no time; what the reference imports is in its time."""
    problem = stdio(reference="import tiny\nprint(input())")
    assert bool(cpu_limits(problem, code, Calibration("values", cpu_s=0.01))) is limited


def test_the_limit_of_each_case_goes_with_it() -> None:
    known = Calibration("values", cpu_s=0.4, cases_cpu_s=(0.001, 0.1, 0.3))
    job = plan(stdio(), "x = 1", known)
    assert (job.timeouts, job.cpu_s, len(job.cases)) == (1, (0.5, 2.0, 5.0), 3)
    rest = plan(stdio(), "x = 1", known, after=Observations((Observation("exited"), Observation("cpu"))))
    assert (rest.cpu_s, rest.cases) == ((5.0,), (b"3",))


def test_a_checker_may_meet_more_than_one_time_limit() -> None:
    """It is not the submission that loops there, and each output needs its word."""
    problem = stdio(tests={"kind": "stdio", "cases": CASES, "compare": {"checker": "def check(a, b, c): return True"}})
    seen = Observations((Observation("exited", stdout=b"1"),) * 3)
    job = follow_up(problem, seen)
    assert job is not None
    assert job.timeouts == 3


CPU, OUT, BACK = Observation("cpu"), Observation("exited"), Observation("returned", passed=True)
UNREACHED = Observation("unreached")


@pytest.mark.parametrize(
    ("problem", "seen", "again", "expected"),
    [
        (stdio(), (OUT, CPU), False, False),
        (stdio(limits={"timeouts": 2}), (OUT, CPU), False, True),
        (stdio(limits={"timeouts": 2}), (OUT, CPU), True, True),
        (stdio(limits={"timeouts": 2}), (CPU, CPU), True, False),
        (stdio(limits={"timeouts": 2}), (OUT, OUT, CPU), False, False),
        (stdio(limits={"timeouts": 2}), (OUT, OUT, OUT), False, False),
        (asserts(limits={"timeouts": 2}), (CPU, UNREACHED), False, True),
        (asserts(limits={"timeouts": 2}), (CPU, UNREACHED), True, False),
        (asserts(limits={"timeouts": 2}), (BACK, CPU), False, False),
        (asserts(), (CPU, UNREACHED), False, False),
    ],
)
def test_the_rest_is_put_off_where_more_time_limits_may_be_met(
    problem: Problem, seen: tuple[Observation, ...], again: bool, expected: bool
) -> None:
    assert is_put_off(problem, Observations(seen), again=again) is expected


def test_cases_are_joined_and_test_code_is_run_again() -> None:
    before = Observations((OUT, CPU), cpu_s=1)
    assert joined(stdio(), before, Observations((OUT,), cpu_s=2)) == Observations((OUT, CPU, OUT), cpu_s=3)
    assert joined(asserts(), before, Observations((BACK, CPU))) == Observations((BACK, CPU))
    failed = Observation("raised", message="it does not load twice")
    assert joined(call(), before, Observations((), failed)).tests == (OUT, CPU, failed)


def test_a_reference_that_does_not_pass_allows_nothing() -> None:
    results = [TestResult("passed"), TestResult("wrong_answer", message="2 is not 3")]
    found = timed(stdio(), Observations((OUT, OUT), cpu_s=0.5), results)
    assert (found.cpu_s, found.cases_cpu_s) == (0.0, ())
    assert "wrong_answer 2 is not 3" in found.fault


def test_a_reference_takes_what_its_tests_and_its_loading_take() -> None:
    seen = Observations((BACK,), cpu_s=0.75)
    assert timed(call(), seen, [TestResult("passed", cpu_s=0.25)]).cpu_s == 0.75
    assert timed(call(), seen._replace(cpu_s=0.1), [TestResult("passed", cpu_s=0.25)]).cpu_s == 0.25
    cases = timed(stdio(), seen, [TestResult("passed", cpu_s=0.25), TestResult("passed", cpu_s=0.5)])
    assert cases.cases_cpu_s == (0.25, 0.5)
