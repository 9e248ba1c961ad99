"""What would go wrong with a problem whose reference passes: limits too near, tests that are flaky, one process needed.

Pure: from the results of the reference's runs to advice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tasks.schema import StdioTests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.schema import Problem
    from trainer.wire import Result

ROOM: Final = 2.0
"""On a loaded machine a program takes up to twice the CPU time that it takes alone."""
ROOM_OF_MEMORY: Final = 1.25
MENDED: Final = 4.0
"""A limit that `--fix` writes is so many times what the reference used."""
MOST_CPU_S, MOST_WALL_S, MOST_MEMORY_MB = 600.0, 3600.0, 65536


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to mend in a problem."""

    problem: str
    field: str
    """Its path in the problem, such as `limits.cpu_s`."""
    reason: str
    value: Any = None
    """What `--fix` writes there; None where that is for a person to decide."""


def advise(problem: Problem, runs: Sequence[Result]) -> Iterator[Advice]:
    """Say what is to be mended. `runs`: the results of the reference."""
    learned = next((run.calibration for run in runs if run.calibration is not None), None)
    if learned is not None and learned.assurance == "shared":
        yield Advice(problem.id, "tests.isolation", "only one process with its tests works", "shared")
    if learned is not None and learned.unreached:
        lines = ", ".join(learned.unreached)
        yield Advice(problem.id, "tests.source", f"the reference does not reach {lines}: these asserts do not count")
    if any(run.reward == 1.0 for run in runs):
        yield from _near_limits(problem, [run for run in runs if run.reward == 1.0])


def flaky(runs: Sequence[Result]) -> str | None:
    """Say how often a reference passes that passes now and then; None where all its runs come out alike."""
    judged = [run for run in runs if run.reward is not None]
    good = sum(run.reward == 1.0 for run in judged)
    return f"flaky: it passes {good} of {len(judged)} runs" if 0 < good < len(judged) else None


def _near_limits(problem: Problem, runs: Sequence[Result]) -> Iterator[Advice]:
    limits, tests = problem.limits, [test for run in runs for test in run.tests]
    cpu_s = max((test.cpu_s for test in tests), default=0.0)
    wall_s = max((test.wall_s for test in tests), default=0.0)
    memory_mb = max((test.memory_bytes for test in tests), default=0) / 2**20
    if cpu_s * ROOM > limits.cpu_s:
        reason = f"a test of the reference takes {cpu_s:.2f} s of {limits.cpu_s:g}: too near on a loaded machine"
        yield Advice(problem.id, "limits.cpu_s", reason, min(MOST_CPU_S, math.ceil(MENDED * cpu_s)))
    if wall_s * ROOM > limits.wall_s:
        reason = f"a test of the reference takes {wall_s:.2f} s by the clock of {limits.wall_s:g}"
        yield Advice(problem.id, "limits.wall_s", reason, min(MOST_WALL_S, math.ceil(MENDED * wall_s)))
    if memory_mb * ROOM_OF_MEMORY > limits.memory_mb:
        reason = f"a test of the reference takes {memory_mb:.0f} MiB of {limits.memory_mb}"
        yield Advice(problem.id, "limits.memory_mb", reason, min(MOST_MEMORY_MB, 2 * math.ceil(memory_mb)))
    if isinstance(problem.tests, StdioTests) and not any(case.stdout.strip() for case in problem.tests.cases):
        yield Advice(problem.id, "tests.cases", "no case expects any output: a program that prints nothing passes")
