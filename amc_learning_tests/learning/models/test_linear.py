"""Linear models: equal to an independent library, with gaps told by indicators."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from amc_learning.learning.models.linear import MAX_DEVIATIONS, fit_linear


def design_of(features):
    """Written out by hand: standardised over what is known, held within bounds, a gap is the mean and a flag."""
    is_missing = np.isnan(features)
    standardised = (features - np.nanmean(features, axis=0)) / np.nanstd(features, axis=0)
    held = np.clip(standardised, -MAX_DEVIATIONS, MAX_DEVIATIONS)
    return np.hstack([np.where(is_missing, 0.0, held), is_missing - is_missing.mean(axis=0)])


def example(seed=0, n=800):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, 4)) * [1.0, 100.0, 0.01, 5.0] + [0, 50.0, 0, -3.0]
    features[rng.random((n, 4)) < 0.15] = np.nan
    score = np.nan_to_num(features[:, 0]) - 0.02 * np.nan_to_num(features[:, 1]) + 0.7 * np.isnan(features[:, 3])
    return features, score, rng


@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_logistic_regression_equals_an_independent_library(penalty):
    features, score, rng = example()
    truth = (rng.random(len(score)) < 1 / (1 + np.exp(-score))).astype(float)
    (ours,) = fit_linear(features, truth, penalties=(penalty,), is_logistic=True)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=1000).fit(design_of(features), truth)
    np.testing.assert_allclose(ours.linear_sum(features), theirs.decision_function(design_of(features)), atol=1e-5)


def test_ridge_regression_equals_an_independent_library():
    features, score, rng = example(1)
    truth = score + rng.standard_normal(len(score))
    (ours,) = fit_linear(features, truth, penalties=(12.0,), is_logistic=False)
    theirs = Ridge(alpha=12.0).fit(design_of(features), truth)
    np.testing.assert_allclose(ours.linear_sum(features), theirs.predict(design_of(features)), atol=1e-8)


def test_a_feature_that_never_varies_or_is_never_known_has_no_say():
    features, score, _ = example(2)
    features[:, 2], features[:, 3] = 7.0, np.nan
    (model,) = fit_linear(features, (score > 0).astype(float), penalties=(1.0,), is_logistic=True)
    assert model.coefficients[[2, 3, 6, 7]].tolist() == [0, 0, 0, 0]
    changed = features.copy()
    changed[:, 2:] = 99.0
    np.testing.assert_array_equal(model.linear_sum(features), model.linear_sum(changed))


def test_one_absurd_value_moves_a_prediction_no_further_than_four_deviations_do():
    features, score, _ = example(3)
    (model,) = fit_linear(features, (score > 0).astype(float), penalties=(1.0,), is_logistic=True)
    rows = np.nan_to_num(features[:1]).repeat(2, axis=0)
    rows[:, 0] = [model.means[0] + MAX_DEVIATIONS * model.scales[0], 1e12]
    assert model.linear_sum(rows)[0] == pytest.approx(model.linear_sum(rows)[1])
