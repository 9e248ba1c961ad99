"""How often each size was seen: a histogram to which a value costs a fifth of a microsecond.

Promises: its own size does not depend on how many values there were. Belongs to one thread.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
SHORT_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)
"""For what is over in less than a millisecond as a rule."""


class Tally:
    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        if not value >= 0:  # no number, or a clock that was set back: it would spoil the sum for ever
            value = 0.0
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return each upper bound with the number of values up to it, as Prometheus counts them."""
        return list(zip([*map(str, self._bounds), "+Inf"], accumulate(map(float, self._counts)), strict=True))
