import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from amc_learning.learning.inference import MeanInference
from amc_learning.learning.weights.improvement import (
    backward_components,
    cross_sections,
    look_level,
    one_sided,
    top_change,
)
from amc_learning.learning.weights.suggestion import suggest_weights
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT_VECTOR,
    NAMES,
    evidence_of,
    joined_table,
    random_evidence,
    scores_and_returns,
    slopes_for,
    weekdays,
)


@pytest.mark.parametrize("window_days", [90, 365, 1095])
def test_a_year_of_looks_at_noise_exceeds_the_level_no_more_often_than_allowed(window_days):
    """The statistic of one fixed candidate: rolling means of independent noise, an independent simulation."""
    rng, simulations, error_rate = np.random.default_rng(window_days), 3000, 0.05
    sessions = round(window_days * 252 / 365)
    noise = np.cumsum(np.pad(rng.standard_normal((simulations, sessions + 252)), ((0, 0), (1, 0))), axis=1)
    highest = ((noise[:, sessions:] - noise[:, :-sessions]) / np.sqrt(sessions)).max(axis=1)
    level = look_level(window_days, error_rate=error_rate, min_days=40)
    assert (norm.sf(highest) <= level).mean() <= error_rate + 2 * np.sqrt(error_rate / simulations)


def test_shorter_windows_and_smaller_error_rates_ask_for_more():
    levels = [look_level(days, error_rate=0.02, min_days=40) for days in (30, 90, 365, 1095)]
    assert levels == sorted(levels)
    assert look_level(90, error_rate=0.01, min_days=40) < levels[1]


def test_without_an_interval_there_is_no_reliability():
    assert one_sided(MeanInference(0.5, None, None, None, 3, None)) == 1.0


@pytest.mark.parametrize(("estimate", "expected"), [(0.1, 0.02), (-0.1, 0.98)])
def test_one_sided_p_value_looks_upward_only(estimate, expected):
    assert one_sided(MeanInference(estimate, 0.0, 0.2, 0.04, 50, 50.0)) == pytest.approx(expected)


def test_missing_scores_count_as_the_mean_of_the_day():
    scores, returns = scores_and_returns(np.random.default_rng(1), 1, names=5)
    joined = joined_table(scores, returns, weekdays(1)).with_columns(
        technical=pl.Series([10.0, None, 30.0, None, 50.0])
    )
    (section,) = cross_sections(joined.reverse(), components=NAMES, horizon="1d").values()
    np.testing.assert_allclose(section.scores[:, NAMES.index("technical")], [-20, 0, 0, 0, 20])


def test_top_change_equals_a_re_ranking_by_hand():
    days = weekdays(60)
    scores, returns = scores_and_returns(np.random.default_rng(2), 60, slopes=slopes_for([0, 0, 0, 0, 1, 3], 0.2))
    window = evidence_of(scores, returns, days)
    suggestion = suggest_weights(window, DEFAULT_VECTOR, overlap_sessions=1, cap=0.6)
    sections = cross_sections(joined_table(scores, returns, days), components=NAMES, horizon="1d")
    latest = slice(40, 60)
    change = top_change(sections, window, suggestion, DEFAULT_VECTOR, known_after=int(window.known_on[39]), top_k=10)
    gains, successes = [], []
    for day in range(*latest.indices(60)):
        new, old = (
            np.argsort(scores[day] @ weights)[-10:]
            for weights in (suggestion.weights_out_of_sample(day), DEFAULT_VECTOR)
        )
        gains.append(returns[day][new].mean() - returns[day][old].mean())
        successes.append((returns[day][new] > 0.02).mean() - (returns[day][old] > 0.02).mean())
    assert change.n_days == 20
    assert change.mean_return == pytest.approx(np.mean(gains))
    assert change.success_rate == pytest.approx(np.mean(successes))


def test_no_candidates_at_hand_promise_nothing():
    window = random_evidence(np.random.default_rng(3), 60)
    suggestion = suggest_weights(window, DEFAULT_VECTOR, overlap_sessions=1, cap=0.6)
    change = top_change({}, window, suggestion, DEFAULT_VECTOR, known_after=0, top_k=10)
    assert (change.success_rate, change.mean_return, change.n_days) == (None, None, 0)


def test_only_the_component_that_works_backwards_is_named():
    window = random_evidence(np.random.default_rng(4), 300, rho=0.0, slopes=[0.1, 0, 0, 0, 0, -0.1])
    found = backward_components(window, overlap_sessions=1, level=0.05)
    assert [NAMES[at] for at, _ in found] == ["technical"]
    assert found[0][1].estimate == pytest.approx(-0.1, abs=0.03)
