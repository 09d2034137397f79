"""Patterns in a warehouse: weeks of a simulated market, one by one, as a range, again, and with one missed."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.stages.discovered_patterns import find_patterns
from amc_learning.warehouse import Warehouse
from amc_learning_tests.acceptance.loop import settings_for
from amc_learning_tests.learning.patterns.worlds import PLANTED, Planted, sessions, simulated

FIRST_WEEK = next(day for day in sessions(780)[755:] if day.weekday() == 4)
WEEKS = [FIRST_WEEK + timedelta(weeks=step) for step in range(3)]
TABLES = ("discovered_patterns", "pattern_searches")


@pytest.fixture(scope="module")
def outcomes():
    """Rows of feature_outcomes and discovery_candidates of a world in which one pair of bands pays."""
    world = simulated(np.random.default_rng(31), n_sessions=770, planted=Planted(0.02))
    decided_at = (pl.col("entry_date").cast(pl.Datetime("us")) - pl.duration(hours=9)).dt.replace_time_zone("UTC")
    return world.frame().with_columns(
        symbol=pl.col("decision_id").str.slice(-3),
        decided_at=decided_at,
        horizon=pl.lit("7d"),
        is_selected=pl.lit(value=True),
        is_in_cross_section=pl.lit(value=True),
        price_usd=pl.lit(12.0),
    )


@pytest.fixture
def settings(tmp_path, clean_environment):
    return settings_for(tmp_path / "data")


@pytest.fixture
def warehouse(settings, outcomes):
    opened = Warehouse.open(settings.data_dir, settings.features.components)
    write(opened, "feature_outcomes", outcomes)
    write(opened, "discovery_candidates", outcomes.with_columns(known_on="entry_date").filter(known_day("known_on")))
    return opened


def known_day(name):
    return pl.col(name).dt.weekday() <= 5


def write(warehouse, name, rows):
    """The rows with a value for every column of the table."""
    declared = warehouse.catalogue[name]
    defaults = {pl.Float64: 50.0, pl.Int64: 1, pl.Boolean: False, pl.String: "x"}
    columns = [
        pl.lit(None if column.is_nullable else defaults[column.dtype], column.dtype).alias(column.name)
        for column in declared.columns
        if column.name not in rows.columns
    ]
    filled = rows.with_columns(columns).select(declared.column_names).sort("known_on", *declared.key)
    warehouse.table(name).write(filled, filled["known_on"].unique().sort().to_list())


def hashes(warehouse):
    return {(name, entry.known_on): entry.sha256 for name in TABLES for entry in warehouse.table(name).entries()}


def test_the_planted_pattern_is_discovered_and_keeps_its_history(warehouse, settings):
    found = find_patterns(warehouse, settings, WEEKS)
    assert warehouse.table("discovered_patterns").read(None, None).equals(found)
    planted = found.filter(pattern=PLANTED)
    assert planted["status"].to_list() == ["new", "confirmed", "confirmed"]
    assert planted["first_found_on"].unique().to_list() == WEEKS[:1]
    searches = warehouse.table("pattern_searches").read(None, None)
    assert searches["known_on"].to_list() == WEEKS
    assert searches["n_new"].to_list() == [1, 0, 0]


def test_weeks_one_by_one_a_range_and_a_week_again_give_the_same_bytes(warehouse, settings):
    find_patterns(warehouse, settings, WEEKS)
    as_range = hashes(warehouse)
    for week in (*WEEKS, WEEKS[-1]):
        find_patterns(warehouse, settings, [week])
        assert hashes(warehouse) == as_range


def test_a_missed_week_breaks_no_history(warehouse, settings):
    find_patterns(warehouse, settings, WEEKS[:1])
    found = find_patterns(warehouse, settings, WEEKS[2:]).filter(pattern=PLANTED)
    assert found.select("status", "first_found_on", "n_weeks_seen").row(0) == ("confirmed", WEEKS[0], 2)


def test_a_week_reads_nothing_that_became_known_after_it(warehouse, settings):
    find_patterns(warehouse, settings, WEEKS[:1])
    before = hashes(warehouse)
    table = warehouse.table("feature_outcomes")
    later = table.read(WEEKS[0] + timedelta(days=1), None)
    changed = later.with_columns(forward_return=-pl.col("forward_return"))
    table.write(changed, later["known_on"].unique().sort().to_list())
    find_patterns(warehouse, settings, WEEKS[:1])
    assert hashes(warehouse) == before


def test_a_warehouse_without_outcomes_says_that_days_are_missing(settings):
    empty = Warehouse.open(settings.data_dir, settings.features.components)
    assert find_patterns(empty, settings, WEEKS[-1:]).is_empty()
    searched = empty.table("pattern_searches").read(None, None).row(0, named=True)
    assert (searched["evidence"], searched["n_rules_tried"]) == ("insufficient_days", 0)


def test_a_week_at_another_horizon_breaks_no_history(warehouse, settings):
    find_patterns(warehouse, settings, WEEKS[:1])
    other = settings.model_copy(update={"weekly": settings.weekly.model_copy(update={"horizon": "1d"})})
    find_patterns(warehouse, other, WEEKS[1:2])
    found = find_patterns(warehouse, settings, WEEKS[2:]).filter(pattern=PLANTED)
    assert found.select("status", "first_found_on", "n_weeks_seen").row(0) == ("confirmed", WEEKS[0], 2)
