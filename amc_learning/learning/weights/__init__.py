"""Weights of the components: what the evidence suggests, whether it is reliable, and the bounded step of a night.

`decide_weights` is the whole of it for a range of nights; `decide_night` is one night, pure.
"""

from amc_learning.learning.weights.decision import decide_weights
from amc_learning.learning.weights.overlay import Overlay
from amc_learning.learning.weights.rules import FeatureWeights, WeightRules

__all__ = ["FeatureWeights", "Overlay", "WeightRules", "decide_weights"]
