"""What is reviewed once a month is made once: the nights of the month read what the review found.

Belongs here: what a review was made from, which is the name it is kept under. Not here: what it finds (learning), the
files (warehouse.kept).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import orjson
import polars as pl

from amc_learning import learning
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.kept import keep, kept

REVIEWS_FOLDER = "reviews"
"""Folder under the data directory for the last review of each kind; what is removed there is made again."""

LIBRARIES = ("numpy", "polars", "scipy")


@dataclass(frozen=True)
class KeptReview:
    """The place of one review among those that are kept.

    The name it is kept under is a hash of all that it is a function of: the rows it read, the rules, and the code. When
    any of them changes, there is none of that name, and it is made anew.
    """

    folder: Path
    kind: str
    name: str

    @classmethod
    def of(
        cls, warehouse: Warehouse, kind: str, *, read: Mapping[str, tuple[date, date]], rules: Mapping[str, object]
    ) -> "KeptReview":
        """The place of the review that reads these rows by these rules.

        Args:
            warehouse: where its rows lie.
            kind: table whose nights repeat it.
            read: table to the first and last knowledge day that it looks at.
            rules: all else that it depends on; dataclasses and plain values.
        """
        rows = {table: warehouse.table(table).fingerprint(first, last) for table, (first, last) in read.items()}
        made_from = orjson.dumps(
            {"rows": rows, "days": read, "rules": rules, "code": _code()}, option=orjson.OPT_SORT_KEYS
        )
        return cls(warehouse.data_dir / REVIEWS_FOLDER, kind, f"{kind}-{hashlib.sha256(made_from).hexdigest()[:32]}")

    def found(self) -> pl.DataFrame | None:
        """What it found; None when it has to be made."""
        return kept(self.folder, self.name)

    def keep(self, found: pl.DataFrame) -> None:
        """Keep what it found, in place of the review of its kind before."""
        keep(self.folder, self.name, found, instead_of=f"{self.kind}-")


@lru_cache(maxsize=1)
def _code() -> str:
    """Hash of all that computes: our science, and the libraries it stands on."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in LIBRARIES).encode())
    folder = Path(learning.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"\0{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
