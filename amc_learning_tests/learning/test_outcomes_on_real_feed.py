"""Outcomes, join and daily statistics on the shared market data, against what other code computed from it once."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from amc_learning.learning.daily_statistics import daily_statistics
from amc_learning.learning.join import feature_outcomes
from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes, required_window
from amc_learning.market_calendar import exchange_sessions

MARKET = (Path(__file__).resolve().parents[2] / "../shared/data/market").resolve()
pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not MARKET.is_dir(), reason=f"the shared market data is not at {MARKET}"),
]

COMPONENTS = ("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical")
RULES = OutcomeRules({"1d": 1, "7d": 7, "30d": 30}, "next_open", 0.25, -0.10)
FIRST, LAST = date(2008, 1, 2), date(2014, 12, 15)


@pytest.fixture(scope="module")
def sessions():
    return exchange_sessions("XNYS", date(2007, 1, 1), LAST)


@pytest.fixture(scope="module")
def bars():
    prices = {f"{name}_usd": name for name in ("open", "high", "low", "close")}
    return pl.read_parquet(MARKET / "bars.parquet").select(
        "symbol",
        known_on="date",
        volume_shares=pl.col("volume").cast(pl.Float64),
        **{k: pl.col(v) for k, v in prices.items()},
    )


@pytest.fixture(scope="module")
def candidates():
    # Discovery ran at 16:10 market time, ten minutes after the close.
    at_1610 = pl.col("date").cast(pl.Datetime("us")).dt.offset_by("16h10m").dt.replace_time_zone("America/New_York")
    kinds = {"events_discovery.parquet": True, "controls_discovery.parquet": False}
    rows = [pl.read_parquet(MARKET / name).with_columns(is_selected=selected) for name, selected in kinds.items()]
    return pl.concat(rows).select(
        "symbol",
        "is_selected",
        pl.lit(True).alias("is_late"),
        "action_tag",
        "total_score",
        *COMPONENTS,
        known_on="date",
        decision_id=pl.format("{}/{}", "date", "symbol"),
        event_id=pl.format("run {}", "date"),
        decided_at=at_1610.dt.convert_time_zone("UTC"),
        n_universe=pl.col("universe_size").cast(pl.Int64),
    )


@pytest.fixture(scope="module")
def outcomes(candidates, bars, sessions):
    return candidate_outcomes(candidates, bars, sessions, RULES, known_from=FIRST, known_to=LAST)


@pytest.fixture(scope="module")
def compared(outcomes):
    """Our outcomes beside those of the shared file, one row per decision and horizon of either."""
    theirs = pl.read_parquet(MARKET / "outcomes_discovery.parquet").with_columns(
        decision_id=pl.format("{}/{}", "date", "symbol")
    )
    per_horizon = [
        theirs.select(
            "decision_id",
            "entry_open",
            horizon=pl.lit(horizon),
            their_return=pl.col(f"ret_{horizon}"),
            their_known_on=pl.col(f"known_{horizon}"),
        )
        for horizon in RULES.horizons
    ]
    return pl.concat(per_horizon).join(outcomes, on=["decision_id", "horizon"], how="full", coalesce=True)


def test_every_complete_outcome_equals_the_independent_file(compared):
    complete = compared.filter(outcome_status="complete")
    # The shared file holds six decimals; ours are rounded to them for the comparison.
    assert (complete["their_return"] - complete["forward_return"].round(6)).abs().max() <= 1e-9
    assert (complete["entry_open"] == complete["entry_price_usd"]).all()
    assert (complete["their_known_on"] == complete["known_on"]).all()
    assert complete.height == 519_312


def test_every_other_row_is_one_where_the_symbol_misses_a_session(compared):
    # That file counts the symbol's own bars: a missing bar shifts its exit to a later session.
    measured = compared.filter(pl.col("known_on").is_not_null() & (pl.col("outcome_status") != "complete"))
    assert dict(measured["outcome_status"].value_counts().iter_rows()) == {
        "missing_bars": 1_843,
        "missing_exit_bar": 144,
        "missing_entry_bar": 201,
    }
    assert (measured["n_missing_bars"] > 0).all()
    theirs = measured.filter(pl.col("their_return").is_not_null())
    assert (theirs["their_known_on"] > theirs["known_on"]).all()
    assert measured.filter(outcome_status="missing_entry_bar")["their_return"].null_count() == 201


def test_decisions_without_a_row_had_not_matured_when_the_data_ends(compared):
    immature = compared.filter(pl.col("known_on").is_null())
    # The decisions of the last 1, 7 and 30 sessions, 100 on each.
    assert dict(immature["horizon"].value_counts().iter_rows()) == {"1d": 100, "7d": 700, "30d": 3_000}
    assert immature["their_return"].null_count() == immature.height


@pytest.mark.parametrize("day", [date(2008, 10, 10), date(2012, 10, 31), date(2014, 12, 15)])
def test_a_night_equals_its_part_of_the_range(outcomes, candidates, bars, sessions, day):
    window = required_window(sessions, RULES, day)
    night = candidate_outcomes(
        candidates.filter(pl.col("known_on").is_between(window.decisions_from, day)),
        bars.filter(pl.col("known_on").is_between(window.bars_from, day)),
        sessions,
        RULES,
        known_from=day,
        known_to=day,
    )
    assert night.height == 300
    assert night.equals(outcomes.filter(known_on=day))


@pytest.fixture(scope="module")
def joined(outcomes, candidates):
    return feature_outcomes(outcomes.filter(horizon="1d"), candidates, components=COMPONENTS)


@pytest.fixture(scope="module")
def statistics(joined):
    return daily_statistics(joined, components=COMPONENTS)


def test_mean_information_coefficients_of_the_selected_are_those_of_other_code(statistics):
    theirs = json.loads((MARKET / "ic.json").read_text())["top50/dev"]
    means = (
        statistics.filter(population="selected", scope="all")
        .group_by("feature")
        .agg(pl.col("information_coefficient").mean())
    )
    for feature, mean in means.iter_rows():
        if feature != "sentiment":
            assert mean == pytest.approx(theirs[f"{feature}|1d"]["ic"], abs=3e-4)


def test_mean_information_coefficients_of_the_universe_agree_within_the_noise_of_fifty_controls(statistics):
    # Theirs ranks all 949 scored names a day, ours estimates that from 50 selected and 50 controls.
    theirs = json.loads((MARKET / "ic.json").read_text())["universe/dev"]
    daily = statistics.filter(population="universe").drop_nulls("information_coefficient")
    assert daily["feature"].n_unique() == len(COMPONENTS) + 1
    for (feature,), days in daily.group_by("feature"):
        noise = days["information_coefficient"].std() / np.sqrt(days.height)
        assert days["information_coefficient"].mean() == pytest.approx(theirs[f"{feature}|1d"]["ic"], abs=4 * noise)


def test_daily_coefficients_equal_scipys(joined, statistics):
    selected = joined.filter("is_selected")
    daily = statistics.filter(population="selected", scope="all", feature="technical")
    for day in daily["known_on"].gather_every(50):
        rows = selected.filter(pl.col("known_on") == day).drop_nulls("forward_return")
        ours = daily.filter(known_on=day)["information_coefficient"].item()
        assert ours == pytest.approx(spearmanr(rows["technical"], rows["forward_return"]).statistic, abs=1e-12)


def test_a_nights_statistics_equal_their_part_of_the_range(joined, statistics):
    for day in (date(2008, 10, 10), date(2014, 12, 15)):
        night = daily_statistics(joined.filter(known_on=day), components=COMPONENTS)
        assert night.equals(statistics.filter(known_on=day))
