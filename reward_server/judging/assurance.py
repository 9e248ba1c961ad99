"""Decides what the results of a problem rest on. Nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_server.judging.payloads import judge_payload
from reward_server.judging.plan import is_shared
from tasks.schema import AssertsTests, PytestTests

if TYPE_CHECKING:
    from reward_server.judging.calibration import Calibration
    from tasks.assurance import Assurance
    from tasks.schema import Problem


def assurance_of(problem: Problem, calibration: Calibration | None = None) -> Assurance:
    """`calibration`: what the reference showed; without it the text of the tests says what is to be assumed."""
    if calibration is not None:
        return calibration.assurance
    if is_shared(problem.tests):
        return "shared"
    if isinstance(problem.tests, AssertsTests | PytestTests) and judge_payload(problem).objects:
        return "objects"
    return "values"
