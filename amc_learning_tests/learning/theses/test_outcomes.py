from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes
from amc_learning.learning.theses.outcomes import PREDICTIONS, TABLE, JudgementRules, is_right, thesis_outcomes

SESSIONS = [date(2024, 1, 1) + timedelta(days=7 * (place // 5) + place % 5) for place in range(30)]
METHODS = JudgementRules()
RULES = OutcomeRules({"1d": 1, "7d": 5}, "next_open", 0.25, -0.10)
THESIS_TYPES = {
    "known_on": pl.Date,
    "thesis_id": pl.String,
    "event_id": pl.String,
    "decided_at": pl.Datetime("us", "UTC"),
    "is_late": pl.Boolean,
    "symbol": pl.String,
    "recommendation": pl.String,
    "confidence": pl.Float64,
    "source": pl.String,
    "market_regime": pl.String,
}
REGIMES = pl.DataFrame(
    {"known_on": [SESSIONS[2], SESSIONS[10]], "basis": "index", "regime": ["calm", "stress"]},
    schema={"known_on": pl.Date, "basis": pl.String, "regime": pl.String},
)


def at(day, hour):
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def sessions():
    return pl.DataFrame({"session_date": SESSIONS, "opens_at": [at(day, 14) for day in SESSIONS]})


def bars(closes, symbol="ABC"):
    """Bars that open at 100 every session; `closes` says how each closes, None = no bar."""
    rows = [
        {
            "known_on": day,
            "symbol": symbol,
            "open_usd": 100.0,
            "high_usd": max(100.0, close),
            "low_usd": min(100.0, close),
            "close_usd": close,
        }
        for day, close in zip(SESSIONS, closes, strict=True)
        if close is not None
    ]
    return pl.DataFrame(rows)


def theses(*stated):
    plain = {"symbol": "ABC", "recommendation": "BUY_MORE", "confidence": 0.7, "source": "ai", "is_late": False}
    rows = []
    for place, thesis in enumerate(stated):
        day = thesis.get("known_on", SESSIONS[6])
        own = {"thesis_id": f"t{place}", "event_id": f"e{place}", "known_on": day, "decided_at": at(day, 21)}
        rows.append({**dict.fromkeys(THESIS_TYPES), **plain, **own, **thesis})
    return pl.DataFrame(rows, schema=THESIS_TYPES)


def judged(given_theses, prices, *, judgement=METHODS, known_from=SESSIONS[5], known_to=SESSIONS[-1]):
    return thesis_outcomes(
        given_theses,
        prices,
        sessions(),
        RULES,
        judgement=judgement,
        regimes=REGIMES,
        known_from=known_from,
        known_to=known_to,
    )


def rights(forward_return, judgement=METHODS):
    recommendations = [*PREDICTIONS, "RESEARCH", None]
    frame = pl.DataFrame(
        {"recommendation": recommendations, "forward_return": [forward_return] * 6},
        schema={"recommendation": pl.String, "forward_return": pl.Float64},
    )
    return dict(zip(recommendations, frame.select(is_right(judgement)).to_series(), strict=True))


@pytest.mark.parametrize(
    ("forward_return", "right"),
    [
        (0.051, {"BUY_MORE"}),
        (0.05, {"HOLD"}),
        (1.05 / 1 - 1, {"HOLD"}),
        (0.0, {"HOLD"}),
        (-0.001, {"HOLD", "TRIM"}),
        (-0.05, {"HOLD", "TRIM"}),
        (-0.051, {"TRIM", "LIQUIDATE"}),
    ],
)
def test_each_recommendation_is_right_where_the_methods_say(forward_return, right):
    expected = {name: name in right for name in PREDICTIONS}
    assert rights(forward_return) == {**expected, "RESEARCH": None, None: None}


def test_a_missing_return_proves_nothing():
    assert set(rights(None).values()) == {None}


@settings(deadline=None)
@given(st.floats(-1, 3), st.floats(0, 0.5))
def test_buy_more_hold_and_liquidate_share_out_all_returns(forward_return, band):
    found = rights(forward_return, JudgementRules(band=band))
    assert found["BUY_MORE"] + found["HOLD"] + found["LIQUIDATE"] == 1


def test_the_bounds_are_settings():
    assert rights(0.01, JudgementRules(buy_more_above=0.0))["BUY_MORE"] is True
    assert rights(-0.01, JudgementRules(liquidate_below=0.0))["LIQUIDATE"] is True
    assert rights(-0.01, JudgementRules(trim_below=-0.02))["TRIM"] is False
    with pytest.raises(ValueError, match="half-width"):
        JudgementRules(band=-0.01)


def test_returns_and_maturity_are_those_of_candidate_outcomes():
    prices = bars([100.0 + place for place in range(30)])
    given_theses = theses({"known_on": SESSIONS[7]}, {"known_on": SESSIONS[9], "recommendation": "TRIM"})
    ours = judged(given_theses, prices)
    theirs = candidate_outcomes(
        given_theses.rename({"thesis_id": "decision_id"}),
        prices,
        sessions(),
        RULES,
        known_from=SESSIONS[5],
        known_to=SESSIONS[-1],
    )
    shared = [
        "known_on",
        "horizon",
        "symbol",
        "decided_at",
        "decision_known_on",
        "entry_date",
        "forward_return",
        "outcome_status",
    ]
    assert ours.select(shared).equals(theirs.select(shared))
    assert ours.schema == TABLE.schema and ours.height == 4
    # Held from session 8 to 12, in at 100, out at 112.
    week = ours.filter(thesis_id="t0", horizon="7d").row(0, named=True)
    assert (week["known_on"], week["forward_return"], week["is_right"]) == (SESSIONS[12], pytest.approx(0.12), True)


def test_a_thesis_without_a_symbol_has_no_row_and_research_no_judgement():
    found = judged(
        theses({"symbol": None}, {"recommendation": "RESEARCH"}, {"recommendation": None}), bars([101.0] * 30)
    )
    assert set(found["thesis_id"]) == {"t1", "t2"}
    assert found["forward_return"].null_count() == 0
    assert found["is_right"].null_count() == found.height and not found["is_counted"].any()


def test_a_missing_exit_bar_leaves_the_thesis_unjudged_but_in_place():
    prices = [110.0] * 30
    prices[11] = None
    week = judged(theses({}), pl.concat([bars(prices), bars([1.0] * 30, "OTHER")])).filter(horizon="7d")
    assert week.select("known_on", "outcome_status", "is_right", "is_counted").row(0) == (
        SESSIONS[11],
        "missing_exit_bar",
        None,
        True,
    )


def counted_of(*stated):
    found = judged(theses(*stated), bars([110.0] * 30)).filter(horizon="1d")
    return set(found.filter("is_counted")["thesis_id"])


def test_only_the_last_prediction_of_a_source_before_an_entry_is_counted():
    assert counted_of({}, {"recommendation": "TRIM"}, {"source": "rule_based"}) == {"t1", "t2"}
    assert counted_of({"decided_at": at(SESSIONS[6], 22)}, {}) == {"t0"}


def test_a_thesis_for_the_next_entry_is_counted_too():
    assert counted_of({}, {"known_on": SESSIONS[7]}) == {"t0", "t1"}


def test_a_late_thesis_takes_no_live_ones_place():
    assert counted_of({}, {"is_late": True, "decided_at": at(SESSIONS[6], 22)}) == {"t0"}


def test_research_takes_no_predictions_place():
    assert counted_of({}, {"recommendation": "RESEARCH"}) == {"t0"}


def test_the_regime_is_ours_as_known_before_the_day():
    stated = [{"known_on": SESSIONS[place], "market_regime": "as sent"} for place in (2, 3, 10, 11)]
    found = judged(theses(*stated), bars([110.0] * 30)).filter(horizon="7d").sort("thesis_id")
    # The regime of a day is read from its close: the thesis of that day could not know it.
    assert found["market_regime"].to_list() == [None, "calm", "calm", "stress"]


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(8)), st.integers(6, 25))
def test_a_night_equals_its_part_of_the_range_whatever_the_order(order, night):
    stated = [
        {
            "known_on": SESSIONS[5 + place],
            "recommendation": (*PREDICTIONS, "RESEARCH")[place % 5],
            "source": ("ai", "rule_based")[place % 2],
        }
        for place in range(8)
    ]
    prices = bars([100.0 + (place * 7) % 13 for place in range(30)])
    whole = judged(theses(*stated), prices)
    alone = judged(theses(*stated)[list(order)], prices, known_from=SESSIONS[night], known_to=SESSIONS[night])
    assert alone.equals(whole.filter(known_on=SESSIONS[night]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(50, 150), min_size=15, max_size=15))
def test_prices_after_a_day_change_nothing_known_by_then(future):
    prices = [100.0 + place for place in range(15)]
    plain, shaken = (bars([*prices, *later]) for later in ([100.0] * 15, future))
    stated = theses(*({"known_on": SESSIONS[place]} for place in range(5, 12)))
    known = (judged(stated, frame, known_to=SESSIONS[14]) for frame in (plain, shaken))
    assert next(known).equals(next(known))


def test_no_theses_and_no_regimes_are_no_trouble():
    prices = bars([110.0] * 30)
    assert judged(theses(), prices).equals(TABLE.empty())
    found = thesis_outcomes(
        theses({}),
        prices,
        sessions(),
        RULES,
        judgement=METHODS,
        regimes=REGIMES.clear(),
        known_from=SESSIONS[5],
        known_to=SESSIONS[-1],
    )
    assert found.height == 2 and found["market_regime"].null_count() == 2
