"""What documents say about selection where controls are missing, few, or cannot be weighted."""

import polars as pl
import pytest

from amc_learning.stages.evidence import compare_selection, correlate
from amc_learning.stages.publish_documents import publish_patterns
from amc_learning.stages.selection_findings import controls_advice, selection_analysis
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

LAST = DAYS[-1]


def effect(horizon, *, n_days=60, per_day=50, low=-0.01, high=0.03):
    has_interval = n_days > 0 and low is not None
    return {
        "horizon": horizon,
        "n_days": n_days,
        "n_controls": n_days * per_day,
        "mean_return_selected": 0.02 if n_days else None,
        "mean_return_controls": 0.01 if n_days else None,
        "mean_lift": 0.01 if n_days else None,
        "ci_low": low if has_interval else None,
        "ci_high": high if has_interval else None,
    }


def days_of(horizon, *, selected=60, universe=60):
    """Rows of the correlation table: a component that varies on fewer days does not count for the others."""
    found = [("selected", selected), ("selected", selected // 2)]
    found += [("universe", universe)] if universe else []
    return [{"population": population, "horizon": horizon, "n_days": n} for population, n in found]


@pytest.mark.parametrize(
    ("row", "selected", "verdict"),
    [
        (effect("1d", low=0.001), 60, "pays"),
        (effect("1d", low=-0.03, high=-0.001), 60, "does_not_pay"),
        (effect("1d"), 60, "cannot_be_told"),
        (effect("1d", n_days=5, low=None), 60, "cannot_be_told"),
        (effect("1d", n_days=0), 60, "cannot_be_known"),
        (effect("1d", n_days=0), 0, "cannot_be_told"),
    ],
    ids=["above zero", "below zero", "holds zero", "too few days", "no controls", "nothing matured"],
)
def test_the_verdict_follows_from_the_interval_and_from_what_there_is(row, selected, verdict):
    found = selection_analysis([row], days_of("1d", selected=selected, universe=0))
    assert found.by_horizon["1d"].verdict == verdict


def test_without_controls_every_consequence_is_said_once_for_all_horizons():
    rows = [effect(name, n_days=0) for name in ("1d", "30d", "7d")]
    found = selection_analysis(rows, [row for name in ("1d", "7d", "30d") for row in days_of(name, universe=0)])
    (limit,) = found.limits
    for said in (
        "At 1d, 7d and 30d no control",
        "whether selection pays",
        "cannot be known",
        "understate the scores selected on",
        "turn the sign of others",
    ):
        assert said in limit
    (advice,) = controls_advice(found)
    assert "Send controls with every discovery result" in advice
    assert "docs/integrate.md" in advice


def test_controls_that_cannot_be_weighted_are_said_to_be_so():
    found = selection_analysis([effect("1d")], days_of("1d", universe=0))
    unweighted, assumed = found.limits
    assert "how many symbols were scored" in unweighted
    assert "turn the sign of others" in unweighted
    assert "random draw" in assumed
    (advice,) = controls_advice(found)
    assert "pipeline_stats.scored" in advice


def test_days_without_controls_among_days_with_them_are_counted():
    found = selection_analysis([effect("1d", n_days=20)], days_of("1d", universe=20))
    assert found.limits[0].startswith("Coefficients over the universe rest on 20 of 60 days at 1d")
    assert (found.by_horizon["1d"].n_universe_days, found.by_horizon["1d"].n_selected_days) == (20, 60)
    assert controls_advice(found) == []


@pytest.mark.parametrize(("per_day", "is_few"), [(24, True), (25, False)])
def test_few_controls_are_said_to_be_few(per_day, is_few):
    found = selection_analysis([effect("1d", per_day=per_day)], days_of("1d"))
    assert any("fewer than 25 controls" in limit for limit in found.limits) == is_few


def test_enough_controls_leave_only_what_is_assumed_of_them():
    (assumed,) = selection_analysis([effect("1d")], days_of("1d")).limits
    assert assumed.startswith("Controls are taken to be an even random draw")


def selection_of(warehouse, settings):
    publish_patterns(warehouse, settings, [LAST])
    return warehouse.publications.current("pattern_analysis")["discovery_effectiveness"]


def test_a_feed_without_controls_is_told_what_cannot_be_known(finished):
    warehouse = open_warehouse(finished)
    statistics = warehouse.table("daily_statistics").read(DAYS[0], LAST)
    warehouse.table("daily_statistics").write(statistics.filter(pl.col("population") == "selected"), DAYS)
    correlate(warehouse, finished, [LAST])
    compare_selection(warehouse, finished, [LAST])
    said = selection_of(warehouse, finished)
    assert {one["verdict"] for one in said["selection"]["by_horizon"].values()} == {"cannot_be_known"}
    assert len(said["selection"]["limits"]) == 1
    assert sum("Send controls" in sentence for sentence in said["recommendations"]) == 1
    assert {feature["population"] for feature in said["feature_analysis"].values()} == {"selected"}


def test_a_feed_with_controls_gets_the_verdict_of_its_table(finished):
    warehouse = open_warehouse(finished)
    said = selection_of(warehouse, finished)["selection"]
    rows = {row["horizon"]: row for row in warehouse.table("selection_effects").read(LAST, LAST).to_dicts()}
    assert set(said["by_horizon"]) == set(rows)
    for horizon, one in said["by_horizon"].items():
        assert one["lift"]["estimate"] == rows[horizon]["mean_lift"]
        assert one["n_controls"] == rows[horizon]["n_controls"] > 0
        assert one["n_universe_days"] == one["n_selected_days"] > 0
