"""The ridge on ranks, against scikit-learn's on the same terms."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import PolynomialFeatures

from amc_learning.learning.importance.model import PENALTY, fitted, terms_of
from amc_learning.learning.importance.panel import ranked_panel


def random_panel(n_days=12, n_places=9, n_scores=3, seed=0):
    generator = np.random.default_rng(seed)
    scores = generator.standard_normal((n_scores, n_days, n_places))
    scores[0, generator.random((n_days, n_places)) < 0.3] = np.nan
    returns = generator.standard_normal((n_days, n_places))
    returns[1, -2:] = np.nan
    days = np.arange(n_days)
    return ranked_panel(tuple(f"s{score}" for score in range(n_scores)), scores, returns, days, days)


def design_by_hand(panel, day):
    """Terms of one day by scikit-learn: ranks, squares and products, and what was scored; about their means."""
    n = panel.n_pairs[day]
    ranks, is_scored = panel.scores[:, day, :n].T, panel.is_scored[:, day, :n].T
    polynomial = PolynomialFeatures(degree=2, include_bias=False).fit(ranks)
    powers, terms = polynomial.powers_, polynomial.transform(ranks)
    for column in np.flatnonzero(powers.max(axis=1) == 2):
        terms[:, column] -= is_scored[:, powers[column].argmax()]
    design = np.hstack([terms, is_scored])
    return design - design.mean(axis=0)


def test_predictions_equal_those_of_scikit_learn_up_to_the_level_of_the_day():
    panel = random_panel()
    train, test = np.arange(8), np.arange(8, 12)
    model = fitted(terms_of(panel), [(train, test)], n_scores=3)
    predictions = model.predictions(panel.scores, panel.is_scored)
    returns = np.concatenate([panel.returns[day, : panel.n_pairs[day]] for day in train])
    ridge = Ridge(alpha=PENALTY, fit_intercept=False, solver="svd")
    ridge.fit(np.vstack([design_by_hand(panel, day) for day in train]), returns)
    for day in test:
        expected = ridge.predict(design_by_hand(panel, day))
        found = predictions[day, : panel.n_pairs[day]]
        assert found - found.mean() == pytest.approx(expected, abs=1e-12)


def test_a_score_left_out_does_not_touch_the_predictions():
    panel = random_panel()
    model = fitted(terms_of(panel), [(np.arange(6), np.arange(12))], n_scores=3, without=1)
    other = panel.scores.copy()
    other[1] = np.random.default_rng(9).standard_normal(other[1].shape)
    is_scored = panel.is_scored.copy()
    is_scored[1] = False
    assert model.predictions(other, is_scored).tolist() == model.predictions(panel.scores, panel.is_scored).tolist()


def test_a_day_is_predicted_by_the_fold_that_tests_it():
    panel, terms = random_panel(), terms_of(random_panel())
    halves = np.arange(6), np.arange(6, 12)
    both = fitted(terms, [halves, halves[::-1]], n_scores=3)
    first = fitted(terms, [halves], n_scores=3)
    assert both.linear[6:].tolist() == first.linear[6:].tolist()
    assert both.predictions(panel.scores, panel.is_scored)[:6].any()
