"""Analyse: windowed tables with uncertainty, the evidence people and decisions look at."""

import dagster as dg
import polars as pl

from amc_learning.assets.charts import interval_chart, threshold_chart
from amc_learning.assets.common import asset_arguments, described, newest, preview, window_mapping
from amc_learning.assets.measure import DEFAULT_WINDOW_DAYS, daily_statistics
from amc_learning.assets.partitions import known_days
from amc_learning.settings import Settings
from amc_learning.stages.evidence import compare_selection, correlate, find_thresholds
from amc_learning.warehouse import Warehouse

ANALYSE = {
    **asset_arguments("analyse", "parquet", "numpy"),
    "deps": [dg.AssetDep(daily_statistics, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS))],
}


@dg.asset(**ANALYSE)
def correlation_table(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Which scores order returns? Mean information coefficients with honest intervals."""
    days = known_days(context)
    table = correlate(warehouse, settings, days)
    horizon = settings.weights.evidence_horizon
    shown = newest(table).filter(pl.col("horizon") == horizon, pl.col("population") == "selected")
    coefficients = shown.select("feature", "mean_information_coefficient").iter_rows()
    numbers = {f"mean_ic_{horizon}_{name}": value for name, value in coefficients}
    columns = ["feature", "horizon", "mean_information_coefficient", "ci_low", "ci_high", "q_value", "n_days"]
    return described(
        warehouse.catalogue["correlation_table"],
        table,
        days,
        numbers=numbers,
        chart=interval_chart(shown, label="feature", title=f"mean daily IC, {horizon}, 95 % interval"),
        extra={"newest_day": preview(newest(table), columns, n_rows=42)},
    )


@dg.asset(**ANALYSE)
def selection_effects(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Does selection pay? Returns of the selected against unselected controls."""
    days = known_days(context)
    table = compare_selection(warehouse, settings, days)
    lifts = newest(table).select("horizon", "mean_lift").iter_rows()
    numbers = {f"mean_lift_{horizon}": value for horizon, value in lifts}
    columns = ["horizon", "mean_lift", "ci_low", "ci_high", "n_days", "evidence"]
    return described(
        warehouse.catalogue["selection_effects"],
        table,
        days,
        numbers=numbers,
        extra={"newest_day": preview(newest(table), columns)},
    )


@dg.asset(**ANALYSE)
def threshold_table(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """From which score does it pay? Thresholds per component and per action tag, or none."""
    days = known_days(context)
    table = find_thresholds(warehouse, settings, days)
    last = newest(table)
    numbers = {"n_thresholds_found": last.filter(pl.col("decision") == "found").height}
    columns = ["feature", "scope", "horizon", "decision", "threshold", "lift", "reason"]
    return described(
        warehouse.catalogue["threshold_table"],
        table,
        days,
        numbers=numbers,
        chart=threshold_chart(last),
        extra={"newest_day": preview(last, columns, n_rows=30)},
    )
