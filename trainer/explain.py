"""`passrate explain`: judge one submission and show everything, for those who ask "why is this 0?"."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.display import show, warn, write_json
from trainer.explaining import NOT_TESTED, failures, program, summary, tests_table
from trainer.inputs import check_writable, read_problems, read_text
from trainer.local_server import judging
from trainer.parser import UsageError, meant
from trainer.wire import judging_spec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tasks.schema import Problem
    from trainer.wire import Submission


def main(arguments: argparse.Namespace) -> int:
    """Explain a file. Returns: 0 where every test passes, else 1."""
    check_writable("--json", arguments.json)
    left_out: list[str] = []
    problems = read_problems(arguments.problems, left_out)
    warn("passrate explain", left_out)
    problem = named(problems, arguments.problem)
    text = sys.stdin.read() if str(arguments.file) == "-" else read_text("FILE", arguments.file)
    submission: Submission = {"problem": problem.id, is_program(arguments.file, arguments.kind): text}  # type: ignore[misc]
    with judging(arguments, "judging") as (client, on_progress):
        specs = {problem.id: judging_spec(problem)}
        (result,) = client.score(
            [submission],
            specs,
            detail="output",
            min_assurance=arguments.min_assurance,
            unfenced=arguments.unfenced,
            on_progress=on_progress,
        )
    show(summary(problem, result), program(result), json_to=arguments.json)
    if result.verdict not in NOT_TESTED:
        show(tests_table(problem, result), *failures(problem, result), json_to=arguments.json)
    write_json(asdict(result) | {"tests": [test._asdict() for test in result.tests]}, arguments.json)
    return 0 if result.all_passed else 1


def named(problems: Sequence[Problem], name: str | None) -> Problem:
    """Find the problem of this id. Raises: UsageError."""
    by_id = {problem.id: problem for problem in problems}
    if name is None and len(by_id) == 1:
        return problems[0]
    if name is None:
        raise UsageError(f"--problem: name one of the {len(by_id)} problems, such as {next(iter(by_id))}")
    if name not in by_id:
        raise UsageError(f"--problem: {name}: no such problem; {meant(name, by_id)}")
    return by_id[name]


def is_program(file: Path, kind: str | None) -> str:
    """Choose between `code` and `completion`: by option, or else by the file's name."""
    return kind or ("code" if Path(file).suffix == ".py" else "completion")
