"""Whatever clocks of senders say: believed, or kept apart with the reason, in the order of receipt."""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from amc_learning_tests.acceptance.loop import open_warehouse, settings_for
from amc_learning_tests.service.running import PATHS
from amc_learning_tests.service.serving import served

NOW = datetime(2024, 3, 6, 15, 0, tzinfo=UTC)
"""A Wednesday, 10:00 in New York."""

BACKWARDS_AND_FORWARDS = [NOW, NOW - timedelta(hours=2), NOW + timedelta(days=1), NOW + timedelta(seconds=1)]


@pytest.fixture
def settings(tmp_path, clean_environment):
    return settings_for(tmp_path / "data")


def answers(settings, events, *, clock: Iterator[datetime]):
    """What a service with this clock says to each event; the clock is asked more than once a request."""
    now = NOW

    def read():
        return now

    with served(settings, clock=read) as service, httpx.Client(base_url=service.url) as client:
        said = []
        for event in events:
            now = next(clock)
            said.append(client.post(PATHS["trade"], json=event))
        return said


def stored(settings):
    warehouse = open_warehouse(settings)
    events, apart = warehouse.inbox.pending("trade", 1000), warehouse.inbox.quarantined("trade")
    warehouse.inbox.close()
    return events, apart


def trade(when: object) -> dict[str, object]:
    return {"symbol": "ABC", "change_type": "OPEN", "timestamp": when, "change_data": {"entry_price": 10.0}}


@pytest.mark.parametrize(
    ("when", "occurred_at", "known_on"),
    [
        (NOW.isoformat(), NOW, date(2024, 3, 6)),
        # a day behind: late, and of the day it was about
        ((NOW - timedelta(days=1)).isoformat(), NOW - timedelta(days=1), date(2024, 3, 5)),
        # up to an hour ahead is a clock that runs fast
        ((NOW + timedelta(minutes=59)).isoformat(), NOW + timedelta(minutes=59), date(2024, 3, 6)),
        # without a zone it is New York's: 09:59 there is 14:59 UTC in winter
        ("2024-03-06T09:59:00", datetime(2024, 3, 6, 14, 59, tzinfo=UTC), date(2024, 3, 6)),
        # epochs in seconds and milliseconds: 1709733540 is 13:59 UTC
        (1709733540, datetime(2024, 3, 6, 13, 59, tzinfo=UTC), date(2024, 3, 6)),
        (1709733540000, datetime(2024, 3, 6, 13, 59, tzinfo=UTC), date(2024, 3, 6)),
        # 02:30 is skipped on 12 March 2023, a Sunday; Monday's knowledge by any reading of it
        ("2023-03-12T02:30:00", datetime(2023, 3, 12, 7, 30, tzinfo=UTC), date(2023, 3, 13)),
        # 01:30 comes twice on 5 November 2023, a Sunday: the first is 05:30 UTC
        ("2023-11-05T01:30:00", datetime(2023, 11, 5, 5, 30, tzinfo=UTC), date(2023, 11, 6)),
        # the second 01:30 says so by its offset
        ("2023-11-05T01:30:00-05:00", datetime(2023, 11, 5, 6, 30, tzinfo=UTC), date(2023, 11, 6)),
    ],
)
def test_a_time_that_can_be_true_is_believed_and_decides_the_day(settings, when, occurred_at, known_on):
    (answer,) = answers(settings, [trade(when)], clock=itertools.repeat(NOW))
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    events, _ = stored(settings)
    assert events.select("occurred_at", "occurred_at_source", "known_on").row(0) == (occurred_at, "payload", known_on)
    assert events["received_at"].to_list() == [NOW]


@pytest.mark.parametrize(
    "when",
    [
        (NOW + timedelta(minutes=61)).isoformat(),
        (NOW + timedelta(days=1)).isoformat(),
        "2004-12-31T12:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        (NOW + timedelta(days=1)).timestamp() * 1000,
    ],
)
def test_a_time_that_cannot_be_true_is_kept_apart_with_its_reason(settings, when):
    (answer,) = answers(settings, [trade(when)], clock=itertools.repeat(NOW))
    said = answer.json()
    assert (answer.status_code, said["status"], said["field"]) == (202, "quarantined", "timestamp")
    events, apart = stored(settings)
    assert events.is_empty()
    assert apart.select("field", "reason", "received_at").row(0) == ("timestamp", said["reason"], NOW)


@pytest.mark.parametrize("when", ["yesterday", "2023-02-30T10:00:00", "2024-13-01", [], True, "2016-12-31T23:59:60Z"])
def test_a_time_nobody_can_read_leaves_the_time_of_receipt_and_a_warning(settings, when):
    (answer,) = answers(settings, [trade(when)], clock=itertools.repeat(NOW))
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    assert answer.json()["warnings"]
    events, _ = stored(settings)
    assert events.select("occurred_at", "occurred_at_source").row(0) == (NOW, "receipt")


def test_events_keep_the_order_in_which_they_came_also_when_our_own_clock_jumps(settings):
    sent = [{**trade(None), "event_id": f"trade-{number}"} for number in range(len(BACKWARDS_AND_FORWARDS))]
    said = answers(settings, sent, clock=iter(BACKWARDS_AND_FORWARDS))
    assert [answer.status_code for answer in said] == [202] * len(sent)
    events, _ = stored(settings)
    assert events["event_id"].to_list() == [f"trade:trade-{number}" for number in range(len(sent))]
    assert events["received_at"].to_list() == BACKWARDS_AND_FORWARDS
    assert events["sequence"].is_sorted()


def test_an_event_sent_again_later_keeps_its_first_time_of_receipt(settings):
    said = answers(settings, [trade(NOW.isoformat())] * 2, clock=iter([NOW, NOW + timedelta(days=1)]))
    assert [answer.json()["duplicate"] for answer in said] == [False, True]
    events, _ = stored(settings)
    assert events["received_at"].to_list() == [NOW]
