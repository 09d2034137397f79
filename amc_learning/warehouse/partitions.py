"""Where the rows of a table's days lie, and reading them: every byte is verified before it is decoded.

Belongs here: paths, verified reading, sentences about damage. Not here: writing and its order (tables), which days are
put together (compaction), the lines that vouch for the files (manifest).
"""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from amc_learning.contracts.tables import Table
from amc_learning.warehouse.errors import CorruptPartition
from amc_learning.warehouse.files import in_threads
from amc_learning.warehouse.frames import DAY
from amc_learning.warehouse.manifest import ManifestEntry, file_name
from amc_learning.warehouse.remedies import remedy
from amc_learning.warehouse.storage import Storage

MONTH = "known_in"
"""Begins the name of the folder of a month's file, as `known_on` that of a day's."""


@dataclass(frozen=True)
class Partitions:
    """The data files of one table under its folder.

    A day lies alone in `known_on=YYYY-MM-DD/<sha256[:16]>.parquet`, or with others in the file of its month,
    `known_in=YYYY-MM/<sha256[:16]>.parquet`. A month has one such file at most. It may hold rows of days that were
    written again since: the manifest says which days are read from it.
    """

    folder: Path
    table: Table
    storage: Storage

    def path(self, entry: ManifestEntry) -> Path | None:
        """The data file of an entry; None for a day without rows."""
        if entry.file is None:
            return None
        if entry.pack_sha256 is None:
            return self.day_folder(entry.known_on) / entry.file
        return self.pack_path(entry.known_on, entry.pack_sha256)

    def day_folder(self, day: date) -> Path:
        """Folder of the file that holds this day alone."""
        return self.folder / f"{DAY}={day.isoformat()}"

    def pack_path(self, day: date, sha256: str) -> Path:
        """The file with this content for the month of a day."""
        return self.folder / f"{MONTH}={day:%Y-%m}" / file_name(sha256)

    def load(self, entries: Sequence[ManifestEntry], names: Sequence[str], *, is_locked: bool = False) -> pl.DataFrame:
        """Verified rows of these entries, sorted. What is hashed is what is decoded: the bytes are read once.

        Args:
            entries: of days that have rows, in order, at least one.
            names: of the columns.
            is_locked: whether no writer is at work, so that a file that is not there is damage.

        Raises:
            CorruptPartition: a file is not the one the manifest vouches for, or is missing though `is_locked`.
            FileNotFoundError: a file is missing; a writer may have replaced it.
        """
        by_path = self._by_path(entries)

        def verified(path: Path) -> bytes:
            try:
                content = self.storage.read_data(path)
            except FileNotFoundError:
                if not is_locked:
                    raise
                raise CorruptPartition(self.trouble(by_path[path], path, "is missing")) from None
            self._check_content(by_path[path], path, content)
            return content

        contents = dict(zip(by_path, in_threads(verified, by_path, self.storage.n_readers), strict=True))
        packed = [entry for entry in entries if entry.pack_sha256 is not None]
        wanted = list(dict.fromkeys([*names, DAY])) if packed else list(names) or [DAY]
        frames = []
        for is_packed in (True, False):
            group = [
                content for path, content in contents.items() if (by_path[path][0].pack_sha256 is not None) is is_packed
            ]
            if group:
                frames.append(pl.scan_parquet(group).select(wanted).collect())
        if packed and frames[0].height != sum(entry.n_rows for entry in packed):
            # days that were not asked for, or were written again since
            frames[0] = frames[0].filter(pl.col(DAY).is_in([entry.known_on for entry in packed]))
        frame = pl.concat(frames)
        if frame.height != sum(entry.n_rows for entry in entries):
            self._find_wrong_count(by_path, contents)
        if len(frames) > 1 and not frame[DAY].is_sorted():
            frame = frame.sort(DAY, maintain_order=True)
        return frame.select(names)

    def damage(self, entries: Iterable[ManifestEntry]) -> list[str]:
        """One sentence per stored file of these entries that is missing or not what the manifest vouches for."""
        by_path = self._by_path(entries)

        def found(path: Path) -> str | None:
            try:
                # as it is stored, whatever copies of it there are
                self._check_content(by_path[path], path, self.storage.read(path))
            except FileNotFoundError:
                return self.trouble(by_path[path], path, "is missing")
            except CorruptPartition as error:
                return str(error)
            return None

        sentences = in_threads(found, by_path, self.storage.n_readers)
        return [sentence for sentence in sentences if sentence is not None]

    def trouble(self, entries: Sequence[ManifestEntry], path: Path, trouble: str) -> str:
        """A sentence about a file: table, days, place, what is wrong, what to do."""
        first, last = entries[0].known_on, entries[-1].known_on
        days = f"knowledge day {first}" if first == last else f"knowledge days {first} to {last}"
        where = f"table {self.table.name}, {days}: {self.storage.address(path)}"
        return f"{where} {trouble}; nothing of it was used. {remedy(self.table.name, first, last)}"

    def _by_path(self, entries: Iterable[ManifestEntry]) -> dict[Path, list[ManifestEntry]]:
        """Entries that have rows by the file they lie in."""
        # a path costs more than all else that is done for a day, and most days share one
        by_file: dict[tuple[date | None, str], list[ManifestEntry]] = {}
        for entry in entries:
            if entry.pack_sha256 is not None:
                by_file.setdefault((None, entry.pack_sha256), []).append(entry)
            elif entry.file is not None:
                by_file[entry.known_on, entry.file] = [entry]
        return {path: of_file for of_file in by_file.values() if (path := self.path(of_file[0])) is not None}

    def _check_content(self, entries: Sequence[ManifestEntry], path: Path, content: bytes) -> None:
        entry = entries[0]
        if hashlib.sha256(content).hexdigest() != (entry.pack_sha256 or entry.sha256):
            expected = "" if entry.pack_sha256 else f", {entry.n_bytes} expected"
            trouble = f"does not have the content that was written ({len(content)} bytes{expected})"
            raise CorruptPartition(self.trouble(entries, path, trouble))

    def _find_wrong_count(
        self, by_path: Mapping[Path, Sequence[ManifestEntry]], contents: Mapping[Path, bytes]
    ) -> None:
        for path, entries in by_path.items():
            rows = pl.scan_parquet(io.BytesIO(contents[path])).group_by(DAY).len().collect()
            found = dict(rows.iter_rows())
            for entry in entries:
                n_rows = found.get(entry.known_on, 0)
                if n_rows != entry.n_rows:
                    trouble = f"holds {n_rows} rows where the manifest says {entry.n_rows}"
                    raise CorruptPartition(self.trouble([entry], path, trouble))
