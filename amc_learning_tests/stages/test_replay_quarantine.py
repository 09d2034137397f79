"""Replay: what is understood now becomes an event or a row as of its first receipt, once, and its item is settled."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from amc_learning.intake.envelope import Quarantined, receive
from amc_learning.settings import Settings
from amc_learning.stages.ingest import ingest_bars, ingest_theses
from amc_learning.stages.received import inbox_event, quarantine_item
from amc_learning.stages.replay_quarantine import replay_quarantine
from amc_learning.warehouse.errors import InboxError
from amc_learning.warehouse.events import QuarantineItem
from amc_learning_tests.acceptance.loop import open_warehouse

RECEIVED_AT = datetime(2024, 3, 4, 20, 0, tzinfo=UTC)
LATER = RECEIVED_AT + timedelta(days=3)
HOLD = {"symbol": "ABC", "recommendation": "HOLD", "confidence": 0.5, "timestamp": "2024-03-06T12:00:00Z"}
"""A thesis two days ahead of its receipt: more than the default of an hour, less than a patient reader allows."""


@pytest.fixture
def settings(tmp_path, clean_environment):
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def patient(settings):
    return settings.model_copy(
        update={"collection": settings.collection.model_copy(update={"max_clock_skew_minutes": 7 * 24 * 60})}
    )


@pytest.fixture
def warehouse(settings):
    opened = open_warehouse(settings)
    yield opened
    opened.inbox.close()


def kept_apart(warehouse, settings, payload, kind="thesis"):
    """As the collector does it."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    understood = receive(text, kind=kind, source="http", received_at=RECEIVED_AT, rules=settings.collection.time_rules)
    assert isinstance(understood, Quarantined)
    return warehouse.inbox.quarantine([quarantine_item(understood)])[0]


def open_ids(warehouse):
    return warehouse.inbox.quarantined()["id"].to_list()


def numbers(report):
    return report.n_tried, report.n_accepted, report.n_duplicates, report.n_still_apart


def test_what_is_understood_now_is_an_event_as_of_its_first_receipt(warehouse, settings, patient):
    kept_apart(warehouse, settings, HOLD)
    assert numbers(replay_quarantine(warehouse, patient, now=LATER)) == (1, 1, 0, 0)
    (event,) = warehouse.inbox.pending("thesis", 10).to_dicts()
    assert (event["received_at"], event["source"], json.loads(event["payload"])) == (RECEIVED_AT, "http", HOLD)
    assert event["occurred_at"] == datetime(2024, 3, 6, 12, tzinfo=UTC)
    assert open_ids(warehouse) == []


def test_what_is_still_not_understood_stays_with_its_reason(warehouse, settings):
    item = kept_apart(warehouse, settings, HOLD)
    report = replay_quarantine(warehouse, settings, now=LATER)
    assert numbers(report) == (1, 0, 0, 1)
    assert report.messages[0].startswith(f"{item} http: timestamp")
    assert (open_ids(warehouse), warehouse.inbox.n_pending()) == ([item], 0)


def test_trying_twice_doubles_nothing(warehouse, settings, patient):
    item = kept_apart(warehouse, settings, HOLD)
    for _ in range(2):
        replay_quarantine(warehouse, patient, now=LATER)
    assert warehouse.inbox.n_pending() == 1
    # as after a crash between accepting and settling
    assert kept_apart(warehouse, settings, HOLD) == item
    assert numbers(replay_quarantine(warehouse, patient, now=LATER)) == (1, 0, 1, 0)
    assert (warehouse.inbox.n_pending(), open_ids(warehouse)) == (1, [])


def test_an_identifier_that_went_to_another_body_meanwhile_is_a_conflict_that_stays(warehouse, settings, patient):
    first = kept_apart(warehouse, settings, {**HOLD, "event_id": "e-1"})
    other = receive(
        json.dumps({**HOLD, "event_id": "e-1", "confidence": 0.9, "timestamp": "2024-03-04T12:00:00Z"}),
        kind="thesis",
        source="http",
        received_at=LATER,
    )
    warehouse.inbox.append([inbox_event(other)])
    report = replay_quarantine(warehouse, patient, now=LATER)
    assert numbers(report) == (1, 0, 0, 1)
    assert "belongs to another body" in report.messages[0]
    (item,) = warehouse.inbox.quarantined().to_dicts()
    assert item["id"] != first
    assert item["reason"].startswith("conflict")
    assert numbers(replay_quarantine(warehouse, patient, now=LATER)) == (1, 0, 0, 1), "again and again the same"
    assert open_ids(warehouse) == [item["id"]]


def test_one_item_or_one_kind_may_be_chosen_and_settled_ones_are_not_tried(warehouse, settings, patient):
    thesis = kept_apart(warehouse, settings, HOLD)
    trade = kept_apart(warehouse, settings, {"weather": "fine"}, kind="trade")
    settled = kept_apart(warehouse, settings, {**HOLD, "confidence": 0.1})
    warehouse.inbox.resolve_quarantine(settled)
    assert replay_quarantine(warehouse, patient, now=LATER, identifier=trade[:6]).n_tried == 1
    assert replay_quarantine(warehouse, patient, now=LATER, kind="discovery").n_tried == 0
    assert replay_quarantine(warehouse, patient, now=LATER, identifier=settled).n_tried == 0
    assert numbers(replay_quarantine(warehouse, patient, now=LATER, kind="thesis")) == (1, 1, 0, 0)
    assert open_ids(warehouse) == [trade]
    assert thesis not in open_ids(warehouse)


def test_an_identifier_of_nothing_is_told(warehouse, settings):
    with pytest.raises(InboxError, match="no item has an identifier"):
        replay_quarantine(warehouse, settings, now=LATER, identifier="ffff")


def test_items_that_are_no_json_or_of_no_table_stay(warehouse, settings):
    kept_apart(warehouse, settings, "{broken")
    kept_apart(warehouse, settings, "{broken", kind="bars")
    strange = QuarantineItem("bars", "feed.csv line 3", "close", "no number", "[1, 2]", RECEIVED_AT)
    warehouse.inbox.quarantine([strange])
    report = replay_quarantine(warehouse, settings, now=LATER)
    assert (report.n_tried, report.n_still_apart, len(report.messages)) == (3, 3, 3)
    assert warehouse.inbox.n_quarantined() == 3


def bar(symbol="ABC", **changes):
    return {
        "symbol": symbol, "date": "2024-03-01", "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 1000,
    } | changes  # fmt: skip


def bars(warehouse):
    return warehouse.table("price_bars").read(None, None)


def test_rows_of_bars_that_are_good_now_get_into_their_table_beside_those_that_are_there(warehouse, settings, tmp_path):
    file = tmp_path / "bars.parquet"
    pl.DataFrame([bar("AAA"), bar("BBB", high=9.5)]).write_parquet(file)
    ingest_bars(warehouse, settings, [file], received_at=RECEIVED_AT)
    assert bars(warehouse)["symbol"].to_list() == ["AAA"]
    (item,) = warehouse.inbox.quarantined().to_dicts()
    report = replay_quarantine(warehouse, settings, now=LATER)
    assert numbers(report) == (1, 0, 0, 1)
    assert "high" in report.messages[0]
    mended = QuarantineItem("bars", item["source"], "high", "read wrongly then", json.dumps(bar("CCC")), RECEIVED_AT)
    warehouse.inbox.quarantine([mended])
    assert numbers(replay_quarantine(warehouse, settings, now=LATER)) == (2, 1, 0, 1)
    assert sorted(bars(warehouse)["symbol"].to_list()) == ["AAA", "CCC"]
    assert open_ids(warehouse) == [item["id"]]


def test_a_row_that_is_in_the_table_already_is_known_and_settled(warehouse, settings, tmp_path):
    file = tmp_path / "bars.parquet"
    pl.DataFrame([bar("AAA")]).write_parquet(file)
    ingest_bars(warehouse, settings, [file], received_at=RECEIVED_AT)
    before = bars(warehouse)
    row = QuarantineItem("bars", "feed.csv line 2", "high", "read wrongly then", json.dumps(bar("AAA")), RECEIVED_AT)
    warehouse.inbox.quarantine([row])
    assert numbers(replay_quarantine(warehouse, settings, now=LATER)) == (1, 0, 1, 0)
    assert open_ids(warehouse) == []
    assert bars(warehouse).equals(before)


def test_what_a_file_left_behind_is_tried_as_what_came_over_http_is(warehouse, settings, patient, tmp_path):
    file = tmp_path / "theses.ndjson"
    file.write_text(json.dumps(HOLD) + "\n")
    ingest_theses(warehouse, settings, [file], received_at=RECEIVED_AT)
    assert numbers(replay_quarantine(warehouse, patient, now=LATER)) == (1, 1, 0, 0)
    (event,) = warehouse.inbox.pending("thesis", 10).to_dicts()
    assert event["source"] == "theses.ndjson line 1"
