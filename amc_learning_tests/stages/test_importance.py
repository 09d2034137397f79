"""Importance in a warehouse: weeks of the simulated market, one by one, as a range and again."""

from datetime import date

import polars as pl
import pytest

from amc_learning.stages.importance import measure_importance
from amc_learning.warehouse import Warehouse
from amc_learning_tests.acceptance.loop import settings_for
from amc_learning_tests.learning.importance.worlds import WEEKS, outcomes

HORIZONS = ("1d", "7d", "30d")


@pytest.fixture
def settings(tmp_path, clean_environment):
    return settings_for(tmp_path / "data")


@pytest.fixture
def warehouse(settings):
    """A warehouse whose outcomes say that `technical` orders returns."""
    opened = Warehouse.open(settings.data_dir, settings.features.components)
    table = opened.table("feature_outcomes")
    for horizon in HORIZONS:
        rows = outcomes(horizon=horizon).rename({"useful": "technical", "useless": "squeeze"})
        known = pl.concat([table.read(None, None), filled(rows, opened.catalogue["feature_outcomes"])])
        table.write(known.sort("known_on", "horizon", "decision_id"), known["known_on"].unique().sort().to_list())
    return opened


def filled(rows, declared):
    """The rows with a value for every column of the table."""
    defaults = {pl.Float64: 50.0, pl.Int64: None, pl.Boolean: None, pl.String: None}
    columns = [
        pl.col(column.name)
        if column.name in rows.columns
        else pl.lit(defaults.get(column.dtype), column.dtype).alias(column.name)
        for column in declared.columns
        if column.name != "decided_at"
    ]
    decided_at = (pl.col("entry_date").cast(pl.Datetime("us")) - pl.duration(hours=9)).dt.replace_time_zone("UTC")
    return rows.with_columns(columns).with_columns(decided_at=decided_at).select(declared.column_names)


def stored(warehouse):
    return warehouse.table("feature_importance").read(None, None)


def test_the_planted_component_is_first_at_every_horizon_and_beyond_noise(warehouse, settings):
    measured = measure_importance(warehouse, settings, WEEKS[-1:])
    assert stored(warehouse).equals(measured)
    first = measured.filter(rank=1)
    assert dict(first.select("horizon", "component").iter_rows()) == dict.fromkeys(HORIZONS, "technical")
    assert first["is_beyond_noise"].all()


def test_weeks_one_by_one_a_range_and_a_week_again_give_the_same_bytes(warehouse, settings):
    table = warehouse.table("feature_importance")
    measure_importance(warehouse, settings, WEEKS)
    as_range = {entry.known_on: entry.sha256 for entry in table.entries()}
    for week in WEEKS:
        measure_importance(warehouse, settings, [week])
        assert {entry.known_on: entry.sha256 for entry in table.entries()} == as_range
    assert list(as_range) == WEEKS


def test_a_week_reads_nothing_that_became_known_after_it(warehouse, settings):
    before = measure_importance(warehouse, settings, WEEKS[:1])
    outcomes_table = warehouse.table("feature_outcomes")
    later = outcomes_table.read(date(2014, 12, 1), None)
    changed = later.with_columns(forward_return=-pl.col("forward_return"))
    outcomes_table.write(changed, later["known_on"].unique().sort().to_list())
    assert measure_importance(warehouse, settings, WEEKS[:1]).equals(before)


def test_a_warehouse_without_outcomes_says_that_days_are_missing(settings):
    empty = Warehouse.open(settings.data_dir, settings.features.components)
    measured = measure_importance(empty, settings, WEEKS[-1:])
    assert set(measured["evidence"]) == {"insufficient_days"}
    assert measured.height == len(HORIZONS) * len(settings.features.components)
