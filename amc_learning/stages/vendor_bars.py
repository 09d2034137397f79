"""Bars from a vendor: the sessions that have none yet, and the earlier bars of symbols that have split since.

Belongs here: what is asked for, in which order, and what is remembered so that nothing is asked for twice. Not here:
HTTP and the vendor's format (market_data), judging and merging rows (ingest).

The vendor gives prices in units of the shares of the day it is asked. A split therefore makes every earlier bar of its
symbol wrong against the later ones: all of them that were fetched before are fetched again, not only the newest,
because a border between two units inside some outcome would look like a return.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from amc_learning.contracts.declared.market import bar_fetches, stock_splits
from amc_learning.contracts.knowledge_days import (
    FIRST_KNOWLEDGE_DAY,
    MARKET_TIMEZONE,
    previous_knowledge_day,
    rolled_forward,
)
from amc_learning.market_data.errors import VendorRefused
from amc_learning.market_data.polygon import KEY_VARIABLE, PolygonClient, Split
from amc_learning.settings import Settings
from amc_learning.stages.ingest import IngestReport, SentTable, closed_sessions, merge_tables
from amc_learning.stages.sessions import sessions_between
from amc_learning.warehouse import CorruptPartition, Warehouse

KIND = "bars"
VENDOR = "polygon"

SETTLED_AFTER = timedelta(hours=4)
"""After the close: trading after hours and its corrections change the day's bar until 20:00 in New York."""

SESSIONS_PER_READ = 260
"""A year of bars of all symbols in memory at a time."""


def fetch_bars(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, now: datetime, client: PolygonClient | None
) -> list[IngestReport]:
    """Fetch and merge, session by session, then symbol by symbol; each is durable before the next is asked for.

    Args:
        warehouse: where the bars go.
        settings: the vendor's section, exchange and entry rule.
        days: knowledge days, in order; sessions among them, and splits executed on them or the weekend before.
        now: the clock, read once.
        client: asks the vendor; None makes one from the settings, and closes it.

    Raises:
        VendorRefused, VendorError: as the client; what was merged before stays.
    """
    if not days:
        return []
    with polygon_client(settings) if client is None else nullcontext(client) as asked:
        reports = list(_sessions(warehouse, settings, days, now, asked))
        return reports + list(_splits(warehouse, settings, days, now, asked))


def polygon_client(settings: Settings) -> PolygonClient:
    """The client these settings describe.

    Raises:
        VendorRefused: no key is set.
    """
    section = settings.polygon
    if section.api_key is None:
        raise VendorRefused(
            f"market.bars_source is polygon, but no key is set: put it into the environment as {KEY_VARIABLE}, or take "
            "bars from files (AMC_LEARNING_MARKET__BARS_SOURCE=files)"
        )
    return PolygonClient(
        section.base_url,
        section.api_key.get_secret_value(),
        requests_per_minute=section.requests_per_minute,
        timeout_seconds=section.timeout_seconds,
        max_attempts=section.max_attempts,
    )


# -- sessions ---------------------------------------------------------------------------------------------------


def _sessions(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], now: datetime, client: PolygonClient
) -> Iterator[IngestReport]:
    with_bars = {entry.known_on for entry in warehouse.table("price_bars").entries() if entry.n_rows}
    calendar = sessions_between(settings, days[0], days[-1])
    closes = dict(calendar.select("session_date", "closes_at").iter_rows())
    for session in days:
        if session not in closes or session in with_bars or closes[session] > now:
            continue
        settled = closes[session] + SETTLED_AFTER
        if settled > now:
            yield IngestReport(
                KIND, (), messages=(f"bars of {session} settle until {settled:%H:%M} UTC; not yet asked",)
            )
            continue
        yield _session(warehouse, settings, session, now, client)


def _session(
    warehouse: Warehouse, settings: Settings, session: date, now: datetime, client: PolygonClient
) -> IngestReport:
    name = f"polygon {session}"
    bars = client.grouped_daily(session)
    if bars.frame.is_empty():
        message = f"{name}: the vendor has no bars of this session yet; the next run asks again"
        return IngestReport(KIND, (name,), n_unreadable_files=1, messages=(message,))
    report = merge_tables(warehouse, settings, KIND, [SentTable(name, bars.frame)], received_at=now)
    row = {"known_on": session, "vendor": VENDOR, "fetched_on": _market_date(now), "status": bars.status}
    fetched = pl.DataFrame([{**row, "n_bars": bars.frame.height}], schema=bar_fetches().schema)
    # after the bars: a session whose fetch is not recorded counts as fetched before any split, and is fetched again
    warehouse.table("bar_fetches").merge(fetched, repair=True)
    return replace(report, files=(name,))


def _market_date(now: datetime) -> date:
    return now.astimezone(ZoneInfo(MARKET_TIMEZONE)).date()


# -- splits -----------------------------------------------------------------------------------------------------


def _splits(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], now: datetime, client: PolygonClient
) -> Iterator[IngestReport]:
    first = max(FIRST_KNOWLEDGE_DAY, previous_knowledge_day(days[0]) + timedelta(days=1))
    last = min(days[-1], closed_sessions(settings, now)[0])
    if last < first or not warehouse.table("price_bars").days():
        return
    listed = client.splits(first, last)
    if listed.problems:
        yield IngestReport(KIND, (), messages=tuple(f"polygon: {problem}; left out" for problem in listed.problems))
    by_ticker = _not_yet_applied(warehouse, listed.splits)
    stale = _stale_sessions(warehouse, {splits[0].symbol: splits[-1].executed_on for splits in by_ticker.values()})
    for ticker, splits in by_ticker.items():
        sessions = stale.get(splits[0].symbol, [])
        if sessions:
            name = f"polygon {splits[0].symbol} after its split of {splits[-1].executed_on}"
            bars = client.symbol_bars(ticker, sessions[0], sessions[-1]).frame
            yield _fetched_again(warehouse, settings, sessions, name, bars, now=now)
        _remember(warehouse, splits, len(sessions), now)


def _not_yet_applied(warehouse: Warehouse, splits: Sequence[Split]) -> Mapping[str, list[Split]]:
    """Splits that the stored bars have not been brought up to, by ticker, in order of day."""
    applied = set(_remembered(warehouse, "stock_splits", ["known_on", "ticker"]).iter_rows())
    by_ticker: dict[str, list[Split]] = {}
    for split in splits:
        if (_known_on(split), split.ticker) not in applied:
            by_ticker.setdefault(split.ticker, []).append(split)
    return by_ticker


def _remembered(warehouse: Warehouse, name: str, columns: Sequence[str]) -> pl.DataFrame:
    """What a table of ours remembers; nothing when it is damaged, because forgetting only costs asking again."""
    table = warehouse.table(name)
    try:
        return table.read(None, None, columns=columns)
    except CorruptPartition:
        return table.table.empty().select(columns)


def _known_on(split: Split) -> date:
    """The weekday under which a split is kept; one dated on a weekend takes effect on the session after it."""
    return rolled_forward(split.executed_on)


def _stale_sessions(warehouse: Warehouse, executed_on: Mapping[str, date]) -> dict[str, list[date]]:
    """Per symbol, the sessions before its split whose stored bar was fetched before it too, or nobody knows when."""
    if not executed_on:
        return {}
    bars = warehouse.table("price_bars")
    wanted = pl.DataFrame(
        {"symbol": list(executed_on), "executed_on": list(executed_on.values())},
        schema={"symbol": pl.String, "executed_on": pl.Date},
    )
    fetched = _remembered(warehouse, "bar_fetches", ["known_on", "fetched_on"])
    earlier = [entry.known_on for entry in bars.entries() if entry.known_on < max(executed_on.values())]
    found: dict[str, list[date]] = {}
    for start in range(0, len(earlier), SESSIONS_PER_READ):
        bite = earlier[start : start + SESSIONS_PER_READ]
        held = bars.read(bite[0], bite[-1], columns=["known_on", "symbol"]).join(wanted, on="symbol", how="inner")
        is_stale = pl.col("fetched_on").is_null() | (pl.col("fetched_on") <= pl.col("executed_on"))
        stale = (
            held.filter(pl.col("known_on") < pl.col("executed_on"))
            .join(fetched, on="known_on", how="left")
            .filter(is_stale)
            .sort("known_on")
        )
        for symbol, session in stale.select("symbol", "known_on").iter_rows():
            found.setdefault(symbol, []).append(session)
    return found


def _fetched_again(
    warehouse: Warehouse, settings: Settings, sessions: Sequence[date], name: str, bars: pl.DataFrame, *, now: datetime
) -> IngestReport:
    """Merge the symbol's bars of these sessions in units of today's shares, a year of sessions at a time."""
    reports = []
    for start in range(0, len(sessions), SESSIONS_PER_READ):
        rows = bars.filter(pl.col("known_on").is_in(sessions[start : start + SESSIONS_PER_READ]))
        if rows.height:
            sent = SentTable(name, rows)
            reports.append(merge_tables(warehouse, settings, KIND, [sent], received_at=now, is_whole=False))
    missing = sorted(set(sessions) - set(bars["known_on"].to_list()))
    if not missing:
        return _joined(name, reports, [])
    lost = f"{name}: the vendor no longer has {len(missing)} sessions, from {missing[0]} on"
    return _joined(name, reports, [f"{lost}; their bars stay in units of the shares before the split"])


def _joined(name: str, reports: Sequence[IngestReport], messages: Sequence[str]) -> IngestReport:
    """One report of several merges; sessions of other symbols between these are no gaps."""
    return IngestReport(
        KIND,
        (name,),
        n_read=sum(report.n_read for report in reports),
        n_accepted=sum(report.n_accepted for report in reports),
        n_duplicates=sum(report.n_duplicates for report in reports),
        n_quarantined=sum(report.n_quarantined for report in reports),
        n_unreadable_files=0 if reports else 1,
        messages=(*(line for report in reports for line in report.messages), *messages),
    )


def _remember(warehouse: Warehouse, splits: Sequence[Split], n_sessions: int, now: datetime) -> None:
    """Record splits as applied, after the bars were merged."""
    rows = {
        (_known_on(split), split.ticker): {
            "known_on": _known_on(split),
            "symbol": split.symbol,
            "ticker": split.ticker,
            "split_from": split.split_from,
            "split_to": split.split_to,
            "applied_on": _market_date(now),
            "n_sessions": n_sessions,
        }
        for split in splits
    }
    warehouse.table("stock_splits").merge(pl.DataFrame(list(rows.values()), schema=stock_splits().schema), repair=True)
