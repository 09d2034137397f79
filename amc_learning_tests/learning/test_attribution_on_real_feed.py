"""Attribution of seven years of real trades, against sums taken straight from the file."""

from datetime import date, timedelta
from pathlib import Path
from time import process_time

import polars as pl
import pytest

from amc_learning.contracts.declared.trades import closed_trades
from amc_learning.learning.attribution import LINKS, performance_attribution
from amc_learning.settings import Features
from amc_learning_tests.learning.corrections.samples import weekdays

MARKET = (Path(__file__).resolve().parents[2] / "../shared/data/market").resolve()
pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not MARKET.is_dir(), reason=f"the shared market data is not at {MARKET}"),
]
WEIGHTS = Features().default_weights
NIGHTS = [day for day in weekdays(1814, date(2008, 1, 2)) if day <= date(2014, 12, 15)]
WINDOW_DAYS = 90


@pytest.fixture(scope="module")
def trades():
    schema = closed_trades(tuple(WEIGHTS)).schema
    sent = pl.read_parquet(MARKET / "events_trades.parquet").filter(pl.col("exit_date").is_not_null())
    named = sent.select(
        "symbol",
        "exit_date",
        "exit_reason",
        "action_tag",
        "market_regime",
        *(pl.col(name).cast(pl.Float64) for name in WEIGHTS),
        known_on="exit_date",
        position_id="trade_id",
        decision_id="trade_id",
        thesis_id="trade_id",
        status=pl.lit("closed"),
        realised_pnl_usd="pnl",
        realised_return="return_pct",
        recommendation="thesis_recommendation",
        source="thesis_source",
    )
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in named.columns]
    return named.with_columns(absent).select(schema.names()).cast(dict(schema))


@pytest.fixture(scope="module")
def timed(trades):
    start = process_time()
    found = performance_attribution(
        trades, as_of=NIGHTS, components=tuple(WEIGHTS), weights=WEIGHTS, window_days=WINDOW_DAYS
    )
    return found, process_time() - start


def test_seven_years_of_nights_stay_within_their_budget(timed):
    assert timed[1] < 8


def test_the_parts_of_every_dimension_sum_to_the_total_on_every_night(timed):
    parts = timed[0].group_by("known_on", "dimension").agg(pl.col("realised_pnl_micro_usd").sum())
    assert parts["dimension"].unique().sort().to_list() == sorted(["total", "component", *LINKS])
    assert parts.group_by("known_on").agg(pl.col("realised_pnl_micro_usd").n_unique()).max()[0, 1] == 1


def test_totals_equal_the_file_to_the_cent(timed, trades):
    totals = timed[0].filter(dimension="total")
    for night in NIGHTS[90::200]:
        window = trades.filter(pl.col("known_on").is_between(night - timedelta(days=WINDOW_DAYS - 1), night))
        row = totals.filter(known_on=night).row(0, named=True)
        assert row["n_trades"] == window.height
        assert row["realised_pnl_usd"] == pytest.approx(window["realised_pnl_usd"].sum(), abs=0.005)


def test_stops_lose_and_targets_win(timed):
    last = timed[0].filter(known_on=NIGHTS[-1], dimension="exit_reason")
    rates = dict(last.select("value", "win_rate").iter_rows())
    assert (rates["stop_loss"], rates["profit_target"]) == (0.0, 1.0)
