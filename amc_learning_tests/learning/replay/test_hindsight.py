from itertools import product

import numpy as np
import pytest

from amc_learning.learning.replay.hindsight import best_fixed_weights
from amc_learning.learning.weights.evidence import Evidence
from amc_learning_tests.learning.weights.worlds import DEFAULT_VECTOR, random_evidence, slopes_for

CAP = 0.6
LATTICE = np.array([w for w in product(range(6), repeat=6) if sum(w) == 5 and max(w) <= 3]) / 5
"""Every vector in steps of 0.2 under the cap."""


@pytest.mark.parametrize("seed", range(4))
def test_no_vector_of_a_grid_is_better_than_the_best_fixed_one(seed):
    rng = np.random.default_rng(seed)
    slopes = None if seed % 2 else slopes_for(rng.standard_normal(6), 0.1)
    evidence = random_evidence(rng, 80, slopes=slopes)
    best = best_fixed_weights(evidence, cap=CAP, starts=(DEFAULT_VECTOR,))
    near = np.abs(best + 0.02 * rng.standard_normal((200, 6))).clip(max=CAP)
    grid = np.vstack([LATTICE, near[(near / near.sum(axis=1, keepdims=True)).max(axis=1) <= CAP]])
    achieved = [evidence.coefficients(weights).mean() for weights in grid]
    assert evidence.coefficients(best).mean() >= max(achieved)


def test_the_best_fixed_vector_keeps_sum_and_cap():
    evidence = random_evidence(np.random.default_rng(9), 60, slopes=slopes_for((1.0, 0, 0, 0, 0, 0), 0.4))
    best = best_fixed_weights(evidence, cap=CAP, starts=(DEFAULT_VECTOR,))
    assert best.sum() == pytest.approx(1.0, abs=1e-12)
    assert (best >= 0).all()
    assert best.max() == pytest.approx(CAP, abs=1e-12)


def test_a_planted_direction_is_found():
    truth = np.array([0.0, 0.0, 0.1, 0.1, 0.3, 0.5])
    evidence = random_evidence(np.random.default_rng(5), 400, slopes=slopes_for(truth, 0.5))
    assert best_fixed_weights(evidence, cap=CAP, starts=(DEFAULT_VECTOR,)) == pytest.approx(truth, abs=0.03)


def test_without_days_the_first_start_is_returned():
    nothing = Evidence(np.zeros(0, dtype=np.int64), np.zeros((0, 6)), np.zeros((0, 6, 6)))
    assert best_fixed_weights(nothing, cap=CAP, starts=(DEFAULT_VECTOR,)) is DEFAULT_VECTOR


def test_days_on_which_nothing_varies_are_counted_as_zero():
    evidence = random_evidence(np.random.default_rng(6), 30)
    constant = Evidence(
        np.append(evidence.known_on, evidence.known_on[-1] + 1),
        np.vstack([evidence.return_covariances, np.zeros((1, 6))]),
        np.vstack([evidence.score_covariances, np.zeros((1, 6, 6))]),
    )
    alone, beside = (best_fixed_weights(one, cap=CAP, starts=(DEFAULT_VECTOR,)) for one in (evidence, constant))
    assert beside == pytest.approx(alone, abs=1e-4)
