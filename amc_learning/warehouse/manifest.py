"""The manifest of a table: one JSON line per knowledge day, and with it the commit point of every write.

Belongs here: what a line says and how lines become bytes. Not here: the parquet files (partitions), checks (frames).
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import orjson

from amc_learning.warehouse.errors import CorruptPartition
from amc_learning.warehouse.remedies import remedy_of_manifest

MANIFEST_NAME = "manifest.ndjson"

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
        """The line of the manifest, keys sorted, with its line end; without what says where the rows lie, if asked."""
        return _line(self, with_place=with_place)


LINES_AT_HAND = 131_072
"""Every write of a day reads and writes the lines of all days, and nearly all of them are what they were."""


@lru_cache(maxsize=LINES_AT_HAND)
def _line(entry: ManifestEntry, *, with_place: bool) -> bytes:
    # vars, not asdict, which copies what is inside as well
    fields = dict(vars(entry))
    if entry.pack_sha256 is None or not with_place:
        del fields["pack_sha256"]
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


@lru_cache(maxsize=LINES_AT_HAND)
def _entry(line: bytes) -> ManifestEntry | None:
    """The entry of a line, with or without its line end; None for one that `ManifestEntry.line` does not write."""
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


def manifest_bytes(entries: Mapping[date, ManifestEntry]) -> bytes:
    """The whole manifest, sorted by day: the same entries give the same bytes."""
    return b"".join(entries[day].line() for day in sorted(entries))


MANIFESTS_AT_HAND = 128
"""More than all tables have; one of seven years is 400 KB of bytes and entries."""


def lines_fingerprint(entries: Iterable[ManifestEntry]) -> str:
    """sha256 over what is stored for these days, wherever it lies: changes when any byte of any partition does."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(entry.line(with_place=False))
    return digest.hexdigest()


@lru_cache(maxsize=MANIFESTS_AT_HAND)
def parse_manifest(table: str, address: str, content: bytes) -> Mapping[date, ManifestEntry]:
    """Entries by day, in order; remembered, because a stage looks at the manifest of one table many times.

    Args:
        table: its name.
        address: where the manifest lies, for people.
        content: its bytes.

    Raises:
        CorruptPartition: a line is not what `ManifestEntry.line` writes; names the file and the line.
    """
    entries: dict[date, ManifestEntry] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        entry = _entry(line)
        if entry is None:
            raise CorruptPartition(_damaged(table, address, number))
        entries[entry.known_on] = entry
    return entries


def file_name(sha256: str) -> str:
    """Name of the data file with this content: named by content, a new version never overwrites the old one."""
    return f"{sha256[:16]}.parquet"


def _damaged(table: str, address: str, number: int) -> str:
    return f"table {table}: line {number} of {address} is damaged; nothing was read. " + remedy_of_manifest(table)
