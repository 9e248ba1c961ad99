"""Small Python problems for the demo: families with their constants and names filled in, split in two by a seed.

What is held out, so that a better score afterwards is generalisation and not memory:
- families with constants: a fifth of the constants of each (for two constants, of their pairs);
- families without constants: a fifth of the pairs of function name and argument name;
- pipelines (reduce x map x filter over a list): a fifth of the combinations, whatever their constants and names.
No prompt of a held-out task is ever part of the corpus or of GRPO, not even beside a wrong solution. What is not new
in a held-out task: its words, and each constant and each part of a pipeline on its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.schema import CallCase, CallTests, Limits, Problem
from trainer.demo.families import PIPELINES, SIMPLE, Constants, Family

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

FUNCTIONS = ("f", "g", "solve", "answer", "work", "apply", "compute", "result")
ARGUMENTS = {"int": ("x", "n", "value"), "list": ("xs", "nums", "values"), "text": ("s", "text", "phrase")}
PALINDROMES = ("level", "noon", "kayak", "rotor")
LOOKALIKES = ("going", "trust", "dread", "kick")
WORDS = ("apple", "sky", "banana", "rhythm", "tree", "idea", "queue", "pilot", "ox")

CASES = 6
HELD_OUT_SHARE = 0.2
HELD_OUT_PER_FAMILY = 4
PIPELINE_SHARE = 0.3
"""Part of the tasks drawn for training that are pipelines."""
LIMITS = Limits(cpu_s=1, wall_s=5, memory_mb=128)


@dataclass(frozen=True)
class Task:
    """A family with its constants and names filled in."""

    family: Family
    constants: Constants
    function: str
    argument: str

    @property
    def id(self) -> str:
        return "-".join(["demo", self.family.name, *map(str, self.constants), self.function, self.argument])

    @property
    def prompt(self) -> str:
        return f'def {self.function}({self.argument}):\n    """{self.family.doc.format(**self._names)}"""\n'

    def completion(self, body: int = 0, **parts: int) -> str:
        """The fenced answer with that choice of body and parts; without arguments, the right one."""
        names = self._names
        chosen = {name: some[parts.get(name, 0)].format(**names) for name, some in self.family.parts.items()}
        expression = self.family.bodies[body].format(**names, **chosen)
        return f"```python\ndef {self.function}({self.argument}):\n    return {expression}\n```"

    def wrong_completions(self) -> Iterator[str]:
        """Every answer with at least one wrong choice."""
        family = self.family
        for body, *parts in product(range(len(family.bodies)), *(range(len(some)) for some in family.parts.values())):
            if body or any(parts):
                yield self.completion(body, **dict(zip(family.parts, parts, strict=True)))

    def problem(self) -> Problem:
        """The task as the reward server takes it: calls, with what the reference returned for them."""
        solve, constants = self.family.solve, self.constants
        cases = tuple(CallCase(args=(value,), expected=solve(value, *constants)) for value in inputs(self))
        return Problem(
            id=self.id,
            prompt=self.prompt,
            entry_point=self.function,
            limits=LIMITS,
            tests=CallTests(kind="call", cases=cases),
        )

    @property
    def _names(self) -> dict[str, str]:
        return {"v": self.argument, **{name: str(k) for name, k in zip("ab", self.constants, strict=False)}}


def inputs(task: Task) -> list[Any]:
    """What the tests call the function with: `CASES` values, the edges that the constants make among them."""
    rng = Random(task.id)  # noqa: S311
    constants = task.constants
    if task.family.argument == "int":
        edges = list(dict.fromkeys([*constants, constants[0] - 1, constants[-1] + 1, 2 * constants[0]]))
        return edges + rng.sample([n for n in range(-9, 40) if n not in edges], CASES - len(edges))
    if task.family.argument == "list":
        return [_numbers(rng, constants) for _ in range(CASES)]
    words = [" ".join(rng.sample(WORDS, k)) for k in (2, 3, 4)]
    if not constants:
        return [rng.choice(PALINDROMES), rng.choice(LOOKALIKES), *words, f"ox {words[-1]}"]
    return [
        *words,
        *(" ".join(rng.choices(WORDS, k=9))[:n] for n in (constants[0] - 1, constants[0], constants[0] + 1)),
    ]


def _numbers(rng: Random, constants: Constants) -> list[int]:
    """A list of 5 to 32 numbers around zero; the constants, their neighbours and multiples among them."""
    values = rng.choices(range(-9, 10), k=rng.randint(5, 9) + rng.choice((0, *constants)))
    for k in constants:
        values += rng.sample([k, k, k - 1, k + 1, 2 * k, -k], k=rng.randint(1, 4))
    rng.shuffle(values)
    return values


@dataclass(frozen=True)
class Split:
    """The tasks of a seed. See the top of the file for what is held out."""

    simple: tuple[tuple[Task, ...], ...]
    """Training tasks, by family."""
    pipelines: tuple[tuple[Task, ...], ...]
    held_out: tuple[Task, ...]

    def draw(self, rng: Random) -> Task:
        """A training task: first the kind, then the family, so that families with many constants do not prevail."""
        families = self.pipelines if rng.random() < PIPELINE_SHARE else self.simple
        return rng.choice(rng.choice(families))


def split_tasks(seed: int) -> Split:
    rng = Random(seed)  # noqa: S311
    simple, held_out = [], []
    for family in SIMPLE:
        tasks = tasks_of(family)
        unseen = set(_pick(rng, sorted({novelty(task) for task in tasks})))
        simple.append(tuple(task for task in tasks if novelty(task) not in unseen))
        held_out += rng.sample([task for task in tasks if novelty(task) in unseen], HELD_OUT_PER_FAMILY)
    new_pipelines = _pick(rng, PIPELINES)
    for family in new_pipelines:
        held_out += rng.sample(tasks_of(family), HELD_OUT_PER_FAMILY)
    pipelines = tuple(tuple(tasks_of(family)) for family in PIPELINES if family not in new_pipelines)
    return Split(tuple(simple), pipelines, tuple(held_out))


def tasks_of(family: Family) -> list[Task]:
    """Every filling of a family."""
    return [Task(family, *filling) for filling in product(family.constants, FUNCTIONS, ARGUMENTS[family.argument])]


def novelty(task: Task) -> tuple[int | str, ...]:
    """What tells a held-out task of a simple family from all that are trained on."""
    return task.constants or (task.function, task.argument)


def _pick(rng: Random, some: Sequence[T]) -> list[T]:
    return rng.sample(some, round(len(some) * HELD_OUT_SHARE))
