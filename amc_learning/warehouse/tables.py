"""A table on disk: one parquet file per knowledge day, and a manifest that says which files count.

Belongs here: writing, merging and reading partitions, whole or not at all. Not here: what a frame must look like
(frames), the bytes of the manifest (manifest), what the rows mean (contracts, learning).
"""

import contextlib
import hashlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from amc_learning.contracts.tables import Table
from amc_learning.warehouse.errors import CorruptPartition, StorageError, TableError
from amc_learning.warehouse.files import in_threads
from amc_learning.warehouse.frames import DAY, by_day, checked, encoded, schema_fingerprint
from amc_learning.warehouse.manifest import (
    MANIFEST_NAME,
    ManifestEntry,
    lines_fingerprint,
    manifest_bytes,
    parse_manifest,
)
from amc_learning.warehouse.remedies import old_rows, remedy
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

    Layout: `<root>/<table>/known_on=YYYY-MM-DD/<sha256[:16]>.parquet` and `<root>/<table>/manifest.ndjson`. A write
    puts its files beside the old ones, then replaces the manifest, then removes what the manifest no longer names: a
    crash anywhere leaves the old partitions or the new ones. Equal rows give equal bytes, and a partition whose bytes
    would not change is not touched. A lock makes writers take turns, across threads and processes; readers take none.
    Where the bytes lie, on this machine or on an object store, is the storage's business.
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
                stored = self._load_behind_lock(entries, None)
            except CorruptPartition:
                if not repair:
                    raise
                damaged = [entry for entry in entries if self._is_damaged(entry)]
                stored = self._load_behind_lock([entry for entry in entries if entry not in damaged], None)
            merged = pl.concat([stored, rows]).unique([DAY, *self.table.key], keep="last", maintain_order=True)
            partitions = self._encode(by_day(checked(self.table, merged)))
            self._set_aside(damaged)
            return replace(self._commit(partitions, seen), repaired=tuple(entry.known_on for entry in damaged))

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
            return self._load_behind_lock(self._entries(start, end), columns)

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
        return max((known for known in self._manifest() if known <= day), default=None)

    def fingerprint(self, start: date | None, end: date | None) -> str:
        """sha256 over the manifest lines of a range: equal when, and only when, all its stored bytes are equal."""
        return lines_fingerprint(self._entries(start, end))

    def path(self, entry: ManifestEntry) -> Path | None:
        """The data file of an entry; None for a day without rows."""
        return None if entry.file is None else self._day_folder(entry.known_on) / entry.file

    def damaged(self) -> list[str]:
        """One sentence per stored partition that is missing or not what the manifest vouches for; empty is good."""
        if self._seen() is None:
            return []
        with self.storage.locked(self.folder / LOCK_NAME, is_shared=True):
            found = in_threads(self._damage, self._manifest().values(), self.storage.n_readers)
        return [sentence for sentence in found if sentence is not None]

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
        partitions = in_threads(lambda day: encoded(self.table, day, rows[day]), rows, os.cpu_count() or 1)
        return dict(zip(rows, partitions, strict=True))

    def _commit(self, partitions: Mapping[date, Partition], seen: Seen | None) -> WriteReport:
        """Store encoded partitions; the caller holds the lock, and saw this manifest when it computed them."""
        before = self._parsed(seen)
        changed = [
            entry.known_on
            for entry, content in partitions.values()
            if before.get(entry.known_on) != entry or not self._is_stored(entry, content)
        ]
        after = {**before, **{day: entry for day, (entry, _) in partitions.items()}}
        try:
            self._write_files([partitions[day] for day in changed])
            if after != before:
                self.storage.replace(self.folder / MANIFEST_NAME, manifest_bytes(after), seen)
        except OSError as error:
            self._keep_only(changed, before, {})
            raise self._refused(error) from error
        self._keep_only(changed, after, before)
        n_rows = sum(entry.n_rows for entry, _ in partitions.values())
        return WriteReport(len(partitions), len(changed), n_rows)

    def _is_damaged(self, entry: ManifestEntry) -> bool:
        try:
            self._load_behind_lock([entry], None)
        except CorruptPartition:
            return True
        return False

    def _set_aside(self, entries: Iterable[ManifestEntry]) -> None:
        """Rename damaged files, so that somebody can still look at them."""
        for entry in entries:
            path = self.path(entry)
            if path is not None:
                try:
                    self.storage.set_aside(path, DAMAGED_SUFFIX)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise self._refused(error) from error

    def _is_stored(self, entry: ManifestEntry, content: bytes | None) -> bool:
        """Whether the stored file really holds these bytes: a damaged partition is repaired by writing it again."""
        path = self.path(entry)
        if path is None:
            return True
        try:
            return self.storage.read(path) == content
        except FileNotFoundError:
            return False

    def _write_files(self, partitions: Iterable[Partition]) -> None:
        contents = {
            path: content
            for entry, content in partitions
            if (path := self.path(entry)) is not None and content is not None
        }
        self.storage.write_data(self.folder, contents)

    def _keep_only(
        self, days: Iterable[date], manifest: Mapping[date, ManifestEntry], before: Mapping[date, ManifestEntry]
    ) -> None:
        """Remove files of these days that the manifest does not name; what cannot be removed stays (leftovers)."""
        for day in days:
            kept = manifest[day].file if day in manifest else None
            replaced = before[day].file if day in before else None
            self.storage.keep_only(self._day_folder(day), kept, replaced, DAMAGED_SUFFIX)

    # -- reading ------------------------------------------------------------------------------------------------

    def _manifest(self) -> Mapping[date, ManifestEntry]:
        return self._parsed(self._seen())

    def _seen(self) -> Seen | None:
        """The manifest as it is stored now; None before the first write."""
        return self.storage.look(self.folder / MANIFEST_NAME)

    def _parsed(self, seen: Seen | None) -> Mapping[date, ManifestEntry]:
        if seen is None:
            return {}
        return parse_manifest(self.folder.name, self.storage.address(self.folder / MANIFEST_NAME), seen.content)

    def _entries(self, start: date | None, end: date | None) -> list[ManifestEntry]:
        return [
            entry
            for entry in self._manifest().values()
            if (start is None or entry.known_on >= start) and (end is None or entry.known_on <= end)
        ]

    def _load(self, entries: Sequence[ManifestEntry], columns: Sequence[str] | None) -> pl.DataFrame:
        """Verified rows of these entries. What is hashed is what is decoded: the bytes are read once."""
        names = list(self.table.column_names if columns is None else columns)
        declared = schema_fingerprint(self.table)
        filled = [entry for entry in entries if entry.file is not None]
        for entry in filled:
            if entry.schema != declared:
                days = self.days()
                raise TableError(old_rows(self.table.name, entry.known_on, days[0], days[-1]))
        if not filled:
            return self.table.empty().select(names)
        contents = in_threads(self._verified, filled, self.storage.n_readers)
        frame = pl.scan_parquet(contents).select(names or DAY).collect()
        if frame.height != sum(entry.n_rows for entry in filled):
            self._find_wrong_count(filled, contents)
        return frame.select(names)

    def _load_behind_lock(self, entries: Sequence[ManifestEntry], columns: Sequence[str] | None) -> pl.DataFrame:
        """As `_load`; since no writer is at work, a file that is not there is damage."""
        try:
            return self._load(entries, columns)
        except FileNotFoundError as error:
            path = Path(error.filename)
            raise CorruptPartition(
                self._trouble(path.parent.name.removeprefix(f"{DAY}="), path, "is missing")
            ) from error

    def _verified(self, entry: ManifestEntry) -> bytes:
        path = self.path(entry)
        if path is None:
            return b""
        content = self.storage.read_data(path)
        self._check_content(entry, path, content)
        return content

    def _damage(self, entry: ManifestEntry) -> str | None:
        """What is wrong with the stored file of an entry, whatever copies of it there are; None when nothing is."""
        path = self.path(entry)
        if path is None:
            return None
        try:
            self._check_content(entry, path, self.storage.read(path))
        except FileNotFoundError:
            return self._trouble(entry.known_on, path, "is missing")
        except CorruptPartition as error:
            return str(error)
        return None

    def _check_content(self, entry: ManifestEntry, path: Path, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            trouble = f"does not have the content that was written ({len(content)} bytes, {entry.n_bytes} expected)"
            raise CorruptPartition(self._trouble(entry.known_on, path, trouble))

    def _find_wrong_count(self, entries: Sequence[ManifestEntry], contents: Sequence[bytes]) -> None:
        for entry, content in zip(entries, contents, strict=True):
            n_rows = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item()
            if n_rows != entry.n_rows:
                trouble = f"holds {n_rows} rows where the manifest says {entry.n_rows}"
                path = self.folder / MANIFEST_NAME
                raise CorruptPartition(self._trouble(entry.known_on, self.path(entry) or path, trouble))

    # -- names and messages -------------------------------------------------------------------------------------

    def _day_folder(self, day: date) -> Path:
        return self.folder / f"{DAY}={day.isoformat()}"

    def _trouble(self, day: date | str, path: Path, trouble: str) -> str:
        where = f"table {self.table.name}, knowledge day {day}: {self.storage.address(path)}"
        return f"{where} {trouble}; nothing of it was used. {remedy(self.table.name, day)}"

    def _refused(self, error: OSError) -> StorageError:
        return StorageError(
            f"table {self.table.name}: {error.strerror or error} ({error.filename or self.folder}); "
            f"the stored partitions are untouched. {self.storage.remedy}, then run the same command again"
        )


def _check_day(day: date) -> None:
    """Partition folders are named from dates and from nothing else."""
    if not isinstance(day, date) or isinstance(day, datetime):
        raise TableError(f"a knowledge day is a date, not {day!r}")
