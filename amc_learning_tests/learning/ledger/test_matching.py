"""Which position a message joins."""

import pytest

from amc_learning_tests.learning.ledger.sent import DAYS, at, folded, issues_of, message

OPENED = at(DAYS[0], 15)
LATER = at(DAYS[1], 15)
CLOSED = at(DAYS[2], 15)


def held(days, day):
    state = days.positions.filter(known_on=day, status="open").sort("position_id")
    return dict(state.select("position_id", "shares_held").iter_rows())


def test_several_trades_of_one_symbol_are_told_apart_by_their_names():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="one"),
        message("b", "OPEN", OPENED, 10.0, 200.0, trade_id="two"),
        message("c", "CLOSE", LATER, 11.0, trade_id="two"),
    )
    assert days.closed.select("trade_id", "realised_pnl_usd").rows() == [("two", 200)]
    assert held(days, DAYS[1]) == {"a": 100}
    assert days.issues.is_empty()


def test_a_close_without_a_name_takes_the_named_trade_bought_at_its_entry_else_the_oldest():
    opened = [
        message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="one"),
        message("b", "OPEN", LATER, 20.0, 100.0, trade_id="two"),
    ]
    by_age = folded(*opened, message("c", "CLOSE", CLOSED, 21.0))
    by_entry = folded(*opened, message("c", "CLOSE", CLOSED, 21.0, entry_price_usd=20.0))
    assert by_age.closed["trade_id"].to_list() == ["one"]
    assert by_entry.closed["trade_id"].to_list() == ["two"]
    assert issues_of(by_age) == issues_of(by_entry) == [("c", "matched_by_symbol")]


def test_without_a_name_a_second_opening_is_a_scale_in():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "OPEN", LATER, 16.0, 50.0),
        message("c", "CLOSE", CLOSED, 12.0),
    )
    assert days.closed.select("n_entries", "average_entry_price_usd").rows() == [(2, 12)]
    assert issues_of(days) == [("b", "open_while_open")]


def test_a_symbol_opened_again_after_its_close_is_a_new_trade():
    for trade_id in (None, "always the same name"):
        days = folded(
            message("a", "OPEN", OPENED, 10.0, 100.0, trade_id=trade_id),
            message("b", "CLOSE", LATER, 11.0, trade_id=trade_id),
            message("c", "OPEN", CLOSED, 20.0, 100.0, trade_id=trade_id),
            message("d", "CLOSE", at(DAYS[3], 15), 18.0, trade_id=trade_id),
        )
        assert days.closed.select("position_id", "realised_pnl_usd").rows() == [("a", 100), ("c", -200)]
        assert days.issues.is_empty()


def test_a_late_change_joins_the_trade_that_was_open_when_it_happened():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "CLOSE", CLOSED, 11.0),
        message("c", "OPEN", at(DAYS[3], 15), 20.0, 100.0),
        message("d", "MODIFY", LATER, 14.0, 50.0, action="REDUCE", known_on=DAYS[4]),
    )
    assert days.closed.select("position_id", "revision", "realised_pnl_usd").rows() == [
        ("a", 1, 100),
        ("a", 2, pytest.approx(4 * 50 + 1 * 50)),
    ]


def test_a_further_close_of_the_same_entry_restates_the_trade_instead_of_counting_it_twice():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "CLOSE", LATER, 12.0, entry_price_usd=10.0),
        message("c", "CLOSE", CLOSED, 11.0, entry_price_usd=10.0),
    )
    assert days.closed.select("position_id", "revision").rows() == [("a", 1), ("a", 2)]
    assert issues_of(days) == [("c", "corrected")]


def test_a_restated_close_keeps_the_entry_the_first_one_stated():
    days = folded(
        message("a", "CLOSE", CLOSED, 9.0, 10.0, entry_price_usd=10.0),
        message("b", "CLOSE", CLOSED, 8.0, known_on=DAYS[3]),
    )
    assert days.closed.select("revision", "status", "realised_return").rows() == [
        (1, "self_contained", pytest.approx(-0.1)),
        (2, "self_contained", pytest.approx(-0.2)),
    ]
    assert issues_of(days) == [("a", "orphan"), ("b", "corrected")]


def test_a_whole_trade_told_at_once_stands_alone():
    days = folded(
        message("a", "ROUND_TRIP", CLOSED, 17.94, entry_price_usd=15.0, position_size_usd=150.0, entered_at=OPENED)
    )
    (trade,) = days.closed.rows(named=True)
    assert (trade["status"], trade["shares"], trade["opened_at"]) == ("self_contained", 10, OPENED)
    assert trade["realised_return"] == pytest.approx(17.94 / 15 - 1)
    assert trade["realised_pnl_usd"] == pytest.approx(29.4)
    assert days.openings["opened_at"].to_list() == [OPENED]
    assert days.issues.is_empty()


def test_a_whole_trade_at_the_entry_of_an_open_position_is_its_close():
    opened = message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="t")
    told = message("b", "ROUND_TRIP", CLOSED, 12.0, entry_price_usd=10.0)
    days = folded(opened, told)
    assert days.closed.select("position_id", "status", "realised_pnl_usd").rows() == [("a", "closed", 200)]
    assert issues_of(days) == [("b", "closed_by_round_trip")]
    other = folded(opened, told | {"entry_price_usd": 11.0})
    assert other.closed["status"].to_list() == ["self_contained"]
    assert held(other, DAYS[2]) == {"a": 100}


def test_a_closed_trade_told_again_at_once_counts_once():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "CLOSE", LATER, 12.0),
        message("c", "ROUND_TRIP", CLOSED, 12.0, entry_price_usd=10.0),
    )
    assert days.closed.height == 1
    assert issues_of(days) == [("c", "duplicate")]


def test_pictures_of_holdings_and_unknown_changes_have_no_effect():
    days = folded(message("a", "SNAPSHOT", OPENED, 10.0, 5.0), message("b", "SPLIT", OPENED, 10.0, 5.0))
    assert issues_of(days) == [("a", "snapshot"), ("b", "not_understood")]
    assert days.positions.is_empty()


def test_a_change_of_what_was_never_opened_waits_and_its_stated_close_stands_alone():
    days = folded(
        message("a", "MODIFY", OPENED, 9.0, 10.0, action="ADD"),
        message("b", "CLOSE", LATER, 12.0, 30.0, entry_price_usd=10.0),
    )
    assert days.closed.select("position_id", "status", "realised_pnl_usd").rows() == [("a", "self_contained", 60)]
    assert issues_of(days) == [("a", "orphan"), ("b", "orphan")]


def test_an_opening_at_another_price_is_not_the_one_a_waiting_close_speaks_of():
    days = folded(
        message("b", "CLOSE", LATER, 12.0, 100.0, entry_price_usd=10.0),
        message("a", "OPEN", OPENED, 7.0, 100.0, known_on=DAYS[3]),
    )
    assert days.closed["status"].to_list() == ["self_contained"]
    assert held(days, DAYS[3]) == {"a": 100}
