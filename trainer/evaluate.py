"""`passrate eval`: pass@k of a model, or of completions made elsewhere, on a problem set."""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.display import percent, progress_bar, show, table, write_json
from trainer.inputs import check_writable, read_problems
from trainer.local_server import judging
from trainer.parser import UsageError
from trainer.passk import mean_pass_at_k
from trainer.score import mean_reward, read_submissions, verdict_table
from trainer.wire import judging_spec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.schema import Problem
    from trainer.wire import Result, Submission


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of a set of completions."""

    pass_at: dict[int, float | None]
    """By k; None where no problem has k scored samples."""
    counts: dict[str, tuple[int, int]]
    """(scored samples, those that pass every test), by problem."""
    mean_reward: float | None
    unscored: int


def main(arguments: argparse.Namespace) -> int:
    check_writable("--json", arguments.json)
    check_writable("--plot", arguments.plot)
    problems = read_problems(arguments.problems)[: arguments.limit]
    specs = {problem.id: judging_spec(problem) for problem in problems}
    if arguments.completions is not None:
        submissions = read_submissions(arguments.completions, specs)
    else:
        if max(arguments.k) > arguments.samples:
            raise UsageError(f"--k: pass@{max(arguments.k)} needs --samples of at least {max(arguments.k)}")
        submissions = _generate(arguments, problems)
    with judging(arguments, "scoring") as (client, on_progress):
        results = client.score(submissions, specs, on_progress=on_progress)
    found = evaluate(submissions, results, arguments.k)
    made = table(f"{len(found.counts)} problems, {len(results)} samples", "measure", numbers=("value",))
    for k, value in found.pass_at.items():
        made.add_row(f"pass@{k}", percent(value))
    made.add_row("mean reward", percent(found.mean_reward))
    made.add_row("without a verdict", str(found.unscored))
    show(made, verdict_table(results), json_to=arguments.json)
    write_json(_report(found, results, submissions), arguments.json)
    if arguments.plot is not None:
        plot(found, arguments.plot)
    return 0


def evaluate(submissions: Sequence[Submission], results: Sequence[Result], ks: Sequence[int]) -> Evaluation:
    """Count what passes and estimate pass@k. Samples without a verdict count as not drawn."""
    samples: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    for submission, result in zip(submissions, results, strict=True):
        samples[submission["problem"]] += result.reward is not None
        correct[submission["problem"]] += result.reward is not None and result.all_passed
    counts = {problem: (samples[problem], correct[problem]) for problem in samples}
    return Evaluation(
        pass_at={k: mean_pass_at_k(counts.values(), k) for k in ks},
        counts=counts,
        mean_reward=mean_reward(results),
        unscored=sum(result.reward is None for result in results),
    )


def plot(found: Evaluation, path: Path) -> None:
    """Draw pass@k over k, for every k that the samples allow."""
    figure_module = importlib.import_module("matplotlib.figure")  # slow to import, and only wanted here
    ks = range(1, max((samples for samples, _ in found.counts.values()), default=0) + 1)
    points = [(k, value) for k in ks if (value := mean_pass_at_k(found.counts.values(), k)) is not None]
    figure = figure_module.Figure(figsize=(5, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([k for k, _ in points], [value for _, value in points], marker="o", markersize=3)
    axes.set(xlabel="k", ylabel="pass@k", ylim=(0, 1), title=f"{len(found.counts)} problems")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def _generate(arguments: argparse.Namespace, problems: Sequence[Problem]) -> list[Submission]:
    generate = importlib.import_module("trainer.generate")  # brings in torch, which scoring does not need
    sampling = generate.Sampling(
        samples=arguments.samples,
        temperature=arguments.temperature,
        top_p=arguments.top_p,
        max_new_tokens=arguments.max_new_tokens,
        batch_size=arguments.batch_size,
        seed=arguments.seed,
    )
    try:
        model, tokenizer = generate.load_model(arguments.model)
    except (OSError, ValueError) as error:
        raise UsageError(f"--model: cannot load {arguments.model}: {error}") from None
    with progress_bar("generating") as on_progress:
        completions = generate.complete(model, tokenizer, problems, sampling, on_progress)
    return [
        {"problem": problem.id, "completion": text}
        for problem, texts in zip(problems, completions, strict=True)
        for text in texts
    ]


def _report(found: Evaluation, results: Sequence[Result], submissions: Sequence[Submission]) -> dict[str, Any]:
    return {
        "pass_at": {str(k): value for k, value in found.pass_at.items()},
        "mean_reward": found.mean_reward,
        "unscored": found.unscored,
        "verdicts": Counter(result.verdict for result in results),
        "problems": {problem: {"samples": n, "correct": c} for problem, (n, c) in found.counts.items()},
        "samples": [
            {**submission, "verdict": result.verdict, "pass_rate": result.pass_rate}
            for submission, result in zip(submissions, results, strict=True)
        ],
    }
