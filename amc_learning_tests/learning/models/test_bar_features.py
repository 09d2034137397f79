"""Numbers from bars before an entry: right by hand, blind to what comes after, the same alone and among others."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.learning.models.bar_features import LOOK_BACK_SESSIONS, NAMES, bar_features

N_SESSIONS = 90
DAYS = np.busday_offset("2014-01-02", np.arange(N_SESSIONS), roll="forward").astype(object).tolist()
SYMBOLS = ("AAA", "BBB", "CCC")


def market(seed=0):
    rng = np.random.default_rng(seed)
    closes = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, (len(SYMBOLS), N_SESSIONS)), axis=1))
    opens = closes * np.exp(rng.normal(0, 0.01, closes.shape))
    bars = pl.DataFrame(
        {
            "known_on": DAYS * len(SYMBOLS),
            "symbol": np.repeat(SYMBOLS, N_SESSIONS),
            "open_usd": opens.ravel(),
            "high_usd": (np.maximum(opens, closes) * 1.01).ravel(),
            "low_usd": (np.minimum(opens, closes) * 0.99).ravel(),
            "close_usd": closes.ravel(),
            "volume_shares": rng.uniform(1e5, 1e6, closes.size),
        }
    )
    levels = 1000 * np.exp(np.cumsum(rng.normal(0, 0.01, N_SESSIONS)))
    index = pl.concat(
        pl.DataFrame({"known_on": DAYS, "series": [name] * N_SESSIONS, "close_points": values})
        for name, values in (("sp500", levels), ("vix", rng.uniform(10, 40, N_SESSIONS)))
    )
    return bars, index


def features(bars, index, symbols, days):
    return bar_features(bars, index, symbols=pl.Series(symbols, dtype=pl.String), before=pl.Series(days, dtype=pl.Date))


def one(bars, index, symbol, day):
    return dict(zip(NAMES, features(bars, index, [symbol], [day])[0].tolist(), strict=True))


def test_every_number_is_what_a_few_lines_by_hand_make_it():
    bars, index = market()
    day = DAYS[80]
    mine = bars.filter((pl.col("symbol") == "BBB") & (pl.col("known_on") < day)).tail(61)
    o, h, low, c, v = (
        mine[name].to_numpy() for name in ("open_usd", "high_usd", "low_usd", "close_usd", "volume_shares")
    )
    levels = {
        name: index.filter((pl.col("series") == name) & (pl.col("known_on") < day)).tail(61)["close_points"].to_numpy()
        for name in ("sp500", "vix")
    }
    r, m = np.diff(np.log(c)), np.diff(np.log(levels["sp500"]))
    gaps = np.log(o[1:] / c[:-1])
    expected = {
        "volatility_20": np.log(np.sqrt(np.mean(r[-20:] ** 2))),
        "volatility_60": np.log(np.sqrt(np.mean(r**2))),
        "range_20": np.log(np.mean(np.log(h / low)[-20:])),
        "gap_size_20": np.log(np.sqrt(np.mean(gaps[-20:] ** 2))),
        "last_gap": gaps[-1],
        "largest_fall_60": r.min(),
        "last_return": r[-1],
        "return_5": np.log(c[-1] / c[-6]),
        "return_20": np.log(c[-1] / c[-21]),
        "return_60": np.log(c[-1] / c[0]),
        "below_high_60": np.log(c[-1] / h.max()),
        "dollar_volume_20": np.log(np.mean((c * v)[-20:])),
        "volume_surge": np.log(v[-1] / np.mean(v[-21:-1])),
        "beta_60": np.cov(r, m)[0, 1] / np.var(m, ddof=1),
        "vix": np.log(levels["vix"][-1]),
        "market_volatility_20": np.log(np.sqrt(np.mean(m[-20:] ** 2))),
    }
    assert one(bars, index, "BBB", day) == pytest.approx(expected, abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, N_SESSIONS - 1), st.floats(0.1, 10))
def test_whatever_happens_on_the_day_or_later_changes_nothing(place, factor):
    bars, index = market()
    day = DAYS[place]
    later = pl.col("known_on") >= day
    prices = ("open_usd", "high_usd", "low_usd", "close_usd", "volume_shares")
    changed = bars.with_columns(
        pl.when(later).then(pl.col(name) * factor).otherwise(name).alias(name) for name in prices
    )
    moved = index.with_columns(
        pl.when(later).then(pl.col("close_points") * factor).otherwise("close_points").alias("close_points")
    )
    asked = ([*SYMBOLS], [day] * 3)
    np.testing.assert_array_equal(features(changed, moved, *asked), features(bars, index, *asked))
    np.testing.assert_array_equal(
        features(bars.remove(later), index.remove(later), *asked), features(bars, index, *asked)
    )


def test_a_row_is_the_same_to_the_last_bit_alone_in_a_range_and_with_older_bars_or_without():
    bars, index = market()
    day = DAYS[85]
    alone = features(bars, index, ["CCC"], [day])
    many = features(bars, index, list(SYMBOLS) * 20, [day] * 60)
    np.testing.assert_array_equal(many[2], alone[0])
    recent = pl.col("known_on") >= DAYS[85 - LOOK_BACK_SESSIONS]
    np.testing.assert_array_equal(features(bars.filter(recent), index.filter(recent), ["CCC"], [day]), alone)


def test_a_split_later_on_changes_nothing_that_is_known_before_it():
    """Adjusting all past prices for it halves every price and doubles every volume."""
    bars, index = market()
    adjusted = bars.with_columns(
        *(pl.col(name) / 2 for name in ("open_usd", "high_usd", "low_usd", "close_usd")), pl.col("volume_shares") * 2
    )
    there, here = (features(which, index, ["AAA"], [DAYS[80]]) for which in (bars, adjusted))
    np.testing.assert_allclose(there, here, atol=1e-12)


def test_what_bars_do_not_say_is_missing_and_not_zero():
    bars, index = market()
    assert np.isnan(list(one(bars, index, "ZZZ", DAYS[80]).values())[:14]).all()
    young = one(bars, index, "AAA", DAYS[12])
    assert np.isfinite(young["volatility_20"])
    assert np.isnan(young["volatility_60"])
    assert np.isnan(young["return_20"])
    without = one(bars, index.clear(), "AAA", DAYS[80])
    assert np.isnan([without[name] for name in ("beta_60", "vix", "market_volatility_20")]).all()
    assert np.isfinite(without["volatility_20"])
    assert np.isnan(features(bars.clear(), index, ["AAA"], [date(2014, 5, 1)])).all()
