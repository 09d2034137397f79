"""A change of the learned weights that harmed is taken back: toward the weights before it, within every bound.

Belongs here: when a night takes back, how far, and why in a sentence. Not here: whether a change harmed
(learning.effectiveness), what a night does otherwise (decision).
"""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.effectiveness.changes import Change, ChangeLog
from amc_learning.learning.effectiveness.judgement import HARMED, Judgement, Sections, judge_change
from amc_learning.learning.weights.evidence import days_since_epoch
from amc_learning.learning.weights.projection import GRID, project_bounded
from amc_learning.learning.weights.record import ROLLED_BACK, NightRecord
from amc_learning.learning.weights.rules import WeightRules
from amc_learning.learning.wording import evidence_text

Vector = NDArray[np.float64]

ARRIVED = 2 / GRID
"""Weights nearer than this are the same: those before a change need not lie on the published grid."""


def take_back(
    changes: ChangeLog,
    sections: Sections,
    night: date,
    learned: Vector,
    rules: WeightRules,
    *,
    names: tuple[str, ...],
) -> NightRecord | None:
    """The night's record when a change is taken back tonight; None when none is.

    A change is taken back once: from the night on which the monitor says that it harmed until the weights before it
    are reached, as far as the cap lets them. Then learning goes on from there, without the evidence that taught it
    (`ChangeLog.set_aside_until`).

    Args:
        changes: changes of all earlier nights.
        sections: cross-sections at the evidence horizon; those not known by the night are not looked at.
        night: the knowledge day.
        learned: what had been learned by the previous knowledge day.
        rules: bounds.
        names: components, for the sentence.
    """
    under_way = changes.being_taken_back()
    change = under_way or changes.in_force(night)
    if change is None:
        return None
    weights = project_bounded(change.before, learned, daily_limit=rules.daily_limit, cap=rules.cap)
    # A cap that was lowered since may keep the weights before the change out of reach for good.
    if under_way is not None and np.abs(weights - learned).max() < ARRIVED:
        return None
    found = judge_change(
        change,
        sections,
        known_until=days_since_epoch(night),
        overlap_sessions=rules.horizons[rules.evidence_horizon],
    )
    if under_way is None and found.verdict != HARMED:
        return None
    return NightRecord(
        ROLLED_BACK,
        _reason(change, found, learned, weights, rules, names=names),
        learned,
        weights,
        suggested=change.before,
        n_days=found.n_days,
        is_at_daily_limit=(np.abs(weights - learned) >= rules.daily_limit - 1.5 / GRID)
        & (np.abs(change.before - learned) > rules.daily_limit),
        taken_back=change.began_on,
    )


def _reason(
    change: Change, found: Judgement, learned: Vector, weights: Vector, rules: WeightRules, *, names: tuple[str, ...]
) -> str:
    promise = change.promised
    promised = "" if promise is None or promise.estimate is None else f", promised {promise.estimate:+.4f}"
    interval = "" if found.ci_low is None else f" ({found.ci_low:+.4f} to {found.ci_high:+.4f})"
    largest = int(np.argmax(np.abs(weights - learned)))
    distance = float(np.abs(weights - change.before).max())
    progress = "back at the weights before it" if distance < ARRIVED else f"up to {distance:.3f} per weight to go"
    return (
        f"rolled back: the change of {change.began_on} harmed: {rules.evidence_horizon} coefficient "
        f"{found.realised or 0.0:+.4f}{interval} over {found.n_days} days decided under it{promised}, "
        f"evidence of harm {evidence_text(found.e_harm)} where {evidence_text(found.e_needed)} is needed; "
        f"moved {names[largest]} {learned[largest]:.3f} -> {weights[largest]:.3f}, {progress}"
    )
