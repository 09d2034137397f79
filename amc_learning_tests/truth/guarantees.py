"""A guarantee of docs/methods.md as something that is measured: a statement, a bound, and how to come to the number.

Belongs here: what a guarantee and a measurement are, and the verdict. Not here: the measuring (the studies beside),
which guarantees there are (each study lists its own as `GUARANTEES`), the page they are written to (evidence.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

STANDARD_ERRORS = 2.0
"""A value beyond its bound by less than this many Monte-Carlo standard errors is not told from the bound."""


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

    def verdict(self, measured: Measurement) -> Verdict:
        """Whether the bound is kept, missed by no more than chance explains, or missed.

        >>> half = Guarantee("Example", "half", 0.5, True, lambda effort: Measurement(0.48, 0.02, 100))
        >>> half.verdict(half.measure(Effort.QUICK)).value
        'within error'
        """
        missed_by = self.bound - measured.value if self.is_at_least else measured.value - self.bound
        if missed_by <= 0:
            return Verdict.HOLDS
        return Verdict.WITHIN_ERROR if missed_by <= STANDARD_ERRORS * measured.standard_error else Verdict.FAILS


def share(hits: int, n: int) -> Measurement:
    """A share of simulations, in percent, with its standard error.

    The error of a share of 0 or 100 % is that of one simulation more that went the other way (Agresti-Coull's idea).

    >>> share(90, 100)
    Measurement(value=90.0, standard_error=3.0, n=100)
    """
    rate = hits / n
    assumed = rate if 0 < hits < n else (hits + 1) / (n + 2) if hits == 0 else hits / (n + 1)
    return Measurement(100 * rate, round(100 * float(np.sqrt(assumed * (1 - assumed) / n)), 3), n)
