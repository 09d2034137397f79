"""The table of market regimes: each session's regime by either basis, since when, and after which other one.

Belongs here: the table `market_regimes`, and how one session follows from those before it. Not here: what the index or
the candidates say of a day (index_regimes.py, discovery_regimes.py), what depends on regimes (regime_performance.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from amc_learning.contracts.declared.regimes import market_regimes as declared_market_regimes
from amc_learning.learning.regimes.discovery_regimes import (
    HISTORY_DAYS,
    WEEK_SESSIONS,
    DiscoveryPast,
    DiscoveryRanks,
    candidate_summaries,
    next_discovery_regime,
    place_in_history,
    strong_breadth,
)
from amc_learning.learning.regimes.index_regimes import LEANING_SESSIONS, IndexDay, index_days, next_index_regime
from amc_learning.learning.regimes.models import TURBULENT, index_series, usable_models

INDEX, DISCOVERY = "index", "discovery"
"""The bases a regime is read from."""

EARLIER_DAYS = HISTORY_DAYS
"""Calendar days of earlier rows that a night reads: the history its candidates are compared with."""

MARKET_REGIMES = declared_market_regimes()

_HISTORY = ("top_score", "mean_squeeze_score", "breadth", "annualised_volatility")


@dataclass(frozen=True)
class _Spell:
    """The regime in force: as read on `last_seen`, begun on `since`, after `previous`."""

    regime: str
    since: date
    previous: str | None
    last_seen: date


def market_regimes(
    index_closes: pl.DataFrame,
    models: pl.DataFrame,
    candidates: pl.DataFrame,
    *,
    as_of: Sequence[date],
    earlier: pl.DataFrame | None = None,
    squeeze_component: str = "squeeze",
) -> pl.DataFrame:
    """The regime after each session: one row per basis and day that has a close of the index, or candidates.

    A session follows from the one before it, so these nights are read in order, and later ones change nothing.

    Args:
        index_closes: table index_closes from `closes_needed_from(usable_models(models), as_of[0])` on.
        models: table regime_models up to `as_of[-1]`; a night uses the newest usable one.
        candidates: table discovery_candidates of `as_of`.
        as_of: knowledge days, ascending.
        earlier: rows of market_regimes of the `EARLIER_DAYS` before `as_of[0]`; None: there is nothing before.
        squeeze_component: the score that says a squeeze is set up.

    Returns:
        Table market_regimes. `regime` is null, and evidence insufficient_evidence, before the first model (index) and
        while the candidates have no history to be compared with (discovery). The first regime ever read is no change.
    """
    days = set(as_of)
    said = index_days(index_series(index_closes), usable_models(models), as_of=as_of)
    before = (
        MARKET_REGIMES.empty() if earlier is None else earlier.filter(pl.col("known_on") < min(as_of)).sort("known_on")
    )
    summaries = candidate_summaries(
        candidates.filter(pl.col("known_on").is_in(list(days))), squeeze_component=squeeze_component
    )
    rows = [*_index_rows(said, before), *_discovery_rows(summaries, said, before)]
    return (
        pl.DataFrame(rows, schema=MARKET_REGIMES.schema, orient="row").sort("known_on", *MARKET_REGIMES.key)
        if rows
        else MARKET_REGIMES.empty()
    )


def _index_rows(said: dict[date, IndexDay], before: pl.DataFrame) -> list[dict[str, Any]]:
    spell, rows = _last_spell(before, INDEX), []
    probabilities = before.filter(pl.col("basis") == INDEX)["turbulent_probability"].drop_nulls().to_list()
    for day in sorted(said):
        index, regime = said[day], None
        spell = _recent(spell, day)
        if index.turbulent_probability is not None:
            probabilities.append(index.turbulent_probability)
            regime = next_index_regime(spell.regime if spell else None, probabilities[-LEANING_SESSIONS:])
        row, spell = _row(day, INDEX, regime, spell)
        if index.turbulent_probability is not None:
            turbulent = index.turbulent_probability
            row["probability"] = turbulent if regime == TURBULENT else 1 - turbulent
            row |= {"turbulent_probability": turbulent, "model_known_on": index.model_known_on}
        rows.append(row | _index_numbers(index))
    return rows


def _discovery_rows(summaries: pl.DataFrame, said: dict[date, IndexDay], before: pl.DataFrame) -> list[dict[str, Any]]:
    spell, rows = _last_spell(before, DISCOVERY), []
    n_before, known = _known_values(before, summaries.height)
    for place, summary in enumerate(summaries.iter_rows(named=True), start=n_before):
        day, scores = summary["known_on"], summary.pop("scores")
        index = said.get(day, IndexDay(None, None, None, None))
        past = DiscoveryPast(known["known_on"][:place].astype(np.int64), *(known[name][:place] for name in _HISTORY))
        past = past.within(day)
        numbers = summary | {"breadth": strong_breadth(scores, past) if scores else None} | _index_numbers(index)
        ranks = _ranks(numbers, past, index)
        spell = _recent(spell, day)
        row, spell = _row(day, DISCOVERY, next_discovery_regime(spell.regime if spell else None, ranks), spell)
        rows.append(
            row
            | numbers
            | {
                "top_score_rank": ranks.top_score,
                "squeeze_rank": ranks.squeeze,
                "breadth_rank": ranks.breadth,
                "volatility_rank": ranks.volatility,
            }
        )
        for name in _HISTORY:
            known[name][place] = np.nan if numbers[name] is None else numbers[name]
        known["known_on"][place] = (day - date(1970, 1, 1)).days
    return rows


def _known_values(before: pl.DataFrame, n_new: int) -> tuple[int, dict[str, np.ndarray[Any, np.dtype[np.float64]]]]:
    """The numbers of earlier days with room for those to come."""
    past = before.filter(pl.col("basis") == DISCOVERY)
    columns = {"known_on": past["known_on"].to_physical()} | {name: past[name] for name in _HISTORY}
    values = {
        name: np.concatenate([column.cast(pl.Float64).fill_null(float("nan")).to_numpy(), np.full(n_new, np.nan)])
        for name, column in columns.items()
    }
    return past.height, values


def _ranks(numbers: dict[str, Any], past: DiscoveryPast, index: IndexDay) -> DiscoveryRanks:
    breadth = numbers["breadth"]
    return DiscoveryRanks(
        top_score=place_in_history(past.top_score, numbers["top_score"], sessions=WEEK_SESSIONS),
        squeeze=place_in_history(past.mean_squeeze_score, numbers["mean_squeeze_score"], sessions=WEEK_SESSIONS),
        breadth=place_in_history(past.breadth, None if breadth is None else float(breadth), sessions=WEEK_SESSIONS),
        volatility=place_in_history(past.annualised_volatility, index.annualised_volatility, sessions=1),
        index_return=index.index_return,
    )


def _index_numbers(index: IndexDay) -> dict[str, Any]:
    return {"annualised_volatility": index.annualised_volatility, "index_return": index.index_return}


def _last_spell(before: pl.DataFrame, basis: str) -> _Spell | None:
    known = before.filter((pl.col("basis") == basis) & pl.col("regime").is_not_null()).tail(1)
    for row in known.iter_rows(named=True):
        return _Spell(row["regime"], row["since"], row["previous_regime"], row["known_on"])
    return None


def _recent(spell: _Spell | None, day: date) -> _Spell | None:
    """A regime last seen longer ago than a night looks back is not known any more."""
    return spell if spell and spell.last_seen > day - timedelta(days=EARLIER_DAYS) else None


def _row(day: date, basis: str, regime: str | None, spell: _Spell | None) -> tuple[dict[str, Any], _Spell | None]:
    """The row without its numbers, and the regime in force after it."""
    row: dict[str, Any] = dict.fromkeys(MARKET_REGIMES.column_names)
    row |= {"known_on": day, "basis": basis, "is_change": False, "evidence": "insufficient_evidence"}
    if regime is None:
        return row, spell
    if spell is None:
        spell = _Spell(regime, day, None, day)
    elif spell.regime == regime:
        spell = replace(spell, last_seen=day)
    else:
        spell = _Spell(regime, day, spell.regime, day)
        row["is_change"] = True
    row |= {
        "regime": regime,
        "previous_regime": spell.previous,
        "since": spell.since,
        "evidence": "sufficient",
    }
    return row, spell
