"""The manifest of a table: one JSON line per knowledge day, and with it the commit point of every write.

Belongs here: what a line says and how lines become bytes. Not here: the parquet files (partitions), checks (frames).
"""

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

import orjson

from amc_learning.warehouse.errors import CorruptPartition
from amc_learning.warehouse.remedies import remedy_of_manifest

MANIFEST_NAME = "manifest.ndjson"

_DAY = re.compile(rb'"known_on":"(\d{4}-\d{2}-\d{2})"')

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
    """The entries of a table by day, in order; a night looks at few of thousands, so a line is read when asked for.

    Raises:
        CorruptPartition: a line that is asked for is not what `ManifestEntry.line` writes, or a line has no day.
    """

    def __init__(self, lines: Mapping[date, bytes], table: str, address: str) -> None:
        self._lines, self._table, self._address = lines, table, address
        self._days = list(lines)
        self._entries: dict[date, ManifestEntry] = {}

    @classmethod
    def parse(cls, table: str, address: str, content: bytes) -> "Manifest":
        """The manifest with these bytes.

        Args:
            table: its name.
            address: where the manifest lies, for people.
            content: its bytes.
        """
        listed = content.splitlines()
        days = _DAY.findall(content)
        try:
            # all at once: a night reads tens of manifests of thousands of lines
            known_on = map(date.fromisoformat, b" ".join(days).decode().split())
            lines = dict(sorted(zip(known_on, listed, strict=True)))
        except ValueError:
            number = next((n for n, line in enumerate(listed, start=1) if not _has_one_day(line)), 1)
            raise CorruptPartition(_damaged(table, address, number)) from None
        return cls(lines, table, address)

    def __getitem__(self, day: date) -> ManifestEntry:
        """The entry of a day; KeyError when it was never written."""
        if day not in self._entries:
            entry = _entry(self._lines[day])
            if entry is None or entry.known_on != day:
                raise CorruptPartition(_damaged(self._table, self._address, list(self._lines).index(day) + 1))
            self._entries[day] = entry
        return self._entries[day]

    def __iter__(self) -> Iterator[date]:
        """Days that were written, in order."""
        return iter(self._lines)

    def __len__(self) -> int:
        """How many days were written."""
        return len(self._lines)

    def __contains__(self, day: object) -> bool:
        """Whether a day was written; its line is not read."""
        return day in self._lines

    def between(self, start: date | None, end: date | None) -> list[ManifestEntry]:
        """The entries of the days from `start` to `end`, both included, in order."""
        days = self._days
        first = 0 if start is None else bisect_left(days, start)
        return [self[day] for day in days[first : len(days) if end is None else bisect_right(days, end)]]

    def with_entries(self, entries: Iterable[ManifestEntry]) -> "Manifest":
        """This manifest with the lines of these days replaced."""
        lines = {**self._lines, **{entry.known_on: entry.line() for entry in entries}}
        return Manifest({day: lines[day] for day in sorted(lines)}, self._table, self._address)

    @cached_property
    def content(self) -> bytes:
        """The whole manifest, sorted by day: the same entries give the same bytes."""
        return b"\n".join([*self._lines.values(), b""])


MANIFESTS_AT_HAND = 128
"""More than all tables have; one of seven years is 400 KB."""


@lru_cache(maxsize=MANIFESTS_AT_HAND)
def parse_manifest(table: str, address: str, content: bytes) -> Manifest:
    """As `Manifest.parse`; remembered, because a stage looks at the manifest of one table many times."""
    return Manifest.parse(table, address, content)


def lines_fingerprint(entries: Iterable[ManifestEntry]) -> str:
    """sha256 over what is stored for these days, wherever it lies: changes when any byte of any partition does."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(entry.line(with_place=False) + b"\n")
    return digest.hexdigest()


def _has_one_day(line: bytes) -> bool:
    found = _DAY.findall(line)
    try:
        return len(found) == 1 and bool(date.fromisoformat(found[0].decode()))
    except ValueError:
        return False


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
