"""Past months in one file each, in the middle of the loop: what is learned does not change by a byte."""

import shutil
from dataclasses import replace
from datetime import date

import pytest

from amc_learning.automation.tidy import TIDY
from amc_learning.definitions import build_defs
from amc_learning.stages.compact import compact_tables
from amc_learning.warehouse.compaction import files_of
from amc_learning.warehouse.remedies import is_only_source
from amc_learning_tests.acceptance.loop import DAYS, backfilled, kept, open_warehouse, settings_for, stamps
from amc_learning_tests.cli.calling import amc

LATER = date(2030, 1, 1)


def stored(warehouse):
    """What is stored, wherever it lies."""
    return {
        name: [replace(entry, pack_sha256=None) for entry in table.entries()]
        for name, table in warehouse.tables.items()
    }


def n_files(settings):
    return sum(1 for _ in (settings.data_dir / "tables").rglob("*.parquet"))


def test_packing_between_nights_changes_no_row_and_no_document(finished, ingested_base, tmp_path):
    loaded = settings_for(shutil.copytree(ingested_base, tmp_path / "packed"))
    expected, published = stored(open_warehouse(finished)), kept(finished)["published"]
    for first, last in ((0, 25), (25, 45), (45, len(DAYS))):
        warehouse = backfilled(loaded, DAYS[first:last])
        assert sum(done.n_months for done in compact_tables(warehouse, LATER)) > 0
    assert stored(warehouse) == expected
    assert kept(loaded)["published"] == published
    before = stamps(loaded.data_dir / "tables"), stamps(loaded.data_dir / "published")
    backfilled(loaded)
    assert (stamps(loaded.data_dir / "tables"), stamps(loaded.data_dir / "published")) == before


def test_what_nothing_else_holds_stays_a_file_a_day(finished):
    warehouse = open_warehouse(finished)
    before = n_files(finished)
    counted = compact_tables(warehouse, LATER, is_dry=True)
    done = compact_tables(warehouse, LATER)
    assert [one.after for one in done] == [one.after for one in counted]
    assert {one.before.table for one in done}.isdisjoint({"discovery_events", "thesis_events", "trade_events"})
    assert before - n_files(finished) == sum(one.before.n_files - one.after.n_files for one in done)
    for name, table in warehouse.tables.items():
        is_packed = any(entry.pack_sha256 for entry in table.entries())
        assert not (is_packed and is_only_source(name)), name
    assert n_files(finished) < before / 3


def test_the_job_that_tidies_packs_the_months_that_are_over(finished):
    warehouse = open_warehouse(finished)
    before, n_before = stored(warehouse), n_files(finished)
    assert build_defs(settings=finished).resolve_job_def(TIDY).execute_in_process().success
    assert n_files(finished) < n_before / 3
    assert stored(warehouse) == before


@pytest.mark.parametrize(("before", "n_months"), [("2024-02-29", 1), ("today", 4)])
def test_the_command_counts_packs_and_says_so(finished, before, n_months):
    counted = amc(finished.data_dir, "compact", "--before", before, "--dry-run", "--json")
    rows = {one["before"]["table"]: one for one in counted.json["tables"]}
    assert rows["daily_statistics"]["n_months"] == n_months
    assert n_files(finished) == counted.json["n_files_before"] + n_of_only_sources(finished)
    said = amc(finished.data_dir, "compact", "--before", before)
    assert said.code == 0
    assert " files are " in said.all
    assert "raw events and orders stay a file a day" in said.all
    again = amc(finished.data_dir, "compact", "--before", before, "--json")
    assert sum(one["n_months"] for one in again.json["tables"]) == 0


def n_of_only_sources(settings):
    tables = open_warehouse(settings).tables
    return sum(files_of(table).n_files for name, table in tables.items() if is_only_source(name))
