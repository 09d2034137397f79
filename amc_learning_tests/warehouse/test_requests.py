"""Records of requests: sums per minute that add up across processes and survive them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.warehouse.errors import StorageError, WarehouseError
from amc_learning.warehouse.inbox import Inbox
from amc_learning.warehouse.requests import RequestKey, RequestRecords, RequestSum, minute_of, summed

from .samples import event

START = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)
MINUTE = minute_of(START)


def at(number, flow="thesis", outcome="accepted"):
    return RequestKey(MINUTE + number, flow, outcome)


@pytest.fixture
def inbox(tmp_path):
    opened = Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def records(inbox):
    return RequestRecords(inbox.database)


def test_the_same_key_again_is_added_not_replaced(records):
    records.add({at(0): RequestSum(2, 10)})
    records.add({at(0): RequestSum(3, 5), at(1): RequestSum(1, 1)})
    assert records.sums(START) == {("thesis", "accepted"): RequestSum(6, 16)}


def test_sums_are_by_minute_from_the_first_to_before_the_last(records):
    records.add({at(number): RequestSum(1, number) for number in range(-2, 5)})
    assert records.sums(START, START + timedelta(minutes=2)) == {("thesis", "accepted"): RequestSum(2, 1)}
    assert records.sums(START + timedelta(seconds=59)) == records.sums(START), "to the minute"
    assert records.sums(START + timedelta(days=1)) == {}


def test_forgetting_takes_the_minutes_before_and_no_other(records):
    records.add({at(number): RequestSum(1, 0) for number in range(4)})
    records.forget(START + timedelta(minutes=2))
    assert records.sums(START - timedelta(days=1))["thesis", "accepted"].n_requests == 2


def test_they_survive_whoever_wrote_them(inbox, records, tmp_path):
    records.add({at(0): RequestSum(1, 7)})
    inbox.close()
    again = Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}")
    assert RequestRecords(again.database).sums(START) == {("thesis", "accepted"): RequestSum(1, 7)}
    again.close()


def test_an_inbox_of_an_earlier_version_gets_the_table_and_keeps_its_events(inbox, tmp_path):
    inbox.append([event(1)])
    with inbox.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE request_minutes")
        connection.exec_driver_sql("DROP TABLE inbox_schema_version")
    inbox.close()
    again = Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}")
    records = RequestRecords(again.database)
    records.add({at(0): RequestSum(1, 7)})
    assert (records.sums(START)["thesis", "accepted"].n_requests, again.n_pending()) == (1, 1)
    again.close()


def test_nothing_to_add_touches_nothing(tmp_path):
    RequestRecords(Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}").database).add({})
    assert list(tmp_path.iterdir()) == []


def test_a_refused_write_adds_nothing_and_may_be_made_again(inbox, records):
    records.add({at(0): RequestSum(1, 1)})
    with inbox.database.writing() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON request_minutes WHEN new.minute > "
                                   f"{MINUTE} BEGIN SELECT RAISE(ABORT, 'no room'); END")  # fmt: skip
    more = {at(0): RequestSum(1, 1), at(1): RequestSum(1, 1)}
    with pytest.raises(WarehouseError):
        records.add(more)
    assert records.sums(START)["thesis", "accepted"].n_requests == 1
    with inbox.database.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    records.add(more)
    assert records.sums(START)["thesis", "accepted"].n_requests == 3


def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path):
    (tmp_path / "events.sqlite").write_bytes(b"not a database, and long enough to be looked at " * 100)
    with pytest.raises(StorageError, match="damaged or not ours"):
        RequestRecords(Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}").database).sums(START)


def test_a_time_without_a_zone_is_refused(records):
    with pytest.raises(WarehouseError, match="the time of a request"):
        records.sums(datetime(2024, 3, 4))  # noqa: DTZ001


counts = st.dictionaries(
    st.tuples(st.integers(0, 3), st.sampled_from(("thesis", "trade")), st.sampled_from(("accepted", "refused"))),
    st.tuples(st.integers(1, 9), st.integers(0, 10**9)),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(counts, max_size=4))
def test_sums_equal_those_of_plain_addition(tmp_path_factory, batches):
    inbox = Inbox(f"sqlite:///{tmp_path_factory.mktemp('inbox') / 'events.sqlite'}")
    records = RequestRecords(inbox.database)
    expected: dict[tuple[str, str], RequestSum] = {}
    for batch in batches:
        records.add({at(*key): RequestSum(*value) for key, value in batch.items()})
        for (_, flow, outcome), value in batch.items():
            expected[flow, outcome] = expected.get((flow, outcome), RequestSum()) + RequestSum(*value)
    assert records.sums(START) == expected
    inbox.close()


def test_the_mean_of_no_request_is_no_number():
    assert RequestSum().mean_latency_ms is None
    assert RequestSum(4, 10_000).mean_latency_ms == 2.5
    assert summed({}, "thesis") == RequestSum()
