"""What the numbers of a night mean for a person, in sentences that carry their evidence.

Belongs here: wording. Not here: the numbers (tables), where the sentences go (documents). Pure functions of rows.
"""

from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Any

from amc_learning.learning.modes import SHADOW
from amc_learning.learning.theses.wilson import wilson_interval

Row = Mapping[str, Any]

IN_SHADOW = (
    "The weights are in shadow: what is learned is published for people, and discovery keeps what it was last told. "
    "Judge it, and let it act, with: amc-learning promote weights."
)

CLEARLY_OVERCONFIDENT, CLEARLY_UNDERCONFIDENT = 0.9, 1.1
"""Multipliers beyond these are worth a sentence; nearer to 1 nobody would act on it."""

LARGE_MOVE = 0.005
"""A change of weight a person would notice in a table rounded to a percent."""

UNSAID = ("unknown", "unlinked")
"""Parts of the result about which nothing can be done."""


def confidence_advice(calibrations: Iterable[Row], comparison: Row | None) -> list[str]:
    """What to do about the confidence of theses: each source and recommendation that is clearly off, AI against rules.

    Args:
        calibrations: rows of calibration_decisions of one night: what is published is what is said.
        comparison: the row of source_comparisons at the horizon theses are judged at.
    """
    sentences = []
    for row in calibrations:
        factor = row["multiplier"]
        if "all" not in (row["source"], row["recommendation"]) or factor is None:
            continue
        if CLEARLY_OVERCONFIDENT <= factor <= CLEARLY_UNDERCONFIDENT:
            continue
        direction = "Lower" if factor < 1 else "Raise"
        low, high = wilson_interval(row["accuracy"], row["n_independent"] or 0)
        interval = "" if low != low else f"{_share(float(low))} to {_share(float(high))}, "  # noqa: PLR0124 - NaN
        sentences.append(
            f"{direction} the confidence of {_group_name(row)}: right {_share(row['accuracy'])} of the time "
            f"({interval}n = {row['n_theses']:,}) at a mean confidence of {_share(row['mean_confidence'])}; "
            f"calibration multiplier {factor:.2f}."
        )
    if comparison is not None and comparison["accuracy_ci_low"] is not None:
        sentences.append(_comparison(comparison))
    return sentences


def _group_name(row: Row) -> str:
    named = [row[name] for name in ("source", "recommendation") if row[name] != "all"]
    return f"{' '.join(named) or 'all'} theses"


def _comparison(row: Row) -> str:
    difference, low, high = (row[f"accuracy_{name}"] for name in ("difference", "ci_low", "ci_high"))
    evidence = f"{difference:+.1%} ({low:+.1%} to {high:+.1%}) over {row['n_days']} days"
    if low > 0:
        return f"Prefer AI theses to rule-based ones: their accuracy differs by {evidence}."
    if high < 0:
        return f"Prefer rule-based theses to AI ones: the AI's accuracy differs by {evidence}."
    return f"AI and rule-based theses cannot be told apart: the AI's accuracy differs by {evidence}."


def weight_advice(decision: Row | None) -> list[str]:
    """What the night did about the weights, and the components it advises to turn round or drop."""
    if decision is None:
        return []
    if decision["mode"] == SHADOW:
        return [IN_SHADOW]
    sentences = []
    reason = str(decision["reason"])
    if decision["status"] == "active":
        sentences.append(f"Discovery weights moved: {reason.removeprefix('active: ')}.")
    if decision["taken_back_change"] is not None:
        sentences.append(
            f"Look at what changed in the market: the change of the weights of {decision['taken_back_change']} harmed, "
            "and discovery goes back to those before it. An order stands above this: amc-learning weights rollback DAY."
        )
    advice = reason.partition("consider inverting or dropping ")[2].partition(";")[0]
    if advice:
        sentences.append(f"Consider inverting or dropping {advice}.")
    return sentences


def taken_back_warnings(decisions: Iterable[Row]) -> list[str]:
    """A warning on every night that takes a change of the weights back, with its numbers; in shadow without them."""
    decisions = list(decisions)
    if any(row["taken_back_change"] is not None and row["mode"] == SHADOW for row in decisions):
        return ["A change of the weights in shadow did harm and is taken back there; discovery was never told of it."]
    taken_back = {str(row["reason"]) for row in decisions if row["taken_back_change"] is not None}
    return [
        f"A change of the weights did harm and is taken back: {reason.removeprefix('rolled back: ')}."
        for reason in taken_back
    ]


def selection_warnings(effects: Iterable[Row]) -> list[str]:
    """Warnings where what discovery selects does reliably worse than what it leaves."""
    return [
        f"Selection does not pay at {row['horizon']}: the selected returned {row['mean_lift']:+.2%} against the "
        f"controls ({row['ci_low']:+.2%} to {row['ci_high']:+.2%}, {row['n_days']} days)."
        for row in effects
        if row["ci_high"] is not None and row["ci_high"] < 0
    ]


def failure_warning(row: Row) -> str:
    """One systematic failure as a sentence."""
    return (
        f"{row['severity'].capitalize()}: {row['kind']} failures with {row['pattern']}: {row['n_failures']} of "
        f"{row['n_cases']} failed ({_share(row['failure_rate'])}) against {_share(row['base_rate'])} of the rest, "
        f"adjusted p = {row['adjusted_p_value']:.2g}."
    )


def regime_warnings(index_row: Row | None) -> list[str]:
    """A warning while the market is turbulent."""
    if index_row is None or index_row["regime"] != "turbulent":
        return []
    since, probability = index_row["since"], _share(index_row["probability"])
    return [f"The market is turbulent since {since} (probability {probability}): outcomes lie wider apart than usual."]


def loss_warnings(parts: Iterable[Row]) -> list[str]:
    """Warnings about parts of the realised result that reliably lose money.

    Many parts are looked at every night, so each interval is widened to hold for all of them at once (Bonferroni).
    """
    parts = [
        row
        for row in parts
        if row["dimension"] not in ("component", "exit_reason")
        and row["ci_high"] is not None
        and row["value"] not in UNSAID
    ]
    wider = NormalDist().inv_cdf(1 - 0.025 / max(len(parts), 1)) / NormalDist().inv_cdf(0.975)
    return [
        f"{_part_name(row)} lose: {row['mean_return']:+.2%} a trade ({row['ci_low']:+.2%} to {row['ci_high']:+.2%}, "
        f"n = {row['n_trades']}), {row['realised_pnl_usd']:+,.0f} USD."
        for row in parts
        if row["mean_return"] + wider * (row["ci_high"] - row["mean_return"]) < 0
    ]


def _part_name(row: Row) -> str:
    if row["dimension"] == "total":
        return "Closed trades"
    return f"Trades with {row['dimension'].replace('_', ' ')} {row['value']}"


def headline(
    decision: Row | None,
    largest_change: float,
    n_failures: int,
    n_corrections: int,
    regime: str | None,
    *,
    has_factors: bool = True,
) -> str:
    """The night in one sentence."""
    without_evidence = "by market regime or corrections" if has_factors else "toward the learned ones"
    by_whom = "by the evidence" if decision and decision["is_learning"] else without_evidence
    is_shadow = decision is not None and decision["mode"] == SHADOW
    weights = {
        SHADOW: "discovery weights are in shadow and stay what discovery was last told",
        None: "no weights were decided",
        "active": f"discovery weights moved {'a little ' if largest_change < LARGE_MOVE else ''}{by_whom}",
        "held": "discovery weights stay as they are",
        "insufficient_evidence": "discovery weights stay as they are for want of evidence",
        "rolled_back": "discovery weights go back to those before a change that harmed"
        if decision and decision["taken_back_change"] is not None
        else "discovery weights follow a person's rollback",
    }[SHADOW if is_shadow else decision["status"] if decision else None]
    failures = {0: "no systematic failure", 1: "1 systematic failure"}.get(
        n_failures, f"{n_failures} systematic failures"
    )
    corrections = {0: "no correction in force", 1: "1 correction in force"}.get(
        n_corrections, f"{n_corrections} corrections in force"
    )
    market = f"; the market is {regime}" if regime else ""
    sentence = f"{weights}; {failures}; {corrections}{market}."
    return sentence[0].upper() + sentence[1:]


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"
