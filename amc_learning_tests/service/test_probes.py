"""Probes: alive is alive, ready is able, and the numbers for Prometheus are those of the records."""

import re
from datetime import UTC, date, datetime

import httpx
import pytest

from amc_learning import __version__
from amc_learning.service.probes import DOCUMENTS
from amc_learning.service.routes import EVENTS

THESIS = EVENTS[1].path
HOLD = {"symbol": "ABC", "recommendation": "HOLD", "confidence": 0.5}
ANY = {"type": "object"}


def numbers(service):
    """Samples of /metrics by name and labels."""
    lines = httpx.get(service.url + "/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_alive_says_which_version_answers(http):
    assert http.get("/healthz").json() == {"alive": True, "version": __version__}


def test_ready_says_so_before_anything_is_published(http):
    answer = http.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "n_troubles": 0})


def test_a_storage_that_refuses_is_not_ready_and_ready_again_when_it_does_not(service, http):
    warehouse = service.warehouse()
    with warehouse.inbox.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE events RENAME TO away")
    assert http.get("/readyz").status_code == 503
    assert http.post(THESIS, json=HOLD).status_code == 503
    assert http.get("/healthz").status_code == 200
    health = http.get("/learning/health/data-flow")
    assert (health.status_code, health.headers["content-type"]) == (503, "application/problem+json")
    assert http.get("/metrics").status_code == 200
    assert http.get("/").status_code == 503
    with warehouse.inbox.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO events")
    warehouse.inbox.close()
    assert http.post(THESIS, json=HOLD).status_code == 202
    assert http.get("/readyz").status_code == 200


def test_ready_and_alive_tell_nothing_else_to_those_without_a_key(service, http):
    service.settings.data_dir.joinpath("published", "weights.json").write_bytes(b"{")
    http.get("/learning/intelligence/adaptive-discovery-params")
    assert set(http.get("/readyz").json()) == {"ready", "n_troubles"}


def test_prometheus_is_told_what_waits_what_is_kept_apart_and_how_old_documents_are(settings, serve):
    service = serve(settings, clock=lambda: datetime(2024, 3, 14, 12, 0, tzinfo=UTC))
    service.warehouse().publications.publish("weights", {"v": 1}, date(2024, 3, 4), ANY)
    for number in range(3):
        httpx.post(service.url + THESIS, json={**HOLD, "note": number})
    httpx.post(service.url + THESIS, json={"weather": "fine"})
    found = numbers(service)
    assert found['amc_learning_inbox_pending{flow="thesis"}'] == 3
    assert found['amc_learning_quarantine_open{flow="thesis"}'] == 1
    assert found["amc_learning_events_not_durable"] == 0
    assert found["amc_learning_troubles"] == 0
    assert found['amc_learning_document_age_days{document="weights"}'] == 10
    assert [name for name in found if "document_age_days" in name] == [
        'amc_learning_document_age_days{document="weights"}'
    ]
    assert found['amc_learning_requests_total{flow="thesis",outcome="accepted"}'] == 3
    assert found['amc_learning_request_seconds_count{flow="thesis"}'] == 4


def test_metrics_are_in_the_format_of_prometheus(http):
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    sample = re.compile(r'[a-z_]+(?:{(?:[a-z]+="[^"\\]*",?)+})? -?[0-9.e+-]+(?:inf)?')
    assert [line for line in answer.text.splitlines() if not line.startswith("#") and not sample.fullmatch(line)] == []


def test_the_number_of_series_does_not_depend_on_what_strangers_ask_for(service, http):
    before = set(numbers(service))
    for path in (
        "/nowhere",
        "/learning/reports/daily/2024-03-04",
        "/learning/reports/daily/x/y",
        "/learning/collect/x",
    ):
        http.get(path)
    assert set(numbers(service)) == before


def test_every_document_that_is_served_is_watched():
    from amc_learning.contracts.documents import names  # noqa: PLC0415

    assert set(DOCUMENTS) == {value for name, value in vars(names).items() if name.endswith("_DOCUMENT")}


@pytest.mark.parametrize("refresh", ["", "off", "nonsense"])
def test_the_dashboard_answers_before_there_is_anything_to_show(http, refresh):
    answer = http.get("/", params={"refresh": refresh} if refresh else {})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
