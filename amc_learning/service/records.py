"""What became of requests: summed in memory, written every few seconds, shown to Prometheus at once.

Belongs here: the words for how a request ended, and counting. Not here: storing sums (warehouse), judging them
(health). A kill of the process loses the sums of the last seconds; events themselves are counted from what is stored.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from amc_learning.warehouse.errors import WarehouseError
from amc_learning.warehouse.requests import KEPT_FOR, RequestKey, RequestRecords, RequestSum, minute_of

LOG = logging.getLogger(__name__)

Outcome = Literal[
    "accepted", "duplicate", "quarantined", "conflict", "from_memory", "from_disk", "refused", "unavailable", "failed"
]
"""How a request ended: an event was kept (the first four), a document was given (the next two), or neither: the sender
must change something (refused), come back (unavailable), or we made a mistake (failed)."""

FLOWS = ("discovery", "thesis", "trade", "bars", "intelligence")
"""What requests are counted under: the kinds of events, and all documents together."""

WRITE_EVERY_SECONDS = 2.0

NO_REQUESTS = RequestSum()

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Recorder:
    """Counts requests; `flush` from time to time."""

    def __init__(
        self,
        records: RequestRecords,
        registry: CollectorRegistry,
        clock: Callable[[], datetime],
        kept_for: timedelta = KEPT_FOR,
    ) -> None:
        self._records = records
        self._kept_for = kept_for
        self._clock = clock
        self._sums: dict[RequestKey, RequestSum] = {}
        requests = Counter(
            "amc_learning_requests", "Requests by flow and outcome.", ["flow", "outcome"], registry=registry
        )
        seconds = Histogram(
            "amc_learning_request_seconds", "Time to the answer.", ["flow"], buckets=BUCKETS, registry=registry
        )
        self._requests = {
            (flow, outcome): requests.labels(flow, outcome) for flow in FLOWS for outcome in get_args(Outcome)
        }
        self._seconds = {flow: seconds.labels(flow) for flow in FLOWS}

    def count(self, flow: str, outcome: Outcome, seconds: float) -> None:
        """One request that has been answered."""
        self._requests[flow, outcome].inc()
        self._seconds[flow].observe(seconds)
        key = RequestKey(minute_of(self._clock()), flow, outcome)
        before = self._sums.get(key, NO_REQUESTS)
        self._sums[key] = RequestSum(before.n_requests + 1, before.latency_us + int(seconds * 1e6))

    async def flush(self) -> None:
        """Write the sums so far; kept for the next time when the storage refuses."""
        sums, self._sums = self._sums, {}
        try:
            await asyncio.to_thread(self._records.add, sums)
        except WarehouseError as error:
            LOG.warning("counts of requests wait for the storage: %s", error)
            for key, one in sums.items():
                self._sums[key] = self._sums.get(key, RequestSum()) + one

    async def flush_for(self, seconds: float) -> None:
        """As `flush`, but waits no longer: the sums are written all the same when the storage is free again."""
        writing = asyncio.ensure_future(self.flush())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.shield(writing)

    async def run(self, stopping: asyncio.Event) -> None:
        """Write every few seconds and once more at the end, and forget what is too old once an hour."""
        hour = None
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WRITE_EVERY_SECONDS):
                    await stopping.wait()
            await self.flush()
            now = self._clock()
            if now.hour != hour:
                hour = now.hour
                await asyncio.to_thread(self._forget, now)
        await self.flush()  # what was counted while the last round was at work

    def _forget(self, now: datetime) -> None:
        try:
            self._records.forget(now - self._kept_for)
        except WarehouseError as error:
            LOG.warning("old counts of requests stay for now: %s", error)
