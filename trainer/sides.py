"""The sets of completions that `passrate eval` evaluates, step by step: read, drawn from a model, judged."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trainer.display import progress_bar
from trainer.evaluation_report import read_report
from trainer.inputs import read_submissions, read_text
from trainer.parser import UsageError
from trainer.sampling import ModelNotLoaded, load_engine, pick_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from tasks.schema import Problem
    from trainer.client import ScoreOptions, SyncRewardClient
    from trainer.sampling import Sampling
    from trainer.wire import Result, Submission


@dataclass(frozen=True, slots=True)
class Side:
    """A set of completions, as far as it is known."""

    option: str
    name: str
    """What the option was given."""
    engine: str | None = None
    """What draws the completions, where the option was given a model."""
    submissions: Sequence[Submission] = ()
    """Empty as long as a model has not drawn them."""
    results: Sequence[Result] | None = None
    """None as long as they are not judged."""


def model_side(option: str, name: str, engine: str) -> Side:
    """Choose the engine of a model. Raises: UsageError where there is no model, or the engine cannot be had."""
    hub = importlib.import_module("trainer.hub")  # needs packages that only the `train` extra has
    hub.check_model(option, name)
    return Side(option, name, pick_engine(engine, adapter=hub.is_adapter(name)))


def completions_side(
    option: str, path: Path, known: Collection[str], specs: Mapping[str, Any], left_out: list[str]
) -> Side:
    """Read completions of known problems and keep those of the problems in `specs`. Raises: UsageError.

    `left_out`: takes what is wrong with rows that cannot be used.
    """
    read = read_submissions(option, path, known, left_out)
    return Side(option, str(path), submissions=_some(option, path, [one for one in read if one["problem"] in specs]))


def baseline_side(
    option: str, path: Path, known: Collection[str], specs: Mapping[str, Any], left_out: list[str], engine: str
) -> Side:
    """Read what is compared with: a folder with a model, a report of `passrate eval --json`, or completions.

    Raises: UsageError.
    """
    if path.is_dir():
        return model_side(option, str(path), engine)
    try:
        told = json.loads(read_text(option, path))
    except ValueError:  # several rows
        told = None
    if not isinstance(told, dict) or "problem" in told:
        return completions_side(option, path, known, specs, left_out)
    submissions, results = read_report(f"{option}: {path}", told, specs)
    return Side(option, str(path), submissions=_some(option, path, submissions), results=results)


def draw(side: Side, problems: Sequence[Problem], sampling: Sampling) -> Side:
    """Have a model's completions drawn; others stay as they are. Raises: UsageError where it cannot be loaded."""
    if side.engine is None:
        return side
    try:
        with progress_bar("generating") as on_progress:
            drawn = load_engine(side.engine).complete(side.name, problems, sampling, on_progress)
    except ModelNotLoaded as error:
        raise UsageError(f"{side.option}: cannot load {side.name}: {error}") from None
    submissions: list[Submission] = [
        {"problem": problem.id, "completion": text}
        for problem, texts in zip(problems, drawn, strict=True)
        for text in texts
    ]
    return replace(side, submissions=submissions)


def judge(
    sides: Sequence[Side],
    client: SyncRewardClient,
    specs: Mapping[str, Any],
    on_progress: Callable[[int, int], None],
    options: ScoreOptions,
) -> list[Side]:
    """Have what has no results judged, all of it in one batch."""
    batch = [submission for side in sides if side.results is None for submission in side.submissions]
    results = iter(client.score(batch, specs, on_progress=on_progress, **options))
    return [
        side if side.results is not None else replace(side, results=[next(results) for _ in side.submissions])
        for side in sides
    ]


def _some(option: str, path: Path, submissions: list[Submission]) -> list[Submission]:
    if not submissions:
        raise UsageError(f"{option}: {path} has no completion of the problems that are evaluated")
    return submissions
