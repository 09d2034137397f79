"""Events in: durable before the answer, each once, and whatever is wrong said with its field."""

import json

import pytest

from amc_learning.service.routes import EVENTS, OLDER_OUTCOME
from amc_learning.stages.collect import drain_all_events

THESIS = "/learning/collect/thesis-decision"
TRADE = "/learning/collect/trade-outcome"
DISCOVERY = "/learning/collect/discovery-data"
BARS = "/learning/collect/price-bars"

SELL = {"symbol": "ABC", "recommendation": "SELL", "confidence": 0.7, "timestamp": "2024-03-04T10:00:00-05:00"}


def stored(service, kind):
    inbox = service.warehouse().inbox
    rows = inbox.pending(kind, 100).to_dicts()
    inbox.close()
    return rows


def quarantined(service):
    inbox = service.warehouse().inbox
    items = inbox.quarantined().to_dicts()
    inbox.close()
    return items


@pytest.mark.parametrize("event", [*EVENTS, OLDER_OUTCOME], ids=lambda event: event.path)
def test_the_documented_example_of_every_path_is_accepted_and_durable(service, http, event):
    answer = http.post(event.path, json=event.example)
    assert answer.status_code == 202
    said = answer.json()
    assert (said["success"], said["status"], said["duplicate"]) == (True, "accepted", False)
    (row,) = stored(service, event.kind)
    assert (row["event_id"], row["source"]) == (said["event_id"], "http")
    assert json.loads(row["payload"]) == event.example


def test_the_body_is_stored_as_it_came_to_the_last_blank(service, http):
    body = '{ "symbol" : "ABC",\n "recommendation": "HOLD", "note": "\\u00e9 é", "confidence": 0.70 }'
    http.post(THESIS, content=body.encode(), headers={"content-type": "application/json"})
    assert [row["payload"] for row in stored(service, "thesis")] == [body]


def test_the_same_event_again_is_a_duplicate_and_stored_once(service, http):
    first, again = (http.post(THESIS, json=SELL).json() for _ in range(2))
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert first["event_id"] == again["event_id"]
    assert len(stored(service, "thesis")) == 1


def test_a_known_identifier_with_another_body_is_a_conflict_and_both_bodies_are_kept(service, http):
    http.post(THESIS, json=SELL, headers={"Idempotency-Key": "k-1"})
    other = http.post(THESIS, json={**SELL, "confidence": 0.9}, headers={"Idempotency-Key": "k-1"})
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"
    (item,) = quarantined(service)
    assert item["id"] == other.json()["quarantine_id"]
    assert json.loads(item["payload"])["confidence"] == 0.9
    assert json.loads(stored(service, "thesis")[0]["payload"])["confidence"] == 0.7


def test_the_header_names_the_event_before_what_the_body_says(http):
    said = http.post(THESIS, json={**SELL, "event_id": "inside"}, headers={"Idempotency-Key": "beside"}).json()
    assert said["event_id"] == "thesis:beside"


def test_json_that_is_not_understood_is_taken_and_kept_apart_with_its_reason(service, http):
    answer = http.post(THESIS, json={"weather": "fine"})
    assert answer.status_code == 202
    said = answer.json()
    assert (said["status"], said["event_id"]) == ("quarantined", None)
    (item,) = quarantined(service)
    assert (item["id"], item["reason"]) == (said["quarantine_id"], said["reason"])
    assert stored(service, "thesis") == []


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"{not json", 400, "not JSON"),
        (b'{"symbol": "A\x00"}', 400, "not JSON"),
        (b'\xff\xfe{"a": 1}', 400, "not JSON"),
        (b'"text"', 422, "an object or a list is needed"),
        (b"17", 422, "an object or a list is needed"),
        (b"[" * 100 + b"]" * 100, 422, "too deep"),
        (b"[" * 100_000 + b"]" * 100_000, 422, "too deep"),
    ],
    ids=["broken", "nul", "no utf-8", "text", "number", "deep", "very deep"],
)
def test_what_is_no_event_is_refused_with_its_field_and_kept_apart(service, http, body, status, word):
    answer = http.post(THESIS, content=body, headers={"content-type": "application/json"})
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["field"]) == (status, status, "body")
    assert word in problem["detail"]
    assert [item["id"] for item in quarantined(service)] == [problem["quarantine_id"]]


def test_a_body_that_is_too_large_is_refused_and_not_kept(settings, serve):
    import httpx  # noqa: PLC0415

    small = serve(settings.model_copy(update={"service": settings.service.model_copy(update={"max_body_bytes": 2048})}))
    for headers in ({}, {"transfer-encoding": "chunked"}):
        content = iter([b"[" + b" " * 3000, b"]"]) if headers else b"[" + b" " * 3000 + b"]"
        answer = httpx.post(
            small.url + THESIS, content=content, headers={"content-type": "application/json", **headers}
        )
        assert (answer.status_code, answer.json()["title"]) == (413, "Too large")
    assert quarantined(small) == []


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"content-type": "text/plain"}, "Content-Type"),
        ({"content-type": "application/x-www-form-urlencoded"}, "Content-Type"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, "Content-Encoding"),
    ],
)
def test_only_plain_json_is_read(http, headers, field):
    answer = http.post(THESIS, content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (415, field)


def test_a_request_without_body_and_parameters_says_what_is_missing(http):
    answer = http.post(THESIS)
    assert (answer.status_code, answer.json()["field"]) == (422, "body")


def test_query_parameters_are_a_whole_event_for_older_senders(service, http):
    http.post(OLDER_OUTCOME.path, params={"symbol": "VIGL", "entry_price": 2.5, "exit_price": 8.1, "days_held": 7})
    (row,) = stored(service, "trade")
    assert json.loads(row["payload"]) == {"symbol": "VIGL", "entry_price": "2.5", "exit_price": "8.1", "days_held": "7"}


def test_the_symbol_of_a_thesis_may_come_in_the_query_beside_a_body_kept_verbatim(service, http):
    body = '{"recommendation": "BUY MORE", "confidence":0.85}'
    http.post(THESIS + "?symbol=ABC", content=body, headers={"content-type": "application/json"})
    (row,) = stored(service, "thesis")
    assert row["payload"] == f'{{"symbol":"ABC","payload":{body}}}'


def test_more_rows_than_are_read_are_kept_and_warned_of(settings, serve):
    import httpx  # noqa: PLC0415

    few = serve(
        settings.model_copy(update={"collection": settings.collection.model_copy(update={"max_candidates": 2})})
    )
    rows = [{"symbol": symbol, "score": 50} for symbol in ("AA", "BB", "CC")]
    said = httpx.post(few.url + DISCOVERY, json={"candidates": rows, "timestamp": "2024-03-04T10:00:00-05:00"}).json()
    assert said["warnings"] == ["candidates holds 3 rows, of which 2 are read"]


def test_what_was_accepted_is_found_in_raw_partitions_after_a_drain(service, http):
    said = [http.post(path, json=body).json() for path, body in ((THESIS, SELL), (TRADE, EVENTS[2].example))]
    warehouse = service.warehouse()
    drain_all_events(warehouse)
    ids = [
        event_id
        for table in ("thesis_events", "trade_events")
        for event_id in warehouse.table(table).read(None, None)["event_id"].to_list()
    ]
    warehouse.inbox.close()
    assert ids == [one["event_id"] for one in said]
    assert http.post(THESIS, json=SELL).json()["duplicate"] is True


def test_bars_are_judged_at_the_door_only_as_far_as_there_are_rows(service, http):
    assert http.post(BARS, json={"bars": []}).json()["status"] == "quarantined"
    assert http.post(BARS, json={"foo": 1}).json()["status"] == "quarantined"
    said = http.post(BARS, json=[{"symbol": "ABC", "date": "2024-03-04", "close": 1}]).json()
    assert (said["status"], said["warnings"]) == ("accepted", [])
    assert len(stored(service, "bars")) == 1
