"""The manifest of a table: one JSON line per knowledge day, and with it the commit point of every write.

Belongs here: what a line says and how lines become bytes. Not here: the parquet files (partitions), checks (frames).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import orjson
from numpy.typing import NDArray

from amc_learning.warehouse.errors import CorruptPartition
from amc_learning.warehouse.remedies import remedy_of_manifest

MANIFEST_NAME = "manifest.ndjson"

_DAY_FIELD = b'"known_on":"'

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ManifestEntry:
    """What is stored for one knowledge day; `file` and `sha256` are None for a day that has no rows.

    `file`, `sha256` and `n_bytes` are those of a file that holds this day alone, also when the rows lie in the file of
    a whole month, whose sha256 is `pack_sha256` then: what is stored is told apart from where.
    """

    known_on: date
    file: str | None
    n_rows: int
    sha256: str | None
    n_bytes: int
    schema: str
    pack_sha256: str | None = None

    @property
    def own_file(self) -> str | None:
        """Name of the file that holds this day alone; None where there is none."""
        return self.file if self.pack_sha256 is None else None

    def line(self, *, with_place: bool = True) -> bytes:
        """The line of the manifest, keys sorted, without a line end; without what says where the rows lie, if asked."""
        # vars, not asdict, which copies what is inside as well
        fields = dict(vars(self))
        if self.pack_sha256 is None or not with_place:
            del fields["pack_sha256"]
        return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


class Manifest(Mapping[date, ManifestEntry]):
    """The entries of a table by day, in order. A night looks at few of thousands, so a line is read when asked for.

    Raises:
        CorruptPartition: a line that is asked for is not what `ManifestEntry.line` writes, or one of all lines does not
            begin like that, or is not of a later day than the one before it.
    """

    def __init__(self, content: bytes, table: str, address: str) -> None:
        """The manifest with these bytes.

        Args:
            content: its bytes, in order of days: the same entries give the same bytes.
            table: its name.
            address: where the manifest lies, for people.
        """
        self.content = content if content.endswith(b"\n") or not content else content + b"\n"
        self._table, self._address = table, address
        self._starts, self._days = self._index()
        self._entries: dict[date, ManifestEntry] = {}

    def __getitem__(self, day: date) -> ManifestEntry:
        """The entry of a day; KeyError when it was never written."""
        place, is_there = self._place(day)
        if not is_there:
            raise KeyError(day)
        return self._entry_at(place, day)

    def __iter__(self) -> Iterator[date]:
        """Days that were written, in order."""
        return iter(self._days.tolist())

    def __len__(self) -> int:
        """How many days were written."""
        return len(self._days)

    def __contains__(self, day: object) -> bool:
        """Whether a day was written; its line is not read."""
        return isinstance(day, date) and self._place(day)[1]

    def between(self, start: date | None, end: date | None) -> list[ManifestEntry]:
        """The entries of the days from `start` to `end`, both included, in order."""
        first = 0 if start is None else self._place(start)[0]
        last = len(self) if end is None else sum(self._place(end))
        return [self._entry_at(place, day) for place, day in enumerate(self._days[first:last].tolist(), start=first)]

    def latest_on_or_before(self, day: date) -> date | None:
        """The last written day up to `day`; None when there is none."""
        upto = sum(self._place(day))
        return date.fromisoformat(str(self._days[upto - 1])) if upto else None

    def with_entries(self, entries: Iterable[ManifestEntry]) -> "Manifest":
        """This manifest with the lines of these days replaced; itself where that changes nothing."""
        lines = {entry.known_on: entry.line() + b"\n" for entry in entries}
        pieces, kept_from = [], 0
        for day in sorted(lines):
            place, is_there = self._place(day)
            pieces += [self.content[kept_from : self._starts[place]], lines[day]]
            kept_from = self._starts[place + is_there]
        content = b"".join([*pieces, self.content[kept_from:]])
        return self if content == self.content else Manifest(content, self._table, self._address)

    def _entry_at(self, place: int, day: date) -> ManifestEntry:
        if day not in self._entries:
            entry = _entry(self.content[self._starts[place] : self._starts[place + 1]])
            if entry is None or entry.known_on != day:
                raise CorruptPartition(_damaged(self._table, self._address, place + 1))
            self._entries[day] = entry
        return self._entries[day]

    def _place(self, day: date) -> tuple[int, bool]:
        """How many lines are of earlier days, and whether the one after them is of this day."""
        place = int(np.searchsorted(self._days, np.datetime64(day)))
        return place, place < len(self._days) and bool(self._days[place] == np.datetime64(day))

    def _index(self) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
        """Where each line begins, and at last where all end; and the day of each line.

        Of all lines at once: a night looks at tens of manifests of thousands of lines.
        """
        characters = np.frombuffer(self.content, dtype=np.uint8)
        starts = np.append(0, np.flatnonzero(characters == ord("\n")) + 1)
        try:
            has_no_rows = characters[starts[:-1] + len(b'{"file":')] == ord("n")
            at = starts[:-1] + np.where(has_no_rows, len(b'{"file":null,'), len(b'{"file":"0123456789abcdef.parquet",'))
            texts = characters[at[:, None] + np.arange(len(_DAY_FIELD) + len("2024-01-02"))]
            days = np.ascontiguousarray(texts[:, len(_DAY_FIELD) :]).view("S10").ravel().astype("datetime64[D]")
        except (ValueError, IndexError):
            is_sound = False
        else:
            is_sound = bool(
                (texts[:, : len(_DAY_FIELD)] == np.frombuffer(_DAY_FIELD, dtype=np.uint8)).all()
                and (at + texts.shape[1] < starts[1:]).all()
                and (days[1:] > days[:-1]).all()
                and not np.isnat(days).any()
            )
        if not is_sound:
            raise CorruptPartition(_damaged(self._table, self._address, self._first_damaged()))
        return starts, days

    def _first_damaged(self) -> int:
        """Number of the first line that cannot stand where it stands, from 1."""
        before = date.min
        for number, line in enumerate(self.content.splitlines(), start=1):
            entry = _entry(line)
            if entry is None or entry.known_on <= before:
                return number
            before = entry.known_on
        return 1


class LastManifest:
    """The manifest of one table as it was read last: a stage looks at it many times, and most see the same bytes."""

    def __init__(self, table: str, address: str) -> None:
        """Arguments as of `Manifest`."""
        self._manifest = Manifest(b"", table, address)
        self._named = table, address

    def parsed(self, content: bytes) -> Manifest:
        """The manifest with these bytes."""
        manifest = self._manifest
        if manifest.content != content:
            manifest = self._manifest = Manifest(content, *self._named)
        return manifest

    def wrote(self, manifest: Manifest) -> None:
        """These bytes were stored: the next look sees them."""
        self._manifest = manifest


def lines_fingerprint(entries: Iterable[ManifestEntry]) -> str:
    """sha256 over what is stored for these days, wherever it lies: changes when any byte of any partition does."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(entry.line(with_place=False) + b"\n")
    return digest.hexdigest()


def _entry(line: bytes) -> ManifestEntry | None:
    """The entry of a line; None for one that `ManifestEntry.line` does not write."""
    try:
        fields = orjson.loads(line)
        fields["known_on"] = date.fromisoformat(fields["known_on"])
        entry = ManifestEntry(**fields)
        is_own_name = entry.file is None or entry.file == file_name(str(entry.sha256))
        is_pack = entry.pack_sha256 is None or (entry.file is not None and _SHA256.fullmatch(entry.pack_sha256))
    except (ValueError, TypeError, KeyError):
        return None
    if not is_own_name or not is_pack or entry.n_rows < 0 or (entry.file is None) != (entry.n_rows == 0):
        return None
    return entry


def file_name(sha256: str) -> str:
    """Name of the data file with this content: named by content, a new version never overwrites the old one."""
    return f"{sha256[:16]}.parquet"


def _damaged(table: str, address: str, number: int) -> str:
    return f"table {table}: line {number} of {address} is damaged; nothing was read. " + remedy_of_manifest(table)
