"""The works: named sets of programs that every way takes in turns."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reward_server.backends.embedded import base_python
from tasks.registry import load_problems
from tests.bench import grpo
from tests.bench.numpy_set import numpy_problems
from tests.bench.programs import Program, references
from tests.bench.stdio_set import stdio_problems

if TYPE_CHECKING:
    from collections.abc import Callable

HUMANEVAL_FILE = Path(__file__).parents[3] / "shared" / "data" / "humaneval.jsonl.gz"
AT_LEAST = 150
"""Evaluations in a round: fewer would drown in the clock ticks of /proc."""
HUMANEVAL, BUNDLED, STDIO, NUMPY, GRPO = "humaneval", "bundled", "stdio", "numpy", "grpo"


@dataclass(frozen=True, slots=True)
class Work:
    name: str
    title: str
    programs: list[Program]
    unreferenced: list[Program] | None = None
    """The same with no reference that the server could learn from: only for a batch with endless loops."""
    needs: str | None = None
    """A module beside the standard library. Where it is, the bare interpreters are those that have it."""

    @property
    def python(self) -> str:
        """The interpreter of the bare ways."""
        return base_python() if self.needs is None else own_python()

    @property
    def clean_python(self) -> list[str]:
        """How a bare way starts it, with no more than the work needs: the site packages take twice as long again."""
        return [self.python, "-I", "-S"] if self.needs is None else [self.python, "-I"]


def default_humaneval() -> Path | None:
    return HUMANEVAL_FILE if HUMANEVAL_FILE.exists() else None


def own_python() -> str:
    """This environment's interpreter, by the path that a sandbox may see it under."""
    return str(Path(sys.prefix).resolve() / "bin" / "python")


def make_work(name: str, humaneval: Path | None, *, quick: bool) -> Work:
    """Raises: ProblemSetError."""
    return MAKERS[name](humaneval, quick)


def _humaneval(path: Path | None, _: bool) -> Work:
    return Work(HUMANEVAL, "HumanEval references", references(load_problems(f"humaneval:{path}"), AT_LEAST))


def _bundled(_: Path | None, __: bool) -> Work:
    return Work(BUNDLED, "bundled references", references(load_problems("bundled"), 1))


def _stdio(_: Path | None, __: bool) -> Work:
    return Work(STDIO, "whole programs of 20 cases each", references(stdio_problems(), 1))


def _numpy(_: Path | None, quick: bool) -> Work:
    return Work(NUMPY, "programs that import numpy", references(numpy_problems(), 12 if quick else 48), needs="numpy")


def _grpo(path: Path | None, quick: bool) -> Work:
    problems = load_problems("bundled" if path is None else f"humaneval:{path}")
    batch = grpo.grpo_batch(problems, 8) if quick else grpo.grpo_batch(problems, grpo.PROBLEMS, grpo.CPU_S)
    return Work(GRPO, f"a batch of GRPO, {grpo.make_up(batch)}", batch, grpo.without_references(batch))


MAKERS: dict[str, Callable[[Path | None, bool], Work]] = {
    HUMANEVAL: _humaneval,
    BUNDLED: _bundled,
    STDIO: _stdio,
    NUMPY: _numpy,
    GRPO: _grpo,
}
