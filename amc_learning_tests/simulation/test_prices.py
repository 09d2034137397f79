from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, spearmanr

from amc_learning.simulation.prices import heavy_tailed, relative_volumes, simulate_bars, simulate_market_path
from amc_learning.simulation.rules import SAMPLE
from amc_learning.simulation.scores import latent_scores, return_shocks


@given(st.floats(-8, 8), st.floats(-8, 8))
def test_heavy_tails_keep_the_order_of_draws(one, other):
    low, high = heavy_tailed(np.array(sorted((one, other))))
    assert low <= high
    assert (low < high) or abs(one - other) < 1e-12


def test_heavy_tails_have_unit_variance_and_the_kurtosis_stated():
    def moment(power: int) -> float:
        return quad(lambda x: float(heavy_tailed(np.array(x))) ** power * norm.pdf(x), -25, 25, limit=200)[0]

    assert moment(2) == pytest.approx(1.0, abs=1e-6)
    assert moment(4) == pytest.approx(5.5, abs=0.05)


@pytest.mark.parametrize("volatility", [0.001, 0.02, 0.2])
def test_bars_are_valid_at_any_volatility(simulate, volatility):
    bars = simulate(replace(SAMPLE, volatility=volatility, n_symbols=120, seed=5)).bars
    body = bars.select(top=pl.max_horizontal("open", "close"), bottom=pl.min_horizontal("open", "close"))
    assert (bars["high"] >= body["top"]).all()
    assert (bars["low"] <= body["bottom"]).all()
    assert bars["low"].min() > 0
    assert bars["volume"].min() > 0


def test_prices_are_in_whole_cents(sample):
    prices = sample.bars.select("open", "high", "low", "close").to_numpy()
    assert np.array_equal(prices, np.round(prices, 2))


def test_a_sessions_returns_from_open_to_close_rank_as_its_shocks():
    shocks = return_shocks(SAMPLE, latent_scores(SAMPLE, n_sessions=60))
    bars = simulate_bars(SAMPLE, simulate_market_path(SAMPLE, n_sessions=60), shocks)
    for session in range(60):
        ranking = spearmanr(shocks[session], bars.close[session] / bars.open[session]).statistic
        assert ranking > 0.9995


def test_symbols_move_with_the_market(sample):
    returns = sample.bars.sort("symbol", "date").select(
        "date", stock=pl.col("close").log().diff().over("symbol"), sessions=pl.col("date").cum_count().over("symbol")
    )
    market = sample.index.select("date", market=pl.col("sp500_close").log().diff())
    days = returns.group_by("date").agg(pl.col("stock").mean()).join(market, on="date").drop_nulls()
    assert days.select(pl.corr("stock", "market")).item() > 0.9


@given(st.lists(st.integers(1, 1000), min_size=4, max_size=30), st.integers(1, 3))
def test_relative_volume_compares_with_the_sessions_before(volumes, n_sessions):
    relative = relative_volumes(np.array(volumes).reshape(-1, 1), n_sessions=n_sessions).ravel()
    assert np.isnan(relative[:n_sessions]).all()
    for session in range(n_sessions, len(volumes)):
        mean = np.mean(volumes[session - n_sessions : session])
        assert relative[session] == pytest.approx(volumes[session] / mean, abs=0.00501)
