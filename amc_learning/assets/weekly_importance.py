"""Feature importance: what the order of returns would lose without each component."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from amc_learning.assets.charts import INK, MUTED, png
from amc_learning.assets.common import described, newest, preview, weekly_arguments
from amc_learning.assets.outcomes import feature_outcomes
from amc_learning.assets.partitions import DAYS_OF_THE_WEEK, WEEK_BEFORE, known_weeks
from amc_learning.settings import Settings
from amc_learning.stages.importance import measure_importance
from amc_learning.warehouse import Warehouse


@dg.asset(
    **weekly_arguments("parquet", "numpy"),
    deps=[
        dg.AssetDep(feature_outcomes, partition_mapping=DAYS_OF_THE_WEEK),
        dg.AssetDep("feature_importance", partition_mapping=WEEK_BEFORE),
    ],
)
def feature_importance(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What hangs on each component? The loss of order on unseen days when it is shuffled, beside that of noise."""
    weeks = known_weeks(context)
    importance = measure_importance(warehouse, settings, weeks)
    last = newest(importance)
    horizon = last.filter(horizon=settings.weekly.horizon)
    numbers = {
        "n_beyond_noise": last["is_beyond_noise"].sum(),
        "n_changed_beyond_noise": last["is_change_beyond_noise"].sum(),
        **{f"importance_{name}": value for name, value in horizon.select("component", "importance").iter_rows()},
    }
    columns = [
        "horizon",
        "rank",
        "component",
        "importance",
        "noise_importance",
        "q_value",
        "mean_information_coefficient",
        "change",
        "evidence",
    ]
    return described(
        warehouse.catalogue["feature_importance"],
        importance,
        weeks,
        numbers=numbers,
        chart=importance_chart(last, horizons=tuple(settings.outcomes.horizons)),
        extra={"newest_week": preview(last.sort("horizon", "rank", nulls_last=True), columns, n_rows=last.height)},
    )


def importance_chart(importance: pl.DataFrame, *, horizons: Sequence[str]) -> bytes | None:
    """Importance with its interval beside the noise baseline, a panel per horizon; None without an estimate."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    shown = importance.drop_nulls("importance_ci_low")
    if shown.is_empty():
        return None
    drawn = [horizon for horizon in horizons if horizon in shown["horizon"]]
    components = shown["component"].unique().sort(descending=True).to_list()
    chart = Figure(figsize=(7.6, 0.7 + 0.26 * len(components)), dpi=80, layout="constrained")
    panels = chart.subplots(1, len(drawn), sharey=True, squeeze=False)[0]
    for axes, horizon in zip(panels, drawn, strict=True):
        rows = shown.filter(horizon=horizon)
        places = [components.index(name) for name in rows["component"].to_list()]
        value, low, high = (rows[name].to_numpy() for name in ("importance", "importance_ci_low", "importance_ci_high"))
        colours = [INK if beyond else MUTED for beyond in rows["is_beyond_noise"].to_list()]
        axes.barh(places, value, color=colours, xerr=[value - low, high - value], ecolor="#5b6672", height=0.6)
        noise = rows.row(0, named=True)
        if noise["noise_importance_ci_high"] is not None:
            axes.axvspan(noise["noise_importance_ci_low"], noise["noise_importance_ci_high"], color=MUTED, alpha=0.25)
            axes.axvline(noise["noise_importance"], color=MUTED, linestyle="--", linewidth=1)
        axes.axvline(0, color="black", linewidth=0.6)
        axes.set_yticks(range(len(components)), components, fontsize=7)
        axes.tick_params(axis="x", labelsize=6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(horizon, fontsize=8)
    chart.supxlabel("coefficient lost when shuffled; dark: beyond noise; band and dashes: noise", fontsize=8)
    return png(chart)
