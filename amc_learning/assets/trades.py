"""Trades: the ledger, what the trades earned, and what that is made of."""

import dagster as dg
import polars as pl

from amc_learning.assets.charts import attribution_chart
from amc_learning.assets.collect import discovery_candidates, price_bars, thesis_decisions, trade_messages
from amc_learning.assets.common import asset_arguments, described, newest, preview, window_mapping
from amc_learning.assets.measure import DEFAULT_WINDOW_DAYS
from amc_learning.assets.outcomes import LONGEST_HORIZON_DAYS
from amc_learning.assets.partitions import known_days
from amc_learning.assets.regimes import YESTERDAY, market_regimes
from amc_learning.settings import Settings
from amc_learning.stages.trades import LedgerError, attribute_performance, mature_trade_outcomes, settle_trades
from amc_learning.warehouse import Warehouse


@dg.asset(
    **asset_arguments("outcomes", "parquet", "polars"),
    deps=[
        trade_messages,
        price_bars,
        dg.AssetDep(discovery_candidates, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)),
        dg.AssetDep(thesis_decisions, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)),
        dg.AssetDep(market_regimes, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)),
        dg.AssetDep("closed_trades", partition_mapping=YESTERDAY),
    ],
)
def closed_trades(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What did the trades earn? The ledger of positions, with the decision and the thesis that led to each trade."""
    days = known_days(context)
    try:
        closed = settle_trades(warehouse, settings, days)
    except LedgerError as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    issues = warehouse.table("ledger_issues").read(days[0], days[-1])
    positions = warehouse.table("trade_positions").read(days[-1], days[-1])
    numbers = {
        "n_open": positions.filter(pl.col("status") == "open").height,
        "n_issues": issues.height,
        "realised_pnl_usd": closed["realised_pnl_usd"].sum(),
        "mean_realised_return": closed["realised_return"].mean(),
        "n_linked": closed["decision_id"].count(),
    }
    extra = {"issues": preview(issues, ["message_id", "symbol", "issue", "detail"])} if issues.height else {}
    return described(warehouse.catalogue["closed_trades"], closed, days, numbers=numbers, extra=extra)


@dg.asset(
    **asset_arguments("outcomes", "parquet", "polars"),
    deps=[dg.AssetDep(closed_trades, partition_mapping=window_mapping(LONGEST_HORIZON_DAYS)), price_bars],
)
def trade_outcomes(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What would every opened position have earned at each horizon? Whenever it was really closed."""
    days = known_days(context)
    outcomes = mature_trade_outcomes(warehouse, settings, days)
    numbers = {"mean_forward_return": outcomes["forward_return"].mean()}
    return described(warehouse.catalogue["trade_outcomes"], outcomes, days, numbers=numbers)


@dg.asset(
    **asset_arguments("analyse", "parquet", "numpy"),
    deps=[dg.AssetDep(closed_trades, partition_mapping=window_mapping(DEFAULT_WINDOW_DAYS))],
)
def performance_attribution(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Where do profit and loss come from? Component, regime, tag, source, exit reason; parts that sum to the whole."""
    days = known_days(context)
    attribution = attribute_performance(warehouse, settings, days)
    last = newest(attribution)
    total = last.filter(pl.col("dimension") == "total").to_dicts()
    numbers = {name: row[name] for row in total for name in ("n_trades", "realised_pnl_usd", "win_rate", "mean_return")}
    columns = ["dimension", "value", "n_trades", "realised_pnl_usd", "win_rate", "mean_return", "ci_low", "ci_high"]
    return described(
        warehouse.catalogue["performance_attribution"],
        attribution,
        days,
        numbers=numbers,
        chart=attribution_chart(last),
        extra={"newest_day": preview(last, columns, n_rows=40)},
    )
