"""What a person starts from Dagster's launchpad: refused with the field and the remedy, or done without a surprise."""

import dagster as dg
import polars as pl
import pytest

from amc_learning.automation.jobs import DAILY_CORRECTION_CYCLE
from amc_learning.definitions import build_defs
from amc_learning_tests.acceptance.loop import DAYS, failures, open_warehouse, run_through_dagster, tree

DAY = DAYS[-1]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def explored(settings, asset, window_days):
    job = dg.define_asset_job("explore", [asset])
    definitions = dg.Definitions.merge(build_defs(settings=settings), dg.Definitions(jobs=[job]))
    config = {"ops": {asset: {"config": {"window_days": window_days}}}}
    return definitions.resolve_job_def("explore").execute_in_process(
        partition_key=str(DAY), run_config={**QUIET, **config}, raise_on_error=False
    )


def ordered(settings, job, op, config):
    definition = build_defs(settings=settings).resolve_job_def(job)
    return definition.execute_in_process(run_config={**QUIET, "ops": {op: {"config": config}}}, raise_on_error=False)


def refusal(result):
    (failed,) = (event for event in result.all_events if event.event_type_value == "STEP_FAILURE")
    return failed.event_specific_data.user_failure_data.description


@pytest.mark.parametrize(
    ("asset", "table"),
    [("correlation_of_a_window", "correlation_table"), ("thresholds_of_a_window", "threshold_table")],
)
def test_the_window_of_the_settings_gives_the_table_of_the_night_and_no_window_changes_a_byte_of_it(
    finished, asset, table
):
    before = {name: tree(finished.data_dir / name) for name in ("tables", "published")}
    assert explored(finished, asset, 90).success
    assert explored(finished, asset, 45).success
    assert {name: tree(finished.data_dir / name) for name in before} == before
    written = finished.data_dir / "explorations"
    night = open_warehouse(finished).table(table).read(DAY, DAY)
    assert pl.read_parquet(written / f"{table}-{DAY}-90d.parquet").equals(night)
    assert not pl.read_parquet(written / f"{table}-{DAY}-45d.parquet").equals(night)


@pytest.mark.parametrize("window_days", [29, 0, -5, 7306])
def test_a_window_out_of_bounds_is_refused_with_the_field_and_the_bounds(finished, window_days):
    result = explored(finished, "correlation_of_a_window", window_days)
    assert refusal(result).startswith(f"window_days: {window_days} is not within 30 to 7305 calendar days")
    assert not (finished.data_dir / "explorations").exists()


def test_a_window_that_is_no_number_does_not_start(finished):
    with pytest.raises(dg.DagsterInvalidConfigError, match="window_days"):
        explored(finished, "correlation_of_a_window", "long")


def test_an_input_that_is_not_written_is_refused_with_what_to_materialize_first(loaded):
    result = run_through_dagster(loaded, [DAY], assets=["correlation_table"])
    said = refusal(result)
    assert said.startswith(
        f"correlation_table needs daily_statistics of {DAY}, which is not written. Nothing was changed"
    )
    assert f"amc-learning run daily --date {DAY}" in said
    assert not open_warehouse(loaded).table("correlation_table").days()


def test_a_range_is_refused_with_its_missing_days(loaded):
    said = refusal(run_through_dagster(loaded, DAYS[-3:], assets=["threshold_table"]))
    assert f"daily_statistics of {DAYS[-3]} to {DAY} (3 days), which is not written" in said
    assert f"--from {DAYS[-3]} --to {DAY}" in said


def test_one_asset_of_one_day_or_a_range_runs_again_to_the_same_bytes(finished):
    before = tree(finished.data_dir / "tables")
    assert run_through_dagster(finished, [DAY], assets=["correlation_table"]).success
    assert run_through_dagster(finished, DAYS[-4:], assets=["threshold_table"]).success
    assert tree(finished.data_dir / "tables") == before


def test_a_rollback_decides_and_publishes_and_a_release_ends_it(finished):
    target, warehouse = DAYS[30], open_warehouse(finished)
    done = ordered(
        finished, "weights_rollback", "roll_back_weights", {"day": str(target), "reason": "the feed was broken"}
    )
    assert done.success, failures(done)
    document = warehouse.publications.current("weights")
    assert document["status"] == "rolled_back"
    assert "the feed was broken" in document["reason"]
    told = {event.asset_key.to_user_string() for event in done.get_asset_materialization_events()}
    assert told == {"weight_decisions", "published_weights"}
    assert ordered(finished, "weights_release", "release_weights", {"reason": "mended"}).success
    assert warehouse.publications.current("weights")["status"] != "rolled_back"


def test_a_release_with_nothing_to_release_is_refused_and_changes_no_byte(finished):
    before = {name: tree(finished.data_dir / name) for name in ("tables", "published")}
    result = ordered(finished, "weights_release", "release_weights", {"reason": "mended"})
    assert refusal(result).startswith("no rollback holds the weights: there is nothing to release, and nothing was")
    assert {name: tree(finished.data_dir / name) for name in before} == before


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"day": "", "reason": "why not"}, "day: '' is no day"),
        ({"day": "2024-13-01", "reason": "why not"}, "day: '2024-13-01' is no day; write it as 2014-12-01"),
        ({"day": "2019-01-02", "reason": "why not"}, "day: no decision of 2019-01-02 can be taken back to"),
        ({"day": str(DAYS[30]), "reason": " "}, "reason: say in a few words why"),
    ],
)
def test_a_rollback_that_cannot_be_is_refused_with_the_field_and_orders_nothing(finished, config, said):
    before = tree(finished.data_dir / "published")
    result = ordered(finished, "weights_rollback", "roll_back_weights", config)
    assert refusal(result).startswith(said)
    assert open_warehouse(finished).table("operator_actions").days() == []
    assert tree(finished.data_dir / "published") == before


def test_the_night_itself_lacks_no_input(finished):
    result = run_through_dagster(finished, [DAY], job=DAILY_CORRECTION_CYCLE)
    assert result.success
