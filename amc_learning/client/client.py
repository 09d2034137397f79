"""What trading code calls: hand over and go on, or read within a bound; nothing here raises or waits for the network.

Belongs here: the public methods and their bounds. Not here: threads, disk, HTTP (engine and what it is made of).
"""

import asyncio
import concurrent.futures
import random
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from amc_learning.client import lifecycle
from amc_learning.client.counters import Counters
from amc_learning.client.engine import Engine
from amc_learning.client.events import Event, UnusableError, discovery_event, thesis_event, trade_event
from amc_learning.client.options import Options, utc_now
from amc_learning.client.parameters import ParametersRead
from amc_learning.client.plain import TooLargeError
from amc_learning.client.reading import CIRCUIT_OPEN
from amc_learning.client.transport import load

HAND_OVER_SECONDS = 0.05
"""What a caller of a read waits beyond the timeout of the request: the thread needs a moment to answer."""


class LearningClient:
    """One per process: sends events in the background, reads parameters within two seconds.

    Every `send_*` returns True when the event was taken over and False when it was dropped; never an exception, and
    never the network or the disk: it costs the time to copy the payload (docs/integrate.md has the figures). The
    payload is copied at the call; the caller's object stays as it is.

    Args:
        base_url: where the learning system answers.
        api_key: sent as `Authorization: Bearer`; never logged.
        spool_dir: a folder of this process alone, in which waiting events and the last good parameters survive it.
        max_queue_events: what may wait in memory; beyond it the newest event is dropped.
        max_queue_bytes: the same in bytes.
        max_event_bytes: a larger event is dropped; the server takes 5 MiB.
        max_spool_bytes: what may lie in `spool_dir`.
        request_timeout_seconds: of one attempt to send, in total.
        read_timeout_seconds: of a read of parameters, in total.
        max_parameters_age_seconds: how long after the server's last word the last good parameters are handed out.
        max_failures: failures in a row that open the circuit.
        open_seconds: how long it stays open.
        exit_flush_seconds: what the end of the interpreter waits for events to go out.
        ssl_context: for https with an authority of one's own.
        monotonic: the clock that waits are measured by.
        now: the clock of timestamps.
        jitter: the spread of back-off in [0, 1).

    Raises:
        ValueError: an option that cannot be meant. Nothing raises after that.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        spool_dir: str | PathLike[str] | None = None,
        max_queue_events: int = 10_000,
        max_queue_bytes: int = 32 * 1024 * 1024,
        max_event_bytes: int = 5 * 1024 * 1024,
        max_spool_bytes: int = 64 * 1024 * 1024,
        request_timeout_seconds: float = 5.0,
        read_timeout_seconds: float = 2.0,
        max_parameters_age_seconds: float = 7 * 86_400.0,
        max_failures: int = 3,
        open_seconds: float = 300.0,
        exit_flush_seconds: float = 2.0,
        ssl_context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._options = Options(
            base_url=base_url,
            api_key=api_key,
            spool_dir=None if spool_dir is None else Path(spool_dir),
            max_queue_events=max_queue_events,
            max_queue_bytes=max_queue_bytes,
            max_event_bytes=max_event_bytes,
            max_spool_bytes=max_spool_bytes,
            request_timeout_seconds=request_timeout_seconds,
            read_timeout_seconds=read_timeout_seconds,
            max_parameters_age_seconds=max_parameters_age_seconds,
            max_failures=max_failures,
            open_seconds=open_seconds,
            exit_flush_seconds=exit_flush_seconds,
            ssl_context=load(base_url, ssl_context),
            monotonic=monotonic,
            now=now,
            jitter=jitter,
        )
        self._engine = Engine(self._options)
        self._last_read: ParametersRead | None = None
        lifecycle.made(self)
        if self._options.spool_dir is not None:
            self._engine.start()

    def send_discovery(self, result: object) -> bool:
        """Hand over the result of a discovery run: an object, or a list of candidates.

        Its idempotency key is its own `event_id` or `job_id`. It gets the version of the parameters this client handed
        out last, unless it names one itself.
        """
        last = self._last_read
        return self._send(
            lambda now, max_bytes: discovery_event(
                result, now=now, max_bytes=max_bytes, parameters_version=None if last is None else last.version
            )
        )

    def send_thesis(self, symbol: object, thesis: object) -> bool:
        """Hand over a thesis on a symbol. Its idempotency key is its own `event_id`."""
        return self._send(lambda now, max_bytes: thesis_event(symbol, thesis, now=now, max_bytes=max_bytes))

    def send_position_change(self, symbol: object, change_type: object, change_data: object) -> bool:
        """Hand over a change of a position: OPEN, MODIFY or CLOSE. Its idempotency key is its own `event_id`."""
        return self._send(
            lambda now, max_bytes: trade_event(symbol, change_type, change_data, now=now, max_bytes=max_bytes)
        )

    async def asend_discovery(self, result: object) -> bool:
        """`send_discovery` for code that wants to await it or make a task of it; nothing is awaited inside."""
        return self.send_discovery(result)

    async def asend_thesis(self, symbol: object, thesis: object) -> bool:
        """`send_thesis` for code that wants to await it or make a task of it; nothing is awaited inside."""
        return self.send_thesis(symbol, thesis)

    async def asend_position_change(self, symbol: object, change_type: object, change_data: object) -> bool:
        """`send_position_change` for code that wants to await it or make a task of it; nothing is awaited inside."""
        return self.send_position_change(symbol, change_type, change_data)

    def get_discovery_parameters(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """The published parameters with the names of `defaults`, else the last good ones, else `defaults`.

        Takes at most `read_timeout_seconds` and a twentieth. Why it is what it is stands in `last_read`. Parameters
        count only when each name is there, each value lies in [0, 1] and they sum to 1. In async code use
        `aget_discovery_parameters`: this one holds the event loop for as long.
        """
        known = _known(defaults)
        future = self._begin_read(known)
        if future is None:
            return self._handed_out(self._engine.reader.fallback(known, self._why_not_asked()))
        try:
            return self._handed_out(future.result(self._longest_read_seconds))
        except TimeoutError:
            future.cancel()
            return self._handed_out(self._engine.reader.fallback(known, "no answer in time"))
        except (Exception, concurrent.futures.CancelledError) as error:  # a read never raises
            return self._handed_out(self._engine.reader.fallback(known, f"the read failed ({type(error).__name__})"))

    async def aget_discovery_parameters(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """`get_discovery_parameters` that lets other tasks run meanwhile (asyncio)."""
        known = _known(defaults)
        future = self._begin_read(known)
        if future is None:
            return self._handed_out(self._engine.reader.fallback(known, self._why_not_asked()))
        asked = asyncio.wrap_future(future)
        try:
            await asyncio.wait({asked}, timeout=self._longest_read_seconds)
        finally:
            future.cancel()
        if asked.done() and not asked.cancelled() and asked.exception() is None:
            return self._handed_out(asked.result())
        return self._handed_out(self._engine.reader.fallback(known, "no answer in time"))

    @property
    def last_read(self) -> ParametersRead | None:
        """What was handed out last, its source and why; None before the first read."""
        return self._last_read

    @property
    def counters(self) -> Counters:
        """What became of every event so far."""
        return self._engine.counters()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until every event was delivered or refused; False when time ran out or the circuit is open."""
        return self._engine.flush(timeout)

    async def aflush(self, timeout: float = 5.0) -> bool:  # the same bound as its twin
        """`flush` that lets other tasks run meanwhile."""
        return await asyncio.to_thread(self.flush, timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Take no more events and flush; takes at most `timeout` and a second. False when something is left.

        What is left lies in the spool; without one it is lost, counted and logged. Reads hand out what is known.
        """
        return self._engine.close(timeout)

    async def aclose(self, timeout: float = 5.0) -> bool:  # the same bound as its twin
        """`close` that lets other tasks run meanwhile."""
        return await asyncio.to_thread(self.close, timeout)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self.close()

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()

    def after_fork(self) -> None:
        """In a forked child: begin with an empty queue and a thread of its own. The spool stays with the parent."""
        self._engine = Engine(self._options).known(self._engine.reader.last)

    @property
    def _longest_read_seconds(self) -> float:
        return self._options.read_timeout_seconds + HAND_OVER_SECONDS

    def _send(self, make: Callable[[datetime, int], Event]) -> bool:
        engine = self._engine
        try:
            return engine.take(make(self._options.now(), self._options.max_event_bytes))
        except (UnusableError, TooLargeError) as error:
            engine.drop("unusable", str(error))
        except Exception as error:  # objects of strangers may raise anything
            engine.drop("unusable", f"it cannot be copied ({type(error).__name__})")
        return False

    def _begin_read(self, known: dict[str, Any]) -> "concurrent.futures.Future[ParametersRead] | None":
        """A read under way, or None when the server is not asked."""
        return None if self._engine.circuit.is_open else self._engine.submit_read(known)

    def _why_not_asked(self) -> str:
        return CIRCUIT_OPEN if self._engine.circuit.is_open else "the client is closed"

    def _handed_out(self, read: ParametersRead) -> dict[str, Any]:
        self._last_read = read
        self._engine.count_read(read)
        return dict(read.parameters)


def _known(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the defaults; nothing when they are no mapping, because a read never raises."""
    try:
        return dict(defaults)
    except Exception:  # objects of strangers may raise anything
        return {}
