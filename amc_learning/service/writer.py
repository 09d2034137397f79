"""Durable before the answer: one thread commits whatever has come in meanwhile, and every sender waits for its commit.

Belongs here: the queue between requests and the inbox, its bound, and who is told what. Not here: what a commit is
(warehouse), what an event is (intake).

One thread, because SQLite is written by one connection; group commit, because a flush costs the same for one event and
for a hundred. What waits is counted on the event loop alone, so the counters need no lock; `trouble` is written by the
thread alone.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from amc_learning.service.answers import Refusal
from amc_learning.warehouse.errors import InboxError, StorageError
from amc_learning.warehouse.inbox import Inbox, InboxEvent, QuarantineItem, Receipt

LOG = logging.getLogger(__name__)

EVENTS_PER_COMMIT = 256
"""More would let the first of them wait for the last; a commit of 256 takes about 8 ms."""

MAX_WAITING_CHARACTERS = 64 * 1024 * 1024
"""Of payloads, unless told otherwise."""

LONGEST_COMMIT_SECONDS = 10.0
"""A sender that waits longer is told that nothing is known; the same event sent again is recognised."""

RETRY_STORAGE_SECONDS = 5
"""A full disk or a database that restarts does not heal within one."""

TROUBLE_SECONDS = 30.0
"""A refusal that is longer ago says nothing about now; a proxy that sends nothing while we are not ready would keep us
from ever finding out."""

Work = InboxEvent | QuarantineItem


@dataclass(frozen=True)
class _Waiting:
    work: Work
    answer: "asyncio.Future[Receipt | None]"


class Writer:
    """The one writer of the service; `start` it in the event loop, `stop` it when no request runs any more."""

    def __init__(
        self,
        inbox: Inbox,
        *,
        max_waiting: int,
        max_waiting_characters: int = MAX_WAITING_CHARACTERS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._inbox = inbox
        self._max_waiting = max_waiting
        self._max_waiting_characters = max_waiting_characters
        self._clock = clock
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._trouble: str | None = None
        self._trouble_since = 0.0
        self.n_waiting = 0
        self.n_waiting_characters = 0

    @property
    def trouble(self) -> str | None:
        """Why the storage refused the last events; None when it took them, or when that is a while ago."""
        return self._trouble if self._clock() - self._trouble_since < TROUBLE_SECONDS else None

    @property
    def is_running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Open the inbox and start the thread.

        Raises:
            StorageError: the inbox cannot be opened.
        """
        self._inbox.last_sequence()  # opens it now, where an error can still be told
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="inbox-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Commit what still waits and end the thread; the inbox is closed."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        self._inbox.close()

    async def keep(self, work: Work) -> Receipt | None:
        """Make an event or a quarantine item durable; the receipt of an event, None for an item.

        Raises:
            Refusal: 503; nothing is acknowledged: too much waits, the storage refused, or a commit takes too long.
        """
        size = len(work.payload)
        if self.n_waiting >= self._max_waiting or self.n_waiting_characters + size > self._max_waiting_characters:
            raise Refusal.for_now(f"{self.n_waiting:,} events wait to become durable; nothing of this request was kept")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Receipt | None] = loop.create_future()
        # counted here until it is committed, because a sender that gave up holds nothing of the budget any more
        self.n_waiting += 1
        self.n_waiting_characters += size
        self._queue.put(_Waiting(work, answer))
        patience = loop.call_later(LONGEST_COMMIT_SECONDS, _give_up, answer)
        try:
            return await answer
        finally:
            patience.cancel()

    # -- in the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        is_stopping = False
        while not is_stopping:
            batch: list[_Waiting] = []
            entry = self._queue.get()
            while entry is not None:
                batch.append(entry)
                if len(batch) == EVENTS_PER_COMMIT:
                    break
                try:
                    entry = self._queue.get_nowait()
                except queue.Empty:
                    break
            is_stopping = entry is None
            if batch:
                outcomes = self._commit_all(batch)
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._tell, batch, outcomes)

    def _commit_all(self, batch: Sequence[_Waiting]) -> list[Receipt | Refusal | None]:
        """Receipts in the order of the batch; where one entry cannot be stored, only that one is refused."""
        try:
            return list(self._commit([entry.work for entry in batch]))
        except StorageError as error:
            refusal = self._refused(str(error))
            return [refusal] * len(batch)
        except InboxError as error:
            if len(batch) == 1:
                LOG.warning("an event could not be stored: %s", error)
                return [Refusal(422, f"{error}; nothing was kept")]
            return [outcome for entry in batch for outcome in self._commit_all([entry])]
        except Exception as error:
            # the last resort: whatever went wrong, the senders get an answer and the thread goes on
            LOG.exception("events could not be stored")
            return [self._refused(f"{type(error).__name__} while storing; the log has the trace")] * len(batch)

    def _commit(self, batch: Sequence[Work]) -> list[Receipt | None]:
        events = [work for work in batch if isinstance(work, InboxEvent)]
        apart = [work for work in batch if isinstance(work, QuarantineItem)]
        receipts = iter(self._inbox.append(events, apart))
        self._trouble = None
        return [next(receipts) if isinstance(work, InboxEvent) else None for work in batch]

    def _refused(self, trouble: str) -> Refusal:
        if self._trouble is None:
            LOG.error("nothing is acknowledged: %s", trouble)
        self._trouble = trouble
        self._trouble_since = self._clock()
        return Refusal.for_now(
            "the storage refused; nothing of this request is acknowledged, send it again",
            retry_after_seconds=RETRY_STORAGE_SECONDS,
        )

    # -- in the event loop --------------------------------------------------------------------------------------

    def _tell(self, batch: Sequence[_Waiting], outcomes: Sequence[Receipt | Refusal | None]) -> None:
        self.n_waiting -= len(batch)
        self.n_waiting_characters -= sum(len(entry.work.payload) for entry in batch)
        for entry, outcome in zip(batch, outcomes, strict=True):
            if entry.answer.done():
                continue
            if isinstance(outcome, Refusal):
                entry.answer.set_exception(outcome)
                entry.answer.exception()  # seen: a sender that has gone away never asks
            else:
                entry.answer.set_result(outcome)


def _give_up(answer: "asyncio.Future[Receipt | None]") -> None:
    if not answer.done():
        answer.set_exception(
            Refusal.for_now(
                f"no commit within {LONGEST_COMMIT_SECONDS:g} s: it is not known whether the event is durable; send it "
                "again, it is recognised by its identifier",
                retry_after_seconds=RETRY_STORAGE_SECONDS,
            )
        )
