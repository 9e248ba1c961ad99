"""What is known of one set of completions, and of two beside each other: counts, pass@k, differences.

Pure: no I/O. Samples without a verdict count as not drawn: our failure makes no model look worse.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from trainer.bootstrap import mean_interval
from trainer.passk import mean_pass_at_k, pass_at_k

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reward_server.verdicts import Verdict
    from tasks.schema import Problem
    from trainer.bootstrap import Interval
    from trainer.wire import Result, Submission

DIGITS = 12
"""Of a difference. Beyond them lies what 5 of 10 and 10 of 20 differ by in floats."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of a set of completions."""

    pass_at: dict[int, float | None]
    """By k, over the problems with k scored samples; None where there is no such problem."""
    counts: dict[str, tuple[int, int]]
    """(scored samples, those that pass every test), by problem."""
    verdicts: Counter[Verdict]
    mean_reward: float | None
    unscored: int
    """Samples without a verdict."""
    why_unscored: str | None
    """What became of the first of them."""

    def problems_at(self, k: int) -> int:
        """Count the problems over which pass@k is averaged."""
        return sum(samples >= k for samples, _ in self.counts.values())


@dataclass(frozen=True, slots=True)
class Difference:
    """pass@k of two sets of completions, over the problems with k scored samples in both."""

    problems: int
    ours: float | None
    """None, as all that follows, where there is no such problem."""
    theirs: float | None
    value: float | None
    """Ours less theirs."""
    interval: Interval | None
    """95% of the value, by `trainer.bootstrap`; None also for a single problem."""


def evaluate(submissions: Sequence[Submission], results: Sequence[Result], ks: Sequence[int]) -> Evaluation:
    """Count what passes and estimate pass@k."""
    samples: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    for submission, result in zip(submissions, results, strict=True):
        samples[submission["problem"]] += result.reward is not None
        correct[submission["problem"]] += result.reward is not None and result.all_passed
    counts = {problem: (samples[problem], correct[problem]) for problem in samples}
    lost = [result for result in results if result.reward is None]
    return Evaluation(
        pass_at=pass_at(counts, counts, ks),
        counts=counts,
        verdicts=Counter(result.verdict for result in results),
        mean_reward=mean_reward(results),
        unscored=len(lost),
        why_unscored=lost[0].error if lost else None,
    )


def mean_reward(results: Iterable[Result]) -> float | None:
    """Average the rewards that are there; None where there is none."""
    rewards = [result.reward for result in results if result.reward is not None]
    return fmean(rewards) if rewards else None


def pass_at(
    counts: Mapping[str, tuple[int, int]], problems: Iterable[str], ks: Sequence[int]
) -> dict[int, float | None]:
    """Estimate pass@k over those of the problems that have counts, for each k."""
    chosen = [counts[problem] for problem in problems if problem in counts]
    return {k: mean_pass_at_k(chosen, k) for k in ks}


def problems_by_tag(problems: Sequence[Problem]) -> dict[str, list[str]]:
    """Name the problems of each tag, the commonest tag first. A problem counts in each of its tags."""
    tags: dict[str, list[str]] = {}
    for problem in problems:
        for tag in dict.fromkeys(problem.tags):
            tags.setdefault(tag, []).append(problem.id)
    return dict(sorted(tags.items(), key=lambda item: (-len(item[1]), item[0])))


def compare(ours: Evaluation, theirs: Evaluation) -> dict[int, Difference]:
    """Set both beside each other, for each k of ours."""
    return {k: _difference(ours.counts, theirs.counts, k) for k in ours.pass_at}


def _difference(ours: Mapping[str, tuple[int, int]], theirs: Mapping[str, tuple[int, int]], k: int) -> Difference:
    both = [problem for problem in ours if problem in theirs and min(ours[problem][0], theirs[problem][0]) >= k]
    if not both:
        return Difference(0, None, None, None, None)
    pairs = [(pass_at_k(*ours[problem], k), pass_at_k(*theirs[problem], k)) for problem in both]
    values = [round(mine - other, DIGITS) for mine, other in pairs]
    return Difference(
        problems=len(both),
        ours=fmean(mine for mine, _ in pairs),
        theirs=fmean(other for _, other in pairs),
        value=fmean(values),
        interval=mean_interval(values),
    )
