"""What a night tells people: counts, series, pictures, reasons; all of it safe for the browser."""

import fnmatch
import json
import math

import dagster as dg
import pytest
from dagster import serialize_value

from amc_learning.assets.common import MAX_CHART_BYTES, plain
from amc_learning.assets.guide import GUIDES
from amc_learning.cli.dagster_runs import TAKEN_IN
from amc_learning.definitions import DOCUMENT_ASSETS, TABLE_ASSETS
from amc_learning.stages.cycle import daily_stages
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse, run_through_dagster, steps_done


@pytest.fixture(scope="module")
def night(finished_base, tmp_path_factory):
    import shutil  # noqa: PLC0415

    from amc_learning.settings import Settings  # noqa: PLC0415

    settings = Settings(data_dir=shutil.copytree(finished_base, tmp_path_factory.mktemp("night") / "data"))
    return settings, run_through_dagster(settings, [DAYS[-1]])


def metadata_of(result):
    return {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
    }


def test_a_night_writes_every_stage(night):
    _, result = night
    assert steps_done(result) == {asset.key.to_user_string() for asset in (*TABLE_ASSETS, *DOCUMENT_ASSETS)} | {
        "published_weights"
    }


def test_backfill_runs_and_tells_of_what_the_night_runs(night):
    """Every asset that computes is a stage of the backfill, and the other way round."""
    _, result = night
    computed = {name for stage in daily_stages(DAYS[-1]) for name in stage.asset_names}
    assert steps_done(result) == computed | set(TAKEN_IN)


def test_every_table_tells_its_row_count_as_it_lies_on_disk(night):
    settings, result = night
    warehouse = open_warehouse(settings)
    for name, metadata in metadata_of(result).items():
        if "n_documents" not in metadata:
            entry = warehouse.table(name).entry(DAYS[-1])
            assert metadata["dagster/partition_row_count"].value == (entry.n_rows if entry else 0), name


def test_no_number_is_nan_and_everything_survives_json(night):
    _, result = night
    for name, metadata in metadata_of(result).items():
        for key, value in metadata.items():
            if isinstance(value, dg.FloatMetadataValue):
                assert math.isfinite(value.value), (name, key)
        json.loads(serialize_value(dg.AssetMaterialization(name, metadata=metadata)), parse_constant=pytest.fail)


def test_every_number_told_is_one_the_guide_gives_a_meaning_and_a_unit(night):
    _, result = night
    for name, metadata in metadata_of(result).items():
        told = {
            key for key, value in metadata.items() if isinstance(value, dg.FloatMetadataValue | dg.IntMetadataValue)
        }
        series = GUIDES[name].series
        unexplained = {key for key in told if not any(fnmatch.fnmatch(key, pattern) for pattern in series)}
        assert unexplained <= {"dagster/partition_row_count"}, name
        assert {number for number in series if number.startswith("n_")} <= told, f"{name}: a count is missing"
        assert len(told) <= 20, name


@pytest.mark.parametrize(
    "name", ["discovery_candidates", "candidate_outcomes", "correlation_table", "weight_decisions"]
)
def test_the_assets_people_look_at_carry_a_small_picture(night, name):
    _, result = night
    chart = metadata_of(result)[name]["chart"].value
    assert "data:image/png;base64,iVBOR" in chart
    assert len(chart) < 2 * MAX_CHART_BYTES


def test_the_decision_is_told_with_status_reason_and_weights(night):
    settings, result = night
    document = open_warehouse(settings).publications.current("weights")
    metadata = metadata_of(result)["weight_decisions"]
    assert (metadata["status"].value, metadata["reason"].value) == (document["status"], document["reason"])
    assert metadata["weight_technical"].value == document["data"]["optimized_parameters"]["technical_weight"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
        (True, True),
        (7, 7),
        ("x", "x"),
        (DAYS[0], str(DAYS[0])),
    ],
)
def test_values_become_what_the_browser_accepts(value, expected):
    assert plain(value) == expected
