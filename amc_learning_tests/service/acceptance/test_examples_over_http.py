"""Every shared example, sent to the address its manifest names, ends in the raw partitions and in the rows it should.

What each example means is tested in `intake`; here the rows of an event that came over HTTP are the rows of the same
payload read from a file.
"""

import json
from datetime import UTC, datetime

import httpx
import pytest

from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.intake.files import read_records
from amc_learning.settings import Settings
from amc_learning.stages import collect
from amc_learning.stages.ingest import ingest_events
from amc_learning.warehouse import Warehouse
from amc_learning_tests.intake.sent import SHARED

EXAMPLES = SHARED / "examples/events"
MANIFEST = EXAMPLES / "manifest.json"

pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not MANIFEST.exists(), reason="the shared examples are not beside this checkout"),
]

LISTED = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else []
SENT = [one for one in LISTED if one["sent_to"].startswith("POST")]
NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)

ROWS = {
    "discovery": ("discovery_runs", "discovery_candidates", "discovery_rejections"),
    "thesis": ("thesis_decisions", "thesis_rejections"),
    "trade": ("trade_messages", "trade_rejections"),
}
NORMALISE = {
    "discovery": collect.normalise_discovery_events,
    "thesis": collect.normalise_thesis_events,
    "trade": collect.normalise_trade_events,
}


def payload_of(example):
    (record,) = read_records(EXAMPLES / example["file"], kind=example["kind"])
    return record.text


def understood(warehouse: Warehouse, settings: Settings, kind: str) -> dict[str, list[dict]]:
    """Drain a kind and make rows of it: the rows by table."""
    collect.drain_events(warehouse, kind)
    days = warehouse.table(EVENT_TABLES[kind]).days()
    NORMALISE[kind](warehouse, settings, days)
    return {name: warehouse.table(name).read(None, None).to_dicts() for name in ROWS[kind]}


@pytest.mark.parametrize("kind", ROWS)
def test_every_example_is_accepted_and_its_rows_are_those_of_the_same_file(kind, settings, serve, tmp_path):
    service = serve(settings, clock=lambda: NOW)
    examples = [one for one in SENT if one["kind"] == kind]
    for example in examples:
        path, text = example["sent_to"].removeprefix("POST "), payload_of(example)
        if "query" in example["file"]:
            answer = httpx.post(service.url + path, params=json.loads(text))
        else:
            answer = httpx.post(service.url + path, content=text, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (202, "accepted"), example["file"]
    warehouse = service.warehouse()
    over_http = understood(warehouse, service.settings, kind)
    raw = warehouse.table(EVENT_TABLES[kind]).read(None, None)
    sent = {payload_of(one) for one in examples if "query" not in one["file"]}
    assert sent <= set(raw["payload"])
    assert raw.height == len(examples)

    from_files = Settings(data_dir=tmp_path / "files")
    other = Warehouse.open(from_files.data_dir, from_files.features.components)
    files = [EXAMPLES / one["file"] for one in examples if "query" not in one["file"]]
    ingest_events(other, from_files, files, kind=kind, received_at=NOW)
    expected = understood(other, from_files, kind)
    in_files = set(other.table(EVENT_TABLES[kind]).read(None, None)["event_id"])
    for table, rows in expected.items():
        assert rows == [row for row in over_http[table] if row["event_id"] in in_files]
    warehouse.inbox.close()
    other.inbox.close()


def test_the_outcome_in_query_parameters_becomes_a_message_with_its_prices(service):
    (example,) = [one for one in SENT if "query" in one["file"]]
    answer = httpx.post(service.url + example["sent_to"].removeprefix("POST "), params=json.loads(payload_of(example)))
    assert answer.json()["status"] == "accepted"
    warehouse = service.warehouse()
    (message,) = understood(warehouse, service.settings, "trade")["trade_messages"]
    assert (message["symbol"], message["entry_price_usd"], message["exit_price_usd"]) == ("VIGL", 2.5, 8.1)
    warehouse.inbox.close()
