"""Rules that are only compared must be compared fairly: same bounds, same record out of sample."""

import numpy as np
import pytest

from amc_learning_tests.learning.weights.worlds import DEFAULT_VECTOR, random_evidence, slopes_for
from amc_learning_tests.truth.candidate_rules import CANDIDATES

TRUTH = (0.0, 0.0, 0.0, 0.0, 0.4, 0.6)


def suggested(name, seed, coefficient, *, fixed=None):
    slopes = slopes_for(TRUTH, coefficient) if coefficient else None
    window = random_evidence(np.random.default_rng(seed), 120, slopes=slopes)
    return window, CANDIDATES[name](window, DEFAULT_VECTOR, overlap_sessions=5, cap=0.6, fixed=fixed)


@pytest.mark.parametrize("name", CANDIDATES)
@pytest.mark.parametrize("coefficient", [0.0, 0.3])
def test_every_rule_stays_on_the_capped_simplex_and_leaves_fixed_components_alone(name, coefficient):
    fixed = np.array([True, False, False, False, False, False])
    _, found = suggested(name, 1, coefficient, fixed=fixed)
    for weights in (found.weights, *found.fold_weights):
        assert weights.sum() == pytest.approx(1.0, abs=1e-9)
        assert weights.min() >= -1e-12
        assert weights.max() <= 0.6 + 1e-9
        assert weights[0] == pytest.approx(DEFAULT_VECTOR[0], abs=1e-12)


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_rule_leans_toward_a_strong_truth(name):
    _, found = suggested(name, 2, 0.3)
    assert found.weights[4:].sum() > DEFAULT_VECTOR[4:].sum() + 0.05


@pytest.mark.parametrize("name", CANDIDATES)
def test_the_record_of_a_block_is_that_of_weights_fitted_without_it(name):
    window, found = suggested(name, 3, 0.1)
    for fold, weights in enumerate(found.fold_weights):
        of_block = found.folds == fold
        assert found.coefficients[of_block] == pytest.approx(window.coefficients(weights)[of_block], abs=1e-12)
    assert found.coefficients_in_force == pytest.approx(window.coefficients(DEFAULT_VECTOR), abs=1e-12)
