"""Durable before the answer: many events in few commits, a bound, and an honest word to each sender when it fails."""

import asyncio
import logging
import os
import sqlite3
import threading
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from amc_learning.service.answers import Refusal
from amc_learning.service.writer import EVENTS_PER_COMMIT, TROUBLE_SECONDS, Writer
from amc_learning.warehouse.events import QuarantineItem
from amc_learning.warehouse.files import locked
from amc_learning.warehouse.inbox import Inbox
from amc_learning_tests.warehouse.samples import event

WAIT_SECONDS = 20
PAGE_BYTES = 16_384


@pytest.fixture
def path(tmp_path):
    return tmp_path / "inbox" / "events.sqlite"


@pytest.fixture
def inbox(path):
    opened = Inbox(f"sqlite:///{path}")
    yield opened
    opened.close()


@asynccontextmanager
async def writing(inbox, max_waiting=10_000):
    writer = Writer(inbox, max_waiting=max_waiting)
    writer.start()
    try:
        yield writer
    finally:
        await asyncio.to_thread(writer.stop)


async def together(writer, works):
    """Everything kept at the same time; receipts and refusals in order."""
    async with asyncio.timeout(WAIT_SECONDS):
        return await asyncio.gather(*(writer.keep(work) for work in works), return_exceptions=True)


async def until_waiting(writer, n_waiting):
    async with asyncio.timeout(WAIT_SECONDS):
        while writer.n_waiting != n_waiting:
            await asyncio.sleep(0.01)


class Held:
    """The turn of the database held by somebody else, as long as the block lasts: commits wait, requests come."""

    def __init__(self, path):
        self._lock = locked(path.with_name(f"{path.name}.lock"))

    def __enter__(self):
        self._lock.__enter__()

    def __exit__(self, *raised):
        self._lock.__exit__(*raised)


def item(number):
    return QuarantineItem(
        "thesis", "http", "payload", "not understood", f"{{{number}", datetime(2024, 3, 4, tzinfo=UTC)
    )


def commits_of(inbox):
    """A list that grows by one entry for each transaction that writes."""
    seen = []
    with inbox.database.reading() as connection:
        driver = connection.connection.driver_connection
    driver.set_trace_callback(lambda statement: seen.append(statement) if statement.startswith("BEGIN IMM") else None)
    return seen


def refusals(outcomes):
    return [
        (outcome.status, outcome.headers.get("retry-after")) for outcome in outcomes if isinstance(outcome, Refusal)
    ]


def test_what_was_acknowledged_is_in_the_inbox_for_everybody(inbox, path):
    async def scenario():
        async with writing(inbox) as writer:
            receipt = await writer.keep(event(1))
            with sqlite3.connect(path) as other:
                return receipt.event_id, other.execute("SELECT event_id FROM events").fetchall()

    event_id, stored = asyncio.run(scenario())
    assert stored == [(event_id,)]


def test_many_events_that_come_together_share_few_commits(inbox, path):
    n_events = 3 * EVENTS_PER_COMMIT

    async def scenario():
        async with writing(inbox) as writer:
            commits = commits_of(inbox)
            with Held(path):
                waiting = asyncio.ensure_future(together(writer, [event(number) for number in range(n_events)]))
                await until_waiting(writer, n_events)
            return await waiting, len(commits)

    receipts, n_commits = asyncio.run(scenario())
    assert [receipt.event_id for receipt in receipts] == [f"event-{number}" for number in range(n_events)]
    # the first may have been taken alone, before the others were there
    assert n_commits <= 1 + 3


def test_receipts_and_quarantine_answers_go_to_those_who_sent_them(inbox):
    works = [event(0), item(0), event(1), event(0), item(1), event(1, payload="{}")]

    async def scenario():
        async with writing(inbox) as writer:
            return await together(writer, works)

    first, apart, second, again, _, other = asyncio.run(scenario())
    assert apart is None
    assert [one.is_duplicate for one in (first, second, again)] == [False, False, True]
    assert other.is_conflict
    assert (inbox.n_pending(), inbox.n_quarantined()) == (2, 3)


def test_one_event_that_cannot_be_stored_harms_no_other(inbox, path, caplog):
    bad = event(3, payload="\ud800")
    works = [event(1), bad, event(2), item(1)]

    async def scenario():
        async with writing(inbox) as writer:
            with Held(path):
                waiting = asyncio.ensure_future(together(writer, works))
                await until_waiting(writer, len(works))
            outcomes = await waiting
            return outcomes, await writer.keep(event(4)), writer.trouble

    outcomes, later, trouble = asyncio.run(scenario())
    assert [type(outcome).__name__ for outcome in outcomes] == ["Receipt", "Refusal", "Receipt", "NoneType"]
    assert outcomes[1].status == 422
    assert "nothing was kept" in outcomes[1].detail
    assert (later.event_id, trouble) == ("event-4", None)
    assert inbox.n_pending() == 3


def test_beyond_the_bound_senders_are_asked_to_come_back_and_those_before_them_are_served(inbox, path):
    async def scenario():
        async with writing(inbox, max_waiting=5) as writer:
            with Held(path):
                waiting = asyncio.ensure_future(together(writer, [event(number) for number in range(8)]))
                await until_waiting(writer, 5)
            outcomes = await waiting
            return outcomes, await writer.keep(event(9)), writer.n_waiting

    outcomes, later, n_waiting = asyncio.run(scenario())
    assert refusals(outcomes) == [(503, "1")] * 3
    assert (inbox.n_pending(), later.event_id, n_waiting) == (6, "event-9", 0)


def test_a_full_database_refuses_the_whole_batch_and_the_next_one_works_when_there_is_room(inbox, path, caplog):
    works = [event(number, payload=f'{{"n": "{number:0>{PAGE_BYTES}}"}}') for number in range(20)]

    async def scenario():
        async with writing(inbox) as writer:
            with inbox.database.reading() as connection:
                n_pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                connection.exec_driver_sql(f"PRAGMA max_page_count = {n_pages + 2}")
            with Held(path):
                waiting = asyncio.ensure_future(together(writer, works))
                await until_waiting(writer, len(works))
            refused, trouble = await waiting, writer.trouble
            is_running = writer.is_running
            with inbox.database.reading() as connection:
                connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
            return refused, trouble, is_running, await together(writer, works), writer.trouble

    refused, trouble, is_running, kept, trouble_later = asyncio.run(scenario())
    n_refused = len(refusals(refused))
    assert n_refused >= len(works) - 1, "the first may have been taken alone, and fit"
    assert set(refusals(refused)) == {(503, "5")}
    assert "full" in trouble
    assert is_running
    assert Counter(receipt.is_duplicate for receipt in kept)[False] == n_refused
    assert (inbox.n_pending(), trouble_later) == (len(works), None)
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1, "told once"


def test_a_damaged_database_is_a_refusal_not_the_end_of_the_writer(inbox, path):
    async def scenario():
        async with writing(inbox) as writer:
            with inbox.database.writing() as connection:
                connection.exec_driver_sql("ALTER TABLE events RENAME TO away")
            refused = await together(writer, [event(1)])
            with inbox.database.writing() as connection:
                connection.exec_driver_sql("ALTER TABLE away RENAME TO events")
            return refused, await writer.keep(event(1))

    refused, kept = asyncio.run(scenario())
    assert refusals(refused) == [(503, "5")]
    assert not kept.is_duplicate


def test_a_lock_file_that_cannot_be_opened_is_a_refusal_not_the_end_of_the_writer(inbox, path):
    lock = path.with_name(f"{path.name}.lock")

    async def scenario():
        async with writing(inbox) as writer:
            lock.unlink()
            lock.mkdir()
            refused = await together(writer, [event(1), event(2)])
            is_running = writer.is_running
            lock.rmdir()
            return refused, is_running, await together(writer, [event(1)])

    refused, is_running, kept = asyncio.run(scenario())
    assert refusals(refused) == [(503, "5")] * 2
    assert is_running
    assert kept[0].event_id == "event-1"


def test_no_free_file_descriptor_is_a_refusal_not_the_end_of_the_writer(inbox):
    async def scenario():
        async with writing(inbox) as writer:
            taken = []
            resource = pytest.importorskip("resource")
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 5, before[1]))  # noqa: PTH208
            try:
                with pytest.raises(OSError, match="Too many open files"):
                    while True:
                        taken.append(os.open("/dev/null", os.O_RDONLY))
                refused = await together(writer, [event(1)])
            finally:
                for descriptor in taken:
                    os.close(descriptor)
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            return refused, await together(writer, [event(1)])

    refused, kept = asyncio.run(scenario())
    assert refusals(refused) == [(503, "5")]
    assert kept[0].event_id == "event-1"


def test_a_sender_that_goes_away_leaves_the_others_and_its_event_in_place(inbox, path):
    async def scenario():
        async with writing(inbox) as writer:
            with Held(path):
                gone = asyncio.ensure_future(writer.keep(event(1)))
                stays = asyncio.ensure_future(writer.keep(event(2)))
                await until_waiting(writer, 2)
                gone.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await gone
            return await stays, writer

    receipt, writer = asyncio.run(scenario())
    assert receipt.event_id == "event-2"
    assert (inbox.n_pending(), writer.n_waiting) == (2, 0)


def test_stop_commits_what_waits_and_ends_the_thread(inbox, path):
    n_events = EVENTS_PER_COMMIT + 10

    async def scenario():
        writer = Writer(inbox, max_waiting=10_000)
        writer.start()
        with Held(path):
            waiting = asyncio.ensure_future(together(writer, [event(number) for number in range(n_events)]))
            await until_waiting(writer, n_events)
            stopping = asyncio.ensure_future(asyncio.to_thread(writer.stop))
        await stopping
        return await waiting, writer.is_running

    receipts, is_running = asyncio.run(scenario())
    assert ([type(one).__name__ for one in receipts], is_running) == (["Receipt"] * n_events, False)
    assert inbox.n_pending() == n_events
    assert not [thread for thread in threading.enumerate() if thread.name == "inbox-writer"]


def test_an_inbox_that_cannot_be_opened_is_told_at_the_start(tmp_path):
    (tmp_path / "events.sqlite").write_bytes(b"not a database, and long enough to be looked at " * 100)

    async def scenario():
        writer = Writer(Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}"), max_waiting=1)
        with pytest.raises(Exception, match="damaged or not ours"):
            writer.start()
        assert not writer.is_running
        writer.stop()

    asyncio.run(scenario())


def test_what_waits_is_bounded_by_its_size_too_also_when_its_sender_has_given_up(inbox, path):
    large = [event(number, payload="x" * 400) for number in range(3)]

    async def scenario():
        writer = Writer(inbox, max_waiting=100, max_waiting_characters=1000)
        writer.start()
        with Held(path):
            gone = [asyncio.ensure_future(writer.keep(one)) for one in large[:2]]
            await until_waiting(writer, 2)
            for sender in gone:
                sender.cancel()
            refused = await together(writer, large[2:])
        async with asyncio.timeout(WAIT_SECONDS):
            await asyncio.to_thread(writer.stop)
        await until_waiting(writer, 0)
        return refused, writer.n_waiting_characters

    refused, n_left = asyncio.run(scenario())
    assert (refusals(refused), n_left) == ([(503, "1")], 0)


def test_a_refusal_of_long_ago_is_no_trouble_now(inbox, caplog):
    now = 1000.0

    async def scenario():
        nonlocal now
        writer = Writer(inbox, max_waiting=100, clock=lambda: now)
        writer.start()
        with inbox.database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE events RENAME TO away")
        await together(writer, [event(1)])
        at_once = writer.trouble
        now += TROUBLE_SECONDS
        later = writer.trouble
        await asyncio.to_thread(writer.stop)
        return at_once, later

    at_once, later = asyncio.run(scenario())
    assert "events" in at_once
    assert later is None
