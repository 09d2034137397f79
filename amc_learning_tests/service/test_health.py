"""The health of the data flows: the keys of the system description, and numbers that follow from known requests."""

import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from amc_learning.contracts.health import DataFlowHealth
from amc_learning.service.health import DAY, balance, market_midnight
from amc_learning.service.routes import EVENTS
from amc_learning.stages.replay_quarantine import replay_quarantine
from amc_learning.warehouse.requests import RequestKey, RequestSum, minute_of
from amc_learning_tests.cli.calling import amc

HEALTH = "/learning/health/data-flow"
DISCOVERY, THESIS, TRADE, BARS = (event.path for event in EVENTS)
WEIGHTS = "/learning/intelligence/adaptive-discovery-params"
GROUPS = {
    "discovery_data_flow": {"collections_today", "avg_latency_ms", "success_rate_24h"},
    "thesis_data_flow": {"collections_today", "avg_latency_ms", "success_rate_24h"},
    "trade_data_flow": {"collections_today", "avg_latency_ms", "success_rate_24h"},
    "intelligence_delivery": {"requests_today", "avg_response_time_ms", "cache_hit_rate"},
    "learning_effectiveness": {
        "patterns_discovered_this_week",
        "parameter_adjustments_this_week",
        "accuracy_improvement_this_month",
    },
}
"""The five groups and their keys, as the system description has them."""


def health(service):
    answer = httpx.get(service.url + HEALTH)
    assert answer.status_code == 200
    return answer.json()


def send(service, path, content, **headers):
    return httpx.post(service.url + path, content=content, headers={"content-type": "application/json", **headers})


def thesis(number=0):
    return json.dumps({"symbol": "ABC", "recommendation": "HOLD", "confidence": 0.5, "note": number}).encode()


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def record(service, at, flow, outcome, *, n_requests=1, latency_us=1000):
    """Requests of the past, as an earlier run of the service wrote them."""
    warehouse = service.warehouse()
    key = RequestKey(minute_of(at), flow, outcome)
    warehouse.requests.add({key: RequestSum(n_requests, latency_us * n_requests)})
    warehouse.inbox.close()


# -- shape --------------------------------------------------------------------------------------------------------


def test_the_groups_and_keys_are_those_of_the_system_description_and_no_others(service):
    assert {group: set(numbers) for group, numbers in health(service).items()} == GROUPS


def test_before_anything_counts_are_zero_and_what_was_not_measured_is_null(service):
    report = health(service)
    for group in ("discovery_data_flow", "thesis_data_flow", "trade_data_flow"):
        assert report[group] == {"collections_today": 0, "avg_latency_ms": None, "success_rate_24h": None}
    assert report["intelligence_delivery"] == {
        "requests_today": 0,
        "avg_response_time_ms": None,
        "cache_hit_rate": None,
    }
    assert set(report["learning_effectiveness"].values()) == {None}


# -- numbers ------------------------------------------------------------------------------------------------------


def test_numbers_follow_from_the_requests_of_each_flow(service):
    send(service, THESIS, thesis(1))  # accepted
    send(service, THESIS, thesis(1))  # a duplicate is understood and durable
    send(service, THESIS, thesis(2))  # accepted
    send(service, THESIS, b'{"weather": "fine"}')  # kept, not understood
    send(service, THESIS, b"{")  # refused, and kept in quarantine
    send(service, THESIS, b"{}", **{"content-type": "text/plain"})  # refused, not kept
    send(service, THESIS, thesis(3), **{"idempotency-key": "k"})  # accepted
    send(service, THESIS, thesis(4), **{"idempotency-key": "k"})  # conflict: kept in quarantine
    send(service, TRADE, json.dumps(EVENTS[2].example).encode())
    send(service, BARS, json.dumps(EVENTS[3].example).encode())
    report = health(service)
    numbers = report["thesis_data_flow"]
    assert numbers["collections_today"] == 3 + 3  # events; kept apart
    assert numbers["success_rate_24h"] == pytest.approx(4 / 8)
    assert 0 < numbers["avg_latency_ms"] < 10_000
    assert report["trade_data_flow"]["collections_today"] == 1
    assert report["trade_data_flow"]["success_rate_24h"] == 1.0
    assert report["discovery_data_flow"] == {
        "collections_today": 0,
        "avg_latency_ms": None,
        "success_rate_24h": None,
    }


def test_delivery_counts_every_document_and_says_how_many_needed_no_file(service):
    for path in (WEIGHTS, WEIGHTS, "/learning/corrections", "/learning-analytics/market-regime/current"):
        httpx.get(service.url + path)
    etag = httpx.get(service.url + WEIGHTS).headers["etag"]
    assert httpx.get(service.url + WEIGHTS, headers={"if-none-match": etag}).status_code == 304
    httpx.get(service.url + "/learning/reports/daily/nonsense")  # answered, but not given
    for path in ("/healthz", "/", "/metrics", "/openapi.json", "/nowhere"):
        httpx.get(service.url + path)
    delivery = health(service)["intelligence_delivery"]
    assert delivery["requests_today"] == 7
    # weights, corrections and the regime were looked for on disk once each; the other three were in memory
    assert delivery["cache_hit_rate"] == pytest.approx(3 / 6)
    assert 0 < delivery["avg_response_time_ms"] < 10_000


def test_what_is_refused_at_the_door_of_a_flow_lowers_its_success(service):
    send(service, TRADE, json.dumps(EVENTS[2].example).encode())
    send(service, TRADE, json.dumps(EVENTS[2].example).encode(), origin="https://elsewhere.example")
    assert health(service)["trade_data_flow"]["success_rate_24h"] == 0.5


def test_everything_survives_a_restart_of_the_service(settings, serve):
    first = serve(settings)
    send(first, THESIS, thesis(1))
    send(first, THESIS, b"{")
    httpx.get(first.url + WEIGHTS)
    before = health(first)
    assert before["thesis_data_flow"]["collections_today"] == 2
    assert health(serve(settings)) == before


def test_files_ingested_by_the_command_line_are_collections_too(settings, serve, tmp_path):
    file = tmp_path / "theses.ndjson"
    file.write_bytes(b"\n".join(thesis(number) for number in range(3)) + b"\nnot json\n")
    answer = amc(settings.data_dir, "ingest", "theses", file)
    assert answer.code == 3, answer.all  # done with quarantine
    numbers = health(serve(settings))["thesis_data_flow"]
    assert numbers == {"collections_today": 4, "avg_latency_ms": None, "success_rate_24h": None}


def test_an_item_that_was_replayed_is_one_collection(settings, serve):
    service = serve(settings)
    send(service, THESIS, b'{"symbol": "ABC", "recommendation": "HOLD", "timestamp": "2999-01-01T00:00:00Z"}')
    warehouse = service.warehouse()
    (item,) = warehouse.inbox.quarantined().to_dicts()
    patient = settings.model_copy(
        update={"collection": settings.collection.model_copy(update={"max_clock_skew_minutes": 60 * 24 * 400_000})}
    )
    assert replay_quarantine(warehouse, patient, now=item["received_at"]).n_accepted == 1
    warehouse.inbox.close()
    assert health(service)["thesis_data_flow"]["collections_today"] == 1


# -- days ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (utc(2024, 1, 15, 4, 59, 59), utc(2024, 1, 14, 5)),
        (utc(2024, 1, 15, 5), utc(2024, 1, 15, 5)),
        (utc(2024, 7, 15, 3, 59, 59), utc(2024, 7, 14, 4)),
        (utc(2024, 7, 15, 4), utc(2024, 7, 15, 4)),
        (utc(2024, 3, 10, 6), utc(2024, 3, 10, 5)),  # clocks go forward at 07:00 UTC
        (utc(2024, 3, 10, 23), utc(2024, 3, 10, 5)),
        (utc(2024, 3, 11, 3, 59), utc(2024, 3, 10, 5)),
        (utc(2024, 3, 11, 4), utc(2024, 3, 11, 4)),
        (utc(2024, 11, 3, 5, 30), utc(2024, 11, 3, 4)),  # clocks go back at 06:00 UTC
        (utc(2024, 11, 4, 4, 59), utc(2024, 11, 3, 4)),
        (utc(2024, 11, 4, 5), utc(2024, 11, 4, 5)),
    ],
)
def test_the_day_begins_at_midnight_in_new_york_whatever_the_season(now, midnight):
    assert market_midnight(now) == midnight


def test_today_ends_at_midnight_in_new_york_and_24_hours_do_not(settings, serve):
    clock = Clock(utc(2024, 3, 11, 3, 50))  # 23:50 on Sunday the 10th, the short day
    evening = serve(settings, clock=clock)
    send(evening, THESIS, thesis(1))
    httpx.get(evening.url + WEIGHTS)
    report = health(evening)
    assert report["thesis_data_flow"]["collections_today"] == 1
    assert report["intelligence_delivery"]["requests_today"] == 1
    night = serve(settings, clock=Clock(utc(2024, 3, 11, 4, 10)))  # 00:10 on Monday
    report = health(night)
    assert report["thesis_data_flow"] == {
        "collections_today": 0,
        "avg_latency_ms": health(evening)["thesis_data_flow"]["avg_latency_ms"],
        "success_rate_24h": 1.0,
    }
    assert report["intelligence_delivery"]["requests_today"] == 0
    assert report["intelligence_delivery"]["cache_hit_rate"] == 0.0  # measured over 24 hours
    next_day = serve(settings, clock=Clock(utc(2024, 3, 12, 3, 51)))
    assert health(next_day)["thesis_data_flow"]["success_rate_24h"] is None


def test_the_last_24_hours_are_24_hours_also_when_the_day_has_23(settings, serve):
    now = utc(2024, 3, 11, 4, 0)
    service = serve(settings, clock=Clock(now))
    record(service, now - DAY - timedelta(minutes=1), "trade", "accepted")
    record(service, now - DAY, "trade", "refused", n_requests=3)
    record(service, now - timedelta(minutes=1), "trade", "accepted")
    assert health(service)["trade_data_flow"]["success_rate_24h"] == pytest.approx(1 / 4)


def test_means_weigh_every_request_alike(settings, serve):
    now = utc(2024, 3, 11, 20, 0)
    service = serve(settings, clock=Clock(now))
    record(service, now, "discovery", "accepted", n_requests=9, latency_us=1_000)
    record(service, now - timedelta(hours=5), "discovery", "conflict", latency_us=11_000)
    record(service, now, "discovery", "refused", n_requests=100, latency_us=1)
    assert health(service)["discovery_data_flow"]["avg_latency_ms"] == pytest.approx(2.0)


def test_the_record_of_a_flow_adds_up_to_its_requests():
    outcomes = ("accepted", "duplicate", "quarantined", "conflict", "refused", "unavailable", "failed")
    sums = {("thesis", outcome): RequestSum(number, 0) for number, outcome in enumerate(outcomes, start=1)}
    parts = balance({**sums, ("trade", "accepted"): RequestSum(99, 0)}, "thesis")
    assert (parts.n_accepted, parts.n_duplicates, parts.n_quarantined, parts.n_conflicts) == (1, 2, 3, 4)
    assert (parts.n_refused, parts.n_unavailable) == (5, 6 + 7)


# -- what is published --------------------------------------------------------------------------------------------


def test_effectiveness_is_read_from_the_documents_of_real_nights(finished, serve):
    last = date(2024, 4, 3)
    service = serve(finished, clock=Clock(datetime(last.year, last.month, last.day, 20, 0, tzinfo=UTC)))
    numbers = DataFlowHealth.model_validate(health(service)).learning_effectiveness
    publications = service.warehouse().publications
    week = [publications.document("weights", last - timedelta(days=number)) for number in range(7)]
    moved = [
        document["known_on"]
        for document in week
        if document
        and document["data"]["optimized_parameters"]
        != {f"{name}_weight": weight for name, weight in document["previous"]["weights"].items()}
    ]
    assert numbers.parameter_adjustments_this_week == len(moved)
    assert numbers.patterns_discovered_this_week is not None


def test_a_damaged_document_of_the_week_is_a_passing_trouble_with_a_remedy(finished, serve):
    last = date(2024, 4, 3)
    service = serve(finished, clock=Clock(datetime(last.year, last.month, last.day, 20, 0, tzinfo=UTC)))
    path = finished.data_dir / "published" / "history" / "weights" / f"{last - timedelta(days=1)}.json"
    path.write_bytes(b"{}")
    answer = httpx.get(service.url + HEALTH)
    assert answer.status_code == 503
    assert "publish" in answer.json()["detail"].lower()
    assert str(finished.data_dir) not in answer.text, "folders of the machine are no reader's business"
