"""The candidate, the thesis and the regimes that were known before a trade was opened.

Belongs here: what led to a closed trade, point in time. Not here: whether it was right (theses, failures).
"""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.declared.trades import closed_trades as declared_closed_trades
from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.learning.point_in_time import attach_regimes, with_dominant_component

LINK_DAYS = 5
"""Calendar days before the opening in which the decision behind it is looked for: a long weekend lies between."""


def decisions_required_from(closed: pl.DataFrame, *, link_days: int = LINK_DAYS) -> date | None:
    """The first knowledge day of candidates and theses that `link_trades` needs, None when no opening is known."""
    first: date | None = closed.select(_market_day("opened_at").min()).item()
    return None if first is None else first - timedelta(days=link_days)


def link_trades(
    closed: pl.DataFrame,
    candidates: pl.DataFrame,
    theses: pl.DataFrame,
    regimes: pl.DataFrame,
    *,
    weights: Mapping[str, float],
    link_days: int = LINK_DAYS,
) -> pl.DataFrame:
    """Closed trades with what was known before they were opened.

    The candidate is the last one of the symbol that was selected and decided before the opening, at most `link_days`
    before it; when the sender names the day of the signal, the last one of that day. The thesis is the last of the
    symbol in the same days, whatever its source. Of both, one that arrived in time beats one that arrived late. Regimes
    are those known before the day of the opening. Where there is no such row, and where the opening is unknown, the
    columns are null.

    Args:
        closed: of `holding.closed_trades`; `opened_at` and `signal_date` decide.
        candidates: discovery_candidates from `decisions_required_from` on, in any order.
        theses: thesis_decisions from there on, in any order.
        regimes: `known_on`, `basis`, `regime` of market_regimes, reaching back before the openings.
        weights: component to weight in their order, for `dominant_component`; they are the table's score columns.
        link_days: calendar days, at least 0.

    Returns:
        Table closed_trades, sorted by knowledge day and its key.
    """
    table = declared_closed_trades(tuple(weights))
    components = tuple(weights)
    trades = closed.drop("total_score", *components, strict=False).with_columns(
        _opened_day=_market_day("opened_at"), _row=pl.int_range(pl.len())
    )
    chosen = candidates.filter("is_selected")
    decisions = with_dominant_component(chosen, weights=weights).select(
        "symbol",
        "decision_id",
        "decided_at",
        "is_late",
        "action_tag",
        "total_score",
        *components,
        "dominant_component",
        _decided_day=_market_day("decided_at"),
    )
    linked = trades.join(
        _last_before(trades, decisions, "decision_id", link_days=link_days, is_named=True), on="_row", how="left"
    )
    opinions = theses.filter(pl.col("symbol").is_not_null()).select(
        "symbol", "thesis_id", "decided_at", "is_late", "recommendation", "confidence", "source"
    )
    linked = linked.join(
        _last_before(trades, opinions, "thesis_id", link_days=link_days, is_named=False), on="_row", how="left"
    )
    for basis, name in (("index", "market_regime"), ("discovery", "discovery_regime")):
        linked = attach_regimes(linked, regimes, day_column="_opened_day", basis=basis, name=name)
    return (
        linked.select(table.column_names)
        .cast(dict(table.schema))  # type: ignore[arg-type]
        .sort("known_on", *table.key)
    )


def _last_before(
    trades: pl.DataFrame, decisions: pl.DataFrame, key: str, *, link_days: int, is_named: bool
) -> pl.DataFrame:
    """Per `_row` of the trades the last decision on its symbol before it was opened; rows without one are left out."""
    opened = trades.filter(pl.col("opened_at").is_not_null()).select("_row", "symbol", "opened_at", "signal_date")
    age = pl.col("opened_at") - pl.col("decided_at")
    paired = opened.join(decisions, on="symbol", how="inner").filter(
        (age > timedelta(0)) & (age <= timedelta(days=link_days))
    )
    if is_named:
        is_of_signal = pl.col("signal_date").is_null() | (pl.col("_decided_day") == pl.col("signal_date"))
        paired = paired.filter(is_of_signal).drop("_decided_day")
    # A late one (all of history that was loaded afterwards) never takes the place of one that arrived in time.
    # Of decisions made at the same instant the order of the identifiers settles which counts.
    ordered = paired.sort("_row", "is_late", "decided_at", key, descending=[False, True, False, False])
    last = ordered.unique("_row", keep="last", maintain_order=True)
    return last.drop("symbol", "opened_at", "signal_date", "decided_at", "is_late")


def _market_day(column: str) -> pl.Expr:
    return pl.col(column).dt.convert_time_zone(MARKET_TIMEZONE).dt.date()
