"""Every check fails on what it is there for, and shows the rows, their number and the remedy."""

import json
from datetime import UTC, datetime, time, timedelta

import dagster as dg
import polars as pl
import pytest

from amc_learning.assets.checks import CONTRACT, MADE_FROM, SHOWN_ROWS, UNDERSTOOD
from amc_learning.assets.statements import statements
from amc_learning.definitions import TABLE_ASSETS, build_defs
from amc_learning.stages.collect import drain_events
from amc_learning.warehouse import InboxEvent
from amc_learning.warehouse.events import QuarantineItem
from amc_learning.warehouse.tables import PartitionedTable
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse, run_through_dagster

DAY = DAYS[-1]
HIGH = pl.lit(250.0)

BAD = {
    "prices_lie_between_low_and_high": {"low_usd": pl.col("high_usd") + 1},
    "scores_lie_in_0_to_100": {"total_score": HIGH},
    "confidence_lies_in_0_to_1": {"confidence": pl.lit(1.5)},
    "outcomes_follow_their_decision": {"entry_date": pl.lit(DAYS[0]), "decided_at": pl.col("decided_at")},
    "scores_were_known_at_the_decision": {"entry_date": pl.lit(DAYS[0])},
    "bins_sum_to_their_pairs": {"n_pairs": pl.col("n_pairs") + 1},
    "coefficients_lie_in_minus_1_to_1": {"information_coefficient": pl.lit(1.5)},
    "intervals_hold_their_estimate": {"ci_low": pl.lit(0.9), "ci_high": pl.lit(0.95)},
    "thresholds_are_given_only_when_found": {"threshold": pl.lit(50.0), "decision": pl.lit("none")},
    "exits_follow_their_entries": {"closed_at": pl.col("opened_at").dt.offset_by("-1d").fill_null(pl.col("closed_at"))},
    "shares_lie_in_0_to_1": {"n_right": pl.col("n_theses") + 1},
    "parts_sum_to_the_total": {
        "realised_pnl_micro_usd": pl.col("realised_pnl_micro_usd") + pl.int_range(1, pl.len() + 1)
    },
    "weights_sum_to_one": {"weight": pl.col("weight") + 0.01},
    "no_weight_is_negative": {"weight": -pl.col("weight") - 0.01},
    "no_weight_moves_beyond_the_daily_limit": {"change": pl.lit(0.2)},
    "no_weight_in_force_moves_in_shadow": {"mode": pl.lit("shadow"), "change": pl.lit(0.05)},
    "shadow_weights_sum_to_one": {"shadow_weight": pl.lit(0.9)},
}
"""Check to what is written over the stored rows, so that none of them is good."""

CREATED = {"corrections_end_after_they_begin", "verdicts_rest_on_days_after_the_change"}
"""Checks of tables that may be empty on the simulated market; their expression is asked instead."""


def evaluated(settings, selection):
    job = dg.define_asset_job("checks_alone", selection)
    definitions = dg.Definitions.merge(build_defs(settings=settings), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("checks_alone").execute_in_process(
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    return {(one.asset_key.to_user_string(), one.check_name): one for one in result.get_asset_check_evaluations()}


def all_statements(settings):
    return statements(settings.features.components, daily_limit=settings.weights.daily_limit)


@pytest.fixture
def plant(finished):
    """Write bad rows over those of a table and evaluate one check of it."""

    def planted(check):
        statement = next(one for one in all_statements(finished) if one.name == check)
        stored = open_warehouse(finished).table(statement.table)
        day = next(entry.known_on for entry in reversed(stored.entries()) if entry.n_rows)
        rows = stored.read(day, day)
        bad = rows.with_columns(known_on=pl.lit(DAY), **BAD[check]).cast(stored.table.schema)
        stored.write(bad, [DAY])
        key = dg.AssetCheckKey(dg.AssetKey(statement.table), check)
        return bad, statement, evaluated(finished, dg.AssetSelection.checks(key))[statement.table, check]

    return planted


def test_each_statement_has_bad_rows_here(finished):
    assert {one.name for one in all_statements(finished)} == {*BAD, *CREATED}


@pytest.mark.parametrize("check", BAD)
def test_a_violated_statement_fails_and_shows_its_rows_with_number_and_remedy(plant, check):
    bad, statement, evaluation = plant(check)
    n_broken = bad.filter(~statement.holds.fill_null(value=False)).height
    assert n_broken > 0
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    assert evaluation.metadata["n_broken"].value == n_broken
    assert len(evaluation.metadata["remedy"].value) > 30
    records = evaluation.metadata["broken_rows"].records
    assert len(records) == min(n_broken, SHOWN_ROWS)
    assert set(BAD[check]) & set(records[0].data) or statement.holds.meta.root_names()
    assert f"{n_broken} of {bad.height} rows" in evaluation.description


def test_a_damaged_file_fails_the_contract_with_the_way_back_instead_of_an_exception(finished):
    stored = open_warehouse(finished).table("daily_statistics")
    path = stored.path(stored.entry(DAY))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0b100
    path.write_bytes(content)
    key = dg.AssetCheckKey(dg.AssetKey("daily_statistics"), CONTRACT)
    evaluation = evaluated(finished, dg.AssetSelection.checks(key))["daily_statistics", CONTRACT]
    assert not evaluation.passed
    assert f"amc-learning backfill --from {DAY} --to {DAY}" in evaluation.description


def test_a_null_where_none_may_be_fails_the_contract_and_shows_the_rows(finished):
    """Written past the checks of the store, as only another program can."""
    stored = open_warehouse(finished).table("correlation_table")
    lax = pl.col("n_pairs").replace_strict({}, default=None, return_dtype=pl.Int64)
    rows = stored.read(DAY, DAY).with_columns(lax)
    columns = tuple(
        one if one.name != "n_pairs" else type(one)(one.name, one.dtype, one.description, one.unit, is_nullable=True)
        for one in stored.table.columns
    )
    declared = type(stored.table)(stored.table.name, stored.table.stage, "", stored.table.key, columns)
    PartitionedTable(stored.root, declared).write(rows, [DAY])
    key = dg.AssetCheckKey(dg.AssetKey("correlation_table"), CONTRACT)
    evaluation = evaluated(finished, dg.AssetSelection.checks(key))["correlation_table", CONTRACT]
    assert not evaluation.passed
    assert evaluation.metadata["n_broken"].value == rows.height
    assert evaluation.metadata["broken_rows"].records[0].data["n_pairs"] == "–"


@pytest.mark.parametrize(
    ("check", "row"),
    [
        ("corrections_end_after_they_begin", {"created_on": DAYS[5], "expires_on": DAYS[5]}),
        (
            "verdicts_rest_on_days_after_the_change",
            {"known_on": DAYS[5], "began_on": DAYS[5], "judged_until": DAYS[4], "n_days": 3, "verdict": "helped"},
        ),
    ],
)
def test_statements_about_rare_rows_see_a_violation(finished, check, row):
    statement = next(one for one in all_statements(finished) if one.name == check)
    assert pl.DataFrame([row]).filter(statement.holds).is_empty()


def warned(settings, table, day):
    """The evaluation of a table's warning in a run of its asset over this day, and whether the run succeeded."""
    result = run_through_dagster(settings, [day], assets=[table])
    (evaluation,) = [one for one in result.get_asset_check_evaluations() if one.check_name == UNDERSTOOD]
    return evaluation, result.success


@pytest.mark.parametrize("table", MADE_FROM)
def test_what_was_understood_whole_is_no_warning(finished, table):
    evaluation, is_success = warned(finished, table, DAY)
    assert (evaluation.passed, evaluation.metadata["n_broken"].value, is_success) == (True, 0, True)


@pytest.mark.parametrize("table", MADE_FROM)
def test_an_item_in_quarantine_is_a_warning_on_the_day_it_came_and_stops_nothing(finished, table):
    kind, noon = MADE_FROM[table], datetime.combine(DAY, time(17), UTC)
    item = QuarantineItem(kind, "a.json row 3", "symbol", "symbol is missing", "{}", noon)
    other = QuarantineItem(kind, "a.json row 4", "symbol", "of another day", "{}", noon - timedelta(days=1))
    identifier, _ = open_warehouse(finished).inbox.quarantine([item, other])
    evaluation, is_success = warned(finished, table, DAY)
    assert (evaluation.passed, evaluation.severity, is_success) == (False, dg.AssetCheckSeverity.WARN, True)
    (row,) = evaluation.metadata["broken_rows"].records
    assert row.data == {
        "known_on": str(DAY), "kept_in": "quarantine", "id": identifier[:12], "field": "symbol",
        "reason": "symbol is missing",
    }  # fmt: skip
    assert "amc-learning quarantine replay" in evaluation.description
    open_warehouse(finished).inbox.resolve_quarantine(identifier)
    assert warned(finished, table, DAY)[0].passed


def test_a_rejected_value_is_a_warning_with_its_event_path_and_reason(finished):
    warehouse = open_warehouse(finished)
    payload = {"symbol": "AAA", "recommendation": "HOLD", "confidence": "rather sure", "timestamp": f"{DAY}T15:00:00Z"}
    noon = datetime.combine(DAY, time(17), UTC)
    event = InboxEvent(
        kind="thesis", event_id="unsure", known_on=DAY, received_at=noon, occurred_at=noon,
        occurred_at_source="receipt", source="http", payload=json.dumps(payload),
    )  # fmt: skip
    warehouse.inbox.append([event])
    drain_events(warehouse, "thesis")
    evaluation, is_success = warned(finished, "thesis_decisions", DAY)
    assert (evaluation.passed, evaluation.severity, is_success) == (False, dg.AssetCheckSeverity.WARN, True)
    stored = warehouse.table("thesis_rejections").read(DAY, DAY)
    assert evaluation.metadata["n_broken"].value == stored.height > 0
    row = evaluation.metadata["broken_rows"].records[0].data
    assert (row["kept_in"], row["id"]) == ("thesis_rejections", "unsure")
    assert (row["field"], row["reason"]) == stored.select("path", "reason").row(0)


def test_a_check_run_by_itself_from_the_ui_looks_at_the_last_stored_day(finished):
    job = dg.define_asset_job("one", dg.AssetSelection.checks_for_assets(dg.AssetKey("weight_decisions")))
    definitions = dg.Definitions.merge(build_defs(settings=finished), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("one").execute_in_process(raise_on_error=False)
    evaluations = result.get_asset_check_evaluations()
    assert evaluations
    assert all(one.passed and one.metadata["n_rows"].value == 6 for one in evaluations)


def test_every_table_asset_has_the_contract_check(finished):
    definitions = build_defs(settings=finished)
    names = {spec.asset_key.to_user_string() for check in definitions.asset_checks for spec in check.check_specs}
    assert {asset.key.to_user_string() for asset in TABLE_ASSETS} <= names
