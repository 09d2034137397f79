"""What the parts of a week mean for a person, in sentences that carry their evidence.

Belongs here: wording. Not here: the parts (weekly_parts), where the sentences go (weekly_report).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.weekly_report import (
    ComponentImportance,
    DiscoveredPattern,
    ModelCard,
    PatternSearch,
    StrategyRecommendations,
    WeekCounts,
    WeeklyRegimeChange,
)

LEVEL = 0.05
"""Adjusted p-value under which a difference is beyond noise."""

TARGETS = {
    "success": "winners",
    "outperformance": "candidates above the day's median",
    "return": "returns",
    "stop_out": "stop-outs",
}
"""Target of a model to what it predicts, as people say it."""

NO_ROWS = {
    "new_patterns": "too few days with known returns to search, or no rule with enough support.",
    "feature_importance": "no candidate with a known return lies in the window.",
    "regime_changes": "no change of regime in the last 90 days.",
    "models": "no candidate with a known return lies in the window.",
    "candidate_predictions": "no candidate of the week has a prediction.",
    "exits": "nothing that could have been bought and sold lies in the window.",
    "position_sizes": "nothing that could have been bought and sold lies in the window.",
}
"""Part of the report to why it has nothing to say."""


@dataclass(frozen=True)
class Found:
    """The parts of a week that sentences are made of."""

    new_patterns: Sequence[DiscoveredPattern]
    search: PatternSearch | None
    importance: Sequence[ComponentImportance]
    changes: Sequence[WeeklyRegimeChange]
    models: Sequence[ModelCard]
    strategies: StrategyRecommendations
    counts: WeekCounts
    horizon: str


def findings(found: Found) -> list[str]:
    """One sentence per part that has something to say."""
    return [
        *_failures(found.counts),
        *_patterns(found),
        *_importance(found),
        *(regime_sentence(change) for change in found.changes if change.is_new),
        *_models(found.models),
        *_strategies(found.strategies),
    ]


def headline(found: Found) -> str:
    """The week in one sentence: what a person would have to do something about."""
    promoted = [card for card in found.models if card.decision == "promoted"]
    exits, sizes = found.strategies.exits, found.strategies.position_sizes
    index = next((change for change in found.changes if change.is_new and change.basis == "index"), None)
    said = [
        _counted(found.counts.n_new_patterns, "new pattern"),
        _counted(found.counts.n_new_failures, "new systematic failure"),
        None if index is None else f"the index turned {index.regime}",
        _counted(len(promoted), "model promoted", "models promoted"),
        "exits are to change" if exits is not None and exits.decision == "change" else None,
        "sizes are to follow volatility" if sizes is not None and sizes.is_advised else None,
        _moved(found.counts),
    ]
    kept = [part for part in said if part]
    return _sentence("; ".join(kept)) if kept else "Nothing that asks for a change."


def _moved(counts: WeekCounts) -> str | None:
    if counts.n_nights_moved == 0:
        return None
    return f"weights moved in {counts.n_nights_moved} of {counts.n_nights} nights"


def _counted(n: int, one: str, many: str | None = None) -> str | None:
    return f"{n} {one if n == 1 else many or one + 's'}" if n else None


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _failures(counts: WeekCounts) -> list[str]:
    n = counts.n_new_failures
    if not n:
        return []
    were = "was" if n == 1 else "were"
    return [f"{_counted(n, 'failure')} turned out to be systematic in this week and {were} not before."]


def _patterns(found: Found) -> list[str]:
    said = [
        f"New pattern: {one.pattern} {one.direction}: {one.reason.removeprefix('new: ').removesuffix('.')}."
        for one in found.new_patterns
    ]
    search = found.search
    if search is None or search.evidence != "sufficient":
        return said
    if not said:
        said.append(f"None of {search.n_rules_tried:,} rules tried is a new pattern.")
    if search.n_gone:
        said.append(f"{_counted(search.n_gone, 'pattern does', 'patterns do')} not hold any more.")
    return said


def _words(name: str) -> str:
    return name.replace("_", " ")


def _continued(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}".replace("`", "")


def _importance(found: Found) -> list[str]:
    rows = [row for row in found.importance if row.horizon == found.horizon and row.importance.estimate is not None]
    if not rows:
        return []
    beyond = [row.component for row in rows if row.is_beyond_noise]
    if beyond:
        named = f"{', '.join(beyond)} {'carries' if len(beyond) == 1 else 'carry'}"
        said = [f"Of {len(rows)} components {named} more of the order of {found.horizon} returns than noise does."]
    else:
        said = [f"None of {len(rows)} components carries more of the order of {found.horizon} returns than noise does."]
    changed = [row.component for row in rows if row.is_change_beyond_noise]
    return [*said, f"Importance changed since the week before: {', '.join(changed)}."] if changed else said


def regime_sentence(change: WeeklyRegimeChange) -> str:
    """One change of regime: when, how sure, how long it has lasted, and for which components it mattered."""
    sure = "" if change.probability is None else f" (probability {change.probability:.2f})"
    sessions = f"{change.n_sessions} session{'' if change.n_sessions == 1 else 's'}"
    lasted = f"it flickered: left again after {sessions}" if change.state == "flickered" else f"{sessions} so far"
    if change.state == "held" and change.ended_on is not None:
        lasted = f"it held for {sessions}"
    return (
        f"The {change.basis} regime changed from {_words(change.previous_regime)} to {_words(change.regime)} "
        f"on {change.changed_on}{sure}; {lasted}. {component_sentence(change)}"
    )


def component_sentence(change: WeeklyRegimeChange) -> str:
    """For which components the change mattered, beyond noise."""
    tested = [row for row in change.components if row.is_beyond_noise is not None]
    if not tested:
        return "What it changes for components cannot be told: too few sessions, or a regime that came only once."
    beyond = [row for row in tested if row.is_beyond_noise]
    if not beyond:
        return f"None of {len(tested)} components that can be judged differs beyond noise."
    told = (
        f"{row.component} {difference.estimate:+.3f} ({difference.ci_low:+.3f} to {difference.ci_high:+.3f})"
        for row in beyond
        for difference in [_judged_by(row.regime_difference_adjusted_p_value, row.regime_difference, row.difference)]
    )
    return f"Beyond noise differ: {', '.join(told)}."


def _judged_by(p_value: float | None, of_regimes: Interval, of_spells: Interval) -> Interval:
    """The difference that a component is named for."""
    return of_regimes if p_value is not None and p_value < LEVEL else of_spells


def _models(cards: Sequence[ModelCard]) -> list[str]:
    promoted = [card for card in cards if card.decision == "promoted"]
    said = [
        f"A model of {TARGETS[card.target]} is promoted: {card.reason.removeprefix('promoted: ')}." for card in promoted
    ]
    champions = [card for card in cards if card.role == "champion" and card.kind == "baseline"]
    if champions:
        *others, last = [TARGETS[card.target] for card in champions]
        named = f"{', '.join(others)} or {last}" if others else last
        said.append(f"No model has beaten the baseline beyond noise for {named}.")
    return said


def _strategies(strategies: StrategyRecommendations) -> list[str]:
    exits, sizes = strategies.exits, strategies.position_sizes
    return [
        *([f"Exits: {_continued(exits.reason)}"] if exits is not None else []),
        *([f"Sizes: {_continued(sizes.reason)}"] if sizes is not None else []),
    ]
