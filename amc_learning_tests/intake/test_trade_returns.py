"""The unit of returns and excursions: whatever can be told is told rightly, whatever cannot is null."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from amc_learning.intake.trade_returns import (
    FRACTION,
    FRACTION_FIELDS,
    PERCENT,
    PERCENT_FIELDS,
    RETURN_FIELDS,
    settle_excursions,
    settle_return,
)
from amc_learning_tests.intake.sent_trading import rejected, trade, trades_of


def returned(name, sent, from_prices=None, *, has_percent_sign=False):
    return settle_return(name, sent, has_percent_sign=has_percent_sign, from_prices=from_prices)


@given(st.sampled_from(RETURN_FIELDS), st.sampled_from([PERCENT, FRACTION]), st.floats(-0.99, 9))
def test_with_both_prices_stated_the_name_of_the_field_does_not_matter(name, unit, realised):
    assume(abs(realised) > 0.0001 and not (name.startswith("loss") and realised > 0))
    settled = returned(name, realised / unit, realised)
    assert settled.value == pytest.approx(realised, abs=1e-8)
    assert settled.problem is None


@pytest.mark.parametrize("name", PERCENT_FIELDS)
def test_without_prices_a_field_of_percentages_is_in_percent(name):
    assert returned(name, 368.6).value == pytest.approx(3.686)


@pytest.mark.parametrize("name", FRACTION_FIELDS)
def test_without_prices_a_field_of_fractions_is_a_fraction_unless_it_is_large(name):
    assert returned(name, 1.0898).value == 1.0898
    assert returned(name, 15.1).value is None
    assert "nothing stated settles which" in returned(name, 15.1).warning
    assert returned(name, 15.1, has_percent_sign=True).value == pytest.approx(0.151)


def test_a_loss_is_negative_however_it_was_sent():
    assert returned("loss_percent", 16.4).value == returned("loss_percent", -16.4).value == pytest.approx(-0.164)


def test_a_return_that_disagrees_with_the_prices_is_kept_as_its_name_says_and_flagged():
    settled = returned("return_pct", 40.0, 0.05)
    assert settled.value == pytest.approx(0.4)
    assert "disagrees" in settled.warning


def test_no_long_position_loses_more_than_everything():
    assert returned("return_pct", -101.0).problem
    assert returned("return_pct", -101.0).value is None


# -- excursions -------------------------------------------------------------------------------------------------


@given(
    st.sampled_from([PERCENT, FRACTION]),
    st.floats(0.0, 5.0),
    st.floats(-1.0, 0.0),
    st.floats(0.0, 1.0),
    st.booleans(),
)
def test_excursions_that_are_settled_with_the_unit_of_the_return_are_never_off_by_a_hundred(
    unit, favorable, adverse, place, knows_unit
):
    realised = adverse + place * (favorable - adverse)
    settled = settle_excursions(
        favorable / unit, adverse / unit, realised=realised, unit_of_return=unit if knows_unit else None
    )
    if knows_unit and settled.favorable is not None:
        assert settled.favorable == pytest.approx(favorable, abs=1e-8)
        assert settled.adverse == pytest.approx(adverse, abs=1e-8)
    if settled.favorable is None:
        assert settled.adverse is None
        assert settled.warning


@pytest.mark.parametrize(
    ("favorable", "adverse", "realised", "unit", "expected"),
    [
        # a loss of 17.1 stakes is none: percent
        (0.0, -17.1, -0.1643, PERCENT, (0.0, -0.171)),
        (0.0, -17.1, None, None, (0.0, -0.171)),
        # +0.15 % in percent cannot have ended at +15 %: fractions
        (0.15, -0.028, 0.15, None, (0.15, -0.028)),
        # +8.6 as fractions may have ended at +5 %, but nothing moves by 860 %: percent by size
        (8.6, -0.9, 0.05, None, (0.086, -0.009)),
        # small numbers, nothing else known: fractions
        (0.086, -0.075, None, None, (0.086, -0.075)),
        # between the sizes only the unit of the return speaks
        (0.9, -0.8, 0.001, PERCENT, (0.009, -0.008)),
        (0.9, -0.8, 0.001, FRACTION, (0.9, -0.8)),
        (0.9, -0.8, 0.001, None, (None, None)),
        # size and return contradict each other
        (0.3, -0.2, 0.001, PERCENT, (None, None)),
        # zero is zero in any unit
        (0.0, 0.0, None, None, (0.0, 0.0)),
        (None, -8.0, -0.08, PERCENT, (None, -0.08)),
        # a loss without its sign
        (0.5, 17.1, -0.16, PERCENT, (0.005, -0.171)),
        (0.5, 17.1, 0.004, PERCENT, (None, None)),
    ],
)
def test_the_unit_of_excursions_is_what_the_return_and_the_stake_leave_possible(
    favorable, adverse, realised, unit, expected
):
    settled = settle_excursions(favorable, adverse, realised=realised, unit_of_return=unit)
    assert (settled.favorable, settled.adverse) == pytest.approx(expected)


def test_excursions_that_do_not_enclose_the_return_are_flagged():
    settled = settle_excursions(0.02, -0.03, realised=0.2, unit_of_return=FRACTION)
    assert settled.warning == "the excursions do not enclose the return"


# -- in a message -----------------------------------------------------------------------------------------------


def test_a_message_in_fractions_and_the_same_in_percent_mean_the_same():
    prices = {"symbol": "ABC", "entry_price": 10.0, "exit_price": 9.2}
    fractions = prices | {"return": -0.08, "max_favorable_excursion": 0.03, "max_adverse_excursion": -0.09}
    percent = prices | {"return_pct": "-8%", "max_favorable_excursion": 3.0, "max_adverse_excursion": -9.0}
    names = ["return_sent", "max_favorable_excursion_sent", "max_adverse_excursion_sent"]
    assert [trade(fractions)[name] for name in names] == pytest.approx([-0.08, 0.03, -0.09])
    assert [trade(percent)[name] for name in names] == pytest.approx([-0.08, 0.03, -0.09])


def test_excursions_in_fields_of_percentages_are_in_percent():
    row = trade({"symbol": "ABC", "entry_price": 10.0, "exit_price": 9.2, "mfe_pct": 0.3, "mae_pct": 9.0})
    assert (row["max_favorable_excursion_sent"], row["max_adverse_excursion_sent"]) == pytest.approx((0.003, -0.09))


def test_an_impossible_loss_is_rejected_and_the_message_kept():
    normalised = trades_of({"symbol": "ABC", "entry_price": 10.0, "exit_price": 9.2, "mae_pct": -120.0})
    assert normalised.messages["max_adverse_excursion_sent"].item() is None
    assert list(rejected(normalised)) == ["mae_pct"]
