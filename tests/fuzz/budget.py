"""How many cases each test of the fuzz tries, and how many it tried.

About `FUZZ_CASES` cases in all are shared out. Without it: few, and the same in every run, so that CI does not hang
on luck; with it, other ones each time.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final, ParamSpec

from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")

VARIABLE: Final = "FUZZ_CASES"
FEW: Final = 1_000
TRIED: Final[Counter[str]] = Counter()
"""Cases by part, so far."""


def cases(share: float) -> int:
    """That share of all cases."""
    return max(5, round(share * int(os.environ.get(VARIABLE, FEW))))


def tried(part: str) -> None:
    """Count one case. Called by each test for each of its cases."""
    TRIED[part] += 1


def fuzzed(share: float) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Try a test with its share of the cases. Put it above `given`."""
    return settings(
        max_examples=cases(share),
        deadline=None,  # time is bounded where it matters, by the test itself
        database=None,
        derandomize=VARIABLE not in os.environ,
        print_blob=True,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
