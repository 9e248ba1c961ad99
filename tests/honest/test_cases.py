"""The cases themselves: right without any wall, with tests that a wrong one fails, and each of one name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.honest import (
    test_arguments,
    test_builtin_kinds,
    test_callables,
    test_classes,
    test_containers,
    test_context_managers,
    test_dataclasses,
    test_decorators,
    test_error_details,
    test_exceptions,
    test_functions,
    test_habits,
    test_inspection,
    test_iterators,
    test_library_objects,
    test_long_iterations,
    test_objects_of_the_test,
    test_operators,
    test_operators_in_suites,
    test_patches,
    test_programs,
    test_pytest_suites,
    test_structures,
    test_subclasses,
    test_values,
)
from tests.honest.cases import Case, fails_when_hollow, rows, run_asserts, run_pytest
from tests.honest.one_process import ONE_PROCESS

if TYPE_CHECKING:
    from pathlib import Path

ASSERTS = [
    *test_arguments.CASES,
    *test_builtin_kinds.CASES,
    *test_callables.CASES,
    *test_classes.CASES,
    *test_containers.CASES,
    *test_context_managers.CASES,
    *test_dataclasses.CASES,
    *test_decorators.CASES,
    *test_exceptions.CASES,
    *test_iterators.CASES,
    *test_library_objects.CASES,
    *test_objects_of_the_test.CASES,
    *test_operators.CASES,
    *test_structures.CASES,
    *test_values.CASES,
]
SUITES = [
    *test_error_details.CASES,
    *test_inspection.CASES,
    *test_long_iterations.CASES,
    *test_operators_in_suites.CASES,
    *test_patches.CASES,
    *test_pytest_suites.CASES,
    *test_subclasses.CASES,
]
OF_NAMES_ALONE = {
    *("what_a_function_says_of_itself", "what_kind_of_function_it_is"),
    *("dataclass_tools", "frozen_dataclass", "order_of_resolution"),
}
"""Cases that test what is declared, not what is done."""
TABLES: list[Any] = [*test_programs.PROGRAMS, *test_habits.PROGRAMS, *test_functions.CALLED]


@pytest.mark.parametrize("case", rows(ASSERTS))
def test_the_case_is_right_in_one_process(case: Case, tmp_path: Path) -> None:
    run_asserts(case, tmp_path)


@pytest.mark.parametrize("case", rows(SUITES))
def test_the_suite_is_right_in_one_process(case: Case, tmp_path: Path) -> None:
    run_pytest(case, tmp_path)


@pytest.mark.parametrize("case", [row for row in rows(ASSERTS) if row.id not in OF_NAMES_ALONE])
def test_the_case_is_not_empty(case: Case, tmp_path: Path) -> None:
    """A submission of the same names whose functions do nothing must fail."""
    assert fails_when_hollow(case, tmp_path)


def test_each_case_has_a_name_of_its_own() -> None:
    names = Counter(case.name for case in (*ASSERTS, *SUITES, *TABLES))
    assert not [name for name, uses in names.items() if uses > 1]
    assert not set(ONE_PROCESS) - set(names)
