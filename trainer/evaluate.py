"""`passrate eval`: pass@k of a model, or of completions made elsewhere, on a problem set; alone or against another.

Promises: what can be known to be wrong is said before a model is loaded or a server is started.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trainer.display import show, warn, write_json
from trainer.evaluation import compare, evaluate, problems_by_tag
from trainer.evaluation_report import comparison_report, report
from trainer.evaluation_tables import tables
from trainer.inputs import check_prompts, check_writable, read_problems
from trainer.local_server import judging
from trainer.parser import UsageError
from trainer.sampling import Sampling
from trainer.sides import baseline_side, completions_side, draw, judge, model_side
from trainer.wire import judging_spec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping, Sequence

    from trainer.client import ScoreOptions
    from trainer.sides import Side

KS = (1, 5, 10)
"""The k of pass@k where none is asked for: those of them that the samples allow."""
SAMPLES = 10
"""Of each problem, where no number is asked for. At temperature 0 they would all be one."""


def main(arguments: argparse.Namespace) -> int:
    _check_outputs(arguments)
    left_out: list[str] = []
    every = read_problems(arguments.problems, left_out)
    problems = every[: arguments.limit]
    known = {problem.id for problem in every}
    specs = {problem.id: judging_spec(problem) for problem in problems}
    sides = _read_sides(arguments, known, specs, left_out)
    warn("passrate eval", left_out)
    if any(side.engine for side in sides):
        check_prompts(problems)
    sampling = _sampling(arguments)
    ks = _choose_ks(arguments.k, sides[0], sampling)

    sides[0] = draw(sides[0], problems, sampling)
    if arguments.save_completions is not None:
        rows = [json.dumps(submission) + "\n" for submission in sides[0].submissions]
        arguments.save_completions.write_text("".join(rows), encoding="utf-8")
    sides[1:] = [draw(side, problems, sampling) for side in sides[1:]]
    with judging(arguments, "scoring") as (client, on_progress):
        options: ScoreOptions = {"min_assurance": arguments.min_assurance, "unfenced": arguments.unfenced}
        sides = judge(sides, client, specs, on_progress, options)

    named = [(side.name, evaluate(side.submissions, side.results or (), ks)) for side in sides]
    found, theirs = named[0][1], named[-1][1]
    differences = compare(found, theirs) if len(named) > 1 else {}
    tags = problems_by_tag([problem for problem in problems if problem.id in found.counts])
    show(*tables(named, differences, tags, problems=len(problems)), json_to=arguments.json)
    against = _origin(sides[1], sampling) | comparison_report(theirs, differences) if differences else None
    told = report(found, sides[0].submissions, sides[0].results or (), specs, tags)
    write_json(_origin(sides[0], sampling) | {"against": against, "left_out": left_out} | told, arguments.json)
    if arguments.plot is not None:
        importlib.import_module("trainer.evaluation_plot").plot_evaluation(named, differences, tags, arguments.plot)
    return 1 if left_out else 0


def _check_outputs(arguments: argparse.Namespace) -> None:
    check_writable("--json", arguments.json)
    check_writable("--plot", arguments.plot)
    check_writable("--save-completions", arguments.save_completions)
    if arguments.plot is not None:
        if arguments.plot.suffix.lower() != ".png":
            raise UsageError(f"--plot: give a name that ends in .png, not {arguments.plot}")
        importlib.import_module("trainer.evaluation_plot")  # is it not installed, that shows now
    if arguments.save_completions is not None and arguments.model is None:
        raise UsageError("--save-completions: only those of --model are saved; leave it out")


def _read_sides(
    arguments: argparse.Namespace, known: Collection[str], specs: Mapping[str, Any], left_out: list[str]
) -> list[Side]:
    if arguments.model is not None:
        sides = [model_side("--model", arguments.model, arguments.engine)]
    else:
        sides = [completions_side("--completions", arguments.completions, known, specs, left_out)]
    if arguments.against is not None:
        sides.append(baseline_side("--against", arguments.against, known, specs, left_out, arguments.engine))
    problems = [specs.keys() if side.engine else {one["problem"] for one in side.submissions} for side in sides]
    if not problems[0] & problems[-1]:
        raise UsageError(f"--against: {arguments.against} and {sides[0].option} have no problem in common")
    return sides


def _sampling(arguments: argparse.Namespace) -> Sampling:
    samples = arguments.samples or (SAMPLES if arguments.temperature else 1)
    if samples > 1 and not arguments.temperature:
        raise UsageError("--samples: at temperature 0 all are alike; give --samples 1, or a --temperature")
    return Sampling(
        samples=samples,
        temperature=arguments.temperature,
        top_p=arguments.top_p,
        max_new_tokens=arguments.max_new_tokens,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
    )


def _choose_ks(asked: Sequence[int] | None, side: Side, sampling: Sampling) -> Sequence[int]:
    counts = Counter(submission["problem"] for submission in side.submissions)
    fewest = min(counts.values(), default=sampling.samples)
    most = max(counts.values(), default=sampling.samples)
    if asked is None:
        return [k for k in KS if k <= fewest]
    if max(asked) <= most:
        return asked
    if side.engine:
        raise UsageError(f"--k: pass@{max(asked)} needs --samples of at least {max(asked)}")
    raise UsageError(f"--k: pass@{max(asked)} needs as many samples of a problem; {side.name} has at most {most}")


def _origin(side: Side, sampling: Sampling) -> dict[str, Any]:
    return {"source": side.name, "sampling": {"engine": side.engine, **asdict(sampling)} if side.engine else None}
