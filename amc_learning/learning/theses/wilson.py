"""The Wilson score interval of a proportion.

Belongs here: one formula and its quantile. Not here: what is counted (accuracy.py, curves.py), or how many independent
observations dependent ones are worth (accuracy.py).
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

NORMAL_QUANTILE_95 = NormalDist().inv_cdf(0.975)
"""Of the two-sided 95 % interval."""


def wilson_interval(
    share: npt.ArrayLike, n: npt.ArrayLike, *, quantile: npt.ArrayLike = NORMAL_QUANTILE_95
) -> tuple[FloatArray, FloatArray]:
    """Both ends of the Wilson score interval of each share.

    The proportions p that a score test would not reject: |share - p| <= quantile x sqrt(p (1 - p) / n). Unlike the
    usual share +- 2 standard errors it keeps its level at small n, never leaves [0, 1], and has a width at 0 and 1.

    Args:
        share: observed proportions, 0 to 1; NaN = none.
        n: observations behind each, or as many independent ones as they are worth; need not be whole. 0 or NaN = none.
        quantile: of the reference distribution; the normal one by default. With an estimated `n`, Student's.

    Returns:
        Lower and upper ends, of the broadcast shape; NaN where there is no share or no observation.

    Source: Wilson 1927; Brown, Cai and DasGupta 2001 (why this one); Korn and Graubard 1998 (effective n, Student).

    >>> low, high = wilson_interval(0.5, 10)
    >>> round(float(low), 4), round(float(high), 4)
    (0.2366, 0.7634)
    """
    share, n, quantile = (np.asarray(values, dtype=np.float64) for values in (share, n, quantile))
    n = np.where(n > 0, n, np.nan)
    squared = quantile * quantile
    centre = (share + squared / (2 * n)) / (1 + squared / n)
    half_width = quantile / (1 + squared / n) * np.sqrt(share * (1 - share) / n + squared / (4 * n * n))
    # At a share of 0 or 1 one end is 0 or 1 exactly; rounding must not step over it.
    low = np.where(share == 0, 0.0, np.maximum(centre - half_width, 0.0))
    high = np.where(share == 1, 1.0, np.minimum(centre + half_width, 1.0))
    return np.where(np.isnan(centre), np.nan, low), np.where(np.isnan(centre), np.nan, high)
