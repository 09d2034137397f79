"""Whether a document acts on a day or is only looked at: what a person ordered last, else what the settings say.

Belongs here: reading orders. Not here: what being in shadow does to a document (weights, stages), carrying an order out
(stages).
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

ACTIVE = "active"
SHADOW = "shadow"


@dataclass(frozen=True)
class DocumentModes:
    """The mode of one document on every day.

    Attributes:
        first: the mode the data directory began in.
        changed_on: days on which a person's order changed it, ascending.
        changed_to: the mode from each of them on.
    """

    first: str
    changed_on: tuple[date, ...] = ()
    changed_to: tuple[str, ...] = ()

    def on(self, day: date) -> str:
        """The mode on this knowledge day.

        >>> modes = DocumentModes("shadow", (date(2024, 3, 4),), ("active",))
        >>> modes.on(date(2024, 3, 1)), modes.on(date(2024, 3, 4))
        ('shadow', 'active')
        """
        place = bisect_right(self.changed_on, day)
        return self.changed_to[place - 1] if place else self.first

    def since(self, day: date) -> date | None:
        """First day of the mode that holds on this day; None when no order has changed it yet."""
        place = bisect_right(self.changed_on, day)
        return self.changed_on[place - 1] if place else None


def document_modes(orders: pl.DataFrame | None, *, first: Mapping[str, str]) -> dict[str, DocumentModes]:
    """Read table `publication_orders`; the order of rows does not matter, and of one day the last order holds.

    Args:
        orders: the table, at least up to the last day that is asked about.
        first: document to the mode the data directory began in; these are the documents that have a mode.

    Raises:
        ValueError: an order names another document or mode.
    """
    found = {document: DocumentModes(mode) for document, mode in first.items()}
    if orders is None or orders.is_empty():
        return found
    last_of_day = orders.sort("known_on", "requested_at").unique(["known_on", "document"], keep="last")
    for known_on, document, mode in last_of_day.sort("known_on").select("known_on", "document", "mode").iter_rows():
        if document not in found or mode not in (ACTIVE, SHADOW):
            known = f"{', '.join(first)} to {ACTIVE} or {SHADOW}"
            msg = f"publication order of {known_on}: {document!r} to {mode!r}; what can be carried out: {known}"
            raise ValueError(msg)
        modes = found[document]
        if modes.on(known_on) != mode:
            found[document] = DocumentModes(modes.first, (*modes.changed_on, known_on), (*modes.changed_to, mode))
    return found
