"""Which computed days a change of price bars or index closes touches, and remembering them before the change is made.

Belongs here: the dependence of outcome tables on bars, and of regimes on closes. Not here: the record itself
(warehouse/reopened), computing the days again (evidence and its neighbours, by `amc-learning run evidence`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from amc_learning.settings import Settings
from amc_learning.stages.due import span
from amc_learning.stages.sessions import sessions_between
from amc_learning.warehouse import Warehouse, reopened
from amc_learning.warehouse.errors import CorruptPartition

PRICES = ("open_usd", "high_usd", "low_usd", "close_usd")
"""What outcomes are computed from; no outcome depends on the volume of a bar."""

LAST_BAR_COLUMNS = {
    "candidate_outcomes": "known_on",
    "thesis_outcomes": "known_on",
    "trade_outcomes": "known_on",
    "closed_trades": "exit_date",
}
"""Tables whose rows are computed from bars of their `symbol`, from `entry_date` to the day in the column named here."""

SESSION_MISSING = "session_missing"

LONGEST_CLOSURE_DAYS = 10
"""Calendar days between two sessions are never more: the exchange closed for a week in September 2001."""


@dataclass(frozen=True)
class Reopened:
    """Days that wait to be computed again, by table, and how many changed bars or closes they depend on."""

    days: Mapping[str, tuple[date, ...]]
    n_bars: int
    first_session: date | None = None
    last_session: date | None = None
    what: str = "bar"

    @property
    def all_days(self) -> list[date]:
        """The days of all tables together, in order."""
        return sorted({day for days in self.days.values() for day in days})

    def message(self, name: str, last_computed: date) -> str:
        """One sentence for people: what came late, which days wait, and the command."""
        days = self.all_days
        sessions = [day for day in (self.first_session, self.last_session) if day]
        bars = f"{self.n_bars} new or changed {self.what}{'s' if self.n_bars > 1 else ''}"
        made = "outcomes were computed" if self.what == "bar" else "regimes were labelled"
        return (
            f"{name}: {bars} of {span(sorted(set(sessions)), counted=False)} came after {made} from "
            f"{'them' if self.n_bars > 1 else 'it'}; {len(days)} knowledge {'days are' if len(days) > 1 else 'day is'} "
            f"open again, {span(days, counted=False)}: amc-learning run evidence --from {days[0]} --to {last_computed}"
        )


def reopen_dependents(warehouse: Warehouse, settings: Settings, changed: pl.DataFrame, *, name: str) -> Reopened:
    """Remember as open every computed day of which a row depends on one of these bars. Call it inside a `turn`.

    A row depends on the bars of its symbol from its entry price to its last session, and, when it is flagged because
    a whole session was missing, on the first bars of that session, whosever they are. Bars whose prices stay what
    they are change nothing.

    Args:
        warehouse: holds the bars as they are before the change.
        settings: exchange and entry rule.
        changed: rows of price_bars that are new or differ from the stored ones.
        name: where they come from, for the reason that is kept.

    Returns:
        The days remembered, by table; none when no row depends on them.
    """
    first: date | None = changed["known_on"].min()  # type: ignore[assignment]
    computed = [table for table in LAST_BAR_COLUMNS if first and _is_computed_since(warehouse, table, first)]
    prices = _with_other_prices(warehouse, changed) if computed else changed.clear()
    if prices.is_empty():
        return Reopened({}, 0)
    filled = _sessions_filled(warehouse, changed)
    days: dict[str, tuple[date, ...]] = {}
    for table in computed:
        found = _dependents(warehouse, settings, table, prices, filled)
        if found:
            days[table] = tuple(found)
            reopened.add(warehouse, table, dict.fromkeys(found, f"bars from {name} came after it was computed"))
    sessions = prices["known_on"]
    return Reopened(days, prices.height, sessions.min(), sessions.max())  # type: ignore[arg-type]


def reopen_regimes(warehouse: Warehouse, _: Settings, changed: pl.DataFrame, *, name: str) -> Reopened:
    """Remember as open every labelled day from the first of these closes on. Call it inside a `turn`.

    A session follows from the one before it, and a model from years of closes, so every later label may differ.

    Args:
        warehouse: holds the labels made from the closes as they are before the change.
        changed: rows of index_closes that are new or differ from the stored ones.
        name: where they come from, for the reason that is kept.

    Returns:
        The days remembered; none when nothing was labelled from the first of them on.
    """
    if changed.is_empty():
        return Reopened({}, 0)
    sessions = changed["known_on"]
    first: date = sessions.min()  # type: ignore[assignment]
    days = [entry.known_on for entry in warehouse.table("market_regimes").entries(first, None)]
    if not days:
        return Reopened({}, 0)
    reopened.add(warehouse, "market_regimes", dict.fromkeys(days, f"closes from {name} came after it was labelled"))
    late = sessions.filter(sessions <= days[-1])
    return Reopened({"market_regimes": tuple(days)}, late.len(), first, late.max(), "close")  # type: ignore[arg-type]


def _is_computed_since(warehouse: Warehouse, table: str, day: date) -> bool:
    return table in warehouse.tables and bool(warehouse.table(table).entries(day, None))


def _with_other_prices(warehouse: Warehouse, changed: pl.DataFrame) -> pl.DataFrame:
    """The changed bars whose prices differ from the stored ones, `known_on` and `symbol` of each."""
    stored = _stored(warehouse, changed)
    keys = ["known_on", "symbol"]
    if stored is None:
        return changed.select(keys)
    return changed.join(stored, on=[*keys, *PRICES], how="anti", nulls_equal=True).select(keys)


def _stored(warehouse: Warehouse, changed: pl.DataFrame) -> pl.DataFrame | None:
    """Stored bars over the span of these; None when some of them are damaged and about to be made anew."""
    first, last = changed["known_on"].min(), changed["known_on"].max()
    try:
        return warehouse.table("price_bars").read(first, last, columns=["known_on", "symbol", *PRICES])  # type: ignore[arg-type]
    except CorruptPartition:
        return None


def _sessions_filled(warehouse: Warehouse, changed: pl.DataFrame) -> tuple[set[date], set[date]]:
    """Sessions that get their first bars now, and sessions that will have bars afterwards."""
    present = {entry.known_on for entry in warehouse.table("price_bars").entries() if entry.n_rows}
    coming = set(changed["known_on"].unique().to_list())
    return coming - present, coming | present


def _dependents(
    warehouse: Warehouse, settings: Settings, table: str, prices: pl.DataFrame, filled: tuple[set[date], set[date]]
) -> list[date]:
    """The days of a table on which some row depends on these bars."""
    last_column = LAST_BAR_COLUMNS[table]
    schema = warehouse.catalogue[table].schema
    status = [name for name in ("outcome_status",) if name in schema]
    columns = list(dict.fromkeys(["known_on", "symbol", "entry_date", last_column, *status]))
    first: date = prices["known_on"].min()  # type: ignore[assignment]
    rows = warehouse.table(table).read(first, None, columns=columns).with_columns(last=pl.col(last_column))
    rows = _with_first_bar(rows, settings).drop_nulls(["first", "last", "symbol"])
    latest = rows.sort("last").join_asof(
        prices.select("symbol", changed_on=pl.col("known_on")).sort("changed_on"),
        left_on="last",
        right_on="changed_on",
        by="symbol",
        strategy="backward",
        check_sortedness=False,
    )
    is_touched = pl.col("changed_on") >= pl.col("first")
    if status:
        came, present = (pl.Series(sorted(days), dtype=pl.Date).implode() for days in filled)
        ends = [pl.col("first"), pl.col("last")]
        is_filled = pl.any_horizontal(day.is_in(came) for day in ends)
        is_whole = pl.all_horizontal(day.is_in(present) for day in ends)
        is_touched |= (pl.col("outcome_status") == SESSION_MISSING) & is_filled & is_whole
    return sorted(latest.filter(is_touched)["known_on"].unique().to_list())


def _with_first_bar(rows: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Rows with `first`, the session of the entry price: the entry itself, or the session before it for a close."""
    if settings.outcomes.entry == "next_open" or rows.is_empty():
        return rows.with_columns(first=pl.col("entry_date"))
    earliest, latest = rows["entry_date"].min(), rows["entry_date"].max()
    start = earliest - timedelta(days=LONGEST_CLOSURE_DAYS)  # type: ignore[operator]
    sessions = sessions_between(settings, start, latest)["session_date"]  # type: ignore[arg-type]
    before = pl.DataFrame({"entry_date": sessions, "first": sessions.shift(1)})
    return rows.join(before, on="entry_date", how="left")
