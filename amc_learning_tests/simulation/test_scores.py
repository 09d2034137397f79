from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from amc_learning.simulation.rules import SAMPLE
from amc_learning.simulation.scores import latent_scores, return_shocks, shown_scores, total_scores


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.95])
def test_latent_scores_are_standard_normal_on_every_session_and_persist_as_asked(persistence):
    rules = replace(SAMPLE, score_persistence=persistence, n_symbols=4000)
    latent = latent_scores(rules, n_sessions=30)
    for session in (0, 15, 29):
        assert kstest(latent[0, session], "norm").pvalue > 0.001
    correlation = np.corrcoef(latent[:, 10].ravel(), latent[:, 11].ravel())[0, 1]
    assert correlation == pytest.approx(persistence, abs=4 / np.sqrt(6 * 4000))


def test_shown_scores_are_uniform_from_0_to_100():
    points = shown_scores(np.random.default_rng(3).standard_normal(20_000))
    assert points.min() >= 0
    assert points.max() <= 100
    assert kstest(points / 100, "uniform").pvalue > 0.001


def test_shocks_are_standard_normal_whatever_is_planted():
    planted = {"technical": 0.6, "squeeze": -0.5}
    rules = replace(SAMPLE, n_symbols=4000, component_information_coefficients=planted)
    shocks = return_shocks(rules, latent_scores(rules, n_sessions=5))
    for session in range(5):
        assert kstest(shocks[session], "norm").pvalue > 0.001


def test_shocks_follow_the_scores_of_the_session_before_and_no_others():
    rules = replace(SAMPLE, n_symbols=4000, score_persistence=0.0)
    latent = latent_scores(rules, n_sessions=40)
    technical = latent[rules.components.index("technical")]
    shocks = return_shocks(rules, latent)

    def correlation(lag: int) -> float:
        return float(np.corrcoef(technical[5:35].ravel(), shocks[5 + lag : 35 + lag].ravel())[0, 1])

    assert correlation(1) == pytest.approx(0.157, abs=4 / np.sqrt(30 * 4000))
    for lag in (-1, 0, 2):
        assert correlation(lag) == pytest.approx(0.0, abs=4 / np.sqrt(30 * 4000))


@given(st.lists(st.none() | st.floats(0, 100), min_size=6, max_size=6))
def test_total_is_the_weighted_mean_of_the_components_that_are_there(values):
    present = [
        (weight, value)
        for weight, value in zip(SAMPLE.default_weights.values(), values, strict=True)
        if value is not None
    ]
    total = total_scores(
        SAMPLE,
        np.array([50.0 if value is None else value for value in values]).reshape(6, 1, 1),
        np.array([value is None for value in values]).reshape(6, 1, 1),
    ).item()
    if not present:
        assert np.isnan(total)
    else:
        weights, scores = zip(*present, strict=True)
        assert total == pytest.approx(np.average(scores, weights=weights), abs=0.00501)
