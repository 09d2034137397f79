"""Prices of the simulated market: one market path, and one path of daily bars per symbol.

Belongs here: what makes prices move. Not here: the effect of scores, which arrives as shocks (scores.py); frames and
files (market.py).

What is constructed, and why: the return from open to close of a session is the same rising function of the shock for
all symbols (one market move, one volatility), so the day's ranking of returns is that of the shocks and planted rank
correlations survive exactly, up to the rounding of prices to cents. What differs between symbols, market beta and own
noise, happens overnight, between close and next open.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amc_learning.simulation.arrays import Array, Flags
from amc_learning.simulation.rules import N_WARM_UP_SESSIONS, MarketRules, random_stream

MARKET_VOLATILITY = 0.010
"""Daily standard deviation of the market on an average day: 16 % a year, the long-run level of the VIX."""

MARKET_DRIFT = 0.0003
"""Mean daily log return of the market: 7.5 % a year."""

LOG_VOLATILITY_PERSISTENCE = 0.97
LOG_VOLATILITY_SPREAD = 0.30
"""Volatility comes in calm and nervous stretches of about a month, with a VIX of mostly 9 to 29."""

TAIL_WEIGHT = 0.1
"""h of Tukey's g-and-h distribution with g = 0: kurtosis 5.5, as in daily returns of single stocks."""

FIRST_LEVEL = 1500.0
"""Level of the index at the close before the first simulated session, warm-up included."""

LOWEST_PRICE_USD = 0.01
"""Prices are quoted in cents; below one cent nothing is quoted."""


@dataclass(frozen=True)
class MarketPath:
    """The market as a whole, arrays of shape (session,): log returns, volatility relative to average, index levels."""

    overnight: Array
    intraday: Array
    relative_volatility: Array
    sp500_close: Array
    vix_close: Array


@dataclass(frozen=True)
class IndexLevels:
    """Index closes, arrays of shape (session,), points."""

    sp500_close: Array
    vix_close: Array


@dataclass(frozen=True)
class BarPaths:
    """Daily bars of all symbols, arrays of shape (session, symbol): USD in whole cents, shares."""

    open: Array
    high: Array
    low: Array
    close: Array
    volume: NDArray[np.int64]


@dataclass(frozen=True)
class Tape:
    """What was quoted on the sessions shown, arrays of shape (session, symbol): USD; where `has_bar` is false, nothing.

    The prices where nothing was quoted are there, and mean nothing.
    """

    open: Array
    high: Array
    low: Array
    close: Array
    has_bar: Flags


def heavy_tailed(standard_normal: Array) -> Array:
    """Normal draws with their tails stretched to unit variance and kurtosis 5.5; strictly rising, so ranks stay.

    Source: Tukey's h distribution, h = `TAIL_WEIGHT`; its variance is (1 - 2h)^(-3/2).

    >>> heavy_tailed(np.array([-3.0, 0.0, 1.0, 3.0])).round(2)
    array([-3.98,  0.  ,  0.89,  3.98])
    """
    stretched = standard_normal * np.exp(TAIL_WEIGHT * standard_normal**2 / 2)
    return stretched * float((1 - 2 * TAIL_WEIGHT) ** 0.75)


def student_tailed(standard_normal: Array, *, degrees_of_freedom: float) -> Array:
    """Normal draws turned into Student's t of unit variance, quantile by quantile; strictly rising, so ranks stay.

    >>> student_tailed(np.array([-3.0, 0.0, 1.0, 3.0]), degrees_of_freedom=3.0).round(2)
    array([-5.32,  0.  ,  0.69,  5.32])
    """
    from scipy.special import ndtr, stdtrit  # noqa: PLC0415 - costs start-up time that nobody else should pay

    # the lower tail on both sides: near 1, probabilities have no digits left to tell large draws apart
    quantiles = -stdtrit(degrees_of_freedom, ndtr(-np.abs(standard_normal)))
    return np.copysign(quantiles, standard_normal) * float(np.sqrt(1 - 2 / degrees_of_freedom))


def simulate_market_path(rules: MarketRules, *, n_sessions: int) -> MarketPath:
    """Index levels with clustered volatility, and the market's overnight and intraday log returns."""
    log_volatility = _autoregression(
        random_stream(rules, "market volatility").standard_normal(n_sessions), LOG_VOLATILITY_PERSISTENCE
    )
    relative_volatility = np.exp(LOG_VOLATILITY_SPREAD * log_volatility)
    volatility = MARKET_VOLATILITY * relative_volatility * _turbulence(rules, n_sessions=n_sessions)
    halves = heavy_tailed(random_stream(rules, "market returns").standard_normal((2, n_sessions)))
    overnight, intraday = MARKET_DRIFT / 2 + np.sqrt(0.5) * volatility * halves
    return MarketPath(
        overnight=overnight,
        intraday=intraday,
        relative_volatility=relative_volatility,
        sp500_close=np.round(FIRST_LEVEL * np.exp(np.cumsum(overnight + intraday)), 2),
        vix_close=_vix(volatility),
    )


def index_history(rules: MarketRules, market: MarketPath, *, n_sessions: int) -> IndexLevels:
    """Index levels of the sessions before the first one shown, walked backward from where the market path begins.

    The last `N_WARM_UP_SESSIONS` are those of the path itself; a longer history only adds to its old end. The
    autoregression of volatility reads the same in both directions of time, so it goes on across the seam.

    Args:
        rules: the seed.
        market: the simulated path, warm-up included.
        n_sessions: how many sessions before the first one shown.

    Returns:
        Levels in order of time, shape (n_sessions,).
    """
    n_before = max(0, n_sessions - N_WARM_UP_SESSIONS)
    draws = random_stream(rules, "index history volatility").standard_normal(n_before)
    at_seam = np.log(market.relative_volatility[:1]) / LOG_VOLATILITY_SPREAD
    log_volatility = _autoregression(np.concatenate([at_seam, draws]), LOG_VOLATILITY_PERSISTENCE)[1:]
    volatility = MARKET_VOLATILITY * np.exp(LOG_VOLATILITY_SPREAD * log_volatility)
    own = heavy_tailed(random_stream(rules, "index history returns").standard_normal(n_before))
    returns = MARKET_DRIFT + volatility * own
    # returns[k] led to the close k sessions before the path; what was before it is lower by all of them
    levels = FIRST_LEVEL * np.exp(np.concatenate([[0.0], -np.cumsum(returns)])[:n_before])
    warm_up = slice(N_WARM_UP_SESSIONS - min(n_sessions, N_WARM_UP_SESSIONS), N_WARM_UP_SESSIONS)
    return IndexLevels(
        sp500_close=np.concatenate([np.round(levels[::-1], 2), market.sp500_close[warm_up]]),
        vix_close=np.concatenate([_vix(volatility[::-1]), market.vix_close[warm_up]]),
    )


def simulate_bars(rules: MarketRules, market: MarketPath, shocks: Array) -> BarPaths:
    """Daily bars of all symbols: geometric prices, gapping overnight with the market and moved intraday by the shocks.

    Args:
        rules: volatility and seed.
        market: returns of the market, shape (session,).
        shocks: standard normal, shape (session, symbol); see `return_shocks`.

    Returns:
        Bars in which low <= open, close <= high and low > 0, all prices in whole cents.
    """
    n_sessions, n_symbols = shocks.shape
    own_volatility = rules.volatility * market.relative_volatility[:, None]
    intraday = market.intraday[:, None] + own_volatility * _own_tailed(rules, shocks)
    overnight = _overnight_returns(rules, market, own_volatility, n_symbols=n_symbols)
    first_price = np.exp(random_stream(rules, "first prices").normal(np.log(40), 0.5, n_symbols)).clip(12, 300)
    log_close = np.log(first_price) + np.cumsum(overnight + intraday, axis=0)
    log_open = log_close - intraday
    reach = np.abs(random_stream(rules, "ranges").standard_normal((2, n_sessions, n_symbols))) * own_volatility / 2
    return BarPaths(
        open=_quoted(log_open),
        high=_quoted(np.maximum(log_open, log_close) + reach[0]),
        low=_quoted(np.minimum(log_open, log_close) - reach[1]),
        close=_quoted(log_close),
        volume=_volumes(rules, shocks),
    )


def relative_volumes(volume: NDArray[np.int64], *, n_sessions: int) -> Array:
    """Volume over its mean of the `n_sessions` sessions before, two decimals; NaN for the first `n_sessions`.

    >>> relative_volumes(np.array([[100], [300], [400]]), n_sessions=2).ravel()
    array([nan, nan,  2.])
    """
    summed = np.cumsum(volume, axis=0)
    before = summed[n_sessions - 1 : -1].copy()
    before[1:] -= summed[: -n_sessions - 1]
    relative = np.full(volume.shape, np.nan)
    relative[n_sessions:] = np.round(volume[n_sessions:] * n_sessions / before, 2)
    return relative


def _vix(volatility: Array) -> Array:
    points: Array = np.round(100 * np.sqrt(252) * volatility, 2)
    return points


def _own_tailed(rules: MarketRules, standard_normal: Array) -> Array:
    if rules.student_returns is None:
        return heavy_tailed(standard_normal)
    return student_tailed(standard_normal, degrees_of_freedom=rules.student_returns.degrees_of_freedom)


def _turbulence(rules: MarketRules, *, n_sessions: int) -> Array:
    if rules.turbulence is None:
        return np.ones(n_sessions)
    shown = np.arange(n_sessions) - N_WARM_UP_SESSIONS
    return np.where(rules.turbulence.holds_on(shown), rules.turbulence.factor, 1.0)


def _autoregression(draws: Array, persistence: float) -> Array:
    path = draws.copy()
    for session in range(1, len(path)):
        path[session] = persistence * path[session - 1] + np.sqrt(1 - persistence**2) * draws[session]
    return path


def _overnight_returns(rules: MarketRules, market: MarketPath, own_volatility: Array, *, n_symbols: int) -> Array:
    traits = random_stream(rules, "traits")
    beta = traits.normal(1.0, 0.3, n_symbols).clip(0.2, 2.0)
    restlessness = traits.uniform(0.2, 0.8, n_symbols)
    own = random_stream(rules, "overnight").standard_normal((len(market.overnight), n_symbols))
    return beta * market.overnight[:, None] + restlessness * own_volatility * _own_tailed(rules, own)


def _volumes(rules: MarketRules, shocks: Array) -> NDArray[np.int64]:
    """Lognormal around a level per symbol, and larger on days of large moves, as in real markets."""
    random = random_stream(rules, "volumes")
    level = np.exp(random.normal(np.log(1_000_000), 0.8, shocks.shape[1]))
    scatter = np.exp(0.35 * random.standard_normal(shocks.shape) + 0.25 * np.abs(shocks))
    volumes: NDArray[np.int64] = (level * scatter).astype(np.int64) + 100
    return volumes


def _quoted(log_price: Array) -> Array:
    return np.maximum(np.round(np.exp(log_price), 2), LOWEST_PRICE_USD).astype(np.float64, copy=False)
