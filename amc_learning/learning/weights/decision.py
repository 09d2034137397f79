"""What the night does about the weights, and why.

Belongs here: the rules of a night and their order over a range of nights. Not here: how evidence becomes a suggestion
(suggestion), how sure one must be (improvement), what may be published (projection).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.inference import MeanInference, mean_inference
from amc_learning.learning.weights.evidence import Evidence, days_since_epoch, evidence_from_statistics
from amc_learning.learning.weights.improvement import (
    CrossSection,
    backward_components,
    cross_sections,
    improvement_inference,
    look_level,
    one_sided,
    top_change,
)
from amc_learning.learning.weights.operator_orders import OperatorOrder, operator_orders
from amc_learning.learning.weights.projection import GRID, project_bounded
from amc_learning.learning.weights.record import (
    ACTIVE,
    HELD,
    INSUFFICIENT_EVIDENCE,
    ROLLED_BACK,
    NightRecord,
    PastDecision,
    component_vector,
    decision_history,
    decisions_table,
)
from amc_learning.learning.weights.suggestion import Suggestion, suggest_weights

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureWeights:
    """The feature set in its order, with the weights discovery starts from."""

    names: tuple[str, ...]
    default_weights: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class WeightRules:
    """How far and on what evidence weights may move.

    Attributes:
        daily_limit: largest change of one weight against the previous knowledge day.
        cap: largest weight of one component.
        evidence_horizon: horizon whose returns decide. The shortest by default: labels of 5 and 21 sessions overlap,
            so that 90 days hold only about 12 and 3 independent ones, and no improvement could be told from noise.
        horizons: horizon name to sessions; those other than the evidence horizon may veto.
        evidence_windows_days: time scales at which an improvement is looked for, calendar days; the error is split.
        yearly_false_change_rate: chance that pure noise moves a weight within a year of nightly looks.
        population: decisions the suggestion is judged on.
        min_days: cross-sections (times the sessions a label spans) under which a window or component is not judged.
        continue_level: one-sided p-value up to which a change, once begun, goes on.
        veto_level: one-sided p-value below which harm at another horizon stops a change.
        campaign_days: calendar days a change under way is judged against the weights it began from.
        top_k: size of the list whose success rate and return are promised.
        promise_window_days: calendar days of candidates that promise is measured on.
    """

    daily_limit: float = 0.10
    cap: float = 0.60
    evidence_horizon: str = "1d"
    horizons: Mapping[str, int] = field(default_factory=lambda: {"1d": 1, "7d": 5, "30d": 21})
    evidence_windows_days: tuple[int, ...] = (90, 365, 1095)
    yearly_false_change_rate: float = 0.05
    population: str = "selected"
    min_days: int = 40
    continue_level: float = 0.05
    veto_level: float = 0.05
    campaign_days: int = 90
    top_k: int = 10
    promise_window_days: int = 90


@dataclass(frozen=True)
class Look:
    """One window of the evidence horizon: what it suggests and how sure it is.

    Attributes:
        window_days: its length, calendar days.
        window: its cross-sections.
        suggestion: what they suggest.
        inference: of the out-of-sample improvement, mean daily information coefficient.
        p_value: one-sided, of no improvement.
        level: p-value a change may begin at, given that every night looks.
    """

    window_days: int
    window: Evidence
    suggestion: Suggestion
    inference: MeanInference
    p_value: float
    level: float


@dataclass(frozen=True)
class NightEvidence:
    """What was known by the night: cross-sections per horizon (longest window), candidates for re-ranking."""

    as_of: date
    by_horizon: Mapping[str, Evidence]
    sections: Mapping[int, CrossSection] = field(default_factory=dict)


def decide_night(
    evidence: NightEvidence,
    previous: Vector,
    rules: WeightRules,
    *,
    names: tuple[str, ...],
    campaign_start: Vector | None = None,
    multipliers: Vector | None = None,
) -> NightRecord:
    """What to do about the weights tonight, and why, in one sentence with the numbers it looked at.

    Args:
        evidence: what was known by the night.
        previous: weights in force on the previous knowledge day.
        rules: bounds and levels.
        names: components, for the sentence.
        campaign_start: weights in force when the change now under way began; None when none is. A change is judged
            against these until it is over: judged against weights that the same days have already moved, every change
            would stop half way.
        multipliers: factors of the market regime, per component.
    """
    reference = previous if campaign_start is None else campaign_start
    looks = _looks(evidence, reference, rules)
    if not looks:
        return _without_evidence(evidence, previous, rules)
    best = min(looks, key=lambda look: (look.p_value / look.level, -look.window_days))
    finding = _finding(best, rules)
    bar = best.level if campaign_start is None else max(best.level, rules.continue_level)
    if best.p_value > bar:
        purpose = "a change needs" if campaign_start is None else "to go on a change needs"
        return _stay(HELD, f"held: {finding}; {purpose} p <= {bar:.2g}", previous, rules, look=best)

    suggested = best.suggestion.weights
    target = suggested if multipliers is None else _scaled(suggested, multipliers)
    weights = project_bounded(target, previous, daily_limit=rules.daily_limit, cap=rules.cap)
    veto = _veto(evidence, weights, previous, rules)
    if veto:
        return _stay(HELD, f"held: {finding}, but {veto}", previous, rules, look=best)
    top = top_change(
        evidence.sections,
        best.window,
        best.suggestion,
        reference,
        known_after=days_since_epoch(evidence.as_of) - rules.promise_window_days,
        top_k=rules.top_k,
    )
    movement, advice = _movement(weights, previous, names), _backward_advice(best, names, rules)
    return replace(
        _stay(ACTIVE, f"active: {finding}; {movement}{advice}", previous, rules, look=best),
        weights=weights,
        multipliers=multipliers,
        is_at_daily_limit=_is_cut(target, weights, previous, rules),
        success_rate_change=top.success_rate,
        top_return_change=top.mean_return,
    )


def follow_order(order: OperatorOrder, wanted: Vector, previous: Vector, rules: WeightRules) -> NightRecord:
    """Move toward the weights a person pinned, as far as the daily limit allows, and stay there until released."""
    weights = project_bounded(wanted, previous, daily_limit=rules.daily_limit, cap=rules.cap)
    distance = float(np.abs(weights - wanted).max())
    progress = "in force" if distance < 2 / GRID else f"up to {distance:.3f} per weight to go"
    reason = f"rolled back to the weights of {order.target_known_on} ({order.reason}): {progress}; holds until release"
    return NightRecord(
        ROLLED_BACK,
        reason,
        previous,
        weights,
        suggested=wanted,
        is_at_daily_limit=_is_cut(wanted, weights, previous, rules),
    )


def decide_weights(
    statistics: pl.DataFrame,
    joined: pl.DataFrame,
    *,
    as_of: Sequence[date],
    features: FeatureWeights,
    in_force: Mapping[str, float] | None = None,
    rules: WeightRules,
    actions: pl.DataFrame | None = None,
    earlier_decisions: pl.DataFrame | None = None,
    regime_multipliers: Mapping[date, Mapping[str, float]] | None = None,
) -> pl.DataFrame:
    """Decisions about the weights for these nights, in order: each starts from the vector of the one before.

    A night reads only what was known on it: later rows change nothing, so a range and its nights one by one agree.

    Args:
        statistics: table `daily_statistics`, at least from `as_of[0]` minus the longest evidence window on.
        joined: table `feature_outcomes`, at least from `as_of[0]` minus the promise window on.
        as_of: knowledge days, ascending.
        features: feature set and default weights.
        in_force: weights of the last decision before `as_of[0]`; None: as `earlier_decisions` says, else the default.
        rules: bounds and levels.
        actions: table `operator_actions`; an action holds from the night of its knowledge day on.
        earlier_decisions: rows of table `weight_decisions` before `as_of[0]` (`known_on`, `component`,
            `previous_weight`, `weight`, `status`): the target days of rollbacks, and the last `campaign_days`, from
            which it is seen whether a change is under way. Without them none is.
        regime_multipliers: per night, factor per component; a night without an entry has factor 1.

    Returns:
        Table `weight_decisions`: one row per night and component, sorted by both.

    Raises:
        ValueError: weights in force name other components than the feature set; or a rollback's target day has
            no decision among these.
    """
    names = features.names
    default = component_vector(features.default_weights, names, "default_weights")
    history = decision_history(earlier_decisions, names=names)
    previous = history.in_force(default) if in_force is None else component_vector(in_force, names, "in_force")
    known = {
        horizon: evidence_from_statistics(statistics, components=names, horizon=horizon, population=rules.population)
        for horizon in rules.horizons
    }
    sections = cross_sections(joined, components=names, horizon=rules.evidence_horizon)
    orders, longest = operator_orders(actions), max(rules.evidence_windows_days)
    nights = []
    for night in as_of:
        order = orders.on(night)
        if order is not None:
            record = follow_order(order, history.weights_of(order.target_known_on), previous, rules)
        else:
            factors = (regime_multipliers or {}).get(night)
            record = decide_night(
                NightEvidence(night, {name: it.window(night, longest) for name, it in known.items()}, sections),
                previous,
                rules,
                names=names,
                campaign_start=history.campaign_start(night, days=rules.campaign_days),
                multipliers=None if factors is None else component_vector(factors, names, "regime_multipliers"),
            )
        history.add(PastDecision(night, previous, record.weights, record.status))
        previous = record.weights
        nights.append((night, record))
    return decisions_table(
        nights,
        names=names,
        schema=catalogue(names)["weight_decisions"].schema,
        horizon=rules.evidence_horizon,
        population=rules.population,
    )


def _looks(evidence: NightEvidence, reference: Vector, rules: WeightRules) -> list[Look]:
    """Every time scale that has evidence enough to be judged."""
    overlap = rules.horizons[rules.evidence_horizon]
    known = evidence.by_horizon[rules.evidence_horizon]
    found, seen = [], set()
    for days in sorted(rules.evidence_windows_days):
        window = known.window(evidence.as_of, days)
        judged = window.n_varying() >= rules.min_days * overlap
        # A window that reaches back before the first day is the shorter one over again.
        if len(window) < rules.min_days * overlap or judged.sum() < 2 or len(window) in seen:
            continue
        seen.add(len(window))
        suggestion = suggest_weights(window, reference, overlap_sessions=overlap, cap=rules.cap, fixed=~judged)
        inference = improvement_inference(suggestion, overlap_sessions=overlap)
        level = look_level(
            days, error_rate=rules.yearly_false_change_rate / len(rules.evidence_windows_days), min_days=rules.min_days
        )
        found.append(Look(days, window, suggestion, inference, one_sided(inference), level))
    return found


def _stay(status: str, reason: str, previous: Vector, rules: WeightRules, *, look: Look | None = None) -> NightRecord:
    """Keep the weights in force; only a lowered cap still moves them."""
    weights = project_bounded(previous, previous, daily_limit=rules.daily_limit, cap=rules.cap)
    if look is None:
        return NightRecord(status, reason, previous, weights)
    return NightRecord(
        status,
        reason,
        previous,
        weights,
        suggested=look.suggestion.weights,
        window_days=look.window_days,
        n_days=len(look.window),
        confidence=1 - look.p_value if look.inference.is_sufficient else None,
        improvement=look.inference.estimate,
        improvement_ci_low=look.inference.ci_low,
        improvement_ci_high=look.inference.ci_high,
    )


def _without_evidence(evidence: NightEvidence, previous: Vector, rules: WeightRules) -> NightRecord:
    horizon = rules.evidence_horizon
    longest = max(rules.evidence_windows_days)
    window = evidence.by_horizon[horizon].window(evidence.as_of, longest)
    needed = rules.min_days * rules.horizons[horizon]
    judged = int((window.n_varying() >= needed).sum())
    reason = (
        f"insufficient evidence: {len(window)} usable {horizon} cross-sections in {longest} days, {judged} components "
        f"that vary on {needed} of them; {needed} cross-sections and 2 components are needed; no weight moves"
    )
    return replace(_stay(INSUFFICIENT_EVIDENCE, reason, previous, rules), n_days=len(window))


def _finding(look: Look, rules: WeightRules) -> str:
    if np.isinf(look.suggestion.shrinkage) or not look.inference.is_sufficient:
        return f"no other weights did better out of sample over {len(look.window)} days ({look.window_days}-day window)"
    low, high = look.inference.ci_low or 0.0, look.inference.ci_high or 0.0
    return (
        f"suggested weights changed the mean {rules.evidence_horizon} coefficient by {look.inference.estimate:+.4f} "
        f"({low:+.4f} to {high:+.4f}) out of sample over {len(look.window)} days ({look.window_days}-day window), "
        f"p = {look.p_value:.2g}"
    )


def _movement(weights: Vector, previous: Vector, names: tuple[str, ...]) -> str:
    steps = weights - previous
    moved = [at for at in np.argsort(-np.abs(steps), kind="stable") if abs(steps[at]) >= 1 / GRID / 2][:2]
    if not moved:
        return "the weights in force are the suggested ones"
    return "moved " + " and ".join(f"{names[at]} {previous[at]:.3f} -> {weights[at]:.3f}" for at in moved)


def _backward_advice(look: Look, names: tuple[str, ...], rules: WeightRules) -> str:
    overlap = rules.horizons[rules.evidence_horizon]
    backward = backward_components(look.window, overlap_sessions=overlap, level=rules.yearly_false_change_rate)
    if not backward:
        return ""
    listed = ", ".join(f"{names[at]} (coefficient {inference.estimate:+.3f})" for at, inference in backward)
    return f"; consider inverting or dropping {listed}: reliably the wrong way round"


def _veto(evidence: NightEvidence, weights: Vector, previous: Vector, rules: WeightRules) -> str:
    """Why another horizon forbids the change; empty when none does."""
    for horizon, sessions in rules.horizons.items():
        window = evidence.by_horizon[horizon]
        if horizon == rules.evidence_horizon or len(window) < rules.min_days:
            continue
        change = window.coefficients(weights) - window.coefficients(previous)
        inference = mean_inference(change, overlap_sessions=sessions)
        if inference.is_sufficient and 1 - one_sided(inference) <= rules.veto_level:
            return (
                f"the new weights are worse at {horizon}: {inference.estimate:+.4f} "
                f"({inference.ci_low:+.4f} to {inference.ci_high:+.4f}) over {len(window)} days"
            )
    return ""


def _scaled(suggested: Vector, multipliers: Vector) -> Vector:
    scaled = suggested * multipliers
    total = scaled.sum()
    return scaled / total if total > 0 else suggested


def _is_cut(target: Vector, weights: Vector, previous: Vector, rules: WeightRules) -> NDArray[np.bool_]:
    at_limit = np.abs(weights - previous) >= rules.daily_limit - 1.5 / GRID
    return at_limit & (np.abs(target - previous) > rules.daily_limit)
