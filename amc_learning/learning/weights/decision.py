"""What the night does about the weights, and why.

Belongs here: the rules of a night and their order over a range of nights. Not here: how evidence becomes a suggestion
(suggestion), how sure one must be (improvement), what may be published (projection).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.effectiveness.judgement import Sections
from amc_learning.learning.inference import MeanInference, mean_inference
from amc_learning.learning.modes import SHADOW
from amc_learning.learning.weights.evidence import Evidence, dated_evidence, days_since_epoch, evidence_from_statistics
from amc_learning.learning.weights.improvement import (
    backward_components,
    held_out_inference,
    look_level,
    one_sided,
)
from amc_learning.learning.weights.operator_orders import OperatorOrder, operator_orders
from amc_learning.learning.weights.overlay import NO_OVERLAY, Overlay, in_shadow, laid_over
from amc_learning.learning.weights.projection import GRID, project_bounded
from amc_learning.learning.weights.promise import Promise, change_promise, lost_winners
from amc_learning.learning.weights.record import (
    ACTIVE,
    HELD,
    INSUFFICIENT_EVIDENCE,
    ROLLED_BACK,
    NightRecord,
    component_vector,
    decision_history,
    decisions_table,
    past_decision,
)
from amc_learning.learning.weights.rules import FeatureWeights, WeightRules
from amc_learning.learning.weights.standing import StandingWeights, begun_with
from amc_learning.learning.weights.suggestion import Suggestion
from amc_learning.learning.weights.taking_back import take_back
from amc_learning.learning.weights.top_lists import CandidateLists

Vector = NDArray[np.float64]


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
    """What was known by the night: cross-sections per horizon (longest window); past lists to re-rank, looked up
    only by a night that would move, and bounded by it; until when the evidence is set aside, because it taught a change
    that had to be taken back; and cross-sections of the evidence horizon over the universe, where controls allow it."""

    as_of: date
    by_horizon: Mapping[str, Evidence]
    candidates: CandidateLists = field(default_factory=lambda: CandidateLists(pl.DataFrame(), components=()))
    set_aside_until: date | None = None
    universe: Evidence | None = None

    def window(self, horizon: str, days: int) -> Evidence:
        """The cross-sections of one horizon and time scale that may teach something."""
        if self.set_aside_until is not None:
            days = min(days, (self.as_of - self.set_aside_until).days)
        return self.by_horizon[horizon].window(self.as_of, days)


def decide_night(
    evidence: NightEvidence,
    previous: Vector,
    rules: WeightRules,
    *,
    names: tuple[str, ...],
    campaign_start: Vector | None = None,
    changed_from: Vector | None = None,
) -> NightRecord:
    """What to do about the weights tonight, and why, in one sentence with the numbers it looked at.

    Args:
        evidence: what was known by the night.
        previous: what had been learned by the previous knowledge day.
        rules: bounds and levels.
        names: components, for the sentence.
        campaign_start: learned weights when the change now under way began; None when none is. A change is judged
            against these until it is over: judged against weights that the same days have already moved, every change
            would stop half way.
        changed_from: weights that the change now under way began from, however long ago; None when none is. The gate
            forgets them after `campaign_days`, the promise does not: the change is later judged against these.
    """
    reference = previous if campaign_start is None else campaign_start
    looks = _looks(evidence, reference, rules)
    if not looks:
        return _without_evidence(evidence, previous, rules)
    best = min(looks, key=lambda look: (look.p_value / look.level, -look.window_days))
    finding, advice = _finding(best, rules), _backward_advice(evidence, best, names, rules)
    bar = best.level if campaign_start is None else max(best.level, rules.continue_level)
    if best.p_value > bar:
        purpose = "a change needs" if campaign_start is None else "to go on a change needs"
        return _stay(HELD, f"held: {finding}; {purpose} p <= {bar:.2g}{advice}", previous, rules, look=best)

    weights = project_bounded(best.suggestion.weights, previous, daily_limit=rules.daily_limit, cap=rules.cap)
    active = replace(
        _stay(ACTIVE, f"active: {finding}; {_movement(weights, previous, names)}{advice}", previous, rules, look=best),
        weights=weights,
        is_at_daily_limit=_is_cut(best.suggestion.weights, weights, previous, rules),
    )
    if np.array_equal(weights, previous):
        return active
    whole = project_bounded(best.suggestion.weights, reference, daily_limit=1.0, cap=rules.cap)
    veto = _harm_elsewhere(evidence, weights, previous, rules) or lost_winners(
        evidence.candidates,
        whole,
        reference,
        horizons=rules.horizons,
        known_after=days_since_epoch(evidence.as_of) - rules.promise_window_days,
        known_until=days_since_epoch(evidence.as_of),
        top_k=rules.top_k,
        level=rules.veto_level,
    )
    if veto:
        return _stay(HELD, f"held: {finding}, but {veto}{advice}", previous, rules, look=best)
    return replace(
        active, promise=_promise(evidence, best, weights, reference if changed_from is None else changed_from, rules)
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
    joined: pl.DataFrame | Callable[[], pl.DataFrame],
    *,
    as_of: Sequence[date],
    features: FeatureWeights,
    rules: WeightRules,
    standing: StandingWeights | None = None,
    actions: pl.DataFrame | None = None,
    earlier_decisions: pl.DataFrame | None = None,
    overlays: Mapping[date, Overlay] | None = None,
    modes: Mapping[date, str] | None = None,
) -> pl.DataFrame:
    """Decisions about the weights for these nights, in order: each starts from the vector of the one before.

    A night reads only what was known on it: later rows change nothing, so a range and its nights one by one agree.

    Args:
        statistics: table `daily_statistics`, at least from `as_of[0]` minus the longest evidence window on.
        joined: table `feature_outcomes`, selected candidates of all horizons, at least from `as_of[0]` minus the
            promise window on; or what reads it, called only when a night would move.
        as_of: knowledge days, ascending.
        features: feature set and default weights.
        rules: bounds and levels.
        standing: what the last decision before `as_of[0]` left; what it does not say is as `earlier_decisions` says,
            else the default.
        actions: table `operator_actions`; an action holds from the night of its knowledge day on.
        earlier_decisions: rows of table `weight_decisions` before `as_of[0]`, `record.DECISION_COLUMNS`: the target
            days of rollbacks, and the last `LOOK_BACK_DAYS`, from which it is seen which changes are under way or
            judged. Without them none is.
        overlays: per night, the factors of market regime and corrections; a night without an entry has none.
        modes: per night, active or shadow; a night without an entry is active. In shadow everything is decided as ever,
            and what is in force stays.

    Returns:
        Table `weight_decisions`: one row per night and component, sorted by both.

    Raises:
        ValueError: weights in force name other components than the feature set; or a rollback's target day has
            no decision among these.
    """
    names = features.names
    default = component_vector(features.default_weights, names, "default_weights")
    history = decision_history(earlier_decisions, names=names)
    force, known_weights, would_be, told_on = begun_with(standing or StandingWeights(), history, default, names=names)
    dated = {
        horizon: dated_evidence(statistics, components=names, horizon=horizon, population=rules.population)
        for horizon in {*rules.horizons, rules.evidence_horizon}
    }
    known = {horizon: dated[horizon][0] for horizon in rules.horizons}
    deciding, entered_on = dated[rules.evidence_horizon]
    universe = evidence_from_statistics(
        statistics, components=names, horizon=rules.evidence_horizon, population="universe"
    )
    sections = Sections(entered_on, deciding.known_on, deciding.return_covariances, deciding.score_covariances)
    candidates = CandidateLists(joined, components=names)
    orders, longest = operator_orders(actions), max(rules.evidence_windows_days)
    nights = []
    for night in as_of:
        order, is_shadow = orders.on(night), (modes or {}).get(night) == SHADOW
        before = would_be if is_shadow else force
        if order is not None:
            # What was learned walks beside what is in force: on release both are what they would be without factors.
            learned_then = history.learned_of(order.target_known_on)
            learned_now = follow_order(order, learned_then, known_weights, rules).weights
            target = (history.would_be_of if is_shadow else history.weights_of)(order.target_known_on)
            record = follow_order(order, target, before, rules)
            decided = replace(record, learned_before=known_weights, learned=learned_now)
        else:
            record = take_back(history.changes, sections, night, known_weights, rules, names=names) or decide_night(
                NightEvidence(
                    night,
                    {name: it.window(night, longest) for name, it in known.items()},
                    candidates,
                    history.changes.set_aside_until(night),
                    universe,
                ),
                known_weights,
                rules,
                names=names,
                campaign_start=history.campaign_start(night, days=rules.campaign_days),
                changed_from=history.changes.goes_on_from(night),
            )
            decided = laid_over(record, before, (overlays or {}).get(night, NO_OVERLAY), rules, names=names)
            learned_now = record.weights
        told_on = told_on if is_shadow else night
        decided = in_shadow(decided, force, told_on=told_on) if is_shadow else replace(decided, told_on=told_on)
        past = past_decision(night, decided, learned_before=known_weights, learned=learned_now)
        history.add(past)
        force, known_weights, would_be = past.weights, learned_now, past.would_be
        nights.append((night, decided))
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
    found, seen = [], set()
    for days in sorted(rules.evidence_windows_days):
        window = evidence.window(rules.evidence_horizon, days)
        judged = window.n_varying() >= rules.min_days * overlap
        # A window that reaches back before the first day is the shorter one over again.
        if len(window) < rules.min_days * overlap or judged.sum() < 2 or len(window) in seen:
            continue
        seen.add(len(window))
        suggestion = rules.suggest(window, reference, overlap_sessions=overlap, cap=rules.cap, fixed=~judged)
        inference = held_out_inference(suggestion.improvement, overlap_sessions=overlap)
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
    )


def _without_evidence(evidence: NightEvidence, previous: Vector, rules: WeightRules) -> NightRecord:
    horizon = rules.evidence_horizon
    longest = max(rules.evidence_windows_days)
    window = evidence.window(horizon, longest)
    needed = rules.min_days * rules.horizons[horizon]
    judged = int((window.n_varying() >= needed).sum())
    reason = (
        f"insufficient evidence: {len(window)} usable {horizon} cross-sections in {longest} days, {judged} components "
        f"that vary on {needed} of them; {needed} cross-sections and 2 components are needed; no weight moves"
    )
    if evidence.set_aside_until is not None:
        reason += f"; what was known by {evidence.set_aside_until} taught a change that harmed and is set aside"
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


def _backward_advice(evidence: NightEvidence, look: Look, names: tuple[str, ...], rules: WeightRules) -> str:
    """Components without suggested weight that are reliably the wrong way round: weights alone cannot use them.

    Asked of the universe where controls allow it. A component that leads the score its candidates were selected on, or
    only belongs to it, looks wrong among the selected alone.
    """
    window, where = look.window, " among the selected (without controls: selection itself can turn a sign)"
    if evidence.universe is not None:
        over_universe = evidence.universe.window(evidence.as_of, look.window_days)
        if len(over_universe) >= rules.min_days * rules.horizons[rules.evidence_horizon]:
            window, where = over_universe, ""
    unwanted = np.flatnonzero(look.suggestion.weights == 0)
    backward = backward_components(
        window,
        unwanted.tolist(),
        overlap_sessions=rules.horizons[rules.evidence_horizon],
        level=look.level,
    )
    if not backward:
        return ""
    listed = ", ".join(f"{names[at]} (coefficient {inference.estimate:+.3f})" for at, inference in backward)
    return f"; consider inverting or dropping {listed}: reliably the wrong way round{where}"


def _promise(
    evidence: NightEvidence,
    look: Look,
    weights: Vector,
    reference: Vector,
    rules: WeightRules,
) -> Promise:
    reach = max(rules.daily_limit, float(np.abs(weights - reference).max()))
    return change_promise(
        look.window,
        look.suggestion,
        reference,
        as_far_as_now=lambda suggested: project_bounded(suggested, reference, daily_limit=reach, cap=rules.cap),
        candidates=evidence.candidates,
        horizon=rules.evidence_horizon,
        overlap_sessions=rules.horizons[rules.evidence_horizon],
        known_after=days_since_epoch(evidence.as_of) - rules.promise_window_days,
        top_k=rules.top_k,
    )


def _harm_elsewhere(evidence: NightEvidence, weights: Vector, previous: Vector, rules: WeightRules) -> str:
    """Why another horizon forbids the step; empty when none does."""
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


def _is_cut(target: Vector, weights: Vector, previous: Vector, rules: WeightRules) -> NDArray[np.bool_]:
    at_limit = np.abs(weights - previous) >= rules.daily_limit - 1.5 / GRID
    return at_limit & (np.abs(target - previous) > rules.daily_limit)
