"""Collect: events in the inbox become raw partitions, raw partitions become runs and candidates."""

import dagster as dg

from amc_learning.assets.charts import score_histogram
from amc_learning.assets.common import asset_arguments, described, preview
from amc_learning.assets.partitions import known_days
from amc_learning.settings import Settings
from amc_learning.stages.collect import drain_discovery_events, normalise_discovery_events
from amc_learning.warehouse import Warehouse

COLLECT = asset_arguments("collect", "parquet")

price_bars = dg.AssetSpec(
    "price_bars",
    group_name="collect",
    kinds={"parquet"},
    owners=["team:learning"],
    description="At what prices? Daily bars of all symbols, written by `amc-learning ingest bars`.",
)
index_closes = dg.AssetSpec(
    "index_closes",
    group_name="collect",
    kinds={"parquet"},
    owners=["team:learning"],
    description="How was the market itself? Daily index closes, written by `amc-learning ingest index`.",
)
EXTERNAL_ASSETS = (price_bars, index_closes)


@dg.asset(**COLLECT)
def discovery_events(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult[None]:
    """What did discovery send? Results as received, verbatim, moved from the inbox."""
    days = known_days(context)
    report = drain_discovery_events(warehouse)
    late = [day for day in report.days if day < days[0]]
    if late:
        context.log.warning(
            "%d events belong to earlier days; bring those up to date with: amc-learning backfill --from %s --to %s",
            len(late), late[0], days[-1],
        )  # fmt: skip
    table = warehouse.table("discovery_events")
    numbers = {"n_events_drained": report.n_events, "n_days_reopened": len(late)}
    return described(warehouse.catalogue["discovery_events"], table.read(days[0], days[-1]), days, numbers=numbers)


@dg.asset(**COLLECT, deps=[discovery_events])
def discovery_candidates(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Whom did discovery select, with which scores? Candidates and controls on one scale, one row each."""
    days = known_days(context)
    normalised = normalise_discovery_events(warehouse, settings, days)
    candidates, runs, rejections = normalised.candidates, normalised.runs, normalised.rejections
    numbers = {
        "n_runs": runs.height,
        "n_selected": candidates["is_selected"].sum(),
        "n_rejected": rejections.height,
        "mean_total_score": candidates["total_score"].mean(),
    }
    extra = {"rejections": preview(rejections, ["path", "value", "reason"])} if rejections.height else {}
    table = warehouse.catalogue["discovery_candidates"]
    return described(table, candidates, days, numbers=numbers, chart=score_histogram(candidates), extra=extra)
