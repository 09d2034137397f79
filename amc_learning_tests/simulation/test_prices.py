from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, spearmanr

from amc_learning.simulation.prices import (
    heavy_tailed,
    index_history,
    relative_volumes,
    simulate_bars,
    simulate_market_path,
)
from amc_learning.simulation.rules import N_WARM_UP_SESSIONS, SAMPLE, Turbulence
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


def test_turbulence_multiplies_the_moves_of_the_market_in_its_stretch_and_nowhere_else():
    calm = simulate_market_path(replace(SAMPLE, turbulence=None), n_sessions=100)
    rules = replace(SAMPLE, turbulence=Turbulence(first_session=10, n_sessions=30, factor=3.0))
    turbulent = simulate_market_path(rules, n_sessions=100)
    first = N_WARM_UP_SESSIONS + 10
    expected = np.where((np.arange(100) >= first) & (np.arange(100) < first + 30), 3.0, 1.0)
    half_drift = 0.0003 / 2  # of the overnight and of the intraday return alike
    for shaken, usual in ((turbulent.overnight, calm.overnight), (turbulent.intraday, calm.intraday)):
        assert (shaken - half_drift) / (usual - half_drift) == pytest.approx(expected)
    assert turbulent.vix_close / calm.vix_close == pytest.approx(expected, rel=1e-3)  # two decimals
    assert np.array_equal(turbulent.relative_volatility, calm.relative_volatility)


def test_a_longer_index_history_only_adds_to_its_old_end():
    path = simulate_market_path(SAMPLE, n_sessions=40)
    longest = index_history(SAMPLE, path, n_sessions=300)
    assert longest.sp500_close[-N_WARM_UP_SESSIONS:].tolist() == path.sp500_close[:N_WARM_UP_SESSIONS].tolist()
    for n_sessions in (0, 1, 19, 20, 21, 150):
        history = index_history(SAMPLE, path, n_sessions=n_sessions)
        assert history.sp500_close.tolist() == longest.sp500_close[300 - n_sessions :].tolist()
        assert history.vix_close.tolist() == longest.vix_close[300 - n_sessions :].tolist()


def test_the_index_before_the_market_moves_as_the_index_does():
    path = simulate_market_path(SAMPLE, n_sessions=40)
    history = index_history(SAMPLE, path, n_sessions=4000)
    returns = np.diff(np.log(history.sp500_close))
    # volatility 0.010 a day times exp(0.3 z) has a root mean square of 0.010 exp(0.09) = 0.0109; stretches of about
    # 1 / (1 - 0.97) = 33 sessions leave 120 independent ones, each good to 40 %
    assert returns.std() == pytest.approx(0.0109, rel=4 * 0.4 / np.sqrt(120))
    assert history.vix_close.mean() == pytest.approx(16.6, rel=4 * 0.3 / np.sqrt(60))
    seam = len(returns) - N_WARM_UP_SESSIONS
    assert np.abs(returns[seam - 1 : seam + 2]).max() < 0.06
