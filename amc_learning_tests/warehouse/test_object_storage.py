import hashlib
import signal
import subprocess
import sys
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from amc_learning.settings import Settings
from amc_learning.warehouse import CorruptPartition, PartitionedTable, StorageError, Warehouse, reopened
from amc_learning.warehouse.backup import BackupError, back_up, damage, restore
from amc_learning.warehouse.leftovers import sweep
from amc_learning.warehouse.mirror import Mirror, for_readers
from amc_learning.warehouse.object_storage import ObjectStorage
from amc_learning.warehouse.publications import Publications
from amc_learning.warehouse.sql import connect, query
from amc_learning.warehouse.storage import ChangedMeanwhile
from amc_learning_tests.service.postgres import postgres_server
from amc_learning_tests.service.running import WEIGHTS_PATH
from amc_learning_tests.service.serving import served

from .object_store import BUCKET, object_store, storage
from .samples import MEASUREMENTS, day, rows

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = ("technical", "options")
ABC = ((0, "A"), (0, "B"), (1, "C"), (3, "D"))


@pytest.fixture(scope="module", autouse=True)
def server():
    with object_store() as variables:
        yield variables


@pytest.fixture(scope="module")
def inbox_url():
    with postgres_server() as running:
        yield running.url


@pytest.fixture
def url():
    return f"s3://{BUCKET}/{uuid.uuid4()}"


@pytest.fixture
def table(tmp_path, url):
    return table_on(tmp_path / "here", url)


def table_on(root, url):
    return PartitionedTable(root / "tables", MEASUREMENTS, storage(root, url))


def objects(table):
    return {
        file.path.relative_to(table.folder).as_posix(): table.storage.read(file.path)
        for file in table.storage.files(table.folder)
    }


def put(table, entry, content):
    """Overwrite the object of an entry behind the warehouse's back."""
    path = table.path(entry)
    table.storage.replace(path, content, table.storage.look(path))


def test_objects_have_the_names_and_the_bytes_of_files(table, tmp_path):
    local = PartitionedTable(tmp_path / "local", MEASUREMENTS)
    days = [day(0), day(1), day(2), day(3)]
    assert table.write(rows(*ABC), days) == local.write(rows(*ABC), days)
    assert table.merge(rows((1, "E"), score=9.0)) == local.merge(rows((1, "E"), score=9.0))
    files = {
        path.relative_to(local.folder).as_posix(): path.read_bytes()
        for path in local.folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }
    assert objects(table) == files, "what was replaced is gone, and nothing else"
    assert table.read(None, None).equals(local.read(None, None))
    assert table.fingerprint(None, None) == local.fingerprint(None, None)


def test_another_machine_reads_what_was_written_and_an_equal_write_changes_nothing(table, tmp_path, url):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    elsewhere = table_on(tmp_path / "elsewhere", url)
    assert elsewhere.read(None, None).equals(table.read(None, None))
    assert elsewhere.write(rows(*ABC), [day(0), day(1), day(3)]).n_changed == 0
    elsewhere.merge(rows((1, "C"), score=7.0))
    assert table.read(day(1), day(1))["score"].to_list() == [8.0], "7 plus the number of the day"


def test_a_manifest_that_changed_since_it_was_read_is_not_replaced(table, tmp_path, url):
    """Two writers whose locks do not know of each other: the second is refused and what the first wrote stays."""
    table.write(rows((0, "A")), [day(0)])
    first = table_on(tmp_path / "first", url)

    class Overtaken(ObjectStorage):
        def replace(self, path, content, seen):
            first.merge(rows((0, "FIRST")))
            super().replace(path, content, seen)

    late = storage(tmp_path / "late", url)
    overtaken = Overtaken(late._store, url, tmp_path / "late", late._locks)
    second = PartitionedTable(tmp_path / "late" / "tables", MEASUREMENTS, overtaken)
    with pytest.raises(StorageError, match="another has replaced it since it was read here"):
        second.merge(rows((0, "SECOND")))
    assert table.read(None, None)["symbol"].to_list() == ["A", "FIRST"]
    assert table.damaged() == []
    # what the refused write had put there is found by a sweep, and only that
    assert len(sweep(table)) == 1
    assert table.damaged() == []


def test_one_that_never_was_is_not_replaced_either_and_an_answer_that_got_lost_is_no_conflict(table, tmp_path, url):
    path = table.folder / "manifest.ndjson"
    table.storage.replace(path, b"one", None)
    with pytest.raises(ChangedMeanwhile):
        table.storage.replace(path, b"two", None)
    table.storage.replace(path, b"one", None)
    assert table.storage.read(path) == b"one"


def test_a_flipped_object_is_named_refused_by_who_has_no_copy_and_repaired_by_writing_again(table, tmp_path, url):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    entry = table.entry(day(1))
    content = table.storage.read(table.path(entry))
    put(table, entry, content[:-1] + bytes([content[-1] ^ 1]))
    (sentence,) = table.damaged()
    assert f"{url}/tables/measurements/known_on=2024-01-02/{entry.file} does not have the content" in sentence
    elsewhere = table_on(tmp_path / "elsewhere", url)
    with pytest.raises(CorruptPartition, match="knowledge day 2024-01-02"):
        elsewhere.read(None, None)
    assert table.write(rows((1, "C")), [day(1)]).n_changed == 1
    assert (table.damaged(), elsewhere.read(None, None).height) == ([], 4)


def test_a_copy_that_decayed_is_fetched_again_and_copies_may_be_removed(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    expected = table.read(None, None)
    copies = sorted(table.folder.glob("known_on=*/*.parquet"))
    assert len(copies) == 3
    copies[0].write_bytes(b"decayed")
    copies[1].unlink()
    assert table.read(None, None).equals(expected)
    assert hashlib.sha256(copies[0].read_bytes()).hexdigest().startswith(copies[0].stem)


def test_a_missing_object_is_damage_and_a_merge_for_repair_goes_on_without_its_rows(table, tmp_path, url):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    table.storage.remove(table.path(table.entry(day(1))))
    assert "is missing" in table.damaged()[0]
    with pytest.raises(CorruptPartition, match=r"knowledge day 2024-01-02.*is missing"):
        table.merge(rows((1, "Z")))
    assert table.merge(rows((1, "Z")), repair=True).repaired == (day(1),)
    put(table, table.entry(day(3)), b"flipped")
    elsewhere = table_on(tmp_path / "elsewhere", url)
    assert elsewhere.merge(rows((3, "Z")), repair=True).repaired == (day(3),)
    assert [name for name in objects(table) if name.endswith(".damaged")]


KILLED = """
import sys
from pathlib import Path
from amc_learning.warehouse.tables import PartitionedTable
from amc_learning_tests.warehouse.object_store import storage
from amc_learning_tests.warehouse.samples import MEASUREMENTS, day, rows

root = Path(sys.argv[1])
table = PartitionedTable(root / "tables", MEASUREMENTS, storage(root, sys.argv[2]))
days = [day(number) for number in range(12)]
for turn in range(10**6):
    table.write(rows(*[(number, "A") for number in range(1, 12)], (0, "A"), score=100.0 * turn), days)
    print(turn, flush=True)
"""


def test_a_writer_killed_in_the_middle_leaves_the_old_or_the_new_partitions(table, tmp_path, url):
    for n_whole in (1, 2, 3):
        root = tmp_path / f"killed{n_whole}"
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(root), url], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as writer:
            for _ in range(n_whole):
                last = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            finished = [int(line) for line in writer.stdout.read().split()]
        last = max([last, *finished])
        scores = table.read(None, None, ["score"])["score"].to_list()
        version = scores[0] / 100.0
        assert [score - scores[0] for score in scores] == list(range(12)), "a mixture of two versions"
        assert version in {last, last + 1}, "of the last write that ended, or the one that was under way"
        assert table.damaged() == []
    sweep(table)
    assert len(objects(table)) == 13, "twelve days and the manifest"
    assert table.damaged() == []


# -- documents ----------------------------------------------------------------------------------------------------


@pytest.fixture
def publications(tmp_path, url):
    return Publications(tmp_path / "here" / "published", storage(tmp_path / "here", url))


def test_documents_are_published_kept_forward_and_withdrawn_as_in_a_folder(publications, tmp_path):
    for place in (publications, Publications(tmp_path / "local")):
        assert place.current("weights") is None
        reports = place.publish_many("weights", {day(0): {"v": 1}, day(1): {"v": 2}}, {})
        assert [(report.is_current, report.is_changed) for report in reports.values()] == [(False, True), (True, True)]
        assert not place.publish("weights", {"v": 2}, day(1), {}).is_changed
        assert not place.publish("weights", {"v": 0}, day(0), {}).is_current
        assert (place.history("weights"), place.current("weights")["v"]) == ([day(0), day(1)], 2)
        assert place.published_at("weights", day(1)).year >= 2024
        assert place.write_page("daily_report", day(1), "<p>").read_text() == "<p>"
        assert place.write_page("daily_report", day(1), "<b>").read_text() == "<b>", "the copy on this machine too"
        assert place.withdraw("weights", day(1))
        assert (place.current("weights")["v"], place.has("weights", day(1))) == (0, False)
        assert place.withdraw("weights", day(0))
        assert place.current("weights") is None


def test_a_mirror_follows_publications_and_withdrawals(publications, tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / ".lock").touch()
    mirror = Mirror(publications.storage, publications.root, folder)
    publications.publish("weights", {"v": 1}, day(0), {})
    mirror.refresh()
    seen = Publications(folder)
    assert (seen.current("weights"), seen.history("weights")) == (publications.current("weights"), [day(0)])
    publications.shadow.publish("weights", {"v": 2}, day(1), {})
    mirror.refresh()
    assert seen.shadow.current("weights")["v"] == 2
    publications.withdraw("weights", day(0))
    mirror.refresh()
    assert (seen.current("weights"), seen.history("weights")) == (None, [])
    # a history that is rewritten leaves the document in force as it is; it is seen at the next thorough look
    publications.shadow.publish("weights", {"v": 1}, day(0), {})
    mirror.refresh(is_thorough=True)
    assert seen.shadow.history("weights") == [day(0), day(1)]


# -- a whole warehouse --------------------------------------------------------------------------------------------


def warehouse_at(data_dir, inbox_url, url):
    return Warehouse.open(data_dir, COMPONENTS, inbox_url, warehouse_url=url)


@pytest.fixture
def warehouse(tmp_path, inbox_url, url):
    made = warehouse_at(tmp_path / "data", inbox_url, url)
    made.table("price_bars").write(made.table("price_bars").table.empty(), [day(0)])
    made.publications.publish("weights", {"v": 1}, day(0), {})
    reopened.add(made, "candidate_outcomes", {day(0): "bars came"})
    return made


def test_nothing_but_copies_and_private_things_lies_in_the_data_directory(warehouse):
    assert sorted(path.name for path in warehouse.data_dir.iterdir()) == ["dagster", "inbox", "published"]
    assert not any((warehouse.data_dir / "published").iterdir())


def test_reopened_days_are_known_to_every_machine(warehouse, tmp_path, inbox_url, url):
    other = warehouse_at(tmp_path / "other", inbox_url, url)
    assert reopened.open_days(other) == {day(0): "bars came"}
    reopened.close(other, "candidate_outcomes", [day(0)])
    assert reopened.open_days(warehouse) == {}


def measured(warehouse):
    """The warehouse with a table that holds rows of every type."""
    table = PartitionedTable(warehouse.tables_folder, MEASUREMENTS, warehouse.storage)
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    return replace(warehouse, tables={**warehouse.tables, "measurements": table})


def test_sql_fetches_the_tables_a_statement_names_and_the_others_say_so(warehouse):
    with_rows = measured(warehouse)
    statement = "select symbol from measurements order by all"
    with connect(with_rows, statement) as connection:
        assert query(connection, statement).rows == [("A",), ("B",), ("C",), ("D",)]
    with connect(with_rows, "select 1") as connection, pytest.raises(Exception, match="was not fetched"):
        query(connection, "select * from measurements")


def test_a_backup_of_an_object_store_is_restored_into_a_folder_and_onto_another_store(
    warehouse, tmp_path, inbox_url, url
):
    table = measured(warehouse).tables["measurements"]
    warehouse = replace(warehouse, tables={**warehouse.tables, "measurements": table})
    first = back_up(warehouse, tmp_path / "backups", made_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert list(damage(first)) == []
    names = {file.path for file in first.files}
    assert {"published/weights.json", "tables/reopened.json", "tables/measurements/manifest.ndjson"} <= names
    second = back_up(warehouse, tmp_path / "backups", made_at=datetime(2026, 1, 2, tzinfo=UTC))
    linked = f"tables/measurements/known_on=2024-01-02/{table.entry(day(1)).file}"
    assert (first.folder / linked).stat().st_ino == (second.folder / linked).stat().st_ino

    restore(first, tmp_path / "folder")
    local = Warehouse.open(tmp_path / "folder", COMPONENTS)
    assert PartitionedTable(local.tables_folder, MEASUREMENTS).read(None, None).equals(table.read(None, None))
    assert local.publications.current("weights") == warehouse.publications.current("weights")

    def elsewhere():
        return warehouse_at(tmp_path / "again", inbox_url, f"{url}-again")

    restore(first, tmp_path / "again", elsewhere)
    again = elsewhere()
    moved = PartitionedTable(again.tables_folder, MEASUREMENTS, again.storage)
    assert objects(moved) == objects(table)
    assert again.publications.current("weights") == warehouse.publications.current("weights")
    with pytest.raises(BackupError, match="is there already"):
        restore(first, tmp_path / "third", elsewhere)


def test_the_service_reads_copies_that_follow(warehouse):
    readers, mirror = for_readers(warehouse)
    mirror.start()
    try:
        assert readers.publications.current("weights") == warehouse.publications.current("weights")
        assert mirror.trouble is None
    finally:
        mirror.stop()
    local = Warehouse.open(warehouse.data_dir.with_name("plain"), COMPONENTS)
    assert for_readers(local) == (local, None)


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from amc_learning.warehouse import PartitionedTable, Warehouse
from amc_learning_tests.warehouse.samples import MEASUREMENTS, day, rows

warehouse = Warehouse.open(Path(sys.argv[1]), ("technical", "options"), sys.argv[2], warehouse_url=sys.argv[3])
table = PartitionedTable(warehouse.tables_folder, MEASUREMENTS, warehouse.storage)
writer = int(sys.argv[4])
for turn in range(10):
    table.merge(rows((0, "W%d-%d" % (writer, turn)), (writer, "X%d" % turn)))
"""


def test_machines_that_write_at_once_lose_nothing(tmp_path, inbox_url, url):
    commands = [[sys.executable, "-c", WRITER, str(tmp_path / f"machine{n}"), inbox_url, url, str(n)] for n in (1, 2)]
    processes = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    assert [process.wait() for process in processes] == [0, 0]
    table = table_on(tmp_path / "here", url)
    expected = [(day(0), f"W{writer}-{turn}") for writer in (1, 2) for turn in range(10)]
    expected += [(day(writer), f"X{turn}") for writer in (1, 2) for turn in range(10)]
    assert sorted(table.read(None, None).select("known_on", "symbol").rows()) == sorted(expected)
    assert sweep(table) == []


def test_the_service_answers_with_what_another_machine_publishes(warehouse, inbox_url, url, clean_environment):
    service = Settings(data_dir=warehouse.data_dir.with_name("service"), inbox_url=inbox_url, warehouse_url=url)
    document = warehouse.publications.current("weights")
    with served(service) as running, httpx.Client(base_url=running.url) as client:
        first = client.get(WEIGHTS_PATH)
        assert (first.status_code, first.json()["sha256"]) == (200, document["sha256"])
        newer = warehouse.publications.publish("weights", {"v": 2}, day(1), {})
        assert newer.is_current
        pause = threading.Event()
        for _ in range(300):  # the mirror looks once a second
            later = client.get(WEIGHTS_PATH, headers={"if-none-match": first.headers["etag"]})
            if later.status_code == 200:
                break
            pause.wait(0.1)
        assert later.json()["known_on"] == str(day(1))


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warehouse_url": "s3://bucket/x"}, "warehouse_url needs a PostgreSQL server.*AMC_LEARNING_INBOX_URL"),
        ({"turns": "database"}, "turns = database needs a PostgreSQL server.*AMC_LEARNING_INBOX_URL"),
        ({"inbox_url": "sqlite:////tmp/x.sqlite", "warehouse_url": "s3://bucket"}, "needs a PostgreSQL server"),
        (
            {"inbox_url": "postgresql+psycopg2://x@h/d", "warehouse_url": "s3://bucket", "turns": "files"},
            "leave AMC_LEARNING_TURNS out",
        ),
        (
            {"inbox_url": "postgresql+psycopg2://x@h/d", "warehouse_url": "gs://bucket"},
            "'gs://bucket' is not the address of a bucket: set it to s3://BUCKET/PREFIX",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused_by_name(tmp_path, settings, message):
    with pytest.raises(StorageError, match=message):
        Warehouse.open(tmp_path, COMPONENTS, **settings)


def test_a_missing_bucket_and_a_silent_server_are_errors_and_no_empty_warehouse(tmp_path, monkeypatch):
    with pytest.raises(OSError, match="there is no such bucket"):
        table_on(tmp_path / "a", "s3://nowhere/x").read(None, None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    silent = table_on(tmp_path / "b", "s3://nowhere/x")
    with pytest.raises(OSError, match="does not answer as it should"):
        silent.read(None, None)
