"""From what intake understood to what the inbox keeps; files, the service and replay pass through here.

Belongs here: the two records, nothing else, so that the service may use it without loading a stage. Not here: what
either means (intake, warehouse).
"""

from amc_learning.intake.envelope import Envelope, Quarantined
from amc_learning.warehouse.events import InboxEvent, QuarantineItem


def inbox_event(envelope: Envelope) -> InboxEvent:
    """An accepted event as the inbox keeps it."""
    return InboxEvent(
        kind=envelope.kind,
        event_id=envelope.event_id,
        known_on=envelope.known_on,
        received_at=envelope.received_at,
        occurred_at=envelope.occurred_at,
        occurred_at_source=envelope.occurred_at_source,
        source=envelope.source,
        payload=envelope.payload,
        body_sha256=envelope.body_sha256,
    )


def quarantine_item(item: Quarantined) -> QuarantineItem:
    """What was not accepted, as quarantine keeps it."""
    return QuarantineItem(
        kind=item.kind,
        source=item.source,
        field=item.field,
        reason=item.reason,
        payload=item.text,
        received_at=item.received_at,
    )
