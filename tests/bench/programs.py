"""The programs that are measured: reference solutions, as the server takes them and as plain Python does.

Promises: both forms do the same work, and no two submissions of a batch are alike (the server would run those once).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.registry import load_problems
from tasks.schema import AssertsTests, CallTests, Limits, Problem, functions_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HUMANEVAL = Path(__file__).parents[3] / "shared" / "data" / "humaneval.jsonl.gz"
AT_LEAST = 150
"""Evaluations in a round: fewer would drown in the clock ticks of /proc."""

CALL_TESTS = """
for args, kwargs, expected, raises in {cases!r}:
    try:
        {target}(*args, **kwargs) == expected
    except Exception:
        if raises is None:
            raise
"""


@dataclass(frozen=True, slots=True)
class Program:
    problem: Problem
    code: str
    """The submission."""
    whole: str
    """The submission and its tests, in one program."""


def programs_of(path: Path | None) -> tuple[str, list[Program]]:
    """Load HumanEval from a file, or take the bundled problems for None. Returns: the set's name, and its programs."""
    name = "bundled problems" if path is None else "HumanEval"
    problems = load_problems("bundled" if path is None else f"humaneval:{path}")
    made = [
        Program(problem, problem.reference, whole)
        for problem in problems
        if problem.reference is not None and (whole := whole_program(problem)) is not None
    ]
    copies = -(-AT_LEAST // len(made))
    return name, list(distinct(made, copies))


CALLS = 20_000


def many_calls(number: int) -> Program:
    """A submission that does next to nothing, and a test that calls it many times: what it takes is the calls."""
    test = (
        f"def check(candidate):\n    for _ in range({CALLS}):\n        candidate(1, 2)\n    assert candidate(1, 2) == 3"
    )
    tests = AssertsTests(kind="asserts", source=test)
    problem = Problem(id="calls", entry_point="add", tests=tests, limits=Limits(cpu_s=60, wall_s=120))
    return Program(problem, f"def add(a, b): return a + b  # {number}", "")


def distinct(programs: list[Program], copies: int) -> Iterator[Program]:
    for copy in range(copies):
        mark = f"\n# {copy}\n" if copy else ""
        for program in programs:
            yield Program(program.problem, program.code + mark, program.whole + mark)


def whole_program(problem: Problem) -> str | None:
    """Put a reference and its tests in one program; None for those that plain Python cannot run as they are."""
    tests = problem.tests
    if problem.reference is None or problem.files:
        return None
    before = f"{problem.setup}\n{problem.reference}\n"
    if isinstance(tests, AssertsTests):
        call = f"\ncheck({problem.entry_point})\n" if "check" in functions_of(tests.source) else "\n"
        return before + tests.source + call
    if isinstance(tests, CallTests):
        cases = [(case.args, case.kwargs, case.expected, case.raises) for case in tests.cases]
        owner, dot, method = str(problem.entry_point).partition(".")
        return before + CALL_TESTS.format(cases=cases, target=f"{owner}().{method}" if dot else owner)
    return None
