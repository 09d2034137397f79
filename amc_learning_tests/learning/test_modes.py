"""Whether a document acts on a day, from the orders of people."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.contracts.declared.decide import publication_orders
from amc_learning.learning.modes import ACTIVE, SHADOW, document_modes

DAY = date(2024, 3, 4)
FIRST = {"weights": ACTIVE, "confidence": SHADOW}


def orders(*given):
    """Rows of publication_orders: day after `DAY`, hour, document, mode."""
    rows = [
        {
            "known_on": DAY + timedelta(days=day),
            "requested_at": datetime.combine(DAY + timedelta(days=day), time(hour), UTC),
            "document": document,
            "mode": mode,
            "ordered_by": "sam",
            "reason": "",
        }
        for day, hour, document, mode in given
    ]
    return pl.DataFrame(rows, schema=publication_orders().schema)


def test_without_an_order_the_setting_holds_since_ever():
    modes = document_modes(None, first=FIRST)
    assert {name: one.on(DAY) for name, one in modes.items()} == FIRST
    assert modes["weights"].since(DAY) is None


def test_an_order_holds_from_its_day_on_and_for_its_document_alone():
    modes = document_modes(orders((1, 9, "weights", SHADOW)), first=FIRST)
    assert [modes["weights"].on(DAY + timedelta(days=day)) for day in (0, 1, 9)] == [ACTIVE, SHADOW, SHADOW]
    assert modes["weights"].since(DAY + timedelta(days=9)) == DAY + timedelta(days=1)
    assert modes["confidence"].since(DAY + timedelta(days=9)) is None


def test_of_one_day_the_last_order_holds_and_an_order_for_what_holds_already_changes_nothing():
    there_and_back = orders((1, 9, "weights", SHADOW), (1, 10, "weights", ACTIVE), (2, 9, "weights", ACTIVE))
    modes = document_modes(there_and_back, first=FIRST)["weights"]
    assert modes.on(DAY + timedelta(days=5)) == ACTIVE
    assert modes.since(DAY + timedelta(days=5)) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 23), st.sampled_from([*FIRST]), st.sampled_from([ACTIVE, SHADOW])),
        max_size=12,
        unique_by=lambda one: (one[0], one[1], one[2]),
    ),
    st.randoms(),
    st.integers(0, 9),
)
def test_the_order_of_rows_and_later_orders_change_nothing_of_a_day(given_orders, random, day):
    table, shuffled = orders(*given_orders), list(given_orders)
    random.shuffle(shuffled)
    known = [one for one in shuffled if one[0] <= day]
    on = DAY + timedelta(days=day)
    for document, first in FIRST.items():
        said = [document_modes(frame, first=FIRST)[document] for frame in (table, orders(*shuffled), orders(*known))]
        assert len({(one.on(on), one.since(on)) for one in said}) == 1
        last = max((one for one in known if one[2] == document), default=None)
        assert said[0].on(on) == (last[3] if last else first)


def test_an_order_that_cannot_be_carried_out_is_said():
    with pytest.raises(ValueError, match="'daily_report' to 'shadow'; what can be carried out: weights, confidence"):
        document_modes(orders((0, 9, "daily_report", SHADOW)), first=FIRST)
