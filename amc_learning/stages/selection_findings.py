"""Whether selection pays at each horizon, and in words what cannot be known of it.

Belongs here: from rows of selection_effects and correlation_table to a part of a document, the wording of its limits
and of what to do about them. Not here: which document holds it (patterns), the numbers (learning), other sentences
(advice).
"""

from collections.abc import Iterable, Sequence

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.selection import SelectionAnalysis, SelectionEffect, selection_verdict
from amc_learning.learning.cross_sections import MIN_CONTROLS
from amc_learning.stages.day_rows import Row

MANY_CONTROLS = 25
"""Controls a day from which on coefficients over the universe lean toward zero by less than about 3 %."""

AMONG_THE_SELECTED = (
    "coefficients are among the selected alone: they understate the scores selected on, and can turn the sign of others"
)


def selection_analysis(effects: Sequence[Row], correlations: Iterable[Row]) -> SelectionAnalysis:
    """Every horizon with its verdict, and the limits of all of them, each said once.

    Args:
        effects: rows of selection_effects of one night.
        correlations: rows of correlation_table of the same night.
    """
    n_days: dict[tuple[str, str], int] = {}
    for row in correlations:
        key = (row["population"], row["horizon"])
        n_days[key] = max(n_days.get(key, 0), row["n_days"])
    found = {
        row["horizon"]: _effect(
            row,
            n_selected_days=n_days.get(("selected", row["horizon"]), 0),
            n_universe_days=n_days.get(("universe", row["horizon"]), 0),
        )
        for row in sorted(effects, key=lambda row: (len(row["horizon"]), row["horizon"]))
    }
    return SelectionAnalysis(by_horizon=found, limits=_limits(found))


def _effect(row: Row, *, n_selected_days: int, n_universe_days: int) -> SelectionEffect:
    lift = Interval(estimate=row["mean_lift"], ci_low=row["ci_low"], ci_high=row["ci_high"], n=row["n_days"])
    return SelectionEffect(
        verdict=selection_verdict(lift, has_outcomes=n_selected_days > 0),
        lift=lift,
        mean_return_selected=row["mean_return_selected"],
        mean_return_controls=row["mean_return_controls"],
        n_controls=row["n_controls"],
        n_selected_days=n_selected_days,
        n_universe_days=n_universe_days,
    )


def _limits(found: dict[str, SelectionEffect]) -> list[str]:
    unknown = [name for name, effect in found.items() if effect.verdict == "cannot_be_known"]
    judged = {name: effect for name, effect in found.items() if effect.lift.n}
    unweighted = [name for name, effect in judged.items() if not effect.n_universe_days]
    partly = {name: effect for name, effect in judged.items() if 0 < effect.n_universe_days < effect.n_selected_days}
    few = [
        name
        for name, effect in judged.items()
        if effect.n_universe_days and effect.n_controls < MANY_CONTROLS * effect.lift.n
    ]
    sentences = []
    if unknown:
        sentences.append(
            f"At {listed(unknown)} no control has an outcome: whether selection pays, and how scores order everything "
            f"that was scored, cannot be known; {AMONG_THE_SELECTED}."
        )
    if unweighted:
        sentences.append(
            f"At {listed(unweighted)} controls have outcomes, but nothing can be weighted to the universe: results do "
            f"not say how many symbols were scored, or fewer than {MIN_CONTROLS} controls a day have an outcome; "
            f"{AMONG_THE_SELECTED}."
        )
    if partly:
        shares = [
            f"{effect.n_universe_days} of {effect.n_selected_days} days at {name}" for name, effect in partly.items()
        ]
        sentences.append(
            f"Coefficients over the universe rest on {listed(shares)}: on the others controls or the number of scored "
            "symbols are missing."
        )
    if few:
        sentences.append(
            f"At {listed(few)} fewer than {MANY_CONTROLS} controls a day have an outcome: coefficients over the "
            "universe lean toward zero, and intervals are wide."
        )
    if judged:
        sentences.append(
            "Controls are taken to be an even random draw from the scored symbols that were not selected; if they are "
            "not, neither the lift nor coefficients over the universe hold."
        )
    return sentences


def controls_advice(selection: SelectionAnalysis) -> list[str]:
    """What the sender of discovery results can do about what cannot be known."""
    effects = selection.by_horizon
    unknown = [name for name, effect in effects.items() if effect.verdict == "cannot_be_known"]
    unweighted = [name for name, effect in effects.items() if effect.lift.n and not effect.n_universe_days]
    sentences = []
    if unknown:
        sentences.append(
            f"Send controls with every discovery result, and price bars of them (docs/integrate.md, Controls): whether "
            f"selection pays at {listed(unknown)} cannot be known without them."
        )
    if unweighted:
        sentences.append(
            f"Send the number of scored symbols (pipeline_stats.scored) and at least {MANY_CONTROLS} controls with "
            f"every discovery result: coefficients over the universe at {listed(unweighted)} need both."
        )
    return sentences


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    >>> listed(["1d"]), listed(["1d", "7d", "30d"])
    ('1d', '1d, 7d and 30d')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
