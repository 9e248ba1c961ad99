"""The list of cases that need one process holds none that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.support import ROOMY, asserts, pytest_files
from tests.honest.cases import failures
from tests.honest.one_process import ONE_PROCESS
from tests.honest.test_cases import ASSERTS, SUITES

if TYPE_CHECKING:
    from tests.contract.support import Sandbox
    from tests.honest.cases import Case


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ASSERTS if case.name in ONE_PROCESS])
def test_the_case_fails_across_the_wall(sandbox: Sandbox, case: Case) -> None:
    assert failures(sandbox.judge(asserts(case.tests, case.entry_point, limits=ROOMY), case.code))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in SUITES if case.name in ONE_PROCESS])
def test_the_suite_fails_across_the_wall(sandbox: Sandbox, case: Case) -> None:
    assert failures(sandbox.judge(pytest_files(case.tests, limits=ROOMY), case.code))
