import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from amc_learning.assets.checks import UNDERSTOOD
from amc_learning.assets.common import WEEKLY
from amc_learning.definitions import (
    DOCUMENT_ASSETS,
    EXPLORATION_ASSETS,
    PROOF_ASSETS,
    TABLE_ASSETS,
    WEEKLY_DOCUMENT_ASSETS,
    WEEKLY_TABLE_ASSETS,
    build_defs,
    defs,
)
from amc_learning.settings import Automation, Settings
from amc_learning_tests.acceptance.loop import tree

REPOSITORY = Path(__file__).resolve().parents[1]
STEPS = (
    "step_1_overnight_outcomes",
    "step_2_pattern_performance",
    "step_3_confidence",
    "step_4_discovery_parameters",
    "step_5_intelligence_report",
)
"""The daily correction cycle as the system description tells it."""
GROUPS = (*STEPS, WEEKLY, "proof", "exploration")
"""The steps, the weekly cycle, which reads any of them, and what a person asks for or tries out besides."""
DOCUMENTS = (*DOCUMENT_ASSETS, *WEEKLY_DOCUMENT_ASSETS)
TABLES = (*TABLE_ASSETS, *WEEKLY_TABLE_ASSETS)


@pytest.fixture
def definitions(tmp_path, clean_environment):
    return build_defs(settings=Settings(data_dir=tmp_path / "data"))


def test_definitions_are_loadable_and_loading_touches_no_disk(definitions, tmp_path):
    dg.Definitions.validate_loadable(definitions)
    assert tree(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_what_dagster_loads_is_what_build_defs_builds(clean_environment, definitions):
    loaded = defs()
    keys = {spec.key for spec in loaded.resolve_all_asset_specs()}
    assert keys == {spec.key for spec in definitions.resolve_all_asset_specs()}


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_belongs(definitions):
    specs = list(definitions.resolve_all_asset_specs())
    assert {spec.group_name for spec in specs} == set(GROUPS)
    for spec in specs:
        name = spec.key.to_user_string()
        assert spec.description, name
        assert spec.owners == ["team:learning"], name
        assert spec.kinds, name


def test_no_asset_depends_on_a_later_step(definitions):
    specs = {spec.key: spec for spec in definitions.resolve_all_asset_specs()}
    for spec in specs.values():
        for dependency in spec.deps:
            upstream = specs[dependency.asset_key]
            is_earlier = GROUPS.index(upstream.group_name) <= GROUPS.index(spec.group_name)
            assert is_earlier, f"{upstream.key.to_user_string()} -> {spec.key.to_user_string()}"


def test_every_table_asset_shows_its_columns_with_types_units_and_meaning(definitions, tmp_path):
    others = {asset.key for asset in (*DOCUMENTS, *PROOF_ASSETS, *EXPLORATION_ASSETS)}
    for spec in definitions.resolve_all_asset_specs():
        if spec.key in others | {dg.AssetKey("published_weights")}:
            continue
        schema = spec.metadata["dagster/column_schema"]
        columns = schema.value.columns if hasattr(schema, "value") else schema.columns
        assert {"known_on"} <= {column.name for column in columns}
        assert all(column.description and column.type for column in columns), spec.key


def test_the_published_weights_have_a_freshness_policy(definitions):
    (spec,) = [one for one in definitions.resolve_all_asset_specs() if one.key == dg.AssetKey("published_weights")]
    assert spec.freshness_policy is not None
    assert spec.freshness_policy.timezone == "America/New_York"
    assert spec.freshness_policy.deadline_cron.endswith("* * 2-6")


def test_every_check_blocks_but_warnings_and_every_checked_table_has_one(definitions):
    checks = [spec for checks in definitions.asset_checks for spec in checks.check_specs]
    assert all(spec.blocking == (spec.name != UNDERSTOOD) and spec.description for spec in checks)
    assert {spec.asset_key.to_user_string() for spec in checks} == {asset.key.to_user_string() for asset in TABLES}


def test_the_cycle_reaches_from_the_inbox_to_the_document_in_the_order_of_the_flow(definitions):
    graph = definitions.resolve_job_def("daily_correction_cycle").asset_layer.asset_graph
    ancestors, waiting = set(), [dg.AssetKey("published_weights")]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys:
            if parent not in ancestors:
                ancestors.add(parent)
                waiting.append(parent)
    names = {key.to_user_string() for key in ancestors}
    assert names >= {
        "discovery_events",
        "discovery_candidates",
        "price_bars",
        "candidate_outcomes",
        "feature_outcomes",
        "daily_statistics",
        "correlation_table",
        "threshold_table",
        "weight_decisions",
    }


def test_the_weekly_job_is_every_asset_of_the_week_and_no_other_job_has_one(definitions):
    weekly = {asset.key for asset in (*WEEKLY_TABLE_ASSETS, *WEEKLY_DOCUMENT_ASSETS)}
    jobs = {job.name: job for job in definitions.resolve_all_job_defs()}
    of_jobs = {name: job.asset_layer.selected_asset_keys & weekly for name, job in jobs.items() if name[0] != "_"}
    assert of_jobs.pop("weekly_deep_correction") == weekly
    assert {name for name, selected in of_jobs.items() if selected} == set()


def test_the_weekly_report_comes_after_every_other_asset_of_the_week(definitions):
    graph = definitions.resolve_job_def("weekly_deep_correction").asset_layer.asset_graph
    before = {dg.AssetKey("weekly_report")}
    waiting = list(before)
    while waiting:
        new = graph.get(waiting.pop()).parent_keys - before
        before |= new
        waiting.extend(new)
    assert before >= {asset.key for asset in WEEKLY_TABLE_ASSETS}


def test_loading_the_definitions_imports_no_statistics_library():
    program = "import sys; from amc_learning.definitions import build_defs; build_defs(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout.split()
    assert {"scipy", "sklearn", "statsmodels", "matplotlib"} & set(loaded) == set()


@pytest.mark.parametrize(
    ("automation", "status"),
    [(Automation(), "STOPPED"), (Automation(daily_schedule_is_on=True, inbox_sensor_is_on=True), "RUNNING")],
    ids=["as delivered", "switched on"],
)
def test_schedule_and_sensor_start_as_the_settings_say(tmp_path, clean_environment, automation, status):
    definitions = build_defs(settings=Settings(data_dir=tmp_path / "data", automation=automation))
    schedule = definitions.resolve_schedule_def("daily_correction_schedule")
    sensor = definitions.resolve_sensor_def("inbox_sensor")
    assert (schedule.default_status.value, sensor.default_status.value) == (status, status)


def test_another_feature_set_changes_the_columns_and_nothing_else(tmp_path, clean_environment):
    features = {"name": "three", "default_weights": {"rvol": 0.5, "momentum": 0.3, "change": 0.2}}
    definitions = build_defs(settings=Settings(data_dir=tmp_path / "data", features=features))
    dg.Definitions.validate_loadable(definitions)
    (spec,) = [one for one in definitions.resolve_all_asset_specs() if one.key == dg.AssetKey("discovery_candidates")]
    schema = spec.metadata["dagster/column_schema"]
    names = {column.name for column in (schema.value if hasattr(schema, "value") else schema).columns}
    assert {"rvol", "momentum", "change"} <= names
    assert "squeeze" not in names


@pytest.mark.parametrize("file", ["dagster.yaml", "deploy/postgres/dagster.yaml"])
def test_instance_configurations_parse_with_telemetry_off(file):
    configuration = yaml.safe_load((REPOSITORY / file).read_text())
    assert configuration["telemetry"] == {"enabled": False}
    assert set(configuration["storage"]) <= {"sqlite", "postgres"}


def test_the_embedded_instance_keeps_everything_in_the_data_directory(tmp_path, clean_environment):
    import os  # noqa: PLC0415

    os.environ["AMC_LEARNING_DAGSTER_DIR"] = str(tmp_path / "dagster")
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((REPOSITORY / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert not instance.telemetry_enabled
        assert instance.get_runs_count() == 0
    assert {path.name for path in home.iterdir()} == {"dagster.yaml"}
    assert (tmp_path / "dagster").is_dir()


def test_the_workspace_names_the_module_that_dagster_loads():
    (location,) = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["module_name"] == "amc_learning.definitions"
    assert "working_directory" in location["python_module"]
