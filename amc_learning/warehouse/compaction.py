"""Many small files made few: the days of a past month in one file, and what a table takes on disk.

Belongs here: which days are put together, and counting files. Not here: how it is done without losing any (tables).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from amc_learning.warehouse.manifest import ManifestEntry
from amc_learning.warehouse.tables import PartitionedTable

MOST_BYTES = 32 * 2**20
"""Bytes of a month's days above which its files are not small: reading one day of it would cost a whole month."""


@dataclass(frozen=True)
class TableFiles:
    """What a table takes: days written, rows, bytes of their parquet, and the files they lie in."""

    table: str
    n_days: int
    n_rows: int
    n_bytes: int
    n_files: int


@dataclass(frozen=True)
class Compaction:
    """What one table was, and is in the end; `n_months` were put into a file each."""

    before: TableFiles
    after: TableFiles
    n_months: int


def files_of(table: PartitionedTable, entries: Iterable[ManifestEntry] | None = None) -> TableFiles:
    """The statistics of a table from its manifest; no file is opened."""
    listed = list(table.entries() if entries is None else entries)
    return TableFiles(
        table=table.table.name,
        n_days=len(listed),
        n_rows=sum(entry.n_rows for entry in listed),
        n_bytes=sum(entry.n_bytes for entry in listed),
        n_files=len({path for entry in listed if (path := table.path(entry)) is not None}),
    )


def compact(table: PartitionedTable, before: date, *, is_dry: bool = False) -> Compaction:
    """Put the days of every month that ended before a day into one file each. A month that is so already is left.

    Rows, their hashes and the table's fingerprint stay; readers and writers go on meanwhile, and a crash leaves a month
    as it was or packed.

    Args:
        table: any.
        before: the first day whose month is left alone.
        is_dry: only count what would be.

    Raises:
        CorruptPartition, TableError, StorageError: as `PartitionedTable.pack`; nothing was packed.
    """
    counted = files_of(table)
    months = list(_months_to_pack(table, before))
    if is_dry:
        n_files = counted.n_files - sum(n_files - 1 for _, n_files in months)
        after = TableFiles(counted.table, counted.n_days, counted.n_rows, counted.n_bytes, n_files)
        return Compaction(counted, after, len(months))
    table.pack([day for days, _ in months for day in days])
    return Compaction(counted, files_of(table), len(months))


def _months_to_pack(table: PartitionedTable, before: date) -> Iterator[tuple[list[date], int]]:
    """Days with rows of the months that lie in more than one small file, and the number of their files."""
    filled = [entry for entry in table.entries() if entry.file is not None]
    for month, of_month in groupby(filled, key=lambda entry: (entry.known_on.year, entry.known_on.month)):
        entries = list(of_month)
        n_files = len({table.path(entry) for entry in entries})
        is_small = sum(entry.n_bytes for entry in entries) <= MOST_BYTES
        if month < (before.year, before.month) and n_files > 1 and is_small:
            yield [entry.known_on for entry in entries], n_files
