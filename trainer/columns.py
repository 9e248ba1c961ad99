"""What TRL hands to a reward function, read: the text of completions, their problems, their references' times.

Promises: pure; a column that is missing or does not fit is a ValueError or TypeError that names it and the fix.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Completion = str | Sequence[Mapping[str, Any]]
    """Text, or in conversational datasets a list of messages."""


def completion_text(completion: Completion) -> str:
    """Take the text of a completion; of a conversation, that of the assistant's last message."""
    if isinstance(completion, str):
        return completion
    answers = [message for message in completion if message.get("role", "assistant") == "assistant"]
    content = answers[-1].get("content") if answers else ""
    if isinstance(content, str) or content is None:
        return content or ""
    return "".join(block.get("text") or "" for block in content if block.get("type", "text") == "text")


def problems_of(columns: Mapping[str, Any], size: int) -> tuple[list[str], dict[str, Any]]:
    """Find each completion's problem: its key, and what is judged by key (none for problems that the server holds)."""
    specs = columns.get("problem")
    ids = columns.get("problem_id")
    if specs is None and ids is None:
        raise ValueError("the data set needs a column `problem` (see trainer.data.to_dataset) or `problem_id`")
    keys: list[str] = []
    problems: dict[str, Any] = {}
    for spec, problem_id in zip(specs or [None] * size, ids or [None] * size, strict=True):
        if spec is None and problem_id is None:
            raise ValueError(
                "a row of the data set has neither a `problem` (see trainer.data.to_dataset) nor a `problem_id`"
            )
        if spec is None:
            keys.append(str(problem_id))
            continue
        key, parsed = _parsed(spec) if isinstance(spec, str) else ("", None)
        if not isinstance(parsed, dict) or not parsed.get("tests"):
            raise _unfit(spec, problem_id)
        keys.append(key)
        problems[key] = parsed
    return keys, problems


def reference_times(columns: Mapping[str, Any], size: int) -> list[float | None]:
    """Take the column `reference_cpu_s`: seconds, and None where there are none."""
    references = columns.get("reference_cpu_s")
    if references is None:
        return [None] * size
    for reference in references:
        if isinstance(reference, bool) or not isinstance(reference, int | float | None):
            raise TypeError(f"column `reference_cpu_s`: invalid value {reference!r}: must be seconds or None")
    return list(references)


@functools.lru_cache(maxsize=4096)
def _parsed(spec: str) -> tuple[str, Any]:
    """Read a `problem` cell; None for one that is no JSON. Its key is its digest: ids may collide, contents cannot."""
    try:
        parsed = json.loads(spec)
    except ValueError:
        parsed = None
    return hashlib.sha256(spec.encode()).hexdigest()[:16], parsed


def _unfit(spec: Any, problem_id: Any) -> Exception:
    """Say what is wrong with a `problem` cell that holds no tests."""
    where = "column `problem`" if problem_id is None else f"column `problem` of {problem_id}"
    if not isinstance(spec, str):
        return TypeError(
            f"{where}: give JSON strings, not {type(spec).__name__}, as Arrow changes nested values: json.dumps them, "
            "or make the data set by trainer.data.to_dataset"
        )
    return ValueError(f"{where}: give a JSON object with `tests`, as trainer.data.to_dataset does; it is {spec[:60]!r}")
