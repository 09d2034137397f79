"""Failures: which cases failed, which patterns fail systematically, and what is corrected."""

import dagster as dg
import polars as pl

from amc_learning.assets.collect import discovery_candidates
from amc_learning.assets.common import asset_arguments, described, newest, preview, window_mapping
from amc_learning.assets.measure import DEFAULT_WINDOW_DAYS
from amc_learning.assets.outcomes import LONGEST_HORIZON_DAYS, feature_outcomes
from amc_learning.assets.partitions import known_days
from amc_learning.assets.regimes import YESTERDAY
from amc_learning.assets.theses import thesis_outcomes
from amc_learning.assets.trades import closed_trades
from amc_learning.settings import Settings
from amc_learning.stages.failures import correct_failures, find_failure_patterns, judge_failures
from amc_learning.warehouse import Warehouse

KINDS = ("trade", "thesis", "candidate")
"""Kinds of cases, as the table names them."""


@dg.asset(
    **asset_arguments("analyse", "parquet", "polars"),
    deps=[
        closed_trades,
        thesis_outcomes,
        feature_outcomes,
        dg.AssetDep(discovery_candidates, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)),
    ],
)
def failure_cases(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What was judged, and what failed? Trades, sure theses and tagged candidates with what was known of them."""
    days = known_days(context)
    cases = judge_failures(warehouse, settings, days)
    failed = cases.filter("is_failure")["kind"]
    numbers = {"n_failures": failed.len(), **{f"n_{kind}_failures": (failed == kind).sum() for kind in KINDS}}
    return described(warehouse.catalogue["failure_cases"], cases, days, numbers=numbers)


@dg.asset(
    **asset_arguments("analyse", "parquet", "numpy"),
    deps=[dg.AssetDep(failure_cases, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS))],
)
def failure_patterns(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What fails systematically? Patterns beyond chance over everything searched; the merely frequent are watched."""
    days = known_days(context)
    patterns = find_failure_patterns(warehouse, settings, days)
    last = newest(patterns)
    numbers = {f"n_{status}": last.filter(pl.col("status") == status).height for status in ("systematic", "watch")}
    columns = ["kind", "pattern", "status", "severity", "n_failures", "n_cases", "base_rate", "adjusted_p_value"]
    return described(
        warehouse.catalogue["failure_patterns"],
        patterns,
        days,
        numbers=numbers,
        extra={"newest_day": preview(last.sort("adjusted_p_value", "kind", "pattern"), columns)},
    )


@dg.asset(
    **asset_arguments("correct", "parquet"),
    deps=[failure_patterns, failure_cases, dg.AssetDep("corrections", partition_mapping=YESTERDAY)],
)
def corrections(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What is corrected, by how much, until when? And did earlier corrections help?"""
    days = known_days(context)
    table = correct_failures(warehouse, settings, days)
    last = newest(table)
    numbers = {f"n_{status}": last.filter(pl.col("status") == status).height for status in ("active", "proposed")}
    columns = ["name", "kind", "target", "factor", "raise_points", "severity", "status", "expires_on", "verdict"]
    return described(
        warehouse.catalogue["corrections"],
        table,
        days,
        numbers=numbers,
        extra={"newest_day": preview(last, columns)},
    )
