"""The asset `discovered_patterns`: its numbers, its tables and its picture."""

from datetime import timedelta

import dagster as dg
import numpy as np
import polars as pl

from amc_learning.assets.partitions import week_key
from amc_learning.assets.weekly_patterns import effect_chart
from amc_learning.contracts.knowledge_days import week_end
from amc_learning.definitions import build_defs
from amc_learning.learning.patterns import discover_patterns
from amc_learning_tests.acceptance.loop import DAYS, failures
from amc_learning_tests.learning.patterns.worlds import RULES, Planted, sessions, simulated

LAST_FINISHED_WEEK = week_end(DAYS[-1]) - timedelta(weeks=1)
"""The last week of the simulated market all nights of which ran; its last day is a Wednesday."""

WEEK = next(day for day in sessions(780)[755:] if day.weekday() == 4)


def test_a_week_materialises_with_what_was_searched(finished):
    job = build_defs(settings=finished).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        asset_selection=[dg.AssetKey("discovered_patterns")],
        partition_key=week_key(LAST_FINISHED_WEEK),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    assert result.success, failures(result)
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    # Thirteen weeks are too few to search and to hold out: nothing is found, and no picture pretends otherwise.
    assert metadata["dagster/partition_row_count"].value == 0
    assert metadata["n_new"].value == 0
    assert metadata["search"].records[0].data["evidence"] == "insufficient_days"
    assert "chart" not in metadata


def test_the_picture_is_a_small_png():
    frame = simulated(np.random.default_rng(31), n_sessions=770, planted=Planted(0.02)).frame()
    weeks = [WEEK, WEEK + timedelta(weeks=1)]
    patterns = discover_patterns(frame, None, weeks=weeks, rules=RULES).patterns
    chart = effect_chart(patterns)
    assert chart is not None
    assert chart.startswith(b"\x89PNG")
    assert len(chart) < 50_000
    assert effect_chart(patterns.filter(pl.col("discovered_on").is_null())) is None
