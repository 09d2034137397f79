"""Scores as known at the decision beside what became of it: the frame every statistic is computed from.

Belongs here: the point-in-time join and which decision stands for a symbol in a cross-section.
Not here: outcomes (outcomes.py), statistics of a cross-section (daily_statistics.py), reading or writing.
"""

from collections.abc import Sequence

import polars as pl

from amc_learning.contracts.tables import TOTAL_SCORE, catalogue

_DECISION_COLUMNS = ("decision_id", "event_id", "is_late", "is_selected", "action_tag", "n_universe")


def candidate_columns(components: Sequence[str]) -> tuple[str, ...]:
    """What the join needs of table discovery_candidates."""
    return (*_DECISION_COLUMNS, "symbol", "decided_at", TOTAL_SCORE, *components)


def feature_outcomes(outcomes: pl.DataFrame, candidates: pl.DataFrame, *, components: Sequence[str]) -> pl.DataFrame:
    """The scores of each decision, as they were stored when it became known, beside its outcome.

    Point in time: an outcome starts, by its own computation, on the first session that opens after `decided_at`. The
    join takes scores only from the very decision that outcome was computed for (same `decided_at` and symbol), so no
    score in a row can be younger than its entry.

    Several decisions on one symbol before the same entry repeat one and the same outcome; only the last of them is in
    the cross-section: one that arrived in time before one that arrived late, whatever times they claim, so that an
    event sent in afterwards changes no decision that was live; then the latest `decided_at`; then the largest
    `event_id`; where one run holds a symbol both as candidate and as control, the candidate; then the largest
    `decision_id`.

    Args:
        outcomes: table candidate_outcomes, any range of knowledge days.
        candidates: table discovery_candidates, at least the decisions of these outcomes.
        components: the score columns of the feature set.

    Returns:
        Table feature_outcomes, one row per outcome, sorted by knowledge day and its key. A day's rows do not depend on
        the range given.

    Raises:
        ValueError: an outcome without its candidate row, or one computed for another `decided_at` or symbol: the
            outcomes are older than the candidates and must be computed again.
    """
    table = catalogue(components)["feature_outcomes"]
    scored = candidates.select(
        *_DECISION_COLUMNS,
        TOTAL_SCORE,
        *components,
        pl.col("symbol").alias("candidate_symbol"),
        pl.col("decided_at").alias("candidate_decided_at"),
    )
    joined = outcomes.join(scored, on="decision_id", how="left", validate="m:1")
    _require_same_decisions(joined)
    one_symbol = pl.struct("known_on", "horizon", "entry_date", "symbol")
    return (
        joined.sort("is_late", "decided_at", "event_id", "is_selected", "decision_id", descending=[True, *[False] * 4])
        .with_columns(one_symbol.is_last_distinct().alias("is_in_cross_section"))
        .select(table.column_names)
        .cast(dict(table.schema))  # type: ignore[arg-type]
        .sort("known_on", *table.key)
    )


def _require_same_decisions(joined: pl.DataFrame) -> None:
    is_same = pl.col("candidate_decided_at").eq(pl.col("decided_at")) & pl.col("candidate_symbol").eq(pl.col("symbol"))
    # The UTC date suffices as a second line of defence: nothing decided on a later date can precede its entry.
    is_before_entry = pl.col("decided_at").dt.date() <= pl.col("entry_date")
    offending = joined.filter(~(is_same & is_before_entry).fill_null(False))
    if not offending.is_empty():
        row = offending.sort("known_on", "horizon", "decision_id").row(0, named=True)
        raise ValueError(
            f"{offending.height} outcomes do not belong to the candidates given; first: decision {row['decision_id']} "
            f"({row['symbol']}, decided {row['decided_at']}, entry {row['entry_date']}), candidate row: "
            f"{row['candidate_symbol']}, decided {row['candidate_decided_at']}; compute the outcomes of "
            f"{row['known_on']} again"
        )
