"""What became of every opened position at the horizons, over the price paid, whether it was still held or not.

Belongs here: forward returns and excursions of openings. Not here: what a trade realised (settlement), outcomes of
candidates (learning/outcomes.py), whose flags and conventions these are.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.trades import trade_outcomes as declared_trade_outcomes
from amc_learning.learning.ledger.holding import SESSION_EDGE
from amc_learning.learning.outcomes import (
    COMPLETE,
    MISSING_BARS,
    MISSING_EXIT_BAR,
    SESSION_MISSING,
    OutcomeRules,
    as_outcomes,
    require_reach,
)
from amc_learning.learning.price_panel import Floats, PricePanel, price_panel
from amc_learning.learning.sessions import Positions, SessionAxis, session_axis

TABLE = declared_trade_outcomes()

MISSING_ENTRY_PRICE = "missing_entry_price"


def openings_required_from(sessions: pl.DataFrame, rules: OutcomeRules, known_from: date) -> date:
    """The first knowledge day of trade_openings, and the first session of bars, that `trade_outcomes` needs.

    Args:
        sessions: as for `trade_outcomes`.
        rules: as for `trade_outcomes`.
        known_from: first knowledge day wanted.

    Raises:
        ValueError: the sessions end before `known_from` or do not reach back far enough.
    """
    axis = session_axis(sessions)
    start, _ = axis.span(known_from, known_from)
    if start == len(axis.days):
        raise ValueError(f"no session on or after {known_from}: give sessions up to the last day wanted")
    require_reach(rules, start)
    return axis.date_at(start - rules.longest)


def trade_outcomes(
    openings: pl.DataFrame,
    bars: pl.DataFrame,
    sessions: pl.DataFrame,
    rules: OutcomeRules,
    *,
    known_from: date,
    known_to: date,
) -> pl.DataFrame:
    """What became known from `known_from` to `known_to` about opened positions: one row per position and horizon.

    The first session held is the first that closes at or after the opening; it counts as the first of the horizon. The
    return is the close of the horizon's last session over the price paid. Excursions are over the price paid and the
    sessions' ranges; of a session it was bought in more than `SESSION_EDGE` after the open, only the close counts.

    `outcome_status` is that of candidate_outcomes, except that the price paid is known from the ledger: a missing bar
    on the first session is one of `missing_bars`, and `missing_entry_price` means that no price was ever sent.

    Of a corrected opening the revision counts that was known on the maturity session. An opening that became known
    after that session, or before the session that precedes its first, is dated wrongly and has no row for that horizon.

    Args:
        openings: trade_openings from `openings_required_from` on, in any order.
        bars: price_bars of all symbols from the same day on.
        sessions: `session_date`, `opens_at`, `closes_at`, from the longest horizon before `known_from` to `known_to`.
        rules: horizons and bounds; `entry` is not used.
        known_from: first maturity session wanted.
        known_to: last maturity session wanted.

    Returns:
        Table trade_outcomes, sorted by knowledge day and its key. A day's rows do not depend on the range.

    Raises:
        ValueError: the sessions do not reach back far enough, or a symbol has two bars for one session.
    """
    axis = session_axis(sessions)
    start, stop = axis.span(known_from, known_to)
    if start == stop or openings.is_empty():
        return TABLE.empty()
    require_reach(rules, start)
    rows = openings.sort("position_id", "known_on").with_columns(
        _superseded_on=pl.col("known_on").shift(-1).over("position_id")
    )
    ordered = sessions.sort("session_date")
    closes_at, opens_at = (ordered[name].to_physical().to_numpy() for name in ("closes_at", "opens_at"))
    opened_at = rows["opened_at"].to_physical().to_numpy()
    first_held = np.searchsorted(closes_at, opened_at, side="left").astype(np.int64)
    is_needed = (first_held < stop) & (first_held + rules.longest > start)
    rows, first_held, opened_at = rows.filter(pl.Series(is_needed)), first_held[is_needed], opened_at[is_needed]
    edge = SESSION_EDGE // timedelta(microseconds=1)
    codes = rows["symbol"].unique().sort().to_frame().with_row_index("code")
    rows = rows.join(codes, on="symbol", how="left", maintain_order="left").with_columns(
        pl.Series("_is_from_open", opened_at <= opens_at[first_held] + edge, dtype=pl.Boolean)
    )
    panel = price_panel(bars, codes, axis, start=start - rules.longest, stop=stop)
    parts = [
        _at_horizon(rows, first_held, panel, axis, horizon=horizon, length=length, known=(start, stop))
        for horizon, length in rules.horizons.items()
    ]
    return as_outcomes(parts, rules, TABLE)


def _at_horizon(
    rows: pl.DataFrame,
    first_held: Positions,
    panel: PricePanel,
    axis: SessionAxis,
    *,
    horizon: str,
    length: int,
    known: tuple[int, int],
) -> pl.DataFrame:
    """The rows of the openings that mature at one horizon on the sessions known[0] to before known[1]."""
    start, stop = known
    maturity = first_held + length - 1
    is_matured = (maturity >= start) & (maturity < stop) & (first_held > 0)
    matured, held = rows.filter(pl.Series(is_matured)), first_held[is_matured]
    known_on = matured["known_on"].to_physical().to_numpy()
    superseded_on = matured["_superseded_on"].to_physical().fill_null(np.iinfo(np.int32).max).to_numpy()
    last_day = axis.days[held + length - 1]
    counts = (axis.days[held - 1] <= known_on) & (known_on <= last_day) & (last_day < superseded_on)
    matured, held = matured.filter(pl.Series(counts)), held[counts]
    return matured.with_columns(
        axis.dates(held + length - 1).alias("known_on"),
        pl.col("known_on").alias("opening_known_on"),
        axis.dates(held).alias("entry_date"),
        pl.lit(horizon).alias("horizon"),
        pl.lit(length, pl.Int64).alias("horizon_sessions"),
        *_measured(panel, matured, held - panel.start, length),
    )


def _measured(panel: PricePanel, rows: pl.DataFrame, held: Positions, length: int) -> Iterator[pl.Series]:
    """The measured columns of positions held from column `held` of the panel for `length` sessions."""
    symbol = rows["code"].to_numpy()
    paid = rows["entry_price_usd"].to_numpy().astype(np.float64)
    is_from_open = rows["_is_from_open"].to_numpy()
    exit_on = held + length - 1
    exit_price = panel.closes[symbol, exit_on]
    highest, lowest, last_close = paid.copy(), paid.copy(), np.full(len(held), np.nan)
    n_missing = np.zeros(len(held), dtype=np.int64)
    for session in range(length):
        close = panel.closes[symbol, held + session]
        is_whole = is_from_open if session == 0 else np.ones(len(held), dtype=bool)
        is_missing = np.isnan(close)
        n_missing += is_missing
        last_close = np.where(is_missing, last_close, close)
        # fmax and fmin pass over the NaN of a missing bar.
        highest = np.fmax(highest, np.where(is_whole, panel.highs[symbol, held + session], close))
        lowest = np.fmin(lowest, np.where(is_whole, panel.lows[symbol, held + session], close))
    prices = {
        "exit_price_usd": exit_price,
        "forward_return": exit_price / paid - 1,
        "max_favorable_excursion": highest / paid - 1,
        "max_adverse_excursion": lowest / paid - 1,
        "last_known_return": last_close / paid - 1,
    }
    for name, values in prices.items():
        yield pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
    yield pl.Series("n_missing_bars", n_missing)
    yield _status(~(panel.has_bars[held] & panel.has_bars[exit_on]), paid, exit_price, n_missing)


def _status(
    is_gap: npt.NDArray[np.bool_],
    paid: Floats,
    exit_price: Floats,
    n_missing: npt.NDArray[np.int64],
) -> pl.Series:
    """The worst that is missing, in the order of candidate_outcomes."""
    status = np.select(
        [
            is_gap,
            np.isnan(paid),
            np.isnan(exit_price),
            n_missing > 0,
        ],
        [SESSION_MISSING, MISSING_ENTRY_PRICE, MISSING_EXIT_BAR, MISSING_BARS],
        COMPLETE,
    )
    return pl.Series("outcome_status", status.astype(object), dtype=pl.String)
