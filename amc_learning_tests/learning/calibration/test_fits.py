import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from amc_learning.learning.calibration.fits import (
    LEAST_SLOPE,
    beta_parameters,
    isotonic_values,
    shrunk_logit_linear,
    venn_abers_values,
)
from amc_learning.learning.calibration.logistic import penalised_logistic, probability
from amc_learning.learning.calibration.maps import NODES, log_odds

NO_CHANGE = np.array([[0.0, 1.0]])

counts_at_nodes = st.dictionaries(
    st.integers(0, len(NODES) - 1), st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=25
)


def spread(cells):
    right, total = np.zeros((2, 1, len(NODES)))
    for node, (n, n_right) in cells.items():
        total[0, node], right[0, node] = n, min(n, n_right)
    return right, total


@pytest.mark.parametrize("precision", [1e-9, 1.0, 25.0])
def test_logistic_equals_sklearn_with_and_without_a_ridge(precision):
    rng = np.random.default_rng(1)
    features = rng.standard_normal((400, 2))
    is_right = rng.random(400) < probability(features @ [0.7, -0.4])
    ours = penalised_logistic(
        features, np.zeros((1, 400)), is_right[None] * 1.0, np.ones((1, 400)), np.full((1, 2), precision)
    )
    theirs = LogisticRegression(C=1 / precision, fit_intercept=False, tol=1e-12, max_iter=1000).fit(features, is_right)
    assert ours.coefficients[0] == pytest.approx(theirs.coef_[0], abs=1e-5)


@given(counts_at_nodes)
def test_isotonic_equals_sklearn_with_ties_and_gaps(cells):
    right, total = spread(cells)
    seen = total[0] > 0
    theirs = IsotonicRegression(out_of_bounds="clip").fit(NODES[seen], right[0, seen] / total[0, seen], total[0, seen])
    assert isotonic_values(right, total)[0] == pytest.approx(theirs.predict(NODES), abs=1e-9)


@given(counts_at_nodes, st.data())
@settings(max_examples=50)
def test_venn_abers_equals_two_isotonic_fits_with_the_new_thesis_added(cells, data):
    right, total = spread(cells)
    node = data.draw(st.sampled_from(sorted(cells)))
    at = []
    for outcome in (0.0, 1.0):
        more_right, more_total = right[0].copy(), total[0].copy()
        more_right[node] += outcome
        more_total[node] += 1
        seen = more_total > 0
        fit = IsotonicRegression().fit(NODES[seen], more_right[seen] / more_total[seen], more_total[seen])
        at.append(fit.predict(NODES[[node]])[0])
    assert venn_abers_values(right, total)[0, node] == pytest.approx(at[1] / (1 - at[0] + at[1]), abs=1e-9)


@given(counts_at_nodes)
def test_every_map_keeps_the_order_within_bounds(cells):
    right, total = spread(cells)
    for values in (isotonic_values(right, total)[0], venn_abers_values(right, total)[0]):
        assert (np.diff(values) >= 0).all()
        assert values[0] >= 0 and values[-1] <= 1
    assert shrunk_logit_linear(right, total, NO_CHANGE).parameters[0, 1] >= LEAST_SLOPE - 1e-12
    assert (beta_parameters(right, total)[0, 1:] >= LEAST_SLOPE).all()


def test_without_theses_a_map_is_all_borrowed():
    nothing = np.zeros((1, len(NODES)))
    fit = shrunk_logit_linear(nothing, nothing, np.array([[0.3, 0.7]]))
    assert fit.parameters.tolist() == [[0.3, 0.7]]
    assert fit.borrowed.tolist() == [1.0]


def test_with_endless_theses_the_truth_is_found_and_nothing_borrowed():
    truth = probability(-0.6 + 0.5 * log_odds(NODES))
    total = np.full((1, len(NODES)), 1e5)
    fit = shrunk_logit_linear(truth[None] * total, total, NO_CHANGE)
    assert fit.parameters[0] == pytest.approx([-0.6, 0.5], abs=1e-3)
    assert fit.borrowed[0] < 1e-3


def test_beta_finds_different_bends_at_both_ends():
    truth = probability(0.2 + 0.6 * np.log(NODES.clip(0.001, 0.999)) - 1.4 * np.log1p(-NODES.clip(0.001, 0.999)))
    total = np.full((1, len(NODES)), 1e5)
    assert beta_parameters(truth[None] * total, total)[0] == pytest.approx([0.2, 0.6, 1.4], abs=1e-3)


def test_confidence_that_runs_against_the_truth_keeps_its_order_on_a_nearly_level_map():
    total = np.full((1, len(NODES)), 50.0)
    fit = shrunk_logit_linear((1 - NODES)[None] * total, total, NO_CHANGE)
    assert fit.parameters[0, 1] == pytest.approx(LEAST_SLOPE)
    assert fit.parameters[0, 0] == pytest.approx(0.0, abs=0.02)
