"""The bundled problems: enough of every kind, each complete. That references pass is tested with the sandbox."""

from __future__ import annotations

from collections import Counter
from importlib import resources

import pytest

from tasks.registry import load_problems
from tasks.schema import AssertsTests, CallTests, Checker, FloatTolerance, Problem, PytestTests, StdioTests, parse

PROBLEMS = load_problems("bundled")
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)


def source_of(problem: Problem) -> str:
    assert isinstance(problem.tests, AssertsTests)
    return problem.tests.source


def test_there_are_enough_of_every_kind() -> None:
    counts = Counter(problem.tests.kind for problem in PROBLEMS)
    assert counts.total() >= 64
    assert set(counts) == {"stdio", "call", "asserts", "pytest"}
    assert min(counts.values()) >= 14


def test_ids_are_unique_and_name_the_files() -> None:
    files = {file.name for file in (resources.files("tasks") / "bundled").iterdir()}
    assert files == {f"{problem.id}.toml" for problem in PROBLEMS}
    assert len(files) == len(PROBLEMS)


@each_problem
def test_a_problem_has_a_prompt_tags_and_a_difficulty(problem: Problem) -> None:
    assert isinstance(problem.prompt, str)  # one type in all rows, as a column of Arrow needs it
    assert "xample" in problem.prompt
    assert problem.tags
    assert problem.difficulty in {"easy", "medium"}


@each_problem
def test_a_problem_has_a_reference_and_two_wrong_solutions(problem: Problem) -> None:
    assert problem.reference
    assert len(problem.wrong) >= 2
    assert len({problem.reference, *problem.wrong}) == 1 + len(problem.wrong)
    for solution in (problem.reference, *problem.wrong):
        parse(solution)


@each_problem
def test_a_problem_has_at_least_five_tests(problem: Problem) -> None:
    tests = problem.tests
    if isinstance(tests, StdioTests | CallTests):
        assert len(tests.cases) >= 5
    elif isinstance(tests, AssertsTests):
        assert tests.source.count("assert ") >= 5
        assert tests.weights is None or len(tests.weights) == tests.source.count("assert ")
    else:
        assert sum(source.count("def test_") + source.count("parametrize") for source in tests.files.values()) >= 5


@each_problem
def test_the_name_that_is_called_stands_in_the_prompt(problem: Problem) -> None:
    """A model cannot guess what the tests import or call."""
    names = (problem.entry_point or "").split(".")
    assert all(name in problem.prompt for name in names)
    if isinstance(problem.tests, PytestTests):
        imports = [
            line for source in problem.tests.files.values() for line in source.splitlines() if "solution" in line
        ]
        names = [name for line in imports for name in line.removeprefix("from solution import ").split(", ")]
        assert names
        assert all(f"`{name}" in problem.prompt for name in names)


def test_every_feature_of_the_schema_is_in_use() -> None:
    """The bundled problems double as examples and as a test bed of the judge."""
    stdio = [problem.tests for problem in PROBLEMS if isinstance(problem.tests, StdioTests)]
    call = [problem.tests for problem in PROBLEMS if isinstance(problem.tests, CallTests)]
    assert {tests.compare for tests in stdio if isinstance(tests.compare, str)} == {"tokens", "exact"}
    assert {type(tests.compare) for tests in stdio} == {str, FloatTolerance, Checker}
    assert {tests.compare for tests in call if isinstance(tests.compare, str)} == {"equal", "unordered"}
    assert {type(tests.compare) for tests in call} == {str, FloatTolerance}
    cases = [case for tests in call for case in tests.cases]
    assert any(case.raises for case in cases)
    assert any(case.kwargs for case in cases)
    assert any(case.weight != 1 for case in cases)
    assert any(case.weight != 1 for tests in stdio for case in tests.cases)
    assert any("." in (problem.entry_point or "") for problem in PROBLEMS)
    assert any(problem.setup for problem in PROBLEMS)
    assert any(problem.files for problem in PROBLEMS)
    assert any(problem.limits.model_fields_set for problem in PROBLEMS)
    asserts = [problem for problem in PROBLEMS if isinstance(problem.tests, AssertsTests)]
    assert len({"def check(" in source_of(problem) for problem in asserts}) == 2
    assert any(len(problem.tests.files) > 1 for problem in PROBLEMS if isinstance(problem.tests, PytestTests))
