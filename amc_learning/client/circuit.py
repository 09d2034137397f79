"""The circuit breaker: after failures in a row nothing is asked of the server for a while, then one request probes.

Belongs here: when a request may begin. Not here: what counts as a failure (delivery, parameters).
"""

from collections.abc import Callable
from threading import RLock


class CircuitBreaker:
    """Closed, open, or waiting for its one probe; safe to ask from any thread.

    Args:
        max_failures: that many in a row open it.
        open_seconds: it stays open that long, and as long again after every failed probe.
        monotonic: seconds that only grow.
    """

    def __init__(self, *, max_failures: int, open_seconds: float, monotonic: Callable[[], float]) -> None:
        self._max_failures, self._open_seconds, self._monotonic = max_failures, open_seconds, monotonic
        self._lock = RLock()
        self._n_failures = 0
        self._opened_at: float | None = None
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        """No request may begin: it is open, or its probe is under way."""
        with self._lock:
            return self._opened_at is not None and (self._is_probing or self.seconds_left > 0)

    @property
    def seconds_left(self) -> float:
        """Until a probe may begin; 0 when closed."""
        with self._lock:
            if self._opened_at is None:
                return 0.0
            return max(0.0, self._opened_at + self._open_seconds - self._monotonic())

    def begin(self) -> bool:
        """Whether a request may begin now. Each True must be followed by `succeeded`, `failed` or `abandoned`."""
        with self._lock:
            if self.is_open:
                return False
            self._is_probing = self._opened_at is not None
            return True

    def succeeded(self) -> None:
        """The server answered in its own terms: close."""
        with self._lock:
            self._n_failures, self._opened_at, self._is_probing = 0, None, False

    def failed(self) -> bool:
        """Count a failure; True when it opened the circuit."""
        with self._lock:
            self._n_failures += 1
            opens = self._is_probing or (self._opened_at is None and self._n_failures >= self._max_failures)
            if opens:
                self._opened_at, self._is_probing = self._monotonic(), False
            return opens

    def abandoned(self) -> None:
        """The request ended without telling anything about the server; another one may probe."""
        with self._lock:
            self._is_probing = False
