"""`passrate audit`: writes wrong programs for each problem, has them judged, and names the tests that accept them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal, get_args

from trainer.display import percent, show, table, warn, write_json
from trainer.inputs import check_writable, read_problems
from trainer.local_server import judging
from trainer.mutants import mutants
from trainer.wire import judging_spec
from trainer.wrong_programs import wrong_programs

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from rich.table import Table

    from tasks.schema import Problem
    from trainer.client import SyncRewardClient
    from trainer.wire import Result, Submission

Kind = Literal["template", "mutant"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MANY = 40
"""Problems beyond which a table is cut."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that should not pass every test of its problem."""

    problem: str
    kind: Kind
    """`template`: solves nothing. `mutant`: the reference with one change, which may happen to change nothing."""
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What became of one problem's wrong programs."""

    problem: str
    tried: tuple[tuple[Program, Result], ...]

    @property
    def judged(self) -> list[tuple[Program, Result]]:
        """Those with a verdict. What we failed to judge is no proof of a strong test."""
        return [(program, result) for program, result in self.tried if result.reward is not None]

    @property
    def strength(self) -> float | None:
        """The share of wrong programs that fail at least one test; None where none was judged."""
        judged = self.judged
        return sum(not result.all_passed for _, result in judged) / len(judged) if judged else None

    @property
    def is_weak(self) -> bool:
        """Whether a program that solves nothing passes every test."""
        return bool(self.accepted("template"))

    def accepted(self, kind: Kind) -> list[str]:
        """Return the names of the programs that pass every test."""
        return [program.name for program, result in self.judged if result.all_passed and program.kind == kind]

    def rejections(self) -> dict[str, int]:
        """Count for each test how many programs fail it: a mutant counts for the first that it fails.

        Programs that never got as far as the tests are left out.
        """
        counts: dict[str, int] = {}
        have_names = any(test.name for _, result in self.judged for test in result.tests)
        for _, result in self.judged:
            for number, test in enumerate(result.tests, start=1):
                # Where tests have names, those without belong to a program that failed before them.
                name = test.name if have_names else f"case {number}"
                if name and test.verdict != "skipped":
                    counts[name] = counts.get(name, 0) + (test.verdict != "passed")
        return counts


def main(arguments: argparse.Namespace) -> int:
    check_writable("--json", arguments.json)
    left_out: list[str] = []
    problems = read_problems(arguments.problems, left_out)
    warn("passrate audit", left_out)
    with judging(arguments, "auditing") as (client, on_progress):
        audits = audit(client, problems, on_progress)
    weak = [one for one in audits if one.is_weak]
    changed = [one for one in audits if one.accepted("mutant")]
    tables = [
        audit_table("Weak problems: programs that solve nothing pass", weak, "template"),
        audit_table("Changed references that pass; some may still be right", changed, "mutant"),
    ]
    show(*(made for made in tables if made.row_count), _summary_line(audits), json_to=arguments.json)
    write_json(_report(audits), arguments.json)
    return 0 if not left_out and all(is_strong_enough(one, arguments.min_strength) for one in audits) else 1


def programs_for(problem: Problem) -> list[Program]:
    made = [Program(problem.id, "template", name, code) for name, code in wrong_programs(problem)]
    return made + [Program(problem.id, "mutant", name, code) for name, code in mutants(problem.reference or "")]


def audit(
    client: SyncRewardClient, problems: Sequence[Problem], on_progress: Callable[[int, int], None] | None = None
) -> list[Audit]:
    """Have wrong programs for each problem judged. Returns: one audit each, weak problems first, then by strength."""
    programs = [program for problem in problems for program in programs_for(problem)]
    specs = {problem.id: judging_spec(problem) for problem in problems}
    tried: dict[str, list[tuple[Program, Result]]] = {problem.id: [] for problem in problems}
    before = 0
    for kind in KINDS:
        group = [program for program in programs if program.kind == kind]
        submissions: list[Submission] = [{"problem": program.problem, "code": program.code} for program in group]

        def tell(done: int, _: int, before: int = before) -> None:
            if on_progress is not None:
                on_progress(before + done, len(programs))

        # Some mutants never end: one test of those is enough to wait for. Their pass rate is that up to there.
        results = client.score(submissions, specs, detail="tests", stop_on_failure=kind == "mutant", on_progress=tell)
        for program, result in zip(group, results, strict=True):
            tried[program.problem].append((program, result))
        before += len(group)
    audits = [Audit(problem.id, tuple(tried[problem.id])) for problem in problems]
    return sorted(audits, key=lambda one: (not one.is_weak, 1.0 if one.strength is None else one.strength))


def is_strong_enough(one: Audit, least: float | None) -> bool:
    """Whether a problem may stay in the set. One of which nothing is known may not, where a strength is asked for."""
    return least is None or (one.strength is not None and one.strength >= least)


def audit_table(title: str, audits: Sequence[Audit], kind: Kind) -> Table:
    made = table(title, "problem", "programs that pass", numbers=("strength",))
    for one in audits[:MANY]:
        made.add_row(one.problem, "; ".join(one.accepted(kind)), percent(one.strength))
    if len(audits) > MANY:
        made.add_row(f"and {len(audits) - MANY} more", "see --json", "")
    return made


def mean_strength(audits: Iterable[Audit]) -> float | None:
    known = [one.strength for one in audits if one.strength is not None]
    return fmean(known) if known else None


def _summary_line(audits: Sequence[Audit]) -> str:
    tried = sum(len(one.tried) for one in audits)
    lost = tried - sum(len(one.judged) for one in audits)
    unknown = sum(one.strength is None for one in audits)
    weak = sum(one.is_weak for one in audits)
    line = (
        f"{len(audits)} problems, {tried} wrong programs: {weak} weak, mean strength {percent(mean_strength(audits))}"
    )
    line += f"; {lost} programs without a verdict" if lost else ""
    return f"{line}; {unknown} problems of unknown strength" if unknown else line


def _report(audits: Sequence[Audit]) -> dict[str, Any]:
    return {
        "problems": len(audits),
        "weak": [one.problem for one in audits if one.is_weak],
        "unknown": [one.problem for one in audits if one.strength is None],
        "mean_strength": mean_strength(audits),
        "unscored": sum(len(one.tried) - len(one.judged) for one in audits),
        "audits": [_audit_report(one) for one in audits],
    }


def _audit_report(one: Audit) -> dict[str, Any]:
    rejections = one.rejections()
    return {
        "problem": one.problem,
        "strength": one.strength,
        "weak": one.is_weak,
        "accepted_templates": one.accepted("template"),
        "accepted_mutants": one.accepted("mutant"),
        "unscored": len(one.tried) - len(one.judged),
        "rejections": rejections,
        "tests_that_reject_nothing": [test for test, count in rejections.items() if not count],
        "programs": [
            {
                "name": program.name,
                "kind": program.kind,
                "code": program.code,
                "pass_rate": result.pass_rate,
                "verdict": result.verdict,
            }
            for program, result in one.tried
        ],
    }
