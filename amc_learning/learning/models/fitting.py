"""From cases to one model per kind: strength of the penalty, calibration and fit, all on the cases given.

Belongs here: what happens inside one training set. Not here: which cases it holds (retraining.py), which kind predicts
(promotion.py).

Strength and calibration are chosen on folds inside the training set: each is fitted on earlier days, purged of labels
that reach into the later ones it predicts. The model itself is then fitted on all of it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amc_learning.learning.calibration.fits import shrunk_logit_linear
from amc_learning.learning.calibration.logistic import probability
from amc_learning.learning.calibration.maps import NODES
from amc_learning.learning.models.cases import Cases, feature_groups
from amc_learning.learning.models.fitted import Model
from amc_learning.learning.models.linear import LinearModel, fit_linear
from amc_learning.learning.models.rules import ModelRules
from amc_learning.learning.models.trees import TreeModel, fit_trees
from amc_learning.learning.splits import walk_forward

Floats = npt.NDArray[np.float64]

PENALTIES = (3000.0, 300.0, 30.0)
"""Of squared standardised coefficients, in units of the log loss of one candidate; strongest first."""

N_INNER_FOLDS = 2
"""The second half of the training days is predicted, in two stretches."""

LEAST_SLOPE = 0.05
"""Of the calibration of returns: a model without evidence says next to nothing, but keeps its order."""

KINDS = ("baseline", "linear", "boosted")


@dataclass(frozen=True)
class Holdout:
    """The last inner stretch: models fitted on the days before it, and the cases they had not seen."""

    models: dict[str, Model]
    cases: Cases


@dataclass(frozen=True)
class Fits:
    """What one training set gave: a model per kind, and what importance is measured on (None for want of days)."""

    models: dict[str, Model]
    holdout: Holdout | None


def fit_models(cases: Cases, *, rules: ModelRules) -> Fits:
    """One model per kind.

    With fewer than `rules.min_days` entry sessions, or fewer than `rules.min_minority` candidates of the rarer truth,
    every kind says the rate (of a return: 0), which is what the baseline says.

    Args:
        cases: candidates whose truth is known.
        rules: sizes and components.
    """
    features = tuple(feature_groups(rules.components))
    rate = 0.0 if cases.target == "return" or not len(cases) else float(cases.truth.mean())
    constants = {kind: Model(cases.target, kind, features, rate, None) for kind in KINDS}
    folds = [] if lack_of(cases, rules=rules) else _inner_folds(cases)
    if not folds:
        return Fits(constants, None)
    linear = [_linear_fits(cases.rows(fold_train)) for fold_train, _ in folds]
    trees = [_trees(cases.rows(fold_train)) for fold_train, _ in folds]
    seen = np.concatenate([fold_test for _, fold_test in folds])
    held_out = cases.rows(seen)
    # By strength, the linear sums over all stretches that were predicted.
    by_strength = [
        np.concatenate(
            [fits[place].linear_sum(cases.features[test]) for fits, (_, test) in zip(linear, folds, strict=True)]
        )
        for place in range(len(PENALTIES))
    ]
    best = int(np.argmin([_loss(sums, held_out) for sums in by_strength]))
    tree_sums = np.concatenate(
        [model.linear_sum(cases.features[test]) for model, (_, test) in zip(trees, folds, strict=True)]
    )
    calibrations = {
        "linear": _calibration(by_strength[best], held_out, rules),
        "boosted": _calibration(tree_sums, held_out, rules),
    }

    def assembled(kind: str, body: LinearModel | TreeModel) -> Model:
        return Model(cases.target, kind, features, None, body, *calibrations[kind])

    last_linear, last_trees, last = linear[-1][best], trees[-1], cases.rows(folds[-1][1])
    final: dict[str, LinearModel | TreeModel] = {
        "linear": _linear_fits(cases, PENALTIES[: best + 1])[-1],
        "boosted": _trees(cases),
    }
    return Fits(
        {**constants, **{kind: assembled(kind, body) for kind, body in final.items()}},
        Holdout({"linear": assembled("linear", last_linear), "boosted": assembled("boosted", last_trees)}, last),
    )


def lack_of(cases: Cases, *, rules: ModelRules) -> str | None:
    """Why nothing but the rate can be fitted to these cases; None where more can."""
    n_days = len(np.unique(cases.days))
    # Half of them, a label's length to purge, and as much again to predict.
    needed = max(rules.min_days, 4 * rules.overlap_of(cases.target) + 2 * N_INNER_FOLDS)
    if n_days < needed:
        return f"candidates of {n_days} days are known, a model takes {needed}"
    if cases.target == "return":
        return None if np.ptp(cases.truth) > 0 else "all returns are equal"
    n_true = int(cases.truth.sum())
    if min(n_true, len(cases) - n_true) < rules.min_minority:
        return f"{n_true:,} of {len(cases):,} candidates came true, a model takes {rules.min_minority} of either kind"
    return None


def _inner_folds(cases: Cases) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Rows to fit on and rows to predict, in order of time; only folds whose rows to fit on hold both truths."""
    # Training ends before what is predicted begins: the purge leaves nothing for an embargo to keep apart.
    folds = walk_forward(
        cases.days,
        cases.matured_days,
        n_folds=N_INNER_FOLDS,
        embargo_days=0,
        min_train_days=len(np.unique(cases.days)) // 2,
    )
    return [
        (fold.train, fold.test)
        for fold in folds
        if len(fold.train) and len(fold.test) and np.ptp(cases.truth[fold.train]) > 0
    ]


def _linear_fits(cases: Cases, penalties: tuple[float, ...] = PENALTIES) -> list[LinearModel]:
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    # How a matrix product is split over threads decides its last bits.
    with threadpool_limits(limits=1):
        return fit_linear(cases.features, cases.truth, penalties=penalties, is_logistic=cases.target != "return")


def _trees(cases: Cases) -> TreeModel:
    return fit_trees(cases.features, cases.truth, is_logistic=cases.target != "return")


def _loss(sums: Floats, cases: Cases) -> float:
    """Mean log loss, or squared error of a return."""
    if cases.target == "return":
        return float(np.mean((sums - cases.truth) ** 2))
    return float(np.mean(np.logaddexp(0.0, sums) - cases.truth * sums))


def _calibration(sums: Floats, cases: Cases, rules: ModelRules) -> tuple[float, float]:
    """Intercept and slope of the calibration of predictions of cases that the fit had not seen.

    Log odds: logit-linear, shrunk to no change as strongly as the cases suggest; labels that overlap count as the
    number of independent ones among them. Returns: the slope that fits best, shrunk by what days can vouch for.
    """
    overlap = rules.overlap_of(cases.target)
    if cases.target == "return":
        return 0.0, _return_slope(sums, cases)
    node = np.clip(np.searchsorted((NODES[1:] + NODES[:-1]) / 2, probability(sums)), 0, len(NODES) - 1)
    total = np.bincount(node, minlength=len(NODES)) / overlap
    right = np.bincount(node, weights=cases.truth, minlength=len(NODES)) / overlap
    found = shrunk_logit_linear(right[None, :], total[None, :], np.array([[0.0, 1.0]]))
    return float(found.parameters[0, 0]), float(found.parameters[0, 1])


def _return_slope(predicted: Floats, cases: Cases) -> float:
    """Slope of truth on prediction through zero, times 1 - 1/t^2 (James and Stein 1961), `LEAST_SLOPE` to 1."""
    _, day_of = np.unique(cases.days, return_inverse=True)
    moments = np.bincount(day_of, weights=predicted * cases.truth)
    spread = float((predicted * predicted).sum())
    error = float(moments.std()) * np.sqrt(len(moments))
    if spread == 0 or error == 0:
        return LEAST_SLOPE
    ratio = float(moments.sum()) / error
    kept = max(0.0, 1 - 1 / ratio**2) if ratio > 0 else 0.0
    return min(max(kept * float(moments.sum()) / spread, LEAST_SLOPE), 1.0)
