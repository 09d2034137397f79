"""How long a closed trade was held, and how far the price went while it was.

Belongs here: sessions, and excursions from daily bars. Not here: returns (settlement), what led to the trade (links).
"""

from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE

LONGEST_HOLDING_SESSIONS = 252
"""Excursions of a trade held for more than a year are not measured: a night would have to read years of bars for it."""

SESSION_EDGE = timedelta(minutes=5)
"""A fill this close to the open or the close of a session is one at it: of the bar nothing finer is known."""

_PRICES = ("open_usd", "high_usd", "low_usd", "close_usd")


def bars_required_from(closed: pl.DataFrame, sessions: pl.DataFrame, *, longest_sessions: int) -> date | None:
    """The first session of bars that `closed_trades` needs for these trades, None when it needs none.

    Args:
        closed: as for `closed_trades`.
        sessions: as for `closed_trades`.
        longest_sessions: as for `closed_trades`.
    """
    dated = with_holding_sessions(closed, sessions)
    needed = dated.filter(pl.col("holding_sessions").is_between(1, longest_sessions))
    first: date | None = needed.select(pl.col("entry_date").min()).item()
    return first


def closed_trades(
    closed: pl.DataFrame,
    bars: pl.DataFrame,
    sessions: pl.DataFrame,
    *,
    longest_sessions: int = LONGEST_HOLDING_SESSIONS,
) -> pl.DataFrame:
    """Closed trades with the sessions they were held and their excursions over the average entry.

    Excursions are over the prices known to have been traded while the position was held: the average entry and the last
    exit themselves, and of each session held its whole range, except where the position was opened or closed inside it,
    more than `SESSION_EDGE` from the open or the close. Of a session it was bought in after the open, only the close
    counts; of one it was sold in before the close, only the open; of one both happened in, neither. So a stop-out never
    carries the rest of a day it did not live through.

    Args:
        closed: closed trades of the fold: `symbol`, `opened_at`, `closed_at`, `average_entry_price_usd`,
            `last_exit_price_usd`. Other columns are kept.
        bars: price_bars, at least the symbols of `closed` on the sessions they were held.
        sessions: `session_date`, `opens_at`, `closes_at`, reaching over all of them. Give them from one fixed day on: a
            trade opened before the first has no entry date here.
        longest_sessions: trades held longer have no excursions.

    Returns:
        The rows in their order with `entry_date`, `exit_date`, `holding_sessions` (null when the opening is unknown or
        lies after the close; 0 when it was opened and closed between two sessions), `max_favorable_excursion` (>= 0),
        `max_adverse_excursion` (<= 0; both null when a price is unknown or no session held has a bar) and
        `n_missing_bars`.
    """
    rows = with_holding_sessions(closed, sessions).drop(*_RANGE, "n_missing_bars", strict=False).with_row_index("_row")
    measurable = rows.filter(pl.col("holding_sessions").is_between(1, longest_sessions))
    ordered = sessions.sort("session_date").with_row_index("_session")
    held = (
        measurable.select(
            "_row",
            "symbol",
            "opened_at",
            "closed_at",
            _session=pl.int_ranges("_entry", pl.col("_exit") + 1, dtype=pl.UInt32),
        )
        .explode("_session")
        .join(ordered, on="_session", how="left")
    )
    wanted = bars.lazy().join(measurable.lazy().select("symbol").unique(), on="symbol", how="semi")
    priced = held.lazy().join(
        wanted.select("symbol", *_PRICES, session_date="known_on"), on=["symbol", "session_date"], how="left"
    )
    is_from_open = pl.col("opened_at") <= pl.col("opens_at") + SESSION_EDGE
    is_to_close = pl.col("closed_at") >= pl.col("closes_at") - SESSION_EDGE
    seen_open = pl.when(is_from_open & (pl.col("closed_at") >= pl.col("opens_at"))).then("open_usd")
    seen_close = pl.when(is_to_close).then("close_usd")
    is_whole = is_from_open & is_to_close
    ranges = (
        priced.group_by("_row")
        .agg(
            _highest=pl.max_horizontal(pl.when(is_whole).then("high_usd"), seen_open, seen_close).max(),
            _lowest=pl.min_horizontal(pl.when(is_whole).then("low_usd"), seen_open, seen_close).min(),
            n_missing_bars=pl.col("close_usd").is_null().sum().cast(pl.Int64),
            _n_bars=pl.col("close_usd").count(),
        )
        .collect()
    )
    entry, leaving = pl.col("average_entry_price_usd"), pl.col("last_exit_price_usd")
    is_known = (pl.col("_n_bars") > 0) & entry.is_not_null() & leaving.is_not_null()
    return (
        rows.join(ranges, on="_row", how="left", maintain_order="left")
        .with_columns(
            pl.when(is_known)
            .then(pl.max_horizontal("_highest", entry, leaving) / entry - 1)
            .alias("max_favorable_excursion"),
            pl.when(is_known)
            .then(pl.min_horizontal("_lowest", entry, leaving) / entry - 1)
            .alias("max_adverse_excursion"),
        )
        .drop("_row", "_entry", "_exit", "_highest", "_lowest", "_n_bars")
    )


_RANGE = ("max_favorable_excursion", "max_adverse_excursion")


def with_holding_sessions(closed: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Closed trades with `entry_date`, `exit_date`, `holding_sessions`, and the positions `_entry` and `_exit`.

    The first session held is the first that closes at or after the opening; the last is the session of the day of the
    close (US/Eastern), or the last before it: a close sent with no more than a date still falls on its session.
    """
    ordered = sessions.sort("session_date").with_row_index("_session")
    firsts = ordered.select(_entry="_session", entry_date="session_date", _at="closes_at").sort("_at")
    lasts = ordered.select(_exit="_session", exit_date="session_date").sort("exit_date")
    rows = closed.drop("entry_date", "exit_date", "holding_sessions", strict=False).with_row_index("_order")
    entered = rows.sort("opened_at").join_asof(firsts, left_on="opened_at", right_on="_at", strategy="forward")
    left = (
        entered.with_columns(_exit_day=_market_day("closed_at"))
        .sort("_exit_day")
        .join_asof(lasts, left_on="_exit_day", right_on="exit_date", strategy="backward", coalesce=False)
    )
    n_sessions = pl.col("_exit").cast(pl.Int64) - pl.col("_entry").cast(pl.Int64) + 1
    is_ordered = pl.col("opened_at") <= pl.col("closed_at")
    # The first session given is not the first held of what was opened before its day: that one lies further back.
    is_within = _market_day("opened_at") >= sessions["session_date"].min()
    return (
        left.with_columns(pl.when(is_within).then(name).alias(name) for name in ("_entry", "entry_date"))
        .sort("_order")
        .with_columns(holding_sessions=pl.when(is_ordered).then(n_sessions.clip(lower_bound=0)))
        .drop("_order", "_at", "_exit_day", strict=False)
    )


def _market_day(column: str) -> pl.Expr:
    return pl.col(column).dt.convert_time_zone(MARKET_TIMEZONE).dt.date()
