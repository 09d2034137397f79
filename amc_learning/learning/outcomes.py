"""What became of every decision: forward returns, excursions and their flags, known on the session they mature.

Belongs here: the outcome of a decision from price bars, traded or not.
Not here: the return of an actual trade (it comes from the ledger), the join with scores (join.py), reading or writing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.tables import Table, catalogue
from amc_learning.learning.price_panel import PricePanel, price_panel
from amc_learning.learning.sessions import Positions, session_axis

TABLE = catalogue(())["candidate_outcomes"]

COMPLETE = "complete"
MISSING_BARS = "missing_bars"
MISSING_EXIT_BAR = "missing_exit_bar"
MISSING_ENTRY_BAR = "missing_entry_bar"
SESSION_MISSING = "session_missing"


@dataclass(frozen=True)
class OutcomeRules:
    """How an outcome is measured.

    Args:
        horizons: name of each horizon and its length in sessions, the first session held counted; at least 1.
        entry: `next_open` (the open of the first session after the decision) or `decision_close` (the last close by
            then; decided while the exchange is open, the close of that session).
        winner_return: a forward return at or above this is a winner (fraction).
        loser_return: a forward return at or below this is a loser (fraction).

    Raises:
        ValueError: no horizon, a horizon under one session, an unknown entry, or bounds that overlap.
    """

    horizons: Mapping[str, int]
    entry: Literal["next_open", "decision_close"]
    winner_return: float
    loser_return: float

    def __post_init__(self) -> None:
        """Refuse rules that cannot be meant."""
        if not self.horizons or min(self.horizons.values()) < 1:
            raise ValueError(f"horizons must each be at least 1 session, got {dict(self.horizons)}")
        if self.entry not in ("next_open", "decision_close"):
            raise ValueError(f"entry must be next_open or decision_close, got {self.entry!r}")
        if self.loser_return >= self.winner_return:
            raise ValueError(f"loser_return {self.loser_return} must be below winner_return {self.winner_return}")

    @property
    def longest(self) -> int:
        """Sessions of the longest horizon."""
        return max(self.horizons.values())

    @property
    def price_offset(self) -> int:
        """Where the entry price is paid, in sessions from the first session held."""
        return 0 if self.entry == "next_open" else -1


class RequiredWindow(NamedTuple):
    """What must be read for outcomes from some day on: partitions from these days to the last day wanted."""

    decisions_from: date
    bars_from: date


def required_window(sessions: pl.DataFrame, rules: OutcomeRules, known_from: date) -> RequiredWindow:
    """The first knowledge day of decisions and the first session of bars that outcomes from `known_from` on need.

    The oldest decision that can mature on `known_from` was made after the open of the session before its entry, so it
    became known on that session's day or later.

    Args:
        sessions: as for `candidate_outcomes`, reaching from the longest horizon before `known_from` to it.
        rules: how outcomes are measured.
        known_from: first knowledge day wanted.

    Raises:
        ValueError: the sessions end before `known_from` or do not reach back far enough.
    """
    axis = session_axis(sessions)
    start, _ = axis.span(known_from, known_from)
    if start == len(axis.days):
        raise ValueError(f"no session on or after {known_from}: give sessions up to the last day wanted")
    require_reach(rules, start)
    first_held = start - rules.longest + 1
    return RequiredWindow(axis.date_at(first_held - 1), axis.date_at(first_held + rules.price_offset))


def candidate_outcomes(
    candidates: pl.DataFrame,
    bars: pl.DataFrame,
    sessions: pl.DataFrame,
    rules: OutcomeRules,
    *,
    known_from: date,
    known_to: date,
) -> pl.DataFrame:
    """What became known from `known_from` to `known_to` about decisions: one row per decision and maturing horizon.

    The first session held is the first that opens after the decision; it is the row's `entry_date` under both entry
    rules, so both put a decision into the same cross-section and let it mature on the same session. A horizon of h
    sessions matures on the h-th session held; the exit is its close. Under `next_open` the entry price is the open of
    the first session held; under `decision_close` it is the close of the session before it, which for a decision made
    while the exchange was open is that day's close. Excursions are the highest high and lowest low of the bars present
    from the first session held to maturity; a bar's own open is inside its range.

    `outcome_status` names the worst that is missing, in this order: `session_missing` (no bar of any symbol on the
    session of the entry price or of maturity: the feed has a gap), `missing_entry_bar`, `missing_exit_bar`,
    `missing_bars` (one in between), else `complete`. Nothing is ever filled forward: what needs a missing price is
    null, and `last_known_return` says what the last close present would have given.

    A decision whose knowledge day lies after maturity, or before the session that precedes its entry, is dated wrongly
    and has no row for that horizon. Knowledge days are what senders claim by their timestamps: an event received long
    after the outcome it speaks of is measured like any other, and only `is_late` of discovery_candidates tells it.

    Args:
        candidates: `known_on`, `decision_id`, `symbol`, `decided_at` of discovery_candidates; at least those that
            `required_window` names. Other columns are ignored.
        bars: price_bars of all symbols, at least as many sessions as `required_window` names; bars on days without a
            session are ignored.
        sessions: `session_date`, `opens_at`, one row per exchange session, reaching from the longest horizon before
            `known_from` to `known_to`.
        rules: horizons, entry and bounds.
        known_from: first maturity session wanted.
        known_to: last maturity session wanted.

    Returns:
        Table candidate_outcomes, sorted by knowledge day and its key. A day's rows do not depend on the range.

    Raises:
        ValueError: the sessions do not reach back far enough, or a symbol has two bars for one session.
    """
    axis = session_axis(sessions)
    start, stop = axis.span(known_from, known_to)
    if start == stop or candidates.is_empty():
        return TABLE.empty()
    require_reach(rules, start)
    decisions = candidates.select(pl.col("known_on").alias("decision_known_on"), "decision_id", "symbol", "decided_at")
    first_held = axis.first_opening_after(decisions["decided_at"])
    is_needed = (first_held < stop) & (first_held + rules.longest > start)
    decisions, first_held = decisions.filter(pl.Series(is_needed)), first_held[is_needed]
    codes = decisions["symbol"].unique().sort().to_frame().with_row_index("code")
    decisions = decisions.join(codes, on="symbol", how="left", maintain_order="left")
    panel = price_panel(bars, codes, axis, start=start - rules.longest, stop=stop)
    known_on = decisions["decision_known_on"].to_physical().to_numpy()
    parts = []
    for horizon, length in rules.horizons.items():
        maturity = first_held + length - 1
        is_matured = (maturity >= start) & (maturity < stop)
        is_matured[is_matured] = (axis.days[first_held[is_matured] - 1] <= known_on[is_matured]) & (
            known_on[is_matured] <= axis.days[maturity[is_matured]]
        )
        rows = decisions.filter(pl.Series(is_matured))
        measured = _measured(panel, rows["code"].to_numpy(), first_held[is_matured], length, rules)
        parts.append(
            rows.with_columns(
                axis.dates(maturity[is_matured]).alias("known_on"),
                axis.dates(first_held[is_matured]).alias("entry_date"),
                pl.lit(horizon).alias("horizon"),
                pl.lit(length, pl.Int64).alias("horizon_sessions"),
                *measured,
            )
        )
    return as_outcomes(parts, rules, TABLE)


def as_outcomes(parts: Sequence[pl.DataFrame], rules: OutcomeRules, table: Table) -> pl.DataFrame:
    """The measured rows of every horizon as an outcome table: with winners and losers, typed and sorted."""
    return (
        pl.concat(parts)
        .with_columns(
            (pl.col("forward_return") >= rules.winner_return).alias("is_winner"),
            (pl.col("forward_return") <= rules.loser_return).alias("is_loser"),
        )
        .select(table.column_names)
        .cast(dict(table.schema))  # type: ignore[arg-type]
        .sort("known_on", *table.key)
    )


def require_reach(rules: OutcomeRules, start: int) -> None:
    """Refuse sessions that do not reach back the longest horizon before the first knowledge day wanted.

    Raises:
        ValueError: they do not; says how many are there.
    """
    if start < rules.longest:
        wanted = f"the {rules.longest} sessions before the first knowledge day wanted"
        raise ValueError(f"sessions must include {wanted}; only {start} were given")


def _measured(
    panel: PricePanel, symbol: npt.NDArray[np.uint32], first_held: Positions, length: int, rules: OutcomeRules
) -> Iterator[pl.Series]:
    """The measured columns of decisions in `symbol` rows of the panel, held for `length` sessions."""
    held = first_held - panel.start
    paid_on, exit_on = held + rules.price_offset, held + length - 1
    entry_price = (panel.opens if rules.entry == "next_open" else panel.closes)[symbol, paid_on]
    exit_price = panel.closes[symbol, exit_on]
    highest, lowest, last_close = (np.full(len(held), np.nan) for _ in range(3))
    n_missing = np.zeros(len(held), dtype=np.int64)
    for session in range(length):
        close = panel.closes[symbol, held + session]
        is_missing = np.isnan(close)
        n_missing += is_missing
        last_close = np.where(is_missing, last_close, close)
        # fmax and fmin pass over the NaN of a missing bar.
        highest = np.fmax(highest, panel.highs[symbol, held + session])
        lowest = np.fmin(lowest, panel.lows[symbol, held + session])
    status = np.select(
        [
            ~(panel.has_bars[paid_on] & panel.has_bars[exit_on]),
            np.isnan(entry_price),
            np.isnan(exit_price),
            n_missing > 0,
        ],
        [SESSION_MISSING, MISSING_ENTRY_BAR, MISSING_EXIT_BAR, MISSING_BARS],
        COMPLETE,
    )
    prices = {
        "entry_price_usd": entry_price,
        "exit_price_usd": exit_price,
        "forward_return": exit_price / entry_price - 1,
        "max_favorable_excursion": highest / entry_price - 1,
        "max_adverse_excursion": lowest / entry_price - 1,
        "last_known_return": last_close / entry_price - 1,
    }
    for name, values in prices.items():
        yield pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
    yield pl.Series("n_missing_bars", n_missing)
    yield pl.Series("outcome_status", status.astype(object), dtype=pl.String)
