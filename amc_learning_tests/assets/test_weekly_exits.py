"""What the weekly assets about exits tell people."""

import math
from datetime import timedelta

import dagster as dg
import numpy as np
import pytest

from amc_learning.assets.common import MAX_CHART_BYTES
from amc_learning.assets.partitions import week_key
from amc_learning.assets.weekly_exits import exit_map, exit_strategies, position_size_advice, stop_out_chart
from amc_learning.contracts.declared.exits import exit_strategies as declared_strategies
from amc_learning.contracts.declared.exits import position_size_advice as declared_sizes
from amc_learning.contracts.knowledge_days import week_end
from amc_learning.learning.exits import compare_exits, size_rows, strategy_rows
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse
from amc_learning_tests.learning.exits.worlds import World, sample

WEEK = week_end(DAYS[-1] - timedelta(days=4))


@pytest.fixture
def told(finished):
    warehouse = open_warehouse(finished)
    result = dg.materialize(
        [exit_strategies, position_size_advice],
        partition_key=week_key(WEEK),
        resources={"warehouse": warehouse, "settings": finished},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    warehouse.inbox.close()
    return {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
    }


def test_a_week_tells_its_advice_in_words_and_numbers(told):
    strategies, sizes = told["exit_strategies"], told["position_size_advice"]
    assert strategies["dagster/partition_row_count"].value == 213
    assert "trades on" in strategies["advice"].value
    assert strategies["is_change"].value == 0
    assert sizes["is_advised"].value == 0
    assert sizes["advice"].value
    numbers = [entry.value for metadata in told.values() for entry in metadata.values()]
    assert all(math.isfinite(number) for number in numbers if isinstance(number, float))


def test_pictures_are_small_and_nothing_has_none():
    history = sample(World(n_days=60, spread=2.0), np.random.default_rng(1))
    strategies = strategy_rows(compare_exits(history, seed=[1]), WEEK)
    for picture in (exit_map(strategies), stop_out_chart(size_rows(history, WEEK, seed=[1]))):
        assert picture is not None
        assert picture.startswith(b"\x89PNG")
        assert len(picture) <= MAX_CHART_BYTES
    assert exit_map(declared_strategies().empty()) is None
    assert stop_out_chart(declared_sizes().empty()) is None
