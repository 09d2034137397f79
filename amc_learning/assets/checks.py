"""Blocking checks: what must be true of a partition before anything downstream may use it.

Every table gets the contract check made from its declaration; the statements (module statements) add what a schema
cannot say. A check reads the partition back from disk, so a damaged file fails it too. A failed check says how many
rows break it, shows the first of them, and says what to do.
"""

import dagster as dg
import polars as pl

from amc_learning.assets.common import preview
from amc_learning.assets.partitions import checked_days
from amc_learning.assets.statements import Statement
from amc_learning.contracts.tables import Table
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import WarehouseError
from amc_learning.warehouse.frames import checked

SHOWN_ROWS = 20
"""Offending rows a failed check shows: enough to see what they share, few enough for Dagster's event log."""

CONTRACT = "is_undamaged_and_as_declared"


def contract_check(table: str) -> dg.AssetChecksDefinition:
    """The blocking check that the stored partition is what its declaration says: files, types, nulls, keys."""

    @dg.asset_check(
        asset=table,
        name=CONTRACT,
        blocking=True,
        description="The stored file is the one that was written, with the declared columns and types; no key repeats, "
        "and nothing is null that must not be.",
    )
    def check(context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        stored = warehouse.table(table)
        days = checked_days(context, stored)
        try:
            frame = stored.read(days[0], days[-1])
        except WarehouseError as trouble:
            return _broken(str(trouble), remedy="The sentence above says what to do; nothing downstream has run.")
        offending = _against_declaration(warehouse.catalogue[table], frame)
        if offending.height:
            return _broken(
                f"{offending.height} of {frame.height} rows repeat a key or are null where they must not be",
                remedy=_write_again(table),
                n_rows=frame.height,
                offending=offending,
            )
        try:
            checked(warehouse.catalogue[table], frame, days)
        except WarehouseError as trouble:
            return _broken(str(trouble), remedy=_write_again(table), n_rows=frame.height)
        return dg.AssetCheckResult(passed=True, metadata={"n_rows": frame.height})

    return check


def statement_check(statement: Statement) -> dg.AssetChecksDefinition:
    """The blocking check that a statement holds for every row; failing rows are shown."""

    @dg.asset_check(asset=statement.table, name=statement.name, blocking=True, description=statement.description)
    def check(context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        stored = warehouse.table(statement.table)
        days = checked_days(context, stored)
        frame = stored.read(days[0], days[-1])
        offending = frame.filter(~statement.holds.fill_null(value=False))
        if offending.is_empty():
            return dg.AssetCheckResult(passed=True, metadata={"n_rows": frame.height, "n_broken": 0})
        table = warehouse.catalogue[statement.table]
        named = [*table.key, *statement.holds.meta.root_names()]
        shown = ["known_on", *(name for name in dict.fromkeys(named) if not table.schema[name].is_nested())]
        return _broken(
            f"{offending.height} of {frame.height} rows break it",
            remedy=statement.remedy or _write_again(statement.table),
            n_rows=frame.height,
            offending=offending.select(list(dict.fromkeys(shown))),
        )

    return check


def _against_declaration(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that repeat the key of another, or hold a null where none may be; keys and the columns concerned."""
    keys = ["known_on", *table.key]
    required = list(dict.fromkeys([*keys, *(one.name for one in table.columns if not one.is_nullable)]))
    holes = [name for name in required if frame[name].null_count()]
    is_offending = pl.struct(keys).is_duplicated() | pl.any_horizontal(pl.col(required).is_null())
    return frame.filter(is_offending).select(list(dict.fromkeys([*keys, *holes])))


def _write_again(table: str) -> str:
    return (
        f"Nothing downstream has run. Look at the rows below and at the inputs of {table}, then materialize {table} "
        "for that day again; if the rows come back, a module of the product is wrong and has to be mended first."
    )


def _broken(
    sentence: str, *, remedy: str, n_rows: int | None = None, offending: pl.DataFrame | None = None
) -> dg.AssetCheckResult:
    """A failed check: what is wrong, what to do, how many rows, and the first of them."""
    metadata: dict[str, dg.MetadataValue | int | str] = {"trouble": sentence, "remedy": remedy}
    if n_rows is not None:
        metadata["n_rows"] = n_rows
    if offending is not None:
        metadata["n_broken"] = offending.height
        metadata["broken_rows"] = preview(offending, offending.columns, n_rows=SHOWN_ROWS)
    return dg.AssetCheckResult(passed=False, description=f"{sentence}. {remedy}", metadata=metadata)
