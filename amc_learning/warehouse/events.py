"""What goes through the inbox: events, receipts, and what is kept aside because nobody could understand it.

Belongs here: the records, free of any database, so that whoever makes them need not load one. Not here: storing
them (inbox, quarantine).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime

ID_LENGTH = 16
"""Hex digits of a quarantine identifier; any unambiguous beginning of it will do."""


@dataclass(frozen=True)
class InboxEvent:
    """One event as received; the fields are those of the raw event tables, and `kind` names what it is.

    `body_sha256` says which payloads are one body, in whatever way they were written down; None: the same bytes.
    """

    kind: str
    event_id: str
    known_on: date
    received_at: datetime
    occurred_at: datetime
    occurred_at_source: str
    source: str
    payload: str = field(repr=False)
    body_sha256: str | None = None


@dataclass(frozen=True)
class Receipt:
    """The answer to one event: new, a duplicate (same identifier, same body), or a conflict (another body).

    `quarantine_id` is where the other body of a conflict is kept.
    """

    event_id: str
    is_duplicate: bool
    is_conflict: bool
    quarantine_id: str | None = None


@dataclass(frozen=True)
class KindCounts:
    """Events of one kind: ever accepted, and still to be drained."""

    n_events: int
    n_pending: int


@dataclass(frozen=True)
class Received:
    """What came of one kind since a moment: events, items kept apart; and when the last event came, ever."""

    n_events: int
    n_quarantined: int
    last_received_at: datetime | None


@dataclass(frozen=True)
class QuarantineItem:
    """Something that could not be understood: where it came from, which field, why, and the thing itself."""

    kind: str
    source: str
    field: str
    reason: str
    payload: str
    received_at: datetime
    is_resolved: bool = False

    @property
    def id(self) -> str:
        """Hash of the content without the time of receipt: the same trouble twice is one item."""
        digest = hashlib.sha256()
        for part in (self.kind, self.source, self.field, self.reason, self.payload):
            content = part.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "big") + content)
        return digest.hexdigest()[:ID_LENGTH]
