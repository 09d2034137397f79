"""The Markov-switching model of index returns: fitting it once, and reading it day by day.

Belongs here: parameters of two states, the Hamilton filter, when a fit is fit for use. Not here: which closes and which
days (models.py), names for what the probabilities say (index_regimes.py).
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

SESSIONS_PER_YEAR = 252

PERCENT = 100.0
"""Returns are fitted in percent: the optimiser's steps are made for numbers near one."""

START_STAY_CALM = 0.98
START_LEAVE_TURBULENT = 0.05
START_VARIANCE_RATIOS = (0.5, 2.0)
"""One fixed start: calm spells of fifty sessions, turbulent ones of twenty, half and twice the sample variance. Started
from an earlier fit, a night alone would find other parameters than a range of nights."""

EM_STEPS = 20
MAX_ITERATIONS = 200

MIN_VOLATILITY_RATIO = 1.5
"""States closer than this are one state cut in two: Gaussian returns without any switch give ratios around 1.2."""

MIN_DURATION_SESSIONS = 5.0
"""A state that lasts less than a week describes single days, not a regime."""


@dataclass(frozen=True)
class StateParameters:
    """One state: mean (fraction) and variance (fraction squared) of a session's log return, and its persistence."""

    mean: float
    variance: float
    stay_probability: float

    @property
    def annualised_volatility(self) -> float:
        """Volatility of a year of such sessions, fraction."""
        return math.sqrt(self.variance * SESSIONS_PER_YEAR)

    @property
    def expected_duration_sessions(self) -> float:
        """Sessions the state lasts on average.

        >>> StateParameters(0.0, 1e-4, 0.98).expected_duration_sessions
        50.0
        """
        return round(1 / max(1 - self.stay_probability, 1e-12), 9)


@dataclass(frozen=True)
class SwitchingModel:
    """Two states, the less volatile first: the order names them, so that refitting never swaps names."""

    calm: StateParameters
    turbulent: StateParameters

    @property
    def stationary_turbulent_probability(self) -> float:
        """Share of sessions that are turbulent in the long run."""
        leave_calm, leave_turbulent = 1 - self.calm.stay_probability, 1 - self.turbulent.stay_probability
        return leave_calm / max(leave_calm + leave_turbulent, 1e-12)

    @property
    def problem(self) -> str | None:
        """Why the two states cannot be used as regimes; None when they can."""
        ratio = math.sqrt(self.turbulent.variance / self.calm.variance)
        if ratio < MIN_VOLATILITY_RATIO:
            return f"volatilities differ by a factor of {ratio:.2f} only; {MIN_VOLATILITY_RATIO} is needed"
        for name, state in (("calm", self.calm), ("turbulent", self.turbulent)):
            if state.expected_duration_sessions < MIN_DURATION_SESSIONS:
                return f"the {name} state lasts {state.expected_duration_sessions:.1f} sessions; 5 are needed"
        return None


@dataclass(frozen=True)
class Fit:
    """A model with what the fit says of itself: `problem` is None when the model can be used."""

    model: SwitchingModel
    log_likelihood: float
    problem: str | None


def log_returns(closes: FloatArray) -> FloatArray:
    """Log return of each close on the one before, one fewer than closes.

    >>> log_returns(np.array([100.0, 110.0])).round(4).tolist()
    [0.0953]
    """
    # One by one: a vectorised logarithm may round differently with the place a number has in memory.
    logs = [math.log(close) for close in closes.tolist()]
    returns: FloatArray = np.diff(np.array(logs))
    return returns


def fit_switching(returns: FloatArray) -> Fit:
    """Maximum-likelihood fit of two states with their own mean and variance, from one fixed start.

    Args:
        returns: log returns in order of time, fractions, finite, not all equal.

    Returns:
        The model, states ordered by volatility.

    Source: Hamilton 1989, A new approach to the economic analysis of nonstationary time series; statsmodels'
    MarkovRegression.
    """
    # statsmodels takes a second and a half to import; only a night that refits pays for it.
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression  # noqa: PLC0415

    percent = PERCENT * np.array(returns, dtype=np.float64, order="C")
    mean, variance = float(percent.mean()), float(percent.var())
    start = np.array(
        [
            START_STAY_CALM,
            START_LEAVE_TURBULENT,
            mean,
            mean,
            START_VARIANCE_RATIOS[0] * variance,
            START_VARIANCE_RATIOS[1] * variance,
        ]
    )
    with warnings.catch_warnings():
        # A search that wanders, or ends early, says so in warnings; what it comes to is judged below.
        warnings.simplefilter("ignore")
        regression = MarkovRegression(percent, k_regimes=2, trend="c", switching_variance=True)
        result = regression.fit(start_params=start, em_iter=EM_STEPS, maxiter=MAX_ITERATIONS, disp=0, cov_type="none")
    stay_first, leave_second, *rest = (float(value) for value in result.params)
    means, variances = rest[:2], rest[2:]
    stays = (stay_first, 1 - leave_second)
    states = sorted(
        (StateParameters(means[at] / PERCENT, variances[at] / PERCENT**2, stays[at]) for at in range(len(stays))),
        key=lambda state: state.variance,
    )
    model = SwitchingModel(calm=states[0], turbulent=states[1])
    is_converged = bool(result.mle_retvals["converged"])
    return Fit(model, float(result.llf), model.problem if is_converged else "the optimiser did not converge")


def filtered_turbulent_probabilities(
    model: SwitchingModel, returns: Sequence[float], *, before: float | None = None
) -> list[float]:
    """Probability of the turbulent state after each return, given that return and those before: never a later one.

    In plain floats and one by one: a single night and a range of nights then agree to the last bit.

    Args:
        model: the two states.
        returns: log returns in order of time, fractions, finite.
        before: turbulent probability after the return before the first one; None: the stationary one.

    Source: Hamilton 1989 (the filter); Hamilton 1994, Time Series Analysis, ch. 22.

    >>> even = SwitchingModel(StateParameters(0.0, 1e-4, 0.98), StateParameters(0.0, 9e-4, 0.96))
    >>> [round(p, 2) for p in filtered_turbulent_probabilities(even, [0.0, 0.03, 0.04], before=0.1)]
    [0.04, 0.53, 1.0]
    """
    probability = model.stationary_turbulent_probability if before is None else before
    calm, turbulent = model.calm, model.turbulent
    filtered = []
    for value in returns:
        predicted = probability * turbulent.stay_probability + (1 - probability) * (1 - calm.stay_probability)
        # In logs: a return far out is improbable in both states, and a ratio of two zeros says nothing.
        log_ratio = _log_density(value, calm) - _log_density(value, turbulent)
        odds_calm = math.exp(min(log_ratio, 700.0)) * (1 - predicted)
        probability = predicted / (predicted + odds_calm) if predicted > 0 else 0.0
        filtered.append(probability)
    return filtered


def _log_density(value: float, state: StateParameters) -> float:
    """Up to the constant that both states share."""
    return -0.5 * (math.log(state.variance) + (value - state.mean) ** 2 / state.variance)
