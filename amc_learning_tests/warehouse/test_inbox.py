import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.warehouse.errors import InboxError, StorageError
from amc_learning.warehouse.events import KindCounts, QuarantineItem, Receipt
from amc_learning.warehouse.inbox import Inbox
from amc_learning_tests.service.postgres import postgres_server

from .samples import event

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Both backends by the same tests; PostgreSQL where it is installed, in a schema of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'inbox' / 'events.sqlite'}"
        return
    import sqlalchemy as sa  # noqa: PLC0415 - only where there is a server

    server = request.getfixturevalue("postgres").url
    schema = f"test_{os.getpid()}_{abs(hash(tmp_path)) % 10**9}"
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    engine.dispose()


@pytest.fixture
def inbox(url):
    inbox = Inbox(url)
    yield inbox
    inbox.close()


def reopened(url, inbox):
    inbox.close()
    return Inbox(url)


def item(reason="not a number", **changes):
    received_at = datetime(2024, 1, 1, tzinfo=UTC)
    return replace(
        QuarantineItem("discovery", "feed.ndjson line 3", "score", reason, '{"score": "x"}', received_at), **changes
    )


# -- accepting ----------------------------------------------------------------------------------------------------


def test_an_event_is_pending_as_sent_also_after_reopening(url, inbox):
    sent = event(7)
    assert inbox.append([sent]) == [Receipt("event-7", is_duplicate=False, is_conflict=False)]
    inbox = reopened(url, inbox)
    pending = inbox.pending("discovery", 10)
    assert pending.drop("sequence").row(0, named=True) == {
        "known_on": sent.known_on,
        "event_id": "event-7",
        "received_at": sent.received_at,
        "occurred_at": sent.occurred_at,
        "occurred_at_source": "payload",
        "source": "feed.ndjson line 7",
        "payload": sent.payload,
    }
    inbox.close()


def test_pending_has_the_columns_of_a_raw_event_table(inbox):
    raw = catalogue(("technical", "options"))["discovery_events"]
    assert inbox.pending("discovery", 1).select(raw.column_names).schema == raw.schema


def test_a_second_delivery_is_a_duplicate_and_stores_nothing(url, inbox):
    inbox.append([event(1), event(2)])
    inbox = reopened(url, inbox)
    receipts = inbox.append([event(2), event(3), event(3)])
    assert [(receipt.event_id, receipt.is_duplicate) for receipt in receipts] == [
        ("event-2", True),
        ("event-3", False),
        ("event-3", True),
    ]
    assert inbox.pending("discovery", 10)["event_id"].to_list() == ["event-1", "event-2", "event-3"]
    assert not any(receipt.is_conflict for receipt in receipts)
    inbox.close()


def test_another_body_under_a_known_identifier_goes_to_quarantine_and_the_first_stays(inbox):
    inbox.append([event(1, payload="first")])
    receipts = inbox.append([event(1, payload="second"), event(2, payload="a"), event(2, payload="b")])
    assert [(receipt.is_duplicate, receipt.is_conflict) for receipt in receipts] == [
        (False, True),
        (False, False),
        (False, True),
    ]
    assert inbox.pending("discovery", 10)["payload"].to_list() == ["first", "a"]
    quarantined = inbox.quarantined("discovery")
    assert sorted(quarantined["payload"]) == ["b", "second"]
    assert quarantined["reason"].str.contains("conflict: an event with the identifier 'event-").all()


def test_the_same_body_written_down_in_another_way_is_a_duplicate_and_no_conflict(inbox):
    def sent(payload, body):
        return replace(event(1, payload=payload), body_sha256=body)

    first, again, other = inbox.append([sent('{"a": 1}', "A"), sent('{"a":1}', "A"), sent('{"a":2}', "B")])
    assert [(one.is_duplicate, one.is_conflict) for one in (first, again, other)] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    assert inbox.append([sent('{ "a": 1 }', "A")])[0].is_duplicate, "also against what is stored"
    assert inbox.pending("discovery", 10)["payload"].to_list() == ['{"a": 1}']


def test_open_quarantine_items_are_counted_as_they_are_listed(inbox):
    def counts():
        return inbox.n_quarantined(), inbox.n_quarantined("discovery"), inbox.n_quarantined("trade")

    assert counts() == (0, 0, 0)
    inbox.append([event(1, payload="first"), event(1, payload="second")])
    inbox.append([event(1, payload="first", kind="trade"), event(1, payload="second", kind="trade")])
    assert counts() == (2, 1, 1)
    inbox.resolve_quarantine(inbox.quarantined("trade")["id"][0])
    assert counts() == (1, 1, 0) == (inbox.quarantined().height, inbox.quarantined("discovery").height, 0)


def test_identifiers_are_unique_within_a_kind(inbox):
    inbox.append([event(1), event(1, kind="trade")])
    assert inbox.counts() == {"discovery": KindCounts(1, 1), "trade": KindCounts(1, 1)}
    assert inbox.n_pending("trade") == 1
    assert inbox.n_pending() == 2


def test_a_batch_larger_than_any_limit_of_variables_is_accepted(inbox):
    events = [event(number) for number in range(3000)]
    assert not any(receipt.is_duplicate for receipt in inbox.append(events))
    assert all(receipt.is_duplicate for receipt in inbox.append(events))
    inbox.mark_drained(inbox.pending("discovery", 3000)["sequence"].to_list())
    assert inbox.counts() == {"discovery": KindCounts(3000, 0)}


def test_sequence_numbers_follow_the_order_of_acceptance_and_serve_as_cursor(inbox):
    assert inbox.last_sequence() == 0
    inbox.append([event(number) for number in (5, 3, 4)])
    first = inbox.last_sequence("discovery")
    inbox.append([event(1), event(5)])
    pending = inbox.pending("discovery", 10)
    assert pending["event_id"].to_list() == ["event-5", "event-3", "event-4", "event-1"]
    assert pending["sequence"].is_sorted()
    assert inbox.last_sequence() > first
    assert inbox.last_sequence("trade") == 0


def test_the_oldest_come_first_and_at_most_limit(inbox):
    inbox.append([event(number) for number in range(5)])
    assert inbox.pending("discovery", 2)["event_id"].to_list() == ["event-0", "event-1"]
    assert inbox.pending("nothing", 2).height == 0


def test_drained_events_are_gone_but_never_forgotten(url, inbox):
    inbox.append([event(1), event(2)])
    inbox.mark_drained(inbox.pending("discovery", 1)["sequence"].to_list())
    inbox = reopened(url, inbox)
    assert inbox.pending("discovery", 10)["event_id"].to_list() == ["event-2"]
    assert inbox.append([event(1)]) == [Receipt("event-1", is_duplicate=True, is_conflict=False)]
    (other,) = inbox.append([event(1, payload="other")])
    assert (other.is_duplicate, other.is_conflict) == (False, True)
    assert inbox.quarantine_item(other.quarantine_id).payload == "other"
    assert inbox.counts() == {"discovery": KindCounts(2, 1)}
    inbox.close()


@pytest.mark.parametrize("payload", ["", "\0", "žluť 🐎", "x" * 100_000])
def test_payloads_are_kept_verbatim(inbox, payload):
    inbox.append([event(1, payload=payload)])
    assert inbox.pending("discovery", 1)["payload"].to_list() == [payload]


def test_instants_of_any_zone_are_kept_exactly_in_utc(inbox):
    eastern = datetime(2024, 1, 1, 9, 30, 0, 123457, tzinfo=timezone(timedelta(hours=-5)))
    inbox.append([replace(event(1), received_at=eastern)])
    assert inbox.pending("discovery", 1)["received_at"].to_list() == [
        datetime(2024, 1, 1, 14, 30, 0, 123457, tzinfo=UTC)
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"received_at": datetime(2024, 1, 1)}, "received_at 2024-01-01T00:00:00 has no time zone"),  # noqa: DTZ001
        ({"event_id": "a\0b"}, "event_id is not text a database can hold"),
        ({"source": "\ud800"}, "source is not text a database can hold"),
        ({"event_id": ""}, "both need at least one character"),
        ({"payload": "\ud800"}, "the payload holds lone surrogates"),
    ],
)
def test_what_not_every_backend_can_store_is_refused_and_the_whole_batch_with_it(inbox, changes, message):
    with pytest.raises(InboxError, match=message):
        inbox.append([event(1), replace(event(2), **changes)])
    assert inbox.counts() == {}


@pytest.mark.parametrize("text", ["'; DROP TABLE events; --", "../../etc/passwd", "%", "${x}"])
def test_text_is_bound_never_spliced(inbox, text):
    inbox.append([replace(event(1), event_id=text, kind=text, source=text)])
    assert inbox.pending(text, 1).select("event_id", "source").row(0) == (text, text)
    assert inbox.n_pending(text) == 1


def test_nothing_is_a_batch_too(inbox):
    assert inbox.append([]) == []
    inbox.mark_drained([])
    assert inbox.quarantine([]) == []


# -- quarantine ---------------------------------------------------------------------------------------------------


def test_the_same_trouble_is_one_item(inbox):
    again = item(received_at=datetime(2025, 1, 1, tzinfo=UTC))
    identifiers = inbox.quarantine([item(), item("other"), again])
    assert identifiers == [item().id, item("other").id, item().id]
    listed = inbox.quarantined()
    assert sorted(listed["id"]) == sorted({item().id, item("other").id})
    assert listed.filter(pl.col("id") == item().id)["received_at"].to_list() == [item().received_at]
    assert inbox.quarantined("trade").height == 0


def test_an_item_is_found_by_the_beginning_of_its_identifier(inbox):
    inbox.quarantine([item()])
    assert inbox.quarantine_item(item().id[:6]) == item()
    for unknown in ("", "zz", "%", "_"):
        with pytest.raises(InboxError, match="no item has an identifier that begins with"):
            inbox.quarantine_item(unknown)


def test_an_ambiguous_beginning_is_refused(inbox):
    identifiers = inbox.quarantine([item(str(number)) for number in range(40)])
    shared = next(first[0] for first in identifiers if sum(other[0] == first[0] for other in identifiers) > 1)
    with pytest.raises(InboxError, match="several items have"):
        inbox.resolve_quarantine(shared)


def test_settled_items_are_kept_but_not_listed_until_they_come_back(inbox):
    inbox.quarantine([item()])
    assert inbox.resolve_quarantine(item().id[:8]) == item().id
    assert inbox.quarantined().height == 0
    assert inbox.quarantined(is_resolved=True).height == inbox.quarantined(is_resolved=None).height == 1
    assert inbox.quarantine_item(item().id).is_resolved
    inbox.quarantine([item()])
    assert inbox.quarantined().height == 1


@pytest.mark.parametrize("payload", ["\0", "\ud800", "\udcff raw byte", ""])
def test_nothing_is_too_broken_for_quarantine(inbox, payload):
    (identifier,) = inbox.quarantine([item(payload, payload=payload, source=payload)])
    assert inbox.quarantine_item(identifier).payload == payload
    assert inbox.quarantined()["id"].to_list() == [identifier]


# -- the database -------------------------------------------------------------------------------------------------


def test_threads_and_processes_share_an_inbox(url, inbox):
    script = (
        "import sys\n"
        "from amc_learning.warehouse.inbox import Inbox\n"
        "from amc_learning_tests.warehouse.samples import event\n"
        "inbox = Inbox(sys.argv[1])\n"
        "for number in range(0, 100, 10):\n"
        "    inbox.append([event(each) for each in range(number, number + 15)])\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, url], cwd=ROOT) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda number: inbox.append([event(number)])[0], range(200)))
    assert [process.wait() for process in processes] == [0, 0]
    assert inbox.n_pending() == 200
    assert inbox.quarantined().height == 0
    assert len(receipts) == 200


def test_a_forked_process_opens_a_connection_of_its_own(url, inbox):
    inbox.append([event(1)])
    if (child := os.fork()) == 0:
        os._exit(0 if inbox.append([event(2)]) and inbox.n_pending() == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert inbox.append([event(2)])[0].is_duplicate


def test_sqlite_flushes_every_commit_and_keeps_its_files_private(tmp_path):
    path = tmp_path / "inbox" / "events.sqlite"
    inbox = Inbox(f"sqlite:///{path}")
    inbox.append([event(1)])
    with inbox._database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "page_size", "busy_timeout", "mmap_size")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "page_size": 16384,
        "busy_timeout": 30000,
        "mmap_size": 0,
    }
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    inbox.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/x", "sqlite or postgresql, not 'mysql'"),
        ("sqlite://", "memory is not durable"),
        ("not a url", "not a database URL"),
    ],
)
def test_an_address_that_cannot_serve_is_refused_at_once(url, message):
    with pytest.raises(InboxError, match=message):
        Inbox(url)


def test_a_file_that_is_no_database_is_named_as_such(tmp_path):
    (tmp_path / "events.sqlite").write_bytes(b"something else" * 1000)
    with pytest.raises(StorageError, match="damaged or not ours"):
        Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}").counts()


def test_a_full_disk_acknowledges_nothing_and_heals(tmp_path):
    path = tmp_path / "events.sqlite"
    inbox = Inbox(f"sqlite:///{path}")
    inbox.append([event(1)])
    with inbox._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 12")
    with pytest.raises(StorageError, match="database or disk is full"):
        inbox.append([event(number, payload="x" * 20_000) for number in range(2, 40)])
    assert inbox.counts() == {"discovery": KindCounts(1, 1)}
    with inbox._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    inbox.append([event(number, payload="x" * 20_000) for number in range(2, 40)])
    assert inbox.n_pending() == 39
    inbox.close()
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    plain.close()


def test_a_program_refuses_a_database_that_a_newer_one_wrote_and_changes_nothing(inbox, url):
    import sqlalchemy as sa  # noqa: PLC0415

    version = sa.text("UPDATE inbox_schema_version SET version = :version")
    inbox.append([event(1)])
    with inbox.database.writing() as connection:
        connection.execute(version, {"version": 99})
    newer = Inbox(url)
    with pytest.raises(InboxError, match="has schema 99 and this program knows 1 at most"):
        newer.append([event(2)])
    newer.close()
    with inbox.database.writing() as connection:
        connection.execute(version, {"version": 1})
    assert inbox.n_pending() == 1


def test_an_inbox_of_before_versions_were_counted_is_brought_up_to_date_with_its_events(inbox, url):
    import sqlalchemy as sa  # noqa: PLC0415

    inbox.append([event(1)])
    with inbox.database.writing() as connection:
        connection.execute(sa.text("DROP TABLE inbox_schema_version"))
        connection.execute(sa.text("DROP INDEX events_received"))
    older = reopened(url, inbox)
    assert older.n_pending() == 1
    with older.database.reading() as connection:
        assert connection.execute(sa.text("SELECT version FROM inbox_schema_version")).scalar_one() == 1
        assert "events_received" in {index["name"] for index in sa.inspect(connection).get_indexes("events")}
    older.close()
