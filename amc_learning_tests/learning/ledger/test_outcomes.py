"""Returns of opened positions at the horizons, by hand and against the outcomes of candidates."""

from datetime import timedelta

import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.ledger.outcomes import openings_required_from, trade_outcomes
from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes
from amc_learning_tests.learning.ledger.sent import DAYS, SESSIONS, at, folded, message

RULES = OutcomeRules({"1d": 1, "3d": 3}, "next_open", 0.25, -0.10)
HELD = {DAYS[4]: (100, 110, 97, 105), DAYS[5]: (104, 130, 90, 92), DAYS[6]: (91, 96, 80, 88)}
AT_OPEN = at(DAYS[4], 14, 30)


def bars(held=None):
    prices = [("XYZ", day, (1, 1, 1, 1)) for day in DAYS]
    prices += [("ABC", day, row) for day, row in (HELD if held is None else held).items()]
    names = ("open_usd", "high_usd", "low_usd", "close_usd")
    rows = [{"known_on": day, "symbol": symbol, **dict(zip(names, row, strict=True))} for symbol, day, row in prices]
    return pl.DataFrame(rows, schema=catalogue(())["price_bars"].schema)


def opened(*rows, **said):
    return folded(*(rows or (message("a", "OPEN", AT_OPEN, 100.0, 1.0, **said),))).openings


def outcomes(openings, held=None, *, first=DAYS[3], last=DAYS[-1]):
    return trade_outcomes(openings, bars(held), SESSIONS, RULES, known_from=first, known_to=last)


def at_3d(openings, held=None):
    rows = outcomes(openings, held).filter(horizon="3d")
    assert rows.height == 1
    return rows.row(0, named=True)


def test_hand_arithmetic_over_the_price_paid_the_entry_session_counted_first():
    row = at_3d(opened())
    assert (row["entry_date"], row["known_on"], row["opening_known_on"]) == (DAYS[4], DAYS[6], DAYS[4])
    assert (row["entry_price_usd"], row["exit_price_usd"]) == (100, 88)
    assert row["forward_return"] == pytest.approx(-0.12)
    assert (row["max_favorable_excursion"], row["max_adverse_excursion"]) == (pytest.approx(0.3), pytest.approx(-0.2))
    assert (row["outcome_status"], row["is_winner"], row["is_loser"]) == ("complete", False, True)


def test_bought_at_the_open_it_is_the_outcome_of_a_candidate_entered_there():
    decision = pl.DataFrame(
        {"known_on": [DAYS[3]], "decision_id": ["a"], "symbol": ["ABC"], "decided_at": [at(DAYS[3], 21, 10)]},
        schema_overrides={"decided_at": pl.Datetime("us", "UTC")},
    )
    theirs = candidate_outcomes(decision, bars(), SESSIONS, RULES, known_from=DAYS[3], known_to=DAYS[-1])
    ours = outcomes(opened())
    measured = [name for name in theirs.columns if name in ours.columns and name != "decided_at"]
    assert len(measured) == 15
    assert ours.select(measured).equals(theirs.select(measured))


def test_of_a_session_it_was_bought_in_only_the_close_counts():
    row = at_3d(
        opened(message("a", "OPEN", at(DAYS[4], 18), 120.0, 1.0)),
        {DAYS[4]: (100, 150, 50, 105), DAYS[6]: (105, 110, 100, 108)},
    )
    assert row["forward_return"] == pytest.approx(108 / 120 - 1)
    assert (row["max_favorable_excursion"], row["max_adverse_excursion"]) == (0, pytest.approx(100 / 120 - 1))
    assert (row["outcome_status"], row["n_missing_bars"]) == ("missing_bars", 1)


def test_what_is_missing_is_flagged_and_never_filled():
    no_exit = at_3d(opened(), {DAYS[4]: HELD[DAYS[4]]})
    assert (no_exit["outcome_status"], no_exit["forward_return"]) == ("missing_exit_bar", None)
    assert no_exit["last_known_return"] == pytest.approx(0.05)
    no_price = at_3d(opened(message("a", "OPEN", AT_OPEN)))
    assert (no_price["outcome_status"], no_price["forward_return"]) == ("missing_entry_price", None)
    assert (no_price["max_favorable_excursion"], no_price["exit_price_usd"]) == (None, 88)


def test_a_session_without_any_bar_is_a_gap_in_the_feed():
    day = bars().filter(pl.col("known_on") != DAYS[6])
    rows = trade_outcomes(opened(), day, SESSIONS, RULES, known_from=DAYS[3], known_to=DAYS[-1])
    assert rows.filter(horizon="3d")["outcome_status"].item() == "session_missing"


def test_the_revision_known_at_maturity_counts():
    first = message("a", "OPEN", AT_OPEN, 100.0, 1.0)
    in_time = opened(first, message("b", "OPEN", AT_OPEN, 80.0, 1.0, corrects="a", known_on=DAYS[6]))
    assert at_3d(in_time)["forward_return"] == pytest.approx(0.1)
    assert outcomes(in_time).filter(horizon="1d")["entry_price_usd"].item() == 100
    too_late = opened(first, message("b", "OPEN", AT_OPEN, 80.0, 1.0, corrects="a", known_on=DAYS[7]))
    assert at_3d(too_late)["forward_return"] == pytest.approx(-0.12)


def test_an_opening_known_after_maturity_has_no_row_for_that_horizon():
    rows = outcomes(opened(known_on=DAYS[5]))
    assert rows["horizon"].to_list() == ["3d"]


def test_a_night_equals_its_part_of_the_range():
    sent = [
        message(f"m{n}", "OPEN", at(DAYS[n], 14, 30) + timedelta(hours=n), 100.0, 1.0, trade_id=str(n))
        for n in range(9)
    ]
    openings = opened(*sent, message("c", "OPEN", at(DAYS[4], 18, 30), 90.0, corrects="m4", known_on=DAYS[6]))
    whole = outcomes(openings)
    for day in DAYS[3:]:
        since = openings_required_from(SESSIONS, RULES, day)
        night = trade_outcomes(
            openings.filter(pl.col("known_on").is_between(since, day)),
            bars().filter(pl.col("known_on").is_between(since, day)),
            SESSIONS,
            RULES,
            known_from=day,
            known_to=day,
        )
        assert night.equals(whole.filter(known_on=day))
    # The one of the ninth day was bought after its close and matures on the last.
    assert whole["known_on"].unique().sort().to_list() == DAYS[3:]


def test_sessions_that_do_not_reach_far_enough_are_refused():
    with pytest.raises(ValueError, match="3 sessions before"):
        outcomes(opened(), first=DAYS[2])
    with pytest.raises(ValueError, match="3 sessions before"):
        openings_required_from(SESSIONS, RULES, DAYS[2])
    with pytest.raises(ValueError, match="no session on or after"):
        openings_required_from(SESSIONS, RULES, DAYS[-1] + timedelta(days=1))


def test_no_openings_and_no_sessions_give_no_rows():
    assert outcomes(opened().clear()).is_empty()
    saturday = DAYS[4] + timedelta(days=1)
    assert outcomes(opened(), first=saturday, last=saturday).is_empty()
