from __future__ import annotations

import itertools
import math

import pytest

from trainer.passk import mean_pass_at_k, pass_at_k


@pytest.mark.parametrize(("samples", "correct", "k"), [(5, 2, 3), (10, 0, 4), (10, 10, 1), (6, 1, 6), (7, 3, 2)])
def test_pass_at_k_is_the_share_of_subsets_that_hold_a_correct_sample(samples: int, correct: int, k: int) -> None:
    """That is what the estimator claims to be, so count the subsets."""
    subsets = list(itertools.combinations([place < correct for place in range(samples)], k))
    assert pass_at_k(samples, correct, k) == pytest.approx(sum(any(subset) for subset in subsets) / len(subsets))


def test_pass_at_k_survives_numbers_whose_binomials_do_not_fit_a_float() -> None:
    exact = 1 - math.comb(10_000 - 3, 5_000) / math.comb(10_000, 5_000)
    assert pass_at_k(10_000, 3, 5_000) == pytest.approx(exact)


@pytest.mark.parametrize(("samples", "correct", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 4), (3, 1, 0)])
def test_nonsense_is_refused(samples: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"makes no sense|needs at least"):
        pass_at_k(samples, correct, k)


def test_the_mean_leaves_out_problems_with_fewer_than_k_samples() -> None:
    assert mean_pass_at_k([(4, 4), (4, 0), (1, 1)], 2) == 0.5
    assert mean_pass_at_k([(1, 1)], 2) is None
