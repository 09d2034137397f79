"""Exploration: the evidence over a window a person chooses in the launchpad; no part of a night.

What a night decides on keeps the window of the settings. An exploration is shown in its materialization, beside what
the night found, and written aside; no decision, document or report reads it.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from amc_learning.assets.charts import interval_chart, threshold_chart
from amc_learning.assets.common import OWNERS, STAGE_TAG, described, newest, preview
from amc_learning.assets.measure import daily_statistics
from amc_learning.assets.partitions import KNOWLEDGE_DAYS, known_days
from amc_learning.settings import Settings
from amc_learning.stages.exploration import ExplorationError, explore
from amc_learning.warehouse import Warehouse

EXPLORATION = "exploration"
"""The group of what a person tries out."""

EXPLORE: dict[str, Any] = {
    "group_name": EXPLORATION,
    "tags": {STAGE_TAG: EXPLORATION},
    "kinds": {"python", "numpy", "parquet"},
    "owners": OWNERS,
    "partitions_def": KNOWLEDGE_DAYS,
    "backfill_policy": dg.BackfillPolicy.single_run(),
    "deps": [dg.AssetDep(daily_statistics, partition_mapping=dg.TimeWindowPartitionMapping())],
}


class WindowConfig(dg.Config):
    """What is tried out."""

    window_days: int = Field(
        default=90,
        description="Calendar days of knowledge the table looks back over, 30 to 7305. Nights look back "
        "over analysis.window_days, which is 90 unless set; what is published keeps that, whatever is set here.",
    )


@dg.asset(**EXPLORE)
def correlation_of_a_window(
    context: dg.AssetExecutionContext,
    config: WindowConfig,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Which scores order returns over another window? Change it in the launchpad; what is published stays as it is."""
    days = known_days(context)
    table, path = _explored("correlation_table", warehouse, settings, days, config)
    keys = ["known_on", "population", "horizon", "feature"]
    of_night = warehouse.table("correlation_table").read(days[-1], days[-1])
    night = of_night.select(*keys, night_window_days="window_days", night_mean_ic="mean_information_coefficient")
    last = newest(table).join(night, on=keys, how="left", maintain_order="left")
    horizon = settings.weights.evidence_horizon
    shown = last.filter(pl.col("horizon") == horizon, pl.col("population") == "selected")
    coefficients = shown.select("feature", "mean_information_coefficient").iter_rows()
    columns = ["feature", "horizon", "mean_information_coefficient", "ci_low", "ci_high", "q_value", "n_days"]
    return described(
        warehouse.catalogue["correlation_table"],
        table,
        days,
        numbers={
            "window_days": config.window_days,
            **{f"mean_ic_{horizon}_{name}": value for name, value in coefficients},
        },
        chart=interval_chart(
            shown, label="feature", title=f"mean daily IC, {horizon}, {config.window_days} days, 95 % interval"
        ),
        extra={
            "newest_day": preview(
                last.filter(population="selected"), [*columns, "night_mean_ic", "night_window_days"], n_rows=42
            ),
            "file": dg.MetadataValue.path(str(path)),
        },
    )


@dg.asset(**EXPLORE)
def thresholds_of_a_window(
    context: dg.AssetExecutionContext,
    config: WindowConfig,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """From which score does it pay over another window? Change it in the launchpad; what is published stays."""
    days = known_days(context)
    table, path = _explored("threshold_table", warehouse, settings, days, config)
    last = newest(table)
    columns = ["feature", "scope", "horizon", "decision", "threshold", "lift", "reason"]
    return described(
        warehouse.catalogue["threshold_table"],
        table,
        days,
        numbers={
            "window_days": config.window_days,
            "n_thresholds_found": last.filter(pl.col("decision") == "found").height,
        },
        chart=threshold_chart(last),
        extra={"newest_day": preview(last, columns, n_rows=30), "file": dg.MetadataValue.path(str(path))},
    )


def _explored(
    name: str, warehouse: Warehouse, settings: Settings, days: Sequence[date], config: WindowConfig
) -> tuple[pl.DataFrame, Path]:
    try:
        return explore(warehouse, settings, days, name, config.window_days)
    except ExplorationError as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
