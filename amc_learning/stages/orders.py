"""Orders of a person about weights and corrections: kept as a fact of their knowledge day, carried out at once.

Belongs here: recording an order and deciding today on it. Not here: what an order does to the weights (learning).
"""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from amc_learning.contracts.documents.names import CORRECTIONS_DOCUMENT
from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.learning.corrections.orders import correction_orders
from amc_learning.learning.weights.operator_orders import operator_orders
from amc_learning.learning.weights.record import ROLLED_BACK
from amc_learning.settings import Settings
from amc_learning.stages.decide import decide_days
from amc_learning.stages.failures import correct_failures
from amc_learning.stages.publish import publish_days, published_on, published_weights
from amc_learning.stages.publish_documents import (
    publish_confidence,
    publish_corrections,
    publish_recommendations,
)
from amc_learning.warehouse import Warehouse


class OrderError(Exception):
    """An order that cannot be carried out; nothing of it was kept."""


@dataclass(frozen=True)
class OperatorOrder:
    """rollback to the weights of `target`, or release; with the person's reason."""

    action: str
    target: date | None
    reason: str


def carry_out(
    warehouse: Warehouse, settings: Settings, order: OperatorOrder, *, requested_at: datetime
) -> dict[str, Any]:
    """Record the order, decide and publish today's knowledge day on it; today's document.

    Today's night decides the day again with everything known by then and comes to the same vector, because it starts
    from the same previous day.

    Raises:
        OrderError: a rollback to a day without a decision, or a release while no rollback holds. Nothing was changed.
    """
    today = knowledge_day(requested_at)
    if order.action == "release" and not is_rolled_back(warehouse, today):
        raise OrderError(
            "no rollback holds the weights: there is nothing to release, and nothing was changed; see: "
            "amc-learning weights history"
        )
    if order.target is not None and (
        order.target >= today or not warehouse.table("weight_decisions").has(order.target)
    ):
        raise OrderError(f"no decision of {order.target} can be taken back to; see: amc-learning weights history")
    row = {
        "known_on": today,
        "requested_at": requested_at,
        "action": order.action,
        "target_known_on": order.target,
        "reason": order.reason,
    }
    actions = warehouse.catalogue["operator_actions"]
    warehouse.table(actions.name).merge(pl.DataFrame([row], schema=actions.schema))
    decide_days(warehouse, settings, [today])
    publish_days(warehouse, settings, [today])
    return published_weights(warehouse, today)


def is_rolled_back(warehouse: Warehouse, day: date) -> bool:
    """Whether a person's rollback holds the weights: it is ordered by this day, or the last decision followed one.

    The decision is asked as well, so that a release that was kept but not carried out can be ordered again.
    """
    orders = operator_orders(warehouse.table("operator_actions").read(None, day))
    return orders.on(day) is not None or is_last_decision_held(warehouse)


def is_last_decision_held(warehouse: Warehouse) -> bool:
    """Whether the last decision followed a person's rollback; taking a harmful change back is none."""
    decided = warehouse.table("weight_decisions")
    if not (days := decided.days()):
        return False
    last = decided.read(days[-1], None, columns=["status", "taken_back_change"])
    return last["status"].first() == ROLLED_BACK and last["taken_back_change"].is_null().all()


@dataclass(frozen=True)
class CorrectionOrder:
    """veto, expire or release the correction of this name, with the person's reason."""

    action: str
    name: str
    reason: str


def carry_out_correction(
    warehouse: Warehouse, settings: Settings, order: CorrectionOrder, *, requested_at: datetime
) -> dict[str, Any]:
    """Record the order, decide and publish today's knowledge day on it; today's corrections document.

    Raises:
        OrderError: there is no correction of this name, or a release of one that was never vetoed. Nothing was changed.
    """
    today = knowledge_day(requested_at)
    table = warehouse.table("corrections")
    known = sorted(set(table.read(None, today, columns=["name"])["name"]))
    if order.name not in known:
        listed = ", ".join(known) or "there are none yet"
        raise OrderError(f"no correction is named {order.name!r}; the names are: {listed}")
    orders = warehouse.catalogue["correction_orders"]
    given = correction_orders(warehouse.table(orders.name).read(None, today))
    if order.action == "release" and not given.was_vetoed(order.name):
        raise OrderError(
            f"no veto holds {order.name}: there is nothing to release, and nothing was changed; see: "
            "amc-learning corrections list"
        )
    row = {"known_on": today, "requested_at": requested_at, **asdict(order)}
    warehouse.table(orders.name).merge(pl.DataFrame([row], schema=orders.schema))
    correct_failures(warehouse, settings, [today])
    decide_days(warehouse, settings, [today])
    publish_days(warehouse, settings, [today])
    publish_corrections(warehouse, settings, [today])
    publish_confidence(warehouse, settings, [today])
    publish_recommendations(warehouse, settings, [today])
    return published_on(warehouse, CORRECTIONS_DOCUMENT, today) or {}
