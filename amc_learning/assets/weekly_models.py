"""Prediction models: fitted anew each week, judged on days they had not seen, one kind of each target in office."""

import json

import dagster as dg
import polars as pl

from amc_learning.assets.charts import INK, LINES, MUTED, figure, png
from amc_learning.assets.collect import discovery_candidates, price_bars
from amc_learning.assets.common import described, newest, preview, weekly_arguments
from amc_learning.assets.outcomes import candidate_outcomes, feature_outcomes
from amc_learning.assets.partitions import DAYS_OF_THE_WEEK, WEEK_BEFORE, known_weeks
from amc_learning.assets.regimes import market_regimes
from amc_learning.contracts.declared.models import TARGETS
from amc_learning.settings import Settings
from amc_learning.stages.models import predict_candidates, retrain_models
from amc_learning.warehouse import Warehouse

CARD = [
    "target",
    "kind",
    "role",
    "decision",
    "n_cases",
    "n_scored_days",
    "area_under_curve",
    "area_under_curve_ci_low",
    "area_under_curve_ci_high",
    "mean_information_coefficient",
    "skill",
    "e_value",
    "reason",
]


@dg.asset(
    **weekly_arguments("parquet", "scikitlearn"),
    deps=[
        *(
            dg.AssetDep(asset, partition_mapping=DAYS_OF_THE_WEEK)
            for asset in (feature_outcomes, candidate_outcomes, price_bars, market_regimes)
        ),
        dg.AssetDep("prediction_models", partition_mapping=WEEK_BEFORE),
    ],
)
def prediction_models(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Which candidates win, return more, or are stopped out: fitted anew, and does a challenger beat the champion?"""
    weeks = known_weeks(context)
    models = retrain_models(warehouse, settings, weeks)
    last = newest(models)
    champions = last.filter(pl.col("role") == "champion")
    numbers: dict[str, object] = {"n_promoted": last.filter(pl.col("decision") == "promoted").height}
    for row in champions.iter_rows(named=True):
        numbers[f"area_under_curve_{row['target']}"] = row["area_under_curve"]
        numbers[f"rank_ic_{row['target']}"] = row["mean_information_coefficient"]
        numbers[f"skill_{row['target']}"] = row["skill"]
    return described(
        warehouse.catalogue["prediction_models"],
        models,
        weeks,
        numbers=numbers,
        chart=calibration_chart(champions),
        extra={"newest_week": preview(last, CARD)},
    )


@dg.asset(
    **weekly_arguments("parquet", "numpy"),
    deps=[
        prediction_models,
        *(
            dg.AssetDep(asset, partition_mapping=DAYS_OF_THE_WEEK)
            for asset in (discovery_candidates, price_bars, market_regimes)
        ),
    ],
)
def candidate_predictions(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What do the champions say of the week's last candidates? Advice beside the report; no weight reads it."""
    weeks = known_weeks(context)
    predicted = predict_candidates(warehouse, settings, weeks)
    last = newest(predicted).sort("rank", nulls_last=True)
    columns = [
        "rank",
        "symbol",
        "stop_out_probability",
        "outperformance_probability",
        "success_probability",
        "expected_relative_return",
    ]
    return described(
        warehouse.catalogue["candidate_predictions"],
        predicted,
        weeks,
        numbers={
            "mean_stop_out_probability": last["stop_out_probability"].mean(),
            "n_targets_with_a_model": sum(
                last.height > 0 and last[f"{target}_kind"][0] not in (None, "baseline") for target in TARGETS
            ),
        },
        extra={"newest_week": preview(last, columns)},
    )


def calibration_chart(champions: pl.DataFrame) -> bytes | None:
    """What the champions' probabilities came to, one step line per target; None while all of them say one rate."""
    curves = {
        row["target"]: json.loads(row["calibration_curve"])
        for row in champions.iter_rows(named=True)
        if row["calibration_curve"] and row["kind"] != "baseline"
    }
    if not curves:
        return None
    chart, axes = figure(4.2, 3.0)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
    for (target, blocks), colour in zip(curves.items(), LINES, strict=False):
        predicted, came_true = ([block[name] for block in blocks] for name in ("predicted", "came_true"))
        n = sum(block["n"] for block in blocks)
        axes.plot(predicted, came_true, color=colour, marker=".", markersize=3, label=f"{target} (n={n:,})")
    axes.set_xlabel("predicted probability, days not seen", fontsize=8)
    axes.set_ylabel("share that came true", fontsize=8, color=INK)
    axes.legend(fontsize=8, frameon=False)
    return png(chart)
