"""Which trades other exits are tried on, and how they ended in fact.

Belongs here: from the ledger, or from candidates where nothing was traded, to entries on the session axis. Not here:
simulating (simulation.py), judging (comparison.py), reading tables.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.learning.exits.grid import CANDIDATE_STOP, HOLD_TO_THE_LIMIT, LONGEST_LIMIT
from amc_learning.learning.exits.simulation import Entries, ExitReason, simulate_exits
from amc_learning.learning.ledger.holding import SESSION_EDGE
from amc_learning.learning.price_panel import PricePanel, price_panel
from amc_learning.learning.sessions import SessionAxis, session_axis

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TRADES, CANDIDATES = "trades", "candidates"

VOLATILITY_SESSIONS = 20
"""Sessions before the entry whose returns the volatility known at entry is made of."""

REACH_SESSIONS = VOLATILITY_SESSIONS + 2
"""Sessions before the first entry that bars are needed from."""

PRICE_TOLERANCE = 0.02
"""A price paid this far outside the bar of its session is not of the same share units; the trade is left out."""

STOPPED = ("stop_loss", "trailing_stop")


@dataclass(frozen=True)
class ExitSample:
    """Trades whose holding limits are all over, in order of entry and identifier.

    Attributes:
        basis: `trades` or `candidates`.
        entries: what was bought, when, at what price.
        panel: bars from before the first entry to the week's last session.
        actual_return: what was realised; of trades still open the last close over the price paid, minus 1.
        actual_exit_session: session of the last sale; of trades still open the last of the panel.
        actual_exit_price_usd: average price received; NaN of trades still open.
        is_stopped_out: sold by a stop; candidates: fell as far as `CANDIDATE_STOP`.
        is_still_open: not closed yet.
        n_immature: trades left out because the longest limit is not over.
        n_unusable: trades left out because they cannot be simulated.
    """

    basis: str
    entries: Entries
    panel: PricePanel
    actual_return: Floats
    actual_exit_session: Integers
    actual_exit_price_usd: Floats
    is_stopped_out: Flags
    is_still_open: Flags
    n_immature: int
    n_unusable: int

    def only(self, chosen: Flags) -> "ExitSample":
        """The chosen trades; the others count as unusable."""
        return ExitSample(
            self.basis,
            self.entries.only(chosen),
            self.panel,
            self.actual_return[chosen],
            self.actual_exit_session[chosen],
            self.actual_exit_price_usd[chosen],
            self.is_stopped_out[chosen],
            self.is_still_open[chosen],
            self.n_immature,
            self.n_unusable + int((~chosen).sum()),
        )


def trades_as_of(closed_trades: pl.DataFrame, trade_openings: pl.DataFrame, week: date, since: date) -> pl.DataFrame:
    """What was known by the end of a week about trades opened since a day, one row per position.

    Args:
        closed_trades: table of that name; rows known before `since` are ignored.
        trade_openings: likewise.
        week: the last knowledge day that counts.
        since: first day of opening (US/Eastern) that counts.

    Returns:
        `identifier`, `symbol`, `opened_at`, `entry_price_usd`, `n_entries`, `exit_date`, `exit_price_usd`,
        `exit_reason`, `realised_return`, `is_open`.
    """
    closed = (
        closed_trades.filter(pl.col("known_on").is_between(since, week))
        .sort("position_id", "known_on", "revision")
        .unique("position_id", keep="last", maintain_order=True)
        .filter(pl.col("status") != "reopened")
    )
    opened = (
        trade_openings.filter(pl.col("known_on").is_between(since, week))
        .sort("position_id", "known_on", "revision")
        .unique("position_id", keep="last", maintain_order=True)
        .join(closed, on="position_id", how="anti")
    )
    rows = pl.concat(
        [
            closed.select(
                "symbol",
                "opened_at",
                "n_entries",
                "exit_date",
                "exit_reason",
                "realised_return",
                identifier="position_id",
                entry_price_usd="average_entry_price_usd",
                exit_price_usd="average_exit_price_usd",
                is_open=pl.lit(value=False),
            ),
            opened.select(
                "symbol",
                "opened_at",
                "entry_price_usd",
                identifier="position_id",
                n_entries=pl.lit(1, pl.Int64),
                is_open=pl.lit(value=True),
            ),
        ],
        how="diagonal",
    )
    opened_on = pl.col("opened_at").dt.convert_time_zone(MARKET_TIMEZONE).dt.date()
    return rows.filter(opened_on.is_null() | (opened_on >= since)).sort("opened_at", "identifier")


def trade_sample(trades: pl.DataFrame, bars: pl.DataFrame, sessions: pl.DataFrame, week: date) -> ExitSample | None:
    """The trades of a window that can be simulated; None when there is none.

    Left out as unusable: bought in several parts (the average price was paid on no one session), without price or
    opening, a closing without a return, no bar on the entry session or a price paid outside it by more than
    `PRICE_TOLERANCE` (other share units). Still open trades are kept, at their last close: leaving them out would
    leave out the winners, or the losers, of a system that holds long.

    Args:
        trades: of `trades_as_of`.
        bars: price_bars from `REACH_SESSIONS` sessions before the first entry.
        sessions: `session_date`, `opens_at`, `closes_at`, from there to at least the week.
        week: its last knowledge day; no bar after it counts.
    """
    axis, closes_at = session_axis(sessions), sessions.sort("session_date")["closes_at"].to_physical().to_numpy()
    is_known = (
        (pl.col("entry_price_usd") > 0)
        & pl.col("opened_at").is_not_null()
        & (pl.col("n_entries") == 1)
        & (pl.col("is_open") | (pl.col("realised_return").is_not_null() & pl.col("exit_date").is_not_null()))
    )
    rows = trades.filter(is_known.fill_null(value=False))
    n_unusable = trades.height - rows.height
    opened_at = rows["opened_at"].to_physical().to_numpy()
    first_held = np.searchsorted(closes_at, opened_at, side="left").astype(np.int64)
    stop = axis.span(week, week)[1]
    reaches_back = first_held >= REACH_SESSIONS
    is_mature = first_held + LONGEST_LIMIT <= stop
    n_immature = int((~is_mature & reaches_back).sum())
    kept = is_mature & reaches_back
    n_unusable += int((~reaches_back).sum())
    rows, first_held, opened_at = rows.filter(pl.Series(kept)), first_held[kept], opened_at[kept]
    if rows.is_empty():
        return None
    rows, panel = _with_panel(rows, bars, axis, start=int(first_held.min()) - REACH_SESSIONS, stop=stop)
    edge = SESSION_EDGE // timedelta(microseconds=1)
    entries = Entries(
        rows["code"].to_numpy().astype(np.int64),
        first_held,
        rows["entry_price_usd"].to_numpy().astype(np.float64),
        opened_at <= axis.opens_at[first_held] + edge,
    )
    is_open = rows["is_open"].to_numpy().astype(bool)
    exit_session = axis.positions_of(rows["exit_date"].fill_null(week))
    realised = np.where(is_open, _last_close(entries, panel) / entries.price_usd - 1, _numbers(rows["realised_return"]))
    sample = ExitSample(
        TRADES,
        entries,
        panel,
        realised,
        np.where(is_open | (exit_session < 0), stop - 1, exit_session),
        np.where(is_open, np.nan, _numbers(rows["exit_price_usd"])),
        rows["exit_reason"].is_in(STOPPED).fill_null(value=False).to_numpy(),
        is_open,
        n_immature,
        n_unusable,
    )
    return _usable(sample)


def candidate_sample(
    candidates: pl.DataFrame, bars: pl.DataFrame, sessions: pl.DataFrame, week: date
) -> ExitSample | None:
    """Selected candidates as if each had been bought at the next open and held to the longest limit; None without any.

    Args:
        candidates: `decision_id`, `symbol`, `entry_date`.
        bars: as for `trade_sample`.
        sessions: as for `trade_sample`.
        week: its last knowledge day.
    """
    axis = session_axis(sessions)
    rows = candidates.sort("entry_date", "decision_id")
    first_held = axis.positions_of(rows["entry_date"])
    stop = axis.span(week, week)[1]
    reaches_back = first_held >= REACH_SESSIONS
    is_mature = first_held + LONGEST_LIMIT <= stop
    kept = is_mature & reaches_back
    n_immature = int((~is_mature & reaches_back).sum())
    rows, first_held = rows.filter(pl.Series(kept)), first_held[kept]
    if rows.is_empty():
        return None
    rows, panel = _with_panel(rows, bars, axis, start=int(first_held.min()) - REACH_SESSIONS, stop=stop)
    code = rows["code"].to_numpy().astype(np.int64)
    opened = panel.opens[code, first_held - panel.start]
    has_bar = opened > 0
    entries = Entries(code[has_bar], first_held[has_bar], opened[has_bar], np.ones(int(has_bar.sum()), dtype=bool))
    if not len(entries):
        return None
    held = simulate_exits(entries, panel, (HOLD_TO_THE_LIMIT, CANDIDATE_STOP))
    sample = ExitSample(
        CANDIDATES,
        entries,
        panel,
        held.returns[0],
        entries.session + LONGEST_LIMIT - 1,
        held.price_usd[0],
        held.reason[1] == ExitReason.STOP_LOSS,
        np.zeros(len(entries), dtype=bool),
        n_immature,
        int((~reaches_back).sum() + (~has_bar).sum()),
    )
    return _usable(sample)


def volatility_at_entry(entries: Entries, panel: PricePanel) -> Floats:
    """Standard deviation of the daily log returns over the sessions before the entry, a year of 252; NaN where any of
    these closes is missing.
    """
    columns = entries.session[:, None] - panel.start + np.arange(-VOLATILITY_SESSIONS - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.diff(np.log(panel.closes[entries.code[:, None], columns]), axis=1)
        volatility: Floats = returns.std(axis=1, ddof=1) * np.sqrt(252)
    return np.where(np.isfinite(volatility), volatility, np.nan)


def _usable(sample: ExitSample) -> ExitSample | None:
    entries, panel = sample.entries, sample.panel
    at = entries.code, entries.session - panel.start
    is_in_bar = (entries.price_usd >= panel.lows[at] * (1 - PRICE_TOLERANCE)) & (
        entries.price_usd <= panel.highs[at] * (1 + PRICE_TOLERANCE)
    )
    kept = sample.only(is_in_bar & np.isfinite(sample.actual_return))
    return kept if len(kept.entries) else None


def _with_panel(
    rows: pl.DataFrame, bars: pl.DataFrame, axis: SessionAxis, *, start: int, stop: int
) -> tuple[pl.DataFrame, PricePanel]:
    codes = rows["symbol"].unique().sort().to_frame().with_row_index("code")
    return (
        rows.join(codes, on="symbol", how="left", maintain_order="left"),
        price_panel(bars, codes, axis, start=start, stop=stop),
    )


def _last_close(entries: Entries, panel: PricePanel) -> Floats:
    """The last close present from the entry on; NaN without any."""
    columns = np.arange(panel.closes.shape[1])
    closes = panel.closes[entries.code]
    held = np.isfinite(closes) & (columns >= (entries.session - panel.start)[:, None])
    last = closes.shape[1] - 1 - held[:, ::-1].argmax(axis=1)
    return np.where(held.any(axis=1), closes[np.arange(len(entries)), last], np.nan)


def _numbers(series: pl.Series) -> Floats:
    return series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
