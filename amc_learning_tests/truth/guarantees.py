"""A guarantee of docs/methods.md as something that is measured: a statement, a bound, and how to come to the number.

Belongs here: what a guarantee, a measurement and a power curve are, the verdict, and the usual ways to come to a number
with its error. Not here: the measuring (the studies beside), which guarantees there are (each study lists its own as
`GUARANTEES`, registry.py lists the studies), the page they are written to (evidence.py, page.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

STANDARD_ERRORS = 2.0
"""A value beyond its bound by less than this many Monte-Carlo standard errors is not told from the bound."""


MIN_FOR_RANKS = 10
"""Values it takes until ranks say how far a median scatters."""


class Effort(StrEnum):
    """How many simulations: enough for a number to print, or just enough to notice that the measuring broke."""

    QUICK = "quick"
    LONG = "long"


class Verdict(StrEnum):
    """What the measurement says about the guarantee."""

    HOLDS = "holds"
    WITHIN_ERROR = "within error"
    FAILS = "fails"


@dataclass(frozen=True)
class Measurement:
    """One measured number with its Monte-Carlo standard error; 0 where nothing is drawn at random."""

    value: float
    standard_error: float
    n: int
    """Simulations, nights or rows the number is made of."""


@dataclass(frozen=True)
class Guarantee:
    """One line of the evidence: `measure` must come to at least, or at most, `bound`."""

    section: str
    """Heading of docs/methods.md the statement belongs to."""
    statement: str
    bound: float
    is_at_least: bool
    measure: Callable[[Effort], Measurement]
    unit: str = ""
    """Shown behind value and bound: %, points, sessions; empty for a plain number."""
    explanation: str = ""
    """Why the bound is missed, where it is known to be; shown when it is."""

    def missed_by(self, measured: Measurement) -> float:
        """How far the measured value lies beyond the bound; 0 or below where it is kept."""
        return self.bound - measured.value if self.is_at_least else measured.value - self.bound

    def verdict(self, measured: Measurement) -> Verdict:
        """Whether the bound is kept, missed by no more than chance explains, or missed.

        >>> half = Guarantee("Example", "half", 0.5, True, lambda effort: Measurement(0.48, 0.02, 100))
        >>> half.verdict(half.measure(Effort.QUICK)).value
        'within error'
        """
        missed_by = self.missed_by(measured)
        if missed_by <= 0:
            return Verdict.HOLDS
        return Verdict.WITHIN_ERROR if missed_by <= STANDARD_ERRORS * measured.standard_error else Verdict.FAILS


@dataclass(frozen=True)
class PowerCurve:
    """How often something planted is found, by how large it is: what no single bound can say."""

    section: str
    """Heading of docs/methods.md it belongs to."""
    statement: str
    """What counts as found, and where."""
    effect: str
    """What grows along the curve, with its unit."""
    effects: tuple[float, ...]
    measure: Callable[[float, Effort], Measurement]
    unit: str = "%"


def share(hits: int, n: int) -> Measurement:
    """A share of simulations, in percent, with its standard error.

    The error of a share of 0 or 100 % is that of one simulation more that went the other way (Agresti-Coull's idea).

    >>> share(90, 100)
    Measurement(value=90.0, standard_error=3.0, n=100)
    """
    rate = hits / n
    assumed = rate if 0 < hits < n else (hits + 1) / (n + 2) if hits == 0 else hits / (n + 1)
    return Measurement(round(100 * rate, 3), round(100 * float(np.sqrt(assumed * (1 - assumed) / n)), 3), n)


def mean(values: ArrayLike, *, digits: int = 4) -> Measurement:
    """The mean of independent simulations with its standard error; a single one says nothing: its error is its size.

    >>> mean([1.0, 2.0, 3.0])
    Measurement(value=2.0, standard_error=0.5774, n=3)
    """
    drawn = np.asarray(values, dtype=float)
    error = drawn.std(ddof=1) / np.sqrt(len(drawn)) if len(drawn) > 1 else abs(drawn[0])
    return Measurement(round(float(drawn.mean()), digits), round(float(error), digits), len(drawn))


def median(values: ArrayLike, *, digits: int = 1) -> Measurement:
    """The median of independent simulations; its error is half the width of the two thirds interval of ranks.

    Of fewer than ten values the error is their whole range, and a single one says nothing: its error is its size.

    >>> median(range(1, 102))
    Measurement(value=51.0, standard_error=5.0, n=101)
    >>> median([40.0])
    Measurement(value=40.0, standard_error=40.0, n=1)
    """
    drawn = np.sort(np.asarray(values, dtype=float))
    if len(drawn) < MIN_FOR_RANKS:
        error = abs(drawn[0]) if len(drawn) == 1 else drawn[-1] - drawn[0]
    else:
        middle, apart = (len(drawn) - 1) / 2, np.sqrt(len(drawn)) / 2
        error = (drawn[round(middle + apart)] - drawn[round(middle - apart)]) / 2
    return Measurement(round(float(np.median(drawn)), digits), round(float(error), digits), len(drawn))


def exact(value: float, n: int) -> Measurement:
    """A number without any chance in it: violations counted, or the largest difference, over n cases."""
    return Measurement(float(value), 0.0, n)
