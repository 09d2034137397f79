import hashlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from amc_learning.warehouse import Warehouse, compaction
from amc_learning.warehouse.backup import back_up, damage, read_backup, restore
from amc_learning.warehouse.compaction import TableFiles, compact, files_of
from amc_learning.warehouse.errors import CorruptPartition, TableError
from amc_learning.warehouse.leftovers import sweep
from amc_learning.warehouse.sql import connect, query
from amc_learning.warehouse.tables import PartitionedTable

from .samples import MEASUREMENTS, day, rows

ROOT = Path(__file__).resolve().parents[2]
JANUARY = range(31)
"""Numbers of the days of January 2024; February begins with 31."""
MARCH = date(2024, 3, 1)
TWO_MONTHS = [(number, symbol) for number in (0, 1, 4, 30, 31, 40) for symbol in ("A", "B")]
DAYS = [day(number) for number in (0, 1, 2, 4, 30, 31, 40)]
"""The third is without rows."""


@pytest.fixture
def table(tmp_path):
    table = PartitionedTable(tmp_path, MEASUREMENTS)
    table.write(rows(*TWO_MONTHS), DAYS)
    return table


def files(table):
    return sorted(path.relative_to(table.folder).as_posix() for path in table.folder.rglob("*.parquet"))


def stored_bytes(table):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in table.folder.rglob("*") if path.is_file()}


def flip_a_bit(path, position=100):
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 1
    path.write_bytes(content)


def pack_of(table, number=0):
    return table.path(table.entry(day(number)))


def stored(table):
    """What is stored, wherever it lies."""
    return [replace(entry, pack_sha256=None) for entry in table.entries()]


# -- only where rows lie changes ----------------------------------------------------------------------------------


def test_a_month_becomes_one_file_and_nothing_that_is_stored_changes(table):
    before, entries, fingerprint = table.read(None, None), table.entries(), table.fingerprint(None, None)
    done = compact(table, MARCH)
    assert (done.before.n_files, done.after.n_files, done.n_months) == (6, 2, 2)
    assert [name.split("/")[0] for name in files(table)] == ["known_in=2024-01", "known_in=2024-02"]
    assert_frame_equal(table.read(None, None), before)
    assert (stored(table), table.fingerprint(None, None), table.days()) == (entries, fingerprint, DAYS)
    assert table.damaged() == []
    assert sorted(path.name for path in table.folder.iterdir()) == [
        ".lock",
        "known_in=2024-01",
        "known_in=2024-02",
        "manifest.ndjson",
    ], "the folders of the days are gone"


@pytest.mark.parametrize(
    ("start", "end", "columns"),
    [(0, 0, None), (2, 2, None), (1, 4, ["score"]), (4, 31, ["symbol", "known_on"]), (30, 40, []), (41, 50, None)],
)
def test_every_range_and_choice_of_columns_reads_as_before(table, start, end, columns):
    before = table.read(day(start), day(end), columns)
    compact(table, MARCH)
    assert_frame_equal(table.read(day(start), day(end), columns), before)


def test_packing_again_changes_nothing_and_equal_tables_pack_to_equal_bytes(table, tmp_path):
    compact(table, MARCH)
    before = stored_bytes(table)
    assert compact(table, MARCH).n_months == 0
    assert table.write(rows(*TWO_MONTHS), DAYS).n_changed == 0, "an equal write finds the rows where they are"
    assert stored_bytes(table) == before
    other = PartitionedTable(tmp_path / "other", MEASUREMENTS)
    for number in (40, 31, 30, 4, 1, 0):
        other.write(rows((number, "B"), (number, "A")), [day(number)])
    compact(other, MARCH)
    assert [path.read_bytes() for path in sorted(other.folder.rglob("*.parquet"))] == [
        path.read_bytes() for path in sorted(table.folder.rglob("*.parquet"))
    ]


def test_a_day_written_again_leaves_the_file_of_its_month_and_the_next_time_returns(table):
    compact(table, MARCH)
    table.write(rows((1, "C"), score=7.0), [day(1)])
    table.write(rows(), [day(4)])
    table.merge(rows((2, "M"), (30, "M")))
    assert [name.split("/")[0] for name in files(table)] == [
        "known_in=2024-01",
        "known_in=2024-02",
        "known_on=2024-01-02",
        "known_on=2024-01-03",
        "known_on=2024-01-31",
    ]
    expected = [(0, "A"), (0, "B"), (1, "C"), (2, "M"), (30, "A"), (30, "B"), (30, "M"), (31, "A"), (31, "B")]
    expected = [(day(number), symbol) for number, symbol in [*expected, (40, "A"), (40, "B")]]
    assert table.read(None, None, ["known_on", "symbol"]).rows() == expected, "no row of before, and in order"
    old = pack_of(table)
    assert compact(table, MARCH).n_months == 1
    assert table.read(None, None, ["known_on", "symbol"]).rows() == expected
    assert len(files(table)) == 2
    assert not old.exists()


def test_the_last_day_that_leaves_the_file_of_a_month_takes_the_file_with_it(table):
    compact(table, MARCH)
    table.write(rows((31, "A"), score=9.0), [day(31), day(40)])
    assert [name.split("/")[0] for name in files(table)] == ["known_in=2024-01", "known_on=2024-02-01"]


operation = st.one_of(
    st.tuples(st.just("write"), st.lists(st.integers(0, 45), min_size=1, max_size=4), st.sampled_from(["A", "B"])),
    st.tuples(st.just("merge"), st.lists(st.integers(0, 45), min_size=1, max_size=4), st.sampled_from(["A", "C"])),
    st.tuples(st.just("empty"), st.lists(st.integers(0, 45), min_size=1, max_size=2), st.just("")),
    st.tuples(st.just("compact"), st.just([]), st.just("")),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(operation, max_size=12))
def test_a_table_that_is_packed_now_and_then_is_the_same_table(tmp_path_factory, operations):
    root = tmp_path_factory.mktemp("both")
    packed, plain = (PartitionedTable(root / name, MEASUREMENTS) for name in ("packed", "plain"))
    for turn, (verb, numbers, symbol) in enumerate(operations):
        if verb == "compact":
            compact(packed, MARCH)
            continue
        frame = rows() if verb == "empty" else rows(*[(number, symbol) for number in set(numbers)], score=float(turn))
        for table in (packed, plain):
            table.merge(frame) if verb == "merge" else table.write(frame, [day(number) for number in numbers])
    assert_frame_equal(packed.read(None, None), plain.read(None, None))
    assert stored(packed) == plain.entries()
    assert packed.fingerprint(day(3), day(40)) == plain.fingerprint(day(3), day(40))
    assert packed.damaged() == []
    assert sweep(packed) == []


# -- which months -------------------------------------------------------------------------------------------------


def test_the_month_of_the_day_and_later_ones_are_left(table):
    assert compact(table, date(2024, 2, 29)).n_months == 1
    assert [name.split("/")[0] for name in files(table)] == [
        "known_in=2024-01",
        "known_on=2024-02-01",
        "known_on=2024-02-10",
    ]


def test_a_dry_run_counts_and_touches_nothing(table):
    before = stored_bytes(table)
    done = compact(table, MARCH, is_dry=True)
    assert (done.before.n_files, done.after.n_files, done.n_months) == (6, 2, 2)
    assert stored_bytes(table) == before
    assert compact(table, MARCH).after == done.after


def test_a_month_of_large_files_is_left(table, monkeypatch):
    monkeypatch.setattr(compaction, "MOST_BYTES", sum(entry.n_bytes for entry in table.entries(day(0), day(30))) - 1)
    assert compact(table, MARCH).n_months == 1
    assert files(table)[0].startswith("known_in=2024-02")


def test_statistics_are_of_days_rows_bytes_and_files(table):
    n_bytes = sum(path.stat().st_size for path in table.folder.rglob("*.parquet"))
    assert files_of(table) == TableFiles("measurements", n_days=7, n_rows=12, n_bytes=n_bytes, n_files=6)


def test_a_month_is_packed_as_a_whole_or_not_at_all(table):
    table.pack([day(0), day(1), day(4)])
    with pytest.raises(TableError, match="as a whole"):
        table.pack([day(0), day(30)])
    table.pack([day(number) for number in JANUARY])
    assert len(files(table)) == 3
    before = stored_bytes(table)
    table.pack([])
    assert stored_bytes(table) == before


# -- damage -------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10**6))
def test_one_flipped_bit_in_the_file_of_a_month_is_noticed_and_mended_by_writing_again(table, position):
    compact(table, MARCH)
    flip_a_bit(pack_of(table), position)
    with pytest.raises(
        CorruptPartition,
        match=r"table measurements, knowledge days 2024-01-01 to 2024-01-31: .*--from 2024-01-01 --to 2024-01-31",
    ):
        table.read(None, None)
    assert table.read(day(31), None).height == 4, "other months are served"
    assert len(table.damaged()) == 1
    assert table.write(rows(*TWO_MONTHS), DAYS).n_changed == 4, "the days of that month that have rows"
    assert table.damaged() == []
    assert_frame_equal(table.read(None, None), rows(*TWO_MONTHS))


def test_a_month_with_a_damaged_file_is_not_packed_and_loses_nothing(table):
    flip_a_bit(table.path(table.entry(day(1))))
    before = stored_bytes(table)
    with pytest.raises(CorruptPartition, match="knowledge day 2024-01-02"):
        compact(table, MARCH)
    assert stored_bytes(table) == before


def test_a_missing_file_of_a_month_is_noticed_and_mended(table):
    compact(table, MARCH)
    pack_of(table).unlink()
    with pytest.raises(CorruptPartition, match=r"knowledge day 2024-01-05: .* is missing"):
        table.read(day(3), day(5))
    assert len(table.damaged()) == 1
    assert table.write(rows(*TWO_MONTHS), DAYS).n_changed == 4
    assert table.damaged() == []


def test_merging_with_repair_loses_the_day_keeps_a_copy_and_leaves_the_others_as_they_are(table):
    compact(table, MARCH)
    flip_a_bit(pack_of(table))
    with pytest.raises(CorruptPartition):
        table.merge(rows((0, "Z")))
    report = table.merge(rows((0, "Z")), repair=True)
    assert report.repaired == (day(0),)
    assert table.read(day(0), day(0))["symbol"].to_list() == ["Z"]
    (copy,) = pack_of(table).parent.glob("*.damaged")
    assert copy.read_bytes() == pack_of(table, 4).read_bytes()
    assert len(table.damaged()) == 1


def test_a_manifest_cannot_point_outside_its_folder(table):
    compact(table, MARCH)
    manifest = table.folder / "manifest.ndjson"
    sha256 = table.entry(day(0)).pack_sha256
    manifest.write_text(manifest.read_text().replace(sha256, "../../../../etc/passwd"))
    with pytest.raises(CorruptPartition, match="line 1"):
        table.read(None, None)


def test_a_row_count_the_manifest_does_not_vouch_for_is_noticed(table):
    compact(table, MARCH)
    manifest = table.folder / "manifest.ndjson"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join([lines[0].replace('"n_rows":2', '"n_rows":3'), *lines[1:]]))
    with pytest.raises(CorruptPartition, match=r"knowledge day 2024-01-01: .*holds 2 rows where the manifest says 3"):
        table.read(None, None)


def test_sweep_takes_the_file_of_a_month_that_no_manifest_names(table):
    compact(table, MARCH)
    orphan = pack_of(table).with_name("0123456789abcdef.parquet")
    orphan.write_bytes(b"half")
    assert sweep(table) == [orphan]
    assert table.damaged() == []


# -- many at once, and crashes ------------------------------------------------------------------------------------


def test_readers_and_a_writer_beside_packing_see_whole_versions_only(table):
    days = [day(number) for number in range(8)]

    def version(score):
        return rows(*[(number, "A") for number in range(8)], score=score)

    table.write(version(0.0), days)
    is_done = threading.Event()

    def write():
        for turn in range(1, 25):
            table.write(version(100.0 * turn), days)
        is_done.set()

    def pack():
        n_packed = 0
        while not is_done.is_set():
            n_packed += compact(table, MARCH).n_months
        return n_packed

    with ThreadPoolExecutor(2) as pool:
        writing, packing = pool.submit(write), pool.submit(pack)
        while not is_done.is_set():
            scores = table.read(day(0), day(7), ["score"])["score"].to_list()
            assert [score - scores[0] for score in scores] == list(range(8)), "a mixture of two versions"
        writing.result()
        assert packing.result() > 0
    assert sweep(table) == []


PACKING = """
import sys
from datetime import date
from pathlib import Path
from amc_learning.warehouse.compaction import compact
from amc_learning.warehouse.tables import PartitionedTable
from amc_learning_tests.warehouse.samples import MEASUREMENTS, day, rows

table = PartitionedTable(Path(sys.argv[1]), MEASUREMENTS)
days = [day(number) for number in range(40)]
for turn in range(10**6):
    table.write(rows(*[(number, "A") for number in range(40)], score=100.0 * turn), days)
    print(turn, flush=True)
    compact(table, date(2024, 3, 1))
"""


def test_one_who_packs_and_is_killed_leaves_every_row(tmp_path):
    for n_whole in (1, 2, 3, 4):
        table = PartitionedTable(tmp_path / str(n_whole), MEASUREMENTS)
        with subprocess.Popen(
            [sys.executable, "-c", PACKING, str(table.root)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as packing:
            for _ in range(n_whole):
                packing.stdout.readline()
            packing.kill()
        scores = table.read(None, None, ["score"])["score"].to_list()
        assert [score - scores[0] for score in scores] == list(range(40))
        sweep(table)
        assert len(files(table)) == files_of(table).n_files
        assert table.damaged() == []


FULL_DISK = """
import resource, signal, sys
from datetime import date
from pathlib import Path
from amc_learning.warehouse.compaction import compact
from amc_learning.warehouse.errors import StorageError
from amc_learning.warehouse.tables import PartitionedTable
from amc_learning_tests.warehouse.samples import MEASUREMENTS

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    compact(PartitionedTable(Path(sys.argv[1]), MEASUREMENTS), date(2024, 3, 1))
except StorageError as error:
    print(error)
"""


def test_packing_that_the_disk_refuses_leaves_the_partitions(table):
    before = stored_bytes(table)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(table.root)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "table measurements: File too large" in done.stdout
    assert {path: content for path, content in stored_bytes(table).items() if path in before} == before
    assert table.read(None, None).height == 12
    sweep(table)
    assert stored_bytes(table) == before


# -- SQL and copies -----------------------------------------------------------------------------------------------


@pytest.fixture
def warehouse(tmp_path):
    warehouse = Warehouse.open(tmp_path / "data", ("technical", "options"))
    closes = warehouse.table("index_closes")
    values = {
        pl.Date: date(2024, 1, 2),
        pl.Datetime: datetime(2024, 1, 2, tzinfo=UTC),
        pl.String: "SPY",
        pl.Float64: 1.0,
        pl.Int64: 1,
    }
    one = {column.name: values[column.dtype.base_type()] for column in closes.table.columns}
    for number in (0, 1, 2, 31):
        frame = pl.DataFrame([one | {"known_on": day(number)}], schema=closes.table.schema)
        closes.write(frame, [day(number)])
    return warehouse


def known_days(warehouse):
    with connect(warehouse) as connection:
        return [row[0] for row in query(connection, "select known_on from index_closes order by known_on").rows]


def test_sql_shows_every_row_once_wherever_it_lies(warehouse):
    closes = warehouse.table("index_closes")
    days = [day(number) for number in (0, 1, 2, 31)]
    compact(closes, date(2024, 2, 1))
    assert known_days(warehouse) == days
    closes.write(closes.read(day(1), day(1)).with_columns(pl.lit("QQQ").alias("series")), [day(1)])
    closes.write(closes.table.empty(), [day(2)])
    assert known_days(warehouse) == [day(0), day(1), day(31)]
    compact(closes, MARCH)
    assert known_days(warehouse) == [day(0), day(1), day(31)]


def test_a_backup_holds_the_files_of_months_and_a_flipped_byte_in_one_is_named(warehouse, tmp_path):
    closes = warehouse.table("index_closes")
    compact(closes, MARCH)
    made = back_up(warehouse, tmp_path / "copies", made_at=datetime(2024, 3, 1, tzinfo=UTC))
    restore(made, tmp_path / "restored")
    restored = Warehouse.open(tmp_path / "restored", ("technical", "options")).table("index_closes")
    assert_frame_equal(restored.read(None, None), closes.read(None, None))
    pack = made.folder / "tables" / "index_closes" / closes.path(closes.entry(day(0))).relative_to(closes.folder)
    flip_a_bit(pack)
    (sentence,) = damage(read_backup(made.folder))
    assert pack.relative_to(made.folder).as_posix() in sentence
    assert hashlib.sha256(closes.path(closes.entry(day(0))).read_bytes()).hexdigest()[:16] == pack.stem
