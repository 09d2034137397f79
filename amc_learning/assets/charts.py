"""Small pictures for asset metadata: a frame in, PNG bytes out.

Belongs here: drawing. matplotlib is imported only when something is drawn, so loading definitions stays cheap.
"""

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from amc_learning.contracts.documents.replay import ReplayDocument

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GOOD, BAD = "#1f3a5f", "#9aa5b1", "#2a7f62", "#b3423a"
LINES = (INK, "#b0610a", "#00785a", "#a34a86", "#2478b5", "#8c6d00", BAD, "#5b6672")
"""Colours of lines, those of the report: people with any colour vision tell them apart."""


def figure(width: float = 6.4, height: float = 2.6) -> "tuple[Figure, Axes]":
    """An empty chart of this size in inches, with one pair of axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    chart = Figure(figsize=(width, height), dpi=80, layout="constrained")
    axes = chart.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return chart, axes


def png(chart: "Figure") -> bytes:
    """The picture of a chart; the same chart gives the same bytes."""
    buffer = BytesIO()
    chart.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def score_histogram(candidates: pl.DataFrame) -> bytes | None:
    """Total scores of selected candidates and controls; None when there are none."""
    scores = candidates.drop_nulls("total_score")
    if scores.is_empty():
        return None
    chart, axes = figure()
    for is_selected, colour, label in ((True, INK, "selected"), (False, MUTED, "controls")):
        part = scores.filter(pl.col("is_selected") == is_selected)["total_score"].to_numpy()
        axes.hist(part, bins=25, range=(0, 100), color=colour, alpha=0.75, label=f"{label} (n={len(part)})")
    axes.set_xlabel("total score", fontsize=8)
    axes.set_ylabel("decisions", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    return png(chart)


def return_histogram(outcomes: pl.DataFrame) -> bytes | None:
    """Forward returns by horizon; None when nothing matured."""
    known = outcomes.drop_nulls("forward_return")
    if known.is_empty():
        return None
    chart, axes = figure()
    for horizon, colour in zip(known["horizon"].unique(maintain_order=True), (INK, GOOD, BAD, MUTED), strict=False):
        part = known.filter(pl.col("horizon") == horizon)["forward_return"].clip(-0.5, 0.5).to_numpy()
        axes.hist(part, bins=40, histtype="step", color=colour, label=f"{horizon} (n={len(part)})", density=True)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel("forward return (fraction, clipped to ±0.5)", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    return png(chart)


def interval_chart(rows: pl.DataFrame, *, label: str, title: str) -> bytes | None:
    """Estimates with 95 % intervals, one line per row: `label`, `mean_information_coefficient`, `ci_low`, `ci_high`."""
    known = rows.drop_nulls(["mean_information_coefficient", "ci_low", "ci_high"])
    if known.is_empty():
        return None
    chart, axes = figure(height=0.8 + 0.22 * known.height)
    estimates = known["mean_information_coefficient"].to_numpy()
    below, above = estimates - known["ci_low"].to_numpy(), known["ci_high"].to_numpy() - estimates
    positions = list(range(known.height))
    axes.errorbar(estimates, positions, xerr=[below, above], fmt="o", color=INK, ecolor=MUTED, markersize=4)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_yticks(positions, known[label].to_list(), fontsize=8)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=9, loc="left")
    return png(chart)


def threshold_chart(rows: pl.DataFrame) -> bytes | None:
    """Thresholds found, with their intervals; None when none was found."""
    found = rows.filter(pl.col("decision") == "found").with_columns(
        label=pl.col("feature") + " / " + pl.col("scope") + " / " + pl.col("horizon")
    )
    if found.is_empty():
        return None
    chart, axes = figure(height=0.8 + 0.22 * found.height)
    positions = list(range(found.height))
    axes.hlines(positions, found["threshold_ci_low"].to_list(), found["threshold_ci_high"].to_list(), color=MUTED)
    axes.plot(found["threshold"].to_list(), positions, "o", color=GOOD, markersize=4)
    axes.set_yticks(positions, found["label"].to_list(), fontsize=8)
    axes.set_xlim(0, 100)
    axes.set_title("scores from which it pays", fontsize=9, loc="left")
    return png(chart)


def weights_chart(decisions: pl.DataFrame) -> bytes | None:
    """Weights before and after the night, per component."""
    if decisions.is_empty():
        return None
    chart, axes = figure(height=0.8 + 0.3 * decisions.height)
    positions = range(decisions.height)
    axes.barh([p - 0.18 for p in positions], decisions["previous_weight"].to_list(), 0.34, color=MUTED, label="before")
    axes.barh([p + 0.18 for p in positions], decisions["weight"].to_list(), 0.34, color=INK, label="in force")
    axes.set_yticks(list(positions), decisions["component"].to_list(), fontsize=8)
    axes.invert_yaxis()
    axes.legend(fontsize=8, frameon=False)
    return png(chart)


def reliability_chart(curves: pl.DataFrame) -> bytes | None:
    """Reliability diagram of the overall curve and of each source; None when there is none."""
    shown = curves.filter(pl.col("group_kind").is_in(["overall", "source"]))
    if shown.is_empty():
        return None
    chart, axes = figure(width=4.2, height=3.6)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
    for (group,), colour in zip(shown.partition_by("group", as_dict=True), (INK, GOOD, BAD, MUTED), strict=False):
        blocks = shown.filter(pl.col("group") == group)
        label = f"{group} (n={blocks['n_theses'].sum()})"
        points = blocks["mean_confidence"].to_list(), blocks["calibrated_confidence"].to_list()
        axes.plot(*points, "o-", color=colour, markersize=3, label=label)
    axes.set_xlabel("confidence as sent", fontsize=8)
    axes.set_ylabel("share right", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    return png(chart)


def attribution_chart(parts: pl.DataFrame) -> bytes | None:
    """Realised profit and loss per component, tag and source; None without trades."""
    shown = parts.filter(pl.col("dimension").is_in(["component", "action_tag", "source", "exit_reason"]))
    if shown.is_empty():
        return None
    chart, axes = figure(height=0.8 + 0.2 * shown.height)
    results = shown["realised_pnl_usd"].to_list()
    positions = list(range(shown.height))
    axes.barh(positions, results, color=[GOOD if result >= 0 else BAD for result in results])
    labels = [f"{dimension}: {value}" for dimension, value in shown.select("dimension", "value").iter_rows()]
    axes.set_yticks(positions, labels, fontsize=8)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.invert_yaxis()
    axes.set_title("realised profit and loss, USD", fontsize=9, loc="left")
    return png(chart)


def replay_chart(replay: ReplayDocument, *, dpi: int = 80) -> bytes:
    """What learning gained over the default weights, per horizon, and the weights in force over time."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    horizons = list(replay.curves)
    chart = Figure(figsize=(7.6, 4.6), dpi=dpi, layout="constrained")
    chart.suptitle("summed daily IC over the default weights, 95 % interval", fontsize=9, x=0.01, ha="left")
    grid = chart.add_gridspec(2, max(len(horizons), 1), height_ratios=(1.0, 1.15))
    panels = [chart.add_subplot(grid[0, at]) for at in range(len(horizons))]
    for axes, horizon in zip(panels, horizons, strict=True):
        points = replay.curves[horizon]
        days = np.array([point.decided_on for point in points], dtype="datetime64[D]")
        gained = [point.cumulative_over_static for point in points]
        low = [gain if point.ci_low is None else point.ci_low for gain, point in zip(gained, points, strict=True)]
        high = [gain if point.ci_high is None else point.ci_high for gain, point in zip(gained, points, strict=True)]
        axes.fill_between(days, low, high, color=MUTED, alpha=0.35, linewidth=0)
        axes.plot(days, gained, color=INK, linewidth=1.2)
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.set_title(horizon, fontsize=8, loc="left")
    below = chart.add_subplot(grid[1, :])
    nights = np.array([night.known_on for night in replay.nights], dtype="datetime64[D]")
    for at, component in enumerate(replay.default_weights):
        weights = [night.weights[component] for night in replay.nights]
        below.step(nights, weights, where="post", color=LINES[at % len(LINES)], linewidth=1.3, label=component)
    below.set_title("weights in force", fontsize=8, loc="left")
    below.legend(fontsize=7, frameon=False, ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (*panels, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
        locator = AutoDateLocator(minticks=2, maxticks=5)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.xaxis.get_offset_text().set_fontsize(7)
    return png(chart)
