"""Reward functions for TRL's trainers, configured by environment (see `trainer/settings.py` for the names).

| function | range | what it asks |
|---|---|---|
| `code_reward` | 0 to 1, or None | the share of tests that pass |
| `efficiency_reward` | 0 to 1, or None | CPU time against the reference's, for programs that pass every test |
| `format_reward` | 0 or 1 | one closed Python block, last, after the thinking |
| `length_reward` | -1 to 0 | tokens beyond what is free |
| `summed_reward` | any, or None | several of these, weighted: the one to take where there is more than one |

Promises: plain module-level functions (they pickle, and `trl grpo --reward_funcs trainer.rewards.code_reward` finds
them) that take whatever keywords TRL passes; None, never 0, where no verdict could be had. Nothing is opened at import,
and what a call opens it closes.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from reward_server.fences import LANGUAGE_TAGS, has_too_many, read
from reward_server.runner.rows import PROBLEM_FAULT
from trainer.client import RewardClient
from trainer.columns import completion_text, problems_of, reference_times
from trainer.reward_metrics import RewardMetrics, log_parts
from trainer.settings import TrainerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence

    from tasks.assurance import Assurance
    from trainer.columns import Completion
    from trainer.wire import Result, RewardScheme, Submission, Unfenced

    RewardFunction = Callable[..., Coroutine[Any, Any, list[float | None]]]

log = logging.getLogger(__name__)

NOISE_CPU_S = 0.01
"""Added to both CPU times that are compared: below ten milliseconds the difference is noise."""
CHARS_PER_TOKEN = 4
WINDOW, ENOUGH = 512, 32
"""Completions over which the unscored share is taken, and the number from which on it counts."""


class TooManyUnscored(RuntimeError):
    """So many completions had no verdict that training on would waste the GPU."""


class FaultyProblems:
    """Warns once of each problem that cannot be judged, or whose reference does not pass its own tests."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._faulty: set[str] = set()

    def warn(
        self, submissions: Sequence[Submission], results: Sequence[Result], ids: Sequence[str | None] | None = None
    ) -> None:
        """Look at a batch. `ids`: what to call the problems, where the submissions name them by a digest."""
        before = len(self._faulty)
        for submission, result, name in zip(submissions, results, ids or [None] * len(results), strict=True):
            problem = submission["problem"]
            self._seen.add(problem)
            fault = fault_of(result)
            if fault and problem not in self._faulty:
                self._faulty.add(problem)
                log.warning("problem %s: %s", name or problem, fault)
        if len(self._faulty) > before:
            log.warning(
                "%d of the %d problems so far have a fault of their own; `passrate validate` names the fix of each",
                len(self._faulty),
                len(self._seen),
            )


def fault_of(result: Result) -> str:
    """Say what is wrong with the problem itself; empty where nothing is."""
    error, learned = result.error or "", result.calibration
    if error.startswith(PROBLEM_FAULT):
        return f"no completion of it gets a reward: {error}"
    return f"it is judged as if it had no reference: {learned.fault}" if learned is not None and learned.fault else ""


class UnscoredShare:
    """The share of the recent completions that had no verdict."""

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=WINDOW)

    def add(self, results: Sequence[Result], limit: float) -> None:
        """Count a batch. Raises: TooManyUnscored above the limit, with the last reason."""
        self._recent.extend(result.reward is None for result in results)
        share = sum(self._recent) / max(1, len(self._recent))
        if len(self._recent) >= ENOUGH and share > limit:
            reason = next((result.error for result in reversed(results) if result.reward is None), "")
            raise TooManyUnscored(
                f"{share:.0%} of the last {len(self._recent)} completions had no verdict, more than the "
                f"{limit:.0%} of PASSRATE_REWARD_MAX_UNSCORED. The last reason: {reason}"
            )


_unscored, _metrics, _faulty = UnscoredShare(), RewardMetrics(), FaultyProblems()


async def code_reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
    """Reward each completion by the share of its problem's tests that pass (`PASSRATE_REWARD` names other schemes).

    For TRL alone, or as a part of `summed_reward`: beside other functions its None would not keep a completion out.

    Columns: `problem` (what is judged, as a JSON string: see `trainer.data`) or `problem_id` (held by the server).

    Returns: length B, in [0, 1]; None where no verdict could be had (TRL >= 1.6 leaves those out of the group).
    Raises: TooManyUnscored; RequestRejected where the key is wrong or a problem unknown; ValueError or TypeError where
        the column is missing or holds something else.
    """
    results = await _scored(completions, columns, TrainerSettings.from_env(os.environ), _unscored, _metrics)
    return [result.reward for result in results]


async def summed_reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
    """Reward each completion by the weighted sum of what `PASSRATE_REWARDS` names, as in `code format:0.1`.

    Give TRL this one in place of several. It leaves a completion out of its group only where every function says None;
    where one of them has no verdict, it would train on what the others say alone. The batch is judged once.

    Columns: those of the rewards that are summed.

    Returns: length B; None where `code` or `efficiency` is in the sum and no verdict could be had. `efficiency` without
        a `reference_cpu_s` adds nothing; where it is all there is, that is None too.
    Raises: as `code_reward`; ValueError where `PASSRATE_REWARDS` is wrong.
    """
    settings = TrainerSettings.from_env(os.environ)
    weights = dict(settings.rewards)
    judged = [True] * len(completions)
    every: dict[str, Sequence[float | None]] = {
        "format": format_reward(completions),
        "length": length_reward(completions, columns.get("completion_ids")),
    }
    if "code" in weights or "efficiency" in weights:
        references = reference_times(columns if "efficiency" in weights else {}, len(completions))
        results = await _scored(completions, columns, settings, _unscored, _metrics)
        judged = [result.reward is not None for result in results]
        every["code"] = [result.reward for result in results]
        every["efficiency"] = [_efficiency(*pair) for pair in zip(results, references, strict=True)]
    parts = {name: every[name] for name in weights}
    sums = [
        _weighted_sum(weights.values(), said) if has_verdict else None
        for has_verdict, said in zip(judged, zip(*parts.values(), strict=True), strict=True)
    ]
    log_parts(parts, sums, columns)
    return sums


def make_code_reward(
    url: str,
    *,
    api_key: str | None = None,
    reward: RewardScheme = "pass_rate",
    max_unscored: float = 0.5,
    min_assurance: Assurance = "shared",
    unfenced: Unfenced = "no_code",
) -> RewardFunction:
    """Make a `code_reward` configured in code. It does not pickle: for AsyncGRPOTrainer use the environment."""
    settings = TrainerSettings(
        url=url,
        api_key=api_key,
        reward=reward,
        max_unscored=max_unscored,
        min_assurance=min_assurance,
        unfenced=unfenced,
    )
    counted, metrics = UnscoredShare(), RewardMetrics()

    async def code_reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
        results = await _scored(completions, columns, settings, counted, metrics)
        return [result.reward for result in results]

    return code_reward


async def efficiency_reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
    """Reward programs that pass every test by how their CPU time compares with the reference's.

    Columns: `problem` or `problem_id` as for `code_reward`, and `reference_cpu_s`, seconds over all tests. The server
    runs each program once: this function finds the verdicts of `code_reward` in flight or in its cache. Beside others
    take it by `summed_reward`.

    Returns: length B; 1 when as fast as the reference or faster, 0.5 at twice its time, towards 0; 0 where a test
        fails; None where there is no verdict or no `reference_cpu_s`.
    """
    if columns.get("reference_cpu_s") is None:
        return [None] * len(completions)
    references = reference_times(columns, len(completions))
    _, results = await _judge(completions, columns, TrainerSettings.from_env(os.environ))
    return [_efficiency(result, reference) for result, reference in zip(results, references, strict=True)]


def format_reward(completions: Sequence[Completion], **_: Any) -> list[float]:
    """Reward one closed Python block that ends the answer; a thinking part must be closed before it.

    Beside the reward of code take it by `summed_reward`: it has a number also where code has no verdict.

    Returns: length B; 1.0 or 0.0.
    """
    return [float(_is_well_formed(completion_text(completion))) for completion in completions]


def length_reward(
    completions: Sequence[Completion], completion_ids: Sequence[Sequence[int]] | None = None, **_: Any
) -> list[float]:
    """Penalise long completions: nothing up to `PASSRATE_REWARD_LENGTH_FREE` tokens, all from `..._MAX` on.

    Between the two the penalty follows half a cosine, so that there is no edge to sit on. Without `completion_ids` a
    token counts as four characters. Beside the reward of code take it by `summed_reward`, as `format_reward`.

    Returns: length B, in [-1, 0].
    """
    settings = TrainerSettings.from_env(os.environ)
    if completion_ids is not None:
        lengths: list[float] = [len(ids) for ids in completion_ids]
    else:
        lengths = [len(completion_text(completion)) / CHARS_PER_TOKEN for completion in completions]
    free, longest = settings.length_free_tokens, settings.length_max_tokens
    over = [min(1.0, max(0.0, (length - free) / (longest - free))) for length in lengths]
    return [-(1 - math.cos(math.pi * share)) / 2 for share in over]


async def _scored(
    completions: Sequence[Completion],
    columns: Mapping[str, Any],
    settings: TrainerSettings,
    counted: UnscoredShare,
    metrics: RewardMetrics,
) -> list[Result]:
    """Have a batch judged, logged, and what has no verdict counted."""
    began = time.perf_counter()
    submissions, results = await _judge(completions, columns, settings)
    metrics.log(submissions, results, columns, began=began, ended=time.perf_counter())
    _faulty.warn(submissions, results, columns.get("problem_id"))
    counted.add(results, settings.max_unscored)
    return results


async def _judge(
    completions: Sequence[Completion], columns: Mapping[str, Any], settings: TrainerSettings
) -> tuple[list[Submission], list[Result]]:
    """Have a batch judged: what was sent of each completion, and its result."""
    keys, problems = problems_of(columns, len(completions))
    submissions: list[Submission] = [
        {"problem": key, "completion": completion_text(completion)}
        for key, completion in zip(keys, completions, strict=True)
    ]
    # A client for each batch: it costs a connection, and belongs to this event loop and to no other process.
    async with RewardClient.from_settings(settings) as client:
        return submissions, await client.score(
            submissions,
            problems,
            reward=settings.reward,
            min_assurance=settings.min_assurance,
            unfenced=settings.unfenced,
        )


def _efficiency(result: Result, reference_cpu_s: float | None) -> float | None:
    if result.reward is None or reference_cpu_s is None:
        return None
    if not result.all_passed:
        return 0.0
    return min(1.0, (reference_cpu_s + NOISE_CPU_S) / (result.cpu_s + NOISE_CPU_S))


def _weighted_sum(weights: Iterable[float], said: Iterable[float | None]) -> float | None:
    told = [weight * value for weight, value in zip(weights, said, strict=True) if value is not None]
    return sum(told) if told else None


def _is_well_formed(text: str) -> bool:
    if has_too_many(text):
        return False
    reading = read(text)
    if reading.thinking or len(reading.blocks) != 1:
        return False
    (block,) = reading.blocks
    closing = text[block.end : block.closed].strip()
    is_plain = (
        "`" in block.fence and closing == block.fence and text[: block.end].endswith("\n") and not block.lead.strip()
    )
    return is_plain and block.tag in LANGUAGE_TAGS["python"] and not text[block.closed :].strip()
