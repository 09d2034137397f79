"""How often one sender may come: a bucket of tokens each, refilled evenly.

Belongs here: counting. Not here: who the sender is (door). Memory is bounded: the sender heard of longest ago is
forgotten first, which gives it a full bucket again and costs nobody anything.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from amc_learning.service.answers import Refusal

MOST_SENDERS = 10_000

BURST_SECONDS = 2.0
"""A sender that was quiet may send this many seconds' worth at once."""


class RateLimiter:
    """At most `per_second` requests of one sender; None lets everybody in."""

    def __init__(self, per_second: int | None, clock: Callable[[], float] = monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, sender: str) -> None:
        """Count one request.

        Raises:
            Refusal: 429 with the seconds after which one is admitted again.
        """
        if self._per_second is None:
            return
        now, full = self._clock(), self._per_second * BURST_SECONDS
        tokens, since = self._buckets.get(sender, (full, now))
        tokens = min(full, tokens + (now - since) * self._per_second)
        is_admitted = tokens >= 1
        self._buckets[sender] = (tokens - is_admitted, now)
        self._buckets.move_to_end(sender)
        if len(self._buckets) > MOST_SENDERS:
            self._buckets.popitem(last=False)
        if not is_admitted:
            raise Refusal(
                429,
                f"more than {self._per_second:,} requests a second (service.requests_per_second); come back later",
                retry_after_seconds=1,
            )
