"""Changes of regime: which came, whether they lasted, and what they changed for which component."""

import dagster as dg
import polars as pl

from amc_learning.assets.charts import interval_chart
from amc_learning.assets.common import described, newest, preview, weekly_arguments
from amc_learning.assets.measure import daily_statistics
from amc_learning.assets.partitions import DAYS_OF_THE_WEEK, known_weeks
from amc_learning.assets.regimes import market_regimes
from amc_learning.settings import Settings
from amc_learning.stages.regime_changes import judge_regime_changes
from amc_learning.warehouse import Warehouse


@dg.asset(
    **weekly_arguments("parquet", "numpy"),
    deps=[dg.AssetDep(asset, partition_mapping=DAYS_OF_THE_WEEK) for asset in (daily_statistics, market_regimes)],
)
def regime_changes(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """When did the market change, did it last, and what did it change for which component?"""
    weeks = known_weeks(context)
    changes = judge_regime_changes(warehouse, settings, weeks)
    last = newest(changes)
    listed = last.unique(["basis", "changed_on"]).sort("changed_on", "basis", descending=True)
    columns = ["changed_on", "basis", "previous_regime", "regime", "probability", "n_sessions", "state"]
    columns_of_components = ["changed_on", "basis", "component", "difference", "difference_adjusted_p_value"]
    columns_of_components += ["regime_difference", "regime_difference_adjusted_p_value", "is_beyond_noise"]
    return described(
        warehouse.catalogue["regime_changes"],
        changes,
        weeks,
        numbers={
            "n_changes_of_the_year": listed.height,
            "n_flickered": listed.filter(pl.col("state") == "flickered").height,
            "n_components_beyond_noise": last.filter("is_beyond_noise")["component"].n_unique(),
        },
        chart=difference_chart(last),
        extra={
            "changes": preview(listed, columns),
            "components_beyond_noise": preview(last.filter("is_beyond_noise"), columns_of_components),
        },
    )


def difference_chart(changes: pl.DataFrame) -> bytes | None:
    """Each component under the new regime less under the previous one, at the newest change that can be judged."""
    judged = changes.filter(pl.col("regime_difference_ci_low").is_not_null()).sort("changed_on", "basis")
    if judged.is_empty():
        return None
    newest_change = judged.row(-1, named=True)
    rows = judged.filter(basis=newest_change["basis"], changed_on=newest_change["changed_on"]).select(
        "component",
        mean_information_coefficient="regime_difference",
        ci_low="regime_difference_ci_low",
        ci_high="regime_difference_ci_high",
    )
    title = f"rank correlation, {newest_change['regime']} less {newest_change['previous_regime']}"
    return interval_chart(rows, label="component", title=title)
