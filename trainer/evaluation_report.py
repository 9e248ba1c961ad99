"""An evaluation as JSON: what `passrate eval --json` writes, and `--against` takes for judged.

Promises: a report is taken only where its problems were judged by the same tests as now.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from trainer.evaluation import pass_at
from trainer.parser import UsageError
from trainer.wire import VERDICTS, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.evaluation import Difference, Evaluation
    from trainer.wire import Submission


def report(
    found: Evaluation,
    submissions: Sequence[Submission],
    results: Sequence[Result],
    specs: Mapping[str, Any],
    tags: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Make a report of one set of completions.

    Args:
        found: what is known of them.
        submissions: what was judged.
        results: what became of each.
        specs: how each problem is judged, by id.
        tags: the problems of each tag.
    """
    return {
        **_summary(found),
        "tags": {
            tag: {"problems": len(ids), "pass_at": _by_k(pass_at(found.counts, ids, list(found.pass_at)))}
            for tag, ids in tags.items()
        },
        "problems": {
            problem: {"samples": samples, "correct": correct, "tests": _fingerprint(specs[problem])}
            for problem, (samples, correct) in found.counts.items()
        },
        "samples": [
            {**submission, "verdict": result.verdict, "pass_rate": result.pass_rate, "error": result.error}
            for submission, result in zip(submissions, results, strict=True)
        ],
    }


def comparison_report(theirs: Evaluation, differences: Mapping[int, Difference]) -> dict[str, Any]:
    """Make what a report says of the other set of completions."""
    by_k = {
        k: {
            "problems": one.problems,
            "pass_at": one.ours,
            "pass_at_against": one.theirs,
            "difference": one.value,
            "interval": one.interval,
        }
        for k, one in differences.items()
    }
    return {**_summary(theirs), "differences": _by_k(by_k)}


def read_report(where: str, told: Mapping[str, Any], specs: Mapping[str, Any]) -> tuple[list[Submission], list[Result]]:
    """Read what became of each completion of the problems in `specs`; others are left out.

    Args:
        where: goes before what is wrong: the option and the file.
        told: the JSON.
        specs: how each problem is judged now, by id.

    Raises: UsageError.
    """
    samples, problems = told.get("samples"), told.get("problems")
    if not isinstance(samples, list) or not isinstance(problems, dict):
        raise UsageError(f"{where} is neither JSONL of completions nor a report of passrate eval --json")
    submissions: list[Submission] = []
    results: list[Result] = []
    for number, sample in enumerate(samples, start=1):
        if not _is_sample(sample, problems):
            raise UsageError(f"{where}: sample {number} is none that passrate eval --json wrote")
        problem, pass_rate = sample["problem"], sample["pass_rate"]
        if problem not in specs:
            continue
        if problems[problem]["tests"] != _fingerprint(specs[problem]):
            raise UsageError(f"{where}: {problem} was judged by other tests; have its completions judged again")
        submission: Any = {key: sample[key] for key in ("problem", "completion", "code") if key in sample}
        submissions.append(submission)
        results.append(Result(pass_rate, pass_rate, 0, 0, sample["verdict"], error=sample["error"]))
    return submissions, results


def _is_sample(sample: Any, problems: Mapping[str, Any]) -> bool:
    try:
        known = "tests" in problems[sample["problem"]] and sample["verdict"] in VERDICTS and "error" in sample
        return known and isinstance(sample["pass_rate"], int | float | None)
    except (KeyError, TypeError):
        return False


def _summary(found: Evaluation) -> dict[str, Any]:
    return {
        "pass_at": _by_k(found.pass_at),
        "problems_at": _by_k({k: found.problems_at(k) for k in found.pass_at}),
        "mean_reward": found.mean_reward,
        "unscored": found.unscored,
        "why_unscored": found.why_unscored,
        "verdicts": dict(found.verdicts),
    }


def _by_k(values: Mapping[int, Any]) -> dict[str, Any]:
    return {str(k): value for k, value in values.items()}


def _fingerprint(spec: Any) -> str:
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
