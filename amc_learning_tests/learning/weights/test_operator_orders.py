from datetime import date

import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.weights.operator_orders import operator_orders
from amc_learning_tests.learning.weights.worlds import NAMES, order

SCHEMA = catalogue(NAMES)["operator_actions"].schema


def actions(*orders):
    return pl.DataFrame(list(orders), schema=SCHEMA)


def test_a_rollback_holds_from_its_day_until_the_release():
    orders = operator_orders(
        actions(order(date(2020, 1, 10), "release"), order(date(2020, 1, 6), "rollback", date(2020, 1, 2)))
    )
    assert orders.on(date(2020, 1, 3)) is None
    assert orders.on(date(2020, 1, 6)).target_known_on == date(2020, 1, 2)
    assert orders.on(date(2020, 1, 9)).target_known_on == date(2020, 1, 2)
    assert orders.on(date(2020, 1, 10)) is None


def test_no_actions_are_no_orders():
    assert operator_orders(None).on(date(2020, 1, 6)) is None
    assert operator_orders(actions()).on(date(2020, 1, 6)) is None


@pytest.mark.parametrize(("action", "target"), [("rollback", None), ("undo", date(2020, 1, 2))])
def test_an_order_that_cannot_be_carried_out_is_said(action, target):
    with pytest.raises(ValueError, match="only release, or rollback with a target"):
        operator_orders(actions(order(date(2020, 1, 6), action, target)))
