"""Exits and sizes: would other stops, targets and limits have earned more, and which positions were too large?"""

import dagster as dg
import polars as pl

from amc_learning.assets.charts import BAD, GOOD, MUTED, figure, png
from amc_learning.assets.collect import price_bars
from amc_learning.assets.common import described, newest, preview, weekly_arguments
from amc_learning.assets.outcomes import feature_outcomes
from amc_learning.assets.partitions import DAYS_OF_THE_WEEK, known_weeks
from amc_learning.assets.trades import closed_trades
from amc_learning.settings import Settings
from amc_learning.stages.exits import advise_sizes, optimise_exits
from amc_learning.warehouse import Warehouse

DEPS = [
    dg.AssetDep(asset, partition_mapping=DAYS_OF_THE_WEEK) for asset in (closed_trades, price_bars, feature_outcomes)
]


@dg.asset(**weekly_arguments("parquet", "numpy"), deps=DEPS)
def exit_strategies(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Would another stop, target or holding limit have earned more than what was done, beyond chance?"""
    weeks = known_weeks(context)
    strategies, advice = optimise_exits(warehouse, settings, weeks)
    last, summary = newest(strategies), newest(advice)
    told = summary.row(0, named=True) if summary.height else {}
    numbers = ("n_trades", "actual_expectancy", "best_difference", "out_of_sample_difference", "best_adjusted_p_value")
    columns = ["setting", "expectancy", "win_rate", "mean_holding_sessions", "max_drawdown", "difference"]
    return described(
        warehouse.catalogue["exit_strategies"],
        strategies,
        weeks,
        numbers={**{name: told.get(name) for name in numbers}, "is_change": int(told.get("decision") == "change")},
        chart=exit_map(last),
        extra={
            "advice": dg.MetadataValue.text(told.get("reason", "no trade and no candidate to compare exits on")),
            "newest_week": preview(
                last.sort("difference", "setting", descending=[True, False]), [*columns, "adjusted_p_value"]
            ),
        },
    )


@dg.asset(**weekly_arguments("parquet", "numpy"), deps=DEPS)
def position_size_advice(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Are positions in volatile shares stopped out more often, and do smaller ones lower the risk?"""
    weeks = known_weeks(context)
    sizes = advise_sizes(warehouse, settings, weeks)
    last = newest(sizes)
    told = last.row(0, named=True) if last.height else {}
    numbers = ("trend_p_value", "variance_ratio", "worst_loss_ratio", "mean_return_difference")
    columns = ["volatility_band", "volatility_to", "n_trades", "stop_out_rate", "mean_return", "size_factor"]
    return described(
        warehouse.catalogue["position_size_advice"],
        sizes,
        weeks,
        numbers={**{name: told.get(name) for name in numbers}, "is_advised": int(told.get("is_advised", False))},
        chart=stop_out_chart(last),
        extra={
            "advice": dg.MetadataValue.text(told.get("reason", "no volatility is known at any entry")),
            "newest_week": preview(last, columns),
        },
    )


def exit_map(strategies: pl.DataFrame) -> bytes | None:
    """Gain over what was done by stop and target, a panel per holding limit; None without fixed stops compared."""
    import numpy as np  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    shown = strategies.filter(pl.col("max_sessions").is_not_null() & pl.col("trailing_stop").is_null())
    if shown.is_empty():
        return None
    none = 9.0
    shown = shown.with_columns(pl.col("stop_loss", "profit_target").fill_null(none))
    limits, stops, targets = (
        shown[name].unique().sort().to_list() for name in ("max_sessions", "stop_loss", "profit_target")
    )
    largest = max(float(shown["difference"].abs().max() or 0.0), 1e-4)  # type: ignore[arg-type]
    chart = Figure(figsize=(7.6, 2.5), dpi=80, layout="constrained")
    panels = chart.subplots(1, len(limits), sharey=True, squeeze=False)[0]
    for axes, limit in zip(panels, limits, strict=True):
        values = np.full((len(stops), len(targets)), np.nan)
        for stop, target, gain in (
            shown.filter(max_sessions=limit).select("stop_loss", "profit_target", "difference").iter_rows()
        ):
            values[stops.index(stop), targets.index(target)] = 100 * gain
        image = axes.imshow(values, cmap="PuOr", vmin=-100 * largest, vmax=100 * largest, aspect="auto")
        axes.set_xticks(range(len(targets)), [_level(level, none) for level in targets], fontsize=6, rotation=90)
        axes.set_yticks(range(len(stops)), [_level(level, none) for level in stops], fontsize=6)
        axes.set_title(f"{limit} sessions", fontsize=8, loc="left")
        axes.set_xlabel("target %", fontsize=7)
    panels[0].set_ylabel("stop %", fontsize=7)
    bar = chart.colorbar(image, ax=list(panels), shrink=0.9)
    bar.set_label("% a trade over what was done", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    return png(chart)


def _level(level: float, none: float) -> str:
    return "none" if level == none else f"{100 * level:.3g}"


def stop_out_chart(sizes: pl.DataFrame) -> bytes | None:
    """Rate of stop-outs by band of volatility with its interval; None without bands."""
    shown = sizes.drop_nulls("stop_out_rate")
    if shown.is_empty():
        return None
    chart, axes = figure(width=4.2, height=2.4)
    bands, rates = shown["volatility_band"].to_list(), shown["stop_out_rate"].to_numpy()
    colour = GOOD if shown["is_advised"].any() else MUTED
    axes.bar(bands, rates, color=colour)
    known = shown.drop_nulls(["stop_out_rate_ci_low", "stop_out_rate_ci_high"])
    low, high = known["stop_out_rate_ci_low"].to_numpy(), known["stop_out_rate_ci_high"].to_numpy()
    rate = known["stop_out_rate"].to_numpy()
    axes.errorbar(known["volatility_band"].to_list(), rate, yerr=[rate - low, high - rate], fmt="none", ecolor=BAD)
    axes.set_xlabel("fifth of trades by volatility at entry, calmest first", fontsize=8)
    axes.set_ylabel("share stopped out", fontsize=8)
    return png(chart)
