"""What a first night starts from: the vectors that the last decision before it left.

Belongs here: which of what is known about them wins. Not here: reading them from storage (stages), deciding (decision).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.weights.record import DecisionHistory, component_vector

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class StandingWeights:
    """What the last decision before a day left; all null before the first.

    Attributes:
        decided_on: its knowledge day.
        in_force: what discovery was last told.
        learned: what had been learned, without any factor.
        would_be: what is in force, or in shadow what would be; null: what is in force.
        told_on: knowledge day whose decision discovery was last told; null while it has only its defaults.
    """

    decided_on: date | None = None
    in_force: Mapping[str, float] | None = None
    learned: Mapping[str, float] | None = None
    would_be: Mapping[str, float] | None = None
    told_on: date | None = None


def begun_with(
    standing: StandingWeights, history: DecisionHistory, default: Vector, *, names: tuple[str, ...]
) -> tuple[Vector, Vector, Vector, date | None]:
    """What is in force, was learned and would be in force before a first night, and the day discovery was told of.

    Args:
        standing: what the last decision left; it wins where it says something.
        history: earlier nights.
        default: the vector of before the first decision.
        names: components in order.
    """
    if standing.in_force is None:
        force, would_be = history.in_force(default), history.would_be(default)
    else:
        force = component_vector(standing.in_force, names, "in_force")
        would_be = force if standing.would_be is None else component_vector(standing.would_be, names, "would_be")
    learned = (
        history.learned(force) if standing.learned is None else component_vector(standing.learned, names, "learned")
    )
    return force, learned, would_be, standing.told_on or history.told_on()
