"""Checks: what must be true of a partition before anything downstream may use it, and what people should hear of.

Every table gets the contract check made from its declaration; the statements (module statements) add what a schema
cannot say. A check reads the partition back from disk, so a damaged file fails it too. A failed check says how many
rows break it, shows the first of them, and says what to do. What was not understood stops nothing, because the rest of
what was sent is good: it is a warning.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import polars as pl

from amc_learning.assets.common import preview
from amc_learning.assets.partitions import checked_days
from amc_learning.assets.statements import Statement
from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.contracts.tables import Table
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import WarehouseError
from amc_learning.warehouse.frames import checked

SHOWN_ROWS = 20
"""Offending rows a failed check shows: enough to see what they share, few enough for Dagster's event log."""

CONTRACT = "is_undamaged_and_as_declared"
UNDERSTOOD = "everything_sent_was_understood"

MADE_FROM = {
    "price_bars": "bars",
    "discovery_candidates": "discovery",
    "thesis_decisions": "thesis",
    "trade_messages": "trade",
}
"""Table to the kind of event its rows are made from."""

QUARANTINE = "quarantine"
NOT_UNDERSTOOD = pl.Schema(
    {"known_on": pl.Date, "kept_in": pl.String, "id": pl.String, "field": pl.String, "reason": pl.String}
)
"""What was not understood: in which table, or in quarantine, under which identifier, which field, and why."""


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


def understood_check(table: str) -> dg.AssetChecksDefinition:
    """The warning that something sent on these days was rejected, or is in quarantine; what it was, and why."""
    kind = MADE_FROM[table]

    @dg.asset_check(
        asset=table,
        name=UNDERSTOOD,
        description=f"Nothing sent as {kind} was rejected on that day, and nothing received on it is in quarantine. "
        "A warning: what was understood is used.",
    )
    def check(context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        days = checked_days(context, warehouse.table(table))
        offending = pl.concat([_rejected(warehouse, kind, days), _apart(warehouse, kind, days)])
        if offending.is_empty():
            return dg.AssetCheckResult(passed=True, metadata={"n_broken": 0})
        n_rejected = (offending["kept_in"] != QUARANTINE).sum()
        return _broken(
            f"{n_rejected} values of {kind} events were rejected, and {offending.height - n_rejected} items are in "
            "quarantine",
            remedy="What was understood is used. Have the sender correct what the reasons below name; what a mended "
            "setting or version may understand is tried again by amc-learning quarantine replay.",
            offending=offending,
            severity=dg.AssetCheckSeverity.WARN,
        )

    return check


def _rejected(warehouse: Warehouse, kind: str, days: Sequence[date]) -> pl.DataFrame:
    """What the normalisation of these days did not understand, event by event."""
    table = f"{kind}_rejections"
    if table not in warehouse.tables:
        return pl.DataFrame(schema=NOT_UNDERSTOOD)
    rows = warehouse.table(table).read(days[0], days[-1])
    return rows.select("known_on", pl.lit(table).alias("kept_in"), id="event_id", field="path", reason="reason")


def _apart(warehouse: Warehouse, kind: str, days: Sequence[date]) -> pl.DataFrame:
    """Open items of quarantine that were received on these days; their payloads are not shown."""
    if not warehouse.inbox.n_quarantined(kind):
        return pl.DataFrame(schema=NOT_UNDERSTOOD)
    items = warehouse.inbox.quarantined(kind)
    known_on = pl.Series("known_on", [knowledge_day(at) for at in items["received_at"]], dtype=pl.Date)
    of_days = items.with_columns(known_on).filter(pl.col("known_on").is_between(days[0], days[-1]))
    return of_days.select(
        "known_on", pl.lit(QUARANTINE).alias("kept_in"), pl.col("id").str.slice(0, 12), "field", "reason"
    )


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
    sentence: str,
    *,
    remedy: str,
    n_rows: int | None = None,
    offending: pl.DataFrame | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """A failed check: what is wrong, what to do, how many rows, and the first of them."""
    metadata: dict[str, dg.MetadataValue | int | str] = {"trouble": sentence, "remedy": remedy}
    if n_rows is not None:
        metadata["n_rows"] = n_rows
    if offending is not None:
        metadata["n_broken"] = offending.height
        metadata["broken_rows"] = preview(offending, offending.columns, n_rows=SHOWN_ROWS)
    description = f"{sentence}. {remedy}"
    return dg.AssetCheckResult(passed=False, severity=severity, description=description, metadata=metadata)
