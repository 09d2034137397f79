"""Events that wait in memory, bounded by number and by bytes.

Belongs here: order and bounds. Not here: disk (spool), when one is sent (delivery).
"""

from collections import deque
from itertools import islice
from threading import RLock

from amc_learning.client.events import Event


class EventQueue:
    """First in, first out, for many senders and one taker.

    When it is full the newest event is dropped: what waits longest was promised first, an OPEN stays before its CLOSE,
    and saying no takes no longer than saying yes. The lock may be taken again by its own thread, so that a signal
    handler that sends cannot wait for the send it interrupted.

    Args:
        max_events, max_bytes: the bounds; an event that is being sent counts.
    """

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self._max_events, self._max_bytes = max_events, max_bytes
        self._lock = RLock()
        self._events: deque[Event] = deque()
        self._n_bytes = 0
        self._taken: Event | None = None

    def __len__(self) -> int:
        """Events that wait or are being sent."""
        with self._lock:
            return len(self._events) + (self._taken is not None)

    def append(self, event: Event) -> bool:
        """Add an event; False when there is no room."""
        with self._lock:
            if len(self) >= self._max_events or self._n_bytes + event.n_bytes > self._max_bytes:
                return False
            self._events.append(event)
            self._n_bytes += event.n_bytes
            return True

    def first(self, n: int) -> list[Event]:
        """The `n` that wait longest, left where they are."""
        with self._lock:
            return list(islice(self._events, n))

    def discard_first(self, n: int) -> None:
        """Forget the `n` that wait longest."""
        with self._lock:
            for _ in range(n):
                self._n_bytes -= self._events.popleft().n_bytes

    def take(self) -> Event | None:
        """The one that waits longest, for sending; `done` or `put_back` must follow."""
        with self._lock:
            self._taken = self._events.popleft() if self._events else None
            return self._taken

    def done(self) -> None:
        """The taken event waits no more."""
        with self._lock:
            if self._taken is not None:
                self._n_bytes -= self._taken.n_bytes
                self._taken = None

    def put_back(self, *, last: bool) -> None:
        """The taken event waits again: before all others, or behind them."""
        with self._lock:
            if self._taken is not None:
                (self._events.append if last else self._events.appendleft)(self._taken)
                self._taken = None
