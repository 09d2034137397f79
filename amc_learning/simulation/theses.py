"""What is thought about the candidates of the simulated market, and how often it is right.

Belongs here: theses with a planted chance to be right, and their messages. Not here: choosing candidates
(discovery.py), trading on theses (trades.py), judging them (learning).

What is constructed, and why: a source says how sure it is and draws whether it will be right with the chance that the
rules plant; then it picks a candidate of which its recommendation comes true, or does not. So the share that is right
is the planted one, for every source, recommendation and confidence. A recommendation that would be right of every
candidate, or of none, is not made: there is nothing to choose.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from amc_learning.simulation.arrays import Array, Flags
from amc_learning.simulation.discovery import ScoredMarket, market_regime, ranking
from amc_learning.simulation.prices import Tape
from amc_learning.simulation.rules import MarketRules, ThesisRules, random_stream

MINUTES_AFTER_DISCOVERY = 5
"""Theses are written about candidates, so they come after them."""

N_DRAWS = 3
"""Of each thesis: how sure it is, what it recommends, whether it will be right."""


@dataclass(frozen=True)
class Opinion:
    """One thesis: on the numbered session, about the numbered symbol. `confidence` is as stated, a fraction."""

    session: int
    symbol: int
    is_ai: bool
    recommendation: str
    confidence: float


@dataclass(frozen=True)
class _Session:
    """What is there to think about: candidates by rank, the return each symbol will have, and the day's draws."""

    number: int
    candidates: NDArray[np.intp]
    returns: Array
    draws: Array
    lots: Array


def opinions(rules: MarketRules, market: ScoredMarket, tape: Tape) -> list[Opinion]:
    """The theses of every session, right as often as planted.

    On the last sessions, whose horizon reaches beyond the tape, nobody can be right or wrong yet: there the candidates
    are picked at random. What is thought on a session depends on prices up to its horizon only.

    Args:
        rules: what is thought, and how often it is right.
        market: the candidates.
        tape: prices of the sessions shown.

    Returns:
        Theses by session, each about another candidate; a session of few candidates gives fewer.
    """
    n_sessions, n_symbols = market.total.shape
    n = rules.theses.n_a_session
    draws = random_stream(rules, "theses").random((n_sessions, n, N_DRAWS))
    lots = random_stream(rules, "thesis symbols").random((n_sessions, n, n_symbols))
    return [
        opinion
        for session in range(n_sessions)
        for opinion in _session_opinions(
            rules.theses,
            _Session(
                session,
                ranking(market.total[session])[: rules.n_candidates],
                forward_returns(tape, session, horizon=rules.theses.horizon),
                draws[session],
                lots[session],
            ),
        )
    ]


def thesis_messages(
    rules: MarketRules, market: ScoredMarket, sessions: Sequence[date], thought: Sequence[Opinion]
) -> list[dict[str, Any]]:
    """Theses in the shape in which they are sent, in the order given."""
    return [_message(rules, market, sessions[opinion.session], opinion) for opinion in thought]


def forward_returns(tape: Tape, session: int, *, horizon: int) -> Array:
    """Return of every symbol from the next open to the close of the last session held; NaN where either is missing."""
    returns = np.full(tape.open.shape[1], np.nan)
    first, last = session + 1, session + horizon
    if last < len(tape.open):
        there = tape.has_bar[first] & tape.has_bar[last]
        returns[there] = tape.close[last, there] / tape.open[first, there] - 1
    return returns


def right_about(returns: Array, *, band: float) -> dict[str, Flags]:
    """Of which symbols each recommendation comes true; NaN is never right.

    >>> {name: flags.tolist() for name, flags in right_about(np.array([0.06, 0.05, -0.06]), band=0.05).items()}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'BUY_MORE': [True, False, False], 'HOLD': [False, True, False], 'TRIM': [False, False, True],
     'LIQUIDATE': [False, False, True]}
    """
    moves = np.round(returns, 9)  # 105 over 100 is a move of exactly 5 %
    return {
        "BUY_MORE": moves > band,
        "HOLD": np.abs(moves) <= band,
        "TRIM": moves < 0,
        "LIQUIDATE": moves < -band,
    }


def planted_chance(rules: ThesisRules, *, session: int, is_ai: bool, recommendation: str, confidence: float) -> float:
    """The chance that a thesis is right.

    >>> planted_chance(ThesisRules(), session=0, is_ai=False, recommendation="HOLD", confidence=0.6)
    0.6
    """
    is_late = rules.failing_from_session is not None and session >= rules.failing_from_session
    is_of_the_kind = is_ai and recommendation == rules.failing_recommendation
    if is_late and is_of_the_kind and confidence >= rules.failing_confidence:
        return rules.failing_chance
    return confidence - (rules.ai_overstatement if is_ai else rules.rule_overstatement)


def _session_opinions(rules: ThesisRules, session: _Session) -> Iterator[Opinion]:
    comes_true = right_about(session.returns, band=rules.band)
    is_known = ~np.isnan(session.returns)
    is_judged = bool(is_known.any())
    is_left = np.zeros(len(is_known), bool)
    is_left[session.candidates] = is_known[session.candidates] if is_judged else True
    for number, (sureness, kind, fortune) in enumerate(session.draws.tolist()):
        is_ai = number % 2 == 0
        low, high = rules.ai_confidence if is_ai else rules.rule_confidence
        confidence = round(low + (high - low) * sureness, 3)
        n_left = np.count_nonzero(is_left)
        possible = [
            name
            for name, share in rules.recommendation_shares.items()
            if share > 0 and (not is_judged or 0 < np.count_nonzero(comes_true[name] & is_left) < n_left)
        ]
        if not possible or not n_left:
            continue
        recommendation = _drawn(rules.recommendation_shares, possible, kind)
        chance = planted_chance(
            rules, session=session.number, is_ai=is_ai, recommendation=recommendation, confidence=confidence
        )
        fitting = is_left & (comes_true[recommendation] == (fortune < chance)) if is_judged else is_left
        symbol = int(np.argmax(np.where(fitting, session.lots[number], -1.0)))
        is_left[symbol] = False
        yield Opinion(session.number, symbol, is_ai, recommendation, confidence)


def _drawn(shares: Mapping[str, float], possible: Sequence[str], draw: float) -> str:
    """One of the possible names, each with its share."""
    reached = list(accumulate(shares[name] for name in possible))
    return possible[min(bisect_right(reached, draw * reached[-1]), len(possible) - 1)]


def _message(rules: MarketRules, market: ScoredMarket, session: date, opinion: Opinion) -> dict[str, Any]:
    symbol, row = market.symbols[opinion.symbol], opinion.session
    decided_at = datetime.combine(session, rules.decision_time, ZoneInfo("America/New_York"))
    total, volume = market.total[row, opinion.symbol], market.relative_volume[row, opinion.symbol]
    return {
        "symbol": symbol,
        "event_id": f"simulated-thesis-{session:%Y%m%d}-{symbol}",
        "thesis": {
            "symbol": symbol,
            "recommendation": opinion.recommendation,
            "confidence": opinion.confidence,
            "thesis": f"simulated opinion: total score {total:.1f}, {volume:.1f}x volume",
            "ai_generated": opinion.is_ai,
            "market_regime": market_regime(
                sp500_return_20=float(market.sp500_return_20[row]), vix_close=float(market.vix_close[row])
            ),
            "generated_at": (decided_at + timedelta(minutes=MINUTES_AFTER_DISCOVERY)).isoformat(),
        },
    }
