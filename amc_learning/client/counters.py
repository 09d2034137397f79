"""What became of every event, in numbers.

Belongs here: the counts and their balance. Not here: who counts what.
"""

from dataclasses import dataclass
from threading import RLock


@dataclass(frozen=True)
class Counters:
    """A snapshot. n_taken + n_replayed = n_sent + n_refused + n_lost + n_queued + n_spooled, once nothing is under way.

    n_taken: events that sends took over, n_replayed: events that lay in the spool at the start.
    n_queued, n_spooled: events waiting now, in memory and on disk.
    n_sent: events the server took; among them n_duplicates it had already and n_quarantined it keeps but does not
        understand.
    n_refused: events the server will never accept as they are.
    n_lost: events taken but given up: still in memory at the close without a spool, or damaged on disk.
    n_dropped: events never taken: queue full, unusable, too large, or the client closed.
    n_failed_attempts: requests without a usable answer; their events wait for the next attempt.
    n_set_aside: damaged files in the spool folder, renamed `*.damaged`.
    n_published_reads, n_cached_reads, n_default_reads: what reads of parameters handed out.
    is_circuit_open: no request is made at present. is_spooling: waiting events lie on disk.
    """

    n_taken: int
    n_replayed: int
    n_queued: int
    n_spooled: int
    n_sent: int
    n_duplicates: int
    n_quarantined: int
    n_refused: int
    n_lost: int
    n_dropped: int
    n_failed_attempts: int
    n_set_aside: int
    n_published_reads: int
    n_cached_reads: int
    n_default_reads: int
    is_circuit_open: bool
    is_spooling: bool


class Tally:
    """Counts by name, from any thread."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._counts: dict[str, int] = {}

    def add(self, name: str, n: int = 1) -> None:
        """Count `n` more; fewer, when something was counted ahead and did not happen."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + n

    def __getitem__(self, name: str) -> int:
        """The count so far."""
        return self._counts.get(name, 0)
