"""What TRL's log is told of a batch of rewards, where TRL listens: metrics as `passrate/*`, columns of completions.

Promises: every batch tells the same names, zeros too, as TRL averages over what it is told; columns have full length.
Changes no reward.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from reward_server.suspicion import SUSPICIONS
from tasks.assurance import ASSURANCES
from trainer.wire import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from trainer.wire import Result, Submission


class RewardMetrics:
    """Tells of one batch after another; remembers when the last one was answered."""

    def __init__(self) -> None:
        self._waiting = WaitingShare()

    def log(
        self,
        submissions: Sequence[Submission],
        results: Sequence[Result],
        columns: Mapping[str, Any],
        *,
        began: float,
        ended: float,
    ) -> None:
        """Log a batch that was asked for and answered at these seconds. `columns`: what TRL called with."""
        log_metric, log_extra = columns.get("log_metric"), columns.get("log_extra")
        if log_metric is not None and results:
            share = self._waiting.of(began, ended, training=is_training(log_metric))
            timed = {"reward_s": ended - began} | ({} if share is None else {"reward_share": share})
            for name, value in (*shares(submissions, results), *timed.items()):
                log_metric(f"passrate/{name}", value)
        if log_extra is not None:
            log_extra("verdict", [result.verdict for result in results])
            log_extra("pass_rate", [math.nan if result.pass_rate is None else result.pass_rate for result in results])
            log_extra("error", [result.error or "" for result in results])


def log_parts(
    parts: Mapping[str, Sequence[float | None]], sums: Sequence[float | None], columns: Mapping[str, Any]
) -> None:
    """Log the parts of a sum: their means over the completions that have one, and each as a column."""
    log_metric, log_extra = columns.get("log_metric"), columns.get("log_extra")
    for name, values in parts.items():
        counted = [value for value, total in zip(values, sums, strict=True) if value is not None and total is not None]
        if log_metric is not None and counted:
            log_metric(f"passrate/reward/{name}", mean(counted))
        if log_extra is not None:
            log_extra(f"{name}_reward", [math.nan if value is None else value for value in values])


class WaitingShare:
    """What part of a training step goes by waiting for rewards, in this process."""

    def __init__(self) -> None:
        self._last_answer: float | None = None

    def of(self, began: float, ended: float, *, training: bool = True) -> float | None:
        """Return the share of the time since the previous batch was answered.

        From one answer to the next a step does everything once. Other reward functions of the step are not in it.
        Returns: None for the first batch, for batches of an evaluation, and for the first one after it.
        """
        last, self._last_answer = self._last_answer, ended if training else None
        if not training or last is None or ended <= last:
            return None
        return (ended - max(began, last)) / (ended - last)


def is_training(log_metric: Callable[[str, float], None]) -> bool:
    """Tell training from evaluation as TRL does, by its model: `log_metric` is a method of the trainer.

    No argument says it. Returns: True as well for a `log_metric` of anything else.
    """
    model = getattr(getattr(log_metric, "__self__", None), "model", None)
    return bool(getattr(model, "training", True))


def shares(submissions: Sequence[Submission], results: Sequence[Result]) -> Iterator[tuple[str, float]]:
    """Yield the measures of a batch of at least one, by name; those of rewards only where there is one."""
    verdicts = Counter(result.verdict for result in results)
    for verdict in VERDICTS:
        yield f"verdict/{verdict}", verdicts[verdict] / len(results)
    for assurance in ASSURANCES:
        yield f"assurance/{assurance}", mean(result.assurance == assurance for result in results)
    for sign in SUSPICIONS:
        yield f"suspicion/{sign}", mean(sign in result.suspicion for result in results)
    yield "suspicious", mean(bool(result.suspicion) for result in results)
    yield "unscored", mean(result.reward is None for result in results)
    yield "cached", mean(result.cached for result in results)
    yield "duplicates", 1 - len({(one["problem"], one["completion"]) for one in submissions}) / len(results)
    scored = [result for result in results if result.reward is not None]
    if scored:
        yield "pass_rate", mean(result.pass_rate or 0.0 for result in scored)
        yield "all_passed", mean(result.all_passed for result in scored)
    groups = rewards_by_problem(submissions, results)
    if groups:
        yield "groups_without_spread", mean(len(set(group)) == 1 for group in groups)


def rewards_by_problem(submissions: Sequence[Submission], results: Sequence[Result]) -> list[list[float]]:
    """Gather the rewards of each problem that has more than one: such groups teach only where rewards differ."""
    rewards: dict[str, list[float]] = {}
    for one, result in zip(submissions, results, strict=True):
        if result.reward is not None:
            rewards.setdefault(one["problem"], []).append(result.reward)
    return [group for group in rewards.values() if len(group) > 1]


def mean(values: Iterable[float]) -> float:
    taken = list(values)
    return sum(taken) / len(taken)
