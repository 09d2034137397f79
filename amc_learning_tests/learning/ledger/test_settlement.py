"""What messages amount to, in cases small enough for arithmetic by hand; each is folded, as the loop does it."""

from datetime import timedelta

import pytest

from amc_learning.learning.ledger.records import LedgerRules
from amc_learning_tests.learning.ledger.sent import DAYS, at, folded, issues_of, message

OPENED = at(DAYS[0], 15)
LATER = at(DAYS[1], 15)
CLOSED = at(DAYS[2], 15)


def only(frame):
    assert frame.height == 1
    return frame.row(0, named=True)


def test_a_plain_trade_returns_proceeds_over_cost_and_is_known_on_the_day_of_its_close():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0, signal_date=DAYS[0]),
        message("b", "CLOSE", CLOSED, 12.0, 100.0, exit_reason="manual", exit_reason_sent="by hand"),
    )
    trade = only(days.closed)
    assert (trade["known_on"], trade["position_id"], trade["revision"], trade["status"]) == (DAYS[2], "a", 1, "closed")
    assert (trade["cost_usd"], trade["realised_pnl_usd"]) == (1000, 200)
    assert trade["realised_return"] == pytest.approx(0.2, abs=1e-15)
    assert (trade["opened_at"], trade["closed_at"], trade["signal_date"]) == (OPENED, CLOSED, DAYS[0])
    assert (trade["exit_reason"], trade["exit_reason_sent"]) == ("manual", "by hand")
    opening = only(days.openings)
    assert (opening["known_on"], opening["entry_price_usd"], opening["shares"]) == (DAYS[0], 10, 100)
    assert days.issues.is_empty()


def test_scale_ins_and_partial_exits_count_by_their_shares():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "MODIFY", LATER, 13.0, 50.0, action="ADD", remaining_shares=150.0, average_entry_price_usd=11.0),
        message("c", "MODIFY", LATER + timedelta(hours=1), 14.0, 60.0, action="REDUCE", remaining_shares=90.0),
        message("d", "CLOSE", CLOSED, 9.0, 90.0, entry_price_usd=11.0),
    )
    # Paid 10 x 100 + 13 x 50 = 1650; received 14 x 60 + 9 x 90 = 1650: all gained on the part was lost on the rest.
    trade = only(days.closed)
    assert (trade["n_entries"], trade["n_exits"], trade["shares"], trade["cost_usd"]) == (2, 2, 150, 1650)
    assert trade["realised_pnl_usd"] == pytest.approx(0, abs=1e-9)
    assert trade["realised_return"] == pytest.approx(0, abs=1e-12)
    assert (trade["average_entry_price_usd"], trade["average_exit_price_usd"]) == (11, 11)
    assert days.issues.is_empty()
    state = days.positions.filter(known_on=DAYS[1]).row(0, named=True)
    assert (state["status"], state["shares_held"], state["average_entry_price_usd"]) == ("open", 90, 11)
    assert state["realised_pnl_usd"] == pytest.approx((14 - 11) * 60)


def test_stated_numbers_that_contradict_ours_are_issues_and_change_nothing():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "MODIFY", LATER, 13.0, 50.0, action="ADD", remaining_shares=140.0, average_entry_price_usd=12.0),
        message("c", "CLOSE", CLOSED, 11.0, 200.0, entry_price_usd=15.0),
    )
    assert issues_of(days) == [
        ("b", "average_differs"),
        ("b", "remaining_differs"),
        ("c", "entry_differs"),
        ("c", "quantity_differs"),
    ]
    trade = only(days.closed)
    assert (trade["shares"], trade["average_entry_price_usd"], trade["realised_pnl_usd"]) == (150, 11, 0)


def test_a_close_of_fewer_shares_leaves_the_rest_open():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="t"),
        message("b", "CLOSE", LATER, 12.0, 40.0, trade_id="t"),
        message("c", "CLOSE", CLOSED, 15.0, 60.0, trade_id="t"),
    )
    assert issues_of(days) == [("b", "partial_close")]
    trade = only(days.closed)
    assert (trade["known_on"], trade["n_exits"]) == (DAYS[2], 2)
    assert trade["realised_pnl_usd"] == pytest.approx(2 * 40 + 5 * 60)


def test_selling_the_last_share_in_parts_closes_the_trade():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "MODIFY", LATER, 12.0, 30.0, action="REDUCE"),
        message("c", "MODIFY", CLOSED, 14.0, 90.0, action="REDUCE"),
    )
    assert issues_of(days) == [("c", "oversold")]
    assert only(days.closed)["realised_pnl_usd"] == pytest.approx(2 * 30 + 4 * 70)


def test_a_close_without_a_price_closes_with_an_unknown_return():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "CLOSE", CLOSED, None, 100.0, return_sent=-0.15, exit_reason="stop_loss"),
    )
    trade = only(days.closed)
    assert (trade["realised_return"], trade["realised_pnl_usd"], trade["cost_usd"]) == (None, None, 1000)
    assert issues_of(days) == [("b", "missing_price")]
    assert "-0.1500" in days.issues["detail"].item()


@pytest.mark.parametrize("price", [0.0, -1.0])
def test_a_price_that_is_not_positive_counts_as_not_sent(price):
    days = folded(message("a", "OPEN", OPENED, 10.0, 1.0), message("b", "CLOSE", CLOSED, price, 1.0))
    assert only(days.closed)["realised_return"] is None


def test_without_quantities_the_return_is_that_of_the_prices_and_money_stays_unknown():
    days = folded(message("a", "OPEN", OPENED, 10.0), message("b", "CLOSE", CLOSED, 12.0))
    trade = only(days.closed)
    assert trade["realised_return"] == pytest.approx(0.2)
    assert (trade["shares"], trade["cost_usd"], trade["realised_pnl_usd"]) == (None, None, None)
    assert issues_of(days) == [("a", "missing_quantity")]


def test_shares_follow_from_the_money_put_in_or_from_the_sale_of_all():
    by_money = folded(message("a", "OPEN", OPENED, 10.0, position_size_usd=500.0), message("b", "CLOSE", CLOSED, 12.0))
    by_sale = folded(message("a", "OPEN", OPENED, 10.0), message("b", "CLOSE", CLOSED, 12.0, 50.0))
    assert only(by_money.closed)["realised_pnl_usd"] == only(by_sale.closed)["realised_pnl_usd"] == 100


def test_a_close_before_its_opening_is_known_waits_and_is_stated_when_it_arrives():
    days = folded(
        message("b", "CLOSE", LATER, 12.0, 100.0, trade_id="t"),
        message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="t", known_on=DAYS[3]),
    )
    assert issues_of(days) == [("b", "orphan")]
    assert days.positions.filter(known_on=DAYS[1])["status"].to_list() == ["awaiting_open"]
    trade = only(days.closed)
    assert (trade["known_on"], trade["revision"], trade["status"]) == (DAYS[3], 1, "closed")
    assert trade["realised_return"] == pytest.approx(0.2)


@pytest.mark.parametrize("trade_id", ["t", None])
def test_a_close_that_states_its_entry_stands_alone_and_is_restated_when_the_opening_arrives(trade_id):
    days = folded(
        message("b", "CLOSE", LATER, 12.0, 100.0, entry_price_usd=10.0, trade_id=trade_id),
        message("a", "OPEN", OPENED, 10.001, 100.0, trade_id=trade_id, known_on=DAYS[3]),
    )
    first, second = days.closed.rows(named=True)
    assert (first["known_on"], first["revision"], first["status"]) == (DAYS[1], 1, "self_contained")
    assert (second["known_on"], second["revision"], second["status"]) == (DAYS[3], 2, "closed")
    assert (first["position_id"], second["position_id"]) == ("b", "b")
    assert (first["opened_at"], second["opened_at"]) == (None, OPENED)
    assert first["realised_return"] == pytest.approx(0.2)
    assert second["realised_return"] == pytest.approx(12 / 10.001 - 1)


def test_a_close_that_no_opening_ever_comes_for_expires():
    days = folded(message("b", "CLOSE", OPENED, 12.0, trade_id="t"), rules=LedgerRules(retention_days=3))
    assert issues_of(days) == [("b", "expired"), ("b", "orphan")]
    # Known on a Monday: three days later is Thursday, and on Friday it is gone.
    assert days.positions["known_on"].to_list() == DAYS[:4]
    assert days.issues.filter(issue="expired")["known_on"].item() == DAYS[4]


def test_a_message_that_names_what_it_corrects_replaces_it_and_the_trade_is_stated_again():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "CLOSE", LATER, 12.0, 100.0),
        message("c", "OPEN", OPENED, 8.0, 100.0, corrects="a", known_on=DAYS[4]),
    )
    assert days.closed.select("known_on", "revision", "realised_return").rows() == [
        (DAYS[1], 1, pytest.approx(0.2)),
        (DAYS[4], 2, pytest.approx(0.5)),
    ]
    assert days.openings.select("known_on", "revision", "entry_price_usd").rows() == [(DAYS[0], 1, 10), (DAYS[4], 2, 8)]
    assert issues_of(days) == [("c", "corrected")]


def test_of_two_closes_of_one_named_trade_the_later_received_counts_whatever_their_clocks_say():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="t"),
        message("b", "CLOSE", CLOSED, 12.0, 100.0, trade_id="t"),
        message("c", "CLOSE", LATER, 11.0, 100.0, trade_id="t", known_on=DAYS[3]),
    )
    assert days.closed["realised_return"].to_list() == [pytest.approx(0.2), pytest.approx(0.1)]
    assert days.closed["closed_at"].to_list() == [CLOSED, LATER]
    assert issues_of(days) == [("c", "corrected")]


def test_of_two_openings_of_one_named_trade_the_later_received_counts():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="t"),
        message("b", "OPEN", OPENED, 11.0, 90.0, trade_id="t", received_at=OPENED + timedelta(hours=1)),
        message("c", "CLOSE", CLOSED, 22.0, trade_id="t"),
    )
    trade = only(days.closed)
    assert (trade["n_entries"], trade["shares"], trade["realised_return"]) == (1, 90, pytest.approx(1.0))


def test_a_correction_that_undoes_the_close_takes_the_statement_back():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="t"),
        message("b", "CLOSE", LATER, 12.0, 100.0, trade_id="t"),
        message("c", "CLOSE", LATER, 12.0, 60.0, trade_id="t", corrects="b", known_on=DAYS[2]),
        message("d", "CLOSE", at(DAYS[3], 15), 20.0, 40.0, trade_id="t"),
    )
    assert days.closed.select("revision", "status", "realised_pnl_usd").rows() == [
        (1, "closed", 200),
        (2, "reopened", None),
        (3, "closed", pytest.approx(2 * 60 + 10 * 40)),
    ]
    assert days.positions.filter(known_on=DAYS[2])["shares_held"].to_list() == [40]


def test_the_same_said_again_under_another_event_has_no_effect():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "OPEN", OPENED, 10.0, 100.0, known_on=DAYS[1], received_at=LATER),
        message("c", "CLOSE", CLOSED, 12.0),
        message("d", "CLOSE", CLOSED, 12.0, known_on=DAYS[5]),
    )
    assert issues_of(days) == [("b", "duplicate"), ("d", "duplicate")]
    assert only(days.closed)["realised_pnl_usd"] == 200


def test_a_correction_sent_twice_corrects_once():
    added = {"action": "ADD", "corrects": "b"}
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "MODIFY", LATER, 10.0, 50.0, action="ADD"),
        message("c", "MODIFY", LATER, 10.0, 60.0, **added, known_on=DAYS[2]),
        message("d", "MODIFY", LATER, 10.0, 60.0, **added, known_on=DAYS[3]),
    )
    assert days.positions.filter(known_on=DAYS[3])["shares_held"].to_list() == [160]
    assert issues_of(days) == [("c", "corrected"), ("d", "duplicate")]


def test_a_correction_of_what_is_not_known_is_a_message_of_its_own():
    days = folded(message("a", "OPEN", OPENED, 10.0, 100.0, corrects="nothing"), message("b", "CLOSE", CLOSED, 12.0))
    assert issues_of(days) == [("a", "corrects_unknown")]
    assert only(days.closed)["realised_pnl_usd"] == 200


def test_a_correction_under_another_symbol_corrects_and_the_symbol_is_kept():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0),
        message("b", "OPEN", OPENED, 8.0, 100.0, corrects="a", symbol="XYZ", known_on=DAYS[1]),
        message("c", "OPEN", OPENED, 8.0, 100.0, corrects="a", symbol="XYZ", known_on=DAYS[2]),
    )
    assert days.openings.select("symbol", "entry_price_usd").rows() == [("ABC", 10), ("ABC", 8)]
    assert issues_of(days) == [("b", "corrected"), ("b", "symbol_differs"), ("c", "duplicate")]


def test_a_clock_that_closes_before_it_opens_keeps_the_return():
    days = folded(
        message("a", "OPEN", LATER, 10.0, 100.0, trade_id="t"),
        message("b", "CLOSE", OPENED, 12.0, 100.0, trade_id="t", known_on=DAYS[1]),
    )
    assert issues_of(days) == [("b", "closed_before_opened")]
    assert only(days.closed)["realised_return"] == pytest.approx(0.2)


def test_a_change_that_neither_adds_nor_reduces_and_one_after_the_close_have_no_effect():
    days = folded(
        message("a", "OPEN", OPENED, 10.0, 100.0, trade_id="t"),
        message("b", "MODIFY", LATER, 11.0, 5.0, trade_id="t"),
        message("c", "CLOSE", CLOSED, 12.0, trade_id="t"),
        message("d", "MODIFY", at(DAYS[3], 15), 12.0, 5.0, action="REDUCE", trade_id="t"),
    )
    assert issues_of(days) == [("b", "missing_action"), ("d", "after_close")]
    assert only(days.closed)["realised_pnl_usd"] == 200


@pytest.mark.parametrize(
    "wrong", [{"retention_days": -1}, {"price_tolerance": -0.1}, {"quantity_tolerance": 1.0}], ids=str
)
def test_rules_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LedgerRules(**wrong)
