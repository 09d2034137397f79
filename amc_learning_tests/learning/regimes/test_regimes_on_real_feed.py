"""Regimes of the shared index closes: the crises of 2008 and 2011 look as they did, and refitting keeps the names."""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from amc_learning.learning.regimes import fit_regime_models, market_regimes, usable_models
from amc_learning.learning.regimes.models import index_series
from amc_learning.learning.regimes.switching import filtered_turbulent_probabilities, log_returns
from amc_learning_tests.truth.regime_study import NO_CANDIDATES

INDEX = (Path(__file__).resolve().parents[3] / "../shared/data/market/index.parquet").resolve()
pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not INDEX.is_file(), reason=f"the shared index closes are not at {INDEX}"),
]

FIRST, LAST = date(2008, 1, 2), date(2014, 12, 15)
NIGHTS = [day for at in range((LAST - FIRST).days + 1) if (day := FIRST + timedelta(days=at)).weekday() < 5]


@pytest.fixture(scope="module")
def closes():
    return pl.read_parquet(INDEX).select(known_on="date", series=pl.lit("sp500"), close_points="sp500_close")


@pytest.fixture(scope="module")
def models(closes):
    return fit_regime_models(closes, as_of=NIGHTS)


@pytest.fixture(scope="module")
def regimes(closes, models):
    return market_regimes(closes, models, NO_CANDIDATES, as_of=NIGHTS)


def test_every_session_is_labelled_and_every_quarter_has_a_usable_model(closes, models, regimes):
    assert regimes.height == closes.filter(pl.col("known_on").is_between(FIRST, LAST)).height
    assert regimes["regime"].null_count() == 0
    assert len(usable_models(models)) == 28


@pytest.mark.parametrize(
    ("first", "last", "regime"),
    [
        (date(2008, 9, 1), date(2009, 6, 1), "turbulent"),
        (date(2009, 8, 1), date(2010, 4, 30), "calm"),
        (date(2011, 8, 8), date(2011, 11, 30), "turbulent"),
        (date(2012, 1, 3), date(2014, 9, 30), "calm"),
    ],
)
def test_the_crises_are_turbulent_and_the_years_between_them_calm(regimes, first, last, regime):
    spell = regimes.filter(pl.col("known_on").is_between(first, last))
    assert set(spell["regime"]) == {regime}


def test_regimes_last(regimes):
    changes = regimes.filter("is_change")
    assert changes.height <= 2 * 7
    assert (changes["known_on"].diff().drop_nulls().dt.total_days() >= 7).all()


def test_neighbouring_refits_agree_on_the_past_year(closes, models):
    series = index_series(closes)
    fitted = usable_models(models)
    agreement = []
    for older, newer in pairwise(fitted):
        returns = log_returns(series.closes[: series.n_before(newer.known_on)][-600:]).tolist()
        labels = [np.array(filtered_turbulent_probabilities(it.model, returns)[-250:]) > 0.5 for it in (older, newer)]
        agreement.append(float((labels[0] == labels[1]).mean()))
    # One exception: after the autumn of 2008, volatility fourfold, what had been turbulent before counts as calm.
    assert np.sort(agreement)[1] > 0.9
    assert np.median(agreement) > 0.99
