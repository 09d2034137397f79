import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import false_discovery_control, ttest_1samp

from amc_learning.learning.inference import (
    MIN_OBSERVATIONS,
    degrees_of_freedom,
    false_discovery_adjusted,
    long_run_variance,
    mean_inference,
    mean_inferences,
)
from amc_learning_tests.truth.overlap_size_study import World, rejection_rates

P_VALUES = arrays.arrays(float, st.integers(1, 40), elements=st.floats(0, 1))


@given(P_VALUES)
def test_q_values_equal_scipy(p_values):
    assert false_discovery_adjusted(p_values) == pytest.approx(
        false_discovery_control(p_values, method="by"), abs=1e-12
    )


@given(P_VALUES, st.integers(0, 40))
def test_tests_that_could_not_be_made_are_no_part_of_the_family(p_values, place):
    with_hole = np.insert(p_values, min(place, len(p_values)), np.nan)
    adjusted = false_discovery_adjusted(with_hole)
    assert np.isnan(adjusted[min(place, len(p_values))])
    assert adjusted[np.isfinite(adjusted)].tolist() == false_discovery_adjusted(p_values).tolist()


def test_p_values_outside_0_to_1_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        false_discovery_adjusted(np.array([0.5, 1.5]))


def test_a_long_series_without_overlap_agrees_with_the_t_test():
    values = np.random.default_rng(3).normal(0.02, 1.0, 4_000)
    ours, theirs = mean_inference(values, overlap_sessions=1), ttest_1samp(values, 0)
    assert ours.estimate == pytest.approx(values.mean())
    low, high = theirs.confidence_interval()
    assert ours.ci_high - ours.ci_low == pytest.approx(high - low, rel=0.08)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.03)
    assert ours.n_effective == pytest.approx(4_000, rel=0.16)


def test_a_long_overlapping_series_agrees_with_newey_west():
    generator = np.random.default_rng(4)
    values = np.convolve(generator.normal(size=6_004), np.ones(5), mode="valid")
    newey_west = sm.OLS(values, np.ones_like(values)).fit(cov_type="HAC", cov_kwds={"maxlags": 40}).bse[0]
    ours = np.sqrt(long_run_variance(values, overlap_sessions=5) / len(values))
    assert ours == pytest.approx(newey_west, rel=0.1)
    assert ours == pytest.approx(5 / np.sqrt(len(values)), rel=0.1)


@given(st.integers(0, 10_000), st.sampled_from([1, 5, 21]), st.floats(-3, 3), st.floats(0.01, 100))
def test_the_interval_moves_with_shift_and_scale_of_the_values(seed, overlap, shift, scale):
    values = np.random.default_rng(seed).normal(size=200)
    here = mean_inference(values, overlap_sessions=overlap)
    there = mean_inference(shift + scale * values, overlap_sessions=overlap)
    assert there.ci_low == pytest.approx(shift + scale * here.ci_low, abs=1e-6)
    assert there.ci_high == pytest.approx(shift + scale * here.ci_high, abs=1e-6)


def test_mirrored_values_mirror_the_interval():
    values = np.random.default_rng(1).normal(0.1, 1, 100)
    here, there = (mean_inference(sign * values, overlap_sessions=5) for sign in (1, -1))
    assert (there.ci_low, there.ci_high, there.p_value) == (-here.ci_high, -here.ci_low, here.p_value)


def test_the_interval_contains_zero_exactly_when_the_p_value_exceeds_5_percent():
    generator = np.random.default_rng(5)
    for _ in range(200):
        found = mean_inference(generator.normal(0.15, 1, 120), overlap_sessions=5)
        assert (found.ci_low <= 0 <= found.ci_high) == (found.p_value >= 0.05)


def test_a_column_among_many_with_gaps_equals_the_column_alone_without_them():
    generator = np.random.default_rng(6)
    values = generator.normal(size=(90, 4))
    values[generator.uniform(size=values.shape) < 0.3] = np.nan
    many = mean_inferences(values, overlap_sessions=5)
    for place in range(4):
        alone = mean_inference(values[np.isfinite(values[:, place]), place], overlap_sessions=5)
        beside = (many.estimate[place], many.ci_low[place], many.ci_high[place], many.p_value[place], many.n[place])
        assert beside == (alone.estimate, alone.ci_low, alone.ci_high, alone.p_value, alone.n)


@pytest.mark.parametrize(("n", "overlap"), [(0, 1), (1, 1), (MIN_OBSERVATIONS - 1, 1), (29, 5), (125, 21)])
def test_too_few_days_have_a_mean_but_no_interval(n, overlap):
    assert degrees_of_freedom(n, overlap_sessions=overlap) == 0
    found = mean_inference(np.linspace(0, 1, n), overlap_sessions=overlap)
    assert (found.ci_low, found.ci_high, found.p_value, found.n_effective) == (None, None, None, None)
    assert (found.estimate is None) == (n == 0)
    assert not found.is_sufficient


def test_a_series_without_variation_has_no_interval():
    assert mean_inference(np.full(100, 0.1), overlap_sessions=1).p_value is None


def test_a_label_shorter_than_a_session_is_refused():
    with pytest.raises(ValueError, match="at least one session"):
        degrees_of_freedom(100, overlap_sessions=0)


def test_where_an_array_lies_in_memory_changes_no_bit():
    values = np.random.default_rng(7).normal(size=400)
    answers = set()
    for offset in range(9):
        shelf = np.empty(500)
        shelf[offset : offset + 400] = values
        answers.add(mean_inference(shelf[offset : offset + 400], overlap_sessions=5))
    assert len(answers) == 1


@pytest.mark.slow
@pytest.mark.parametrize("horizon", [1, 5, 21])
def test_on_null_data_the_5_percent_test_rejects_about_5_percent(horizon):
    rates = rejection_rates(World(horizon, n_days=300, n_names=50), simulations=400, seed=horizon)
    # Four Monte-Carlo standard errors around 5 %; the iid test fails this at 5 and 21 sessions by far.
    assert 0.007 < rates["ours"] < 0.095
    assert horizon == 1 or rates["iid"] > 0.2
