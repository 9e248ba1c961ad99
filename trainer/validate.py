"""`passrate validate`: references must score 1.0, wrong solutions less; names the problems where it is otherwise.

It also shows what the server learned from the references, and with `--fix` writes what is safe into the file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from trainer.display import show, table, write_json
from trainer.fixing import fixable_file, let_share
from trainer.inputs import check_writable, read_problems
from trainer.local_server import judging
from trainer.wire import judging_spec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from rich.table import Table

    from tasks.schema import Problem
    from trainer.client import SyncRewardClient
    from trainer.wire import Learned, Result, Submission


@dataclass(frozen=True, slots=True)
class Finding:
    """A solution that did not score as it should."""

    problem: str
    solution: str
    """`reference`, or `wrong 1`, `wrong 2`, ..."""
    verdict: str
    passed: str
    reason: str


def main(arguments: argparse.Namespace) -> int:
    check_writable("--json", arguments.json)
    file = fixable_file(arguments.problems) if arguments.fix else None
    problems = read_problems(arguments.problems)
    with judging(arguments, "validating") as (client, on_progress):
        findings, learned = validate(client, problems, on_progress)
    sharing = [problem for problem, known in learned.items() if known.assurance == "shared"]
    bad = {finding.problem for finding in findings}
    without = [problem.id for problem in problems if problem.reference is None]
    if learned:
        show(learned_table(learned), json_to=arguments.json)
    if findings:
        show(findings_table(findings), json_to=arguments.json)
    line = f"{len(problems)} problems: {len(problems) - len(bad)} good, {len(bad)} bad"
    show(f"{line}, {len(without)} without a reference" if without else line, json_to=arguments.json)
    if file is not None:
        let_share(file, sharing)
        fixed = f"wrote isolation: shared for {len(sharing)} problems: validate again" if sharing else "nothing to fix"
        show(fixed, json_to=arguments.json)
    report = {
        "problems": len(problems),
        "bad": sorted(bad),
        "without_reference": without,
        "findings": [asdict(finding) for finding in findings],
        "learned": {problem: asdict(known) for problem, known in learned.items()},
        "fixed": sharing if file is not None else [],
    }
    write_json(report, arguments.json)
    return 1 if findings else 0


def validate(
    client: SyncRewardClient, problems: Sequence[Problem], on_progress: Callable[[int, int], None] | None = None
) -> tuple[list[Finding], dict[str, Learned]]:
    """Score each problem's reference and wrong solutions.

    Returns: those that came out otherwise than they should, and what the references showed, by problem.
    """
    solutions: list[tuple[Problem, str]] = []
    submissions: list[Submission] = []
    for problem in problems:
        programs = [] if problem.reference is None else [("reference", problem.reference)]
        programs += [(f"wrong {number}", program) for number, program in enumerate(problem.wrong, start=1)]
        for name, program in programs:
            solutions.append((problem, name))
            submissions.append({"problem": problem.id, "code": program})
    specs = {problem.id: judging_spec(problem) for problem in problems}
    results = client.score(submissions, specs, detail="tests", on_progress=on_progress)
    findings, learned = [], {}
    for (problem, name), result in zip(solutions, results, strict=True):
        if result.calibration is not None:
            learned[problem.id] = result.calibration
        reason = _complaint(name, result)
        if reason is not None:
            passed = f"{result.passed}/{result.total}"
            findings.append(Finding(problem.id, name, result.verdict, passed, reason))
    return findings, learned


def learned_table(learned: Mapping[str, Learned]) -> Table:
    """Make a table of what the references showed, one row for each problem."""
    made = table("What the references show", "problem", "assurance", "not reached", "CPU s", "to mend")
    for problem, known in learned.items():
        shared = 'only one process works: `"isolation": "shared"` in its tests' if known.assurance == "shared" else ""
        unreached = ", ".join(known.unreached)
        made.add_row(problem, known.assurance, unreached, f"{known.cpu_s:.3f}", known.fault or shared)
    return made


def findings_table(findings: Sequence[Finding]) -> Table:
    """Make a table with one row for all solutions of a problem that have the same trouble."""
    solutions: dict[tuple[str, str, str, str], list[str]] = {}
    for found in findings:
        solutions.setdefault((found.problem, found.verdict, found.passed, found.reason), []).append(found.solution)
    made = table("Problems to mend", "problem", "solution", "verdict", "passed", "reason")
    for (problem, verdict, passed, reason), names in solutions.items():
        made.add_row(problem, ", ".join(names), verdict, passed, reason)
    return made


def _complaint(solution: str, result: Result) -> str | None:
    """Say what is wrong with a solution's result; None where all is as it should be."""
    if result.reward is None:
        return f"no verdict: {result.error}"
    if solution != "reference":
        return "a wrong solution passes every test" if result.reward == 1.0 else None
    if result.reward == 1.0:  # it may be flaky: when the server learned from it, it did not pass
        return result.calibration.fault or None if result.calibration is not None else None
    failed = next((test for test in result.tests if test.verdict != "passed"), None)
    said = f"{failed.name} {failed.message}".strip() if failed else result.error or ""
    return f"the reference does not pass every test: {said}".rstrip(": ")
