"""What daily bars say about a symbol before it is bought: volatility, range, gaps, trend, turnover, market.

Belongs here: numbers known at the close before an entry. Not here: scores and regimes (cases.py), labels.

The level of the price is left out on purpose: bars are adjusted for later splits, so a low price in the past tells
that a stock was never split or was split in reverse since, which nobody knew then. Price times volume is free of that.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

LOOK_BACK_SESSIONS = 61
"""Sixty returns need one close more."""

LOOK_BACK_DAYS = 100
"""Calendar days that hold `LOOK_BACK_SESSIONS` sessions, holidays included."""

MIN_SHARE_KNOWN = 0.5
"""With fewer of its sessions known, a window says nothing."""

ROWS_AT_ONCE = 8192
"""Bounds the memory of the windows to some tens of megabytes; no number depends on it."""

LEAST_VOLATILITY = 1e-4
"""Of a session: a stock that did not move has no logarithm of its volatility."""

GROUPS = {
    "volatility_20": "volatility",
    "volatility_60": "volatility",
    "range_20": "volatility",
    "gap_size_20": "gaps",
    "last_gap": "gaps",
    "largest_fall_60": "gaps",
    "last_return": "trend",
    "return_5": "trend",
    "return_20": "trend",
    "return_60": "trend",
    "below_high_60": "trend",
    "dollar_volume_20": "turnover",
    "volume_surge": "turnover",
    "beta_60": "market",
    "vix": "market",
    "market_volatility_20": "market",
}
"""The features in their fixed order, and the group of each."""

NAMES = tuple(GROUPS)

INDEX, FEAR = "sp500", "vix"
"""Series of index_closes that are read, where there are any."""


def bar_features(bars: pl.DataFrame, index_closes: pl.DataFrame, *, symbols: pl.Series, before: pl.Series) -> Floats:
    """Features of symbols from the sessions before a day, that day not included.

    Sessions are the days on which any symbol has a bar. A row depends on the `LOOK_BACK_SESSIONS` sessions before its
    day only, to the last bit.

    Args:
        bars: price_bars from `LOOK_BACK_DAYS` before the earliest day on.
        index_closes: table of that name over the same days.
        symbols: symbol of each row.
        before: day of each row (Date): bars of earlier days are known.

    Returns:
        Shape (n rows, n features), columns `NAMES`; NaN where bars do not say.

    Source: Garman and Klass 1980 and Parkinson 1980 (range as volatility); Ang, Hodrick, Xing and Zhang 2006
    (volatility and later returns).
    """
    found = np.full((len(symbols), len(NAMES)), np.nan)
    days = np.unique(bars["known_on"].to_physical().to_numpy())
    if not len(days):
        return found
    codes, panel = _panel(bars, days, symbols)
    market = _market(index_closes, days)
    last = np.searchsorted(days, before.to_physical().to_numpy()) - 1
    known = np.flatnonzero(last >= 0)
    for start in range(0, len(known), ROWS_AT_ONCE):
        rows = known[start : start + ROWS_AT_ONCE]
        found[rows] = _of_windows(panel, market, codes[rows], last[rows])
    return found


def _panel(bars: pl.DataFrame, days: npt.NDArray[np.int32], symbols: pl.Series) -> tuple[npt.NDArray[np.int64], Floats]:
    """Row of each symbol, and open, high, low, close and volume as arrays of symbol by session, padded in front."""
    wanted = symbols.unique().sort()
    code_of = pl.DataFrame({"symbol": wanted, "code": np.arange(len(wanted))})
    known = bars.join(code_of, on="symbol", how="inner")
    cells = known["code"].to_numpy(), np.searchsorted(days, known["known_on"].to_physical().to_numpy())
    columns = ("open_usd", "high_usd", "low_usd", "close_usd", "volume_shares")
    panel = np.full((len(columns), len(wanted), LOOK_BACK_SESSIONS - 1 + len(days)), np.nan)
    for place, column in enumerate(columns):
        panel[place][cells[0], cells[1] + LOOK_BACK_SESSIONS - 1] = known[column].to_numpy()
    codes = symbols.to_frame("symbol").join(code_of, on="symbol", how="left", maintain_order="left")["code"].to_numpy()
    return codes, panel


def _market(index_closes: pl.DataFrame, days: npt.NDArray[np.int32]) -> Floats:
    """Closes of the index and of its implied volatility by session, padded in front; NaN where there is none."""
    market = np.full((2, LOOK_BACK_SESSIONS - 1 + len(days)), np.nan)
    for place, series in enumerate((INDEX, FEAR)):
        rows = index_closes.filter(pl.col("series") == series)
        at = np.searchsorted(days, rows["known_on"].to_physical().to_numpy())
        is_session = at < len(days)
        is_session[is_session] = days[at[is_session]] == rows["known_on"].to_physical().to_numpy()[is_session]
        market[place, at[is_session] + LOOK_BACK_SESSIONS - 1] = rows["close_points"].to_numpy()[is_session]
    return market


def _of_windows(panel: Floats, market: Floats, codes: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> Floats:
    """Features of the windows that end at the sessions `last`."""
    sessions = last[:, None] + np.arange(LOOK_BACK_SESSIONS)
    opens, highs, lows, closes, volumes = (prices[codes[:, None], sessions] for prices in panel)
    index, fear = (series[sessions] for series in market)
    with np.errstate(divide="ignore", invalid="ignore"):
        returns, index_returns = np.diff(np.log(closes), axis=1), np.diff(np.log(index), axis=1)
        gaps = np.log(opens[:, 1:] / closes[:, :-1])
        by_name = {
            "volatility_20": _log_size(returns[:, -20:]),
            "volatility_60": _log_size(returns),
            "range_20": np.log(np.maximum(_mean(np.log(highs / lows)[:, -20:]), LEAST_VOLATILITY)),
            "gap_size_20": _log_size(gaps[:, -20:]),
            "last_gap": gaps[:, -1],
            "largest_fall_60": np.fmin.reduce(returns, axis=1),
            "last_return": returns[:, -1],
            "return_5": np.log(closes[:, -1] / closes[:, -6]),
            "return_20": np.log(closes[:, -1] / closes[:, -21]),
            "return_60": np.log(closes[:, -1] / closes[:, 0]),
            "below_high_60": np.log(closes[:, -1] / np.fmax.reduce(highs, axis=1)),
            "dollar_volume_20": np.log(_mean((closes * volumes)[:, -20:])),
            "volume_surge": np.log(volumes[:, -1] / _mean(volumes[:, -21:-1])),
            "beta_60": _slope(returns, index_returns),
            "vix": np.log(fear[:, -1]),
            "market_volatility_20": _log_size(index_returns[:, -20:]),
        }
    stacked = np.column_stack([by_name[name] for name in NAMES])
    found: Floats = np.where(np.isfinite(stacked), stacked, np.nan)
    return found


def _mean(values: Floats) -> Floats:
    """Mean of each row over what is known; NaN when that is less than `MIN_SHARE_KNOWN`."""
    is_known = np.isfinite(values)
    n = is_known.sum(axis=1)
    enough = n >= MIN_SHARE_KNOWN * values.shape[1]
    means: Floats = np.where(enough, np.where(is_known, values, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)
    return means


def _log_size(returns: Floats) -> Floats:
    """Logarithm of the root mean square of each row."""
    sizes: Floats = np.log(np.maximum(np.sqrt(_mean(returns * returns)), LEAST_VOLATILITY))
    return sizes


def _slope(returns: Floats, index_returns: Floats) -> Floats:
    """Slope of each row of returns on those of the index, over the sessions that have both."""
    both = np.isfinite(returns) & np.isfinite(index_returns)
    x, y = np.where(both, index_returns, np.nan), np.where(both, returns, np.nan)
    x, y = x - _mean(x)[:, None], y - _mean(y)[:, None]
    slopes: Floats = _mean(x * y) / _mean(x * x)
    return slopes
