"""Regimes: in which market the decisions are made, and which score works in it."""

import dagster as dg
import polars as pl

from amc_learning.assets.collect import discovery_candidates, index_closes
from amc_learning.assets.common import asset_arguments, described, newest, preview, window_mapping
from amc_learning.assets.measure import DEFAULT_WINDOW_DAYS, daily_statistics
from amc_learning.assets.partitions import known_days
from amc_learning.settings import Settings
from amc_learning.stages.regimes import label_regimes, measure_regimes
from amc_learning.warehouse import Warehouse

YESTERDAY = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


@dg.asset(
    **asset_arguments("outcomes", "parquet", "statsmodels"),
    deps=[index_closes, discovery_candidates, dg.AssetDep("market_regimes", partition_mapping=YESTERDAY)],
)
def market_regimes(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """In which market? Calm or turbulent by the index, and what discovery's own candidates say."""
    days = known_days(context)
    regimes = label_regimes(warehouse, settings, days)
    last = newest(regimes)
    probability = last.filter(pl.col("basis") == "index")["probability"].first()
    columns = ["basis", "regime", "probability", "previous_regime", "since", "evidence"]
    return described(
        warehouse.catalogue["market_regimes"],
        regimes,
        days,
        numbers={"n_changes": regimes["is_change"].sum(), "index_probability": probability},
        extra={"newest_day": preview(last, columns)},
    )


@dg.asset(
    **asset_arguments("analyse", "parquet", "numpy"),
    deps=[
        dg.AssetDep(daily_statistics, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS)),
        dg.AssetDep(market_regimes, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS)),
    ],
)
def regime_performance(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What works in which market? Coefficients per regime, and the multipliers they justify."""
    days = known_days(context)
    performance = measure_regimes(warehouse, settings, days)
    shown = newest(performance).filter(pl.col("is_current") & (pl.col("horizon") == settings.weights.evidence_horizon))
    columns = ["basis", "regime", "feature", "mean_information_coefficient", "ci_low", "ci_high", "multiplier"]
    return described(
        warehouse.catalogue["regime_performance"],
        performance,
        days,
        numbers={"n_multipliers": shown.filter(pl.col("multiplier") != 1).height},
        extra={"present_regimes": preview(shown, columns, n_rows=20)},
    )
