"""Gradient-boosted trees as plain numbers: fitted by scikit-learn, kept and read without it.

Belongs here: the fit, its export, and predictions from the export. Not here: calibration, which sizes to use when.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

N_TREES = 60
LEARNING_RATE = 0.08
MAX_LEAVES = 8
MIN_LEAF = 200
"""Candidates: four days of fifty. Smaller leaves learn single days."""
L2_PENALTY = 10.0
MAX_BINS = 63
"""Sizes are small and fixed: they are not tuned on the data, so nothing was looked at twice."""


@dataclass(frozen=True)
class TreeModel:
    """Boosted trees, all nodes of all trees in one list.

    Attributes:
        is_logistic: whether the sum over trees is a log odds, else the prediction itself.
        start: value before the first tree.
        roots: index of the first node of each tree.
        feature: feature a node asks about; -1 for a leaf.
        threshold: a known value up to this goes left.
        left: index of the node to the left; of a leaf, itself.
        right: index of the node to the right; of a leaf, itself.
        missing_goes_left: where a missing value goes.
        value: what a leaf adds; 0 elsewhere.
    """

    is_logistic: bool
    start: float
    roots: Integers
    feature: Integers
    threshold: Floats
    left: Integers
    right: Integers
    missing_goes_left: npt.NDArray[np.bool_]
    value: Floats

    def linear_sum(self, features: Floats) -> Floats:
        """Log odds, or the predictions of a model that is not logistic."""
        found = np.full(len(features), self.start)
        rows = np.arange(len(features))
        for root in self.roots.tolist():
            at = np.full(len(features), root)
            while (is_inner := self.feature[at] >= 0).any():
                asked = features[rows, np.maximum(self.feature[at], 0)]
                goes_left = np.where(np.isnan(asked), self.missing_goes_left[at], asked <= self.threshold[at])
                at = np.where(is_inner, np.where(goes_left, self.left[at], self.right[at]), at)
            found += self.value[at]
        return found


def fit_trees(features: Floats, truth: Floats, *, is_logistic: bool) -> TreeModel:
    """Boosted trees of fixed size; on one thread, since the order of sums decides their last bits.

    Args:
        features: shape (n, n features), NaN where unknown.
        truth: shape (n,); 0 and 1 when logistic.
        is_logistic: log loss, else squared error.

    Source: Friedman 2001, Greedy function approximation; Ke et al. 2017 (histograms); scikit-learn's implementation.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    maker = HistGradientBoostingClassifier if is_logistic else HistGradientBoostingRegressor
    model = maker(
        max_iter=N_TREES,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=MAX_LEAVES,
        min_samples_leaf=MIN_LEAF,
        l2_regularization=L2_PENALTY,
        max_bins=MAX_BINS,
        early_stopping=False,
        random_state=0,
    )
    # A feature nobody ever knew has no values to cut between, which the library takes for an error.
    is_known = ~np.isnan(features).all(axis=0)
    with threadpool_limits(limits=1):
        model.fit(np.where(is_known, features, 0.0), truth)
    return exported(model, is_logistic=is_logistic)


def exported(model: object, *, is_logistic: bool) -> TreeModel:
    """The trees of a fitted HistGradientBoosting model of one output, without categories."""
    trees = [predictors[0].nodes for predictors in model._predictors]  # type: ignore[attr-defined]
    roots = np.concatenate([[0], np.cumsum([len(nodes) for nodes in trees])[:-1]]).astype(np.int64)
    is_leaf = np.concatenate([nodes["is_leaf"] for nodes in trees]).astype(bool)
    here = np.arange(len(is_leaf))

    def joined(name: str) -> npt.NDArray[np.float64]:
        return np.concatenate([nodes[name] for nodes in trees]).astype(np.float64)

    def child(name: str) -> Integers:
        below = np.concatenate([nodes[name].astype(np.int64) + root for nodes, root in zip(trees, roots, strict=True)])
        return np.where(is_leaf, here, below)

    largest = np.finfo(np.float64).max
    return TreeModel(
        is_logistic=is_logistic,
        start=float(np.ravel(model._baseline_prediction)[0]),  # type: ignore[attr-defined]
        roots=roots,
        feature=np.where(is_leaf, -1, joined("feature_idx").astype(np.int64)),
        # A split between known and missing has an infinite threshold, which JSON does not know.
        threshold=np.where(is_leaf, 0.0, joined("num_threshold").clip(-largest, largest)),
        left=child("left"),
        right=child("right"),
        missing_goes_left=np.concatenate([nodes["missing_go_to_left"] for nodes in trees]).astype(bool) & ~is_leaf,
        value=np.where(is_leaf, joined("value"), 0.0),
    )
