"""What a crash leaves is found wherever it lies, and nothing else is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amc_learning.warehouse.leftovers import sweep, sweep_unfinished
from amc_learning.warehouse.publications import Publications
from amc_learning.warehouse.tables import PartitionedTable

from .samples import MEASUREMENTS, day, rows

ROOT = Path(__file__).resolve().parents[2]


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_of_a_table_goes_what_no_manifest_names(tmp_path):
    table = PartitionedTable(tmp_path, MEASUREMENTS)
    table.write(rows((0, "A"), (1, "N")), [day(0), day(1)])
    before = files(tmp_path)
    day_folder, orphan_day = table.path(table.entry(day(0))).parent, table.folder / "known_on=2030-01-01"
    orphan_day.mkdir()
    orphans = sorted(
        [
            day_folder / "0123456789abcdef.parquet",
            day_folder / ".x.parquet.1-1.tmp",
            table.folder / ".manifest.ndjson.1-1.tmp",
            orphan_day / "a.parquet",
        ]
    )
    for path in orphans:
        path.write_bytes(b"half")
    assert sweep(table, older_than_seconds=3600) == []
    assert sweep(table) == orphans
    assert files(tmp_path) == before
    assert not orphan_day.exists()


PUBLISHES_AND_DIES = """
import os, signal, sys
from datetime import date
from pathlib import Path
from amc_learning.warehouse.publications import Publications

def watch(event, arguments):
    if event == "os.rename":
        os.kill(os.getpid(), signal.SIGKILL)

publications = Publications(Path(sys.argv[1]))
publications.publish("weights", {"v": 1}, date(2024, 1, 1), {})
sys.addaudithook(watch)
publications.publish("weights", {"v": 2}, date(2024, 1, 2), {})
"""


@pytest.fixture
def publications(tmp_path):
    """One document, and what a program left that was killed just before the next came into force."""
    found = Publications(tmp_path / "published")
    died = subprocess.run([sys.executable, "-c", PUBLISHES_AND_DIES, str(found.root)], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    return found


def test_a_document_that_never_got_its_name_goes_once_it_is_old(publications, tmp_path):
    (tmp_path / "published" / "notes.tmp").write_text("a person's")
    [left] = [path for path in files(tmp_path) if path.name.startswith(".2024-01-02.json")]
    others = {path: content for path, content in files(tmp_path).items() if path != left}

    assert sweep_unfinished(tmp_path, older_than_seconds=3600) == [], "its writer may be at work"
    os.utime(left, (0, 0))
    assert sweep_unfinished(tmp_path, older_than_seconds=3600, is_dry=True) == [left]
    assert left.exists()
    assert sweep_unfinished(tmp_path, older_than_seconds=3600) == [left]
    assert files(tmp_path) == others
    assert publications.current("weights")["v"] == 1


def test_where_there_is_no_folder_nothing_was_left(tmp_path):
    assert sweep_unfinished(tmp_path / "missing") == []
