"""Decide: what the night does about the weights, and why; and whether earlier changes helped."""

import dagster as dg

from amc_learning.assets.analyse import correlation_table, threshold_table
from amc_learning.assets.charts import weights_chart
from amc_learning.assets.common import asset_arguments, described, newest, preview, window_mapping
from amc_learning.assets.failures import corrections
from amc_learning.assets.measure import DEFAULT_WINDOW_DAYS, daily_statistics
from amc_learning.assets.partitions import known_days
from amc_learning.assets.regimes import YESTERDAY, regime_performance
from amc_learning.settings import Settings
from amc_learning.stages.decide import DecisionError, decide_days
from amc_learning.stages.effectiveness import judge_changes
from amc_learning.warehouse import Warehouse


@dg.asset(
    **asset_arguments("decide", "parquet", "numpy"),
    deps=[
        dg.AssetDep(daily_statistics, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS)),
        correlation_table,
        threshold_table,
        regime_performance,
        corrections,
        dg.AssetDep("weight_decisions", partition_mapping=YESTERDAY),
    ],
)
def weight_decisions(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Should the weights move, how far, and why? Starts from the vector of the previous knowledge day."""
    days = known_days(context)
    try:
        decisions = decide_days(warehouse, settings, days)
    except DecisionError as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    last = newest(decisions)
    numbers = {f"weight_{row['component']}": row["weight"] for row in last.to_dicts()}
    numbers |= {
        "largest_change": last["change"].abs().max(),
        "confidence": last["confidence"].first(),
        "expected_improvement": last["expected_improvement"].first(),
    }
    columns = ["component", "previous_weight", "suggested_weight", "weight", "shadow_weight", "change"]
    return described(
        warehouse.catalogue["weight_decisions"],
        decisions,
        days,
        numbers=numbers,
        chart=weights_chart(last),
        extra={
            "status": last["status"].first() or "no decision",
            "mode": last["mode"].first() or "no decision",
            "reason": last["reason"].first() or "no decision",
            "weights": preview(last, columns),
        },
    )


@dg.asset(
    **asset_arguments("decide", "parquet", "numpy"),
    deps=[
        dg.AssetDep(daily_statistics, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS)),
        dg.AssetDep(weight_decisions, partition_mapping=YESTERDAY),
    ],
)
def learning_effectiveness(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Did the changes of the weights help? Each change of the last year, promised against realised, with a verdict."""
    days = known_days(context)
    judged = judge_changes(warehouse, settings, days)
    last = newest(judged)
    in_force = last.filter(last["state"] == "in_force")
    numbers = {
        "n_changes": last.height,
        "n_harmed": (last["verdict"] == "harmed").sum(),
        **{
            name: in_force[name].first() for name in ("promised", "realised", "evidence_of_harm", "evidence_of_benefit")
        },
    }
    columns = ["began_on", "state", "most_changed_component", "promised", "realised", "n_days", "verdict"]
    return described(
        warehouse.catalogue["learning_effectiveness"],
        judged,
        days,
        numbers=numbers,
        extra={"changes": preview(last, columns)},
    )
