"""Frames at the border of the store: checked against the declaration, encoded to the same bytes every time.

Belongs here: the checks of `contracts.tables` and the parquet encoding. Not here: where the bytes go (tables).
"""

import hashlib
import io
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import polars as pl
from polars.datatypes import DataTypeClass

from amc_learning.contracts.tables import KNOWN_ON, Table
from amc_learning.warehouse.errors import TableError
from amc_learning.warehouse.manifest import ManifestEntry, file_name

DAY = KNOWN_ON.name

ROW_GROUP_SIZE = 262_144
"""Fixed, so that the bytes do not depend on a library's default; a day's partition is far smaller."""

PAGE_BYTES = 1 << 30
"""No page ends before its column does. By default one ends after 1 MiB, estimated from all of the frame that a day was
cut from, so that the bytes of a day of lists would follow from how many days were computed with it."""


@lru_cache(maxsize=256)
def schema_fingerprint(table: Table) -> str:
    """Short hash over names and types of the columns: partitions written under another declaration are told apart."""
    described = ";".join(f"{column.name}:{_type_name(column.dtype)}" for column in table.columns)
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def checked(table: Table, frame: pl.DataFrame, days: Sequence[date] | None = None) -> pl.DataFrame:
    """The frame in the order of storage, once it is known to fit the declaration of its table.

    Args:
        table: the declaration.
        frame: rows of any order and any column order.
        days: the knowledge days rows may belong to; None allows every day.

    Returns:
        The same rows, columns as declared, sorted by knowledge day and key, in one chunk.

    Raises:
        TableError: missing, unknown or wrongly typed column; null in a column that has none; NaN; a row outside
            `days`; two rows with one key. The message names table, column and an example row.
    """
    _check_schema(table, frame)
    frame = frame.select(table.column_names)
    _check_values(table, frame)
    if days is not None:
        outside = frame.filter(~pl.col(DAY).is_in(list(set(days))))
        if outside.height:
            raise _error(table, DAY, f"{outside.height} rows lie outside the days to be written", outside)
    keys = [DAY, *table.key]
    frame = frame.sort(keys, maintain_order=True).rechunk()
    repeated = frame.filter(pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in keys))
    # the first row has no predecessor: shift gives nulls there, and key columns hold none
    if repeated.height:
        raise _error(table, ", ".join(keys), f"{repeated.height} rows repeat the key of another row", repeated)
    return frame


def encoded(table: Table, day: date, rows: pl.DataFrame) -> tuple[ManifestEntry, bytes | None]:
    """Manifest entry and parquet bytes of one day; the bytes are None when the day has no rows.

    Args:
        table: the declaration.
        day: the knowledge day of all rows.
        rows: checked and sorted by `checked`.
    """
    schema = schema_fingerprint(table)
    if not rows.height:
        return ManifestEntry(day, None, 0, None, 0, schema), None
    content = parquet_bytes(rows)
    sha256 = hashlib.sha256(content).hexdigest()
    return ManifestEntry(day, file_name(sha256), rows.height, sha256, len(content), schema), content


def parquet_bytes(rows: pl.DataFrame) -> bytes:
    """Rows as parquet: equal rows in equal order, in one chunk, give equal bytes, whatever frame they were cut from."""
    buffer = io.BytesIO()
    rows.write_parquet(
        buffer,
        compression="zstd",
        compression_level=3,
        statistics=True,
        row_group_size=ROW_GROUP_SIZE,
        data_page_size=PAGE_BYTES,
        use_pyarrow=False,
    )
    return buffer.getvalue()


def by_day(frame: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """Slices of a frame that is sorted by knowledge day, one per day that has rows."""
    counts = frame.group_by(DAY, maintain_order=True).len().rows()
    slices: dict[date, pl.DataFrame] = {}
    offset = 0
    for day, n_rows in counts:
        slices[day] = frame.slice(offset, n_rows)
        offset += n_rows
    return slices


def _type_name(dtype: pl.DataType | type[pl.DataType] | DataTypeClass) -> str:
    """Spelled by us, because a library that prints its types anew must not make stored partitions unreadable.

    >>> _type_name(pl.Array(pl.Int64, 101)), _type_name(pl.Datetime("us", "UTC")), _type_name(pl.Date)
    ('Array[Int64,101]', 'Datetime[us,UTC]', 'Date')
    """
    name = dtype.base_type().__name__
    if isinstance(dtype, pl.Array):
        return f"{name}[{_type_name(dtype.inner)},{dtype.size}]"
    if isinstance(dtype, pl.List):
        return f"{name}[{_type_name(dtype.inner)}]"
    if isinstance(dtype, pl.Datetime):
        return f"{name}[{dtype.time_unit},{dtype.time_zone}]"
    return name


def _check_schema(table: Table, frame: pl.DataFrame) -> None:
    declared, held = table.schema, frame.schema  # a frame makes its schema anew each time it is asked
    for name in held:
        if name not in declared:
            raise TableError(f"table {table.name}: column {name!r} is not declared; nothing was written")
    for name, dtype in declared.items():
        if name not in held:
            raise TableError(f"table {table.name}: column {name!r} is missing; nothing was written")
        if held[name] != dtype:
            message = f"holds {held[name]} where {dtype} is declared"
            raise _error(table, name, message, frame)


def _check_values(table: Table, frame: pl.DataFrame) -> None:
    never_null = {DAY, *table.key} | {column.name for column in table.columns if not column.is_nullable}
    n_nulls = frame.select(pl.col(sorted(never_null)).null_count()).row(0, named=True)
    for name, n_null in n_nulls.items():
        if n_null:
            raise _error(
                table,
                name,
                f"{n_null} rows are null in a column that has no nulls",
                frame.filter(pl.col(name).is_null()),
            )
    may_be_nan = {name: is_nan for name, dtype in frame.schema.items() if (is_nan := _is_nan(name, dtype)) is not None}
    # One look at all columns: a night writes tens of tables of tens of columns, and a look at each costs more.
    has_nan = frame.select(is_nan.any().alias(name) for name, is_nan in may_be_nan.items())
    for name, is_nan in may_be_nan.items():
        if has_nan[name].item():
            offending = frame.filter(is_nan)
            raise _error(table, name, f"{offending.height} rows hold NaN; what is unknown is null", offending)


def _is_nan(name: str, dtype: pl.DataType) -> pl.Expr | None:
    """Where a float column, or a list or array of floats, holds NaN; None for other columns."""
    if dtype.is_float():
        return pl.col(name).is_nan()
    inner = getattr(dtype, "inner", None)
    if isinstance(inner, pl.DataType) and inner.is_float():
        # to_list: both nested types then share one expression
        as_list = pl.col(name).cast(pl.List(inner))
        return as_list.list.eval(pl.element().is_nan().any()).list.first()
    return None


def _error(table: Table, column: str, trouble: str, offending: pl.DataFrame) -> TableError:
    named = [name for name in dict.fromkeys([DAY, *table.key, *column.split(", ")]) if name in offending.columns]
    example = offending.select(named).head(1).rows(named=True)
    row = f"; for example {_readable(example[0])}" if example else ""
    return TableError(f"table {table.name}, column {column}: {trouble}{row}. Nothing was written")


def _readable(row: dict[str, object]) -> str:
    return ", ".join(f"{name}={str(value)[:80]}" for name, value in row.items())
