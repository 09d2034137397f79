import numpy as np
import pytest
from scipy.stats import norm

from amc_learning.learning.inference import MeanInference
from amc_learning.learning.weights.improvement import (
    backward_components,
    held_out_inference,
    look_level,
    one_sided,
)
from amc_learning.learning.weights.suggestion import suggest_weights
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT_VECTOR,
    NAMES,
    random_evidence,
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


def test_a_look_errs_no_more_often_than_its_level_on_noise():
    levels, inferences = (0.05, 0.01), []
    for seed in range(7000, 7300):
        suggestion = suggest_weights(
            random_evidence(np.random.default_rng(seed), 63), DEFAULT_VECTOR, overlap_sessions=1, cap=0.6
        )
        inferences.append(one_sided(held_out_inference(suggestion.improvement, overlap_sessions=1)))
    for level in levels:
        allowed = level + 2 * np.sqrt(level * (1 - level) / len(inferences))
        assert np.mean(np.array(inferences) <= level) <= allowed


def test_only_the_component_that_works_backwards_is_named():
    window = random_evidence(np.random.default_rng(4), 300, rho=0.0, slopes=[0.1, 0, 0, 0, 0, -0.1])
    found = backward_components(window, range(6), overlap_sessions=1, level=0.05)
    assert [NAMES[at] for at, _ in found] == ["technical"]
    assert found[0][1].estimate == pytest.approx(-0.1, abs=0.03)
    assert backward_components(window, [0, 1, 2], overlap_sessions=1, level=0.05) == []
