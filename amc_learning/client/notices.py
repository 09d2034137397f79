"""What the log is told: each kind of trouble at most once a minute, never a key and never a payload.

Belongs here: the pace of messages and the name of the logger. Not here: their words.
"""

import logging
from collections.abc import Callable
from threading import RLock

LOGGER = logging.getLogger("amc_learning.client")

QUIET_SECONDS = 60.0


class Notices:
    """Warnings by topic; those within a minute of the last one on the same topic are only counted.

    Args:
        monotonic: seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = RLock()
        self._last_at: dict[str, float] = {}
        self._n_silent: dict[str, int] = {}

    def warn(self, topic: str, message: str) -> None:
        """Log `message`, unless the topic was logged within the last minute. Never raises."""
        with self._lock:
            now, last = self._monotonic(), self._last_at.get(topic)
            if last is not None and now - last < QUIET_SECONDS:
                self._n_silent[topic] = self._n_silent.get(topic, 0) + 1
                return
            self._last_at[topic] = now
            n_silent = self._n_silent.pop(topic, 0)
        more = f" ({n_silent:,} more like it since the last message)" if n_silent else ""
        try:
            LOGGER.warning("%s%s", message, more)
        except Exception:  # a handler or filter of the host must not stop trading code
            return
