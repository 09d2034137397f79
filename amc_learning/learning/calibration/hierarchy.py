"""Logit-linear maps of all groups, each pulled toward what the groups above it say.

Belongs here: who borrows from whom, and how many independent theses a group is worth. Not here: the fit (fits.py).
"""

import numpy as np

from amc_learning.learning.calibration.evidence import ALL, GROUPS, RECOMMENDATIONS, SOURCES
from amc_learning.learning.calibration.fits import ShrunkFits, shrunk_logit_linear
from amc_learning.learning.calibration.logistic import FloatArray
from amc_learning.learning.theses.accuracy import effective_theses
from amc_learning.learning.windows import IntArray

N_MARGINS = len(SOURCES) + len(RECOMMENDATIONS)

_RECOMMENDATION_OF_CELL = np.array([GROUPS.index((ALL, name)) for _, name in GROUPS[1 + N_MARGINS :]])


def group_fits(right: FloatArray, total: FloatArray) -> ShrunkFits:
    """Logit-linear maps of every group.

    The whole is pulled toward no change, a source or a recommendation toward the whole, and a pair toward its
    recommendation: that is what base rates differ by. The slope of a source mixes recommendations, whose confidences
    and base rates both differ, and would lend a pair a slope that neither of them has.

    Args:
        right: theses that came right per group and node, in units of independent ones; shape
            (n sets, n groups, n nodes).
        total: theses, same shape.

    Returns:
        Parameters of shape (n sets, n groups, 2), borrowed shares of shape (n sets, n groups); groups as in `GROUPS`.
    """
    n_sets, n_groups, n_nodes = total.shape
    parameters, borrowed = np.empty((n_sets, n_groups, 2)), np.empty((n_sets, n_groups))

    def fit(groups: slice, shrink_to: FloatArray) -> None:
        fits = shrunk_logit_linear(
            right[:, groups].reshape(-1, n_nodes), total[:, groups].reshape(-1, n_nodes), shrink_to.reshape(-1, 2)
        )
        parameters[:, groups] = fits.parameters.reshape(n_sets, -1, 2)
        borrowed[:, groups] = fits.borrowed.reshape(n_sets, -1)

    fit(slice(0, 1), np.tile([0.0, 1.0], (n_sets, 1)))
    whole = parameters[:, :1]
    fit(slice(1, 1 + N_MARGINS), np.repeat(whole, N_MARGINS, axis=1))
    fit(slice(1 + N_MARGINS, n_groups), parameters[:, _RECOMMENDATION_OF_CELL])
    return ShrunkFits(parameters=parameters, borrowed=borrowed)


def theses_per_independent_one(daily: IntArray, *, overlap_sessions: int) -> FloatArray:
    """How many theses of each group say as much as one independent thesis; at least 1.

    The theses of a day share its market and neighbouring days share their sessions, so rows overstate the evidence.
    Where the days do not carry that estimate, each day counts as one thesis, each run of overlapping days as one day.

    Args:
        daily: right and all per day and group, shape (n days, 2, n groups).
        overlap_sessions: sessions a label spans.

    Returns:
        Shape (n groups,).
    """
    found = np.ones(daily.shape[2])
    for group in range(daily.shape[2]):
        right, total = np.ascontiguousarray(daily[:, 0, group]), np.ascontiguousarray(daily[:, 1, group])
        n_theses, n_days = int(total.sum()), int((total > 0).sum())
        if n_theses:
            effective, _ = effective_theses(total, right, sessions=overlap_sessions)
            cautious = max(n_days / overlap_sessions, 1.0)
            found[group] = max(n_theses / (effective if np.isfinite(effective) else cautious), 1.0)
    return found
