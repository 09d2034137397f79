"""Measure: the mergeable statistics of each day, from which every window is a sum or a mean."""

import dagster as dg
import polars as pl

from amc_learning.assets.common import asset_arguments, described
from amc_learning.assets.outcomes import feature_outcomes
from amc_learning.assets.partitions import known_days
from amc_learning.settings import Settings
from amc_learning.stages.evidence import measure_days
from amc_learning.warehouse import Warehouse

DEFAULT_WINDOW_DAYS = 90
"""How far back the lineage of windowed tables reaches in the UI; what a night reads follows the settings."""


@dg.asset(**asset_arguments("measure", "parquet", "polars"), deps=[feature_outcomes])
def daily_statistics(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """How well did each score order the day's returns? Rank correlations, histograms, decile returns."""
    days = known_days(context)
    written = measure_days(warehouse, settings, days)
    statistics = written.last
    horizon = settings.weights.evidence_horizon
    shown = statistics.filter(
        pl.col("horizon") == horizon, pl.col("population") == "selected", pl.col("scope") == "all"
    )
    coefficients = shown.group_by("feature", maintain_order=True).agg(pl.col("information_coefficient").mean())
    numbers = {f"ic_{horizon}_{name}": value for name, value in coefficients.iter_rows()}
    numbers["n_constant_features"] = shown["is_constant"].sum()
    table = warehouse.catalogue["daily_statistics"]
    return described(table, statistics, days, n_rows=written.n_rows, numbers=numbers)
