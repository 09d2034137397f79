"""What a person ordered about the weights.

Belongs here: which order holds on a night. Not here: carrying it out (decision).
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date

import polars as pl


@dataclass(frozen=True)
class OperatorOrder:
    """A rollback in force: hold the weights of this earlier knowledge day until released."""

    target_known_on: date
    reason: str


@dataclass(frozen=True)
class OperatorOrders:
    """All orders by knowledge day; the last one up to a night holds on it."""

    known_on: tuple[date, ...]
    orders: tuple[OperatorOrder | None, ...]

    def on(self, night: date) -> OperatorOrder | None:
        """The rollback that holds on this night; None when there is none or it was released."""
        latest = bisect_right(self.known_on, night) - 1
        return None if latest < 0 else self.orders[latest]


def operator_orders(actions: pl.DataFrame | None) -> OperatorOrders:
    """Read table `operator_actions`; the order of rows does not matter.

    Raises:
        ValueError: an action is neither rollback nor release, or a rollback names no target.
    """
    if actions is None or actions.is_empty():
        return OperatorOrders((), ())
    days: list[date] = []
    orders: list[OperatorOrder | None] = []
    for row in actions.sort("known_on", "requested_at").iter_rows(named=True):
        days.append(row["known_on"])
        if row["action"] == "release":
            orders.append(None)
        elif row["action"] == "rollback" and row["target_known_on"] is not None:
            orders.append(OperatorOrder(row["target_known_on"], row["reason"] or ""))
        else:
            msg = (
                f"operator action of {row['known_on']}: {row['action']!r} with target {row['target_known_on']}; "
                "only release, or rollback with a target_known_on, can be carried out"
            )
            raise ValueError(msg)
    return OperatorOrders(tuple(days), tuple(orders))
