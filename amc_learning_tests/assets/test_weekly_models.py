"""The assets of the models: a week in Dagster writes what the stage writes, and shows people numbers and a table."""

from datetime import timedelta

import dagster as dg
import polars as pl

from amc_learning.assets.partitions import week_key
from amc_learning.assets.weekly_models import calibration_chart
from amc_learning.contracts.knowledge_days import week_end
from amc_learning.definitions import build_defs
from amc_learning_tests.acceptance.loop import DAYS, failures, open_warehouse

WEEK = week_end(DAYS[-1]) - timedelta(weeks=1)
NAMES = ("prediction_models", "candidate_predictions")


def test_a_week_writes_both_tables_and_shows_the_card(finished):
    job = build_defs(settings=finished).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        asset_selection=[dg.AssetKey(name) for name in NAMES],
        partition_key=week_key(WEEK),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    assert result.success, failures(result)
    told = {
        event.step_materialization_data.materialization.asset_key.to_user_string(): (
            event.step_materialization_data.materialization.metadata
        )
        for event in result.get_asset_materialization_events()
    }
    assert set(told) == set(NAMES)
    assert told["prediction_models"]["n_promoted"].value == 0
    assert {row.data["kind"] for row in told["prediction_models"]["newest_week"].records} == {
        "baseline",
        "linear",
        "boosted",
    }
    assert told["candidate_predictions"]["n_targets_with_a_model"].value == 0
    warehouse = open_warehouse(finished)
    assert all(warehouse.table(name).days() == [WEEK] for name in (*NAMES, "judged_predictions"))


def test_the_chart_is_a_small_picture_and_there_is_none_while_every_champion_says_one_rate():
    curve = '[{"predicted": 0.1, "came_true": 0.12, "n": 50}, {"predicted": 0.4, "came_true": 0.38, "n": 70}]'
    champion = pl.DataFrame({"target": ["stop_out"], "kind": ["linear"], "calibration_curve": [curve]})
    assert 1_000 < len(calibration_chart(champion)) < 50_000
    assert calibration_chart(champion.with_columns(kind=pl.lit("baseline"))) is None
