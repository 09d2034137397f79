"""Collect: events in the inbox become raw partitions, raw partitions become runs and candidates."""

from datetime import UTC, datetime

import dagster as dg

from amc_learning.assets.charts import score_histogram
from amc_learning.assets.common import OWNERS, STAGE_TAG, asset_arguments, described, preview
from amc_learning.assets.partitions import known_days
from amc_learning.market_data.errors import VendorRefused
from amc_learning.settings import Settings
from amc_learning.stages.bars import collect_bars
from amc_learning.stages.collect import (
    drain_events,
    normalise_discovery_events,
    normalise_thesis_events,
    normalise_trade_events,
)
from amc_learning.warehouse import Warehouse

CHANGE_TYPES = ("OPEN", "MODIFY", "CLOSE", "ROUND_TRIP", "SNAPSHOT")
"""What a message about a trade can be, in the order of a trade's life."""

COLLECT = asset_arguments("collect", "parquet")

index_closes = dg.AssetSpec(
    "index_closes",
    group_name=COLLECT["group_name"],
    kinds={"parquet"},
    tags={STAGE_TAG: "ingest"},
    owners=OWNERS,
    description="How was the market itself? Daily index closes, written by `amc-learning ingest index`.",
)
EXTERNAL_ASSETS = (index_closes,)


@dg.asset(**COLLECT)
def price_bars(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """At what prices? Daily bars of all symbols, from files, the collector, or the vendor, as the settings say."""
    days = known_days(context)
    try:
        report = collect_bars(warehouse, settings, days, now=datetime.now(UTC))
    except VendorRefused as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    for message in report.messages:
        context.log.info("%s", message)
    bars = warehouse.table("price_bars").read(days[0], days[-1])
    numbers = {name: getattr(report, name) for name in ("n_read", "n_accepted", "n_duplicates", "n_quarantined")}
    numbers["n_symbols"] = bars["symbol"].n_unique()
    extra = {"source": report.source, "waiting": ", ".join(map(str, report.waiting)) or "none"}
    return described(warehouse.catalogue["price_bars"], bars, days, numbers=numbers, extra=extra)


def _drained(
    context: dg.AssetExecutionContext, warehouse: Warehouse, kind: str, table: str
) -> dg.MaterializeResult[None]:
    """Move events of a kind from the inbox, and say which earlier days they re-open."""
    days = known_days(context)
    report = drain_events(warehouse, kind)
    late = [day for day in report.days if day < days[0]]
    if late:
        context.log.warning(
            "%d events belong to earlier days; bring those up to date: amc-learning run evidence --from %s --to %s",
            len(late), late[0], days[-1],
        )  # fmt: skip
    numbers = {"n_events_drained": report.n_events, "n_days_reopened": len(late)}
    stored = warehouse.table(table).read(days[0], days[-1])
    return described(warehouse.catalogue[table], stored, days, numbers=numbers)


@dg.asset(**COLLECT)
def discovery_events(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult[None]:
    """What did discovery send? Results as received, verbatim, moved from the inbox."""
    return _drained(context, warehouse, "discovery", "discovery_events")


@dg.asset(**COLLECT)
def thesis_events(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult[None]:
    """What did the thesis generators send? Decisions as received, verbatim, moved from the inbox."""
    return _drained(context, warehouse, "thesis", "thesis_events")


@dg.asset(**COLLECT)
def trade_events(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult[None]:
    """What did the portfolio manager send? Messages about trades as received, verbatim, moved from the inbox."""
    return _drained(context, warehouse, "trade", "trade_events")


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


@dg.asset(**COLLECT, deps=[thesis_events])
def thesis_decisions(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What was recommended, how surely, and by whom? One row per decision."""
    days = known_days(context)
    normalised = normalise_thesis_events(warehouse, settings, days)
    decisions, rejections = normalised.decisions, normalised.rejections
    numbers = {"n_rejected": rejections.height, "mean_confidence": decisions["confidence"].mean()}
    extra = {"rejections": preview(rejections, ["path", "value", "reason"])} if rejections.height else {}
    return described(warehouse.catalogue["thesis_decisions"], decisions, days, numbers=numbers, extra=extra)


@dg.asset(**COLLECT, deps=[trade_events])
def trade_messages(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What changed in the portfolio? Openings, changes and closings in one shape."""
    days = known_days(context)
    normalised = normalise_trade_events(warehouse, settings, days)
    messages, rejections = normalised.messages, normalised.rejections
    counts = {name: (messages["change_type"] == name).sum() for name in CHANGE_TYPES}
    numbers = {"n_rejected": rejections.height, **{f"n_{name.lower()}": count for name, count in counts.items()}}
    extra = {"rejections": preview(rejections, ["path", "value", "reason"])} if rejections.height else {}
    return described(warehouse.catalogue["trade_messages"], messages, days, numbers=numbers, extra=extra)
