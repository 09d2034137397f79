from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from amc_learning.learning.exits import position_size, size_rows
from amc_learning.learning.exits.position_size import LARGEST_FACTOR, SMALLEST_FACTOR, rising, size_factors
from amc_learning.learning.exits.sample import REACH_SESSIONS
from amc_learning_tests.learning.exits.worlds import World, sample
from amc_learning_tests.truth.exits_study import held

WEEK = date(2014, 12, 12)
UNLIKE = World(spread=2.0)
NUMBERS = ("variance_ratio", "worst_loss_ratio")


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=12))
def test_the_rising_fit_is_that_of_an_independent_library(pairs):
    values, weights = (np.array(side, float) for side in zip(*pairs, strict=True))
    assert rising(values, weights) == pytest.approx(isotonic_regression(values, weights=weights).x)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=5, max_size=5))
def test_factors_stay_within_bounds_and_never_rise_with_risk(counts):
    n_trades = np.array([max(pair) for pair in counts])
    n_stopped = np.array([min(pair) for pair in counts])
    factors = size_factors(n_stopped, n_trades)
    assert ((factors >= SMALLEST_FACTOR) & (factors <= LARGEST_FACTOR)).all()
    assert (np.diff(factors) <= 1e-12).all()
    assert factors[2] == 1


def test_ratios_of_risk_depend_on_no_bound_of_memory(monkeypatch):
    generator = np.random.default_rng(4)
    n_trades = generator.integers(1, 9, 120)
    counts = generator.integers(0, 4, (501, 120)).astype(float)
    day_of = np.repeat(np.arange(120), n_trades)
    factor, returns = generator.uniform(0.5, 1.5, len(day_of)), generator.standard_normal(len(day_of))
    at_once = position_size.risk_ratios(counts, day_of, factor, returns)
    for cells in (1, 7 * len(day_of), 250 * len(day_of)):
        monkeypatch.setattr(position_size, "CELLS_AT_ONCE", cells)
        in_parts = position_size.risk_ratios(counts, day_of, factor, returns)
        assert [values.tobytes() for values in in_parts] == [values.tobytes() for values in at_once]


class TestAdvice:
    def test_where_nothing_caps_losses_smaller_positions_in_volatile_shares_are_advised(self):
        rows = size_rows(held(UNLIKE, np.random.default_rng(1)), WEEK, seed=[1])
        assert rows["is_advised"].all()
        assert rows["size_factor"].to_list() == sorted(rows["size_factor"], reverse=True)
        assert rows["variance_ratio_ci_high"][0] < 1
        assert rows["worst_loss_ratio"][0] < 1

    def test_where_a_stop_caps_all_losses_alike_sizes_stay_and_the_reason_says_so(self):
        rows = size_rows(sample(UNLIKE, np.random.default_rng(1)), WEEK, seed=[1])
        assert rows["size_factor"].to_list() == [1.0] * 5
        assert rows["stop_out_rate"].is_sorted()
        assert "sizes stay as they are" in rows["reason"][0]

    def test_a_few_trades_advise_nothing(self):
        rows = size_rows(held(World(n_days=15), np.random.default_rng(1)), WEEK, seed=[1])
        assert rows["n_trades"].sum() == 75
        assert rows["size_factor"].to_list() == [1.0] * 5
        assert rows["reason"][0].startswith("75 trades say too little")

    def test_no_volatility_is_no_row(self):
        history = sample(World(n_days=60), np.random.default_rng(1))
        blind = replace(history.panel, closes=np.full_like(history.panel.closes, np.nan))
        assert size_rows(replace(history, panel=blind), WEEK, seed=[1]).is_empty()

    def test_bands_are_fifths_and_rates_their_counts(self):
        rows = size_rows(sample(UNLIKE, np.random.default_rng(2)), WEEK, seed=[1])
        assert rows["n_trades"].to_list() == [750] * 5
        assert rows["stop_out_rate"].to_list() == pytest.approx(
            (rows["n_stopped_out"] / rows["n_trades"]).to_list(), abs=1e-9
        )
        assert rows["volatility_to"].to_list()[:-1] == rows["volatility_from"].to_list()[1:]

    def test_a_trade_teaches_rates_only_once_its_limit_is_over_however_early_it_closed(self):
        """Days 621 to 649 of 750 are within 30 sessions of the last stretch, which begins on day 650."""
        history = sample(UNLIKE, np.random.default_rng(4))
        day = history.entries.session - REACH_SESSIONS
        turned = np.where((day > 620) & (day < 650), ~history.is_stopped_out, history.is_stopped_out)
        before, after = (
            size_rows(replace(history, is_stopped_out=stopped), WEEK, seed=[1]).select(NUMBERS)
            for stopped in (history.is_stopped_out, turned)
        )
        assert before.equals(after)

    def test_the_same_sample_gives_the_same_rows(self):
        first, second = (size_rows(sample(UNLIKE, np.random.default_rng(3)), WEEK, seed=[7]) for _ in range(2))
        assert first.equals(second)
