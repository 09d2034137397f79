import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.learning.threshold_search import NO_THRESHOLD, ThresholdRules, block_edges, search_thresholds
from amc_learning_tests.truth.threshold_power_study import StepWorld, simulated_counts


def searched(above_n, above_sum, overlap=1, **bounds):
    return search_thresholds(above_n, above_sum, overlap_sessions=overlap, rules=ThresholdRules(**bounds))


def planted(strength=0.5, horizon=1, n_series=6, seed=0):
    return simulated_counts(StepWorld(horizon, strength), n_series, np.random.default_rng(seed))


@given(st.integers(0, 2000), st.integers(1, 30))
def test_blocks_cover_the_window_and_each_spans_at_least_two_label_lengths(n_days, overlap):
    edges = block_edges(n_days, overlap_sessions=overlap)
    if n_days < 8 * overlap:
        assert edges.size == 0
    else:
        assert (edges[0], edges[-1]) == (0, n_days)
        assert np.diff(edges).min() >= 2 * overlap


def test_a_step_down_is_no_threshold():
    above_n, above_sum = planted()
    assert not searched(above_n, -above_sum).is_found.any()


@pytest.mark.parametrize("horizon", [1, 5])
def test_on_noise_the_best_threshold_looks_good_on_its_own_days_and_brings_nothing_on_the_others(horizon):
    above_n, above_sum = planted(strength=0.0, horizon=horizon, n_series=200, seed=3)
    found = searched(above_n, above_sum, overlap=horizon)
    series = np.arange(200)
    on_own_days = above_sum[:, series, found.threshold].sum(axis=0) / above_n[:, series, found.threshold].sum(axis=0)
    held_out = found.lift.estimate
    error = held_out.std(ddof=1) / np.sqrt(200)
    assert abs(held_out.mean()) < 4 * error
    assert on_own_days.mean() > 6 * error


def test_series_beside_each_other_do_not_touch():
    above_n, above_sum = planted(strength=0.2, horizon=5)
    together = searched(above_n, above_sum, overlap=5)
    for place in range(above_n.shape[1]):
        alone = searched(above_n[:, [place]], above_sum[:, [place]], overlap=5)
        assert together.threshold[place] == alone.threshold[0]
        assert (together.ci_low[place], together.ci_high[place]) == (alone.ci_low[0], alone.ci_high[0])
        assert together.lift.ci_low[place] == alone.lift.ci_low[0]


def test_the_interval_of_a_strong_step_holds_it_and_is_narrow():
    found = searched(*planted(strength=1.0))
    assert found.is_found.all()
    assert ((found.ci_low <= 60) & (found.ci_high >= 60) & (found.ci_high - found.ci_low <= 5)).all()


def test_scores_that_cannot_be_cut_have_no_threshold():
    above_n, _ = planted(n_series=1)
    everyone = np.where(np.arange(101) <= 50, above_n[..., :1], 0)
    found = searched(everyone, np.zeros_like(everyone))
    assert found.threshold[0] == NO_THRESHOLD
    assert np.isnan(found.lift.p_value[0])


def test_coverage_bounds_hold_on_both_sides():
    above_n, above_sum = planted(strength=1.0)
    found = searched(above_n, above_sum, min_coverage=0.45)
    counts = above_n.sum(axis=0)
    coverage = counts[np.arange(6), found.threshold] / counts[:, 0]
    assert ((coverage >= 0.45) & (coverage <= 0.55)).all()


@pytest.mark.parametrize(("n_days", "overlap"), [(0, 1), (19, 1), (39, 5), (62, 21)])
def test_a_window_too_short_for_its_labels_has_no_threshold(n_days, overlap):
    above_n, above_sum = planted()
    found = searched(above_n[:n_days], above_sum[:n_days], overlap=overlap)
    assert (found.threshold == NO_THRESHOLD).all()
    assert np.isnan(found.lift.ci_low).all()
    assert not found.is_found.any()


def test_days_without_evidence_change_nothing_where_there_are_enough_others():
    above_n, above_sum = planted(n_series=2)
    above_n[:, 1], above_sum[:, 1] = above_n[:, 0], above_sum[:, 0]
    above_n[-3:, 1], above_sum[-3:, 1] = 0, 0
    found = searched(above_n, above_sum)
    assert found.n_days.tolist() == [62, 59]
    assert abs(found.threshold[0] - found.threshold[1]) <= 2
