"""What a person ordered about corrections.

Belongs here: which order holds on a night. Not here: carrying it out (lifecycle).
"""

from dataclasses import dataclass, field
from datetime import date

import polars as pl


@dataclass(frozen=True)
class CorrectionOrder:
    """One order about one correction."""

    known_on: date
    action: str
    reason: str


@dataclass(frozen=True)
class CorrectionOrders:
    """All orders per correction, in the order in which they were given."""

    by_name: dict[str, tuple[CorrectionOrder, ...]] = field(default_factory=dict)

    def veto_on(self, name: str, night: date) -> CorrectionOrder | None:
        """The veto that stands on this night; None when there is none or it was released."""
        standing = None
        for order in self.by_name.get(name, ()):
            if order.known_on <= night and order.action != "expire":
                standing = order if order.action == "veto" else None
        return standing

    def was_vetoed(self, name: str) -> bool:
        """Whether a veto was ever given, released since or not."""
        return any(order.action == "veto" for order in self.by_name.get(name, ()))

    def expiry_of(self, name: str, *, created_on: date, night: date) -> CorrectionOrder | None:
        """The order that ended the correction created that day; None when there is none."""
        found = None
        for order in self.by_name.get(name, ()):
            if order.action == "expire" and created_on <= order.known_on <= night:
                found = order
        return found


def correction_orders(orders: pl.DataFrame | None) -> CorrectionOrders:
    """Read table `correction_orders`; the order of rows does not matter.

    Raises:
        ValueError: an action is none of veto, expire, release.
    """
    by_name: dict[str, tuple[CorrectionOrder, ...]] = {}
    if orders is None or orders.is_empty():
        return CorrectionOrders()
    for row in orders.sort("known_on", "requested_at").iter_rows(named=True):
        if row["action"] not in {"veto", "expire", "release"}:
            msg = (
                f"correction order of {row['requested_at']} about {row['name']}: {row['action']!r} cannot be carried "
                "out; only veto, expire and release can"
            )
            raise ValueError(msg)
        order = CorrectionOrder(row["known_on"], row["action"], row["reason"] or "")
        by_name[row["name"]] = (*by_name.get(row["name"], ()), order)
    return CorrectionOrders(by_name)
