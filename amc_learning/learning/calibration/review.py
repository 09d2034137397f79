"""Which map each group deserves, by its score on days it was not fitted to.

Belongs here: folds of days, out-of-sample scores, the choice. Not here: the fits themselves (fits.py, hierarchy.py),
what a night publishes (decision.py).
"""

from dataclasses import astuple, dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.learning.calibration.evidence import GROUPS, MEMBERS, Evidence, Theses
from amc_learning.learning.calibration.fits import beta_parameters, isotonic_values, venn_abers_values
from amc_learning.learning.calibration.hierarchy import group_fits, theses_per_independent_one
from amc_learning.learning.calibration.logistic import FloatArray, probability
from amc_learning.learning.calibration.maps import NODES, beta_features, log_odds
from amc_learning.learning.inference import mean_inference
from amc_learning.learning.windows import IntArray

IDENTITY, LOGIT_LINEAR, BETA, ISOTONIC, VENN_ABERS = METHODS = (
    "identity",
    "logit_linear",
    "beta",
    "isotonic",
    "venn_abers",
)

N_FOLDS = 5
"""Blocks of neighbouring days; each is judged by maps fitted to the others, the days around it left out."""

MIN_DAYS = 20
"""With fewer days there are no folds worth the name."""

MIN_THESES_FLEXIBLE = 300
"""Beta, isotonic and Venn-Abers maps enter with this many theses: below, they lost in every world of the study."""


@dataclass(frozen=True)
class GroupReview:
    """What unseen days say about one group; scores are None where it has too few days or theses.

    Attributes:
        method: the map chosen.
        brier_sent: mean squared error of the confidence as sent.
        brier_calibrated: of the map chosen, fitted to other days.
        ci_low: of the mean difference calibrated minus sent, by days; None without evidence for an interval.
        ci_high: its upper end.
    """

    method: str
    brier_sent: float | None = None
    brier_calibrated: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True)
class Review:
    """What a review settles until the next one.

    Attributes:
        reviewed_on: the last knowledge day it looked at.
        groups: one per group of `GROUPS`.
        per_independent: theses that say as much as one independent thesis, shape (n groups,).
    """

    reviewed_on: date
    groups: tuple[GroupReview, ...]
    per_independent: FloatArray

    def frame(self) -> pl.DataFrame:
        """One row per group, in their order, from which `from_frame` makes the same review."""
        rows = [
            (self.reviewed_on, *astuple(group), units)
            for group, units in zip(self.groups, self.per_independent.tolist(), strict=True)
        ]
        return pl.DataFrame(rows, schema=_REVIEW_SCHEMA, orient="row")

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> "Review":
        """The review with these rows."""
        groups = tuple(GroupReview(*row) for row in frame.drop("reviewed_on", "per_independent").iter_rows())
        return cls(frame["reviewed_on"][0], groups, frame["per_independent"].to_numpy())


_REVIEW_SCHEMA = pl.Schema(
    {
        "reviewed_on": pl.Date,
        "method": pl.String,
        **dict.fromkeys(("brier_sent", "brier_calibrated", "ci_low", "ci_high", "per_independent"), pl.Float64),
    }
)


def review(evidence: Evidence, *, as_of: date, window_days: int, overlap_sessions: int, min_theses: int) -> Review:
    """Score every map on unseen days and choose one per group.

    Args:
        evidence: theses covering the window.
        as_of: last knowledge day to look at.
        window_days: calendar days.
        overlap_sessions: sessions a label spans; that many days less one around a judged block are not fitted to.
        min_theses: groups with fewer follow the whole.
    """
    window = evidence.window(as_of, window_days)
    daily = evidence.daily(window.start, window.stop)
    per_independent = theses_per_independent_one(daily, overlap_sessions=overlap_sessions)
    if len(daily) < max(MIN_DAYS, N_FOLDS * overlap_sessions):
        return Review(as_of, (GroupReview(IDENTITY),) * len(GROUPS), per_independent)
    losses = unseen_losses(evidence, window, per_independent, overlap_sessions=overlap_sessions)
    reviews: list[GroupReview] = []
    for group in range(len(GROUPS)):
        n_per_day = daily[:, 1, group]
        if n_per_day.sum() < min_theses or (n_per_day > 0).sum() < MIN_DAYS:
            follows = LOGIT_LINEAR if reviews and reviews[0].method != IDENTITY else IDENTITY
            reviews.append(GroupReview(follows))
        else:
            reviews.append(choose(losses[:, :, group], n_per_day, overlap_sessions=overlap_sessions))
    return Review(as_of, tuple(reviews), per_independent)


def choose(losses: FloatArray, n_per_day: IntArray, *, overlap_sessions: int) -> GroupReview:
    """The map to use, from the losses of all on unseen days.

    The shrunk logit-linear map stands unless the paired 95 % interval, by days, says that another is better; that holds
    for no change as for the flexible maps. It contains 'no change' and moves away from it only as far as the evidence
    pulls, so it needs no second test before it may be used. Measured in truth/calibration_study.py with 100 theses:
    giving way to no change as soon as unseen days score it better costs 44 instead of 30 (excess Brier score x 10,000)
    when theses are overconfident and gains 4 when they are calibrated already; demanding one standard error before
    anything changes costs 81.

    Args:
        losses: sum of squared errors per method and day, shape (n methods, n days); NaN for a method not fitted.
        n_per_day: theses of each day.
        overlap_sessions: sessions a label spans.
    """
    has_theses = n_per_day > 0
    # Weighted by theses: the mean of these daily numbers is the mean over theses.
    scaled = np.ascontiguousarray(losses[:, has_theses]) * (has_theses.sum() / n_per_day.sum())
    mean = scaled.mean(axis=1)
    chosen = METHODS.index(LOGIT_LINEAR)
    # One after the other, each against the one that stands: near ties do not change hands from month to month.
    for challenger in range(len(METHODS)):
        gain = mean_inference(scaled[challenger] - scaled[chosen], overlap_sessions=overlap_sessions)
        if gain.ci_high is not None and gain.ci_high < 0:
            chosen = challenger
    difference = mean_inference(scaled[chosen] - scaled[0], overlap_sessions=overlap_sessions)
    return GroupReview(METHODS[chosen], float(mean[0]), float(mean[chosen]), difference.ci_low, difference.ci_high)


def node_values(method: str, right: FloatArray, total: FloatArray) -> FloatArray:
    """A map of one of the flexible methods at every node, fitted to each group's own theses; (n groups, n nodes)."""
    if method == BETA:
        intercept, gain_low, gain_high = beta_parameters(right, total).T[:, :, None]
        low, high = beta_features(NODES).T
        return probability(intercept + gain_low * low + gain_high * high)
    return isotonic_values(right, total) if method == ISOTONIC else venn_abers_values(right, total)


def linear_values(parameters: FloatArray) -> FloatArray:
    """Logit-linear maps at every node, from (..., 2) intercepts and slopes."""
    return probability(parameters[..., :1] + parameters[..., 1:] * log_odds(NODES))


def unseen_losses(
    evidence: Evidence, window: slice, per_independent: FloatArray, *, overlap_sessions: int
) -> FloatArray:
    """Sum of squared errors of each map on days it was not fitted to.

    Args:
        evidence: theses covering the window.
        window: its days.
        per_independent: theses of each group that say as much as an independent one.
        overlap_sessions: sessions a label spans; one less around a judged block is not fitted to.

    Returns:
        Shape (n methods, n days, n groups); NaN for a method that a group has too few theses for.
    """
    n_days = window.stop - window.start
    blocks = np.array_split(np.arange(n_days), N_FOLDS)
    whole = evidence.counts(window.start, window.stop)
    reach = overlap_sessions - 1
    training = np.stack(
        [
            whole
            - evidence.counts(
                window.start + max(block[0] - reach, 0), window.start + min(block[-1] + 1 + reach, n_days)
            )
            for block in blocks
        ],
        axis=1,
    )  # right and all, folds, groups, nodes
    values = _fold_values(training, per_independent)
    theses = evidence.theses_of(window.start, window.stop)
    fold = np.repeat(np.arange(N_FOLDS), [len(block) for block in blocks])[theses.day]
    losses = np.zeros((len(METHODS), n_days, len(GROUPS)))
    for group in range(len(GROUPS)):
        inside = MEMBERS[group][theses.cell].astype(bool)
        losses[:, :, group] = _losses_of(theses, inside, fold, values[:, :, group], n_days)
    return losses


def _fold_values(training: FloatArray, per_independent: FloatArray) -> FloatArray:
    """Maps at every node: shape (n methods - 1, n folds, n groups, n nodes), NaN where a method was not fitted."""
    right, total = training
    values = np.full((len(METHODS), *total.shape), np.nan)
    values[0] = NODES
    values[1] = linear_values(group_fits(right / per_independent[:, None], total / per_independent[:, None]).parameters)
    is_large = total.sum(axis=2).min(axis=0) >= MIN_THESES_FLEXIBLE * (N_FOLDS - 1) / N_FOLDS
    n_nodes = total.shape[2]
    for number, method in enumerate(METHODS[2:], start=2):
        fitted = node_values(method, right[:, is_large].reshape(-1, n_nodes), total[:, is_large].reshape(-1, n_nodes))
        values[number][:, is_large] = fitted.reshape(N_FOLDS, -1, n_nodes)
    return values


def _losses_of(
    theses: Theses, inside: npt.NDArray[np.bool_], fold: IntArray, values: FloatArray, n_days: int
) -> FloatArray:
    """Sum of squared errors per method and day of one group, each thesis by the maps of its fold."""
    lower, share = (place[inside] for place in theses.place)
    day, fold, is_right = theses.day[inside], fold[inside], theses.is_right[inside]
    losses = np.empty((len(values), n_days))
    for number, of_method in enumerate(values):
        if np.isnan(of_method).any():
            losses[number] = np.nan
            continue
        below, above = of_method[fold, lower], of_method[fold, lower + 1]
        errors = below + share * (above - below) - is_right
        losses[number] = np.bincount(day, weights=errors * errors, minlength=n_days)
    return losses
