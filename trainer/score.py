"""`passrate score`: judge completions made elsewhere, show what became of them, write it as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trainer.display import percent, show, table, warn, write_json
from trainer.evaluation import mean_reward
from trainer.inputs import check_writable, read_problems, read_submissions
from trainer.local_server import judging
from trainer.wire import VERDICTS, judging_spec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from trainer.wire import Result, Submission

MANY = 40
"""Problems beyond which the table shows only totals."""


def main(arguments: argparse.Namespace) -> int:
    """Score a file. Returns: 1 where a row of it, or a problem, could not be used, else 0."""
    check_writable("--json", arguments.json)
    check_writable("--pass-rates", arguments.pass_rates)
    left_out: list[str] = []
    problems = read_problems(arguments.problems, left_out)
    specs = {problem.id: judging_spec(problem) for problem in problems}
    submissions = read_submissions("--completions", arguments.completions, specs, left_out)
    warn("passrate score", left_out)
    with judging(arguments, "scoring") as (client, on_progress):
        results = client.score(
            submissions,
            specs,
            reward=arguments.reward,
            detail=arguments.detail,
            min_assurance=arguments.min_assurance,
            unfenced=arguments.unfenced,
            on_progress=on_progress,
        )
    tables = [_problem_table(submissions, results)] if len({one["problem"] for one in submissions}) <= MANY else []
    show(*tables, verdict_table(results), _summary_line(results), json_to=arguments.json)
    write_json(_report(submissions, results) | {"left_out": left_out}, arguments.json)
    if arguments.pass_rates is not None:
        lines = [json.dumps(row) + "\n" for row in pass_rates(submissions, results)]
        arguments.pass_rates.write_text("".join(lines), encoding="utf-8")
    return 1 if left_out else 0


def pass_rates(submissions: Sequence[Submission], results: Sequence[Result]) -> list[dict[str, Any]]:
    """Make a row for each problem: samples with a verdict, their mean pass rate, and the share that pass every test.

    Both are None where no sample has a verdict. `trainer.data.read_pass_rates` reads such rows.
    """
    rows = []
    for problem, group in _by_problem(submissions, results).items():
        scored = [result for result in group if result.pass_rate is not None]
        count = len(scored)
        rows.append(
            {
                "problem": problem,
                "samples": count,
                "pass_rate": sum(result.pass_rate or 0.0 for result in scored) / count if count else None,
                "all_passed": sum(result.all_passed for result in scored) / count if count else None,
            }
        )
    return rows


def _by_problem(submissions: Sequence[Submission], results: Sequence[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for submission, result in zip(submissions, results, strict=True):
        groups.setdefault(submission["problem"], []).append(result)
    return groups


def verdict_table(results: Iterable[Result]) -> Table:
    counts = Counter(result.verdict for result in results)
    made = table("Verdicts", "verdict", numbers=("submissions", "share"))
    for verdict in VERDICTS:
        if counts[verdict]:
            made.add_row(verdict, str(counts[verdict]), percent(counts[verdict] / counts.total()))
    return made


def _problem_table(submissions: Sequence[Submission], results: Sequence[Result]) -> Table:
    groups = _by_problem(submissions, results)
    made = table("Problems", "problem", numbers=("submissions", "all passed", "mean reward"))
    for problem, group in groups.items():
        passed = sum(result.all_passed for result in group)
        made.add_row(problem, str(len(group)), str(passed), percent(mean_reward(group)))
    return made


def _summary_line(results: Sequence[Result]) -> str:
    lost = sum(result.reward is None for result in results)
    passed = sum(result.all_passed for result in results)
    line = f"{len(results)} submissions: {passed} pass every test, mean reward {percent(mean_reward(results))}"
    if not lost:
        return line
    reason = next(result.error for result in results if result.reward is None)
    return f"{line}; {lost} without a verdict ({reason})"


def _report(submissions: Sequence[Submission], results: Sequence[Result]) -> dict[str, Any]:
    return {
        "submissions": len(results),
        "unscored": sum(result.reward is None for result in results),
        "all_passed": sum(result.all_passed for result in results),
        "mean_reward": mean_reward(results),
        "results": [
            {
                "problem": submission["problem"],
                **asdict(result),
                "tests": [test._asdict() for test in result.tests],
            }
            for submission, result in zip(submissions, results, strict=True)
        ],
    }
