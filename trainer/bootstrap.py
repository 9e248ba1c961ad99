"""Whether a difference is more than chance: a bootstrap interval of a mean.

Pure: no I/O; the same values give the same interval.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 10_000
TAIL = 250
"""Resamples that lie at or beyond each bound: 2.5% on either side leave 95%."""
SEED = 0


class Interval(NamedTuple):
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Bound the mean to 95% by the percentile bootstrap (Efron, 1979); None for fewer than two values.

    Draws as many values as there are, with replacement, 10,000 times, and takes the 250th mean from either end.

    Give one difference for each problem, and the comparison is paired: problems are drawn, and each keeps both its
    sides, so that how hard a problem is cancels out. Chance among the samples of a problem is in its difference, and so
    in the interval. For fewer than some 20 problems the interval is narrower than it should be.
    """
    if len(values) < 2:
        return None
    chance = random.Random(SEED)  # noqa: S311 - statistics
    means = sorted(math.fsum(chance.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    return Interval(means[TAIL - 1], means[-TAIL])
