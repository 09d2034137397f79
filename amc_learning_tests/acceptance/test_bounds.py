"""What stands between a decision and the document that trading code reads, from whatever side it is approached."""

from datetime import timedelta

import dagster as dg
import polars as pl
import pytest

from amc_learning.definitions import build_defs
from amc_learning.stages.publish import PublicationError, publish_days, published_weights
from amc_learning_tests.acceptance.loop import (
    DAYS,
    backfilled,
    failures,
    open_warehouse,
    run_through_dagster,
    steps_done,
    tree,
)

LAST = DAYS[-1]


def weights_by_day(settings):
    decisions = open_warehouse(settings).table("weight_decisions").read(None, None)
    return {
        day: dict(part.select("component", "weight").iter_rows())
        for (day,), part in decisions.partition_by("known_on", as_dict=True, maintain_order=True).items()
    }


def broken_bounds(vectors, *, default, daily_limit, cap):
    """Written without the product: every day's vector against the bounds and against the day before."""
    found, before = [], default
    for day, vector in sorted(vectors.items()):
        if set(vector) != set(default) or abs(sum(vector.values()) - 1) > 1e-9:
            found.append((day, "sum or names"))
        if min(vector.values()) < 0 or max(vector.values()) > cap + 1e-9:
            found.append((day, "range"))
        if max(abs(vector[name] - before[name]) for name in vector) > daily_limit + 1e-9:
            found.append((day, "step"))
        before = vector
    return found


def bounds_of(settings):
    return {
        "default": settings.features.default_weights,
        "daily_limit": settings.weights.daily_limit,
        "cap": settings.weights.cap,
    }


def test_every_decided_day_keeps_every_bound_and_the_weights_really_moved(finished):
    vectors = weights_by_day(finished)
    assert list(vectors) == list(DAYS)
    assert broken_bounds(vectors, **bounds_of(finished)) == []
    assert len({tuple(vector.values()) for vector in vectors.values()}) > 3


def test_every_document_publishes_the_decision_of_its_day_and_names_the_one_before(finished):
    warehouse, vectors = open_warehouse(finished), weights_by_day(finished)
    before, before_on = finished.features.default_weights, None
    for day in DAYS:
        document = published_weights(warehouse, day)
        assert document["data"]["optimized_parameters"] == {f"{name}_weight": w for name, w in vectors[day].items()}
        assert document["previous"] == {"known_on": before_on and str(before_on), "weights": before}
        before, before_on = vectors[day], day
    assert warehouse.publications.current("weights") == published_weights(warehouse, LAST)


def tampered(warehouse, day, change):
    table = warehouse.table("weight_decisions")
    rows = table.read(day, day)
    table.write(rows.with_columns(weight=change(pl.col("weight"))), [day])


VIOLATIONS = {
    "sum is not 1": lambda weight: weight * 0.97,
    "negative": lambda weight: pl.when(pl.int_range(pl.len()) == 0).then(-0.01).otherwise(weight),
    "beyond the daily limit": lambda weight: weight.reverse(),
    "one weight takes all": lambda weight: pl.when(pl.int_range(pl.len()) == 0).then(1.0).otherwise(weight * 0),
}


@pytest.mark.parametrize("change", VIOLATIONS.values(), ids=list(VIOLATIONS))
def test_a_run_of_only_the_publication_refuses_a_decision_that_breaks_a_bound(finished, change):
    warehouse = open_warehouse(finished)
    tampered(warehouse, LAST, change)
    before = tree(finished.data_dir / "published")
    result = run_through_dagster(finished, [LAST], assets=["published_weights"])
    assert not result.success
    assert steps_done(result) == set()
    assert any(f"the weights of {LAST} are not published" in line for line in failures(result))
    assert tree(finished.data_dir / "published") == before


def test_a_range_with_one_bad_day_publishes_none_of_its_days(finished):
    warehouse = open_warehouse(finished)
    tampered(warehouse, DAYS[40], VIOLATIONS["sum is not 1"])
    (finished.data_dir / "published" / "history" / "weights" / f"{DAYS[39]}.json").unlink()
    before = tree(finished.data_dir / "published")
    with pytest.raises(PublicationError, match=rf"{DAYS[40]}.*sum to.*last good document stays in force"):
        publish_days(warehouse, finished, DAYS[38:43])
    assert tree(finished.data_dir / "published") == before


def test_the_next_night_after_a_tampered_one_repairs_it(finished):
    before = tree(finished.data_dir / "tables")
    tampered(open_warehouse(finished), LAST, VIOLATIONS["negative"])
    assert run_through_dagster(finished, [LAST]).success
    assert tree(finished.data_dir / "tables") == before


def test_a_backfill_of_older_days_never_rolls_the_current_document_back(finished):
    current = finished.data_dir / "published" / "weights.json"
    before = current.read_bytes(), current.stat().st_mtime_ns
    (finished.data_dir / "published" / "history" / "weights" / f"{DAYS[20]}.json").unlink()
    backfilled(finished, DAYS[15:25])
    assert (current.read_bytes(), current.stat().st_mtime_ns) == before
    assert published_weights(open_warehouse(finished), DAYS[20])["known_on"] == str(DAYS[20])


def flipped(warehouse, table, day):
    """Flip one bit in the middle of a partition's file; the name of the file."""
    stored = warehouse.table(table)
    path = stored.path(stored.entry(day))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0b100
    path.write_bytes(content)
    return path.name


@pytest.mark.parametrize(
    ("table", "day", "not_done"),
    [
        ("price_bars", LAST, {"candidate_outcomes", "feature_outcomes", "daily_statistics", "published_weights"}),
        ("discovery_candidates", DAYS[-9], {"candidate_outcomes", "weight_decisions", "published_weights"}),
        ("daily_statistics", DAYS[-9], {"correlation_table", "weight_decisions", "published_weights"}),
        ("weight_decisions", DAYS[-2], {"weight_decisions", "published_weights"}),
    ],
)
def test_one_flipped_bit_stops_the_night_names_the_file_and_leaves_the_document(finished, table, day, not_done):
    name = flipped(open_warehouse(finished), table, day)
    before = tree(finished.data_dir / "published")
    result = run_through_dagster(finished, [LAST])
    assert not result.success
    assert any(name in line and table in line and str(day) in line for line in failures(result))
    assert not steps_done(result) & not_done
    assert tree(finished.data_dir / "published") == before


def test_a_damaged_partition_of_the_night_itself_is_made_again(finished):
    before = tree(finished.data_dir / "tables")
    flipped(open_warehouse(finished), "daily_statistics", LAST)
    assert tree(finished.data_dir / "tables") != before
    assert run_through_dagster(finished, [LAST]).success
    assert tree(finished.data_dir / "tables") == before


def test_a_failed_blocking_check_stops_the_publication_in_the_same_run(finished):
    """The decision is not made anew here, so that only the checks stand between what was tampered and the document."""
    tampered(open_warehouse(finished), LAST, VIOLATIONS["sum is not 1"])
    before = tree(finished.data_dir / "published")
    checks = dg.AssetSelection.checks_for_assets(dg.AssetKey("weight_decisions"))
    job = dg.define_asset_job("checks_and_publication", checks | dg.AssetSelection.assets("published_weights"))
    definitions = dg.Definitions.merge(build_defs(settings=finished), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("checks_and_publication").execute_in_process(
        partition_key=str(LAST), raise_on_error=False
    )
    evaluations = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert evaluations == {
        "is_undamaged_and_as_declared": True,
        "weights_sum_to_one": False,
        "no_weight_is_negative": True,
        "no_weight_moves_beyond_the_daily_limit": True,
        "no_weight_in_force_moves_in_shadow": True,
        "shadow_weights_sum_to_one": True,
    }
    assert not result.success
    assert not [event for event in result.all_events if event.is_step_start and event.step_key == "published_weights"]
    assert tree(finished.data_dir / "published") == before


def test_all_blocking_checks_pass_on_a_good_night(finished):
    result = run_through_dagster(finished, [LAST])
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) >= 14
    assert all(one.passed and one.severity == dg.AssetCheckSeverity.ERROR for one in evaluations)


def test_a_day_long_after_the_last_bar_holds_the_weights(finished):
    far = LAST + timedelta(days=200 if (LAST + timedelta(days=200)).weekday() < 5 else 202)
    warehouse = backfilled(finished, [far])
    document = published_weights(warehouse, far)
    assert document["status"] in {"held", "insufficient_evidence"}
    assert (
        document["data"]["optimized_parameters"] == published_weights(warehouse, LAST)["data"]["optimized_parameters"]
    )
