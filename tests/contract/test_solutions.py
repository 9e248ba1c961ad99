"""Real problems: reference solutions pass every test, wrong ones and empty bodies do not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.registry import load_problems

if TYPE_CHECKING:
    from tasks.schema import Problem
    from tests.contract.support import Sandbox

DATA = Path(__file__).resolve().parent.parent.parent.parent / "shared" / "data" / "humaneval.jsonl.gz"
EVERY = 8


def problems() -> list[Problem]:
    """A sample of HumanEval where it is at hand, of the bundled problems otherwise."""
    held = load_problems(f"humaneval:{DATA}") if DATA.exists() else load_problems("bundled")
    return list(held)[::EVERY] if DATA.exists() else list(held)[::3]


@pytest.mark.parametrize("problem", problems(), ids=lambda problem: problem.id)
def test_a_reference_passes_and_an_empty_body_does_not(sandbox: Sandbox, problem: Problem) -> None:
    assert problem.reference is not None
    assert set(sandbox.verdicts(problem, problem.reference)) == {"passed"}
    for wrong in problem.wrong:
        assert set(sandbox.verdicts(problem, wrong)) != {"passed"}
    if problem.entry_point and "." not in problem.entry_point:
        empty = re.sub(r"\W", "_", problem.entry_point)
        assert set(sandbox.verdicts(problem, f"def {empty}(*_, **__): pass")) != {"passed"}
