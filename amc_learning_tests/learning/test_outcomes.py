from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes, required_window

TABLE = catalogue(())["candidate_outcomes"]
RULES = OutcomeRules({"1d": 1, "3d": 3}, "next_open", 0.25, -0.10)
AT_CLOSE = OutcomeRules({"1d": 1, "3d": 3}, "decision_close", 0.25, -0.10)
DAYS = [date(2024, 1, 1) + timedelta(days) for days in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15)]
"""Twelve sessions over three weeks, weekends left out."""


def at(day, hour, minute=0):
    return datetime.combine(day, time(hour, minute), UTC)


SESSIONS = pl.DataFrame(
    {
        "session_date": DAYS,
        "opens_at": [at(day, 14, 30) for day in DAYS],
        "closes_at": [at(day, 21) for day in DAYS],
    },
    schema_overrides={"opens_at": pl.Datetime("us", "UTC"), "closes_at": pl.Datetime("us", "UTC")},
)


def bar(day, symbol, *prices_usd):
    """Prices are open, high, low, close."""
    opened, high, low, close = prices_usd
    return {
        "known_on": day,
        "symbol": symbol,
        "open_usd": opened,
        "high_usd": high,
        "low_usd": low,
        "close_usd": close,
        "volume_shares": None,
    }


def frame_of_bars(rows):
    return pl.DataFrame(rows, schema=catalogue(())["price_bars"].schema)


def decision(decided_at, symbol="ABC", *, name="one", known_on=None):
    known_on = known_on or decided_at.date()
    return pl.DataFrame(
        {"known_on": [known_on], "decision_id": [name], "symbol": [symbol], "decided_at": [decided_at]},
        schema_overrides={"decided_at": pl.Datetime("us", "UTC")},
    )


def outcome(decided_at, bars, *, rules=RULES, horizon="3d", sessions=SESSIONS):
    rows = candidate_outcomes(
        decision(decided_at), bars, sessions, rules, known_from=DAYS[3], known_to=DAYS[-1]
    ).filter(pl.col("horizon") == horizon)
    assert rows.height == 1
    return rows.row(0, named=True)


# Sessions 4, 5, 6 are Friday, Monday and Tuesday.
HELD = [
    bar(DAYS[3], "ABC", 95, 101, 94, 98),
    bar(DAYS[4], "ABC", 100, 110, 97, 105),
    bar(DAYS[5], "ABC", 104, 130, 90, 92),
    bar(DAYS[6], "ABC", 91, 96, 80, 88),
    bar(DAYS[7], "ABC", 89, 200, 10, 90),
]
EVERY_SESSION = [bar(day, "XYZ", 1, 1, 1, 1) for day in DAYS]
AFTER_CLOSE = at(DAYS[3], 21, 10)


def test_hand_arithmetic_of_an_entry_at_the_next_open():
    row = outcome(AFTER_CLOSE, frame_of_bars(HELD + EVERY_SESSION))
    assert (row["entry_date"], row["known_on"]) == (DAYS[4], DAYS[6])
    assert (row["entry_price_usd"], row["exit_price_usd"]) == (100, 88)
    assert row["forward_return"] == pytest.approx(-0.12, abs=1e-15)
    assert row["max_favorable_excursion"] == pytest.approx(0.30, abs=1e-15)
    assert row["max_adverse_excursion"] == pytest.approx(-0.20, abs=1e-15)
    assert row["last_known_return"] == row["forward_return"]
    assert (row["horizon_sessions"], row["n_missing_bars"], row["outcome_status"]) == (3, 0, "complete")
    assert (row["is_winner"], row["is_loser"]) == (False, True)


def test_hand_arithmetic_of_an_entry_at_the_decision_close():
    row = outcome(AFTER_CLOSE, frame_of_bars(HELD + EVERY_SESSION), rules=AT_CLOSE)
    assert (row["entry_date"], row["known_on"]) == (DAYS[4], DAYS[6])
    assert row["entry_price_usd"] == 98
    assert row["forward_return"] == pytest.approx(88 / 98 - 1)
    assert row["max_favorable_excursion"] == pytest.approx(130 / 98 - 1)
    assert row["max_adverse_excursion"] == pytest.approx(80 / 98 - 1)


def test_a_decision_before_the_open_enters_the_same_day_and_one_at_the_open_the_next():
    bars = frame_of_bars(HELD + EVERY_SESSION)
    assert outcome(at(DAYS[4], 14, 29), bars)["entry_date"] == DAYS[4]
    assert outcome(at(DAYS[4], 14, 30), bars)["entry_date"] == DAYS[5]


def test_decided_while_the_exchange_is_open_the_decision_close_is_that_days_close():
    row = outcome(at(DAYS[4], 16), frame_of_bars(HELD + EVERY_SESSION), rules=AT_CLOSE)
    assert (row["entry_price_usd"], row["entry_date"], row["known_on"]) == (105, DAYS[5], DAYS[7])


def test_decided_on_a_weekend_the_entry_is_monday():
    saturday = at(DAYS[4] + timedelta(1), 12)
    assert outcome(saturday, frame_of_bars(HELD + EVERY_SESSION))["entry_date"] == DAYS[5]


def without(*days):
    return frame_of_bars([row for row in HELD if row["known_on"] not in days] + EVERY_SESSION)


def test_a_missing_exit_bar_is_flagged_and_never_filled_forward():
    row = outcome(AFTER_CLOSE, without(DAYS[6]))
    assert row["outcome_status"] == "missing_exit_bar"
    assert (row["exit_price_usd"], row["forward_return"], row["is_winner"], row["is_loser"]) == (None,) * 4
    assert row["last_known_return"] == pytest.approx(-0.08)
    assert row["max_favorable_excursion"] == pytest.approx(0.30)
    assert row["n_missing_bars"] == 1


def test_a_missing_entry_bar_leaves_every_return_unknown():
    row = outcome(AFTER_CLOSE, without(DAYS[4]))
    assert (row["outcome_status"], row["exit_price_usd"], row["n_missing_bars"]) == ("missing_entry_bar", 88, 1)
    unknown = ("entry_price_usd", "forward_return", "max_favorable_excursion", "last_known_return", "is_loser")
    assert [row[name] for name in unknown] == [None] * len(unknown)


def test_a_missing_bar_in_between_is_flagged_and_the_return_stands():
    row = outcome(AFTER_CLOSE, without(DAYS[5]))
    assert (row["outcome_status"], row["n_missing_bars"]) == ("missing_bars", 1)
    assert row["forward_return"] == pytest.approx(-0.12)
    assert row["max_favorable_excursion"] == pytest.approx(0.10)


@pytest.mark.parametrize("gap", [DAYS[4], DAYS[6]], ids=["entry", "maturity"])
def test_a_session_without_any_bar_is_a_gap_of_the_feed(gap):
    bars = without(gap).filter(pl.col("known_on") != gap)
    assert outcome(AFTER_CLOSE, bars)["outcome_status"] == "session_missing"


def test_a_symbol_without_a_single_bar_has_a_flagged_row():
    row = outcome(AFTER_CLOSE, frame_of_bars(EVERY_SESSION))
    assert (row["outcome_status"], row["n_missing_bars"], row["last_known_return"]) == ("missing_entry_bar", 3, None)


def test_bounds_belong_to_winners_and_losers():
    bars = frame_of_bars([bar(DAYS[4], "ABC", 100, 130, 90, 125), *EVERY_SESSION])
    assert outcome(AFTER_CLOSE, bars, horizon="1d")["is_winner"]
    bars = frame_of_bars([bar(DAYS[4], "ABC", 100, 130, 90, 90), *EVERY_SESSION])
    rules = OutcomeRules({"3d": 3, "1d": 1}, "next_open", 0.25, 90 / 100 - 1)
    assert outcome(AFTER_CLOSE, bars, horizon="1d", rules=rules)["is_loser"]


def test_a_decision_known_only_after_its_outcome_is_no_evidence():
    bars = frame_of_bars(HELD + EVERY_SESSION)
    late = decision(AFTER_CLOSE, known_on=DAYS[5])
    rows = candidate_outcomes(late, bars, SESSIONS, RULES, known_from=DAYS[3], known_to=DAYS[-1])
    assert rows["horizon"].to_list() == ["3d"]


def test_a_decision_dated_after_it_became_known_is_no_evidence():
    bars = frame_of_bars(HELD + EVERY_SESSION)
    dated_ahead = decision(AFTER_CLOSE, known_on=DAYS[2])
    assert candidate_outcomes(dated_ahead, bars, SESSIONS, RULES, known_from=DAYS[3], known_to=DAYS[-1]).is_empty()


def test_two_bars_for_one_symbol_and_session_are_refused():
    bars = frame_of_bars([*HELD, *EVERY_SESSION, HELD[2]])
    with pytest.raises(ValueError, match="two rows for one symbol and session"):
        outcome(AFTER_CLOSE, bars)


def test_sessions_that_do_not_reach_back_are_refused():
    with pytest.raises(ValueError, match="3 sessions before"):
        candidate_outcomes(
            decision(AFTER_CLOSE), frame_of_bars(HELD), SESSIONS, RULES, known_from=DAYS[2], known_to=DAYS[5]
        )
    with pytest.raises(ValueError, match="3 sessions before"):
        required_window(SESSIONS, RULES, DAYS[2])


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizons": {}},
        {"horizons": {"1d": 0}},
        {"entry": "next_close"},
        {"winner_return": -0.1},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(wrong):
    right = {"horizons": {"1d": 1}, "entry": "next_open", "winner_return": 0.25, "loser_return": -0.1}
    with pytest.raises(ValueError, match=r"must (each )?be"):
        OutcomeRules(**(right | wrong))


def test_nothing_to_do_is_an_empty_table():
    bars = frame_of_bars(HELD)
    saturday = DAYS[4] + timedelta(1)
    rows = candidate_outcomes(decision(AFTER_CLOSE), bars, SESSIONS, RULES, known_from=saturday, known_to=saturday)
    assert rows.is_empty()
    assert rows.schema == TABLE.schema


# Random markets: some bars missing, decisions at any hour, weekends included.
prices = st.floats(1, 100).map(lambda price: round(price, 2))
symbols = st.sampled_from(["ABC", "DEF"])


@st.composite
def markets(draw):
    rows = []
    for day in DAYS:
        for symbol in ("ABC", "DEF"):
            if draw(st.integers(0, 9)):
                low, opened, close, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
                rows.append(bar(day, symbol, opened, high, low, close))
    instants = st.datetimes(
        datetime.combine(DAYS[0], time(22)), datetime.combine(DAYS[-1], time()), timezones=st.just(UTC)
    )
    # Some become known late, some are dated ahead of the day on which they became known.
    days_late = st.sampled_from([0, 0, 0, -4, -1, 1, 4])
    made = draw(st.lists(st.tuples(instants, symbols, days_late), min_size=1, max_size=8))
    decisions = pl.concat(
        [
            decision(instant, symbol, name=f"d{n}", known_on=instant.date() + timedelta(late))
            for n, (instant, symbol, late) in enumerate(made)
        ]
    )
    return frame_of_bars(rows), decisions


@settings(max_examples=60, deadline=None)
@given(markets(), st.sampled_from(DAYS[3:]), st.sampled_from([RULES, AT_CLOSE]), st.floats(0.1, 10))
def test_changing_all_prices_after_a_day_changes_nothing_known_by_then(market, day, rules, factor):
    bars, decisions = market
    known = {"known_from": DAYS[3], "known_to": DAYS[-1]}
    is_later = pl.col("known_on") > day
    usd = pl.col("open_usd", "high_usd", "low_usd", "close_usd")
    shifted = bars.with_columns(pl.when(is_later).then(usd * factor + 1).otherwise(usd))
    cut = bars.filter(~is_later)
    before = candidate_outcomes(decisions, bars, SESSIONS, rules, **known).filter(~is_later)
    for later_bars in (shifted, cut):
        after = candidate_outcomes(decisions, later_bars, SESSIONS, rules, **known).filter(~is_later)
        assert after.equals(before)


@settings(max_examples=60, deadline=None)
@given(markets(), st.sampled_from([RULES, AT_CLOSE]), st.randoms(use_true_random=False))
def test_a_range_equals_night_by_night_with_only_the_required_window_read(market, rules, random):
    bars, decisions = market
    whole = candidate_outcomes(decisions, bars, SESSIONS, rules, known_from=DAYS[3], known_to=DAYS[-1])
    nights = []
    for day in DAYS[3:]:
        window = required_window(SESSIONS, rules, day)
        order = list(range(decisions.height))
        random.shuffle(order)
        nights.append(
            candidate_outcomes(
                decisions[order].filter(pl.col("known_on").is_between(window.decisions_from, day)),
                bars.filter(pl.col("known_on").is_between(window.bars_from, day)),
                SESSIONS.filter(pl.col("session_date") <= day),
                rules,
                known_from=day,
                known_to=day,
            )
        )
    assert pl.concat(nights).equals(whole)


@settings(max_examples=60, deadline=None)
@given(markets())
def test_both_entries_mature_on_the_same_sessions(market):
    bars, decisions = market
    known = {"known_from": DAYS[3], "known_to": DAYS[-1]}
    keys = ["known_on", "horizon", "decision_id", "entry_date", "n_missing_bars"]
    at_open, at_close = (
        candidate_outcomes(decisions, bars, SESSIONS, rules, **known).select(keys) for rules in (RULES, AT_CLOSE)
    )
    assert at_open.equals(at_close)


@settings(max_examples=60, deadline=None)
@given(markets())
def test_status_says_exactly_what_is_missing(market):
    bars, decisions = market
    rows = candidate_outcomes(decisions, bars, SESSIONS, RULES, known_from=DAYS[3], known_to=DAYS[-1])
    has_return = rows["forward_return"].is_not_null()
    assert (rows["outcome_status"].is_in(["complete", "missing_bars"]) == has_return).all()
    assert ((rows["outcome_status"] == "complete") == (rows["n_missing_bars"] == 0)).all()
    inside = rows.filter(has_return)
    assert (inside["max_favorable_excursion"] >= inside["forward_return"]).all()
    assert (inside["max_adverse_excursion"] <= inside["forward_return"]).all()
    assert inside["last_known_return"].equals(inside["forward_return"].rename("last_known_return"))
