"""Which nights refit, on what, and that a night alone finds what a range finds."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.learning.regimes.models import MIN_RETURNS, fit_regime_models, model_in_use, usable_models
from amc_learning_tests.learning.regimes.test_switching import simulated

FIRST = date(2010, 1, 4)


def weekdays(count: int) -> list[date]:
    return [FIRST + timedelta(days=7 * (at // 5) + at % 5) for at in range(count)]


def index_closes(returns: np.ndarray) -> pl.DataFrame:
    closes = 1000 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    return pl.DataFrame({"known_on": weekdays(len(closes)), "series": "sp500", "close_points": closes})


@pytest.fixture(scope="module")
def closes():
    return index_closes(simulated(500, seed=8)[0])


@pytest.fixture(scope="module")
def nights(closes):
    return closes["known_on"].to_list()


@pytest.fixture(scope="module")
def models(closes, nights):
    return fit_regime_models(closes, as_of=nights)


def test_the_first_night_with_a_year_of_returns_and_then_each_quarter_refits(models, nights):
    quarters = [date(2011, 1, 3), date(2011, 4, 1), date(2011, 7, 1), date(2011, 10, 3)]
    # MIN_RETURNS returns are MIN_RETURNS + 1 closes, all known before the night of the fit.
    first = nights[MIN_RETURNS + 1]
    assert models["known_on"].unique().sort().to_list() == sorted([first, *(it for it in quarters if it > first)])


def test_a_fit_knows_only_closes_before_its_night(models, closes):
    assert (models["fitted_to"] < models["known_on"]).all()
    day = models["known_on"].max()
    later = closes.with_columns(
        close_points=pl.when(pl.col("known_on") >= day).then(pl.col("close_points") * 3).otherwise("close_points")
    )
    assert fit_regime_models(later, as_of=[day]).equals(models.filter(known_on=day))


def test_a_night_alone_fits_what_the_range_fits_whatever_the_order_of_rows(models, closes):
    for day in models["known_on"].unique():
        shuffled = closes.sample(fraction=1.0, shuffle=True, seed=1)
        assert fit_regime_models(shuffled, as_of=[day]).equals(models.filter(known_on=day))


def test_a_missed_first_night_of_a_quarter_is_made_up_for_on_the_next(closes, models):
    earlier = models.filter(pl.col("known_on") < date(2011, 7, 1))
    nights = [date(2011, 7, 5), date(2011, 7, 6)]
    assert fit_regime_models(closes, as_of=nights, earlier_models=earlier)["known_on"].unique().to_list() == nights[:1]
    assert fit_regime_models(closes, as_of=nights[1:], earlier_models=models).is_empty()


def test_too_few_closes_fit_nothing(closes, nights):
    assert fit_regime_models(closes, as_of=nights[: MIN_RETURNS + 1]).is_empty()
    assert fit_regime_models(closes.clear(), as_of=nights[:3]).is_empty()


def test_the_newest_usable_model_is_used(models):
    days = models["known_on"].unique().sort().to_list()
    spoiled = models.with_columns(is_usable=pl.col("known_on") != days[-1])
    assert model_in_use(usable_models(models), days[-1]).known_on == days[-1]
    assert model_in_use(usable_models(spoiled), days[-1] + timedelta(days=9)).known_on == days[-2]
    assert model_in_use(usable_models(models), days[0] - timedelta(days=1)) is None


def test_a_market_without_movement_has_no_model(nights):
    flat = pl.DataFrame({"known_on": nights, "series": "sp500", "close_points": 1000.0})
    assert fit_regime_models(flat, as_of=nights).is_empty()
