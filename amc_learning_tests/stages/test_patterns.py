"""The pattern analysis says what the tables and the other documents say, and nothing where nothing is known."""

import json

import jsonschema
import polars as pl
import pytest

from amc_learning.settings import Settings
from amc_learning.stages.publish_documents import publish_patterns, publish_regimes
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

LAST = DAYS[-1]
FEATURE_KEYS = {"correlation_with_success", "optimal_threshold", "current_weight", "suggested_weight"}
DISCOVERY_KEYS = {
    "feature_analysis",
    "overall_discovery_success_rate",
    "market_regime_performance",
    "recommendations",
}
THESIS_KEYS = {"overall_accuracy", "confidence_calibration", "ai_vs_rules_accuracy", "recommendations"}
"""The keys of the system description."""


@pytest.fixture(scope="module")
def published(finished_base):
    return finished_base / "published"


def read(published, name):
    return json.loads((published / f"{name}.json").read_text())


@pytest.fixture
def analysis(published):
    return read(published, "pattern_analysis")


def test_it_has_the_keys_of_the_system_description(analysis):
    assert set(analysis["discovery_effectiveness"]) >= DISCOVERY_KEYS
    assert set(analysis["thesis_accuracy"]) >= THESIS_KEYS
    features = analysis["discovery_effectiveness"]["feature_analysis"]
    assert set(features) == set(Settings.model_fields["features"].default.components)
    assert all(set(feature) >= FEATURE_KEYS for feature in features.values())


def test_every_night_has_one_that_fits_the_schema_beside_it(published):
    schema = read(published, "pattern_analysis.schema")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    nights = sorted((published / "history/pattern_analysis").iterdir())
    assert [path.stem for path in nights] == [str(day) for day in DAYS]
    for path in nights:
        assert list(validator.iter_errors(json.loads(path.read_text()))) == []


def test_features_are_those_of_the_weights_document(published, analysis):
    weights = read(published, "weights")
    for name, feature in analysis["discovery_effectiveness"]["feature_analysis"].items():
        estimate = weights["evidence"][name][analysis["discovery_effectiveness"]["evidence_horizon"]]
        assert feature["correlation_with_success"] == {
            "estimate": estimate["mean_information_coefficient"],
            "ci_low": estimate["ci_low"],
            "ci_high": estimate["ci_high"],
            "n": estimate["n_days"],
        }
        assert feature["population"] == estimate["population"]
        assert feature["optimal_threshold"] == weights["thresholds"]["components"][name]
        assert feature["current_weight"] == weights["data"]["optimized_parameters"][f"{name}_weight"]


def test_the_success_rate_counts_the_selected_candidates_of_the_window(finished, analysis):
    warehouse = open_warehouse(finished)
    joined = warehouse.table("feature_outcomes").read(DAYS[0], LAST)
    window = joined.filter(
        pl.col("horizon") == "7d",
        pl.col("is_selected"),
        pl.col("is_in_cross_section"),
        pl.col("forward_return").is_not_null(),
        pl.col("known_on") > pl.lit(LAST) - pl.duration(days=90),
    )
    found = analysis["discovery_effectiveness"]["overall_discovery_success_rate"]
    assert found["estimate"] == pytest.approx(window["is_winner"].mean())
    # a candidate without a single score is in no feature's pairs
    assert found["n"] == pytest.approx(window.height, rel=0.05)
    assert found["n"] <= window.height


def test_regimes_are_told_as_the_table_knows_them(finished):
    warehouse = open_warehouse(finished)
    table = warehouse.table("regime_performance")
    is_calm = (pl.col("basis") == "index") & (pl.col("regime") == "calm")
    # The simulated market is too young for a regime of its own.
    rows = table.read(LAST, LAST).with_columns(
        is_current=is_calm,
        success_rate=pl.when(is_calm).then(0.125).otherwise("success_rate"),
        mean_information_coefficient=pl.when(is_calm).then(0.25).otherwise("mean_information_coefficient"),
        n_days=pl.when(is_calm).then(31).otherwise("n_days"),
    )
    table.write(rows, [LAST])
    publish_patterns(warehouse, finished, [LAST])
    publish_regimes(warehouse, finished, [LAST])
    analysis = warehouse.publications.current("pattern_analysis")
    regimes = analysis["discovery_effectiveness"]["market_regime_performance"]
    assert len({(entry["basis"], entry["regime"]) for entry in regimes}) == len(regimes) == 7
    (calm,) = [entry for entry in regimes if entry["is_current"]]
    assert (calm["basis"], calm["regime"]) == ("index", "calm")
    assert calm["success_rate"] == {"estimate": 0.125, "ci_low": None, "ci_high": None, "n": 31}
    shown = warehouse.publications.current("market_regime")["performance"]
    assert calm["components"] == [row for row in shown if row["horizon"] == "1d"]
    assert len(calm["components"]) == 6


def test_theses_are_those_of_the_confidence_document(published, analysis):
    theses, confidence = analysis["thesis_accuracy"], read(published, "confidence")
    groups = {(group["group_kind"], group["group"]): group for group in confidence["accuracy"]}
    overall = groups["overall", "all"]
    assert theses["overall_accuracy"] == overall["accuracy"]
    assert overall["accuracy"]["n"] > 0
    calibration = theses["confidence_calibration"]
    assert calibration["average_confidence"] == overall["mean_confidence"]
    assert calibration["calibration_score"] == confidence["data"]["calibration_quality"]
    assert calibration["quality"] == confidence["quality"]["overall"]
    assert set(calibration["per_recommendation"]) == {"BUY_MORE", "HOLD", "TRIM", "LIQUIDATE"}
    for name, group in calibration["per_recommendation"].items():
        assert group == groups["recommendation", name]
    assert theses["ai_vs_rules_accuracy"] == confidence["ai_minus_rules"]
    assert theses["recommendations"] == confidence["data"]["recommendations"]


def test_failing_patterns_are_those_of_the_report(published, analysis):
    report = read(published, "daily_report")
    assert analysis["failing_patterns"] == {"systematic": report["failures"], "watched": report["watched"]}
    assert report["failures"] or report["watched"]


def test_its_inputs_are_the_partitions_of_the_night(analysis, finished_base):
    for name, digest in analysis["inputs"].items():
        lines = (finished_base / "tables" / name / "manifest.ndjson").read_text().splitlines()
        entries = {entry["known_on"]: entry for entry in map(json.loads, lines)}
        assert digest == entries[analysis["known_on"]]["sha256"], name


def test_publishing_again_alone_changes_no_byte(finished, published):
    warehouse = open_warehouse(finished)
    (report,) = publish_patterns(warehouse, finished, [DAYS[40]])
    assert not report.is_changed
    name = f"history/pattern_analysis/{DAYS[40]}.json"
    assert (finished.data_dir / "published" / name).read_bytes() == (published / name).read_bytes()


def test_where_nothing_is_known_nothing_is_claimed(tmp_path, clean_environment):
    settings = Settings(data_dir=tmp_path / "data")
    warehouse = open_warehouse(settings)
    publish_patterns(warehouse, settings, [LAST])
    analysis = warehouse.publications.current("pattern_analysis")
    nothing = {"estimate": None, "ci_low": None, "ci_high": None, "n": 0}
    discovery, theses = analysis["discovery_effectiveness"], analysis["thesis_accuracy"]
    for feature in discovery["feature_analysis"].values():
        assert feature["correlation_with_success"] == nothing
        assert {feature[name] for name in ("optimal_threshold", "current_weight", "suggested_weight")} == {None}
    assert discovery["overall_discovery_success_rate"] == theses["overall_accuracy"] == nothing
    assert theses["ai_vs_rules_accuracy"] == nothing
    assert theses["confidence_calibration"]["calibration_score"] is None
    assert theses["confidence_calibration"]["average_confidence"] is None
    assert analysis["failing_patterns"] == {"systematic": [], "watched": []}
    assert discovery["market_regime_performance"] == discovery["recommendations"] == theses["recommendations"] == []
