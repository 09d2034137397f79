"""Does selection pay? What the selected returned over the controls of the same days.

Belongs here: the table `selection_effects`, from daily statistics.
Not here: which scores order returns (correlation.py), the inference for one series (inference.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.inference import FloatArray, mean_inference
from amc_learning.learning.windows import EPOCH, IntArray

SELECTION_EFFECTS = catalogue(())["selection_effects"]

MICRO = 1_000_000


def selection_effects(
    statistics: pl.DataFrame, *, as_of: Sequence[date], window_days: int, horizons: Mapping[str, int]
) -> pl.DataFrame:
    """Mean daily difference between the return of the selected and of the controls, with its interval.

    Each day counts once, however many names it has; the difference is taken within the day, so the market drops out.
    A day's means are over the decisions with a return, whatever their scores: of a day's features the one with the
    most pairs speaks for it.

    Args:
        statistics: table `daily_statistics` covering every window, in any order.
        as_of: knowledge days to report on; day T looks at T - `window_days` < known_on <= T.
        window_days: calendar days.
        horizons: sessions that a label of each horizon spans, by name.

    Returns:
        Table `selection_effects`, one row per day and horizon. Days with only one side drop out; without any, counts
        are 0, the rest is null and `evidence` says insufficient_evidence.

    Source: inference.py for the interval; contracts.md on controls (a random sample of the unselected).
    """
    rows: list[dict[str, object]] = []
    for horizon, sessions in horizons.items():
        known_on, counts, means = _paired_days(statistics, horizon=horizon)
        for night in as_of:
            last = (night - EPOCH).days
            first, end = np.searchsorted(known_on, [last - window_days, last], side="right")
            effect = _effect(counts[first:end], means[first:end], sessions=sessions)
            rows.append({"known_on": night, "horizon": horizon, "window_days": window_days} | effect)
    return pl.DataFrame(rows, schema=SELECTION_EFFECTS.schema, orient="row").sort("known_on", *SELECTION_EFFECTS.key)


def _paired_days(statistics: pl.DataFrame, *, horizon: str) -> tuple[IntArray, IntArray, FloatArray]:
    """Days with both sides, in order of time: known_on, counts and mean returns of the selected and the controls."""
    sides = (
        statistics.filter(
            pl.col("horizon") == horizon,
            pl.col("population").is_in(["selected", "controls"]),
            pl.col("scope") == "all",
            pl.col("n_pairs") > 0,
        )
        .select("known_on", "entry_date", "population", "feature", "n_pairs", "sum_return_micro")
        # Features differ in how many scores are missing; ties are settled by name, so that the choice is repeatable.
        .sort("n_pairs", "feature", descending=[True, False])
        .group_by("known_on", "entry_date", "population", maintain_order=True)
        .first()
    )
    selected, controls = (
        sides.filter(pl.col("population") == population).drop("population", "feature")
        for population in ("selected", "controls")
    )
    days = selected.join(controls, on=["known_on", "entry_date"], suffix="_controls").sort("known_on", "entry_date")
    counts = days.select("n_pairs", "n_pairs_controls").to_numpy().reshape(-1, 2)
    sums = days.select("sum_return_micro", "sum_return_micro_controls").to_numpy().reshape(-1, 2)
    return days["known_on"].to_physical().to_numpy().astype(np.int64), counts, sums / counts / MICRO


def _effect(counts: IntArray, means: FloatArray, *, sessions: int) -> dict[str, object]:
    inferred = mean_inference(means[:, 0] - means[:, 1], overlap_sessions=sessions)
    n_selected, n_controls = (int(count) for count in counts.sum(axis=0))
    return {
        "n_days": inferred.n,
        "n_selected": n_selected,
        "n_controls": n_controls,
        "mean_return_selected": float(means[:, 0].mean()) if inferred.n else None,
        "mean_return_controls": float(means[:, 1].mean()) if inferred.n else None,
        "mean_lift": inferred.estimate,
        "ci_low": inferred.ci_low,
        "ci_high": inferred.ci_high,
        "p_value": inferred.p_value,
        "evidence": "sufficient" if inferred.is_sufficient else "insufficient_evidence",
    }
