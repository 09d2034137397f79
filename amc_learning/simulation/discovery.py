"""Discovery results of the simulated market, in the shape in which discovery sends them.

Belongs here: choosing candidates and controls, and the JSON of a run. Not here: scores (scores.py), prices (prices.py),
files (market.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import compress
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from amc_learning.simulation.arrays import Array, Flags
from amc_learning.simulation.rules import MarketRules, random_stream

METHOD = "simulated_market"
"""What the results give as their method, so that nobody takes them for real ones."""

STRESS_VIX = 28.0
CALM_VIX = 17.0
"""Borders of the regimes named in market conditions, near AlphaStack's; the simulation itself ignores them."""


@dataclass(frozen=True)
class ScoredMarket:
    """What discovery looks at: arrays of shape (session, symbol).

    `scores` and `is_missing` have shape (component, session, symbol).
    `sp500_return_20` is the fraction by which the index moved over 20 sessions, shape (session,) like `vix_close`.
    `total` is NaN where a symbol was not scored.
    """

    symbols: Sequence[str]
    scores: Array
    is_missing: Flags
    total: Array
    close: Array
    relative_volume: Array
    sp500_close: Array
    sp500_return_20: Array
    vix_close: Array


def action_tag(score: float, rules: MarketRules) -> str:
    """The tag discovery gives a total score.

    >>> rules = MarketRules(seed=1, first_session=date(2024, 1, 2), n_sessions=1, n_symbols=100)
    >>> [action_tag(score, rules) for score in (75.0, 74.99, 69.99)]
    ['trade_ready', 'watchlist', 'monitor']
    """
    if score >= rules.trade_ready_score:
        return "trade_ready"
    return "watchlist" if score >= rules.watchlist_score else "monitor"


def market_regime(*, sp500_return_20: float, vix_close: float) -> str:
    """Name of the market's state, in the words of AlphaStack's replays.

    >>> market_regime(sp500_return_20=0.02, vix_close=13.0), market_regime(sp500_return_20=0.02, vix_close=31.0)
    ('bull_calm', 'stress')
    """
    if vix_close >= STRESS_VIX:
        return "stress"
    if sp500_return_20 < 0:
        return "bear"
    return "bull_calm" if vix_close < CALM_VIX else "bull_choppy"


def discovery_results(rules: MarketRules, market: ScoredMarket, sessions: Sequence[date]) -> list[dict[str, Any]]:
    """One discovery result per session: the best symbols by total score, and controls drawn from the others.

    Equal totals are ranked by symbol. Ranks count all scored symbols of the day, so controls rank below candidates.
    A day with too few scored symbols gives fewer rows; a missing component is left out of `subscores`.
    """
    lots = random_stream(rules, "controls").random(market.total.shape)
    return [_result(rules, market, session, day, lots[day]) for day, session in enumerate(sessions)]


def _result(rules: MarketRules, market: ScoredMarket, session: date, day: int, lots: Array) -> dict[str, Any]:
    ranked = ranking(market.total[day])
    unselected = ranked[rules.n_candidates :]
    places = rules.n_candidates + np.argsort(lots[unselected], kind="stable")[: rules.n_controls]
    candidates = _entries(rules, market, day, ranked, np.arange(min(rules.n_candidates, len(ranked))))
    tags = [candidate["action_tag"] for candidate in candidates]
    decided_at = datetime.combine(session, rules.decision_time, ZoneInfo("America/New_York"))
    n_scored = len(ranked)
    return {
        "status": "success",
        "method": METHOD,
        "timestamp": decided_at.isoformat(),
        "job_id": f"simulated_{session.isoformat()}",
        "universe_size": n_scored,
        "filtered_size": n_scored,
        "count": len(candidates),
        "trade_ready_count": tags.count("trade_ready"),
        "monitor_count": tags.count("monitor"),
        "pipeline_stats": {
            "universe_size": len(market.symbols),
            "enriched": n_scored,
            "filtered": n_scored,
            "scored": n_scored,
        },
        "market_conditions": _market_conditions(market, day),
        "candidates": candidates,
        "controls": _entries(rules, market, day, ranked, places),
    }


def ranking(total: Array) -> NDArray[np.intp]:
    """Numbers of the scored symbols of a day, the best first; equal totals by symbol.

    >>> ranking(np.array([70.0, np.nan, 80.0, 70.0])).tolist()
    [2, 0, 3]
    """
    scored = np.flatnonzero(~np.isnan(total))
    return scored[np.argsort(-total[scored], kind="stable")]


def _market_conditions(market: ScoredMarket, day: int) -> dict[str, Any]:
    vix_close, return_20 = float(market.vix_close[day]), round(float(market.sp500_return_20[day]), 4)
    return {
        "sp500_close": float(market.sp500_close[day]),
        "vix": vix_close,
        "sp500_ret20": return_20,
        "regime": market_regime(sp500_return_20=return_20, vix_close=vix_close),
    }


def _entries(
    rules: MarketRules, market: ScoredMarket, day: int, ranked: NDArray[np.intp], places: NDArray[np.intp]
) -> list[dict[str, Any]]:
    chosen = ranked[places]
    columns = zip(
        chosen.tolist(),
        (places + 1).tolist(),
        market.total[day, chosen].tolist(),
        market.close[day, chosen].tolist(),
        market.relative_volume[day, chosen].tolist(),
        market.scores[:, day, chosen].T.tolist(),
        (~market.is_missing[:, day, chosen]).T.tolist(),
        strict=True,
    )
    components = rules.components
    return [
        {
            "symbol": market.symbols[symbol],
            "rank": rank,
            "score": total,
            "action_tag": action_tag(total, rules),
            "price": price,
            "rel_vol": relative_volume,
            "subscores": dict(compress(zip(components, scores, strict=True), is_present)),
        }
        for symbol, rank, total, price, relative_volume, scores, is_present in columns
    ]
