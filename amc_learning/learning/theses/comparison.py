"""Are the AI's theses better than the rules'? On the same days, and on the same symbols where both spoke.

Belongs here: the table `source_comparisons`. Not here: either source on its own (accuracy.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.declared.theses import source_comparisons as declaration
from amc_learning.learning.inference import mean_inferences
from amc_learning.learning.theses.judged import AI, RULE_BASED, counted, window_of
from amc_learning.learning.theses.reliability import FloatArray, IntArray
from amc_learning.learning.windows import null_where_not_finite

TABLE = declaration()

DIFFERENCES = ("accuracy", "brier", "pair_accuracy", "pair_brier")


@dataclass(frozen=True)
class _Days:
    """Knowledge days on which both sources were judged, in order of time."""

    known_on: IntArray
    counts: IntArray
    """Shape (n days, 3): AI theses, rule-based theses, pairs."""
    accuracies: FloatArray
    """Shape (n days, 2): AI, rule-based."""
    differences: FloatArray
    """Shape (n days, 4): one column for each of `DIFFERENCES`; NaN = none that day."""


def source_comparisons(
    outcomes: pl.DataFrame, *, as_of: Sequence[date], window_days: int, horizons: Mapping[str, int]
) -> pl.DataFrame:
    """Difference of the sources, AI minus rules, in accuracy and in Brier score, over each window.

    Both are compared within a day, so what a day's market did to all theses cancels; the days are then averaged, each
    with the same weight. Intervals and p-values allow for overlapping horizons (inference.py). The sources may speak of
    different symbols; where both spoke of one symbol before one entry, the difference within these pairs says more.

    Args:
        outcomes: table thesis_outcomes covering every window, in any order.
        as_of: knowledge days to report on; day T looks at T - `window_days` < known_on <= T.
        window_days: calendar days.
        horizons: sessions that each horizon spans, by name.

    Returns:
        Table source_comparisons, one row per day and horizon. Differences are null without a day, intervals where the
        days do not carry one; `evidence` speaks of the accuracy. A day's rows do not depend on the range.
    """
    parts = [
        _one_horizon(_days(counted(outcomes, horizon=horizon)), as_of, window_days, sessions).with_columns(
            pl.lit(horizon).alias("horizon")
        )
        for horizon, sessions in horizons.items()
        if as_of
    ]
    if not parts:
        return TABLE.empty()
    return (
        pl.concat(parts)
        .with_columns(
            pl.lit(window_days, pl.Int64).alias("window_days"),
            evidence=pl.when(pl.col("accuracy_p_value").is_null())
            .then(pl.lit("insufficient_evidence"))
            .otherwise(pl.lit("sufficient")),
        )
        .select(TABLE.column_names)
        .cast(dict(TABLE.schema))  # type: ignore[arg-type]
        .sort("known_on", *TABLE.key)
    )


def _one_horizon(days: _Days, as_of: Sequence[date], window_days: int, sessions: int) -> pl.DataFrame:
    rows = [_one_night(days, night, window_days, sessions) for night in as_of]
    estimates = [f"{name}_{part}" for name in DIFFERENCES for part in ("difference", "ci_low", "ci_high", "p_value")]
    return null_where_not_finite(
        pl.DataFrame(rows, infer_schema_length=None), ["ai_accuracy", "rule_based_accuracy", *estimates]
    )


def _one_night(days: _Days, night: date, window_days: int, sessions: int) -> dict[str, date | int | float]:
    window = window_of(days.known_on, night, window_days)
    counts, differences = days.counts[window], days.differences[window]
    # Copies: the same numbers then lie the same way in memory, alone or in a range, and sums round alike.
    ai_accuracy, rule_based_accuracy = (
        float(column.copy().mean()) if len(column) else float("nan") for column in days.accuracies[window].T
    )
    inferred = mean_inferences(differences, overlap_sessions=sessions)
    row: dict[str, date | int | float] = {
        "known_on": night,
        "n_days": len(counts),
        "n_ai": int(counts[:, 0].sum()),
        "n_rule_based": int(counts[:, 1].sum()),
        "ai_accuracy": ai_accuracy,
        "rule_based_accuracy": rule_based_accuracy,
        "n_brier_days": int(inferred.n[1]),
        "n_pairs": int(counts[:, 2].sum()),
        "n_pair_days": int(inferred.n[2]),
    }
    for place, name in enumerate(DIFFERENCES):
        row[f"{name}_difference"] = float(inferred.estimate[place])
        row[f"{name}_ci_low"] = float(inferred.ci_low[place])
        row[f"{name}_ci_high"] = float(inferred.ci_high[place])
        row[f"{name}_p_value"] = float(inferred.p_value[place])
    return row


def _days(rows: pl.DataFrame) -> _Days:
    """Everything a window needs of a horizon's judged theses, day by day.

    Sums are taken in the order of the rows, in one thread: a day's numbers are the same in whatever company.
    """
    squared_error = (pl.col("confidence") - pl.col("is_right").cast(pl.Float64)) ** 2
    rows = rows.filter(pl.col("source").is_in((AI, RULE_BASED))).with_columns(squared_error=squared_error)
    all_days, day = np.unique(rows["known_on"].to_physical().to_numpy().astype(np.int64), return_inverse=True)
    cell = day * 2 + (rows["source"] == RULE_BASED).to_numpy().astype(np.int64)
    shape = (len(all_days), 2)

    def per_source(cells: IntArray, values: FloatArray | None = None) -> FloatArray:
        return np.bincount(cells, weights=values, minlength=len(all_days) * 2).reshape(shape).astype(np.float64)

    errors = rows["squared_error"].fill_null(float("nan")).to_numpy()
    is_stated = np.isfinite(errors)
    n, n_stated = per_source(cell), per_source(cell[is_stated])
    with np.errstate(invalid="ignore", divide="ignore"):
        # Zero over zero is how a source without theses looks in here; its days drop out or leave as null.
        accuracies = per_source(cell, rows["is_right"].to_numpy().astype(np.float64)) / n
        briers = per_source(cell[is_stated], errors[is_stated]) / n_stated
    n_pairs, pair_differences = _pairs(rows, all_days)
    both = (n > 0).all(axis=1)
    return _Days(
        known_on=all_days[both],
        counts=np.column_stack([n.astype(np.int64), n_pairs])[both],
        accuracies=accuracies[both],
        differences=np.column_stack([-np.diff(accuracies), -np.diff(briers), pair_differences])[both],
    )


def _pairs(rows: pl.DataFrame, all_days: IntArray) -> tuple[IntArray, FloatArray]:
    """Per day, the pairs of both sources on one symbol, and their mean differences in accuracy and Brier score."""
    columns = ("known_on", "symbol", "entry_date", "is_right", "squared_error")
    sides = [rows.filter(pl.col("source") == source).select(columns) for source in (AI, RULE_BASED)]
    # A source counts once per symbol and entry, so a pair is one row on either side.
    pairs = sides[0].join(
        sides[1], on=("known_on", "symbol", "entry_date"), validate="1:1", suffix="_rules", maintain_order="left"
    )
    day = np.searchsorted(all_days, pairs["known_on"].to_physical().to_numpy().astype(np.int64))

    def daily_mean(differences: pl.Series) -> FloatArray:
        values = differences.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        known = np.isfinite(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            summed = np.bincount(day[known], weights=values[known], minlength=len(all_days))
            return np.asarray(summed / np.bincount(day[known], minlength=len(all_days)), dtype=np.float64)

    accuracy = daily_mean(pairs["is_right"].cast(pl.Int64) - pairs["is_right_rules"].cast(pl.Int64))
    brier = daily_mean(pairs["squared_error"] - pairs["squared_error_rules"])
    return np.bincount(day, minlength=len(all_days)), np.column_stack([accuracy, brier])
