"""Orders of a person about the weights: kept as a fact of their knowledge day, carried out at once.

Belongs here: recording an order and deciding today on it. Not here: what an order does to the weights (learning).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.settings import Settings
from amc_learning.stages.decide import decide_days
from amc_learning.stages.publish import publish_days, published_weights
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
    """
    today = knowledge_day(requested_at)
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
