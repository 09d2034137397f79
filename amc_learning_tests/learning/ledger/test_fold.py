"""What holds of the ledger whatever is sent, and in whatever order and portions."""

import json
import math
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.learning.ledger.fold import fold_messages
from amc_learning.learning.ledger.records import LedgerRules
from amc_learning_tests.learning.ledger.sent import DAYS, NO_STATE, RULES, at, final, folded, frame, message

SPAN = DAYS[:6]
FORGETFUL = LedgerRules(retention_days=1)
PRICES = st.sampled_from([None, 9.0, 10.0, 12.5])
QUANTITIES = st.sampled_from([None, 10.0, 25.0, 40.0])
MINUTES = st.integers(0, 3)
EXAMPLES = settings(max_examples=80, deadline=None)


@st.composite
def anything_sent(draw):
    """Up to twelve messages of every kind over six days: contradictions, repetitions and wild clocks included."""
    rows = []
    for number in range(draw(st.integers(1, 12))):
        day, known = draw(st.integers(0, 5)), draw(st.integers(0, 5))
        happened = at(SPAN[day], 15, draw(MINUTES))
        corrected = st.sampled_from([None, None, None, None, *(row["message_id"] for row in rows)])
        rows.append(
            message(
                f"m{number:02d}",
                draw(st.sampled_from(["OPEN", "OPEN", "MODIFY", "CLOSE", "CLOSE", "ROUND_TRIP", "SNAPSHOT"])),
                happened,
                draw(PRICES),
                draw(QUANTITIES),
                known_on=SPAN[max(day, known)],
                received_at=at(SPAN[max(day, known)], 16, draw(MINUTES)),
                occurred_at_source=draw(st.sampled_from(["payload", "payload", "receipt"])),
                symbol=draw(st.sampled_from(["ABC", "XYZ"])),
                trade_id=draw(st.sampled_from([None, "t1", "t2"])),
                action=draw(st.sampled_from(["ADD", "REDUCE", None])),
                entry_price_usd=draw(PRICES),
                remaining_shares=draw(QUANTITIES),
                corrects=draw(corrected),
            )
        )
    return rows


def is_same(one, other):
    return all(a.equals(b) for a, b in zip(one, other, strict=True))


@EXAMPLES
@given(anything_sent(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert is_same(folded(*rows, days=SPAN), folded(*shuffled, days=SPAN))


@EXAMPLES
@given(anything_sent(), st.sets(st.integers(1, 5)), st.sampled_from([RULES, FORGETFUL]))
def test_nights_give_the_rows_of_the_range_wherever_it_is_cut(rows, cuts, rules):
    whole = folded(*rows, days=SPAN, rules=rules)
    bounds = [0, *sorted(cuts), len(SPAN)]
    state, parts = NO_STATE, []
    for start, stop in pairwise(bounds):
        days = SPAN[start:stop]
        sent = frame(*(row for row in rows if row["known_on"] in days))
        parts.append(fold_messages(sent, state, as_of=days, rules=rules))
        state = parts[-1].positions.filter(known_on=days[-1])
    assert is_same([pl.concat(pieces) for pieces in zip(*parts, strict=True)], whole)


@EXAMPLES
@given(anything_sent())
def test_every_message_is_part_of_a_position_or_has_an_issue(rows):
    days = folded(*rows, days=SPAN)
    told = set(days.issues["message_id"])
    kept = {sent["message_id"] for text in days.positions["messages"] for sent in json.loads(text)}
    assert {row["message_id"] for row in rows} == told | kept


@EXAMPLES
@given(anything_sent())
def test_no_key_twice_on_a_day_no_nan_and_profit_is_always_that_of_the_averages(rows):
    days = folded(*rows, days=SPAN)
    for table, key in (
        (days.positions, ["position_id"]),
        (days.closed, ["position_id"]),
        (days.openings, ["position_id"]),
        (days.issues, ["message_id", "issue"]),
    ):
        assert not table.select("known_on", *key).is_duplicated().any()
    for trade in days.closed.rows(named=True):
        numbers = [value for value in trade.values() if isinstance(value, float)]
        assert all(math.isfinite(value) for value in numbers)
        if trade["realised_pnl_usd"] is not None:
            spread = trade["average_exit_price_usd"] - trade["average_entry_price_usd"]
            assert trade["realised_pnl_usd"] == pytest.approx(spread * trade["shares"], abs=1e-9)


@EXAMPLES
@given(anything_sent(), st.integers(0, 11), st.integers(1, 4))
def test_sending_a_message_again_changes_nothing_but_the_issues(rows, which, later):
    repeated = rows[which % len(rows)]
    known_on = DAYS[5 + later]
    again = repeated | {"message_id": "again", "event_id": "again", "known_on": known_on}
    again["received_at"] = at(known_on, 20)
    before, after = folded(*rows), folded(*rows, again)
    assert before.closed.equals(after.closed)
    assert before.openings.equals(after.openings)
    assert before.positions.equals(after.positions)
    told = after.issues.filter(message_id="again")["issue"].to_list()
    alike = {"SNAPSHOT": [["snapshot"]], "ROUND_TRIP": [["duplicate"]]}
    assert told in alike.get(repeated["change_type"], [["duplicate"]])


@dataclass
class Account:
    """A purse beside the ledger: what was paid and what came back."""

    paid: float = 0.0
    received: float = 0.0
    shares: int = 0


@st.composite
def well_formed(draw):
    """Named trades as a careful sender reports them, each with its own account; all closed within six days."""
    rows, accounts = [], {}
    for number in range(draw(st.integers(1, 4))):
        name = f"t{number}"
        account = accounts[name] = Account()
        changes = draw(st.lists(st.tuples(st.booleans(), st.integers(1, 40), st.integers(5, 20)), max_size=4))
        day = draw(st.integers(0, 1))
        shares, price = draw(st.integers(1, 100)), draw(st.integers(5, 20))

        def add(kind, step, price, shares, *, day=day, name=name, **said):
            happened = at(SPAN[min(day + step, 5)], 15, step)
            rows.append(message(f"{name}/{step}", kind, happened, float(price), float(shares), trade_id=name, **said))

        add("OPEN", 0, price, shares)
        account.paid, account.shares = price * shares, shares
        for step, (is_add, quantity, at_price) in enumerate(changes, start=1):
            if is_add:
                add("MODIFY", step, at_price, quantity, action="ADD")
                account.paid += at_price * quantity
                account.shares += quantity
            elif quantity < account.shares:
                add("MODIFY", step, at_price, quantity, action="REDUCE")
                account.received += at_price * quantity
                account.shares -= quantity
        price = draw(st.integers(5, 20))
        add("CLOSE", len(changes) + 1, price, account.shares)
        account.received += price * account.shares
    return rows, accounts


@EXAMPLES
@given(well_formed())
def test_profit_is_what_came_back_less_what_was_paid(sent):
    rows, accounts = sent
    days = folded(*rows)
    assert days.issues.is_empty()
    ours = dict(days.closed.select("trade_id", "realised_pnl_usd").iter_rows())
    assert ours == {name: pytest.approx(a.received - a.paid, abs=1e-6) for name, a in accounts.items()}
    returns = dict(days.closed.select("trade_id", "realised_return").iter_rows())
    assert returns == {name: pytest.approx(a.received / a.paid - 1, abs=1e-12) for name, a in accounts.items()}


@EXAMPLES
@given(well_formed(), st.data())
def test_the_day_a_message_arrives_on_never_changes_what_the_trade_finally_was(sent, data):
    rows, _ = sent
    delays = data.draw(st.lists(st.integers(0, 6), min_size=len(rows), max_size=len(rows)))
    delayed = [
        row | {"known_on": DAYS[DAYS.index(row["known_on"]) + delay], "received_at": at(DAYS[-1], 16)}
        for row, delay in zip(rows, delays, strict=True)
    ]
    assert final(folded(*rows).closed).equals(final(folded(*delayed).closed))


@EXAMPLES
@given(well_formed(), st.randoms(use_true_random=False))
def test_the_order_in_which_a_day_arrives_changes_no_closed_trade(sent, random):
    rows, _ = sent
    one_day = [row | {"known_on": DAYS[5]} for row in rows]
    times = random.sample(range(len(rows)), len(rows))
    arrived = [
        row | {"received_at": at(DAYS[5], 20) + timedelta(seconds=n)} for row, n in zip(one_day, times, strict=True)
    ]
    assert folded(*one_day).closed.equals(folded(*arrived).closed)


@EXAMPLES
@given(anything_sent())
def test_days_without_messages_repeat_the_state(rows):
    quiet = folded(*rows).positions.filter(pl.col("known_on") > SPAN[-1])
    last = folded(*rows).positions.filter(known_on=SPAN[-1]).drop("known_on")
    for (_,), state in quiet.group_by("known_on"):
        assert state.drop("known_on").sort("position_id").equals(last)


def test_no_days_and_no_messages_give_no_rows():
    assert all(table.is_empty() for table in folded(days=[]))
    assert all(table.is_empty() for table in folded())


def test_what_would_lose_a_message_or_a_day_is_refused():
    sent = message("a", "OPEN", at(DAYS[0], 15), 10.0)
    with pytest.raises(ValueError, match="ascending"):
        folded(days=[DAYS[1], DAYS[0]])
    with pytest.raises(ValueError, match="1 messages lie outside the days to fold"):
        folded(sent, days=DAYS[1:])
    state = folded(sent).positions
    with pytest.raises(ValueError, match="one day"):
        folded(state=state)
    with pytest.raises(ValueError, match="one day"):
        folded(state=state.filter(known_on=DAYS[0]))
