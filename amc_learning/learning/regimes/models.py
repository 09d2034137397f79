"""Which nights refit the index model, on which closes, and the table that keeps the fits.

Belongs here: the table `regime_models`. Not here: the fit itself (switching.py), reading a model (index_regimes.py).
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.regimes import regime_models
from amc_learning.learning.regimes.switching import (
    Fit,
    StateParameters,
    SwitchingModel,
    filtered_turbulent_probabilities,
    fit_switching,
    log_returns,
)

INDEX_SERIES = "sp500"
"""The index that regimes are read from."""

CALM, TURBULENT = "calm", "turbulent"

MIN_RETURNS = 252
"""A year: with less, most histories hold one regime only, and two states are fitted to nothing."""

MAX_RETURNS = 1260
"""Five years: long enough to hold both regimes nearly always, short enough to follow a market that changes."""

FIT_HISTORY_DAYS = 1860
"""Calendar days that hold `MAX_RETURNS` returns and the close before them."""

REGIME_MODELS = regime_models()


@dataclass(frozen=True)
class FittedModel:
    """A model as stored: usable from the evening of `known_on` on, its filter standing at the close of `fitted_to`."""

    known_on: date
    fitted_to: date
    turbulent_probability: float
    model: SwitchingModel


@dataclass(frozen=True)
class IndexSeries:
    """Closes of the index in order of time: a close is known on its own day."""

    days: list[date]
    closes: npt.NDArray[np.float64]

    def n_before(self, day: date) -> int:
        """Closes known strictly before this day."""
        return bisect.bisect_left(self.days, day)


def index_series(index_closes: pl.DataFrame) -> IndexSeries:
    """The closes of `INDEX_SERIES` among these rows of index_closes, in order of time."""
    rows = index_closes.filter(pl.col("series") == INDEX_SERIES).sort("known_on")
    return IndexSeries(rows["known_on"].to_list(), rows["close_points"].to_numpy())


def fit_regime_models(
    index_closes: pl.DataFrame, *, as_of: Sequence[date], earlier_models: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The index model, refitted on the first night of each calendar quarter, on closes known before that night.

    The first night of a quarter that is asked for refits, unless there are fewer than `MIN_RETURNS` returns: then the
    first night that has them. No fit starts from another one, so each depends on its closes only.

    Args:
        index_closes: table index_closes; to refit on T needs T minus `FIT_HISTORY_DAYS` to T.
        as_of: knowledge days, ascending.
        earlier_models: rows of regime_models before `as_of[0]`; only those of its quarter matter.

    Returns:
        Table regime_models: two rows, calm and turbulent, per night that refits. `is_usable` is false when the two
        states could not be told apart; the last usable model then stays in use.

    Source: Hamilton 1989; see `fit_switching`.
    """
    series = index_series(index_closes)
    fitted = set() if earlier_models is None else {_quarter(day) for day in earlier_models["known_on"]}
    rows = []
    for day in as_of:
        end = series.n_before(day)
        start = max(0, end - 1 - MAX_RETURNS, bisect.bisect_right(series.days, day - timedelta(days=FIT_HISTORY_DAYS)))
        if _quarter(day) in fitted or end - 1 - start < MIN_RETURNS:
            continue
        fitted.add(_quarter(day))
        returns = log_returns(series.closes[start:end])
        if returns.std() > 0:
            rows += _rows(day, fit_switching(returns), returns, (series.days[start], series.days[end - 1]))
    return pl.DataFrame(rows, schema=REGIME_MODELS.schema, orient="row").sort("known_on", "state")


def fit_history_from(as_of: Sequence[date], earlier_models: pl.DataFrame) -> date | None:
    """First day whose closes `fit_regime_models` looks at for these nights; None when every quarter is fitted.

    >>> nights = [date(2014, 3, 3), date(2014, 3, 4)]
    >>> fit_history_from(nights, pl.DataFrame({"known_on": [date(2014, 1, 2)]}))
    >>> fit_history_from(nights, pl.DataFrame({"known_on": [date(2013, 12, 2)]}))
    datetime.date(2009, 1, 28)
    """
    fitted = {_quarter(day) for day in earlier_models["known_on"]}
    first = next((day for day in as_of if _quarter(day) not in fitted), None)
    return None if first is None else first - timedelta(days=FIT_HISTORY_DAYS)


def _quarter(day: date) -> tuple[int, int]:
    return day.year, (day.month - 1) // 3


def _rows(day: date, fit: Fit, returns: npt.NDArray[np.float64], fitted: tuple[date, date]) -> list[tuple[object, ...]]:
    turbulent = filtered_turbulent_probabilities(fit.model, returns.tolist())[-1]
    states = ((CALM, fit.model.calm, 1 - turbulent), (TURBULENT, fit.model.turbulent, turbulent))
    return [
        (
            day,
            name,
            state.mean,
            state.variance,
            state.annualised_volatility,
            state.stay_probability,
            state.expected_duration_sessions,
            probability,
            len(returns),
            *fitted,
            fit.log_likelihood,
            fit.problem is None,
            fit.problem,
        )
        for name, state, probability in states
    ]


def usable_models(models: pl.DataFrame) -> list[FittedModel]:
    """The usable models of table regime_models, oldest first."""
    found = []
    for (known_on,), states in models.filter("is_usable").sort("known_on").group_by("known_on", maintain_order=True):
        rows = {row["state"]: row for row in states.iter_rows(named=True)}
        calm, turbulent = (
            StateParameters(row["mean_log_return"], row["log_return_variance"], row["stay_probability"])
            for row in (rows[CALM], rows[TURBULENT])
        )
        found.append(
            FittedModel(
                known_on=known_on,
                fitted_to=rows[TURBULENT]["fitted_to"],
                turbulent_probability=rows[TURBULENT]["filtered_probability"],
                model=SwitchingModel(calm, turbulent),
            )
        )
    return found


def model_in_use(models: Sequence[FittedModel], day: date) -> FittedModel | None:
    """The newest model known on this day; None before the first."""
    place = bisect.bisect_right([model.known_on for model in models], day)
    return models[place - 1] if place else None
