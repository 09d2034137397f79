"""Importance of every component at one horizon, in one window: daily falls and what follows from their means.

Belongs here: folds, the falls of each kind, their inference. Not here: weeks and what changed between them (weeks.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amc_learning.learning.importance.fitted_means import (
    NOTHING_CARRIED,
    SOMETHING_CARRIED,
    fitted_mean_inferences,
)
from amc_learning.learning.importance.model import fitted, terms_of
from amc_learning.learning.importance.panel import Bools, Floats, Panel, centred_ranks
from amc_learning.learning.importance.rules import ImportanceRules
from amc_learning.learning.importance.shuffling import daily_coefficients, daily_falls, shuffles_of
from amc_learning.learning.inference import MeanInferences, mean_inferences
from amc_learning.learning.information_coefficient import MIN_PAIRS
from amc_learning.learning.splits import purged_folds


@dataclass(frozen=True)
class Importance:
    """What one window says of one horizon; entries in the order of components.

    Attributes:
        falls: when a component is shuffled; one entry more, the last, is the noise baseline's.
        over_noise: falls minus that of the baseline on the same days.
        alone: daily coefficients of a component by itself.
        refit_losses: falls when the model is fitted without a component.
        group_falls: when a component and those it is correlated with are shuffled together; NaN where there are none.
        correlated_with: places of the components each is correlated with.
        model: daily coefficients of the model, one entry.
        has_contrast: False for a component that is the same for all candidates of every day.
        share_scored: of the pairs.
    """

    falls: MeanInferences
    over_noise: MeanInferences
    alone: MeanInferences
    refit_losses: MeanInferences
    group_falls: MeanInferences
    correlated_with: tuple[tuple[int, ...], ...]
    model: MeanInferences
    has_contrast: Bools
    share_scored: Floats


def importance_of(panel: Panel, *, overlap_sessions: int, rules: ImportanceRules) -> Importance:
    """Importance of the components of a panel, measured on days that the fits had not seen.

    Args:
        panel: the days of one window and horizon, at least `rules.n_folds`.
        overlap_sessions: sessions a label of the horizon spans.
        rules: folds, embargo, shuffles.
    """
    n_scores = len(panel.names)
    n_components = n_scores - 1
    splits = purged_folds(panel.entry_days, panel.matured_days, n_folds=rules.n_folds, embargo_days=rules.embargo_days)
    folds = [(fold.train, fold.test) for fold in splits]
    terms = terms_of(panel)
    coefficients = fitted(terms, folds, n_scores=n_scores)
    intact = daily_coefficients(coefficients.predictions(panel.scores, panel.is_scored), panel)
    orders = shuffles_of(panel, rules.n_shuffles)
    falls = daily_falls(panel, coefficients, [(score,) for score in range(n_scores)], orders, intact)
    correlated = correlated_components(panel.scores[:-1], panel.is_scored[:-1], rules.min_correlation)
    groups = sorted({tuple(sorted((place, *others))) for place, others in enumerate(correlated) if others})
    of_groups = dict(
        zip(groups, daily_falls(panel, coefficients, groups, orders, intact).T, strict=True) if groups else ()
    )
    unknown = np.full(len(intact), np.nan)
    together = [of_groups.get(tuple(sorted((place, *others))), unknown) for place, others in enumerate(correlated)]
    refits = np.empty((len(intact), n_components))
    for score in range(n_components):
        without = fitted(terms, folds, n_scores=n_scores, without=score)
        refits[:, score] = intact - daily_coefficients(without.predictions(panel.scores, panel.is_scored), panel)

    def inferred(daily: Floats, factor: float = SOMETHING_CARRIED) -> MeanInferences:
        return fitted_mean_inferences(daily, overlap_sessions=overlap_sessions, factor=factor)

    alone = np.column_stack([coefficients_alone(panel, score) for score in range(n_components)])
    return Importance(
        falls=inferred(falls),
        over_noise=inferred(falls[:, :-1] - falls[:, -1:], NOTHING_CARRIED),
        alone=mean_inferences(alone, overlap_sessions=overlap_sessions),
        refit_losses=inferred(refits),
        group_falls=inferred(np.column_stack(together)),
        correlated_with=correlated,
        model=inferred(intact[:, np.newaxis], NOTHING_CARRIED),
        has_contrast=np.array([differs(panel, score) for score in range(n_components)]),
        share_scored=panel.is_scored[:-1].sum(axis=(1, 2)) / panel.n_pairs.sum(),
    )


def coefficients_alone(panel: Panel, score: int) -> Floats:
    """Daily rank correlation of one score with the returns of those it was given to; NaN under five of them."""
    is_scored = panel.is_scored[score]
    returns = centred_ranks(np.where(is_scored, panel.returns, np.nan))
    scores = panel.scores[score]
    spread = (scores * scores).sum(axis=1) * (returns * returns).sum(axis=1)
    is_estimated = (is_scored.sum(axis=1) >= MIN_PAIRS) & (spread > 0)
    covariance = (scores * returns).sum(axis=1)
    found: Floats = np.where(is_estimated, covariance / np.sqrt(np.where(is_estimated, spread, 1.0)), np.nan)
    return found


def differs(panel: Panel, score: int) -> bool:
    """Whether the score, or having one, ever differs between two candidates of a day."""
    n_scored = panel.is_scored[score].sum(axis=1)
    return bool(panel.scores[score].any() or ((n_scored > 0) & (n_scored < panel.n_pairs)).any())


def correlated_components(
    scores: Floats, is_scored: npt.NDArray[np.bool_], min_correlation: float
) -> tuple[tuple[int, ...], ...]:
    """For each component those whose mean daily rank correlation with it is beyond a bound in size."""
    found: list[list[int]] = [[] for _ in scores]
    for one in range(len(scores)):
        for other in range(one + 1, len(scores)):
            is_pair = is_scored[one] & is_scored[other]
            ranks, others = (centred_ranks(np.where(is_pair, scores[score], np.nan)) for score in (one, other))
            spread = (ranks * ranks).sum(axis=1) * (others * others).sum(axis=1)
            is_estimated = (is_pair.sum(axis=1) >= MIN_PAIRS) & (spread > 0)
            if not is_estimated.any():
                continue
            daily = (ranks * others).sum(axis=1)[is_estimated] / np.sqrt(spread[is_estimated])
            if abs(float(daily.mean())) > min_correlation:
                found[one].append(other)
                found[other].append(one)
    return tuple(tuple(others) for others in found)
