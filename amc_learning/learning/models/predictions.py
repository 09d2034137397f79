"""What the champions say of today's candidates.

Belongs here: table candidate_predictions of a week. Not here: what anybody does about it; weights are learned without.
"""

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.models import TARGETS, candidate_predictions
from amc_learning.learning.models.cases import candidates_to_predict, feature_groups, features_of
from amc_learning.learning.models.fitted import model_from
from amc_learning.learning.models.rules import ModelRules

CANDIDATE_PREDICTIONS = candidate_predictions()

COLUMNS = {
    "success": "success_probability",
    "outperformance": "outperformance_probability",
    "return": "expected_relative_return",
    "stop_out": "stop_out_probability",
}
"""Column of each target."""


def predictions(
    models: pl.DataFrame,
    discovery_candidates: pl.DataFrame,
    bars: pl.DataFrame,
    index_closes: pl.DataFrame,
    market_regimes: pl.DataFrame,
    *,
    week: date,
    rules: ModelRules,
) -> pl.DataFrame:
    """Table candidate_predictions of one week: the selected candidates of its last discovery day.

    Args:
        models: table prediction_models of the week.
        discovery_candidates: table of that name, days of the week.
        bars: price_bars, back to `LOOK_BACK_DAYS` before the week.
        index_closes: table of that name over the same days.
        market_regimes: `known_on`, `basis`, `regime`.
        week: last knowledge day of the week.
        rules: components.
    """
    candidates = candidates_to_predict(discovery_candidates)
    features = features_of(candidates, bars, index_closes, market_regimes, components=rules.components)
    predicted: dict[str, pl.Series] = {}
    for target in TARGETS:
        champion = models.filter((pl.col("target") == target) & (pl.col("role") == "champion")).to_dicts()
        values: npt.NDArray[np.float64] | None = None
        if champion:
            model = model_from(champion[0]["parameters"], model_id=champion[0]["model_id"])
            # Columns in another order would be taken for each other: a model of another feature set is not asked.
            if model.features == tuple(feature_groups(rules.components)):
                values = model.predict(features)
        n = candidates.height
        predicted[COLUMNS[target]] = pl.Series([None] * n if values is None else values, dtype=pl.Float64)
        for name, column in (("model_id", "model_id"), ("kind", "kind")):
            predicted[f"{target}_{name}"] = pl.Series([champion[0][column] if champion else None] * n, dtype=pl.String)
    return (
        candidates.with_columns(known_on=pl.lit(week, pl.Date))
        .with_columns(**predicted)
        .select(CANDIDATE_PREDICTIONS.column_names)
        .cast(dict(CANDIDATE_PREDICTIONS.schema))  # type: ignore[arg-type]
        .sort("known_on", *CANDIDATE_PREDICTIONS.key)
    )
