"""What feature importance is measured by.

Belongs here: sizes and levels with their defaults and reasons. Not here: applying them, reading settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ImportanceRules:
    """Which scores and returns are looked at, and how.

    Attributes:
        components: component scores, in the order of the feature set.
        horizons: name of each horizon to the sessions its label spans.
        window_days: calendar days of knowledge looked back over.
        n_folds: blocks of days, each tested with models of the others.
        embargo_days: calendar days after the labels of a block that nothing is fitted on.
        n_shuffles: times each day is shuffled; the noise of shuffling is then small beside that of the day itself.
        min_days: entry sessions below which nothing is estimated.
        min_correlation: size of the mean daily rank correlation from which two are shuffled together as well.
        level: of the tests, over all rows of a week.
    """

    components: tuple[str, ...]
    horizons: Mapping[str, int]
    window_days: int = 1095
    n_folds: int = 5
    embargo_days: int = 7
    n_shuffles: int = 20
    min_days: int = 120
    min_correlation: float = 0.7
    level: float = 0.05
