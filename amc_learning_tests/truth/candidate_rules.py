"""Rules that turn evidence into suggested weights, to be compared with the one in use (`suggest_weights`).

Belongs here: rules that lost the comparison of rules_study.py and serve nobody but it. Each is a pure function from a
window of evidence to weights; `cross_fitted` gives it the out-of-sample record that the gate of a night asks for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from amc_learning.learning.weights.evidence import Evidence, correlation
from amc_learning.learning.weights.projection import project_capped_simplex
from amc_learning.learning.weights.suggestion import SHRINKAGE_GRID, Suggestion, SuggestionRule, _fit, suggest_weights

N_FOLDS = 5

Fit = Callable[["Problem"], np.ndarray]


@dataclass(frozen=True)
class Problem:
    """What a rule is fitted to: days, the vector to shrink toward, and bounds."""

    window: Evidence
    in_force: np.ndarray
    overlap_sessions: int
    cap: float
    fixed: np.ndarray

    @property
    def spread(self) -> np.ndarray:
        """Typical standard deviation of each score, 0 where it never varies."""
        variances = np.einsum("dkk->dk", self.window.score_covariances)
        return np.sqrt(variances.sum(axis=0) / np.maximum((variances > 0).sum(axis=0), 1))

    def components(self) -> np.ndarray:
        """Daily coefficient of each component (days, components); 0 on a day it does not vary."""
        variances = np.einsum("dkk->dk", self.window.score_covariances)
        return correlation(self.window.return_covariances, variances)

    def bounded(self, wanted: np.ndarray) -> np.ndarray:
        """Wanted weights of the free components on the capped simplex, the fixed ones as they are."""
        free = ~self.fixed & (self.spread > 0)
        share, total = self.in_force[free].sum(), wanted[free].clip(min=0.0).sum()
        if free.sum() < 2 or share <= 0 or total <= 0:
            return self.in_force
        weights = self.in_force.copy()
        cap = max(self.cap / share, 1 / free.sum())
        weights[free] = project_capped_simplex(wanted[free].clip(min=0.0)[None] / total, cap=cap)[0] * share
        return weights


def _days(window: Evidence, kept: np.ndarray) -> Evidence:
    return Evidence(window.known_on[kept], window.return_covariances[kept], window.score_covariances[kept])


def cross_fitted(fit: Fit) -> SuggestionRule:
    """A rule with its record on five blocks of days, each weighted by a fit to the others, purged and embargoed."""

    def suggest(window, in_force, *, overlap_sessions, cap, fixed=None):
        fixed = np.zeros(len(in_force), dtype=bool) if fixed is None else fixed
        problem = Problem(window, in_force, overlap_sessions, cap, fixed)
        folds = np.repeat(np.arange(N_FOLDS), [len(part) for part in np.array_split(np.arange(len(window)), N_FOLDS)])
        fold_weights, coefficients = [], np.zeros(len(window))
        for fold in range(N_FOLDS):
            held_out = np.flatnonzero(folds == fold)
            training = np.ones(len(window), dtype=bool)
            training[max(held_out[0] - overlap_sessions + 1, 0) : held_out[-1] + 2 * overlap_sessions - 1] = False
            fold_weights.append(fit(replace(problem, window=_days(window, training))))
            coefficients[held_out] = _days(window, held_out).coefficients(fold_weights[-1])
        weights = fit(problem)
        return Suggestion(
            weights,
            np.inf if np.array_equal(weights, in_force) else 0.0,
            coefficients,
            window.coefficients(in_force),
            np.array(fold_weights),
            folds,
        )

    return suggest


def coefficient_ratio(problem: Problem) -> np.ndarray:
    """IC/IR shrinkage: shrunk inverse covariance of the daily coefficients times their mean, toward what is in force.

    The covariance is shrunk to its diagonal (Ledoit and Wolf 2004, their intensity for that target); the share of
    the suggestion is that of James and Stein, 1 - (k - 1) / T^2 with Hotelling's T^2 of the mean, at least 0.
    """
    daily = problem.components()
    n = len(daily)
    mean, centred = daily.mean(axis=0), daily - daily.mean(axis=0)
    sample = centred.T @ centred / n
    target = np.diag(np.diag(sample))
    apart = ((sample - target) ** 2).sum()
    scatter = ((centred[:, :, None] * centred[:, None, :] - sample) ** 2).sum() / n**2
    intensity = 1.0 if apart <= 0 else min(scatter / apart, 1.0)
    covariance = (1 - intensity) * sample + intensity * target + 1e-9 * np.eye(len(mean))
    direction = np.linalg.solve(covariance, mean)
    strength = n / problem.overlap_sessions * float(mean @ direction)
    share = max(0.0, 1 - (len(mean) - 1) / strength) if strength > 0 else 0.0
    spread = problem.spread
    wanted = np.divide(direction.clip(min=0.0), spread, out=np.zeros_like(spread), where=spread > 0)
    return (1 - share) * problem.in_force + share * problem.bounded(wanted)


def hedge(problem: Problem) -> np.ndarray:
    """Exponentiated gradient from the weights in force, gains are the components' daily coefficients.

    Rate sqrt(2 ln N / n), the one of the worst case for gains in [-1, 1] (Cesa-Bianchi and Lugosi 2006, ch. 2).
    """
    return _hedged(problem, np.sqrt(2 * np.log(problem.in_force.size) / len(problem.window)))


def hedge_by_variance(problem: Problem) -> np.ndarray:
    """Hedge with the rate that fits the variance of the gains: sqrt(2 ln N / (n v)) (second-order bounds)."""
    variance = float(problem.components().var(axis=0).mean()) * problem.overlap_sessions
    return _hedged(problem, np.sqrt(2 * np.log(problem.in_force.size) / (len(problem.window) * max(variance, 1e-9))))


def _hedged(problem: Problem, rate: float) -> np.ndarray:
    gains = rate * problem.components().sum(axis=0) / problem.overlap_sessions
    return problem.bounded(problem.in_force * np.exp(gains - gains.max()))


def ridge_at(strength: float) -> Fit:
    """Ridge of return ranks on scores toward the weights in force, at one strength of `SHRINKAGE_GRID`."""
    at = SHRINKAGE_GRID.index(strength)

    def fit(problem: Problem) -> np.ndarray:
        window = problem.window
        return _fit(
            window.score_covariances.mean(axis=0)[None],
            window.return_covariances.mean(axis=0)[None],
            problem.in_force,
            spread=problem.spread,
            cap=problem.cap,
            fixed=problem.fixed,
        )[0, at]

    return fit


CANDIDATES: Mapping[str, SuggestionRule] = {
    "nested ridge": suggest_weights,
    "IC/IR shrinkage": cross_fitted(coefficient_ratio),
    "Hedge": cross_fitted(hedge),
    "Hedge, by variance": cross_fitted(hedge_by_variance),
    "ridge, strength 1": cross_fitted(ridge_at(1.0)),
    "ridge, strength 3": cross_fitted(ridge_at(3.0)),
}


def ungated(rule: SuggestionRule) -> SuggestionRule:
    """The rule with a record that passes every gate: what would follow if nobody asked for evidence."""

    def suggest(window, in_force, *, overlap_sessions, cap, fixed=None):
        found = rule(window, in_force, overlap_sessions=overlap_sessions, cap=cap, fixed=fixed)
        certain = np.where(np.arange(len(window)) % 2, 0.9, 1.1)
        return replace(found, shrinkage=0.0, coefficients=found.coefficients_in_force + certain)

    return suggest
