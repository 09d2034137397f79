from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from amc_learning.automation.sensors import RANGE_END, RANGE_START, requests_for
from amc_learning.contracts.knowledge_days import knowledge_day, previous_knowledge_day
from amc_learning.definitions import build_defs
from amc_learning.settings import Settings
from amc_learning.stages.collect import drain_events
from amc_learning.warehouse import InboxEvent
from amc_learning_tests.acceptance.loop import open_warehouse, run_through_dagster

THURSDAY = date(2026, 11, 5)


@pytest.fixture
def settings(tmp_path, clean_environment):
    return Settings(data_dir=tmp_path / "data")


def put(settings, *days):
    warehouse = open_warehouse(settings)
    now = datetime.now(UTC)
    n = warehouse.inbox.last_sequence()
    events = [
        InboxEvent("discovery", f"{n}-{place}", day, now, now, "payload", "test", '{"candidates": []}')
        for place, day in enumerate(days)
    ]
    warehouse.inbox.append(events)
    warehouse.inbox.close()


def tick(settings, cursor=None):
    definitions = build_defs(settings=settings)
    sensor = definitions.resolve_sensor_def("inbox_sensor")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, definitions=definitions, resources={"warehouse": open_warehouse(settings)}
        )
        return sensor.evaluate_tick(context)


def test_an_empty_inbox_is_skipped_with_a_reason(settings):
    data = tick(settings)
    assert data.run_requests == []
    assert "every accepted event" in data.skip_message


def is_weekend_in_new_york():
    return datetime.now(ZoneInfo("America/New_York")).weekday() >= 5


def test_events_of_a_day_whose_partition_has_not_begun_wait_without_an_error(settings):
    """On a weekend these are all events that arrive: Monday's partition begins on Monday."""
    monday = knowledge_day(datetime.now(UTC)) + timedelta(days=7)
    put(settings, monday)
    data = tick(settings)
    assert data.run_requests == []
    assert "partition" in data.skip_message
    assert data.cursor is None


@pytest.mark.skipif(is_weekend_in_new_york(), reason="on a weekend today's knowledge day has not begun")
def test_events_of_today_are_collected_once(settings):
    today = knowledge_day(datetime.now(UTC))
    put(settings, today, today)
    data = tick(settings)
    (request,) = data.run_requests
    assert (request.job_name, request.partition_key) == ("collection", str(today))
    assert data.cursor is not None
    again = tick(settings, data.cursor)
    assert again.run_requests == []
    assert "asked for already" in again.skip_message


def test_late_events_refresh_the_evidence_of_the_days_they_touch(settings):
    today = knowledge_day(datetime.now(UTC))
    late = previous_knowledge_day(previous_knowledge_day(today))
    put(settings, late)
    (request,) = tick(settings).run_requests
    assert request.job_name == "evidence_refresh"
    assert request.tags[RANGE_START] == str(late)
    assert request.tags[RANGE_END] == str(previous_knowledge_day(today))
    assert request.partition_key is None


def test_new_events_after_the_cursor_are_requested_under_another_key(settings):
    put(settings, date(2026, 11, 3))
    first = tick(settings)
    put(settings, date(2026, 11, 3))
    second = tick(settings, first.cursor)
    assert first.run_requests[0].run_key != second.run_requests[0].run_key
    assert first.cursor != second.cursor


def test_the_same_events_are_not_asked_for_twice_a_day(settings):
    put(settings, date(2026, 11, 3))
    first = tick(settings)
    again = tick(settings, first.cursor)
    assert again.run_requests == []
    assert "asked for already" in again.skip_message


def test_what_was_drained_but_not_made_into_rows_is_still_asked_for(settings):
    put(settings, date(2026, 11, 3))
    drain_events(open_warehouse(settings), "discovery")
    (request,) = tick(settings).run_requests
    assert request.job_name == "evidence_refresh"


def test_history_is_left_to_a_backfill(settings):
    put(settings, date(2014, 3, 4))
    data = tick(settings)
    assert data.run_requests == []
    assert "amc-learning backfill --from 2014-03-04" in data.skip_message


def at_noon(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([], []),
        ([THURSDAY], ["collection"]),
        ([THURSDAY - timedelta(days=1)], ["evidence_refresh"]),
        ([THURSDAY - timedelta(days=40), THURSDAY], ["evidence_refresh", "collection"]),
        ([THURSDAY - timedelta(days=400)], []),
    ],
)
def test_one_request_for_what_is_late_and_one_for_today(days, expected):
    assert [request.job_name for request in requests_for(days, now=at_noon(THURSDAY), key="5")] == expected


def test_on_a_monday_the_refresh_ends_on_friday():
    (request,) = requests_for([date(2026, 11, 4)], now=at_noon(date(2026, 11, 9)), key="1")
    assert request.tags == {RANGE_START: "2026-11-04", RANGE_END: "2026-11-06"}


def test_on_a_sunday_mondays_events_wait():
    assert requests_for([date(2026, 11, 9)], now=at_noon(date(2026, 11, 8)), key="1") == []


def test_the_requested_runs_really_run_and_collect_the_events(settings):
    day = date(2024, 1, 3)
    put(settings, day)
    (request,) = requests_for([day], now=at_noon(date(2024, 1, 5)), key="1")
    days = [date.fromisoformat(request.tags[RANGE_START]), date.fromisoformat(request.tags[RANGE_END])]
    assert run_through_dagster(settings, days, job=request.job_name).success
    warehouse = open_warehouse(settings)
    assert warehouse.inbox.n_pending() == 0
    assert warehouse.table("discovery_runs").read(day, day).height == 1
    assert warehouse.table("weight_decisions").days() == []
