"""A fitted model as something that is stored, named by its content, and asked for predictions.

Belongs here: the one form of all kinds, and its canonical JSON. Not here: how a kind is fitted (fitting.py).

No pickle: a model is numbers, so it can be read in ten years, by another program, and cannot run anything.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amc_learning.learning.calibration.logistic import probability
from amc_learning.learning.models.linear import LinearModel
from amc_learning.learning.models.trees import TreeModel

Floats = npt.NDArray[np.float64]

ID_DIGITS = 16

LEAST_PROBABILITY = 1e-6
"""Probabilities are held this far from 0 and 1: no number of candidates here could vouch for more."""

MOST_LOG_ODDS = float(np.log((1 - LEAST_PROBABILITY) / LEAST_PROBABILITY))


class ModelError(ValueError):
    """Stored parameters are not a model, or not the one their name says."""


@dataclass(frozen=True)
class Model:
    """One fitted model of one target.

    Attributes:
        target: what it predicts.
        kind: baseline, linear or boosted.
        features: names of its features, in order.
        constant: what it says of every candidate, where it says the same of all.
        body: what it says otherwise.
        intercept: of the calibration: log odds become intercept + slope x log odds; of a return, only the slope counts.
        slope: as above; never negative, so the order stays.
    """

    target: str
    kind: str
    features: tuple[str, ...]
    constant: float | None
    body: LinearModel | TreeModel | None
    intercept: float = 0.0
    slope: float = 1.0

    def predict(self, features: Floats) -> Floats:
        """Probabilities, or returns relative to the day, of candidates.

        Args:
            features: shape (n candidates, n features), columns in the order of `features`, NaN where unknown.

        Raises:
            ValueError: another number of columns.
        """
        if features.shape[1] != len(self.features):
            raise ValueError(f"model of {self.target} takes {len(self.features)} features; {features.shape[1]} given")
        if self.body is None:
            return np.full(len(features), self.constant)
        linear_sum = self.intercept + self.slope * self.body.linear_sum(features)
        return probability(linear_sum.clip(-MOST_LOG_ODDS, MOST_LOG_ODDS)) if self.body.is_logistic else linear_sum

    @property
    def parameters(self) -> str:
        """The whole model as canonical JSON: the same model gives the same bytes, and the bytes give the model."""
        return json.dumps(_plain(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def model_id(self) -> str:
        """First `ID_DIGITS` digits of the sha256 of `parameters`."""
        return id_of(self.parameters)


def id_of(parameters: str) -> str:
    """The name that parameters have by their content.

    >>> id_of("{}")
    '44136fa355b3678a'
    """
    return hashlib.sha256(parameters.encode()).hexdigest()[:ID_DIGITS]


def model_from(parameters: str, *, model_id: str) -> Model:
    """The model that was stored under this name.

    Raises:
        ModelError: the parameters are not the ones the name was made from, or no model.
    """
    if id_of(parameters) != model_id:
        raise ModelError(
            f"model {model_id}: its stored parameters have another checksum ({id_of(parameters)}), so it predicts "
            "nothing. Train the week again: amc-learning run weekly"
        )
    try:
        read = json.loads(parameters)
        body = read["body"]
        return Model(
            target=read["target"],
            kind=read["kind"],
            features=tuple(read["features"]),
            constant=read["constant"],
            body=None if body is None else _FORMS[body["form"]](**_arrays(body)),
            intercept=read["intercept"],
            slope=read["slope"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"model {model_id}: its parameters cannot be read ({error})") from error


_FORMS: dict[str, Any] = {"linear": LinearModel, "trees": TreeModel}


def _plain(model: Model) -> dict[str, object]:
    body = None
    if model.body is not None:
        form = next(name for name, kind in _FORMS.items() if isinstance(model.body, kind))
        numbers = vars(model.body).items()
        body = {
            "form": form,
            **{name: value.tolist() if hasattr(value, "tolist") else value for name, value in numbers},
        }
    return {**vars(model), "features": list(model.features), "body": body}


def _arrays(body: dict[str, Any]) -> dict[str, Any]:
    return {
        name: np.array(value, dtype=_TYPES.get(name, np.float64)) if isinstance(value, list) else value
        for name, value in body.items()
        if name != "form"
    }


_TYPES: dict[str, Any] = {
    "roots": np.int64,
    "feature": np.int64,
    "left": np.int64,
    "right": np.int64,
    "missing_goes_left": np.bool_,
}
