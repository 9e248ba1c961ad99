"""`passrate validate`: references must score 1.0, wrong solutions less; names the problems where it is otherwise.

It runs each reference several times, shows what the server learned from it and says what would go wrong with a problem.
With `--fix` it writes what is safe into the file.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainer.advising import Advice, advise, flaky
from trainer.display import show, table, write_json
from trainer.fixing import fixable_file, mend
from trainer.inputs import check_writable, read_problems
from trainer.local_server import judging
from trainer.wire import judging_spec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence

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


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about a set of problems."""

    findings: list[Finding]
    advice: list[Advice]
    learned: dict[str, Learned]
    """What the references showed, by problem."""

    @property
    def fixes(self) -> dict[str, dict[str, Any]]:
        """What `--fix` writes: by problem, the value of each field."""
        fixes: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for each in self.advice:
            if each.value is not None:
                fixes[each.problem][each.field] = each.value
        return dict(fixes)


def main(arguments: argparse.Namespace) -> int:
    check_writable("--json", arguments.json)
    file = fixable_file(arguments.problems) if arguments.fix else None
    refused: list[str] = []
    problems = read_problems(arguments.problems, refused)
    with judging(arguments, "validating") as (client, on_progress):
        report = validate(client, problems, on_progress, runs=arguments.runs)
    bad = {finding.problem for finding in report.findings}
    without = [problem.id for problem in problems if problem.reference is None]
    tables = [learned_table(report.learned)] if report.learned else []
    tables += [advice_table(report.advice)] if report.advice else []
    tables += [findings_table(report.findings)] if report.findings else []
    counted = f"{len(problems) + len(refused)} problems: {len(problems) - len(bad)} good, {len(bad) + len(refused)} bad"
    summary = f"{counted}, {len(without)} without a reference" if without else counted
    show(*tables, *refused, summary, json_to=arguments.json)
    fixes = report.fixes
    if file is not None:
        mend(file, fixes)
        shown = [f"wrote {field}: {value} for {name}" for name, fix in fixes.items() for field, value in fix.items()]
        show(*shown, "validate again" if shown else "nothing to fix", json_to=arguments.json)
    written = {
        "problems": len(problems) + len(refused),
        "bad": sorted(bad),
        "refused": refused,
        "without_reference": without,
        "findings": [asdict(finding) for finding in report.findings],
        "advice": [asdict(each) for each in report.advice],
        "learned": {problem: asdict(known) for problem, known in report.learned.items()},
        "fixed": fixes if file is not None else {},
    }
    write_json(written, arguments.json)
    return 1 if report.findings or refused else 0


def validate(
    client: SyncRewardClient,
    problems: Sequence[Problem],
    on_progress: Callable[[int, int], None] | None = None,
    *,
    runs: int = 1,
) -> Report:
    """Score each problem's reference, so many times, and its wrong solutions."""
    solutions: list[tuple[Problem, str]] = []
    submissions: list[Submission] = []
    for problem in problems:
        programs = (
            [] if problem.reference is None else [("reference", each) for each in copies(problem.reference, runs)]
        )
        programs += [(f"wrong {number}", program) for number, program in enumerate(problem.wrong, start=1)]
        for name, program in programs:
            solutions.append((problem, name))
            submissions.append({"problem": problem.id, "code": program})
    specs = {problem.id: judging_spec(problem) for problem in problems}
    results = client.score(submissions, specs, detail="tests", on_progress=on_progress)
    by_solution: defaultdict[tuple[str, str], list[Result]] = defaultdict(list)
    for (problem, name), result in zip(solutions, results, strict=True):
        by_solution[problem.id, name].append(result)
    return report_on(problems, by_solution)


def copies(program: str, count: int) -> list[str]:
    """Make programs that do the same and differ in their text, as the server runs each text once."""
    return [program, *(f"{program}\n# run {number}\n" for number in range(2, count + 1))]


def report_on(problems: Iterable[Problem], by_solution: Mapping[tuple[str, str], Sequence[Result]]) -> Report:
    findings, learned = [], {}
    for (problem_id, solution), results in by_solution.items():
        known = next((result.calibration for result in results if result.calibration is not None), None)
        if known is not None:
            learned[problem_id] = known
        finding = _finding(problem_id, solution, results)
        if finding is not None:
            findings.append(finding)
    advice = [each for problem in problems for each in advise(problem, by_solution.get((problem.id, "reference"), ()))]
    return Report(findings, advice, learned)


def advice_table(advice: Iterable[Advice]) -> Table:
    """Make a table of what would go wrong."""
    made = table("Worth a look", "problem", "field", "why", "--fix writes")
    for each in advice:
        made.add_row(each.problem, each.field, each.reason, "" if each.value is None else str(each.value))
    return made


def learned_table(learned: Mapping[str, Learned]) -> Table:
    """Make a table of what the references showed, one row for each problem."""
    made = table("What the references show", "problem", "assurance", "not reached", "CPU s", "fault")
    for problem, known in learned.items():
        made.add_row(problem, known.assurance, ", ".join(known.unreached), f"{known.cpu_s:.3f}", known.fault)
    return made


def findings_table(findings: Sequence[Finding]) -> Table:
    """Make a table with one row for all solutions of a problem that have the same trouble."""
    solutions: dict[tuple[str, str, str, str], list[str]] = {}
    for found in findings:
        solutions.setdefault((found.problem, found.verdict, found.passed, found.reason), []).append(found.solution)
    made = table("Problems to fix", "problem", "solution", "verdict", "passed", "reason")
    for (problem, verdict, passed, reason), names in solutions.items():
        made.add_row(problem, ", ".join(names), verdict, passed, reason)
    return made


def _finding(problem: str, solution: str, results: Sequence[Result]) -> Finding | None:
    """Describe the first run that came out otherwise than it should; None where all did."""
    for result in results:
        reason = _complaint(solution, result)
        if reason is not None:
            why = "; ".join(filter(None, (flaky(results), reason)))
            return Finding(problem, solution, result.verdict, f"{result.passed}/{result.total}", why)
    return None


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
