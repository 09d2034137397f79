"""Sending what waits, one event at a time, until the server has it or will never have it.

Belongs here: order, retries, back-off, moving events to the spool. Not here: what an answer means (answers), HTTP
(transport), threads (background).
"""

import asyncio
import contextlib
from collections.abc import Callable

from amc_learning.client.answers import Fate, Verdict, judged
from amc_learning.client.circuit import CircuitBreaker
from amc_learning.client.counters import Tally
from amc_learning.client.events import Event
from amc_learning.client.notices import Notices
from amc_learning.client.options import Options
from amc_learning.client.queue import EventQueue
from amc_learning.client.spool import Spool
from amc_learning.client.transport import Transport

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 60.0

MAX_RETRY_AFTER_SECONDS = 300.0
"""A server that asks for more is asked again after this all the same."""

BATCH = 16
"""Events written to disk at once: a read in the same thread waits for no more of them than this."""

DISK_PAUSE_SECONDS = 60.0
"""After the disk refused, events wait in memory that long before it is tried again."""


class Delivery:
    """The sending side of one client; everything but the queue is used in the background thread only.

    Args:
        options: timeouts, clock, jitter.
        transport: to the server.
        queue: what senders add to.
        circuit: shared with reading.
        tally, notices: what happened, in numbers and words.
        on_change: called after every change of what waits.
    """

    def __init__(
        self,
        options: Options,
        *,
        transport: Transport,
        queue: EventQueue,
        circuit: CircuitBreaker,
        tally: Tally,
        notices: Notices,
        on_change: Callable[[], None],
    ) -> None:
        self._options, self._transport = options, transport
        self._queue, self._circuit = queue, circuit
        self._tally, self._notices, self._on_change = tally, notices, on_change
        self._more = asyncio.Event()
        self._not_before = 0.0
        self._disk_not_before = 0.0
        self._n_failures = 0
        self.spool: Spool | None = None

    def wake(self) -> None:
        """Look again: an event was added, or the clock was moved."""
        self._more.set()

    async def run(self) -> None:
        """Store and send until cancelled."""
        while True:
            try:
                await self._step()
            except Exception as error:  # the thread must outlive what nobody foresaw
                self._queue.put_back(last=True)
                self._circuit.abandoned()
                self._tally.add("n_failed_attempts")
                self._not_before = self._options.monotonic() + self._delay_seconds()
                self._notices.warn("unforeseen", f"sending failed unexpectedly ({type(error).__name__}); it goes on")

    async def _step(self) -> None:
        """Send one event, or wait for what makes that possible."""
        self._more.clear()
        self.store()
        pause = self._pause_seconds()
        if pause is None and self._circuit.begin():
            await self._send_one()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._more.wait()

    def store(self) -> None:
        """Move a batch from memory to the spool, as far as there is one and it has room; look again for the rest."""
        if self.spool is None or self._options.monotonic() < self._disk_not_before:
            return
        events = self.spool.fitting(self._queue.first(BATCH))
        if not events:
            return
        if len(events) == BATCH:
            self._more.set()
        try:
            self.spool.append(events)
        except OSError as error:
            self._disk_not_before = self._options.monotonic() + DISK_PAUSE_SECONDS
            name = type(error).__name__
            self._notices.warn("disk", f"the spool cannot be written ({name}); events wait in memory, bounded")
            return
        self._queue.discard_first(len(events))
        self._on_change()

    def store_all(self) -> None:
        """Move everything from memory to the spool that has room there."""
        n_waiting = -1
        while n_waiting != len(self._queue):
            n_waiting = len(self._queue)
            self.store()

    @property
    def n_spooled(self) -> int:
        """Events that wait on disk."""
        return 0 if self.spool is None else len(self.spool)

    def _pause_seconds(self) -> float | None:
        """How long nothing may be sent; None when an event can be sent now. Infinity is written as a day."""
        if not len(self._queue) and not self.n_spooled:
            return 86_400.0
        left = max(self._circuit.seconds_left, self._not_before - self._options.monotonic())
        if left > 0:
            return left
        return 1.0 if self._circuit.is_open else None

    async def _send_one(self) -> None:
        spooled = self.spool.head() if self.spool is not None else None
        self._count_damage()
        event = spooled or self._queue.take()
        if event is None:
            self._circuit.abandoned()
            return
        try:
            verdict = await self._asked(event)
        except asyncio.CancelledError:
            self._circuit.abandoned()
            self._queue.put_back(last=False)
            raise
        self._settle(verdict, is_spooled=spooled is not None)
        self._on_change()

    async def _asked(self, event: Event) -> Verdict:
        """Send, and meanwhile store what comes in: a server that hangs must not keep it in memory only."""
        request = asyncio.ensure_future(
            self._transport.request(
                "POST",
                f"/learning/collect/{event.kind}",
                timeout_seconds=self._options.request_timeout_seconds,
                headers={"Content-Type": "application/json", "Idempotency-Key": event.key},
                content=event.body,
            )
        )
        try:
            while not request.done():
                more = asyncio.ensure_future(self._more.wait())
                try:
                    await asyncio.wait({request, more}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    more.cancel()
                self._more.clear()
                self.store()
        finally:
            request.cancel()
        return judged(request.result())

    def _settle(self, verdict: Verdict, *, is_spooled: bool) -> None:
        if verdict.fate in (Fate.TAKEN, Fate.REFUSED):
            self._n_failures = 0
            self._circuit.succeeded()
            # Counted first: who sees that nothing waits must see what became of it.
            self._count(verdict)
            self._forget(is_spooled=is_spooled)
            return
        self._tally.add("n_failed_attempts")
        delay = self._delay_seconds()
        if verdict.fate is Fate.WAIT:
            self._circuit.succeeded()
            delay = max(delay, min(verdict.retry_after_seconds or 0.0, MAX_RETRY_AFTER_SECONDS))
        elif self._circuit.failed():
            minutes = self._options.open_seconds / 60
            self._notices.warn(
                "circuit",
                f"the learning system does not take events: {verdict.reason}; next attempt in {minutes:g} min",
            )
        self._not_before = self._options.monotonic() + delay
        self._postpone(is_spooled=is_spooled, last=verdict.may_be_the_event)

    def _delay_seconds(self) -> float:
        """Doubles with each failure in a row, spread so that many clients do not come back at once."""
        delay = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(self._n_failures, 10))
        self._n_failures += 1
        return delay * (0.5 + 0.5 * self._options.jitter())

    def _forget(self, *, is_spooled: bool) -> None:
        if is_spooled and self.spool is not None:
            self.spool.remove_head()
        else:
            self._queue.done()

    def _postpone(self, *, is_spooled: bool, last: bool) -> None:
        if not is_spooled:
            self._queue.put_back(last=last)
        elif last and self.spool is not None:
            self.spool.postpone_head()

    def _count(self, verdict: Verdict) -> None:
        if verdict.fate is Fate.REFUSED:
            self._tally.add("n_refused")
            self._notices.warn("refused", f"the learning system refused an event for good: {verdict.reason}")
            return
        self._tally.add("n_sent")
        self._tally.add("n_duplicates", int(verdict.is_duplicate))
        self._tally.add("n_quarantined", int(verdict.is_quarantined))

    def _count_damage(self) -> None:
        if self.spool is None or not self.spool.n_lost:
            return
        n_lost, n_aside = self.spool.n_lost, self.spool.n_set_aside
        self.spool.n_lost = self.spool.n_set_aside = 0
        self._tally.add("n_lost", n_lost)
        self._tally.add("n_set_aside", n_aside)
        self._notices.warn(
            "damaged", f"{n_lost} spooled events cannot be read; damaged files stay in the spool folder as *.damaged"
        )
