"""Everything behind one client in one process: queue, circuit, reader, delivery, and the thread they run in.

Belongs here: putting the parts together, starting and stopping them. Not here: what callers see (client).
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Self

from amc_learning.client import lifecycle
from amc_learning.client.background import BackgroundThread
from amc_learning.client.circuit import CircuitBreaker
from amc_learning.client.counters import Counters, Tally
from amc_learning.client.delivery import Delivery
from amc_learning.client.events import Event
from amc_learning.client.notices import Notices
from amc_learning.client.options import Options
from amc_learning.client.parameters import ParametersRead, Published
from amc_learning.client.queue import EventQueue
from amc_learning.client.reading import ParametersReader
from amc_learning.client.spool import Spool, SpoolUnavailableError
from amc_learning.client.transport import Transport

STOP_SECONDS = 1.0
"""How long the thread may take to put away what it holds."""


class Engine:
    """Made by the client, and made anew in a forked child, where neither thread nor locks of the parent are usable.

    Args:
        options: of the client.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._changed = threading.Condition(threading.RLock())
        self._tally = Tally()
        self._is_closed = False
        self._is_woken = False
        self._opened, self._stopping = asyncio.Event(), asyncio.Event()
        self.notices = Notices(options.monotonic)
        self.queue = EventQueue(max_events=options.max_queue_events, max_bytes=options.max_queue_bytes)
        self.circuit = CircuitBreaker(
            max_failures=options.max_failures, open_seconds=options.open_seconds, monotonic=options.monotonic
        )
        self._transport = Transport(options)
        self.reader = ParametersReader(options, self.circuit, self._transport)
        self._delivery = Delivery(
            options,
            transport=self._transport,
            queue=self.queue,
            circuit=self.circuit,
            tally=self._tally,
            notices=self.notices,
            on_change=self._tell,
        )
        self.thread = BackgroundThread(self._main)

    def start(self) -> None:
        """Start the thread, once; without one events wait, and the next call tries again."""
        if self.thread.is_started:
            return
        try:
            self.thread.start()
        except RuntimeError:
            self.notices.warn("thread", "no background thread can be started now; events wait in memory")
            return
        lifecycle.started(self)

    def take(self, event: Event) -> bool:
        """Add an event to those that wait; False when it was dropped."""
        if self._is_closed:
            self.drop("closed", "the client is closed")
            return False
        # Counted first: the thread may have sent it before this returns, and no balance may show more sent than taken.
        self._tally.add("n_taken")
        if not self.queue.append(event):
            self._tally.add("n_taken", -1)
            self.drop("full", "the queue is full: the newest event was dropped, those before it wait")
            return False
        self.start()
        self.wake()
        return True

    def drop(self, topic: str, reason: str) -> None:
        """Count an event that is not taken, and say why."""
        self._tally.add("n_dropped")
        self.notices.warn(topic, f"an event was dropped: {reason}")

    def count_read(self, read: ParametersRead) -> None:
        """Count what a read handed out."""
        self._tally.add(f"n_{read.source}_reads")

    def wake(self) -> None:
        """Have the thread look again; between two looks the loop is told once."""
        if self.thread.is_started and not self._is_woken:
            self._is_woken = True
            self.thread.call(self._on_wake)

    def submit_read(self, defaults: Mapping[str, Any]) -> "Future[ParametersRead] | None":
        """A read in the thread; None when the client is closed or there is no thread."""
        if self._is_closed:
            return None
        self.start()
        return self.thread.submit(self._read(defaults))

    def known(self, last: Published | None) -> Self:
        """The engine itself, with the parameters another one knew."""
        self.reader.last = last
        return self

    def counters(self) -> Counters:
        """A snapshot."""
        counted = {name: self._tally[name] for name in Counters.__dataclass_fields__ if name.startswith("n_")}
        now = {"n_queued": len(self.queue), "n_spooled": self._delivery.n_spooled}
        is_spooling = self._delivery.spool is not None
        return Counters(**(counted | now), is_circuit_open=self.circuit.is_open, is_spooling=is_spooling)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until nothing waits, no longer than that; False at once while the circuit is open."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while self._is_waiting():
                left = deadline - time.monotonic()
                if left <= 0 or self.circuit.is_open or not self.thread.is_started:
                    return False
                self._changed.wait(left)
        return True

    def close_at_exit(self) -> None:
        """Close within the short time that the end of the interpreter may take."""
        self.close(self._options.exit_flush_seconds)

    def close(self, timeout_seconds: float) -> bool:
        """Take no more, flush, put away or give up the rest, end the thread; True when everything was delivered."""
        if self._is_closed:
            return not self._is_waiting()
        self._is_closed = True
        deadline = time.monotonic() + timeout_seconds
        is_delivered = self.flush(timeout_seconds)
        self.thread.call(self._stopping.set)
        # What the flush left of the time is there for writing the rest to the spool.
        is_ended = self.thread.join(STOP_SECONDS + max(0.0, deadline - time.monotonic()))
        lifecycle.ended(self)
        if not is_ended:
            self.notices.warn("close", "the background thread is still busy; it ends with the process")
        return is_delivered

    def abandon(self) -> None:
        """In a forked child: let go of the parent's folder lock, which would last as long as the child."""
        if self._delivery.spool is not None:
            with contextlib.suppress(OSError):
                self._delivery.spool.release()

    def _is_waiting(self) -> bool:
        is_opening = self._options.spool_dir is not None and self.thread.is_started and not self._opened.is_set()
        return is_opening or bool(len(self.queue)) or bool(self._delivery.n_spooled)

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_wake(self) -> None:
        self._is_woken = False
        self._delivery.wake()

    async def _read(self, defaults: Mapping[str, Any]) -> ParametersRead:
        await self._opened.wait()
        return await self.reader.read(defaults)

    async def _main(self) -> None:
        self._open_spool()
        self._opened.set()
        self._tell()
        sending = asyncio.ensure_future(self._delivery.run())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            sending.cancel()
            await asyncio.wait({sending})
            self._put_away()
            await self._transport.close()

    def _open_spool(self) -> None:
        if self._options.spool_dir is None:
            return
        try:
            spool = Spool(self._options.spool_dir, max_bytes=self._options.max_spool_bytes)
        except SpoolUnavailableError as error:
            self.notices.warn("spool", f"working without a spool: {error}")
            return
        self._tally.add("n_replayed", len(spool))
        self._delivery.spool = spool
        self.reader.keep_in(spool.folder)

    def _put_away(self) -> None:
        self._delivery.store_all()
        if n_left := len(self.queue):
            self.queue.discard_first(n_left)
            self._tally.add("n_lost", n_left)
            self.notices.warn("lost", f"{n_left:,} events were not delivered before the end and are lost")
        if self._delivery.spool is not None:
            self._delivery.spool.release()
        self._tell()
