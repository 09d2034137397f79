"""Was a thesis right? Its recommendation against the return of its symbol, known on the session the horizon matures.

Belongs here: judging single theses, and which of several counts. Not here: returns (learning/outcomes.py), accuracy
over a window (accuracy.py), the profit of a trade that followed (the ledger).
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from amc_learning.contracts.declared.theses import thesis_outcomes as declaration
from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes
from amc_learning.learning.point_in_time import attach_regimes

TABLE = declaration()

PREDICTIONS = ("BUY_MORE", "HOLD", "TRIM", "LIQUIDATE")
"""The recommendations that returns can prove right or wrong. RESEARCH asks for work and predicts nothing."""

DECIMALS = 9
"""Returns are compared to a billionth: 105 over 100 is a move of exactly 5 %, whatever binary fractions make of it."""


@dataclass(frozen=True)
class JudgementRules:
    """When a thesis was right, at every horizon alike.

    Args:
        band: half the width of what counts as no move (fraction); within it, ends included, a HOLD is right.
        buy_more_above: a BUY_MORE is right above this return; the band unless told.
        trim_below: a TRIM is right below this return.
        liquidate_below: a LIQUIDATE is right below this return; the lower end of the band unless told.

    Raises:
        ValueError: the band is negative.
    """

    band: float = 0.05
    buy_more_above: float | None = None
    trim_below: float = 0.0
    liquidate_below: float | None = None

    def __post_init__(self) -> None:
        """Refuse rules that cannot be meant."""
        if not self.band >= 0:
            raise ValueError(f"band is the half-width of a range of returns and cannot be {self.band}")


def thesis_outcomes(
    theses: pl.DataFrame,
    bars: pl.DataFrame,
    sessions: pl.DataFrame,
    rules: OutcomeRules,
    *,
    judgement: JudgementRules,
    regimes: pl.DataFrame,
    known_from: date,
    known_to: date,
) -> pl.DataFrame:
    """What became known from `known_from` to `known_to` about theses: one row per thesis and maturing horizon.

    Returns, entries, maturity and flags are those of `candidate_outcomes`. A thesis without a symbol cannot be judged
    and has no row. A row that cannot be judged otherwise (RESEARCH, a recommendation not understood, a missing price)
    keeps its place with `is_right` null.

    Several predictions of one source on one symbol before the same entry repeat one and the same return; only the last
    of them is counted: one that arrived in time before one that arrived late, whatever times they claim, then the
    latest `decided_at`, the largest `event_id`, the largest `thesis_id`. What predicts nothing takes no prediction's
    place.

    Args:
        theses: table thesis_decisions, at least the knowledge days that `required_window` names.
        bars: price_bars, as for `candidate_outcomes`.
        sessions: as for `candidate_outcomes`.
        rules: how returns are measured.
        judgement: when a thesis was right.
        regimes: `known_on`, `basis`, `regime` of market_regimes, from the last change before the first thesis on.
        known_from: first maturity session wanted.
        known_to: last maturity session wanted.

    Returns:
        Table thesis_outcomes, sorted by knowledge day and its key. A day's rows do not depend on the range.

    Raises:
        ValueError: as `candidate_outcomes`.
    """
    with_symbol = theses.filter(pl.col("symbol").is_not_null())
    returns = candidate_outcomes(
        with_symbol.rename({"thesis_id": "decision_id"}),
        bars,
        sessions,
        rules,
        known_from=known_from,
        known_to=known_to,
    ).rename({"decision_id": "thesis_id"})
    stated = with_symbol.select("thesis_id", "event_id", "is_late", "recommendation", "confidence", "source")
    rows = returns.join(stated, on="thesis_id", how="left", validate="m:1")
    rows = attach_regimes(rows, regimes, day_column="decision_known_on", basis="index", name="market_regime")
    is_prediction = pl.col("recommendation").is_in(PREDICTIONS).fill_null(False)
    one_prediction = pl.struct("known_on", "horizon", "entry_date", "symbol", "source", is_prediction)
    return (
        rows.sort("is_late", "decided_at", "event_id", "thesis_id", descending=[True, False, False, False])
        .with_columns(
            is_right=is_right(judgement),
            is_counted=is_prediction & one_prediction.is_last_distinct(),
        )
        .select(TABLE.column_names)
        .cast(dict(TABLE.schema))  # type: ignore[arg-type]
        .sort("known_on", *TABLE.key)
    )


def is_right(judgement: JudgementRules) -> pl.Expr:
    """Whether `forward_return` is what `recommendation` was for; null without a return or a prediction.

    >>> rows = pl.DataFrame({"recommendation": ["BUY_MORE", "HOLD", "TRIM", "RESEARCH"], "forward_return": [0.05] * 4})
    >>> rows.select(is_right(JudgementRules(band=0.05))).to_series().to_list()
    [False, True, False, None]
    """
    recommendation, forward_return = pl.col("recommendation"), pl.col("forward_return").round(DECIMALS)
    band, buy_more_above, liquidate_below = judgement.band, judgement.buy_more_above, judgement.liquidate_below
    return (
        pl.when(recommendation == "BUY_MORE")
        .then(forward_return > (band if buy_more_above is None else buy_more_above))
        .when(recommendation == "HOLD")
        .then(forward_return.is_between(-band, band))
        .when(recommendation == "TRIM")
        .then(forward_return < judgement.trim_below)
        .when(recommendation == "LIQUIDATE")
        .then(forward_return < (-band if liquidate_below is None else liquidate_below))
        .alias("is_right")
    )
