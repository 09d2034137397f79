"""Guards between a decision and its publication.

Belongs here: what must be true of a weight vector that trading code will read. Not here: how the vector is found
(weights/), what the document looks like (contracts), how it is written (warehouse).
"""

from collections.abc import Mapping

TOLERANCE = 1e-9
"""Weights are whole millionths, so anything beyond float noise is a violation."""


def weight_violations(
    weights: Mapping[str, float], previous: Mapping[str, float], *, daily_limit: float, cap: float
) -> list[str]:
    """Every bound that a vector breaks, as sentences; an empty list means it may be published.

    Args:
        weights: component to weight (fraction 0-1), the vector to publish.
        previous: component to weight in force on the previous knowledge day.
        daily_limit: largest allowed change of one weight.
        cap: largest allowed weight. A previous weight above the cap (the setting was lowered) may still be on its way
            down, so such a component is held to `previous - daily_limit` instead.

    >>> weight_violations({"a": 0.5, "b": 0.5}, {"a": 0.45, "b": 0.55}, daily_limit=0.1, cap=0.6)
    []
    >>> weight_violations({"a": 0.7, "b": 0.3}, {"a": 0.5, "b": 0.5}, daily_limit=0.1, cap=0.8)
    ['a moved by +0.200000, more than the daily limit 0.1', 'b moved by -0.200000, more than the daily limit 0.1']
    """
    if set(weights) != set(previous):
        return [f"the components differ: {sorted(weights)} against {sorted(previous)} on the previous day"]
    found = []
    total = sum(weights.values())
    if not abs(total - 1) <= TOLERANCE:
        found.append(f"the weights sum to {total:.9f}, not 1")
    for name, weight in weights.items():
        highest = max(cap, previous[name] - daily_limit)
        if not -TOLERANCE <= weight <= highest + TOLERANCE:
            found.append(f"{name} has weight {weight:.6f}, outside 0 to {highest:g}")
        step = weight - previous[name]
        if not abs(step) <= daily_limit + TOLERANCE:
            found.append(f"{name} moved by {step:+.6f}, more than the daily limit {daily_limit:g}")
    return found
