"""How fast a vendor may be asked: at most so many requests in any minute.

Belongs here: waiting for the next free place. Not here: waiting after a failure (requests).
"""

import time
from collections import deque
from collections.abc import Callable

MINUTE_SECONDS = 60.0


class Pace:
    """At most `requests_per_minute` requests begin within any 60 seconds of `clock`.

    Args:
        requests_per_minute: at least 1.
        clock: seconds that only grow.
        sleep: waits that many seconds.

    Raises:
        ValueError: fewer than one request a minute.
    """

    def __init__(
        self,
        requests_per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if requests_per_minute < 1:
            raise ValueError(f"requests_per_minute must be at least 1, got {requests_per_minute}")
        self._begun: deque[float] = deque(maxlen=requests_per_minute)
        self._clock, self._sleep = clock, sleep

    def wait(self) -> None:
        """Return when the next request may begin, and count it."""
        if len(self._begun) == self._begun.maxlen:
            left = self._begun[0] + MINUTE_SECONDS - self._clock()
            if left > 0:
                self._sleep(left)
        self._begun.append(self._clock())
