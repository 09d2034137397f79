"""The door for people at the keyboard: every table, document and query as frames, and nothing can be changed by them.

Belongs here: what a notebook or a script needs to look at what was learned, in a few words. Not here: the command line
(cli), what stages need (warehouse). `amc_learning.open_warehouse()` is the way in:

    import amc_learning

    learned = amc_learning.open_warehouse()
    learned.tables()
    learned.describe("weight_decisions")
    learned.table("weight_decisions", first="2014-12-01")
    learned.sql("select known_on, count(*) as n from discovery_candidates group by all order by all")
    learned.document("weights")
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from amc_learning.settings import Settings
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import QueryError, TableError
from amc_learning.warehouse.sql import connect, query

Day = date | str


@dataclass(frozen=True)
class ReadOnlyWarehouse:
    """What a data directory holds, as frames of polars; `.to_pandas()` on any of them with the extra `notebooks`."""

    settings: Settings
    _warehouse: Warehouse = field(repr=False)

    def tables(self) -> pl.DataFrame:
        """Every table in the order of the flow: stage, days, rows, what it holds."""
        return pl.DataFrame(
            [_summary(self._warehouse, name) for name in self._warehouse.tables],
            schema={
                "table": pl.String,
                "stage": pl.String,
                "first_day": pl.Date,
                "last_day": pl.Date,
                "n_days": pl.Int64,
                "n_rows": pl.Int64,
                "description": pl.String,
            },
            orient="row",
        )

    def describe(self, table: str) -> pl.DataFrame:
        """Every column of a table: type, unit, whether it may be null, whether it is part of the key, meaning.

        Raises:
            KeyError: no such table; the message lists those there are.
        """
        declared = self._warehouse.catalogue[table]
        return pl.DataFrame(
            [
                (one.name, str(one.dtype), one.unit, one.is_nullable, one.name in declared.key, one.description)
                for one in declared.columns
            ],
            schema={
                "column": pl.String,
                "type": pl.String,
                "unit": pl.String,
                "is_nullable": pl.Boolean,
                "is_key": pl.Boolean,
                "description": pl.String,
            },
            orient="row",
        )

    def table(
        self, name: str, first: Day | None = None, last: Day | None = None, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Rows of a table known from `first` to `last`, verified against their hashes.

        Args:
            name: of the table.
            first: first knowledge day, like 2014-12-01 or a date; None for the first there is.
            last: last knowledge day, included; None for the last there is.
            columns: names of the columns wanted; None for all.

        Raises:
            KeyError: no such table; the message lists those there are.
            TableError: no such column, or something that is no day.
            CorruptPartition: a stored file is damaged.
        """
        return self._warehouse.table(name).read(_day(first), _day(last), columns)

    def sql(self, statement: str) -> pl.DataFrame:
        """The rows of one query over every table (DuckDB).

        Raises:
            QueryError: not one statement, not a query, or refused by DuckDB, with its words; where it does not know a
                name or cannot read the statement, with what lists the names.
        """
        with connect(self._warehouse, statement) as connection:
            try:
                result = query(connection, statement)
            except QueryError as error:
                if not error.is_about_words:
                    raise
                raise QueryError(f"{error}\n\n.tables() lists the tables, .describe('TABLE') its columns") from error
        return pl.DataFrame(result.rows, schema=list(result.columns), orient="row", infer_schema_length=None)

    def document(self, name: str, day: Day | None = None) -> dict[str, Any] | None:
        """A published document, verified: the one in force, or that of a knowledge day; None when there is none.

        Raises:
            CorruptDocument: the file does not carry the hash of its content.
        """
        publications, wanted = self._warehouse.publications, _day(day)
        return publications.current(name) if wanted is None else publications.document(name, wanted)


def open_warehouse(data_dir: Path | str | None = None) -> ReadOnlyWarehouse:
    """Look at a data directory.

    Args:
        data_dir: where it lies; None for what settings say (AMC_LEARNING_DATA_DIR, amc_learning.toml, ./data).

    Raises:
        FileNotFoundError: there is no data directory; says what to do.
    """
    settings = Settings() if data_dir is None else Settings(data_dir=Path(data_dir))
    if settings.warehouse_url is None and not (settings.data_dir / "tables").is_dir():
        raise FileNotFoundError(
            f"{settings.data_dir} is no data directory of amc-learning: name one, open_warehouse('PLACE'), or make a "
            "sample: amc-learning demo, which fills data/sample"
        )
    warehouse = Warehouse.open(settings.data_dir, settings.features.components, **settings.places)
    return ReadOnlyWarehouse(settings, warehouse)


def _summary(warehouse: Warehouse, name: str) -> tuple[Any, ...]:
    declared, entries = warehouse.catalogue[name], warehouse.table(name).entries()
    days = [entry.known_on for entry in entries]
    first, last = (days[0], days[-1]) if days else (None, None)
    n_rows = sum(entry.n_rows for entry in entries)
    return name, declared.stage, first, last, len(days), n_rows, declared.description


def _day(wanted: Day | None) -> date | None:
    if not isinstance(wanted, str):
        return wanted
    try:
        return date.fromisoformat(wanted)
    except ValueError as error:
        raise TableError(f"{wanted!r} is not a day; write it as 2014-12-15") from error
