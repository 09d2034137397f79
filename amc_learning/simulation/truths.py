"""What can be planted in a simulated market besides linear effects: one small rule per kind of truth.

Belongs here: the parameters of each truth, their bounds, their arithmetic that needs no market. Not here: whether they
go together (rules.py), the coefficients that follow from them session by session (effects.py), their words (truth.py).

Sessions are numbered from 0, the first one shown. A score of session t bears on the return of session t + 1; what is
said of a session below is said of the session of the score.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from amc_learning.simulation.arrays import Array
from amc_learning.simulation.bounds import refuse

SESSIONS_A_YEAR = 252
"""Exchange sessions of an average year, by which yearly rates are turned into rates a session."""


@dataclass(frozen=True, kw_only=True)
class ThresholdEffect:
    """A component that pays from a score on and orders nothing otherwise: a step, not a slope.

    Args:
        component: whose score.
        score: points (0-100) from which it pays.
        lift: by how much the next session's return from open to close is larger from that score on than below it, in
            standard deviations of a symbol's own return.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    component: str
    score: float
    lift: float

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        refuse(
            {
                f"threshold score of {self.component} is {self.score}; it must lie in (0, 100)": 0 < self.score < 100,
                f"threshold lift of {self.component} is {self.lift}; it must lie in (-2, 2)": -2 < self.lift < 2,
            }
        )

    @property
    def share_above(self) -> float:
        """Share of symbols at or above the score; scores are shown with one decimal, so 59.95 is shown as 60.0.

        >>> round(ThresholdEffect(component="technical", score=60.0, lift=0.2).share_above, 4)
        0.4005
        """
        return 1 - (self.score - 0.05) / 100

    @property
    def explained_variance(self) -> float:
        """Share of the variance of the shock that the step explains: that of a two-valued variable."""
        return self.lift**2 * self.share_above * (1 - self.share_above)


@dataclass(frozen=True, kw_only=True)
class RegimeEffect:
    """A component whose effect is another one on turbulent sessions, for example none, or the opposite.

    Args:
        component: whose effect.
        turbulent_information_coefficient: its coefficient on turbulent sessions; on all others it is that of
            `component_information_coefficients`.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    component: str
    turbulent_information_coefficient: float

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        planted = self.turbulent_information_coefficient
        refuse(
            {
                f"turbulent_information_coefficient of {self.component} is {planted}; it must lie in (-1, 1)": (
                    -1 < planted < 1
                )
            }
        )


@dataclass(frozen=True, kw_only=True)
class DecayingEffect:
    """A component whose effect fades.

    Args:
        component: whose effect.
        shape: `linear`: down to nothing in a straight line; `exponential`: halved again and again.
        n_sessions: sessions until nothing is left (linear), or until half is left (exponential).
        first_session: number of the session from which it fades; before, the effect is whole.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    component: str
    shape: Literal["linear", "exponential"]
    n_sessions: int
    first_session: int = 0

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        refuse(
            {
                f"decay of {self.component} has the shape {self.shape!r}; linear and exponential are known": (
                    self.shape in ("linear", "exponential")
                ),
                f"decay of {self.component} takes {self.n_sessions} sessions; at least 1 is needed": (
                    self.n_sessions >= 1
                ),
                f"decay of {self.component} starts at session {self.first_session}; it may not be negative": (
                    self.first_session >= 0
                ),
            }
        )

    def factors(self, *, n_sessions: int) -> Array:
        """What is left of the effect on each session, from 1 to 0.

        >>> DecayingEffect(component="technical", shape="linear", n_sessions=4).factors(n_sessions=6).tolist()
        [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
        """
        elapsed = np.maximum(0.0, np.arange(n_sessions) - self.first_session) / self.n_sessions
        factors: Array = np.maximum(0.0, 1 - elapsed) if self.shape == "linear" else 0.5**elapsed
        return factors


@dataclass(frozen=True, kw_only=True)
class ReversingEffect:
    """A component whose effect turns its sign on the numbered session and keeps its size.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    component: str
    session: int

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        complaint = f"effect of {self.component} reverses on session {self.session}; it may not be negative"
        refuse({complaint: self.session >= 0})


@dataclass(frozen=True, kw_only=True)
class CorrelatedComponents:
    """Two components whose latent scores are correlated on every session; pairs that are not named are not.

    Args:
        one, other: the components.
        correlation: Pearson correlation of the latent (normal) scores.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    one: str
    other: str
    correlation: float

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        pair = f"{self.one} and {self.other}"
        refuse(
            {
                f"a correlation needs two components; {pair} are one": self.one != self.other,
                f"correlation of {pair} is {self.correlation}; it must lie in (-1, 1)": -1 < self.correlation < 1,
            }
        )


@dataclass(frozen=True, kw_only=True)
class ConstantComponent:
    """A component with the same score for every symbol, and therefore without an effect, from a session on.

    Args:
        component: which one.
        score: points (0-100) it shows.
        first_session: number of the session from which it is constant.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    component: str
    score: float = 50.0
    first_session: int = 0

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        refuse(
            {
                f"constant score of {self.component} is {self.score}; it must lie in [0, 100]": 0 <= self.score <= 100,
                f"{self.component} is constant from session {self.first_session}; it may not be negative": (
                    self.first_session >= 0
                ),
            }
        )


@dataclass(frozen=True, kw_only=True)
class StudentReturns:
    """A symbol's own log returns follow Student's t, scaled to the variance they have otherwise.

    Args:
        degrees_of_freedom: above 2, so that there is a variance; from 4 down the kurtosis is infinite.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    degrees_of_freedom: float

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        refuse(
            {f"degrees_of_freedom are {self.degrees_of_freedom}; they must exceed 2": 2 < self.degrees_of_freedom < 1e6}
        )


@dataclass(frozen=True, kw_only=True)
class Delistings:
    """Symbols that end: from one session on they have no bars and no scores, and never come back.

    Every session each symbol still listed ends with the same chance, whatever its scores and returns. What is held of
    it is never sold, and returns that reach beyond its last bar do not exist.

    Args:
        share_a_year: share of the symbols listed that end within 252 sessions.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    share_a_year: float

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        refuse({f"share_a_year is {self.share_a_year}; it must lie in (0, 1)": 0 < self.share_a_year < 1})

    def n_sessions_listed(self, draws: Array) -> Array:
        """For how many sessions a symbol is listed, at least one, from even draws in [0, 1): a geometric lifetime.

        >>> Delistings(share_a_year=0.5).n_sessions_listed(np.array([0.0, 0.5, 0.75]))
        array([  1., 253., 505.])
        """
        yearly = np.log1p(-draws) / np.log1p(-self.share_a_year)
        lifetimes: Array = 1 + np.floor(np.round(SESSIONS_A_YEAR * yearly, 6))
        return lifetimes


def correlation_matrix(components: Sequence[str], correlated: Iterable[CorrelatedComponents]) -> Array:
    """Correlations of the latent scores, in the order of the components; 1 on the diagonal, 0 where none is named.

    >>> correlation_matrix(["a", "b"], [CorrelatedComponents(one="b", other="a", correlation=0.5)]).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    places = {name: place for place, name in enumerate(components)}
    matrix = np.eye(len(places))
    for pair in correlated:
        one, other = places[pair.one], places[pair.other]
        matrix[one, other] = matrix[other, one] = pair.correlation
    return matrix


def repeated(names: Iterable[str]) -> list[str]:
    """Names that occur more than once, each once, sorted.

    >>> repeated(["b", "a", "b"])
    ['b']
    """
    return sorted({one for one, other in combinations(sorted(names), 2) if one == other})
