"""Problems as a data set for TRL: one row each.

| column | what |
|---|---|
| `prompt` | text, or chat messages |
| `problem_id` | the problem's id |
| `problem` | what is judged, as a JSON string: Arrow would change nested values of mixed types |
| `reference_cpu_s` | CPU seconds of the reference over all tests, where known; for `efficiency_reward` |
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

from datasets import Dataset

from trainer.inputs import read_jsonl
from trainer.parser import UsageError
from trainer.prompts import chat_prompt, plain_prompt
from trainer.wire import judging_spec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from tasks.schema import Difficulty, Problem


def to_dataset(
    problems: Iterable[Problem],
    *,
    chat: bool = True,
    system_prompt: str | None = None,
    reference_cpu_s: Mapping[str, float] | None = None,
) -> Dataset:
    """Make a data set of problems.

    Args:
        problems: one row each, in order.
        chat: prompts as messages, for models with a chat template; else as text.
        system_prompt: goes before chat prompts that have none of their own.
        reference_cpu_s: by problem id; without it the column is left out.

    Raises: ValueError without a problem, or for one without a prompt: the trainer would say less clearly so.
    """
    rows: list[dict[str, Any]] = []
    for problem in problems:
        if not problem.prompt:
            raise ValueError(f"{problem.id} has no `prompt`: a model would not know what is asked")
        row: dict[str, Any] = {
            "prompt": chat_prompt(problem, system_prompt) if chat else plain_prompt(problem),
            "problem_id": problem.id,
            "problem": json.dumps(judging_spec(problem)),
        }
        if reference_cpu_s is not None:
            row["reference_cpu_s"] = reference_cpu_s.get(problem.id)
        rows.append(row)
    if not rows:
        raise ValueError("there is no problem to make a data set of")
    return Dataset.from_list(rows)


def split_by_hash(problems: Iterable[Problem], held_out_share: float) -> tuple[list[Problem], list[Problem]]:
    """Split into (train, held out) by a hash of the id: a problem stays on its side whatever else the set holds."""
    train: list[Problem] = []
    held_out: list[Problem] = []
    for problem in problems:
        digest = hashlib.sha256(problem.id.encode()).digest()
        side = held_out if int.from_bytes(digest[:8]) < held_out_share * 2**64 else train
        side.append(problem)
    return train, held_out


def select(
    problems: Iterable[Problem],
    *,
    languages: Collection[str] | None = None,
    max_prompt_chars: int | None = None,
    difficulties: Collection[Difficulty] | None = None,
    pass_rates: Mapping[str, float] | None = None,
    min_pass_rate: float = 0.0,
    max_pass_rate: float = 1.0,
) -> list[Problem]:
    """Keep the problems that meet every condition, in order. Both bounds of the pass rate are allowed values.

    Args:
        problems: what to choose from.
        languages: such as {"python"}; None allows all.
        max_prompt_chars: characters of the prompt as a model gets it, instruction included.
        difficulties: any of easy, medium and hard; a problem that names none is then left out.
        pass_rates: by problem id (`read_pass_rates`); a problem without a rate stays, as nobody knows yet.
        min_pass_rate: a little above 0 drops what is never solved: no group of it has a spread to learn from.
        max_pass_rate: a little below 1 drops what is always solved.
    """
    rates = pass_rates or {}
    return [
        problem
        for problem in problems
        if (languages is None or problem.language in languages)
        and (max_prompt_chars is None or len(plain_prompt(problem)) <= max_prompt_chars)
        and (difficulties is None or problem.difficulty in difficulties)
        and (problem.id not in rates or min_pass_rate <= rates[problem.id] <= max_pass_rate)
    ]


def read_pass_rates(path: Path, rate: Literal["pass_rate", "all_passed"] = "pass_rate") -> dict[str, float]:
    """Read what `passrate score --pass-rates` wrote: the rate of each problem, by its id.

    Args:
        path: JSONL with a row for each problem: `problem`, `samples`, `pass_rate`, `all_passed`.
        rate: the mean share of tests that pass, or the share of samples that pass them all.

    Returns: numbers from 0 to 1; problems whose rate is null (no sample had a verdict) are left out.
    Raises: UsageError that names the line and the field.
    """
    rates: dict[str, float] = {}
    for number, row in read_jsonl("pass rates", path):
        where = f"pass rates: {path}, line {number}"
        problem, value = row.get("problem"), row.get(rate)
        if not isinstance(problem, str):
            raise UsageError(
                f"{where}: give `problem`, the id of a problem; passrate score --pass-rates writes such rows"
            )
        if rate not in row or isinstance(value, bool) or not isinstance(value, int | float | None):
            raise UsageError(f"{where}: give `{rate}`, a number from 0 to 1 or null")
        if value is None:
            continue
        if not 0 <= value <= 1:
            raise UsageError(f"{where}: `{rate}` is {value}; give a number from 0 to 1")
        rates[problem] = float(value)
    return rates
