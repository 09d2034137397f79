"""The asset `feature_importance`: its numbers, its table and its picture."""

from datetime import timedelta

import dagster as dg
import polars as pl

from amc_learning.assets.partitions import week_key
from amc_learning.assets.weekly_importance import importance_chart
from amc_learning.definitions import build_defs
from amc_learning.learning.importance import feature_importance
from amc_learning_tests.acceptance.loop import DAYS, failures
from amc_learning_tests.learning.importance.worlds import RULES, WEEKS, outcomes


def test_a_week_materialises_with_numbers_and_a_preview_of_every_row(finished):
    job = build_defs(settings=finished).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        asset_selection=[dg.AssetKey("feature_importance")],
        partition_key=week_key(DAYS[-1] - timedelta(weeks=1)),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    assert result.success, failures(result)
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    n_rows = len(finished.outcomes.horizons) * len(finished.features.components)
    assert metadata["dagster/partition_row_count"].value == n_rows
    assert len(metadata["newest_week"].records) == n_rows
    # Thirteen weeks are too few for an estimate: nothing is beyond noise, and no picture pretends otherwise.
    assert metadata["n_beyond_noise"].value == 0
    assert "chart" not in metadata


def test_the_picture_is_a_small_png():
    week = feature_importance(outcomes(), None, weeks=WEEKS[-1:], rules=RULES)
    chart = importance_chart(week, horizons=("1d",))
    assert chart is not None
    assert chart.startswith(b"\x89PNG")
    assert len(chart) < 50_000
    assert importance_chart(week.with_columns(importance_ci_low=pl.lit(None, pl.Float64)), horizons=("1d",)) is None
