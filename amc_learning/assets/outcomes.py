"""Outcomes and join: what became of the decisions, and their scores beside it."""

import dagster as dg
import polars as pl

from amc_learning.assets.charts import return_histogram
from amc_learning.assets.collect import discovery_candidates, price_bars
from amc_learning.assets.common import asset_arguments, described, window_mapping
from amc_learning.assets.partitions import known_days
from amc_learning.settings import Settings
from amc_learning.stages.evidence import join_feature_outcomes, mature_outcomes
from amc_learning.warehouse import Warehouse

LONGEST_HORIZON_DAYS = 45
"""Calendar days from a decision to its 21st session, holidays included: how far back lineage reaches."""


@dg.asset(
    **asset_arguments("outcomes", "parquet", "polars"),
    deps=[dg.AssetDep(discovery_candidates, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)), price_bars],
)
def candidate_outcomes(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What became of the decisions? Forward returns and excursions that matured on this day."""
    days = known_days(context)
    written = mature_outcomes(warehouse, settings, days)
    outcomes = written.last
    complete = outcomes.filter(pl.col("outcome_status") == "complete").height
    numbers = {
        "n_outcomes": written.n_rows,
        "n_flagged": outcomes.height - complete,
        "share_winners": outcomes["is_winner"].mean(),
        "share_losers": outcomes["is_loser"].mean(),
        "mean_forward_return": outcomes["forward_return"].mean(),
    }
    table = warehouse.catalogue["candidate_outcomes"]
    chart = return_histogram(outcomes)
    return described(table, outcomes, days, n_rows=written.n_rows, numbers=numbers, chart=chart)


@dg.asset(
    **asset_arguments("join", "parquet", "polars"),
    deps=[
        candidate_outcomes,
        dg.AssetDep(discovery_candidates, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)),
    ],
)
def feature_outcomes(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Which scores led to which returns? Scores as known at the decision beside the outcome, point in time."""
    days = known_days(context)
    written = join_feature_outcomes(warehouse, settings, days)
    joined = written.last
    numbers = {
        "n_in_cross_section": joined["is_in_cross_section"].sum(),
        "n_unknown_returns": joined["forward_return"].null_count(),
    }
    table = warehouse.catalogue["feature_outcomes"]
    return described(table, joined, days, n_rows=written.n_rows, numbers=numbers)
