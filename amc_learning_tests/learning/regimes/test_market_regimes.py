"""Regimes night by night: point in time, one by one as in a range, and right where the truth is planted."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.learning.regimes import EARLIER_DAYS, closes_needed_from, fit_regime_models, usable_models
from amc_learning.learning.regimes.market_regimes import market_regimes
from amc_learning_tests.learning.regimes.test_models import index_closes
from amc_learning_tests.truth.regime_study import NO_CANDIDATES, SwitchingWorld, switch_delays


def candidates_of(days: list[date], *, seed: int = 0, lift: dict[date, float] | None = None) -> pl.DataFrame:
    """Twenty candidates a day around 60 points; `lift` adds points to a day's total scores."""
    generator = np.random.default_rng(seed)
    rows = [
        {
            "known_on": day,
            "decision_id": f"{day}/{at}",
            "symbol": f"S{at}",
            "is_selected": True,
            "is_late": False,
            "decided_at": datetime.combine(day, time(21), tzinfo=UTC),
            "total_score": score + (lift or {}).get(day, 0.0),
            "squeeze": squeeze,
        }
        for day in days
        for at, (score, squeeze) in enumerate(
            zip(generator.normal(60, 6, 20), generator.normal(50, 10, 20), strict=True)
        )
    ]
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def world():
    returns, _ = SwitchingWorld(history=420, spell=40).simulate(np.random.default_rng(4))
    closes = index_closes(returns)
    days = closes["known_on"].to_list()
    # A weekday without a session: neither a close nor candidates.
    closes = closes.filter(pl.col("known_on") != days[450])
    candidates = candidates_of(days).filter(pl.col("known_on") != days[450])
    nights = days[260:]
    models = fit_regime_models(closes, as_of=nights)
    return closes, models, candidates, nights, market_regimes(closes, models, candidates, as_of=nights)


def test_each_session_has_one_row_per_basis_and_a_holiday_none(world):
    closes, _, _, nights, regimes = world
    sessions = [day for day in nights if day in set(closes["known_on"])]
    assert len(sessions) == len(nights) - 1
    assert regimes["known_on"].to_list() == [day for day in sessions for _ in range(2)]
    assert regimes["basis"].to_list() == ["discovery", "index"] * len(sessions)


@settings(max_examples=8, deadline=None)
@given(place=st.integers(1, 278))
def test_a_night_alone_equals_its_part_of_the_range(world, place):
    closes, models, candidates, nights, regimes = world
    day = nights[place]
    known = models.filter(pl.col("known_on") <= day)
    night = market_regimes(
        closes.filter(pl.col("known_on").is_between(closes_needed_from(usable_models(known), day), day)),
        known,
        candidates.filter(known_on=day).sample(fraction=1.0, shuffle=True, seed=place),
        as_of=[day],
        earlier=regimes.filter(pl.col("known_on") < day, pl.col("known_on") >= day - timedelta(days=EARLIER_DAYS)),
    )
    assert night.equals(regimes.filter(known_on=day))


@settings(max_examples=3, deadline=None)
@given(place=st.integers(20, 270), factor=st.floats(0.3, 3.0))
def test_another_future_never_changes_a_past_label(world, place, factor):
    closes, _, candidates, nights, regimes = world
    day = nights[place]
    is_future = pl.col("known_on") > day
    other = closes.with_columns(
        close_points=pl.when(is_future).then(pl.col("close_points") * factor).otherwise("close_points")
    )
    scored = candidates.with_columns(total_score=pl.when(is_future).then(1.0).otherwise("total_score"))
    read_to = nights[: place + 40]
    models = fit_regime_models(other, as_of=read_to)
    changed = market_regimes(other, models, scored, as_of=read_to)
    assert changed.filter(~is_future).equals(regimes.filter(~is_future))


def test_spells_begin_where_the_regime_changes(world):
    for basis in ("index", "discovery"):
        rows = world[-1].filter(pl.col("regime").is_not_null(), basis=basis)
        regime, since = rows["regime"].to_list(), rows["since"].to_list()
        for at in range(1, rows.height):
            changes = regime[at] != regime[at - 1]
            assert rows["is_change"][at] == changes
            assert since[at] == (rows["known_on"][at] if changes else since[at - 1])
            assert rows["previous_regime"][at] == (regime[at - 1] if changes else rows["previous_regime"][at - 1])
        assert not rows["is_change"][0]
        assert rows["is_change"].sum() > 0


def test_before_the_first_model_there_is_no_regime_and_that_is_said(world):
    closes, models, candidates, nights, _ = world
    rows = market_regimes(closes, models.clear(), candidates, as_of=nights[:3])
    assert rows["regime"].null_count() == rows.height
    assert set(rows["evidence"]) == {"insufficient_evidence"}
    assert market_regimes(closes.clear(), models, NO_CANDIDATES, as_of=nights).is_empty()


def test_a_planted_switch_is_found_and_left_within_ten_sessions():
    generator = np.random.default_rng(11)
    delays = np.array([switch_delays(SwitchingWorld(history=350), generator)[:2] for _ in range(4)])
    # The study finds 94 % of them; fewer than 5 of 8 then has probability 0.001.
    assert (delays <= 10).sum() >= 5


def test_a_week_of_far_better_candidates_in_a_rising_market_is_an_explosive_bull():
    days = index_closes(np.full(199, 0.001) + 0.002 * np.resize([1, -1], 199))
    nights = days["known_on"].to_list()
    strong = dict.fromkeys(nights[-8:], 15.0)
    regimes = market_regimes(days, fit_regime_models(days, as_of=[]), candidates_of(nights, lift=strong), as_of=nights)
    last = regimes.filter(basis="discovery").tail(1).row(0, named=True)
    assert last["regime"] == "explosive_bull"
    assert last["since"] >= nights[-8]
    poor = candidates_of(nights, lift=dict.fromkeys(nights[-8:], -15.0)).drop("squeeze")
    weak = market_regimes(days, fit_regime_models(days, as_of=[]), poor, as_of=nights)
    assert weak.filter(basis="discovery")["regime"][-1] == "low_opportunity"
    assert weak["mean_squeeze_score"].null_count() == weak.height
