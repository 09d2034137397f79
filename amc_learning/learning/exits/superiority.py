"""Is the best of many settings better than what was done, or only the luckiest of many?

Belongs here: tests over all settings together, and the Sharpe ratio deflated for their number. Not here: which numbers
they compare (comparison.py), choosing on one stretch of time and judging on another (walk_forward.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amc_learning.learning.inference import degrees_of_freedom, low_frequency_cosines, relative_spectrum

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

N_ROTATIONS = 1999
N_RESAMPLES = 999

NO_VARIATION = 1e-9
"""A series whose deviation is below this never differs: the setting is what was done. It is tried, and cannot win."""


@dataclass(frozen=True)
class Superiority:
    """What the tests over all settings say; p-values are None without evidence enough.

    Attributes:
        adjusted_p_values: per setting, by rotation; 1 where it cannot win, NaN without evidence enough.
        spa_p_value: Hansen's consistent p-value of "no setting is better".
        reality_check_p_value: the same with all settings at their least favourable.
        deflated_sharpe_ratio: probability that the best Sharpe ratio beats the best of as many worthless settings.
    """

    adjusted_p_values: Floats
    spa_p_value: float | None
    reality_check_p_value: float | None
    deflated_sharpe_ratio: float | None


def adjusted_p_values(
    gains: Floats, *, overlap_sessions: int, generator: np.random.Generator, n_rotations: int = N_ROTATIONS
) -> Floats:
    """Chance that the best of all settings looks as good as each one does, were none better than what was done.

    Of each setting the mean and its projections on the lowest-frequency cosines (see `inference.long_run_variance`) are
    kept. Were the means zero, these would be draws of one Gaussian vector over the settings, alike in all directions;
    so they are rotated together, which keeps the dependence between settings, and the largest t ratio of each
    rotation is what luck reaches. The error of finding any setting is held over all of them.

    A bootstrap of blocks does not do here: with labels of 30 sessions in 750 days there are 25 blocks, and
    Hansen's test rejects a true null in 17.5 and 15.8 % of cases at 5 % in two worlds, this one in 5.8 and 8.3 %
    (docs/weekly.md).

    Args:
        gains: shape (entry days, settings), in order of time: gain over what was done.
        overlap_sessions: sessions a trade spans.
        generator: seeded.
        n_rotations: how many; the smallest p-value is one over this plus one.

    Returns:
        Per setting; 1 where a setting never differs from what was done, NaN throughout without evidence enough.

    Source: Lazarus, Lewis, Stock and Watson 2018 (projections); Langsrud 2005, Rotation tests (joint distribution);
    Westfall and Young 1993 (single-step max-T).
    """
    n = len(gains)
    freedom = degrees_of_freedom(n, overlap_sessions=overlap_sessions)
    if not freedom:
        return np.full(gains.shape[1], np.nan)
    means = gains.mean(axis=0)
    centred = gains - means
    deviation = np.sqrt((centred * centred).mean(axis=0))
    varies = deviation > NO_VARIATION
    adjusted = np.ones(gains.shape[1])
    if not varies.any():
        return adjusted
    # einsum, not a matrix product: how a BLAS splits one depends on the threads of the day.
    projections = np.einsum("fn,nk->fk", low_frequency_cosines(n, freedom), centred[:, varies])
    spectra = [
        relative_spectrum(np.ascontiguousarray(centred[:, at]), float(deviation[at] ** 2), freedom, overlap_sessions)
        for at in np.flatnonzero(varies)
    ]
    vectors = np.vstack([np.sqrt(n) * means[varies], projections / np.sqrt(np.array(spectra).T)])
    squares = (vectors * vectors).sum(axis=0)
    observed = _ratios(vectors[:1], squares, freedom)[0]
    directions = generator.standard_normal((n_rotations, freedom + 1))
    directions /= np.sqrt((directions * directions).sum(axis=1, keepdims=True))
    luckiest = _ratios(np.einsum("rf,fk->rk", directions, vectors), squares, freedom).max(axis=1)
    beaten_by = n_rotations - np.searchsorted(np.sort(luckiest), observed, side="left")
    adjusted[varies] = (1 + beaten_by) / (n_rotations + 1)
    return adjusted


def _ratios(means: Floats, squares: Floats, freedom: int) -> Floats:
    ratios: Floats = means / np.sqrt(np.maximum(squares - means * means, 1e-12 * squares) / freedom)
    return ratios


def superior_predictive_ability(
    gains: Floats,
    *,
    mean_block: float,
    generator: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
    can_win: Booleans | None = None,
) -> tuple[float, float]:
    """Hansen's test that no setting is better than what was done, by the stationary bootstrap of days.

    Args:
        gains: shape (days, settings), in order of time.
        mean_block: mean length of the resampled blocks in days.
        generator: seeded.
        n_resamples: how many.
        can_win: per setting, whether it is looked at for being better; all of them when None. The others are what
            luck had to choose from too.

    Returns:
        The consistent p-value, and the one with every setting at its least favourable (the studentised reality check
        of White). Both 1 when nothing that can win varies.

    Source: Hansen 2005, A test for superior predictive ability; White 2000; Politis and Romano 1994.
    """
    n = len(gains)
    means = gains.mean(axis=0)
    centred = gains - means
    varies = np.sqrt((centred * centred).mean(axis=0)) > NO_VARIATION
    is_judged = np.ones(int(varies.sum()), dtype=bool) if can_win is None else can_win[varies]
    if not is_judged.any():
        return 1.0, 1.0
    means, centred = means[varies], np.ascontiguousarray(centred[:, varies])
    deviation = np.sqrt(_bootstrap_variance(centred, 1 / mean_block))
    observed = np.sqrt(n) * means / deviation
    reached = max(0.0, float(observed[is_judged].max()))
    counts = block_counts(n, mean_block, n_resamples, generator)
    resampled = np.sqrt(n) * np.einsum("rn,nk->rk", counts, centred) / n / deviation
    is_plausible = observed >= -np.sqrt(2 * np.log(np.log(n)))
    p_values = []
    for shift in (np.where(is_plausible, 0.0, observed), np.zeros_like(observed)):
        luckiest = np.maximum((resampled + shift).max(axis=1), 0.0)
        p_values.append(float((luckiest > reached).mean()))
    return p_values[0], p_values[1]


def _bootstrap_variance(centred: Floats, probability: float) -> Floats:
    """Variance of sqrt(n) times a mean under the stationary bootstrap, in closed form (Politis and Romano 1994)."""
    n = len(centred)
    variance: Floats = (centred * centred).mean(axis=0)
    for lag in range(1, n):
        weight = (1 - lag / n) * (1 - probability) ** lag + lag / n * (1 - probability) ** (n - lag)
        if weight > 1e-9:
            variance = variance + 2 * weight * (centred[lag:] * centred[:-lag]).sum(axis=0) / n
    return np.maximum(variance, 1e-300)


def block_indices(n: int, mean_block: float, n_resamples: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Days of the stationary bootstrap, shape (n_resamples, n): blocks of geometric length, wrapped around the end."""
    begins = generator.random((n_resamples, n)) < 1 / mean_block
    begins[:, 0] = True
    start = generator.integers(0, n, (n_resamples, n))
    position = np.arange(n)
    block = np.maximum.accumulate(np.where(begins, position, 0), axis=1)
    indices: npt.NDArray[np.int64] = (np.take_along_axis(start, block, axis=1) + position - block) % n
    return indices


def block_counts(n: int, mean_block: float, n_resamples: int, generator: np.random.Generator) -> Floats:
    """How often each day is in each resample of `block_indices`."""
    indices = block_indices(n, mean_block, n_resamples, generator)
    cells = (indices + n * np.arange(n_resamples)[:, None]).ravel()
    return np.bincount(cells, minlength=n * n_resamples).reshape(n_resamples, n).astype(np.float64)


def deflated_sharpe_ratio(
    ratio: float, *, deviation_over_trials: float, n_tried: int, n_effective: float, skewness: float, kurtosis: float
) -> float | None:
    """Probability that a Sharpe ratio exceeds what the best of as many worthless settings would show.

    Args:
        ratio: the Sharpe ratio of the best setting, per observation.
        deviation_over_trials: standard deviation of the Sharpe ratios of all settings tried.
        n_tried: how many they are.
        n_effective: independent observations of the best.
        skewness: of its observations.
        kurtosis: of its observations, 3 for a normal distribution.

    Returns:
        None with fewer than two settings, or moments that leave no variance.

    Source: Bailey and Lopez de Prado 2014, The deflated Sharpe ratio.

    >>> year = 250**0.5  # the example of the paper
    >>> tried = {"deviation_over_trials": 0.5**0.5 / year, "n_tried": 100}
    >>> round(deflated_sharpe_ratio(2.5 / year, **tried, n_effective=1250, skewness=-3, kurtosis=10), 4)
    0.9004
    """
    from scipy.special import ndtr, ndtri  # noqa: PLC0415

    if n_tried < 2:
        return None
    gamma = np.euler_gamma
    luckiest = (1 - gamma) * ndtri(1 - 1 / n_tried) + gamma * ndtri(1 - 1 / (n_tried * np.e))
    scale = 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2
    if scale <= 0 or n_effective <= 1:
        return None
    return float(ndtr((ratio - deviation_over_trials * luckiest) * np.sqrt((n_effective - 1) / scale)))


def superiority(
    gains: Floats, *, can_win: Booleans, overlap_sessions: int, n_effective: Floats, generator: np.random.Generator
) -> Superiority:
    """All tests over these gains. Every setting counts as tried, also one that cannot win.

    Args:
        gains: shape (entry days, settings tried), in order of time.
        can_win: per setting, whether it could be advised.
        overlap_sessions: sessions a trade spans, also the mean length of bootstrap blocks.
        n_effective: per setting, independent observations its days are worth; NaN where unknown.
        generator: seeded.
    """
    adjusted = adjusted_p_values(gains, overlap_sessions=overlap_sessions, generator=generator)
    if np.isnan(adjusted).all():
        return Superiority(adjusted, None, None, None)
    adjusted = np.where(can_win, adjusted, 1.0)
    spa, reality_check = superior_predictive_ability(
        gains, mean_block=overlap_sessions, generator=generator, can_win=can_win
    )
    deviation = gains.std(axis=0)
    varies = (deviation > NO_VARIATION) & np.isfinite(n_effective)
    if not (varies & can_win).any() or gains.shape[1] < 2:
        return Superiority(adjusted, spa, reality_check, None)
    ratios = np.zeros(gains.shape[1])
    ratios[varies] = gains[:, varies].mean(axis=0) / deviation[varies]
    best = int(np.where(varies & can_win, ratios, -np.inf).argmax())
    standard = (gains[:, best] - gains[:, best].mean()) / deviation[best]
    deflated = deflated_sharpe_ratio(
        float(ratios[best]),
        deviation_over_trials=float(ratios.std(ddof=1)),
        n_tried=len(ratios),
        n_effective=float(n_effective[best]),
        skewness=float((standard**3).mean()),
        kurtosis=float((standard**4).mean()),
    )
    return Superiority(adjusted, spa, reality_check, deflated)
