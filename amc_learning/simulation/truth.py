"""The truth of a simulated market, as it is written beside the events: everything planted, in numbers and in words.

Belongs here: the record `truth.json`. Not here: what the numbers follow from (rules.py, truths.py, effects.py), files
(market.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np

from amc_learning.simulation.arrays import Array
from amc_learning.simulation.discovery import METHOD
from amc_learning.simulation.effects import information_coefficients, turbulent_sessions
from amc_learning.simulation.listings import n_sessions_listed, symbols
from amc_learning.simulation.rules import MarketRules
from amc_learning.simulation.truths import SESSIONS_A_YEAR, correlation_matrix

NOTE = "Simulated market: every price, score and symbol in this folder is invented. Nothing here is market data."


def planted_truth(rules: MarketRules, sessions: Sequence[date]) -> dict[str, Any]:
    """Everything a test or a person needs to know about a market to judge what is learned from it, ready for JSON.

    Args:
        rules: what the market is made from.
        sessions: the sessions shown.

    Returns:
        The record; the same after it was written as JSON and read back.
    """
    coefficients = information_coefficients(rules)
    return {
        "is_simulated": True,
        "method": METHOD,
        "note": NOTE,
        "seed": rules.seed,
        "first_session": sessions[0].isoformat(),
        "last_session": sessions[-1].isoformat(),
        "n_sessions": rules.n_sessions,
        "n_symbols": rules.n_symbols,
        "default_weights": dict(rules.default_weights),
        "planted": list(planted_in_words(rules, sessions)),
        "selection": _selection(rules),
        "information_coefficients": _by_component(rules, coefficients[:, 0]),
        "information_coefficient_meaning": (
            "population Spearman correlation, across all scored symbols of a session, of the component score with the "
            "return of the next session from open to close"
        ),
        "information_coefficients_by_session": _breakpoints(rules, coefficients, sessions),
        "information_coefficients_by_session_meaning": (
            "information_coefficients are those of the first session; each entry here holds from its session of the "
            "score on, until the next entry; null: the component is constant and orders nothing"
        ),
        **_changing_truths(rules, sessions),
        "score_correlations": _score_correlations(rules),
        "score_correlation_meaning": "Pearson correlation of the latent (normal) scores of two components, any session",
        "student_returns": None if rules.student_returns is None else asdict(rules.student_returns),
        "delistings": _delistings(rules, sessions),
        "score_persistence": rules.score_persistence,
        "volatility": rules.volatility,
        "share_missing_bars": rules.share_missing_bars,
        "share_missing_scores": rules.share_missing_scores,
        "theses": _readable(asdict(rules.theses)),
        "trades": asdict(rules.trades),
        "turbulence": None if rules.turbulence is None else asdict(rules.turbulence),
    }


def planted_in_words(rules: MarketRules, sessions: Sequence[date]) -> Iterator[str]:
    """What is planted, one sentence each; selection is always one of them.

    >>> rules = MarketRules(seed=1, first_session=date(2024, 1, 2), n_sessions=1, n_symbols=100,
    ...                     component_information_coefficients={"technical": 0.1})
    >>> next(planted_in_words(rules, [date(2024, 1, 2)]))
    "technical orders the next session's returns: information coefficient +0.1."
    """
    yield from _effects_in_words(rules, sessions)
    yield from _markets_in_words(rules, sessions)
    yield from _theses_in_words(rules, sessions)
    yield (
        f"Candidates are the best {rules.n_candidates} by total score; {rules.n_controls} of the other scored symbols, "
        "drawn evenly, are shown as controls."
    )


def _selection(rules: MarketRules) -> dict[str, Any]:
    return {
        "by": "total_score",
        "n_candidates": rules.n_candidates,
        "n_controls": rules.n_controls,
        "meaning": (
            "of all scored symbols of a session the n_candidates with the largest total_score (the weighted mean of "
            "the components by default_weights) are candidates; controls are drawn evenly from the rest. Among the "
            "candidates alone, coefficients differ from those stated here, which are over all scored symbols"
        ),
    }


def _by_component(rules: MarketRules, values: Array) -> dict[str, float | None]:
    return {
        name: None if np.isnan(value) else value for name, value in zip(rules.components, values.tolist(), strict=True)
    }


def _breakpoints(rules: MarketRules, coefficients: Array, sessions: Sequence[date]) -> list[dict[str, Any]]:
    """The coefficients of the first session, and of every session on which one differs from the session before."""
    before, after = coefficients[:, :-1], coefficients[:, 1:]
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    starts = [0, *(np.flatnonzero(~same.all(axis=0)) + 1).tolist()]
    return [
        {
            "session": start,
            "date": sessions[start].isoformat(),
            "information_coefficients": _by_component(rules, coefficients[:, start]),
        }
        for start in starts
    ]


def _changing_truths(rules: MarketRules, sessions: Sequence[date]) -> dict[str, Any]:
    return {
        "threshold_effects": [
            asdict(one) | {"share_above": round(one.share_above, 6)} for one in rules.threshold_effects
        ],
        "threshold_effect_meaning": (
            "from this score of the component on, the next session's return from open to close is larger than below "
            "it by lift standard deviations of a symbol's own return (volatility, times how nervous the session is)"
        ),
        "regime_effects": [asdict(one) for one in rules.regime_effects],
        "turbulent_sessions": [
            sessions[session].isoformat() for session in np.flatnonzero(turbulent_sessions(rules)).tolist()
        ],
        "decaying_effects": [asdict(one) for one in rules.decaying_effects],
        "reversing_effects": [asdict(one) | {"date": _date(sessions, one.session)} for one in rules.reversing_effects],
        "constant_components": [
            asdict(one) | {"date": _date(sessions, one.first_session)} for one in rules.constant_components
        ],
    }


def _score_correlations(rules: MarketRules) -> dict[str, dict[str, float]]:
    matrix = correlation_matrix(rules.components, rules.correlated_components)
    return {
        name: dict(zip(rules.components, row, strict=True))
        for name, row in zip(rules.components, matrix.tolist(), strict=True)
    }


def _delistings(rules: MarketRules, sessions: Sequence[date]) -> dict[str, Any] | None:
    if rules.delistings is None:
        return None
    ends = zip(symbols(rules), n_sessions_listed(rules).astype(int).tolist(), strict=True)
    return asdict(rules.delistings) | {
        "sessions_a_year": SESSIONS_A_YEAR,
        "last_sessions": {symbol: sessions[n - 1].isoformat() for symbol, n in ends if n < rules.n_sessions},
        "meaning": (
            "symbols in last_sessions have no bars and no scores after that session; positions in them stay open, "
            "returns that reach beyond it do not exist, and no thesis whose outcome would be missing is written"
        ),
    }


def _date(sessions: Sequence[date], session: int) -> str | None:
    """The date of a numbered session; null when the market ends before it."""
    return sessions[session].isoformat() if session < len(sessions) else None


def _readable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples as lists, as they come back from JSON."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _from(sessions: Sequence[date], session: int) -> str:
    shown = _date(sessions, session)
    return f"session {session} ({shown})" if shown else f"session {session}, which lies beyond the end"


def _effects_in_words(rules: MarketRules, sessions: Sequence[date]) -> Iterator[str]:
    linear = {name: planted for name, planted in rules.component_information_coefficients.items() if planted}
    if not linear and not rules.threshold_effects and not rules.regime_effects:
        yield "No score says anything about returns."
    by_regime = {one.component for one in rules.regime_effects}
    for name, planted in linear.items():
        if name not in by_regime:
            yield f"{name} orders the next session's returns: information coefficient {planted:+g}."
    for step in rules.threshold_effects:
        yield (
            f"{step.component} pays from a score of {step.score:g}: from there on the next session's return is "
            f"{step.lift:g} of its standard deviations larger than below."
        )
    for regime in rules.regime_effects:
        yield (
            f"{regime.component} has the information coefficient {regime.turbulent_information_coefficient:+g} on "
            f"turbulent sessions, {linear.get(regime.component, 0.0):+g} on all others."
        )
    for decay in rules.decaying_effects:
        how = "is gone after" if decay.shape == "linear" else "halves every"
        yield (
            f"The effect of {decay.component} fades from {_from(sessions, decay.first_session)} on and {how} "
            f"{decay.n_sessions} sessions."
        )
    for reversal in rules.reversing_effects:
        yield f"The effect of {reversal.component} turns its sign on {_from(sessions, reversal.session)}."
    for pair in rules.correlated_components:
        yield f"Latent scores of {pair.one} and {pair.other} are correlated: {pair.correlation:+g}."
    if rules.correlated_components:
        shown = zip(rules.components, information_coefficients(rules)[:, 0].tolist(), strict=True)
        stated = ", ".join(f"{name} {value:+.3f}" for name, value in shown if value and not np.isnan(value))
        yield f"So each shows, with what it borrows from the others, the information coefficient: {stated}."
    for constant in rules.constant_components:
        yield (
            f"{constant.component} is {constant.score:g} for every symbol from "
            f"{_from(sessions, constant.first_session)} on."
        )


def _markets_in_words(rules: MarketRules, sessions: Sequence[date]) -> Iterator[str]:
    if rules.turbulence is not None:
        shaken = int(turbulent_sessions(rules).sum())
        yield (
            f"On {shaken} of {rules.n_sessions} sessions, first on {_from(sessions, rules.turbulence.first_session)}, "
            f"the market as a whole moves {rules.turbulence.factor:g} times as much as usual."
        )
    if rules.student_returns is not None:
        yield (
            "Symbols' own returns follow Student's t with "
            f"{rules.student_returns.degrees_of_freedom:g} degrees of freedom."
        )
    if rules.delistings is not None:
        n_ended = int((n_sessions_listed(rules) < rules.n_sessions).sum())
        yield (
            f"{100 * rules.delistings.share_a_year:g} % of the symbols end a year: {n_ended} of {rules.n_symbols} do "
            "before the last session."
        )


def _theses_in_words(rules: MarketRules, sessions: Sequence[date]) -> Iterator[str]:
    theses = rules.theses
    for source, overstatement in (("AI", theses.ai_overstatement), ("Rule-based", theses.rule_overstatement)):
        if overstatement:
            how = "less" if overstatement > 0 else "more"
            yield (f"{source} theses are right {100 * abs(overstatement):g} points {how} often than they say.")
    if theses.failing_from_session is not None:
        yield (
            f"AI theses {theses.failing_recommendation} with a confidence of {theses.failing_confidence:g} or more are "
            f"right in {100 * theses.failing_chance:g} % from {_from(sessions, theses.failing_from_session)} on."
        )
