"""Trees as plain numbers: the same predictions as the library that fitted them, and the same bytes every time."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from amc_learning.learning.models.fitted import Model, model_from
from amc_learning.learning.models.trees import exported, fit_trees


def with_gaps(rng, n, n_features=6):
    features = rng.standard_normal((n, n_features)) * 10.0 ** rng.integers(-3, 4, n_features)
    features[rng.random(features.shape) < 0.2] = np.nan
    features[:, 0] = np.where(rng.random(n) < 0.5, np.nan, 1.0)  # known or missing is all it says
    return features


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("is_logistic", [True, False])
def test_predictions_equal_those_of_the_library_over_data_with_gaps(seed, is_logistic):
    rng = np.random.default_rng(seed)
    features = with_gaps(rng, 600)
    score = np.nan_to_num(features[:, 1]) + np.isnan(features[:, 0]) + rng.standard_normal(600)
    maker = HistGradientBoostingClassifier if is_logistic else HistGradientBoostingRegressor
    fitted = maker(max_iter=25, min_samples_leaf=5, early_stopping=False, random_state=0)
    with threadpool_limits(1):
        fitted.fit(features, score > 0.5 if is_logistic else score)
    stored = exported(fitted, is_logistic=is_logistic)
    unseen = np.vstack([with_gaps(rng, 500), features, np.full((1, 6), np.nan), np.full((1, 6), 1e300)])
    theirs = fitted.decision_function(unseen) if is_logistic else fitted.predict(unseen)
    np.testing.assert_allclose(stored.linear_sum(unseen), theirs, rtol=0, atol=1e-12)


def test_a_value_on_the_threshold_goes_left_as_in_the_library():
    rng = np.random.default_rng(1)
    features = rng.integers(0, 6, (500, 2)).astype(float)
    fitted = HistGradientBoostingRegressor(max_iter=5, early_stopping=False).fit(features, features[:, 0] > 2)
    stored = exported(fitted, is_logistic=False)
    on_it = np.column_stack([stored.threshold, np.zeros(len(stored.threshold))])
    np.testing.assert_allclose(stored.linear_sum(on_it), fitted.predict(on_it), atol=1e-12)


def test_the_number_of_threads_changes_no_bit():
    rng = np.random.default_rng(2)
    features = with_gaps(rng, 4000)
    truth = (np.nan_to_num(features[:, 1]) > 0).astype(float)

    def bytes_with(threads):
        with threadpool_limits(threads):
            body = fit_trees(features, truth, is_logistic=True)
        return Model("stop_out", "boosted", tuple("abcdef"), None, body).parameters

    assert bytes_with(1) == bytes_with(2)


def test_a_split_between_known_and_missing_survives_json():
    rng = np.random.default_rng(3)
    features = np.where(rng.random((2000, 1)) < 0.5, np.nan, 1.0)
    body = fit_trees(features, np.isnan(features[:, 0]).astype(float), is_logistic=True)
    model = Model("stop_out", "boosted", ("a",), None, body)
    read = model_from(model.parameters, model_id=model.model_id)
    told = read.predict(np.array([[np.nan], [1.0], [1e308]]))
    assert told[0] > 0.9
    assert told[1] == told[2] < 0.1


def test_a_feature_nobody_ever_knew_is_never_asked_about():
    rng = np.random.default_rng(4)
    features = rng.standard_normal((1000, 3))
    features[:, 1] = np.nan
    body = fit_trees(features, (features[:, 0] > 0).astype(float), is_logistic=True)
    assert 1 not in body.feature
    known = np.where(np.isnan(features), 5.0, features)
    np.testing.assert_array_equal(body.linear_sum(features), body.linear_sum(known))
