"""A small market of known prices in a data directory: six symbols, thirty sessions, a candidate of each every day."""

import multiprocessing
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from amc_learning.market_calendar import exchange_sessions
from amc_learning.settings import Settings
from amc_learning.stages.evidence import mature_outcomes
from amc_learning.stages.ingest import SentTable, merge_tables
from amc_learning.warehouse import Warehouse

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
SESSIONS = exchange_sessions("XNYS", date(2024, 1, 2), date(2024, 2, 13))["session_date"].to_list()
"""Thirty sessions with one holiday among them."""

NOW = datetime(2024, 6, 3, 12, tzinfo=ZoneInfo("UTC"))


def price(symbol: str, session: date) -> float:
    """The close: whole cents that tell symbol and session."""
    return 100.0 + 10 * SYMBOLS.index(symbol) + (session - SESSIONS[0]).days


def bars_of(sessions: list[date], symbols: tuple[str, ...] = SYMBOLS) -> pl.DataFrame:
    """Bars as sent."""
    rows = [(symbol, session, price(symbol, session)) for session in sessions for symbol in symbols]
    closes = pl.col("close")
    return pl.DataFrame(rows, schema={"symbol": pl.String, "date": pl.Date, "close": pl.Float64}, orient="row").select(
        "symbol", "date", open=closes - 0.5, high=closes + 1, low=closes - 1, close=closes, volume=closes * 1000
    )


def open_world(data_dir: Path, **sections: object) -> tuple[Warehouse, Settings]:
    """A data directory without anything in it."""
    settings = Settings(data_dir=data_dir, **sections)  # type: ignore[arg-type]
    return Warehouse.open(settings.data_dir, settings.features.components), settings


def stored(warehouse: Warehouse) -> pl.DataFrame:
    """All bars of the table."""
    return warehouse.table("price_bars").read(None, None)


def closes(warehouse: Warehouse, symbol: str) -> dict[date, float]:
    """The stored closes of a symbol by session."""
    return dict(stored(warehouse).filter(pl.col("symbol") == symbol).select("known_on", "close_usd").iter_rows())


def exit_code_of(function: Callable[..., None], *arguments: object) -> int | None:
    """How a process of its own that calls this function ends."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def add_candidates(warehouse: Warehouse, every: int = 1) -> None:
    """A candidate of each symbol after the close of every n-th session, symbols taking turns when n is not 1."""
    table = warehouse.catalogue["discovery_candidates"]
    rows = []
    for place, session in enumerate(SESSIONS):
        decided_at = datetime.combine(session, time(16, 10), ZoneInfo("America/New_York"))
        for number, symbol in enumerate(SYMBOLS):
            if (place + number) % every == 0:
                name = f"{session}:{symbol}"
                rows.append({"known_on": session, "decision_id": name, "event_id": str(session), "symbol": symbol})
                rows[-1] |= {"decided_at": decided_at, "is_late": False, "is_selected": True}
    empty = table.empty()
    frame = pl.DataFrame(rows).with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in empty.schema.items() if name not in rows[0]
    )
    warehouse.table(table.name).write(frame.select(table.column_names).cast(dict(table.schema)), SESSIONS)  # type: ignore[arg-type]


def merge(warehouse: Warehouse, settings: Settings, bars: pl.DataFrame, name: str = "bars.csv") -> tuple[str, ...]:
    """Merge bars as every source does; the messages."""
    report = merge_tables(warehouse, settings, "bars", [SentTable(name, bars)], received_at=NOW, is_whole=False)
    return report.messages


def outcomes_of_every_day(warehouse: Warehouse, settings: Settings) -> dict[date, str]:
    """Compute all outcomes; the hash of each day's partition."""
    mature_outcomes(warehouse, settings, weekdays(SESSIONS[0], SESSIONS[-1]))
    return {entry.known_on: str(entry.sha256) for entry in warehouse.table("candidate_outcomes").entries()}


def weekdays(first: date, last: date) -> list[date]:
    """Weekdays from a day to a day."""
    days = (first + timedelta(days=step) for step in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5]
