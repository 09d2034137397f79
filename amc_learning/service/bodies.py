"""Bodies of requests, read within bounds: size, time, and the memory that all of them together may take.

Belongs here: from the socket to bytes. Not here: what the bytes mean (intake).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect, Request

from amc_learning.service.answers import Refusal
from amc_learning.settings import Service

JSON_TYPE = "application/json"

MOST_DISCARDED_BYTES = 16 * 1024 * 1024
DISCARD_SECONDS = 1.0


@dataclass
class Budget:
    """Bytes of bodies that may be in memory at once; senders beyond it are asked to come back."""

    limit: int
    n_taken: int = 0

    def take(self, n_bytes: int) -> None:
        """Reserve bytes.

        Raises:
            Refusal: 503, there is no room.
        """
        if self.n_taken + n_bytes > self.limit:
            raise Refusal.for_now("more is being received than can be held; nothing of this request was kept")
        self.n_taken += n_bytes

    def give_back(self, n_bytes: int) -> None:
        """Bytes that are durable, or not needed any more."""
        self.n_taken -= n_bytes


@dataclass
class Body:
    """A body as it grows, and what it holds of the budget."""

    budget: Budget
    chunks: list[bytes] = field(default_factory=list)
    n_bytes: int = 0

    def add(self, chunk: bytes) -> None:
        """One more chunk."""
        self.budget.take(len(chunk))
        self.chunks.append(chunk)
        self.n_bytes += len(chunk)


@contextmanager
def held(budget: Budget) -> Iterator[Body]:
    """A body whose bytes are given back at the end, however it ends."""
    body = Body(budget)
    try:
        yield body
    finally:
        budget.give_back(body.n_bytes)


async def read_body(request: Request, body: Body, limits: Service) -> bytes:
    """The whole body of a request.

    A declared length is looked at first, but only what is counted while reading is believed.

    Raises:
        Refusal: 413 too large, 415 compressed or not JSON, 408 too slow, 503 no room, 400 the sender went away.
    """
    declared, chunks = _declared(request), request.stream()
    try:
        async with asyncio.timeout(limits.body_timeout_seconds):
            if declared is not None and declared > limits.max_body_bytes:
                await _discard(chunks, declared)
                raise _too_large(limits.max_body_bytes)
            _check_headers(request, declared)
            async for chunk in chunks:
                if body.n_bytes + len(chunk) > limits.max_body_bytes:
                    await _discard(chunks, None)
                    raise _too_large(limits.max_body_bytes)
                if chunk:
                    body.add(chunk)
    except TimeoutError as error:
        raise Refusal(
            408,
            f"the body did not arrive within {limits.body_timeout_seconds:g} s; nothing was kept, send it again",
            headers={"connection": "close"},
        ) from error
    except ClientDisconnect as error:
        raise Refusal(400, "the sender went away before the body was complete; nothing was kept") from error
    return b"".join(body.chunks)


async def _discard(chunks: AsyncIterator[bytes], declared: int | None) -> None:
    """Read what is not wanted, for a moment: a sender in the middle of it would see a broken connection, no answer."""
    if declared is not None and declared > MOST_DISCARDED_BYTES:
        return
    left = MOST_DISCARDED_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            async for chunk in chunks:
                left -= len(chunk)
                if left < 0:
                    return


def _declared(request: Request) -> int | None:
    """The length of the body as its sender states it; None when it states none."""
    declared = request.headers.get("content-length", "")
    return int(declared[:18]) if declared.isascii() and declared.isdigit() else None


def _check_headers(request: Request, declared: int | None) -> None:
    headers = request.headers
    encoding = headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise Refusal(
            415, "compressed bodies are not read: send it uncompressed; nothing was kept", field="Content-Encoding"
        )
    has_body = bool(declared) or "transfer-encoding" in headers
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and media_type != JSON_TYPE and not media_type.endswith("+json"):
        raise Refusal(
            415, f"send the event as {JSON_TYPE}; this Content-Type is not read, nothing was kept", field="Content-Type"
        )


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(
        413,
        f"the body has more than {max_bytes:,} bytes (service.max_body_bytes); nothing was kept: send fewer candidates",
        field="body",
        headers={"connection": "close"},
    )
