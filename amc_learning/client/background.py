"""One daemon thread with an event loop of its own, started when it is first needed.

Belongs here: thread and loop, starting, waking and stopping them. Not here: what runs in it (engine).
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Loop(asyncio.SelectorEventLoop):
    """Looks up names in daemon threads: those of the default executor would hold up the end of the interpreter."""

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        found: asyncio.Future[Any] = self.create_future()

        def tell(answer: Any, error: OSError | None) -> None:
            if not found.done():
                found.set_exception(error) if error is not None else found.set_result(answer)

        def look_up() -> None:
            answer, error = None, None
            try:
                answer = socket.getaddrinfo(host, port, family, type, proto, flags)
            except OSError as failure:
                error = failure
            except UnicodeError:
                error = socket.gaierror("not a name")
            with contextlib.suppress(RuntimeError):  # the loop ended meanwhile
                self.call_soon_threadsafe(tell, answer, error)

        threading.Thread(target=look_up, name="amc-learning-names", daemon=True).start()
        return await found


class BackgroundThread:
    """Runs one coroutine until it returns, and others beside it.

    Args:
        main: makes the coroutine; when it returns the thread ends.
    """

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._main = main
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_started(self) -> bool:
        """It was started; it may have ended since."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread, once.

        Raises:
            RuntimeError: the system gives no thread, or the interpreter is about to end.
        """
        with self._lock:
            if self._thread is None:
                loop = _Loop()
                thread = threading.Thread(target=self._run, args=(loop,), name="amc-learning-client", daemon=True)
                try:
                    thread.start()
                except BaseException:
                    loop.close()
                    raise
                self._loop, self._thread = loop, thread

    def call(self, function: Callable[[], object]) -> None:
        """Have the loop call a function; nothing happens when the thread has ended or was never started."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function)

    def submit(self, coroutine: Coroutine[Any, Any, Result]) -> "Future[Result] | None":
        """Have the loop run a coroutine; None when the thread has ended or was never started."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        coroutine.close()
        return None

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the end of the thread; False when it still runs."""
        if self._thread is None:
            return True
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._main())
