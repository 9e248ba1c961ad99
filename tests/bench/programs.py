"""The programs that are measured: submissions, as the server takes them and as plain Python does.

Promises: both forms do the same work, and no two references of a batch are alike (the server would run those once).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.schema import AssertsTests, CallTests, Limits, Problem, StdioTests, functions_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trainer.wire import Submission

CALL_TESTS = """
import json
for args, kwargs, expected, raises in {cases!r}:
    try:
        returned = {target}(*args, **kwargs)
    except Exception as error:
        if raises not in [kind.__name__ for kind in type(error).__mro__]:
            raise
    else:
        assert raises is None and json.loads(json.dumps(returned)) == json.loads(json.dumps(expected))
"""
"""As the server compares: on JSON's terms."""


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a whole program."""

    whole: str
    stdin: str = ""
    stdout: str | None = None
    """What it must print, by words; None where its exit code tells all."""


@dataclass(frozen=True, slots=True)
class Program:
    problem: Problem
    code: str
    """The submission."""
    whole: str
    """The submission and its tests, in one program; empty where there is nothing to run."""
    completion: str | None = None
    """What is sent in place of the code: an answer of a model, with the code in a fence or without any."""
    kind: str = "right"
    """`right` where it passes every test; else what is wrong with it."""

    @property
    def submission(self) -> Submission:
        if self.completion is not None:
            return {"problem": self.problem.id, "completion": self.completion}
        return {"problem": self.problem.id, "code": self.code}

    @property
    def runs(self) -> list[Run]:
        """What plain Python must start to judge it: one program, or one for each case."""
        tests = self.problem.tests
        if isinstance(tests, StdioTests):
            return [Run(self.whole, case.stdin, case.stdout) for case in tests.cases]
        return [Run(self.whole)] if self.whole else []


def references(problems: Iterable[Problem], at_least: int) -> list[Program]:
    """The references of the problems that plain Python can run, over and over until there are so many."""
    made = [
        Program(problem, problem.reference, whole)
        for problem in problems
        if problem.reference is not None and (whole := whole_program(problem)) is not None
    ]
    return list(distinct(made, -(-at_least // len(made))))


def spread_out(programs: Sequence[Program], most_runs: int) -> list[Program]:
    """Some of them, from all over, of about so many runs together; at least one."""
    runs = sum(len(program.runs) for program in programs)
    return list(programs[:: min(-(-runs // most_runs), len(programs))])


CALLS = 20_000


def many_calls(number: int) -> Program:
    """A submission that does next to nothing, and a test that calls it many times: what it takes is the calls."""
    test = (
        f"def check(candidate):\n    for _ in range({CALLS}):\n        candidate(1, 2)\n    assert candidate(1, 2) == 3"
    )
    tests = AssertsTests(kind="asserts", source=test)
    problem = Problem(id="calls", entry_point="add", tests=tests, limits=Limits(cpu_s=60, wall_s=120))
    return Program(problem, f"def add(a, b): return a + b  # {number}", "")


def distinct(programs: Sequence[Program], copies: int) -> Iterator[Program]:
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
    if isinstance(tests, StdioTests):
        return before if tests.compare == "tokens" else None
    if isinstance(tests, CallTests) and tests.compare == "equal":
        cases = [(case.args, case.kwargs, case.expected, case.raises) for case in tests.cases]
        owner, dot, method = str(problem.entry_point).partition(".")
        return before + CALL_TESTS.format(cases=cases, target=f"{owner}().{method}" if dot else owner)
    return None
