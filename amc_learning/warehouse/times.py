"""Instants as whole microseconds since 1970 UTC: what every database keeps exactly and orders right.

Belongs here: the conversion both ways. Not here: whose clock it was (intake).
"""

from datetime import UTC, datetime, timedelta

from amc_learning.warehouse.errors import InboxError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(instant: datetime, name: str) -> int:
    """Microseconds since 1970 UTC, exact; `name` says in the error what the instant is.

    Raises:
        InboxError: the instant has no time zone.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC), "received_at")
    1000005
    """
    if instant.tzinfo is None:
        raise InboxError(f"{name} {instant.isoformat()} has no time zone; instants are stored in UTC")
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(value: int) -> datetime:
    """The instant in UTC; inverse of `microseconds`."""
    return EPOCH + timedelta(microseconds=value)
