"""Weights of the components: what the evidence suggests, whether it is reliable, and the bounded step of a night.

`decide_weights` is the whole of it for a range of nights; `decide_night` is one night, pure; `regime_vectors` is what a
night would have in force in each market regime.
"""

from amc_learning.learning.weights.decision import decide_weights
from amc_learning.learning.weights.overlay import Overlay
from amc_learning.learning.weights.record import decided_night
from amc_learning.learning.weights.regime_vectors import regime_vectors
from amc_learning.learning.weights.rules import FeatureWeights, WeightRules
from amc_learning.learning.weights.standing import StandingWeights

__all__ = [
    "FeatureWeights",
    "Overlay",
    "StandingWeights",
    "WeightRules",
    "decide_weights",
    "decided_night",
    "regime_vectors",
]
