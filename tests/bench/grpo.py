"""A batch as GRPO makes it: groups of completions, some alike, some that crash or loop.

The shares are assumptions, taken from the middle of a training, not measured: a group of a model that is half sure
repeats itself (duplicates), and loops are few but cost the most.
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

PROBLEMS, COMPLETIONS = 32, 16
SHARES = {"repeat": 0.10, "crash": 0.08, "loop": 0.07, "wrong": 0.25, "right": 0.50}
"""Of all completions, exactly. `repeat`: the same as an earlier one of its group."""
CPU_S, QUICK_CPU_S = 2.0, 0.2
ALARM = "import signal\nsignal.setitimer(signal.ITIMER_PROF, {cpu_s})\n"
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


def grpo_batch(problems: Iterable[Problem], count: int, cpu_s: float = QUICK_CPU_S) -> list[Program]:
    """Completions for the first so many problems that ask for a function, group by group."""
    asked = [each for each in problems if (each.entry_point or ".").isidentifier() and whole_program(each)][:count]
    rng = Random(0)
    kinds = kinds_of(rng, len(asked) * COMPLETIONS)
    made: list[Program] = []
    for problem in asked:
        limited = problem.model_copy(update={"limits": Limits(cpu_s=cpu_s)})
        group: list[Program] = []
        for number in range(COMPLETIONS):
            kind = kinds.pop()
            repeats = kind == "repeat" and group
            group.append(rng.choice(group) if repeats else completion(rng, limited, number, kind))
        made += group
    return made


def kinds_of(rng: Random, count: int) -> list[str]:
    """One for each completion, in any order; what rounding leaves is right."""
    kinds = [kind for kind, share in SHARES.items() if kind != "right" for _ in range(round(share * count))]
    kinds += ["right"] * (count - len(kinds))
    rng.shuffle(kinds)
    return kinds


def completion(rng: Random, problem: Problem, number: int, kind: str) -> Program:
    """The first of a group has nothing to repeat: it is right."""
    kind = "right" if kind == "repeat" else kind
    after = ""
    if kind == "crash":
        after = rng.choice(CRASHES)
    elif kind == "loop":
        after = LOOP
    elif kind == "wrong":
        after = WRONG.replace("{rights}", str(min(rng.choice(RIGHT_CALLS), tests_of(problem) - 1)))
    code = f"{problem.reference}\n# attempt {number}\n{after.replace('{name}', str(problem.entry_point))}"
    whole = whole_program(problem.model_copy(update={"reference": code}))
    answer = f"<think>Let me see.</think>\n```python\n{code}```\n"
    return Program(problem, code, f"{ALARM.format(cpu_s=problem.limits.cpu_s)}{whole}", answer, kind)


def tests_of(problem: Problem) -> int:
    """How many there are, about: a program that errs after that many calls would pass."""
    tests = problem.tests
    return tests.source.count("assert ") if isinstance(tests, AssertsTests) else len(getattr(tests, "cases", "1"))


def without_references(programs: list[Program]) -> list[Program]:
    """The same batch where the server cannot know how long right takes."""
    return [replace(each, problem=each.problem.model_copy(update={"reference": None})) for each in programs]


def make_up(programs: list[Program]) -> str:
    """What the batch holds, in words."""
    groups = len({program.problem.id for program in programs})
    repeated = len(programs) - len({(program.problem.id, program.completion) for program in programs})
    kinds = Counter(program.kind for program in programs)
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds, key=list(SHARES).index, reverse=True))
    return f"{groups} problems x {COMPLETIONS}: {counted}; {repeated} repeat another"
