"""Weights of the components: what the evidence suggests, whether it is reliable, and the bounded step of a night.

`decide_weights` is the whole of it for a range of nights; `decide_night` is one night, pure.
"""

from amc_learning.learning.weights.decision import FeatureWeights, WeightRules, decide_weights

__all__ = ["FeatureWeights", "WeightRules", "decide_weights"]
