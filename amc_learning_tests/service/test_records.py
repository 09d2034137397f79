"""Counts of requests: summed in memory, written from time to time, and not lost where the storage refuses."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from amc_learning.service.records import FLOWS, Outcome, Recorder
from amc_learning.service.scope import ended_as, outcome_of
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.requests import KEPT_FOR, RequestKey, RequestSum

NOW = datetime(2024, 3, 4, 15, 0, 30, tzinfo=UTC)
EVER = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def warehouse(settings):
    opened = Warehouse.open(settings.data_dir, settings.features.components)
    yield opened
    opened.inbox.close()


@pytest.fixture
def recorder(warehouse):
    return Recorder(warehouse.requests, CollectorRegistry(), lambda: NOW)


def test_counts_and_durations_are_summed_by_flow_and_outcome(recorder, warehouse):
    for seconds in (0.001, 0.002):
        recorder.count("thesis", "accepted", seconds)
    recorder.count("thesis", "refused", 0.5)
    asyncio.run(recorder.flush())
    assert warehouse.requests.sums(EVER) == {
        ("thesis", "accepted"): RequestSum(2, 3_000),
        ("thesis", "refused"): RequestSum(1, 500_000),
    }


def test_a_flush_writes_each_request_once(recorder, warehouse):
    recorder.count("thesis", "accepted", 0.001)
    for _ in range(3):
        asyncio.run(recorder.flush())
    recorder.count("thesis", "accepted", 0.001)
    asyncio.run(recorder.flush())
    assert warehouse.requests.sums(EVER)["thesis", "accepted"].n_requests == 2


def test_what_cannot_be_written_is_written_later_with_what_came_meanwhile(recorder, warehouse, caplog):
    recorder.count("thesis", "accepted", 0.001)
    with warehouse.inbox.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE request_minutes RENAME TO away")
    with caplog.at_level(logging.WARNING):
        asyncio.run(recorder.flush())
    assert "counts of requests wait for the storage" in caplog.text
    recorder.count("thesis", "accepted", 0.001)
    with warehouse.inbox.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO request_minutes")
    asyncio.run(recorder.flush())
    assert warehouse.requests.sums(EVER)["thesis", "accepted"] == RequestSum(2, 2_000)


def test_two_services_on_one_inbox_add_up(warehouse):
    for recorder in (Recorder(warehouse.requests, CollectorRegistry(), lambda: NOW) for _ in range(2)):
        recorder.count("trade", "duplicate", 0.001)
        asyncio.run(recorder.flush())
    assert warehouse.requests.sums(EVER)["trade", "duplicate"].n_requests == 2


def test_prometheus_sees_every_flow_and_outcome_from_the_start(warehouse):
    registry = CollectorRegistry()
    recorder = Recorder(warehouse.requests, registry, lambda: NOW)
    recorder.count("bars", "quarantined", 0.003)
    lines = generate_latest(registry).decode().splitlines()
    counted = [line for line in lines if line.startswith("amc_learning_requests_total{")]
    assert len(counted) == len(FLOWS) * len(get_args(Outcome))
    assert [line for line in counted if not line.endswith(" 0.0")] == [
        'amc_learning_requests_total{flow="bars",outcome="quarantined"} 1.0'
    ]
    assert 'amc_learning_request_seconds_bucket{flow="bars",le="0.0025"} 0.0' in lines
    assert 'amc_learning_request_seconds_bucket{flow="bars",le="0.005"} 1.0' in lines


def test_a_running_recorder_writes_by_itself_forgets_what_is_too_old_and_writes_once_more_at_its_end(warehouse):
    old = RequestKey(int((NOW - KEPT_FOR - timedelta(minutes=2)).timestamp()) // 60, "thesis", "accepted")
    warehouse.requests.add({old: RequestSum(1, 1)})
    recorder = Recorder(warehouse.requests, CollectorRegistry(), lambda: NOW)
    recorder.count("trade", "accepted", 0.001)

    async def until_written():
        stopping = asyncio.Event()
        running = asyncio.create_task(recorder.run(stopping))
        async with asyncio.timeout(20):
            while set(warehouse.requests.sums(EVER)) != {("trade", "accepted")}:
                await asyncio.sleep(0.05)
            recorder.count("trade", "refused", 0.001)
            stopping.set()
            await running

    asyncio.run(until_written())
    assert set(warehouse.requests.sums(EVER)) == {("trade", "accepted"), ("trade", "refused")}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "from_memory"), (304, "from_memory"), (401, "refused"), (405, "refused"), (413, "refused"),
     (429, "unavailable"), (500, "failed"), (503, "unavailable")],
)  # fmt: skip
def test_without_a_word_the_status_decides_how_a_request_ended(status, outcome):
    assert outcome_of({}, status) == outcome


def test_the_word_of_the_endpoint_counts_more_than_the_status():
    scope = {}
    ended_as(scope, "conflict")
    assert outcome_of(scope, 409) == "conflict"
