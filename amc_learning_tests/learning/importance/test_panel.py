"""The panel and its noise baseline."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata

from amc_learning.learning.importance.noise import persistent_noise
from amc_learning.learning.importance.panel import candidate_panel, centred_ranks
from amc_learning_tests.learning.importance.worlds import COMPONENTS, outcomes


def test_ranks_are_those_of_scipy_scaled_to_mean_0_and_variance_1():
    values = np.random.default_rng(0).integers(0, 30, (20, 200)).astype(float)
    expected = np.sqrt(3) * (2 * rankdata(values, axis=1) - 201) / 200
    assert centred_ranks(values) == pytest.approx(expected, abs=1e-12)
    assert expected.mean() == pytest.approx(0, abs=1e-12)
    assert expected.var() == pytest.approx(1, abs=0.01)


def test_what_is_not_scored_ranks_0_and_leaves_the_others_in_their_order():
    day = outcomes(n_names=6).head(6).with_columns(useful=pl.Series([10.0, None, 30.0, None, None, None]))
    panel = candidate_panel(day, components=COMPONENTS)
    # Ranks 1 and 2 of two: sqrt(3) * (2 * 1 - 3) / 2.
    assert panel.scores[0, 0] == pytest.approx([-np.sqrt(3) / 2, 0, np.sqrt(3) / 2, 0, 0, 0])
    assert panel.is_scored[0, 0].tolist() == [True, False, True, False, False, False]


def test_controls_earlier_decisions_and_unknown_returns_are_left_out_and_days_under_five_candidates():
    two_days = outcomes(n_names=8).head(16)
    first = pl.int_range(pl.len()) < 8
    spoiled = two_days.with_columns(
        is_selected=~(first & (pl.col("symbol") == "S00")),
        is_in_cross_section=~(first & (pl.col("symbol") == "S01")),
        forward_return=pl.when(first & (pl.col("symbol") == "S02")).then(None).otherwise("forward_return"),
    )
    assert candidate_panel(spoiled, components=COMPONENTS).n_pairs.tolist() == [5, 8]
    fewer = spoiled.filter(~(first & (pl.col("symbol") == "S03")))
    assert candidate_panel(fewer, components=COMPONENTS).n_pairs.tolist() == [8]


def test_an_empty_window_is_an_empty_panel():
    panel = candidate_panel(outcomes().clear(), components=COMPONENTS)
    assert panel.scores.shape == (3, 0, 0)
    assert panel.n_pairs.tolist() == []


def test_a_late_label_makes_its_day_mature_late():
    rows = outcomes().head(12)
    later = rows["known_on"][0].replace(month=3)
    late = rows.with_columns(known_on=pl.when(pl.col("symbol") == "S00").then(pl.lit(later)).otherwise("known_on"))
    (matured,) = candidate_panel(late, components=COMPONENTS).matured_days.tolist()
    assert matured == (later - later.replace(year=1970, month=1, day=1)).days


def test_noise_is_a_function_of_symbol_and_day_alone():
    symbols, days = np.array(["A", "B", "A", "B"], dtype=object), np.array([16_000, 16_000, 16_100, 16_100])
    together = persistent_noise(symbols, days)
    alone = [persistent_noise(symbols[[row]], days[[row]])[0] for row in range(4)]
    assert together.tolist() == alone


def test_noise_is_standard_normal_between_symbols_and_persists_like_a_score():
    symbols = np.repeat(np.array([f"S{n}" for n in range(2000)], dtype=object), 2)
    noise = persistent_noise(symbols, np.tile([16_000, 16_001], 2000)).reshape(2000, 2)
    # Standard errors of mean and deviation of 2000 draws: .022 and .016.
    assert noise.mean(axis=0) == pytest.approx([0, 0], abs=0.07)
    assert noise.std(axis=0) == pytest.approx([1, 1], abs=0.05)
    assert np.corrcoef(noise.T)[0, 1] > 0.97
