"""Theses: were they right, how sure should they have been, and what is done about it."""

import dagster as dg
import polars as pl

from amc_learning.assets.charts import reliability_chart
from amc_learning.assets.collect import price_bars, thesis_decisions
from amc_learning.assets.common import asset_arguments, described, newest, preview, window_mapping
from amc_learning.assets.measure import DEFAULT_WINDOW_DAYS
from amc_learning.assets.outcomes import LONGEST_HORIZON_DAYS
from amc_learning.assets.partitions import known_days
from amc_learning.assets.regimes import market_regimes
from amc_learning.settings import Settings
from amc_learning.stages.theses import calibrate_days, judge_theses, measure_theses
from amc_learning.warehouse import Warehouse


@dg.asset(
    **asset_arguments("outcomes", "parquet", "polars"),
    deps=[
        dg.AssetDep(thesis_decisions, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)),
        dg.AssetDep(market_regimes, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)),
        price_bars,
    ],
)
def thesis_outcomes(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What became of the theses? Returns that matured on this day, and whether the recommendation was right."""
    days = known_days(context)
    outcomes = judge_theses(warehouse, settings, days)
    judged = outcomes.filter(pl.col("is_counted") & (pl.col("horizon") == settings.theses.horizon))
    numbers = {"n_judged": judged["is_right"].count(), "share_right": judged["is_right"].mean()}
    return described(warehouse.catalogue["thesis_outcomes"], outcomes, days, numbers=numbers)


@dg.asset(
    **asset_arguments("analyse", "parquet", "numpy"),
    deps=[dg.AssetDep(thesis_outcomes, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS))],
)
def thesis_accuracy(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """How often were theses right, and how sure were they? Accuracy, reliability, and AI against rules."""
    days = known_days(context)
    accuracy = measure_theses(warehouse, settings, days)
    last = newest(accuracy).filter(pl.col("horizon") == settings.theses.horizon)
    overall = last.filter(pl.col("group_kind") == "overall").to_dicts()
    measures = ("accuracy", "mean_confidence", "brier_score", "miscalibration")
    numbers = {name: row[name] for row in overall for name in measures}
    curves = warehouse.table("reliability_curves").read(days[-1], days[-1])
    columns = ["group_kind", "group", "n_theses", "accuracy", "ci_low", "ci_high", "mean_confidence", "brier_score"]
    return described(
        warehouse.catalogue["thesis_accuracy"],
        accuracy,
        days,
        numbers=numbers,
        chart=reliability_chart(curves),
        extra={"newest_day": preview(last, columns, n_rows=24)},
    )


@dg.asset(
    **asset_arguments("calibrate", "parquet", "numpy"),
    deps=[dg.AssetDep(thesis_outcomes, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS)), thesis_accuracy],
)
def calibration_decisions(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What is a stated confidence worth? The map chosen out of sample, per source and recommendation."""
    days = known_days(context)
    decisions = calibrate_days(warehouse, settings, days)
    last = newest(decisions)
    overall = last.filter((pl.col("source") == "all") & (pl.col("recommendation") == "all")).to_dicts()
    numbers = {name: row[name] for row in overall for name in ("multiplier", "brier_sent", "brier_calibrated")}
    columns = [
        "source",
        "recommendation",
        "method",
        "multiplier",
        "n_theses",
        "brier_sent",
        "brier_calibrated",
        "status",
    ]
    return described(
        warehouse.catalogue["calibration_decisions"],
        decisions,
        days,
        numbers=numbers,
        extra={"newest_day": preview(last, columns, n_rows=20)},
    )
