"""Columns of tables by the names vendors give them, and their values as we type them.

Belongs here: finding and typing whole columns. Not here: which values can be true (bars.py).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import polars as pl

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.intake.discovery_shape import is_symbol
from amc_learning.intake.errors import IntakeError
from amc_learning.intake.instants import TimeRules, read_instant

ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "symbol": ("symbol", "ticker", "sym", "s"),
        "date": ("date", "session_date", "session", "timestamp", "datetime", "day", "known_on", "t"),
        "open": ("open", "open_usd", "open_price", "o"),
        "high": ("high", "high_usd", "high_price", "h"),
        "low": ("low", "low_usd", "low_price", "l"),
        "close": ("close", "close_usd", "close_price", "c"),
        "volume": ("volume", "volume_shares", "vol", "v"),
        "series": ("series", "index", "name", "symbol", "ticker"),
        "level": ("close", "close_points", "value", "level", "c"),
    }
)
"""Names a column is found under, in order of preference, in any case. Adjusted closes are on purpose not among them:
beside unadjusted highs and lows they make bars that never traded."""


def find_columns(
    table: pl.DataFrame, wanted: Sequence[str], *, source: str, optional: Sequence[str] = ()
) -> dict[str, str]:
    """The file's name of each wanted column.

    Raises:
        IntakeError: a column is missing; says which were found and which names would be accepted.

    >>> find_columns(pl.DataFrame({"Ticker": ["A"], "Date": ["2014-03-03"]}), ("symbol", "date"), source="x.csv")
    {'symbol': 'Ticker', 'date': 'Date'}
    """
    by_plain_name: dict[str, str] = {}
    for column in table.columns:
        by_plain_name.setdefault("_".join(column.strip().lower().split()), column)
    found: dict[str, str] = {}
    for name in (*wanted, *optional):
        alias = next((alias for alias in ALIASES[name] if alias in by_plain_name), None)
        if alias is not None:
            found[name] = by_plain_name[alias]
    missing = [name for name in wanted if name not in found]
    if missing:
        needed = "; ".join(f"{name} (or {', '.join(ALIASES[name][1:])})" for name in missing)
        present = ", ".join(column for column in table.columns if column != "line_problem") or "none"
        raise IntakeError(f"{source}: columns missing: {needed}. Found: {present}. Nothing was taken from it")
    return found


def typed_symbol(column: pl.Series) -> pl.Series:
    """Symbols upper-cased and stripped; null where it is no ticker symbol."""
    text = column.cast(pl.String)
    unique = text.unique().drop_nulls().to_list()
    cleaned = [symbol.strip().upper() for symbol in unique]
    return _mapped(text, unique, [symbol if is_symbol(symbol) else None for symbol in cleaned], pl.String())


def typed_date(column: pl.Series) -> pl.Series:
    """Session dates from dates, instants, epochs or text; null where it is no date.

    An instant counts for the day on the market's clock, midnight UTC for the day it names.
    """
    if column.dtype == pl.Date:
        return column
    source = column.cast(pl.Int64) if column.dtype.is_integer() else column
    if column.dtype.is_float() or not (column.dtype.is_integer() or column.dtype.is_temporal()):
        source = column.cast(pl.String, strict=False)
    unique = source.unique().drop_nulls()
    return _mapped(source, unique.to_list(), [_session_of(value) for value in unique.to_list()], pl.Date())


def typed_number(column: pl.Series) -> pl.Series:
    """Numbers as Float64; null where the text is no number."""
    if column.dtype == pl.String:
        column = column.str.strip_chars()
    return column.cast(pl.Float64, strict=False)


def _session_of(value: object) -> date | None:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.date()
        instant: datetime | date | None = value
    else:
        instant = value if isinstance(value, date) else read_instant(value, rules=TimeRules())
    if isinstance(instant, datetime):
        utc = instant.astimezone(UTC)
        is_midnight = (utc.hour, utc.minute, utc.second, utc.microsecond) == (0, 0, 0, 0)
        return utc.date() if is_midnight else instant.astimezone(ZoneInfo(MARKET_TIMEZONE)).date()
    return instant


def _mapped(column: pl.Series, old: Sequence[object], new: Sequence[object], dtype: pl.DataType) -> pl.Series:
    """Each value by what its distinct value means: a column has few distinct days and symbols, and millions of rows."""
    if not old:
        return pl.Series(column.name, [None] * column.len(), dtype)
    meaning = pl.Series(new, dtype=dtype)
    return column.replace_strict(pl.Series(old, dtype=column.dtype), meaning, default=None, return_dtype=dtype)
