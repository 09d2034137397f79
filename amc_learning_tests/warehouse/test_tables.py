import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from amc_learning.contracts.tables import Column, Table
from amc_learning.warehouse.errors import CorruptPartition, StorageError, TableError
from amc_learning.warehouse.leftovers import sweep
from amc_learning.warehouse.remedies import old_rows, remedy
from amc_learning.warehouse.tables import PartitionedTable, WriteReport

from .samples import MEASUREMENTS, day, rows

NAN_INSIDE = pl.lit([1.0, float("nan"), None], dtype=pl.Array(pl.Float64, 3))
ABC = ((0, "A"), (0, "B"), (1, "N"), (3, "C"))


@pytest.fixture
def table(tmp_path):
    return PartitionedTable(tmp_path, MEASUREMENTS)


def stored_bytes(table):
    """Every file with its bytes and its time of change: what a write that changes nothing leaves alone."""
    return {
        str(path.relative_to(table.root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in table.folder.rglob("*")
        if path.is_file()
    }


def contents(table):
    return {name: content for name, (content, _) in stored_bytes(table).items()}


def data_files(table):
    return sorted(table.folder.glob("known_on=*/*.parquet"))


# -- what comes out is what went in -------------------------------------------------------------------------------


def test_every_type_comes_back_exactly(table):
    frame = rows(*ABC)
    assert table.write(frame, [day(0), day(1), day(3)]) == WriteReport(3, 3, 4)
    assert_frame_equal(table.read(None, None), frame)


def test_rows_come_back_sorted_by_day_and_key(table):
    table.write(rows((3, "C"), (0, "B"), (1, "N"), (0, "A")), [day(3), day(0), day(1)])
    assert table.read(None, None).select("known_on", "symbol").rows() == [(day(d), s) for d, s in ABC]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, "ABNC"),
        (0, 0, "AB"),
        (1, 3, "NC"),
        (1, None, "NC"),
        (None, 1, "ABN"),
        (2, 2, ""),
        (4, 9, ""),
        (3, 1, ""),
    ],
)
def test_ranges_include_both_ends(table, start, end, expected):
    table.write(rows(*ABC), [day(0), day(1), day(2), day(3)])
    bounds = [None if number is None else day(number) for number in (start, end)]
    assert "".join(table.read(*bounds)["symbol"]) == expected


def test_nothing_stored_reads_as_typed_frame_without_rows(table):
    assert_frame_equal(table.read(None, None), MEASUREMENTS.empty())
    assert table.read(None, None, ["score", "symbol"]).schema == {"score": pl.Float64, "symbol": pl.String}
    assert (table.days(), table.has(day(0)), table.entry(day(0))) == ([], False, None)
    assert not table.folder.exists()


def test_chosen_columns_come_in_the_order_asked_for(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    assert_frame_equal(table.read(None, day(1), ["score", "symbol"]), rows(*ABC[:3]).select("score", "symbol"))
    assert table.read(None, day(1), []).width == 0
    with pytest.raises(TableError, match="measurements has no column 'scorn'; its columns are: known_on, symbol"):
        table.read(None, None, ["scorn"])


def test_a_written_day_without_rows_is_known_and_empty(table):
    table.write(rows((0, "A")), [day(0), day(1)])
    assert table.days() == [day(0), day(1)]
    assert table.has(day(1))
    assert not table.has(day(2))
    assert (table.entry(day(1)).file, table.entry(day(1)).n_rows) == (None, 0)
    assert [table.latest_on_or_before(day(number)) for number in (-1, 0, 5)] == [None, day(0), day(1)]


def test_writing_replaces_whole_days_and_leaves_others(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    assert table.write(rows((0, "Z")), [day(0), day(1)]) == WriteReport(2, 2, 1)
    assert table.read(None, None)["symbol"].to_list() == ["Z", "C"]
    assert len(data_files(table)) == 2, "old files are removed after the commit"


def test_no_days_is_no_write(table):
    assert table.write(MEASUREMENTS.empty(), []) == WriteReport(0, 0, 0)
    assert not table.folder.exists()


# -- equal rows, equal bytes --------------------------------------------------------------------------------------


keys = st.lists(st.tuples(st.integers(0, 4), st.text("ABN", min_size=1, max_size=3)), max_size=25, unique=True)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys, st.randoms(use_true_random=False))
def test_bytes_do_not_depend_on_range_order_or_chunks(tmp_path_factory, keys, random):
    days = [day(number) for number in range(5)]
    at_once, one_by_one, shuffled, merged = (
        PartitionedTable(tmp_path_factory.mktemp("table"), MEASUREMENTS) for _ in range(4)
    )
    frame = rows(*sorted(keys))
    at_once.write(frame, days)
    for each in days:
        one_by_one.write(rows(*[key for key in keys if day(key[0]) == each]), [each])
    random.shuffle(keys)
    chunked = pl.concat([rows(), *(rows(key) for key in keys)], rechunk=False)
    shuffled.write(chunked.select(reversed(chunked.columns)), days[::-1])
    for key in keys:
        merged.merge(rows(key))
    assert contents(at_once) == contents(one_by_one) == contents(shuffled)
    assert_frame_equal(merged.read(None, None), at_once.read(None, None))
    assert {p.name for p in data_files(merged)} == {p.name for p in data_files(at_once)}


def test_writing_the_same_again_touches_no_file(table):
    table.write(rows(*ABC), [day(0), day(1), day(2), day(3)])
    before = stored_bytes(table)
    assert table.write(rows(*ABC), [day(0), day(1), day(2), day(3)]).n_changed == 0
    assert table.merge(rows(*ABC)).n_changed == 0
    assert table.write(rows((3, "C")), [day(3)]).n_changed == 0
    assert stored_bytes(table) == before


def test_fingerprint_changes_with_the_range_it_covers_and_nothing_else(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    before = table.fingerprint(day(0), day(1))
    table.write(rows((3, "D")), [day(3)])
    assert table.fingerprint(day(0), day(1)) == before
    table.write(rows((1, "N"), (1, "O")), [day(1)])
    assert table.fingerprint(day(0), day(1)) != before


# -- merging ------------------------------------------------------------------------------------------------------


def test_merge_inserts_replaces_and_keeps(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    report = table.merge(rows((0, "B"), (0, "C"), (2, "D"), score=50.0))
    assert report == WriteReport(2, 2, 4)
    expected = pl.concat(
        [
            rows((0, "A")),
            rows((0, "B"), (0, "C"), score=50.0),
            rows((1, "N")),
            rows((2, "D"), score=50.0),
            rows((3, "C")),
        ]
    )
    assert_frame_equal(table.read(None, None), expected)


def test_merging_nothing_is_no_write(table):
    assert table.merge(MEASUREMENTS.empty()) == WriteReport(0, 0, 0)


def test_merging_into_a_damaged_partition_is_refused(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    flip_a_bit(data_files(table)[0])
    with pytest.raises(CorruptPartition, match="does not have the content that was written"):
        table.merge(rows((0, "Z")))
    data_files(table)[0].unlink()
    with pytest.raises(CorruptPartition, match="is missing"):
        table.merge(rows((0, "Z")))
    assert len(data_files(table)) == 2


@pytest.mark.parametrize("is_there", [True, False])
def test_merging_with_repair_loses_only_the_damaged_rows_keeps_the_file_and_says_so(table, is_there):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    lost = data_files(table)[0]
    flip_a_bit(lost)
    damaged = lost.read_bytes()
    if not is_there:
        lost.unlink()
    report = table.merge(rows((0, "Z"), (1, "O")), repair=True)
    assert report == WriteReport(2, 2, 3, repaired=(day(0),))
    assert_frame_equal(table.read(None, None), rows((0, "Z"), (1, "N"), (1, "O"), (3, "C")))
    aside = lost.with_name(f"{lost.name}.damaged")
    assert aside.exists() == is_there
    table.write(rows((0, "Y")), [day(0)])
    sweep(table)
    assert not is_there or aside.read_bytes() == damaged
    assert table.damaged() == []


def test_merging_with_repair_into_sound_partitions_is_a_merge(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    assert table.merge(rows((0, "Z")), repair=True) == WriteReport(1, 1, 3)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("price_bars", "amc-learning ingest bars FILE"),
        ("index_closes", "amc-learning ingest index FILE"),
        ("discovery_events", "Restore it from a copy of the data directory"),
        ("operator_actions", "Restore it from a copy of the data directory"),
        ("weight_decisions", "backfill --from 2024-01-01 --to LAST_DAY_DECIDED"),
        ("daily_statistics", "backfill --from 2024-01-01 --to 2024-01-01"),
    ],
)
def test_damage_is_reported_with_a_remedy_that_works_for_its_table(tmp_path, name, remedy):
    table = PartitionedTable(tmp_path, replace(MEASUREMENTS, name=name))
    table.write(rows((0, "A")), [day(0)])
    flip_a_bit(data_files(table)[0])
    with pytest.raises(CorruptPartition, match=remedy):
        table.read(None, None)
    assert remedy in table.damaged()[0]
    (table.folder / "manifest.ndjson").write_text("nonsense\n")
    with pytest.raises(CorruptPartition, match=r"Restore it from a copy|ingest|amc-learning backfill"):
        table.days()


# -- what does not fit is not written -----------------------------------------------------------------------------


def with_value(column, value):
    return rows((0, "A"), (0, "B")).with_columns(
        pl.when(pl.col("symbol") == "B").then(value).otherwise(pl.col(column)).alias(column)
    )


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (rows((0, "A")).drop("score"), "table measurements: column 'score' is missing"),
        (rows((0, "A")).with_columns(extra=1), "table measurements: column 'extra' is not declared"),
        (
            rows((0, "A")).cast({"n_pairs": pl.Int32}),
            "n_pairs: holds Int32 where Int64 is declared; for example known_on=2024-01-01, symbol=A",
        ),
        (with_value("n_pairs", None), "n_pairs: 1 rows are null in a column that has no nulls; for example .*symbol=B"),
        (with_value("symbol", None), "column symbol: 1 rows are null"),
        (with_value("known_on", None), "column known_on: 1 rows are null"),
        (
            with_value("score", float("nan")),
            "score: 1 rows hold NaN; what is unknown is null; for example .*symbol=B, score=nan",
        ),
        (with_value("covariances", NAN_INSIDE), "column covariances: 1 rows hold NaN"),
        (
            rows((0, "A"), (0, "B"), (0, "A")),
            "known_on, symbol: 1 rows repeat the key of another row; for example .*symbol=A",
        ),
        (
            rows((0, "A"), (7, "B")),
            "known_on: 1 rows lie outside the days to be written; for example known_on=2024-01-08",
        ),
    ],
)
def test_a_frame_that_does_not_fit_names_table_column_and_row_and_writes_nothing(table, frame, message):
    table.write(rows((0, "A")), [day(0)])
    before = stored_bytes(table)
    with pytest.raises(TableError, match=message):
        table.write(frame, [day(0), day(1)])
    assert stored_bytes(table) == before


@pytest.mark.parametrize("wrong", [datetime(2024, 1, 1), "2024-01-01", "../../etc"])  # noqa: DTZ001
def test_partition_folders_are_named_from_dates_only(table, wrong):
    with pytest.raises(TableError, match="a knowledge day is a date"):
        table.write(MEASUREMENTS.empty(), [wrong])
    assert list(table.root.iterdir()) == []


def test_partitions_of_another_declaration_are_not_mixed_in(table):
    table.write(rows((0, "A")), [day(0)])
    other = Table(
        "measurements", "measure", "Other.", ("symbol",), (*MEASUREMENTS.columns, Column("new", pl.Int64, "New."))
    )
    table.write(rows((2, "A")), [day(2)])
    with pytest.raises(TableError, match=r"declared differently .* backfill --from 2024-01-01 --to 2024-01-03"):
        PartitionedTable(table.root, other).read(None, None)
    assert PartitionedTable(table.root, other).outdated() == [day(0), day(2)]
    assert table.outdated() == []


# -- damage is noticed, and mended by writing again ---------------------------------------------------------------


def flip_a_bit(path, position=None):
    content = bytearray(path.read_bytes())
    content[len(content) // 3 if position is None else position] ^= 1
    path.write_bytes(content)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10**6))
def test_one_flipped_bit_anywhere_is_noticed_and_mended(table, position):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    sound = contents(table)
    path = data_files(table)[0]
    flip_a_bit(path, position % path.stat().st_size)
    with pytest.raises(
        CorruptPartition, match=r"table measurements, knowledge day 2024-01-01: .*backfill --from 2024-01-01"
    ):
        table.read(None, None)
    assert table.read(day(1), None).height == 2, "other days are served"
    assert len(table.damaged()) == 1
    assert table.write(rows(*ABC), [day(0), day(1), day(3)]).n_changed == 1
    assert contents(table) == sound
    assert table.damaged() == []


def test_a_missing_file_is_noticed_and_mended(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    data_files(table)[1].unlink()
    with pytest.raises(CorruptPartition, match=r"knowledge day 2024-01-02: .* is missing"):
        table.read(None, None)
    assert len(table.damaged()) == 1
    assert table.write(rows(ABC[2]), [day(1)]).n_changed == 1
    assert table.read(None, None).height == 4


def test_a_row_count_the_manifest_does_not_vouch_for_is_noticed(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    manifest = table.folder / "manifest.ndjson"
    manifest.write_bytes(manifest.read_bytes().replace(b'"n_rows":2', b'"n_rows":3'))
    with pytest.raises(CorruptPartition, match=r"knowledge day 2024-01-01: .*holds 2 rows where the manifest says 3"):
        table.read(None, None)


@pytest.mark.parametrize("damage", [b"{", b'{"known_on":"2024-01-02"}', b"\xff", b"[]", b'"x"'])
def test_a_damaged_manifest_is_named_with_its_line(table, damage):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    manifest = table.folder / "manifest.ndjson"
    lines = manifest.read_bytes().splitlines()
    manifest.write_bytes(b"\n".join([lines[0], damage, lines[2]]))
    with pytest.raises(CorruptPartition, match=r"table measurements: line 2 of .*manifest.ndjson is damaged"):
        table.read(None, None)


def test_a_manifest_cannot_point_outside_its_folder(table):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    manifest = table.folder / "manifest.ndjson"
    name = table.entry(day(0)).file.encode()
    manifest.write_bytes(manifest.read_bytes().replace(name, b"../../../etc/passwd"))
    with pytest.raises(CorruptPartition, match="line 1"):
        table.read(None, None)


def test_writing_a_day_again_clears_its_leftovers(table):
    table.write(rows((0, "A")), [day(0)])
    leftover = data_files(table)[0].parent / "0123456789abcdef.parquet"
    leftover.write_bytes(b"half")
    table.write(rows((0, "B")), [day(0)])
    assert not leftover.exists()


# -- permissions, full disks --------------------------------------------------------------------------------------


def test_files_and_folders_are_private_to_the_owner_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        table = PartitionedTable(tmp_path / "deep" / "tables", MEASUREMENTS)
        table.write(rows(*ABC), [day(0), day(1), day(3)])
    finally:
        os.umask(before)
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in (tmp_path / "deep").rglob("*")}
    assert modes == {(True, 0o700), (False, 0o600)}


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from amc_learning.warehouse.errors import StorageError
from amc_learning.warehouse.tables import PartitionedTable
from amc_learning_tests.warehouse.samples import MEASUREMENTS, day, rows

table = PartitionedTable(Path(sys.argv[1]), MEASUREMENTS)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    table.write(rows(*[(number, "Z%d" % number) for number in range(30)]), [day(number) for number in range(30)])
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [100, 3500], ids=["data file does not fit", "manifest does not fit"])
def test_a_write_the_disk_refuses_leaves_the_old_partitions(table, limit):
    table.write(rows(*ABC), [day(0), day(1), day(3)])
    before = stored_bytes(table)
    script = [sys.executable, "-c", FULL_DISK, str(table.root), str(limit)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(script, capture_output=True, text=True, check=True, cwd=root)
    assert "table measurements: File too large" in done.stdout
    assert (limit < 1000) == any(path.stat().st_size > limit for path in data_files(table)), (
        "the limit hits the wrong file"
    )
    assert "the stored partitions are untouched" in done.stdout
    assert stored_bytes(table) == before


# -- many at once -------------------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from amc_learning.warehouse.tables import PartitionedTable
from amc_learning_tests.warehouse.samples import MEASUREMENTS, day, rows

table = PartitionedTable(Path(sys.argv[1]), MEASUREMENTS)
writer = int(sys.argv[2])
for turn in range(12):
    table.merge(rows((0, "W%d-%d" % (writer, turn)), (writer, "X%d" % turn)))
"""


def test_processes_and_threads_that_write_at_once_lose_nothing(table):
    root = Path(__file__).resolve().parents[2]
    processes = [subprocess.Popen([sys.executable, "-c", WRITER, str(table.root), str(n)], cwd=root) for n in (1, 2)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda turn: table.merge(rows((0, f"T{turn}"))), range(12)))
    assert [process.wait() for process in processes] == [0, 0]
    stored = table.read(None, None)
    expected = [(day(0), f"T{turn}") for turn in range(12)]
    for writer in (1, 2):
        expected += [(day(0), f"W{writer}-{turn}") for turn in range(12)] + [
            (day(writer), f"X{turn}") for turn in range(12)
        ]
    assert sorted(stored.select("known_on", "symbol").rows()) == sorted(expected)
    assert sweep(table) == []


def test_a_reader_beside_a_writer_sees_whole_versions_only(table):
    days = [day(number) for number in range(8)]

    def version(score):
        return rows(*[(number, "A") for number in range(1, 8)], (0, "A"), score=score)

    table.write(version(0.0), days)
    is_done = threading.Event()

    def write():
        for turn in range(1, 40):
            table.write(version(100.0 * turn), days)
        is_done.set()

    seen = set()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not is_done.is_set():
            scores = table.read(None, None, ["score"])["score"].to_list()
            assert [score - scores[0] for score in scores] == list(range(8)), "a mixture of two versions"
            seen.add(scores[0])
        writing.result()
    assert len(seen) > 1


# -- many days, and words -----------------------------------------------------------------------------------------


def test_seven_years_of_days_are_written_and_read(tmp_path):
    days = [date(2008, 1, 1) + timedelta(days=number) for number in range(1751)]
    table = PartitionedTable(tmp_path, MEASUREMENTS)
    one = rows(*[(0, f"S{number}") for number in range(50)])
    frame = pl.concat([one.with_columns(pl.lit(each).alias("known_on")) for each in days])
    table.write(frame, days)
    assert_frame_equal(table.read(None, None), frame, check_row_order=False)


def test_a_refused_folder_is_a_storage_error(tmp_path):
    (tmp_path / "measurements").write_text("in the way")
    with pytest.raises(StorageError, match="table measurements"):
        PartitionedTable(tmp_path, MEASUREMENTS).write(rows((0, "A")), [day(0)])


def test_a_table_of_the_week_is_made_anew_by_the_week():
    friday = date(2014, 12, 12)
    assert remedy("exit_advice", friday, friday).endswith(f"amc-learning run weekly --week {friday}")
    assert f"amc-learning run weekly --from {friday} --to {friday}" in old_rows("exit_advice", friday, friday, friday)
    assert f"amc-learning backfill --from {friday} --to {friday}" in old_rows("corrections", friday, friday, friday)
