"""What the index says on each session: turbulent probability, regime with hysteresis, volatility and trend.

Belongs here: reading a fitted model over the closes. Not here: fitting (models.py), the table (market_regimes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from amc_learning.learning.regimes.models import (
    CALM,
    TURBULENT,
    FittedModel,
    IndexSeries,
    model_in_use,
)
from amc_learning.learning.regimes.switching import SESSIONS_PER_YEAR, filtered_turbulent_probabilities, log_returns

ENTER_TURBULENT = 0.9
LEAVE_TURBULENT = 0.1
"""Hysteresis: a regime begins when the model is nine to one sure of it. At a half, single days change the regime."""

LEANING = 0.5
LEANING_SESSIONS = 3
"""Turbulence also ends when the model has leaned to calm three sessions running: quiet days are weaker proof than wild
ones, and after a fifth of all ends it takes more than ten to be nine to one sure. Pauses in a storm are shorter."""

TREND_SESSIONS = 21
"""Volatility and trend of the index are those of about a month."""

RECENT_DAYS = 60
"""Calendar days that hold `TREND_SESSIONS` sessions and the close before them, closures included."""


@dataclass(frozen=True)
class IndexDay:
    """One session: None where closes or model are missing. Volatility and return are of the last 21 sessions."""

    turbulent_probability: float | None
    model_known_on: date | None
    annualised_volatility: float | None
    index_return: float | None


def next_index_regime(previous: str | None, probabilities: Sequence[float]) -> str:
    """The regime after this session, given that of the session before.

    Args:
        previous: calm or turbulent; None: none known.
        probabilities: turbulent probability of the last sessions, today's last; `LEANING_SESSIONS` of them matter.

    >>> next_index_regime("calm", [0.8]), next_index_regime("turbulent", [0.8]), next_index_regime(None, [0.8])
    ('calm', 'turbulent', 'turbulent')
    >>> next_index_regime("turbulent", [0.4, 0.3]), next_index_regime("turbulent", [0.4, 0.3, 0.2])
    ('turbulent', 'calm')
    """
    today = probabilities[-1]
    if previous == CALM:
        return TURBULENT if today > ENTER_TURBULENT else CALM
    if previous == TURBULENT:
        recent = probabilities[-LEANING_SESSIONS:]
        leans = len(recent) == LEANING_SESSIONS and max(recent) < LEANING
        return CALM if leans or today < LEAVE_TURBULENT else TURBULENT
    return TURBULENT if today > LEANING else CALM


def closes_needed_from(models: Sequence[FittedModel], day: date) -> date:
    """First day whose closes must be at hand to say what the index says on `day`.

    >>> closes_needed_from([], date(2014, 3, 3))
    datetime.date(2014, 1, 2)
    """
    used = model_in_use(models, day)
    recent = day - timedelta(days=RECENT_DAYS)
    return recent if used is None else min(recent, used.fitted_to)


def index_days(series: IndexSeries, models: Sequence[FittedModel], *, as_of: Sequence[date]) -> dict[date, IndexDay]:
    """What the index says on those days that have a close.

    Each model's filter goes on from where its fit left it, over every close since: it knows no later close.
    """
    wanted = sorted(set(as_of) & set(series.days))
    by_model: dict[date, list[date]] = {}
    for day in wanted:
        used = model_in_use(models, day)
        if used is not None:
            by_model.setdefault(used.known_on, []).append(day)
    probabilities: dict[date, tuple[float, date]] = {}
    for model in models:
        days = by_model.get(model.known_on)
        if days:
            read = _read_model(series, model, last=days[-1])
            probabilities |= {day: (read[day], model.known_on) for day in days if day in read}
    found = {}
    for day in wanted:
        probability, known_on = probabilities.get(day, (None, None))
        found[day] = IndexDay(probability, known_on, *_recent(series, day))
    return found


def _read_model(series: IndexSeries, fitted: FittedModel, *, last: date) -> dict[date, float]:
    """Turbulent probability of every day after the fit up to `last`; empty when the fit's last close is not at hand."""
    start, end = series.n_before(fitted.fitted_to), series.n_before(last) + 1
    if start >= len(series.days) or series.days[start] != fitted.fitted_to:
        return {}
    returns = log_returns(series.closes[start:end]).tolist()
    filtered = filtered_turbulent_probabilities(fitted.model, returns, before=fitted.turbulent_probability)
    return dict(zip(series.days[start + 1 : end], filtered, strict=True))


def _recent(series: IndexSeries, day: date) -> tuple[float | None, float | None]:
    """Annualised volatility and return of the last `TREND_SESSIONS` sessions up to this day."""
    end = series.n_before(day) + 1
    if end <= TREND_SESSIONS:
        return None, None
    closes = series.closes[end - 1 - TREND_SESSIONS : end].copy()
    volatility = float(log_returns(closes).std(ddof=1)) * float(np.sqrt(SESSIONS_PER_YEAR))
    return volatility, float(closes[-1] / closes[0] - 1)
