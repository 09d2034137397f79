import shutil
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.backup import BackupError, back_up, damage, read_backup, restore

from .samples import event

COMPONENTS = ("technical", "options")
NOON = datetime(2014, 12, 15, 17, 0, tzinfo=UTC)


@pytest.fixture
def warehouse(tmp_path):
    """Something in every place: events waiting and drained, tables, a document, a run of Dagster, a lock left over."""
    made = Warehouse.open(tmp_path / "data", COMPONENTS)
    made.inbox.append([event(number) for number in range(40)])
    made.publications.publish("weights", {"v": 1}, event(1).known_on, {})
    bars = made.table("price_bars").table.empty()
    made.table("price_bars").write(bars, [event(1).known_on])
    (made.dagster_home / "logs").mkdir()
    (made.dagster_home / "logs" / "run.out").write_text("a line")
    (made.data_dir / "tables" / ".cycle.lock").touch()
    yield made
    made.inbox.close()


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock") and path.suffix != ".sqlite"
        if not path.name.endswith(("-wal", "-shm"))
    }


def test_what_is_restored_is_what_was_there(warehouse, tmp_path):
    backup = back_up(warehouse, tmp_path / "backups", made_at=NOON)
    assert list(damage(backup)) == []
    restore(backup, tmp_path / "again")
    assert content(tmp_path / "again") == content(warehouse.data_dir)
    again = Warehouse.open(tmp_path / "again", COMPONENTS)
    assert again.inbox.n_pending() == warehouse.inbox.n_pending() == 40
    assert again.publications.current("weights") == warehouse.publications.current("weights")
    # a restored inbox still recognises what it has seen
    (receipt,) = again.inbox.append([event(0)])
    assert receipt.is_duplicate
    again.inbox.close()


def test_a_flipped_byte_in_any_file_is_found_and_named_and_nothing_is_restored(warehouse, tmp_path):
    backup = back_up(warehouse, tmp_path / "backups", made_at=NOON)
    assert len(backup.files) >= 6  # inbox, manifest, current, schema, history, log
    for file in backup.files:
        path = backup.folder / file.path
        whole = path.read_bytes()
        if not whole:
            continue
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        (found,) = damage(backup)
        assert found.startswith(f"{file.path} does not have the content that was copied")
        with pytest.raises(BackupError, match="nothing was restored"):
            restore(backup, tmp_path / "again")
        assert not (tmp_path / "again").exists()
        path.write_bytes(whole)
    assert list(damage(backup)) == []


def test_a_lost_file_and_a_strange_one_are_named(warehouse, tmp_path):
    backup = back_up(warehouse, tmp_path / "backups", made_at=NOON)
    (backup.folder / "published" / "weights.json").unlink()
    (backup.folder / "tables" / "notes.txt").write_text("mine")
    assert list(damage(backup)) == [
        "published/weights.json cannot be read (No such file or directory)",
        "tables/notes.txt is no part of the backup",
    ]


def test_a_changed_record_is_not_believed(warehouse, tmp_path):
    backup = back_up(warehouse, tmp_path / "backups", made_at=NOON)
    record = backup.folder / "backup.json"
    record.write_text(record.read_text().replace('"n_bytes": 6', '"n_bytes": 7'))
    with pytest.raises(BackupError, match="does not carry the hash of its own list"):
        read_backup(backup.folder)
    record.write_text("{")
    with pytest.raises(BackupError, match="is damaged; use another backup"):
        read_backup(backup.folder)
    record.unlink()
    with pytest.raises(BackupError, match="it is no backup, or one that was not finished"):
        read_backup(backup.folder)


def test_a_second_backup_takes_no_room_for_what_did_not_change(warehouse, tmp_path):
    first = back_up(warehouse, tmp_path / "backups", made_at=NOON)
    warehouse.publications.publish("weights", {"v": 2}, event(1).known_on + timedelta(days=1), {})
    second = back_up(warehouse, tmp_path / "backups", made_at=NOON + timedelta(hours=1))

    def inode(backup, name):
        return (backup.folder / name).stat().st_ino

    unchanged = "tables/price_bars/manifest.ndjson"
    assert inode(first, unchanged) == inode(second, unchanged)
    assert inode(first, "published/weights.json") != inode(second, "published/weights.json")
    # the earlier backup stays what it was, and either can go without the other
    assert list(damage(first)) == list(damage(second)) == []
    shutil.rmtree(first.folder)
    assert list(damage(second)) == []


def test_a_file_that_decayed_in_an_earlier_backup_is_copied_again(warehouse, tmp_path):
    first = back_up(warehouse, tmp_path / "backups", made_at=NOON)
    (first.folder / "dagster" / "logs" / "run.out").write_text("a lime")
    second = back_up(warehouse, tmp_path / "backups", made_at=NOON + timedelta(hours=1))
    assert (second.folder / "dagster" / "logs" / "run.out").read_text() == "a line"


def test_events_that_arrive_meanwhile_are_whole_or_absent(warehouse, tmp_path):
    stop = threading.Event()
    sent = []

    def send() -> None:
        while not stop.is_set():
            number = 100 + len(sent)
            warehouse.inbox.append([event(number)])
            sent.append(number)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        backups = [back_up(warehouse, tmp_path / "backups", made_at=NOON + timedelta(hours=hour)) for hour in range(5)]
    finally:
        stop.set()
        sender.join()
    for backup in backups:
        path = backup.folder / "inbox" / "events.sqlite"
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (n_events,) = connection.execute("SELECT count(*) FROM events").fetchone()
        connection.close()
        assert n_events >= 40
    assert len(sent) > 0


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from amc_learning.warehouse import Warehouse, backup
backup._record = lambda *_: os.kill(os.getpid(), 9)
backup.back_up(Warehouse.open(Path(sys.argv[1]), ("technical", "options")), Path(sys.argv[2]),
               made_at=datetime(2014, 12, 15, 17, tzinfo=UTC))
"""


def test_a_backup_that_was_killed_is_none_and_does_not_stand_in_the_way(warehouse, tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, warehouse.data_dir, tmp_path / "backups"], check=False)
    assert done.returncode == -9
    (left,) = (tmp_path / "backups").iterdir()
    with pytest.raises(BackupError, match="was not finished"):
        read_backup(left)
    backup = back_up(warehouse, tmp_path / "backups", made_at=NOON)
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [backup.folder.name]


def test_places_that_would_do_harm_are_refused(warehouse, tmp_path):
    with pytest.raises(BackupError, match="inside the data directory"):
        back_up(warehouse, warehouse.data_dir / "backups", made_at=NOON)
    backup = back_up(warehouse, tmp_path / "backups", made_at=NOON)
    with pytest.raises(BackupError, match="is there already"):
        back_up(warehouse, tmp_path / "backups", made_at=NOON)
    with pytest.raises(BackupError, match="is not empty"):
        restore(backup, warehouse.data_dir)
    assert (warehouse.data_dir / "published" / "weights.json").exists()
