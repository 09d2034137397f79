"""Records of requests to the service, summed by minute, so that its health survives a restart.

Belongs here: adding up and asking for sums. Not here: what an outcome is called (service), the events themselves
(inbox). They lie in the database of the inbox: a record costs no second file, and is as durable as an event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from amc_learning.warehouse.database import REQUESTS, Database
from amc_learning.warehouse.times import microseconds

KEPT_FOR = timedelta(days=40)
"""Long enough for every number of the health report, short enough to stay small: about 60,000 rows at most a flow."""


class RequestKey(NamedTuple):
    """What requests are summed by: the minute since 1970 UTC, the flow they belong to, and how they ended."""

    minute: int
    flow: str
    outcome: str


@dataclass(frozen=True)
class RequestSum:
    """How many requests there were, and how long they took together."""

    n_requests: int = 0
    latency_us: int = 0

    def __add__(self, other: "RequestSum") -> "RequestSum":
        """Both together.

        >>> RequestSum(1, 250) + RequestSum(2, 750)
        RequestSum(n_requests=3, latency_us=1000)
        """
        return RequestSum(self.n_requests + other.n_requests, self.latency_us + other.latency_us)

    @property
    def mean_latency_ms(self) -> float | None:
        """Mean duration; None when there was no request."""
        return self.latency_us / self.n_requests / 1000 if self.n_requests else None


def minute_of(instant: datetime) -> int:
    """Minutes since 1970 UTC.

    >>> from datetime import UTC
    >>> minute_of(datetime(1970, 1, 1, 1, 0, 59, tzinfo=UTC))
    60
    """
    return microseconds(instant, "the time of a request") // 60_000_000


class RequestRecords:
    """Sums of requests in the database of an inbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, sums: Mapping[RequestKey, RequestSum]) -> None:
        """Add these to what is stored, durably.

        Raises:
            StorageError: the database refused; nothing was added, and the same call may be made again.
        """
        if not sums:
            return
        rows = [
            {
                "minute": key.minute,
                "flow": key.flow,
                "outcome": key.outcome,
                "n_requests": one.n_requests,
                "latency_us": one.latency_us,
            }
            for key, one in sums.items()
        ]
        statement = self._database.insert(REQUESTS)
        columns = REQUESTS.c
        added = statement.on_conflict_do_update(
            index_elements=["minute", "flow", "outcome"],
            set_={
                "n_requests": columns.n_requests + statement.excluded.n_requests,
                "latency_us": columns.latency_us + statement.excluded.latency_us,
            },
        )
        with self._database.writing() as connection:
            connection.execute(added, rows)

    def sums(self, since: datetime, until: datetime | None = None) -> dict[tuple[str, str], RequestSum]:
        """Requests since a moment (to the minute), by flow and outcome."""
        columns = REQUESTS.c
        statement = (
            sa.select(columns.flow, columns.outcome, sa.func.sum(columns.n_requests), sa.func.sum(columns.latency_us))
            .where(columns.minute >= minute_of(since))
            .group_by(columns.flow, columns.outcome)
        )
        if until is not None:
            statement = statement.where(columns.minute < minute_of(until))
        with self._database.reading() as connection:
            return {
                (flow, outcome): RequestSum(int(n_requests), int(latency_us))
                for flow, outcome, n_requests, latency_us in connection.execute(statement)
            }

    def forget(self, before: datetime, *, is_dry: bool = False) -> int:
        """Delete the sums of the minutes before a moment, or with `is_dry` only count them; how many there are."""
        is_old = REQUESTS.c.minute < minute_of(before)
        with self._database.writing() as connection:
            n_old = connection.execute(sa.select(sa.func.count()).select_from(REQUESTS).where(is_old)).scalar_one()
            if not is_dry:
                connection.execute(sa.delete(REQUESTS).where(is_old))
        return int(n_old)


def summed(sums: Mapping[tuple[str, str], RequestSum], flow: str, outcomes: Sequence[str] | None = None) -> RequestSum:
    """The requests of one flow, with some outcomes or with any.

    >>> summed({("thesis", "accepted"): RequestSum(2, 10), ("thesis", "refused"): RequestSum(1, 5)}, "thesis")
    RequestSum(n_requests=3, latency_us=15)
    """
    chosen = (
        one for (name, outcome), one in sums.items() if name == flow and (outcomes is None or outcome in outcomes)
    )
    return sum(chosen, RequestSum())
