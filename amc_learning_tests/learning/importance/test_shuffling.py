"""Daily falls, against scikit-learn's permutation importance."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import permutation_importance

from amc_learning.learning.importance.model import fitted, terms_of
from amc_learning.learning.importance.panel import ranked_panel
from amc_learning.learning.importance.shuffling import daily_coefficients, daily_falls, shuffles_of

N_SHUFFLES = 100


def planted_panel(n_days=30, n_places=40):
    """Three scores: one moves returns, one only together with the third."""
    generator = np.random.default_rng(1)
    scores = generator.standard_normal((3, n_days, n_places))
    returns = 0.5 * scores[0] + 0.4 * scores[1] * scores[2] + generator.standard_normal((n_days, n_places))
    days = np.arange(n_days)
    return ranked_panel(("a", "b", "c"), scores, returns, days, days)


class OfOneDay(RegressorMixin, BaseEstimator):
    """The fitted model of one day as scikit-learn sees a model."""

    def __init__(self, coefficients, day):
        self.coefficients = coefficients
        self.day = day

    def fit(self, *_):
        return self

    def predict(self, features):
        n_days = len(self.coefficients.linear)
        scores = np.zeros((features.shape[1], n_days, len(features)))
        scores[:, self.day] = features.T
        return self.coefficients.predictions(scores, np.ones(scores.shape, dtype=bool))[self.day]


def test_falls_equal_those_of_scikit_learn_within_the_error_of_shuffling():
    panel = planted_panel()
    train, test = np.arange(20), np.arange(20, 30)
    model = fitted(terms_of(panel), [(train, test)], n_scores=3)
    intact = daily_coefficients(model.predictions(panel.scores, panel.is_scored), panel)
    falls = daily_falls(panel, model, [(0,), (1,), (2,)], shuffles_of(panel, N_SHUFFLES), intact)
    for day in test:
        theirs = permutation_importance(
            OfOneDay(model, day),
            panel.scores[:, day].T,
            panel.returns[day],
            scoring=lambda estimator, features, truth: spearmanr(estimator.predict(features), truth).statistic,
            n_repeats=N_SHUFFLES,
            random_state=0,
        )
        # Both are means over 100 draws: five standard errors of their difference.
        error = 5 * theirs.importances_std * np.sqrt(2 / N_SHUFFLES)
        assert (np.abs(falls[day] - theirs.importances_mean) < error).all()
    assert (falls[test].mean(axis=0) > 0.1).all()


def test_a_shuffle_keeps_the_scores_of_the_day_and_the_empty_places():
    generator = np.random.default_rng(2)
    returns = generator.standard_normal((4, 10))
    returns[2, 6:] = np.nan
    panel = ranked_panel(("a",), generator.standard_normal((1, 4, 10)), returns, np.arange(4), np.arange(4))
    orders = shuffles_of(panel, 5)
    assert (np.sort(orders, axis=2) == np.arange(10)).all()
    assert (orders[:, 2, 6:] == np.arange(6, 10)).all()
    assert len({tuple(order) for order in orders[:, 0].tolist()}) == 5


def test_a_day_is_shuffled_alike_whatever_days_lie_around_it():
    long, short = planted_panel(n_days=30), planted_panel(n_days=5)
    assert shuffles_of(long, 3)[:, :5].tolist() == shuffles_of(short, 3).tolist()


def test_daily_coefficients_are_spearmans():
    panel = planted_panel(n_days=3)
    predictions = np.random.default_rng(4).integers(0, 9, panel.returns.shape).astype(float)
    expected = [spearmanr(predictions[day], panel.returns[day]).statistic for day in range(3)]
    assert daily_coefficients(predictions, panel) == pytest.approx(expected, abs=1e-12)


def test_a_model_that_says_the_same_of_all_has_no_coefficient():
    panel = planted_panel(n_days=2)
    assert np.isnan(daily_coefficients(np.zeros(panel.returns.shape), panel)).all()
