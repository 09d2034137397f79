"""Is the suggestion better than what is in force, and how sure must one be when looking every night?

Belongs here: significance levels of repeated looks, paired differences, top-k promises, components that order returns
backwards. Not here: the suggestion itself, the decision.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.learning.inference import MeanInference, mean_inference
from amc_learning.learning.weights.evidence import Evidence, correlation
from amc_learning.learning.weights.suggestion import Suggestion

Vector = NDArray[np.float64]

SESSIONS_PER_YEAR = 252
CALENDAR_DAYS_PER_YEAR = 365

REUSE_WIDENING = 1.3
"""Every pair of blocks of days judges one another, and the strength of shrinkage is chosen: held-out differences of
noise scatter up to sqrt(2) times what independent days would. Measured on noise: with 1.3 a single 5 % look errs in
5 %; see amc_learning_tests/truth."""


@lru_cache(maxsize=64)
def look_level(window_days: int, *, error_rate: float, min_days: int) -> float:
    """One-sided p-value below which one nightly look at this window is reliable, so that a year of looks errs rarely.

    The statistic of a rolling window of n sessions has correlation 1 - |lag|/n (Slepian process), that of a growing
    window, from `min_days` on, 1 - |log ratio|/2. The chance that such a process exceeds b within a year is
    1 - Phi(b) + L b phi(b) with L = max(252/n, log(252/min_days)/2); b solves it for `error_rate`.

    Args:
        window_days: length of the window, calendar days.
        error_rate: allowed chance of any false alarm of this window within a year.
        min_days: cross-sections from which a window is judged at all.

    Source: Slepian 1961; Pickands 1969 and Piterbarg 1996 (high excursions of processes whose correlation falls
    linearly from 1); checked by simulating years of nights in amc_learning_tests/truth.

    >>> round(look_level(365, error_rate=0.05 / 3, min_days=40), 5)
    0.00158
    """
    sessions = window_days * SESSIONS_PER_YEAR / CALENDAR_DAYS_PER_YEAR
    looks = max(SESSIONS_PER_YEAR / sessions, math.log(max(SESSIONS_PER_YEAR / min_days, 1.0)) / 2)
    low, high = 0.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        density = math.exp(-middle * middle / 2) / math.sqrt(2 * math.pi)
        # At small b the expansion is not a probability; the level is then only bounded by the error rate itself.
        exceeds = _upper_tail(middle) + looks * middle * density
        low, high = (middle, high) if exceeds > error_rate or middle < 1.0 else (low, middle)
    return min(_upper_tail(high), error_rate)


def _upper_tail(deviate: float) -> float:
    return math.erfc(deviate / math.sqrt(2)) / 2


def improvement_inference(suggestion: Suggestion, *, overlap_sessions: int) -> MeanInference:
    """Mean out-of-sample improvement with an interval that allows for the reuse of days (`REUSE_WIDENING`)."""
    values = suggestion.improvement
    mean = values.mean()
    return mean_inference(mean + REUSE_WIDENING * (values - mean), overlap_sessions=overlap_sessions)


def one_sided(inference: MeanInference) -> float:
    """P-value of 'not above zero'; 1 without evidence.

    >>> one_sided(mean_inference(np.zeros(30), overlap_sessions=1))
    1.0
    """
    if inference.p_value is None or inference.estimate is None:
        return 1.0
    return inference.p_value / 2 if inference.estimate > 0 else 1 - inference.p_value / 2


@dataclass(frozen=True)
class TopChange:
    """What the top k would have gained, on days the weights were not fitted to; None without a day to compare."""

    success_rate: float | None
    mean_return: float | None
    n_days: int


@dataclass(frozen=True)
class CrossSection:
    """Candidates of one entry with their outcomes: scores centred on the day's mean, 0 where missing."""

    known_on: int
    scores: Vector
    forward_returns: Vector
    is_winner: Vector


def cross_sections(joined: pl.DataFrame, *, components: Sequence[str], horizon: str) -> dict[int, CrossSection]:
    """Selected candidates with known outcomes per knowledge day (days since 1970-01-01), from table `feature_outcomes`.

    A missing score counts as the day's mean. Within a day the order is that of `decision_id`, which settles ties.
    """
    rows = joined.filter(
        pl.col("horizon") == horizon,
        pl.col("is_selected"),
        pl.col("is_in_cross_section"),
        pl.col("forward_return").is_not_null(),
    ).sort("known_on", "entry_date", "decision_id")
    if rows.is_empty():
        return {}
    known_on = rows["known_on"].cast(pl.Int32).cast(pl.Int64).to_numpy()
    scores = rows.select(pl.col(list(components)).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    returns = rows["forward_return"].to_numpy()
    winners = rows["is_winner"].fill_null(value=False).cast(pl.Float64).to_numpy()
    starts = np.flatnonzero(np.diff(known_on, prepend=known_on[0] - 1))
    found = {}
    for start, end in zip(starts, [*starts[1:], len(known_on)], strict=True):
        day = scores[start:end]
        present = ~np.isnan(day)
        mean = np.where(present, day, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
        centred = np.where(present, day - mean, 0.0)
        found[int(known_on[start])] = CrossSection(
            int(known_on[start]), centred, returns[start:end], winners[start:end]
        )
    return found


def top_change(
    sections: Mapping[int, CrossSection],
    window: Evidence,
    suggestion: Suggestion,
    in_force: Vector,
    *,
    known_after: int,
    top_k: int,
) -> TopChange:
    """Change in success rate and mean return of the top k, new minus old, over the latest days of the window.

    Every day is re-ranked by weights that were not fitted to it (`Suggestion.weights_out_of_sample`).

    Args:
        sections: candidates per knowledge day; days outside the window are not looked at.
        window: the window the suggestion was fitted to.
        suggestion: the new weights, with their fits per block.
        in_force: the old weights.
        known_after: only knowledge days after this one count (days since 1970-01-01), whatever else is at hand.
        top_k: length of the list.
    """
    gains = []
    for position, known_on in enumerate(window.known_on):
        section = sections.get(int(known_on)) if known_on > known_after else None
        if section is None:
            continue
        new = _top(section, suggestion.weights_out_of_sample(position), top_k)
        old = _top(section, in_force, top_k)
        gains.append(
            (
                section.is_winner[new].mean() - section.is_winner[old].mean(),
                section.forward_returns[new].mean() - section.forward_returns[old].mean(),
            )
        )
    if not gains:
        return TopChange(None, None, 0)
    success, returns = np.array(gains).mean(axis=0)
    return TopChange(float(success), float(returns), len(gains))


def _top(section: CrossSection, weights: Vector, top_k: int) -> NDArray[np.intp]:
    totals = np.round(section.scores @ weights, _DECIMALS)
    return np.argsort(-totals, kind="stable")[:top_k]


_DECIMALS = 9
"""Totals closer than this are ties: float noise must not reorder equals."""


def backward_components(window: Evidence, *, overlap_sessions: int, level: float) -> list[tuple[int, MeanInference]]:
    """Components whose own coefficient is reliably negative: position and inference, in order of the feature set.

    Args:
        window: cross-sections of the evidence window.
        overlap_sessions: sessions a label spans.
        level: one-sided error over all components together (Bonferroni).
    """
    variances = np.einsum("dkk->dk", window.score_covariances)
    coefficients = correlation(window.return_covariances, variances)
    found = []
    for component in range(coefficients.shape[1]):
        varies = variances[:, component] > 0
        inference = mean_inference(coefficients[varies, component], overlap_sessions=overlap_sessions)
        if inference.p_value is not None and 1 - one_sided(inference) < level / coefficients.shape[1]:
            found.append((component, inference))
    return found
