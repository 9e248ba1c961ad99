"""A batch as GRPO makes it: groups of completions, some alike, some that crash, loop or hold no code.

The shares are assumptions, taken from the middle of a training, not measured: a group of a model that is half sure
repeats itself (duplicates), an answer cut off at its longest has no code, and loops are few but cost the most.
Promises: the same batch in every run; which of its completions are right is known.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from tasks.schema import AssertsTests, Limits, Problem
from tests.bench.programs import Program, whole_program

if TYPE_CHECKING:
    from collections.abc import Iterable

PROBLEMS, COMPLETIONS = 64, 16
DUPLICATES = 0.35
"""Of all completions: they repeat an earlier one of their group."""
SHARES = {"no code": 0.05, "crash": 0.10, "loop": 0.03, "wrong": 0.33, "right": 0.49}
"""Of the others."""
CPU_S = 0.2
LIMITS = Limits(cpu_s=CPU_S, wall_s=2.0)
ALARM = f"import signal\nsignal.setitimer(signal.ITIMER_PROF, {CPU_S})\n"
"""Gives plain Python the same limit: nothing else would end a loop."""

CRASHES = (
    "def {name}(*args, **kwargs):\n    return args[99]\n",
    "{name} = undefined({name})\n",
    "def {name}(:\n",
)
LOOP = "def {name}(*args, **kwargs):\n    while True:\n        pass\n"
WRONG = """
calls, solved = 0, {name}
def {name}(*args, **kwargs):
    global calls
    calls += 1
    return solved(*args, **kwargs) if calls <= {rights} else "wrong"
"""
RIGHT_CALLS = (0, 0, 0, 1, 2)
"""How many calls a wrong program answers rightly before it errs: most err at once."""
IMPURE = "import os\n"
"""A module that could leave something behind: test code that imports it gets a judge of its own for each run."""


def grpo_batch(problems: Iterable[Problem], count: int) -> list[Program]:
    """Completions for the first so many problems that ask for a function, group by group."""
    asked = [each for each in problems if (each.entry_point or ".").isidentifier() and whole_program(each)][:count]
    rng = Random(0)
    made: list[Program] = []
    for problem in asked:
        group: list[Program] = []
        for number in range(COMPLETIONS):
            repeats = group and rng.random() < DUPLICATES
            group.append(rng.choice(group) if repeats else completion(rng, problem, number))
        made += group
    return made


def completion(rng: Random, problem: Problem, number: int) -> Program:
    (kind,) = rng.choices(list(SHARES), list(SHARES.values()))
    limited = problem.model_copy(update={"limits": LIMITS})
    if kind == "no code":
        return Program(limited, "", "", f"<think>Attempt {number}: let me see, if the list is empty then", kind)
    after = ""
    if kind == "crash":
        after = rng.choice(CRASHES)
    elif kind == "loop":
        after = LOOP
    elif kind == "wrong":
        after = WRONG.replace("{rights}", str(min(rng.choice(RIGHT_CALLS), tests_of(problem) - 1)))
    code = f"{problem.reference}\n# attempt {number}\n{after.replace('{name}', str(problem.entry_point))}"
    return answered(Program(limited, code, "", kind=kind))


def tests_of(problem: Problem) -> int:
    """How many there are, about: a program that errs after that many calls would pass."""
    tests = problem.tests
    return tests.source.count("assert ") if isinstance(tests, AssertsTests) else len(getattr(tests, "cases", "1"))


def answered(program: Program) -> Program:
    """The program with its whole and its completion made from its code."""
    with_code = program.problem.model_copy(update={"reference": program.code})
    whole = ALARM + str(whole_program(with_code))
    return replace(program, whole=whole, completion=f"<think>Let me see.</think>\n```python\n{program.code}```\n")


def without_shortcuts(programs: list[Program]) -> list[Program]:
    """The same batch with no two codes alike, and tests that no standing judge may take."""
    made = []
    for place, program in enumerate(programs):
        problem = program.problem
        if isinstance(problem.tests, AssertsTests):
            tests = problem.tests.model_copy(update={"source": IMPURE + problem.tests.source})
            problem = problem.model_copy(update={"tests": tests})
        one = replace(program, problem=problem, code=f"{program.code}# {place}\n")
        made.append(answered(one) if program.code else one)
    return made


def make_up(programs: list[Program]) -> str:
    """What the batch holds, in words."""
    groups = len({program.problem.id for program in programs})
    repeated = len(programs) - len({(program.problem.id, program.completion) for program in programs})
    kinds = Counter(program.kind for program in programs)
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds, key=list(SHARES).index, reverse=True))
    return f"{groups} problems x {COMPLETIONS}: {counted}; {repeated} repeat another"
