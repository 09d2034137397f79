"""What retention does not keep goes, what it keeps stays, and events, tables and documents are never touched."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest

from amc_learning.operator_settings import Retention
from amc_learning.settings import Settings
from amc_learning.stages.tidy import old_backups, remove_backups, tidy
from amc_learning.warehouse.backup import back_up, damage, read_backup
from amc_learning.warehouse.inbox import InboxEvent, QuarantineItem
from amc_learning.warehouse.requests import RequestKey, RequestSum, minute_of
from amc_learning_tests.acceptance.loop import open_warehouse
from amc_learning_tests.cli.calling import amc

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEPT = Retention(request_records_days=40, settled_quarantine_days=30, pages_days=30)


@pytest.fixture
def settings(tmp_path, clean_environment):
    return Settings(data_dir=tmp_path / "data", retention=KEPT)


@pytest.fixture
def warehouse(settings):
    warehouse = open_warehouse(settings)
    yield warehouse
    warehouse.inbox.close()


def filled(warehouse):
    """Of each kind one thing that is older than it is kept, and one that is not."""
    for days in (31, 29):
        at = NOW - timedelta(days=days)
        items = [
            QuarantineItem("thesis", "test", "body", reason, f"{reason} {days}", at) for reason in ("open", "settled")
        ]
        _, settled = warehouse.inbox.quarantine(items)
        warehouse.inbox.resolve_quarantine(settled)
        warehouse.publications.write_page("daily_report", at.date(), "page")
    for days in (41, 39):
        key = RequestKey(minute_of(NOW - timedelta(days=days)), "thesis", "accepted")
        warehouse.requests.add({key: RequestSum(1, 10)})
    event = InboxEvent("thesis", "e1", date(2020, 1, 2), NOW, NOW, "payload", "test", "{}")
    warehouse.inbox.append([event])


def left(warehouse):
    return (
        warehouse.inbox.n_quarantined(),
        warehouse.inbox.quarantined(is_resolved=True).height,
        len(list((warehouse.data_dir / "published" / "pages").rglob("*.html"))),
        sum(one.n_requests for one in warehouse.requests.sums(NOW - timedelta(days=400)).values()),
        warehouse.inbox.n_pending(),
    )


def test_what_is_older_goes_once_and_what_is_open_or_an_event_stays(warehouse, settings):
    filled(warehouse)
    counted = tidy(warehouse, settings, now=NOW, is_dry=True)
    assert [one.n_removed for one in counted] == [1, 1, 1, 0]
    assert left(warehouse) == (2, 2, 2, 2, 1)
    assert [one.n_removed for one in tidy(warehouse, settings, now=NOW)] == [1, 1, 1, 0]
    assert left(warehouse) == (2, 1, 1, 1, 1)
    assert [one.n_removed for one in tidy(warehouse, settings, now=NOW)] == [0, 0, 0, 0]


def test_what_is_kept_for_ever_stays(warehouse, settings):
    filled(warehouse)
    for_ever = settings.model_copy(update={"retention": Retention(settled_quarantine_days=None, pages_days=None)})
    assert [one.n_removed for one in tidy(warehouse, for_ever, now=NOW)] == [1, 0, 0, 0]


def test_what_a_crash_left_goes_a_day_later_and_each_file_is_counted_once(warehouse, settings):
    table = warehouse.table("index_closes")
    table.write(table.table.empty(), [date(2024, 1, 2)])
    days = [table.folder / f"known_on=2024-01-0{day}" for day in (2, 3)]
    unnamed, young = [folder / "0123456789abcdef.parquet" for folder in days]
    of_table = table.folder / ".manifest.ndjson.7-7.tmp"
    of_document = warehouse.data_dir / "published" / "history" / "weights" / ".2024-01-02.json.7-7.tmp"
    old = [unnamed, of_table, of_document]
    for path in (*old, young):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"cut short")
    for path in old:
        os.utime(path, (0, 0))
    assert tidy(warehouse, settings, now=NOW, is_dry=True)[-1].n_removed == 3
    assert all(path.exists() for path in old)
    assert tidy(warehouse, settings, now=NOW)[-1].n_removed == 3
    assert not any(path.exists() for path in old)
    assert young.exists()
    assert table.has(date(2024, 1, 2))


def test_of_backups_the_newest_stay_whole_and_what_is_no_backup_is_left_alone(warehouse, tmp_path):
    into = tmp_path / "backups"
    made = [back_up(warehouse, into, made_at=NOW + timedelta(hours=hour)) for hour in range(3)]
    (into / "notes").mkdir()
    (into / "readme.txt").write_text("mine")
    gone = old_backups(into, 1)
    assert [one.folder for one in gone] == [one.folder for one in made[:2]]
    remove_backups(gone)
    assert sorted(path.name for path in into.iterdir()) == sorted(["notes", "readme.txt", made[2].folder.name])
    assert list(damage(read_backup(made[2].folder))) == []
    assert old_backups(into, 1) == []


def test_the_commands_say_what_they_removed(settings, warehouse, tmp_path):
    assert "0 would be removed" in amc(settings.data_dir, "tidy", "--dry-run").said
    removed = {one["what"]: one["n_removed"] for one in amc(settings.data_dir, "tidy", "--json").json}
    assert removed == {
        "sums of requests": 0,
        "settled quarantine items": 0,
        "report pages": 0,
        "files a crash left": 0,
    }
    back_up(warehouse, tmp_path / "b", made_at=NOW - timedelta(days=9))
    answer = amc(settings.data_dir, "backup", tmp_path / "b", "--keep", "1", "--json")
    assert [name.split("/")[-1] for name in answer.json["removed"]] == ["2026-11-18T120000Z"]
