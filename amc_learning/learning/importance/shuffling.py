"""What a day's coefficient loses when scores are shuffled among the candidates of that day.

Belongs here: shuffles and the daily fall. Not here: the model (model.py), inference over days (estimates.py).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from amc_learning.learning.importance.model import Coefficients
from amc_learning.learning.importance.panel import Floats, Integers, Panel, centred_ranks

SEED = 20_141_212
"""With the entry session, the seed of a day's shuffles: a day is shuffled alike in every week and for every score."""


def shuffles_of(panel: Panel, n_shuffles: int) -> Integers:
    """Random orders of the places of each day, shape (n shuffles, n days, n places); empty places stay in theirs."""
    n_days, n_places = panel.returns.shape
    orders = np.tile(np.arange(n_places), (n_shuffles, n_days, 1))
    for row, (day, n) in enumerate(zip(panel.entry_days.tolist(), panel.n_pairs.tolist(), strict=True)):
        drawn = np.random.default_rng((SEED, day)).random((n_shuffles, n))
        orders[:, row, :n] = np.argsort(drawn, axis=1)
    return orders


def daily_coefficients(predictions: Floats, panel: Panel) -> Floats:
    """Spearman correlation of prediction and return per day; NaN where either is the same for all candidates."""
    is_place = np.arange(predictions.shape[1]) < panel.n_pairs[:, np.newaxis]
    ranks = centred_ranks(np.where(is_place, predictions, np.nan))
    spread = (ranks * ranks).sum(axis=1) * (panel.returns * panel.returns).sum(axis=1)
    covariance = (ranks * panel.returns).sum(axis=1)
    found: Floats = np.where(spread > 0, covariance / np.sqrt(np.where(spread > 0, spread, 1.0)), np.nan)
    return found


def daily_falls(
    panel: Panel,
    coefficients: Coefficients,
    shuffled: Sequence[Sequence[int]],
    orders: npt.NDArray[np.int64],
    intact: Floats,
) -> Floats:
    """Fall of each day's coefficient when some scores are shuffled together, shape (n days, n sets of scores).

    The mean over shuffles, each of which gives every candidate the scores of another one of the day, or its lack of
    them. Its other scores and its return stay.

    Args:
        panel: the tested days.
        coefficients: of the model that tests each day.
        shuffled: the sets of scores to shuffle together.
        orders: from `shuffles_of`.
        intact: coefficient of each day with nothing shuffled; a day without one has no fall.

    Source: Breiman 2001, Random forests, section 10; Fisher, Rudin and Dominici 2019, All models are wrong (model
    reliance), here within days.
    """
    falls = np.empty((len(intact), len(shuffled)))
    for place, together in enumerate(shuffled):
        chosen = list(together)
        lost = np.zeros(len(intact))
        for order in orders:
            scores, is_scored = panel.scores.copy(), panel.is_scored.copy()
            for score in chosen:
                scores[score] = np.take_along_axis(panel.scores[score], order, axis=1)
                is_scored[score] = np.take_along_axis(panel.is_scored[score], order, axis=1)
            after = daily_coefficients(coefficients.predictions(scores, is_scored), panel)
            # Predictions that no longer differ order nothing.
            lost += np.nan_to_num(after)
        falls[:, place] = intact - lost / len(orders)
    return falls
