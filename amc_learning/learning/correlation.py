"""Does a score order returns? Mean daily information coefficient per population, horizon and feature, over a window.

Belongs here: the table `correlation_table`, from daily statistics. Not here: the daily coefficients themselves
(daily_statistics.py), the inference for one series (inference.py), what follows from it for weights (weights).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.tables import N_QUANTILES, catalogue
from amc_learning.learning.inference import FloatArray, MeanInferences, false_discovery_adjusted, mean_inferences
from amc_learning.learning.windows import ALL, IntArray, null_where_not_finite, panel

CORRELATION_TABLE = catalogue(())["correlation_table"]

POPULATIONS = ("selected", "universe")
"""What scores are judged on. The selected are always reported, the universe where controls were collected."""

MICRO = 1_000_000

_COLUMNS = (
    "n_pairs",
    "information_coefficient",
    "area_under_curve",
    "quantile_n",
    "quantile_sum_return_micro",
)

_ESTIMATES = (
    "n_effective_days",
    "mean_information_coefficient",
    "ci_low",
    "ci_high",
    "p_value",
    "q_value",
    "information_ratio",
    "share_positive_days",
    "mean_area_under_curve",
    "top_bottom_spread",
)


@dataclass(frozen=True)
class _DailyRanks:
    """One population and horizon: per day and feature, the coefficients, and running sums of the counts."""

    information_coefficient: FloatArray
    area_under_curve: FloatArray
    summed_rows: IntArray
    summed_pairs: IntArray
    summed_quantile_n: IntArray
    summed_quantile_micro: IntArray


def correlation_tables(
    statistics: pl.DataFrame,
    *,
    as_of: Sequence[date],
    window_days: int,
    horizons: Mapping[str, int],
    features: Sequence[str],
) -> pl.DataFrame:
    """Mean daily rank correlation of every score with every horizon's return, with what can be said of its reliability.

    The interval and p-value allow for overlapping labels and persistent scores (inference.py). The q-value is
    Benjamini-Yekutieli over the written-down family: all `features` x `horizons` of one night and population that have
    a p-value. Over the weeks: consecutive nights share all but one of their days, so a family of nights is no family of
    separate tests, and a night must not depend on nights outside its window. A q-value therefore answers for one night;
    whoever acts on it night after night must bound how often it acts, by a gate that stays valid when watched daily.

    Args:
        statistics: table `daily_statistics` covering every window, in any order.
        as_of: knowledge days to report on; day T looks at T - `window_days` < known_on <= T.
        window_days: calendar days.
        horizons: sessions that a label of each horizon spans, by name.
        features: components and total score, the family looked at.

    Returns:
        Table `correlation_table`: per day all horizons and features of the selected, and of the universe on days whose
        window holds any. Estimates are null, never NaN, where the days do not carry them, and `evidence` then says
        insufficient_evidence. Mean return per decile is over all pairs of the counted days.

    Raises:
        ValueError: two rows for one cross-section and feature.

    Source: Grinold and Kahn, Active Portfolio Management, ch. 6; inference.py for the tests.
    """
    if not (as_of and horizons and features):
        return CORRELATION_TABLE.empty()
    blocks = []
    for population in POPULATIONS:
        judged = [
            _one_horizon(
                statistics,
                population=population,
                horizon=horizon,
                sessions=sessions,
                as_of=as_of,
                window_days=window_days,
                features=features,
            )
            for horizon, sessions in horizons.items()
        ]
        p_values = np.stack([frame["p_value"].to_numpy().reshape(len(as_of), -1) for frame in judged], axis=1)
        q_values = np.stack([false_discovery_adjusted(night) for night in p_values])
        blocks += [frame.with_columns(q_value=q_values[:, place].ravel()) for place, frame in enumerate(judged)]
    estimated = null_where_not_finite(pl.concat(blocks), _ESTIMATES)
    is_present = (pl.col("n_days") + pl.col("n_days_excluded")).sum().over("known_on", "population") > 0
    return (
        estimated.filter((pl.col("population") == "selected") | is_present)
        .with_columns(
            evidence=pl.when(pl.col("p_value").is_null())
            .then(pl.lit("insufficient_evidence"))
            .otherwise(pl.lit("sufficient"))
        )
        .select(CORRELATION_TABLE.column_names)
        .cast(CORRELATION_TABLE.schema)
        .sort("known_on", *CORRELATION_TABLE.key)
    )


def _one_horizon(
    statistics: pl.DataFrame,
    *,
    population: str,
    horizon: str,
    sessions: int,
    as_of: Sequence[date],
    window_days: int,
    features: Sequence[str],
) -> pl.DataFrame:
    days = panel(
        statistics,
        population=population,
        horizon=horizon,
        series=[(feature, ALL) for feature in features],
        columns=_COLUMNS,
    )
    coefficients = days.floats("information_coefficient")
    is_counted = np.isfinite(coefficients)
    daily = _DailyRanks(
        information_coefficient=coefficients,
        area_under_curve=days.floats("area_under_curve"),
        summed_rows=_running((days.rows >= 0).astype(np.int64)),
        summed_pairs=_running(days.integers("n_pairs") * is_counted),
        summed_quantile_n=_running(days.integers("quantile_n") * is_counted[..., None]),
        summed_quantile_micro=_running(days.integers("quantile_sum_return_micro") * is_counted[..., None]),
    )
    windows = [days.window(night, window_days) for night in as_of]
    nights = [_one_night(daily, window, sessions=sessions) for window in windows]
    columns = {name: np.concatenate([night[name] for night in nights]) for name in nights[0]}
    quantile_means = pl.Series(columns.pop("quantile_mean_return").ravel()).fill_nan(None)
    return pl.DataFrame(columns).with_columns(
        known_on=pl.Series([night for night in as_of for _ in features], dtype=pl.Date),
        population=pl.lit(population),
        horizon=pl.lit(horizon),
        feature=pl.Series(list(features) * len(as_of), dtype=pl.String),
        window_days=pl.lit(window_days, dtype=pl.Int64),
        quantile_mean_return=quantile_means.reshape((-1, N_QUANTILES)),
    )


def _running(counts: IntArray) -> IntArray:
    """Sums of everything before each day; sums of integers are exact, so a window is a difference of two of them."""
    return np.concatenate([np.zeros_like(counts, shape=(1, *counts.shape[1:])), np.cumsum(counts, axis=0)])


def _one_night(daily: _DailyRanks, window: slice, *, sessions: int) -> dict[str, npt.NDArray[np.generic]]:
    coefficients = daily.information_coefficient[window]
    inferred: MeanInferences = mean_inferences(coefficients, overlap_sessions=sessions)
    curves = daily.area_under_curve[window]
    n_curves = np.isfinite(curves).sum(axis=0)
    quantile_n = daily.summed_quantile_n[window.stop] - daily.summed_quantile_n[window.start]
    quantile_micro = daily.summed_quantile_micro[window.stop] - daily.summed_quantile_micro[window.start]
    with np.errstate(invalid="ignore", divide="ignore"):
        # Zero over zero is how "no such days" looks in here; it leaves as null.
        quantile_means = quantile_micro / quantile_n / MICRO
        share_positive = (coefficients > 0).sum(axis=0) / inferred.n
        mean_curve = np.where(np.isfinite(curves), curves, 0.0).sum(axis=0) / n_curves
        ratio = inferred.estimate / inferred.standard_deviation
    return {
        "n_days": inferred.n,
        "n_days_excluded": daily.summed_rows[window.stop] - daily.summed_rows[window.start] - inferred.n,
        "n_pairs": daily.summed_pairs[window.stop] - daily.summed_pairs[window.start],
        "n_effective_days": inferred.n_effective,
        "mean_information_coefficient": inferred.estimate,
        "ci_low": inferred.ci_low,
        "ci_high": inferred.ci_high,
        "p_value": inferred.p_value,
        "information_ratio": ratio,
        "share_positive_days": share_positive,
        "mean_area_under_curve": mean_curve,
        "n_auc_days": n_curves,
        "quantile_mean_return": quantile_means,
        "top_bottom_spread": quantile_means[:, -1] - quantile_means[:, 0],
    }
