"""Numbers, durations and reasons of trades as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.intake.trade_numbers import canonical_exit_reason, read_duration, read_stated_number


@pytest.mark.parametrize(
    ("sent", "number", "is_flagged"),
    [
        ("$0.47 (est -17.1% from $0.57)", 0.47, True),
        ("~ 1,234.50 USD", 1234.5, True),
        ("266 shares", 266.0, True),
        ("about $2.5", 2.5, True),
        ("$0.47.", 0.47, True),
        ("0.47", 0.47, False),
        (0.47, 0.47, False),
        (None, None, False),
    ],
)
def test_a_remark_does_not_change_the_number_it_follows_and_is_flagged(sent, number, is_flagged):
    value, _, problem, settled = read_stated_number(sent)
    assert (value, problem, settled is not None) == (number, None, is_flagged)


@pytest.mark.parametrize(
    "sent",
    ["0.47-0.50", "0.47 - 0.50", "2 to 3", "5k", "1.2 million", "47 cents", "1,5 x", "2025-01-02", "1.2.3 x", "x 5"],
)
def test_what_may_be_another_number_is_no_number(sent):
    value, _, problem, _ = read_stated_number(sent)
    assert value is None
    assert problem == "is not a number"


@given(st.text(max_size=30))
def test_no_text_makes_the_readers_fall(text):
    read_stated_number(text)
    read_duration(text)
    canonical_exit_reason(text)


@pytest.mark.parametrize(
    ("sent", "days"),
    [
        (9, 9.0),
        (0.04, 0.04),
        (0, 0.0),
        ("9", 9.0),
        ("1 hour", 1 / 24),
        ("90 minutes", 1.5 / 24),
        ("2 days, 12 hours", 2.5),
        ("2 weeks 1 day", 15.0),
        ("3d 4h", 3 + 4 / 24),
        ("about 5 days", 5.0),
        (None, None),
    ],
)
def test_a_duration_is_read_in_days_in_every_way_it_is_written(sent, days):
    value, problem = read_duration(sent)
    assert problem is None
    assert value == (None if days is None else pytest.approx(days))


@pytest.mark.parametrize("sent", [-1, "-1", "soon", "5 days ago maybe", "5%", True, {}, "NaN"])
def test_what_is_no_duration_says_so(sent):
    value, problem = read_duration(sent)
    assert value is None
    assert problem


def test_the_unit_of_the_field_counts_where_the_text_names_none():
    assert read_duration(36, days_per_unit=1 / 24) == (1.5, None)
    assert read_duration("2 days", days_per_unit=1 / 24) == (2.0, None)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("stop_loss", "stop_loss"),
        ("Stop-loss -15% triggered", "stop_loss"),
        ("STOPPED OUT", "stop_loss"),
        ("profit_target", "profit_target"),
        ("Take profit at +25%", "profit_target"),
        ("hit target 2", "profit_target"),
        ("trailing_stop", "trailing_stop"),
        ("Trailing stop after profit", "trailing_stop"),
        ("time", "time_exit"),
        ("time_exit", "time_exit"),
        ("Time-based exit", "time_exit"),
        ("Manual", "manual"),
        ("closed manually by user", "manual"),
        ("sentiment turned", "other"),
        ("nonstop rally", "other"),
        ("rebalancing", "other"),
    ],
)
def test_free_text_leads_to_the_canonical_reason_by_its_words_not_its_letters(sent, reason):
    assert canonical_exit_reason(sent) == (reason, None)


def test_a_reason_that_names_a_stop_and_a_target_is_settled_neither_way():
    reason, unsettled = canonical_exit_reason("target missed, stopped out")
    assert reason == "other"
    assert unsettled
