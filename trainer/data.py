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
from typing import TYPE_CHECKING, Any

from datasets import Dataset

from trainer.prompts import chat_prompt, plain_prompt
from trainer.wire import judging_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tasks.schema import Problem


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
    """
    rows: list[dict[str, Any]] = []
    for problem in problems:
        row: dict[str, Any] = {
            "prompt": chat_prompt(problem, system_prompt) if chat else plain_prompt(problem),
            "problem_id": problem.id,
            "problem": json.dumps(judging_spec(problem)),
        }
        if reference_cpu_s is not None:
            row["reference_cpu_s"] = reference_cpu_s.get(problem.id)
        rows.append(row)
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
