"""pass@k: the chance that at least one of k samples solves the problem (Chen et al., 2021, arXiv:2107.03374).

Pure: no I/O, no randomness.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Estimate pass@k of one problem without bias: 1 - C(n - c, k) / C(n, k).

    As a product of ratios below one, so that no binomial overflows.
    Raises: ValueError unless 0 <= c <= n and 1 <= k <= n.
    """
    if not 0 <= correct <= samples:
        raise ValueError(f"{correct} correct of {samples} samples makes no sense")
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs at least {k} samples of the problem; there are {samples}")
    if samples - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / total for total in range(samples - correct + 1, samples + 1))


def mean_pass_at_k(counts: Iterable[tuple[int, int]], k: int) -> float | None:
    """Average pass@k over problems, given as (samples, correct).

    Problems with fewer than k samples are left out; None when none is left.
    """
    estimates = [pass_at_k(samples, correct, k) for samples, correct in counts if samples >= k]
    return math.fsum(estimates) / len(estimates) if estimates else None
