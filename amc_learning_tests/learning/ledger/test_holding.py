"""Sessions and excursions of closed trades, by hand on four bars."""

from datetime import timedelta

import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.ledger.holding import bars_required_from, closed_trades
from amc_learning_tests.learning.ledger.sent import DAYS, SESSIONS, at, folded, message

PRICES = {DAYS[0]: (10, 14, 6, 11), DAYS[1]: (11, 12, 9, 10), DAYS[2]: (10, 13, 7, 12), DAYS[3]: (12, 20, 2, 13)}
"""Open, high, low and close of ABC."""


def bars(days=tuple(PRICES)):
    rows = [
        dict(zip(("open_usd", "high_usd", "low_usd", "close_usd"), PRICES[day], strict=True))
        | {"known_on": day, "symbol": "ABC", "volume_shares": None}
        for day in days
    ]
    return pl.DataFrame(rows, schema=catalogue(())["price_bars"].schema)


def trade(opened_at, closed_at, *, exit_price=10.0, days=tuple(PRICES), **options):
    sent = [
        message("a", "OPEN", opened_at, 10.0, 1.0, known_on=DAYS[-1], trade_id="t"),
        message("b", "CLOSE", closed_at, exit_price, known_on=DAYS[-1], trade_id="t"),
    ]
    rows = closed_trades(folded(*sent).closed, bars(days), SESSIONS, **options)
    assert rows.height == 1
    return rows.row(0, named=True)


def excursions(*when, **options):
    row = trade(*when, **options)
    best, worst = row["max_favorable_excursion"], row["max_adverse_excursion"]
    return None if best is None else (round(best, 12), round(worst, 12))


AT_OPEN, AT_CLOSE = at(DAYS[0], 14, 30), at(DAYS[2], 21)
INSIDE, INSIDE_LAST = at(DAYS[0], 18), at(DAYS[2], 18)


def test_held_from_open_to_close_every_range_counts_and_nothing_after():
    row = trade(AT_OPEN, AT_CLOSE)
    assert (row["entry_date"], row["exit_date"], row["holding_sessions"]) == (DAYS[0], DAYS[2], 3)
    assert (row["max_favorable_excursion"], row["max_adverse_excursion"]) == (pytest.approx(0.4), pytest.approx(-0.4))
    assert row["n_missing_bars"] == 0


@pytest.mark.parametrize(
    ("opened_at", "closed_at", "exit_price", "expected"),
    [
        (AT_OPEN, INSIDE_LAST, 9.5, (0.4, -0.4)),  # highs 14 and 12, lows 6 and 9; then open 10 and exit 9.5
        (INSIDE, AT_CLOSE, 12.0, (0.3, -0.3)),  # close 11; 12, 9; 13, 7
        (INSIDE, INSIDE_LAST, 8.0, (0.2, -0.2)),  # close 11; 12, 9; open 10, exit 8
        (INSIDE, INSIDE + timedelta(hours=1), 10.5, (0.05, 0)),  # the two fills
        (at(DAYS[1], 14, 34), at(DAYS[1], 20, 56), 10.0, (0.2, -0.1)),  # at the edges: the whole range 12, 9
    ],
)
def test_of_sessions_it_was_bought_or_sold_in_only_what_it_lived_through_counts(
    opened_at, closed_at, exit_price, expected
):
    assert excursions(opened_at, closed_at, exit_price=exit_price) == pytest.approx(expected)


def test_a_date_without_a_time_falls_on_its_session():
    # Midnight in New York: bought before the open of day 1, sold before the open of day 2, of which nothing counts.
    row = trade(at(DAYS[1], 5), at(DAYS[2], 5), exit_price=12.5)
    assert (row["entry_date"], row["exit_date"], row["holding_sessions"]) == (DAYS[1], DAYS[2], 2)
    assert row["max_favorable_excursion"] == pytest.approx(0.25)
    assert row["max_adverse_excursion"] == pytest.approx(-0.1)


def test_bought_after_the_close_it_is_held_from_the_next_session():
    assert trade(at(DAYS[0], 22), AT_CLOSE)["entry_date"] == DAYS[1]
    overnight = trade(at(DAYS[0], 22), at(DAYS[0], 23))
    assert (overnight["holding_sessions"], overnight["max_favorable_excursion"]) == (0, None)


def test_a_weekend_belongs_to_the_friday_before_for_a_sale_and_to_monday_for_a_purchase():
    saturday = at(DAYS[4], 15) + timedelta(days=1)
    assert trade(AT_OPEN, saturday)["exit_date"] == DAYS[4]
    assert trade(saturday, at(DAYS[6], 21))["entry_date"] == DAYS[5]


def test_missing_bars_are_counted_and_without_any_nothing_is_measured():
    row = trade(AT_OPEN, AT_CLOSE, days=DAYS[1:3])
    assert (row["n_missing_bars"], row["max_favorable_excursion"]) == (1, pytest.approx(0.3))
    row = trade(AT_OPEN, AT_CLOSE, days=[DAYS[3]])
    assert (row["n_missing_bars"], row["max_favorable_excursion"], row["max_adverse_excursion"]) == (3, None, None)


def test_an_unknown_price_or_opening_leaves_excursions_unknown():
    assert excursions(AT_OPEN, AT_CLOSE, exit_price=None) is None
    alone = folded(message("b", "CLOSE", AT_CLOSE, 12.0, entry_price_usd=10.0)).closed
    row = closed_trades(alone, bars(), SESSIONS).row(0, named=True)
    assert (row["entry_date"], row["holding_sessions"], row["n_missing_bars"]) == (None, None, None)
    assert row["exit_date"] == DAYS[2]


def test_opened_before_the_sessions_given_the_entry_is_unknown_rather_than_wrong():
    closed = folded(message("a", "OPEN", AT_OPEN, 10.0), message("b", "CLOSE", AT_CLOSE, 9.0)).closed
    row = closed_trades(closed, bars(), SESSIONS[1:]).row(0, named=True)
    assert (row["entry_date"], row["holding_sessions"], row["max_favorable_excursion"]) == (None, None, None)
    assert row["exit_date"] == DAYS[2]


def test_a_close_dated_before_its_opening_has_no_sessions():
    assert trade(AT_CLOSE, AT_OPEN)["holding_sessions"] is None


def test_trades_held_too_long_have_no_excursions_and_need_no_bars():
    assert excursions(AT_OPEN, AT_CLOSE, longest_sessions=2) is None
    closed = folded(message("a", "OPEN", AT_OPEN, 10.0), message("b", "CLOSE", AT_CLOSE, 9.0)).closed
    assert bars_required_from(closed, SESSIONS, longest_sessions=2) is None
    assert bars_required_from(closed, SESSIONS, longest_sessions=3) == DAYS[0]


def test_no_trades_give_no_rows_with_all_columns():
    empty = closed_trades(folded().closed, bars(), SESSIONS)
    assert empty.is_empty()
    assert {"holding_sessions", "max_favorable_excursion", "n_missing_bars", "exit_date"} <= set(empty.columns)
    assert bars_required_from(folded().closed, SESSIONS, longest_sessions=9) is None
