"""The asset `replay`: run with a range as its configuration, outside the nightly job."""

import dagster as dg

from amc_learning.definitions import build_defs
from amc_learning_tests.acceptance.loop import DAYS, failures, tree

FIRST, LAST = str(DAYS[0]), str(DAYS[-1])


def materialised(settings, **config):
    job = build_defs(settings=settings).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        asset_selection=[dg.AssetKey("replay")],
        run_config={
            "ops": {"replay": {"config": config}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        raise_on_error=False,
    )


def test_the_run_shows_table_picture_and_numbers_and_writes_no_table(finished):
    before = tree(finished.data_dir / "tables")
    result = materialised(finished, first=FIRST, last=LAST)
    assert result.success, failures(result)
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    rows = metadata["comparison"].records
    assert {(row.data["horizon"], row.data["weights"]) for row in rows} >= {("1d", "adaptive"), ("30d", "best_fixed")}
    assert metadata["chart"].value.startswith("![replay](data:image/png;base64,")
    assert metadata["n_nights"].value == len(DAYS)
    assert metadata["mean_ic_over_static_1d"].value > 0
    assert tree(finished.data_dir / "tables") == before


def test_a_range_that_is_not_measured_fails_with_the_command_that_measures_it(loaded):
    result = materialised(loaded, first=FIRST, last=LAST)
    assert not result.success
    assert any("amc-learning backfill" in said for said in failures(result))


def test_every_field_of_its_configuration_says_what_it_is(finished):
    (asset,) = [
        one for one in build_defs(settings=finished).assets if dg.AssetKey("replay") in getattr(one, "keys", ())
    ]
    fields = asset.op.config_schema.config_type.fields
    assert set(fields) == {"first", "last"}
    assert all(field.description for field in fields.values())


def test_no_night_replays(finished):
    night = build_defs(settings=finished).resolve_job_def("daily_correction_cycle").asset_layer
    assert dg.AssetKey("replay") not in night.executable_asset_keys
