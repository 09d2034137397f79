"""A whole simulated market: bars, indices, discovery results, theses, trades, and the truth planted in them.

Belongs here: putting the parts together, frames and files. Not here: rules (rules.py), scores (scores.py), prices
(prices.py), discovery results (discovery.py), theses (theses.py), trades (trades.py), the truth (truth.py).
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.simulation.arrays import Array, Flags
from amc_learning.simulation.discovery import ScoredMarket, discovery_results
from amc_learning.simulation.listings import bars_there, symbols
from amc_learning.simulation.prices import (
    BarPaths,
    MarketPath,
    Tape,
    index_history,
    relative_volumes,
    simulate_bars,
    simulate_market_path,
)
from amc_learning.simulation.rules import N_WARM_UP_SESSIONS, MarketRules
from amc_learning.simulation.scores import (
    latent_scores,
    missing_scores,
    return_shocks,
    shown_scores,
    total_scores,
    with_constants,
)
from amc_learning.simulation.theses import opinions, thesis_messages
from amc_learning.simulation.trades import orders, trade_messages
from amc_learning.simulation.truth import planted_truth

SHOWN = slice(N_WARM_UP_SESSIONS, None)


@dataclass(frozen=True)
class SimulatedMarket:
    """What a simulation gives.

    Attributes:
        bars: `symbol, date, open, high, low, close` (USD, whole cents), `volume` (shares); sorted by date and symbol; a
            missing bar is an absent row.
        index: `date, sp500_close, vix_close` (points), one row per session, those of the index history first.
        scores: `date, symbol`, one column per component and `total_score` (points 0-100; null = not scored), one
            row per scored symbol and session: what discovery saw, candidates or not.
        discovery_results: one result per session, as discovery sends it.
        theses: about candidates, as the thesis service sends them, in order of time.
        trades: messages about positions in candidates, as the trader sends them, in order of time.
        truth: the rules and the effects planted by them, ready for JSON.
    """

    bars: pl.DataFrame
    index: pl.DataFrame
    scores: pl.DataFrame
    discovery_results: list[dict[str, Any]]
    theses: list[dict[str, Any]]
    trades: list[dict[str, Any]]
    truth: dict[str, Any]


@dataclass(frozen=True)
class MarketFiles:
    """Where a simulated market was written."""

    bars: Path
    index: Path
    discovery: Path
    theses: Path
    trades: Path
    truth: Path


def simulate_market(
    rules: MarketRules, sessions: Sequence[date], *, index_sessions: Sequence[date] = ()
) -> SimulatedMarket:
    """Simulate a market over these sessions: scores, prices that follow them as planted, discovery, theses, trades.

    Discovery runs on every session, after its close; the scores of a session bear on the open-to-close return of the
    next one. Over longer horizons the effect accumulates as far as scores persist.

    Args:
        rules: what the market is made from.
        sessions: the exchange sessions to fill, rising; `rules.n_sessions` of them from `rules.first_session`.
        index_sessions: sessions before the first one of which the index alone is shown, rising.

    Returns:
        The market; the same for the same arguments (across processors, up to the last digit of numpy's `exp`).

    Raises:
        ValueError: the sessions are not those the rules speak of.

    >>> from datetime import timedelta
    >>> first = date(2024, 1, 2)
    >>> rules = MarketRules(seed=1, first_session=first, n_sessions=3, n_symbols=100, share_missing_bars=0)
    >>> market = simulate_market(rules, [first + timedelta(days=n) for n in range(3)])
    >>> market.bars.height, market.index.height, len(market.discovery_results[0]["candidates"])
    (300, 3, 50)
    """
    _check_sessions(rules, sessions, index_sessions)
    n_simulated = N_WARM_UP_SESSIONS + rules.n_sessions
    latent = latent_scores(rules, n_sessions=n_simulated)
    path = simulate_market_path(rules, n_sessions=n_simulated)
    bars = simulate_bars(rules, path, return_shocks(rules, latent))
    has_bar = bars_there(rules)
    scored = _scored_market(rules, path, bars, latent, has_bar)
    tape = Tape(bars.open[SHOWN], bars.high[SHOWN], bars.low[SHOWN], bars.close[SHOWN], has_bar)
    thought = opinions(rules, scored, tape)
    return SimulatedMarket(
        bars=_bars_frame(scored.symbols, bars, sessions, has_bar),
        index=_index_frame(rules, path, sessions, index_sessions),
        scores=_scores_frame(rules, scored, sessions),
        discovery_results=discovery_results(rules, scored, sessions),
        theses=thesis_messages(rules, scored, sessions, thought),
        trades=trade_messages(rules, scored, tape, sessions, orders(rules, scored, thought)),
        truth=planted_truth(rules, sessions),
    )


def write_market(market: SimulatedMarket, folder: Path) -> MarketFiles:
    """Write the market as files `amc-learning ingest` takes, and the truth beside them; existing files are replaced.

    The same market gives the same bytes.

    Args:
        market: what to write.
        folder: where to; made when it does not exist.

    Returns:
        Paths of `bars.parquet`, `index.parquet`, `discovery.ndjson`, `thesis.ndjson.gz`, `trades.ndjson.gz` and
        `truth.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = MarketFiles(
        bars=folder / "bars.parquet",
        index=folder / "index.parquet",
        discovery=folder / "discovery.ndjson",
        theses=folder / "thesis.ndjson.gz",
        trades=folder / "trades.ndjson.gz",
        truth=folder / "truth.json",
    )
    market.bars.write_parquet(files.bars)
    market.index.write_parquet(files.index)
    files.discovery.write_bytes(_lines(market.discovery_results))
    # without a time of its own, the archive is the same whenever it is written
    files.theses.write_bytes(gzip.compress(_lines(market.theses), mtime=0))
    files.trades.write_bytes(gzip.compress(_lines(market.trades), mtime=0))
    truth = json.dumps(market.truth, allow_nan=False, indent=2, sort_keys=True)
    files.truth.write_text(truth + "\n", encoding="utf-8", newline="\n")
    return files


def _lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    lines = (json.dumps(record, allow_nan=False, separators=(",", ":")) + "\n" for record in records)
    return "".join(lines).encode()


def _check_sessions(rules: MarketRules, sessions: Sequence[date], index_sessions: Sequence[date]) -> None:
    if len(sessions) != rules.n_sessions or sessions[0] != rules.first_session:
        first = sessions[0] if sessions else "none"
        msg = f"{len(sessions)} sessions from {first}; the rules want {rules.n_sessions} from {rules.first_session}"
        raise ValueError(msg)
    for earlier, later in pairwise([*index_sessions, *sessions]):
        if later <= earlier:
            msg = f"session {later} comes after {earlier}; sessions must rise without repeating"
            raise ValueError(msg)


def _scored_market(rules: MarketRules, path: MarketPath, bars: BarPaths, latent: Array, has_bar: Flags) -> ScoredMarket:
    scores = with_constants(rules, shown_scores(latent[:, SHOWN]))
    is_missing = missing_scores(rules, n_sessions=rules.n_sessions)
    total = np.where(has_bar, total_scores(rules, scores, is_missing), np.nan)
    return ScoredMarket(
        symbols=symbols(rules),
        scores=scores,
        is_missing=is_missing,
        total=total,
        close=bars.close[SHOWN],
        relative_volume=relative_volumes(bars.volume, n_sessions=N_WARM_UP_SESSIONS)[SHOWN],
        sp500_close=path.sp500_close[SHOWN],
        sp500_return_20=path.sp500_close[SHOWN] / path.sp500_close[:-N_WARM_UP_SESSIONS] - 1,
        vix_close=path.vix_close[SHOWN],
    )


def _keys(symbols: Sequence[str], sessions: Sequence[date], is_there: Flags) -> dict[str, pl.Series]:
    day, symbol = np.nonzero(is_there)
    return {
        "symbol": pl.Series(symbols, dtype=pl.String).gather(symbol),
        "date": pl.Series(sessions, dtype=pl.Date).gather(day),
    }


def _bars_frame(symbols: Sequence[str], bars: BarPaths, sessions: Sequence[date], has_bar: Flags) -> pl.DataFrame:
    columns = {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close, "volume": bars.volume}
    return pl.DataFrame(
        _keys(symbols, sessions, has_bar) | {name: pl.Series(path[SHOWN][has_bar]) for name, path in columns.items()}
    )


def _index_frame(
    rules: MarketRules, path: MarketPath, sessions: Sequence[date], index_sessions: Sequence[date]
) -> pl.DataFrame:
    before = index_history(rules, path, n_sessions=len(index_sessions))
    return pl.DataFrame(
        {
            "date": [*index_sessions, *sessions],
            "sp500_close": np.concatenate([before.sp500_close, path.sp500_close[SHOWN]]),
            "vix_close": np.concatenate([before.vix_close, path.vix_close[SHOWN]]),
        }
    )


def _scores_frame(rules: MarketRules, market: ScoredMarket, sessions: Sequence[date]) -> pl.DataFrame:
    is_scored = ~np.isnan(market.total)
    present = np.where(market.is_missing, np.nan, market.scores)
    components = dict(zip(rules.components, present, strict=True))
    return pl.DataFrame(
        _keys(market.symbols, sessions, is_scored)
        | {
            name: pl.Series(values[is_scored]).fill_nan(None)
            for name, values in (components | {TOTAL_SCORE: market.total}).items()
        }
    )
