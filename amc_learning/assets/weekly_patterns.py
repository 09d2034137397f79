"""Discovered patterns: rules that pay or cost, searched each week, confirmed on later days, followed."""

import dagster as dg
import polars as pl

from amc_learning.assets.charts import INK, MUTED, figure, png
from amc_learning.assets.collect import discovery_candidates, price_bars, thesis_decisions
from amc_learning.assets.common import described, newest, preview, weekly_arguments
from amc_learning.assets.outcomes import feature_outcomes
from amc_learning.assets.partitions import DAYS_OF_THE_WEEK, WEEK_BEFORE, known_weeks
from amc_learning.assets.regimes import market_regimes
from amc_learning.settings import Settings
from amc_learning.stages.discovered_patterns import find_patterns
from amc_learning.warehouse import Warehouse

COLUMNS = [
    "pattern",
    "direction",
    "status",
    "effect",
    "effect_ci_low",
    "effect_ci_high",
    "n_cases",
    "success_rate",
    "mean_return",
    "first_found_on",
    "n_weeks_seen",
    "reason",
]

SHOWN = 12
"""Patterns in the picture; more could not be read."""


@dg.asset(
    **weekly_arguments("parquet", "numpy"),
    deps=[
        *(
            dg.AssetDep(asset, partition_mapping=DAYS_OF_THE_WEEK)
            for asset in (feature_outcomes, discovery_candidates, thesis_decisions, market_regimes, price_bars)
        ),
        dg.AssetDep("discovered_patterns", partition_mapping=WEEK_BEFORE),
    ],
)
def discovered_patterns(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Which rules pay or cost beyond chance, do later days confirm it, and does it last?"""
    weeks = known_weeks(context)
    patterns = find_patterns(warehouse, settings, weeks)
    searched = warehouse.table("pattern_searches").read(weeks[-1], weeks[-1])
    last = patterns.filter(pl.col("known_on") == weeks[-1])
    names = ["n_rules_tried", "n_found", "n_new", "n_confirmed", "n_fading", "n_gone", "n_unconfirmed"]
    names += ["n_search_days", "n_held_out_days", "strongest_statistic", "strongest_adjusted_p_value"]
    return described(
        warehouse.catalogue["discovered_patterns"],
        patterns,
        weeks,
        numbers=searched.select(names).row(0, named=True),
        chart=effect_chart(last),
        extra={"newest_week": preview(last, COLUMNS), "search": preview(searched, searched.columns)},
    )


def effect_chart(patterns: pl.DataFrame) -> bytes | None:
    """Effect over the window (dark) and since the discovery (light) with intervals; None without a discovery."""
    discovered = newest(patterns).filter(pl.col("discovered_on").is_not_null(), pl.col("effect_ci_low").is_not_null())
    if discovered.is_empty():
        return None
    rows = discovered.sort("status", "pattern").head(SHOWN).reverse()
    chart, axes = figure(7.6, 0.8 + 0.34 * rows.height)
    for name, colour, shift in (("effect", INK, 0.0), ("effect_since", MUTED, -0.25)):
        known = rows.with_row_index("place").filter(pl.col(f"{name}_ci_low").is_not_null())
        value, low, high = (100 * known[column].to_numpy() for column in (name, f"{name}_ci_low", f"{name}_ci_high"))
        places = known["place"].to_numpy() + shift
        axes.errorbar(value, places, xerr=[value - low, high - value], fmt="o", color=colour, markersize=4)
    axes.axvline(0, color="black", linewidth=0.6)
    labels = [f"{pattern} ({status})" for pattern, status in rows.select("pattern", "status").iter_rows()]
    axes.set_yticks(range(rows.height), labels, fontsize=7)
    axes.set_xlabel("return less the others of the day, % (dark: window, light: since discovery)", fontsize=8)
    return png(chart)
