"""The stage of the week on the small simulated market: what it writes, and that it depends on nothing it should not."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from amc_learning.contracts.knowledge_days import week_end
from amc_learning.settings import Settings
from amc_learning.stages.exits import advise_sizes, optimise_exits
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

TABLES = ("exit_strategies", "exit_advice", "position_size_advice")
WEEK = week_end(DAYS[-1] - timedelta(days=4))
WEEKS = [WEEK - timedelta(weeks=back) for back in (3, 2, 1, 0)]


@pytest.fixture
def warehouse(finished: Settings):
    opened = open_warehouse(finished)
    yield opened
    opened.inbox.close()


def run(warehouse, settings, weeks):
    optimise_exits(warehouse, settings, weeks)
    advise_sizes(warehouse, settings, weeks)


def shas(warehouse, weeks):
    return {(name, week): warehouse.table(name).entry(week).sha256 for name in TABLES for week in weeks}


def test_a_week_compares_its_trades_with_every_setting_and_says_what_is_missing(warehouse, finished):
    strategies, advice = optimise_exits(warehouse, finished, [WEEK])
    row = advice.row(0, named=True)
    assert (row["basis"], row["decision"]) == ("trades", "insufficient_evidence")
    assert strategies.height == 1 + row["n_settings_tried"] == 213
    assert row["n_trades"] > 0
    closed = warehouse.table("closed_trades").read(None, WEEK)
    opened = warehouse.table("trade_openings").read(None, WEEK)
    positions = set(closed["position_id"]) | set(opened["position_id"])
    assert row["n_trades"] + row["n_trades_immature"] + row["n_trades_unusable"] == len(positions)


def test_weeks_one_by_one_and_as_a_range_give_the_same_bytes(warehouse, finished):
    run(warehouse, finished, WEEKS)
    together = shas(warehouse, WEEKS)
    for week in reversed(WEEKS):
        run(warehouse, finished, [week])
    assert shas(warehouse, WEEKS) == together
    assert any(together.values())


def test_what_becomes_known_after_the_week_changes_nothing(warehouse, finished):
    early = WEEKS[0]
    run(warehouse, finished, [early])
    before = shas(warehouse, [early])
    bars = warehouse.table("price_bars")
    later = bars.read(early + timedelta(days=1), None)
    changed = later.with_columns(pl.col("open_usd", "high_usd", "low_usd", "close_usd") * 3)
    bars.write(changed, later["known_on"].unique().to_list())
    closed = warehouse.table("closed_trades")
    rows = closed.read(early + timedelta(days=1), None).with_columns(realised_return=pl.lit(9.0))
    closed.write(rows, rows["known_on"].unique().to_list())
    run(warehouse, finished, [early])
    assert shas(warehouse, [early]) == before


def test_without_any_trade_candidates_stand_in_for_them(warehouse, finished):
    for name in ("closed_trades", "trade_openings"):
        table = warehouse.table(name)
        table.write(table.table.empty(), DAYS)
    strategies, advice = optimise_exits(warehouse, finished, [WEEK])
    sizes = advise_sizes(warehouse, finished, [WEEK])
    assert advice["basis"].to_list() == ["candidates"]
    held = strategies.filter(setting="no stop, no target, 30 sessions").row(0, named=True)
    done = strategies.filter(setting="as done").row(0, named=True)
    assert held["difference"] == 0
    assert held["expectancy"] == done["expectancy"]
    assert set(sizes["basis"]) <= {"candidates"}


def test_a_symbol_decided_several_times_before_one_open_is_bought_once(warehouse, finished):
    for name in ("closed_trades", "trade_openings"):
        table = warehouse.table(name)
        table.write(table.table.empty(), DAYS)
    run(warehouse, finished, [WEEK])
    before = shas(warehouse, [WEEK])
    joined = warehouse.table("feature_outcomes")
    rows = joined.read(None, None)
    earlier = rows.with_columns(pl.col("decision_id") + "/morning", is_in_cross_section=pl.lit(value=False))
    joined.merge(earlier)
    run(warehouse, finished, [WEEK])
    assert shas(warehouse, [WEEK]) == before


def test_a_week_with_nothing_to_buy_has_no_rows_and_is_recorded(warehouse, finished):
    before = DAYS[0] - timedelta(weeks=30)
    week = week_end(before)
    run(warehouse, finished, [week])
    for name in TABLES:
        assert warehouse.table(name).read(week, week).is_empty()


def test_what_is_returned_is_what_is_stored(warehouse, finished):
    strategies, advice = optimise_exits(warehouse, finished, WEEKS)
    sizes = advise_sizes(warehouse, finished, WEEKS)
    for name, frame in zip(TABLES, (strategies, advice, sizes), strict=True):
        stored = warehouse.table(name).read(WEEKS[0], WEEKS[-1])
        assert_frame_equal(stored, frame.sort("known_on", *warehouse.catalogue[name].key), check_exact=True)
