"""Small pictures for asset metadata: a frame in, PNG bytes out.

Belongs here: drawing. matplotlib is imported only when something is drawn, so loading definitions stays cheap.
"""

from io import BytesIO
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GOOD, BAD = "#1f3a5f", "#9aa5b1", "#2a7f62", "#b3423a"


def _figure(width: float = 6.4, height: float = 2.6) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), dpi=80, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def _png(figure: "Figure") -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def score_histogram(candidates: pl.DataFrame) -> bytes | None:
    """Total scores of selected candidates and controls; None when there are none."""
    scores = candidates.drop_nulls("total_score")
    if scores.is_empty():
        return None
    figure, axes = _figure()
    for is_selected, colour, label in ((True, INK, "selected"), (False, MUTED, "controls")):
        part = scores.filter(pl.col("is_selected") == is_selected)["total_score"].to_numpy()
        axes.hist(part, bins=25, range=(0, 100), color=colour, alpha=0.75, label=f"{label} (n={len(part)})")
    axes.set_xlabel("total score", fontsize=8)
    axes.set_ylabel("decisions", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    return _png(figure)


def return_histogram(outcomes: pl.DataFrame) -> bytes | None:
    """Forward returns by horizon; None when nothing matured."""
    known = outcomes.drop_nulls("forward_return")
    if known.is_empty():
        return None
    figure, axes = _figure()
    for horizon, colour in zip(known["horizon"].unique(maintain_order=True), (INK, GOOD, BAD, MUTED), strict=False):
        part = known.filter(pl.col("horizon") == horizon)["forward_return"].clip(-0.5, 0.5).to_numpy()
        axes.hist(part, bins=40, histtype="step", color=colour, label=f"{horizon} (n={len(part)})", density=True)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel("forward return (fraction, clipped to ±0.5)", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    return _png(figure)


def interval_chart(rows: pl.DataFrame, *, label: str, title: str) -> bytes | None:
    """Estimates with 95 % intervals, one line per row: `label`, `mean_information_coefficient`, `ci_low`, `ci_high`."""
    known = rows.drop_nulls(["mean_information_coefficient", "ci_low", "ci_high"])
    if known.is_empty():
        return None
    figure, axes = _figure(height=0.8 + 0.22 * known.height)
    estimates = known["mean_information_coefficient"].to_numpy()
    below, above = estimates - known["ci_low"].to_numpy(), known["ci_high"].to_numpy() - estimates
    positions = list(range(known.height))
    axes.errorbar(estimates, positions, xerr=[below, above], fmt="o", color=INK, ecolor=MUTED, markersize=4)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_yticks(positions, known[label].to_list(), fontsize=8)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=9, loc="left")
    return _png(figure)


def threshold_chart(rows: pl.DataFrame) -> bytes | None:
    """Thresholds found, with their intervals; None when none was found."""
    found = rows.filter(pl.col("decision") == "found").with_columns(
        label=pl.col("feature") + " / " + pl.col("scope") + " / " + pl.col("horizon")
    )
    if found.is_empty():
        return None
    figure, axes = _figure(height=0.8 + 0.22 * found.height)
    positions = list(range(found.height))
    axes.hlines(positions, found["threshold_ci_low"].to_list(), found["threshold_ci_high"].to_list(), color=MUTED)
    axes.plot(found["threshold"].to_list(), positions, "o", color=GOOD, markersize=4)
    axes.set_yticks(positions, found["label"].to_list(), fontsize=8)
    axes.set_xlim(0, 100)
    axes.set_title("scores from which it pays", fontsize=9, loc="left")
    return _png(figure)


def weights_chart(decisions: pl.DataFrame) -> bytes | None:
    """Weights before and after the night, per component."""
    if decisions.is_empty():
        return None
    figure, axes = _figure(height=0.8 + 0.3 * decisions.height)
    positions = range(decisions.height)
    axes.barh([p - 0.18 for p in positions], decisions["previous_weight"].to_list(), 0.34, color=MUTED, label="before")
    axes.barh([p + 0.18 for p in positions], decisions["weight"].to_list(), 0.34, color=INK, label="in force")
    axes.set_yticks(list(positions), decisions["component"].to_list(), fontsize=8)
    axes.invert_yaxis()
    axes.legend(fontsize=8, frameon=False)
    return _png(figure)


def reliability_chart(curves: pl.DataFrame) -> bytes | None:
    """Reliability diagram of the overall curve and of each source; None when there is none."""
    shown = curves.filter(pl.col("group_kind").is_in(["overall", "source"]))
    if shown.is_empty():
        return None
    figure, axes = _figure(width=4.2, height=3.6)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
    for (group,), colour in zip(shown.partition_by("group", as_dict=True), (INK, GOOD, BAD, MUTED), strict=False):
        blocks = shown.filter(pl.col("group") == group)
        label = f"{group} (n={blocks['n_theses'].sum()})"
        points = blocks["mean_confidence"].to_list(), blocks["calibrated_confidence"].to_list()
        axes.plot(*points, "o-", color=colour, markersize=3, label=label)
    axes.set_xlabel("confidence as sent", fontsize=8)
    axes.set_ylabel("share right", fontsize=8)
    axes.legend(fontsize=8, frameon=False)
    return _png(figure)


def attribution_chart(parts: pl.DataFrame) -> bytes | None:
    """Realised profit and loss per component, tag and source; None without trades."""
    shown = parts.filter(pl.col("dimension").is_in(["component", "action_tag", "source", "exit_reason"]))
    if shown.is_empty():
        return None
    figure, axes = _figure(height=0.8 + 0.2 * shown.height)
    results = shown["realised_pnl_usd"].to_list()
    positions = list(range(shown.height))
    axes.barh(positions, results, color=[GOOD if result >= 0 else BAD for result in results])
    labels = [f"{dimension}: {value}" for dimension, value in shown.select("dimension", "value").iter_rows()]
    axes.set_yticks(positions, labels, fontsize=8)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.invert_yaxis()
    axes.set_title("realised profit and loss, USD", fontsize=9, loc="left")
    return _png(figure)
