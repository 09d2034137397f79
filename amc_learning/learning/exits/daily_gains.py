"""From trades to entry days: one number per day and setting, whose mean is the mean over trades.

Belongs here: sums per entry day and the series inference is made on. Not here: the inference itself
(learning/inference.py), what is compared (comparison.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EntryDays:
    """Trades in order of their entry session, and where each entry day begins.

    Attributes:
        session: shape (days,): position of each entry session, ascending.
        starts: index of the first trade of each day.
        n_trades: trades of each day.
    """

    session: Integers
    starts: Integers
    n_trades: Integers

    @classmethod
    def of(cls, sessions: Integers) -> "EntryDays":
        """The days of trades sorted by entry session.

        Raises:
            ValueError: they are not sorted.
        """
        if (np.diff(sessions) < 0).any():
            raise ValueError("trades must be in the order of their entry sessions")
        session, starts, counts = np.unique(sessions, return_index=True, return_counts=True)
        return cls(session, starts.astype(np.int64), counts.astype(np.int64))

    def __len__(self) -> int:
        """How many days."""
        return len(self.session)

    def sums(self, values: Floats) -> Floats:
        """Sums over the trades of each day: from (settings, trades) to (days, settings)."""
        return np.ascontiguousarray(np.add.reduceat(values, self.starts, axis=1).T)


def daily_series(sums: Floats, n_trades: Integers) -> Floats:
    """One number per day whose mean is the mean over all trades, and whose scatter is that of this mean.

    Days weigh by their trades: a mean over trades is a ratio of two sums, and what a day adds to it is its sum
    less its share of the mean, over the mean number of trades a day.

    Args:
        sums: shape (days, settings).
        n_trades: trades of each day.

    Source: Cochran 1977, Sampling Techniques, ch. 6 (linearised ratio estimator).

    >>> daily_series(np.array([[3.0], [1.0]]), np.array([3, 1])).ravel().tolist()
    [1.0, 1.0]
    """
    means = sums.sum(axis=0) / n_trades.sum()
    series: Floats = means + (sums - means * n_trades[:, None]) / n_trades.mean()
    return series
