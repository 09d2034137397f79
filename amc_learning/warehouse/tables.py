"""A table on disk: one parquet file per knowledge day, or per past month, and a manifest that says which files count.

Belongs here: writing, merging, packing and reading partitions, whole or not at all. Not here: what a frame must look
like (frames), where its bytes lie and their verification (partitions), the bytes of the manifest (manifest), which days
are packed (compaction), what the rows mean (contracts, learning).
"""

import contextlib
import hashlib
import io
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path

import polars as pl

from amc_learning.contracts.tables import Table
from amc_learning.warehouse.errors import CorruptPartition, StorageError, TableError
from amc_learning.warehouse.files import in_threads
from amc_learning.warehouse.frames import DAY, by_day, checked, encoded, parquet_bytes, schema_fingerprint
from amc_learning.warehouse.manifest import (
    MANIFEST_NAME,
    LastManifest,
    Manifest,
    ManifestEntry,
    lines_fingerprint,
)
from amc_learning.warehouse.partitions import Partitions
from amc_learning.warehouse.remedies import old_rows
from amc_learning.warehouse.storage import LOCAL, Seen, Storage

LOCK_NAME = ".lock"

DAMAGED_SUFFIX = ".damaged"
"""Ends the name of a data file that was moved aside; nothing of ours reads or removes it."""

Partition = tuple[ManifestEntry, bytes | None]


@dataclass(frozen=True)
class WriteReport:
    """What a write did: days written, days among them whose bytes changed, rows they hold now.

    `repaired` are the days whose stored rows were damaged and are lost: only rows of this write are in them now.
    """

    n_days: int
    n_changed: int
    n_rows: int
    repaired: tuple[date, ...] = ()


@dataclass(frozen=True)
class PartitionedTable:
    """One declared table under `root`, partitioned by knowledge day.

    Layout: `<root>/<table>/known_on=YYYY-MM-DD/<sha256[:16]>.parquet` and `<root>/<table>/manifest.ndjson`; days that
    were packed share `known_in=YYYY-MM/<sha256[:16]>.parquet`. A write puts its files beside the old ones, then
    replaces the manifest, then removes what the manifest no longer names: a crash anywhere leaves the old partitions or
    the new ones. Equal rows give equal bytes, and a partition whose bytes would not change is not touched, wherever it
    lies. A lock makes writers take turns, across threads and processes; readers take none. Where the bytes lie, on this
    machine or on an object store, is the storage's business.
    """

    root: Path
    table: Table
    storage: Storage = LOCAL

    @property
    def folder(self) -> Path:
        """Where the table lies; does not exist before the first write."""
        return self.root / self.table.name

    def write(self, frame: pl.DataFrame, days: Sequence[date]) -> WriteReport:
        """Replace the partitions of all `days` by these rows; a day without rows is recorded as empty.

        Args:
            frame: rows of this table in any order; every `known_on` is one of `days`.
            days: the knowledge days to replace; none is no write at all.

        Raises:
            TableError: the frame does not fit the declaration; nothing was written.
            StorageError: the file system refused; the stored partitions are what they were.
        """
        for day in days:
            _check_day(day)
        rows = by_day(checked(self.table, frame, days))
        partitions = self._encode({day: rows.get(day, self.table.empty()) for day in sorted(set(days))})
        if not partitions:
            return WriteReport(0, 0, 0)
        with self._as_only_writer():
            return self._commit(partitions, self._seen())

    def merge(self, frame: pl.DataFrame, *, repair: bool = False) -> WriteReport:
        """Insert these rows, replacing stored rows of the same knowledge day and key; other rows stay.

        Args:
            frame: rows of this table in any order.
            repair: what to do about a damaged or missing partition to merge into. False: refuse. True, for rows that
                their sender can send again: move the damaged file aside to `<file>.damaged` and go on without its rows.

        Returns:
            What was written; `repaired` names the days that lost their stored rows.

        Raises:
            TableError, StorageError: as `write`.
            CorruptPartition: a partition to merge into is damaged and `repair` is False; nothing was written.
        """
        rows = checked(self.table, frame)
        days = list(by_day(rows))
        if not days:
            return WriteReport(0, 0, 0)
        with self._as_only_writer():
            seen = self._seen()
            manifest = self._parsed(seen)
            entries = [manifest[day] for day in days if day in manifest]
            damaged: list[ManifestEntry] = []
            try:
                stored = self._load(entries, None, is_locked=True)
            except CorruptPartition:
                if not repair:
                    raise
                damaged = [entry for entry in entries if self._is_damaged(entry)]
                stored = self._load([entry for entry in entries if entry not in damaged], None, is_locked=True)
            merged = pl.concat([stored, rows]).unique([DAY, *self.table.key], keep="last", maintain_order=True)
            partitions = self._encode(by_day(checked(self.table, merged)))
            self._set_aside(damaged)
            return replace(self._commit(partitions, seen), repaired=tuple(entry.known_on for entry in damaged))

    def pack(self, days: Sequence[date]) -> None:
        """Put the rows of these days into one file for each of their months. What is stored stays; where changes.

        A day that is written again afterwards gets a file of its own again.

        Args:
            days: knowledge days; of a month, all that lie in its file already must be among them.

        Raises:
            CorruptPartition: a partition is damaged; nothing was packed.
            TableError: days of a month are missing, or a partition was written under another declaration.
            StorageError: the file system refused; the stored partitions are what they were.
        """
        with self._as_only_writer():
            seen = self._seen()
            before = self._parsed(seen)
            try:
                packed = [entry for entries in self._months(before, days) for entry in self._packed(entries)]
                after = before.with_entries(packed)
                if after is not before:
                    self._replace_manifest(after, seen)
            except OSError as error:
                raise self._refused(error) from error
            self._keep_only([entry.known_on for entry in packed], after, before)

    def read(self, start: date | None, end: date | None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Rows of the knowledge days from `start` to `end`, both included, verified against the manifest.

        Args:
            start: first knowledge day; None for the first stored.
            end: last knowledge day; None for the last stored.
            columns: names to read, in this order; None for all as declared.

        Returns:
            Typed frame, sorted by (known_on, *key); without rows when nothing is stored in the range.

        Raises:
            CorruptPartition: a file is missing or not the one the manifest vouches for.
            TableError: an unknown column, or a partition written under another declaration of the table.
        """
        for name in columns or ():
            if name not in self.table.schema:
                known = ", ".join(self.table.column_names)
                raise TableError(f"table {self.table.name} has no column {name!r}; its columns are: {known}")
        try:
            return self._load(self._entries(start, end), columns)
        except FileNotFoundError:
            pass
        # a writer replaced the file after we read the manifest; behind its lock, what the manifest names is there
        with self.storage.locked(self.folder / LOCK_NAME, is_shared=True):
            return self._load(self._entries(start, end), columns, is_locked=True)

    def days(self) -> list[date]:
        """Knowledge days that were written, days without rows included, in order."""
        return list(self._manifest())

    def has(self, day: date) -> bool:
        """Whether this day was written, with or without rows."""
        return day in self._manifest()

    def entry(self, day: date) -> ManifestEntry | None:
        """What the manifest says about a day; None when it was never written."""
        return self._manifest().get(day)

    def entries(self, start: date | None = None, end: date | None = None) -> list[ManifestEntry]:
        """What the manifest says about the days from `start` to `end`, both included, in order."""
        return self._entries(start, end)

    def latest_on_or_before(self, day: date) -> date | None:
        """The last written knowledge day up to `day`; None when there is none."""
        return self._manifest().latest_on_or_before(day)

    def fingerprint(self, start: date | None, end: date | None) -> str:
        """sha256 over the manifest lines of a range: equal when, and only when, all its stored bytes are equal."""
        return lines_fingerprint(self._entries(start, end))

    def path(self, entry: ManifestEntry) -> Path | None:
        """The data file that holds the rows of an entry, alone or with others; None for a day without rows."""
        return self._partitions.path(entry)

    def damaged(self) -> list[str]:
        """One sentence per stored file that is missing or not what the manifest vouches for; empty is good."""
        if self._seen() is None:
            return []
        with self.storage.locked(self.folder / LOCK_NAME, is_shared=True):
            return self._partitions.damage(self._manifest().values())

    def outdated(self) -> list[date]:
        """Days whose stored rows were written under another declaration of the table; they cannot be read."""
        declared = schema_fingerprint(self.table)
        return [entry.known_on for entry in self._entries(None, None) if entry.file and entry.schema != declared]

    # -- writing ------------------------------------------------------------------------------------------------

    def _as_only_writer(self) -> contextlib.AbstractContextManager[None]:
        try:
            self.storage.make_folder(self.folder)
            return self.storage.locked(self.folder / LOCK_NAME)
        except OSError as error:
            raise self._refused(error) from error

    def _encode(self, rows: Mapping[date, pl.DataFrame]) -> dict[date, Partition]:
        partitions = in_threads(lambda day: encoded(self.table, day, rows[day]), rows, pl.thread_pool_size())
        return dict(zip(rows, partitions, strict=True))

    def _commit(self, partitions: Mapping[date, Partition], seen: Seen | None) -> WriteReport:
        """Store encoded partitions; the caller holds the lock, and saw this manifest when it computed them."""
        before = self._parsed(seen)
        damaged = self._damaged_packs(before, partitions)
        changed = [
            day for day, partition in partitions.items() if not self._is_stored(before.get(day), partition, damaged)
        ]
        after = before.with_entries(partitions[day][0] for day in changed)
        try:
            self._write_files([partitions[day] for day in changed])
            if after is not before:
                self._replace_manifest(after, seen)
        except OSError as error:
            self._keep_only(changed, before, {})
            raise self._refused(error) from error
        self._keep_only(changed, after, before)
        n_rows = sum(entry.n_rows for entry, _ in partitions.values())
        return WriteReport(len(partitions), len(changed), n_rows)

    def _replace_manifest(self, manifest: Manifest, seen: Seen | None) -> None:
        self.storage.replace(self.folder / MANIFEST_NAME, manifest.content, seen)
        self._last_manifest.wrote(manifest)

    def _months(self, before: Manifest, days: Iterable[date]) -> Iterator[list[ManifestEntry]]:
        """The entries with rows of these days by month; a file that is to be left behind half-read is refused."""
        wanted = set(days)
        filled = [entry for entry in before.between(None, None) if entry.file is not None]
        for _, of_month in groupby(filled, key=lambda entry: (entry.known_on.year, entry.known_on.month)):
            listed = list(of_month)
            entries = [entry for entry in listed if entry.known_on in wanted]
            if entries and any(entry.pack_sha256 for entry in listed if entry.known_on not in wanted):
                raise TableError(f"table {self.table.name}: a month is packed as a whole, or not at all")
            if entries:
                yield entries

    def _packed(self, entries: Sequence[ManifestEntry]) -> list[ManifestEntry]:
        """Write the file of a month; the entries that say so. The caller holds the lock."""
        rows = self._load(entries, None, is_locked=True).rechunk()
        content = parquet_bytes(rows)
        # the files of the days go afterwards: what replaces them is read once before
        if not pl.read_parquet(io.BytesIO(content)).equals(rows):
            raise StorageError(f"table {self.table.name}: parquet does not give back what was written; nothing packed")
        sha256 = hashlib.sha256(content).hexdigest()
        self.storage.write_data(self.folder, {self._partitions.pack_path(entries[0].known_on, sha256): content})
        return [replace(entry, pack_sha256=sha256) for entry in entries]

    def _damaged_packs(self, entries: Mapping[date, ManifestEntry], days: Iterable[date]) -> set[str]:
        """The hashes of the months' files that hold one of these days and are damaged or missing."""
        packed = {entry.pack_sha256: entry for day in days if (entry := entries.get(day)) and entry.pack_sha256}
        return {str(sha256) for sha256, entry in packed.items() if self._partitions.damage([entry])}

    def _is_stored(self, stored: ManifestEntry | None, partition: Partition, damaged_packs: set[str]) -> bool:
        """Whether the stored file really holds this partition: a damaged one is repaired by writing it again."""
        entry, content = partition
        if stored is None or replace(stored, pack_sha256=None) != entry:
            return False
        if stored.pack_sha256 is not None:
            return stored.pack_sha256 not in damaged_packs
        path = self.path(stored)
        if path is None:
            return True
        try:
            return self.storage.read(path) == content
        except FileNotFoundError:
            return False

    def _is_damaged(self, entry: ManifestEntry) -> bool:
        try:
            self._load([entry], None, is_locked=True)
        except CorruptPartition:
            return True
        return False

    def _set_aside(self, entries: Iterable[ManifestEntry]) -> None:
        """Keep damaged files under another name, so that somebody can still look at them."""
        for entry in entries:
            path = self.path(entry)
            if path is not None:
                try:
                    if entry.own_file is None:
                        self._copy_aside(path, entry)
                    else:
                        self.storage.set_aside(path, DAMAGED_SUFFIX)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise self._refused(error) from error

    def _copy_aside(self, pack: Path, entry: ManifestEntry) -> None:
        """A damaged file of a month stays in its place for as long as other days are said to be in it."""
        copy = self._partitions.day_folder(entry.known_on) / f"{pack.name}{DAMAGED_SUFFIX}"
        self.storage.write_data(self.folder, {copy: self.storage.read(pack)})

    def _write_files(self, partitions: Iterable[Partition]) -> None:
        contents = {
            path: content
            for entry, content in partitions
            if (path := self.path(entry)) is not None and content is not None
        }
        self.storage.write_data(self.folder, contents)

    def _keep_only(self, days: Sequence[date], manifest: Manifest, before: Mapping[date, ManifestEntry]) -> None:
        """Remove files of these days that the manifest does not name; what cannot be removed stays (leftovers)."""
        for day in days:
            kept = manifest[day].own_file if day in manifest else None
            replaced = before[day].own_file if day in before else None
            self.storage.keep_only(self._partitions.day_folder(day), kept, replaced, DAMAGED_SUFFIX)
        packs = {sha256: day for day in days if day in before and (sha256 := before[day].pack_sha256)}
        for sha256, day in packs.items():
            first, last = day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
            if all(entry.pack_sha256 != sha256 for entry in manifest.between(first, last)):
                with contextlib.suppress(OSError):
                    self.storage.remove(self._partitions.pack_path(day, sha256), with_folder=True)

    # -- reading ------------------------------------------------------------------------------------------------

    @cached_property
    def _partitions(self) -> Partitions:
        return Partitions(self.folder, self.table, self.storage)

    @cached_property
    def _last_manifest(self) -> LastManifest:
        return LastManifest(self.folder.name, self.storage.address(self.folder / MANIFEST_NAME))

    def _manifest(self) -> Manifest:
        return self._parsed(self._seen())

    def _seen(self) -> Seen | None:
        """The manifest as it is stored now; None before the first write."""
        return self.storage.look(self.folder / MANIFEST_NAME)

    def _parsed(self, seen: Seen | None) -> Manifest:
        return self._last_manifest.parsed(b"" if seen is None else seen.content)

    def _entries(self, start: date | None, end: date | None) -> list[ManifestEntry]:
        return self._manifest().between(start, end)

    def _load(
        self, entries: Sequence[ManifestEntry], columns: Sequence[str] | None, *, is_locked: bool = False
    ) -> pl.DataFrame:
        """Verified rows of these entries; `is_locked` as `Partitions.load`."""
        names = list(self.table.column_names if columns is None else columns)
        declared = schema_fingerprint(self.table)
        filled = [entry for entry in entries if entry.file is not None]
        for entry in filled:
            if entry.schema != declared:
                days = self.days()
                raise TableError(old_rows(self.table.name, entry.known_on, days[0], days[-1]))
        if not filled:
            return self.table.empty().select(names)
        return self._partitions.load(filled, names, is_locked=is_locked)

    def _refused(self, error: OSError) -> StorageError:
        return StorageError(
            f"table {self.table.name}: {error.strerror or error} ({error.filename or self.folder}); "
            f"the stored partitions are untouched. {self.storage.remedy}, then run the same command again"
        )


def _check_day(day: date) -> None:
    """Partition folders are named from dates and from nothing else."""
    if not isinstance(day, date) or isinstance(day, datetime):
        raise TableError(f"a knowledge day is a date, not {day!r}")
