"""The effect of one rule over a stretch of days, with its interval, and the plain numbers people ask for beside it.

Belongs here: estimates. Not here: finding rules (search.py), what becomes of them (history.py).
"""

from dataclasses import dataclass

import numpy as np

from amc_learning.learning.effectiveness.interval import confidence_sequence
from amc_learning.learning.inference import MeanInference, mean_inference
from amc_learning.learning.patterns.contrasts import Contrasts, mean_effect
from amc_learning.learning.patterns.literals import MICRO, Bools, Cases, Floats


@dataclass(frozen=True)
class Effect:
    """Mean return of a rule's candidates less the others of their day (fraction), days weighted by their precision.

    Attributes:
        estimate: None without a day that has both.
        ci_low: lower end of the interval; None for want of days.
        ci_high: upper end.
        p_value: two-sided, of no effect; None for want of days, and where the interval is one for many looks.
        n_days: days with both.
    """

    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    n_days: int

    def one_sided(self, sign: float) -> float:
        """Chance of as much or more in this direction without any effect; 1 for want of days."""
        if self.p_value is None or self.estimate is None:
            return 1.0
        return self.p_value / 2 if self.estimate * sign > 0 else 1 - self.p_value / 2


def effect_of(contrasts: Contrasts, rule: int, *, overlap_sessions: int) -> Effect:
    """The effect over some days, with a 95 % interval for one look."""
    days = daily_effects(contrasts, rule)
    found: MeanInference = mean_inference(days, overlap_sessions=overlap_sessions)
    return Effect(found.estimate, found.ci_low, found.ci_high, found.p_value, found.n)


def effect_since(contrasts: Contrasts, rule: int, *, overlap_sessions: int) -> Effect:
    """The effect over days after a discovery, with an interval that is right in all weeks together."""
    days = daily_effects(contrasts, rule)
    low, high = confidence_sequence(days, overlap_sessions=overlap_sessions) or (None, None)
    return Effect(float(days.mean()) if len(days) else None, low, high, None, len(days))


def daily_effects(contrasts: Contrasts, rule: int) -> Floats:
    """A number per day with contrast whose mean is the effect and whose variation is that of the effect's estimate.

    The effect is a ratio of sums; each day counts with its excess beyond what the effect and its weight explain, over
    the mean weight (the delta method).

    >>> from amc_learning.learning.patterns.contrasts import Contrasts
    >>> days = np.array([1, 2])
    >>> two = Contrasts(days, days, np.ones((2, 1)), np.array([[10_000.0], [60_000.0]]), np.array([[0.5], [1.5]]))
    >>> daily_effects(two, 0).round(4).tolist(), round(float(mean_effect(two.excess, two.weights)[0]), 4)
    ([0.0275, 0.0425], 0.035)
    """
    weights = contrasts.weights[:, rule]
    has_contrast = weights > 0
    weights, excess = weights[has_contrast], contrasts.excess[has_contrast, rule]
    if not len(weights):
        return np.zeros(0)
    effect = float(mean_effect(excess, weights))
    days: Floats = effect + (excess / MICRO - effect * weights) / weights.mean()
    return days


@dataclass(frozen=True)
class PlainNumbers:
    """What a rule's candidates did beside all others, candidate by candidate; None where there are none."""

    n_cases: int
    support: float
    success_rate: float | None
    success_rate_rest: float | None
    mean_return: float | None
    mean_return_rest: float | None
    quality: float | None


def plain_numbers(cases: Cases, members: Bools, excess: Floats) -> PlainNumbers:
    """Counts, rates and means of the candidates of a window.

    Args:
        cases: the candidates of the window; at least one.
        members: for which of them the rule holds.
        excess: the rule's daily excess over the window.

    Source: Atzmueller 2015, Subgroup discovery (quality of a numeric target: support times difference in means);
    Lavrac, Flach and Zupan 1999 (weighted relative accuracy).
    """
    return PlainNumbers(
        n_cases=int(members.sum()),
        support=float(members.mean()),
        success_rate=_mean(cases.is_winner, members),
        success_rate_rest=_mean(cases.is_winner, ~members),
        mean_return=_mean(cases.returns, members),
        mean_return_rest=_mean(cases.returns, ~members),
        quality=float(excess.sum()) / MICRO / len(members),
    )


def _mean(values: Floats | Bools, chosen: Bools) -> float | None:
    return float(values[chosen].mean()) if chosen.any() else None
