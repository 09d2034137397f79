"""Fitting maps to counts at nodes: logit-linear, beta, isotonic and Venn-Abers, many groups side by side.

Belongs here: from successes and trials per confidence to a map's values. Not here: where the counts come from
(evidence.py), shrinkage between groups (hierarchy.py), which map to use (review.py).
"""

from dataclasses import dataclass

import numpy as np

from amc_learning.learning.calibration.logistic import FloatArray, penalised_logistic
from amc_learning.learning.calibration.maps import NODES, beta_features, log_odds

INTERCEPT_SCALES = (0.05, 0.2, 0.8, 1.6)
"""Prior standard deviations of a shift in log odds that are weighed against each other. 0.8: 70 % becomes 51 %."""

SLOPE_SCALES = (0.2, 0.4, 0.8)
"""Prior standard deviations of a change of the slope. Half a unit halves every log odds."""

LEAST_SLOPE = 0.05
"""A confidence without information gets this slope, not less: the order of the original is kept."""

BETA_PRECISION = 0.25
"""Prior of each beta coefficient around no change: standard deviation 2, for stability, not for shrinkage."""

_PRIORS = np.array([(a**-2, b**-2) for a in INTERCEPT_SCALES for b in SLOPE_SCALES])
_NODE_LOG_ODDS = log_odds(NODES)
_LEVEL = np.ones((len(NODES), 1))


@dataclass(frozen=True)
class ShrunkFits:
    """Logit-linear maps of several groups.

    Attributes:
        parameters: intercept and slope, shape (n groups, 2).
        borrowed: share of the intercept that comes from the map shrunk to instead of the group's own theses, in [0, 1].
    """

    parameters: FloatArray
    borrowed: FloatArray


def shrunk_logit_linear(right: FloatArray, total: FloatArray, shrink_to: FloatArray) -> ShrunkFits:
    """Logit-linear maps pulled toward given ones, as strongly as the data themselves suggest.

    The deviation from the given map is Gaussian with one of several scales; each scale's posterior mode enters with the
    weight that its marginal likelihood earns (empirical Bayes, averaging instead of picking one).

    Args:
        right: theses that came right per node, in units of independent theses, shape (n groups, n nodes).
        total: theses per node in the same unit, same shape.
        shrink_to: intercept and slope of the map shrunk to, shape (n groups, 2); (0, 1) is no change.

    Source: Cox 1958 (the map); Efron and Morris 1973 (empirical Bayes); MacKay 1992 (evidence).
    """
    has_theses = total.sum(axis=1) > 0
    if not has_theses.all():
        parameters, borrowed = shrink_to.copy(), np.ones(len(total))
        if has_theses.any():
            fitted = shrunk_logit_linear(right[has_theses], total[has_theses], shrink_to[has_theses])
            parameters[has_theses], borrowed[has_theses] = fitted.parameters, fitted.borrowed
        return ShrunkFits(parameters=parameters, borrowed=borrowed)
    n_groups, n_priors = len(total), len(_PRIORS)
    is_used = total.sum(axis=0) > 0
    node_log_odds = _NODE_LOG_ODDS[is_used]
    level = np.ones_like(node_log_odds)
    successes, trials = (np.repeat(counts[:, is_used], n_priors, axis=0) for counts in (right, total))
    start = np.repeat(shrink_to, n_priors, axis=0)
    precision = np.tile(_PRIORS, (n_groups, 1))
    fits = penalised_logistic(
        np.column_stack([level, node_log_odds]),
        start[:, :1] + start[:, 1:] * node_log_odds,
        successes,
        trials,
        precision,
    )
    deviation, log_evidence, information = fits.coefficients, fits.log_evidence, fits.information[:, 0, 0]
    is_steep_enough = start[:, 1] + deviation[:, 1] >= LEAST_SLOPE
    if not is_steep_enough.all():
        low = ~is_steep_enough
        shift = penalised_logistic(
            level[:, None],
            start[low, :1] + LEAST_SLOPE * node_log_odds,
            successes[low],
            trials[low],
            precision[low, :1],
        )
        deviation[low] = np.column_stack([shift.coefficients[:, 0], LEAST_SLOPE - start[low, 1]])
        information[low] = shift.information[:, 0, 0]
    log_evidence = log_evidence.reshape(n_groups, n_priors)
    weights = np.exp(log_evidence - log_evidence.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean_deviation = (weights[:, :, None] * deviation.reshape(n_groups, n_priors, 2)).sum(axis=1)
    pull = precision[:, 0] / (precision[:, 0] + information)
    return ShrunkFits(
        parameters=shrink_to + mean_deviation, borrowed=(weights * pull.reshape(n_groups, n_priors)).sum(axis=1)
    )


def beta_parameters(right: FloatArray, total: FloatArray) -> FloatArray:
    """Intercept and both gains of beta maps, shape (n groups, 3), gains at least `LEAST_SLOPE`.

    A gain that would fall below its bound is held there and the others are fitted again, as Kull et al. do at 0.

    Args:
        right: theses that came right per node, shape (n groups, n nodes).
        total: theses per node, same shape.

    Source: Kull, Silva Filho and Flach 2017, Beta calibration.
    """
    ends = beta_features(NODES)
    is_free = np.ones((len(total), 2), dtype=bool)
    while True:
        gains = np.where(is_free, 1.0, LEAST_SLOPE)
        # A bound gain is one whose prior does not let it move.
        precision = np.column_stack([np.full(len(total), BETA_PRECISION), np.where(is_free, BETA_PRECISION, 1e12)])
        fits = penalised_logistic(
            np.column_stack([_LEVEL, ends]), np.einsum("gk,mk->gm", gains, ends), right, total, precision
        )
        gains = np.where(is_free, gains + fits.coefficients[:, 1:], LEAST_SLOPE)
        too_low = is_free & (gains < LEAST_SLOPE)
        if not too_low.any():
            return np.column_stack([fits.coefficients[:, 0], gains])
        is_free &= ~too_low


def isotonic_values(right: FloatArray, total: FloatArray) -> FloatArray:
    """Isotonic regression at every node, straight lines between nodes that have theses, level beyond them.

    Args:
        right: theses that came right per node, shape (n groups, n nodes).
        total: theses per node, same shape.

    Returns:
        Shape (n groups, n nodes), non-decreasing in each row; NaN in the row of a group without theses.

    Source: Barlow et al. 1972 (the max-min formula); Zadrozny and Elkan 2002 (as a calibration map).
    """
    values = np.full(total.shape, np.nan)
    is_used = total.sum(axis=0) > 0
    fitted = _max_min(right[:, is_used], total[:, is_used], extra_right=0.0, extra_total=0.0)
    for group in range(len(total)):
        seen = total[group] > 0
        if seen.any():
            values[group] = np.interp(NODES, NODES[seen], fitted[group, seen[is_used]])
    return values


def venn_abers_values(right: FloatArray, total: FloatArray) -> FloatArray:
    """Inductive Venn-Abers predictions at nodes with theses, as one probability: p1 / (1 - p0 + p1).

    p0 and p1 are the isotonic fits at a new thesis, were it to come wrong and to come right. Both are non-decreasing in
    its confidence, and so is what becomes of them. Straight lines between nodes where any group has theses.

    Args:
        right: theses that came right per node, shape (n groups, n nodes).
        total: theses per node, same shape.

    Source: Vovk, Petej and Fedorova 2015, Large-scale probabilistic predictors with and without guarantees of validity.

    >>> none = np.zeros((1, len(NODES)))
    >>> float(venn_abers_values(none, none)[0, 0])
    0.5
    """
    is_used = total.sum(axis=0) > 0
    if not is_used.any():
        return np.full(total.shape, 0.5)
    seen_right, seen_total = right[:, is_used], total[:, is_used]
    wrong_added = _max_min(seen_right, seen_total, extra_right=0.0, extra_total=1.0)
    right_added = _max_min(seen_right, seen_total, extra_right=1.0, extra_total=1.0)
    # Rounding may leave a step down of 1e-16.
    merged = np.maximum.accumulate(right_added / (1 - wrong_added + right_added), axis=1)
    return np.stack([np.interp(NODES, NODES[is_used], of_group) for of_group in merged])


def _max_min(right: FloatArray, total: FloatArray, *, extra_right: float, extra_total: float) -> FloatArray:
    """Max over first <= j of min over last >= j of the mean from first to last, with one thesis more at j."""
    n_groups, n_nodes = total.shape
    zero = np.zeros((n_groups, 1))
    successes, trials = (np.hstack([zero, np.cumsum(counts, axis=1)]) for counts in (right, total))
    is_span = np.arange(n_nodes) >= np.arange(n_nodes)[:, None]
    found = np.empty_like(total)
    # One group after the other: what is looked at then stays in the processor's own memory.
    for group in range(n_groups):
        # Axis 0 is the first node of a span, axis 1 its last one.
        n_right = successes[group, 1:] - successes[group, :-1, None] + extra_right
        n_total = trials[group, 1:] - trials[group, :-1, None] + extra_total
        is_known = is_span & (n_total > 0)
        means = np.divide(n_right, n_total, out=np.full_like(n_total, np.inf), where=is_known)
        least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        # A span that never meets a thesis says nothing.
        found[group] = np.where(is_span & np.isfinite(least), least, -np.inf).max(axis=0, initial=-np.inf)
    return found
