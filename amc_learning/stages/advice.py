"""What the numbers of a night mean for a person, in sentences that carry their evidence.

Belongs here: wording. Not here: the numbers (tables), where the sentences go (documents). Pure functions of rows.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]

CLEARLY_OVERCONFIDENT, CLEARLY_UNDERCONFIDENT = 0.9, 1.1
"""Multipliers beyond these are worth a sentence; nearer to 1 nobody would act on it."""

SUFFICIENT = "sufficient"


def confidence_advice(accuracy: Iterable[Row], comparison: Row | None) -> list[str]:
    """What to do about the confidence of theses: per group that is clearly off, and AI against rules."""
    sentences = []
    for row in accuracy:
        factor = row["confidence_multiplier"]
        if row["group_kind"] not in ("overall", "recommendation", "source") or factor is None:
            continue
        if CLEARLY_OVERCONFIDENT <= factor <= CLEARLY_UNDERCONFIDENT:
            continue
        direction = "Lower" if factor < 1 else "Raise"
        which = "ci" if row["clustered_ci_low"] is None else "clustered_ci"
        sentences.append(
            f"{direction} the confidence of {_group_name(row)}: right {_share(row['accuracy'])} of the time "
            f"({_share(row[f'{which}_low'])} to {_share(row[f'{which}_high'])}, n = {row['n_theses']:,}) at a mean "
            f"confidence of {_share(row['mean_confidence'])}."
        )
    if comparison is not None and comparison["accuracy_ci_low"] is not None:
        sentences.append(_comparison(comparison))
    return sentences


def _group_name(row: Row) -> str:
    if row["group_kind"] == "overall":
        return "all theses"
    return f"{row['group']} theses"


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
    sentences = []
    if decision["status"] == "active":
        sentences.append(f"Discovery weights moved: {decision['reason']}.")
    _, _, advice = str(decision["reason"]).partition("consider inverting or dropping ")
    if advice:
        sentences.append(f"Consider inverting or dropping {advice}.")
    return sentences


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
    """Warnings about parts of the realised result that reliably lose money."""
    return [
        f"Trades with {row['dimension']} {row['value']} lose: {row['mean_return']:+.2%} a trade "
        f"({row['ci_low']:+.2%} to {row['ci_high']:+.2%}, n = {row['n_trades']}), {row['realised_pnl_usd']:+,.0f} USD."
        for row in parts
        if row["dimension"] not in ("component", "exit_reason") and row["ci_high"] is not None and row["ci_high"] < 0
    ]


def headline(decision: Row | None, n_failures: int, n_corrections: int, regime: str | None) -> str:
    """The night in one sentence."""
    weights = {
        None: "no weights were decided",
        "active": "discovery weights moved",
        "held": "discovery weights stay as they are",
        "insufficient_evidence": "discovery weights stay as they are for want of evidence",
        "rolled_back": "discovery weights follow a person's rollback",
    }[decision["status"] if decision else None]
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
