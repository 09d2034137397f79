"""One request and its answer over HTTP, within a total time and a number of bytes.

Belongs here: httpx, headers, bounds. Not here: what an answer means (delivery, reading).
"""

from __future__ import annotations

import asyncio
import importlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

    from amc_learning.client.options import Options

MAX_ANSWER_BYTES = 256 * 1024
"""More than any answer of the server; the rest of a longer one is not read."""

USER_AGENT = "amc-learning-client"


def load(base_url: str, ssl_context: ssl.SSLContext | None) -> ssl.SSLContext:
    """Import what requests need, a tenth of a second, and the TLS context: the one given, or the usual one.

    Done when a client is made, in the thread that makes it: a process that forks while another thread imports would
    leave half a module to its child, and one that forks while another thread makes a context, a lock of OpenSSL that
    nobody opens again.
    """
    for name in ("httpx", "httpcore", "anyio._backends._asyncio"):
        importlib.import_module(name)
    if ssl_context is not None:
        return ssl_context
    if _is_https(base_url):
        import httpx  # noqa: PLC0415 - see above

        return httpx.create_ssl_context(trust_env=False)
    # httpx makes one for http as well where it is given none; this one trusts nobody, and nothing is asked of it
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_https(base_url: str) -> bool:
    return urlsplit(base_url).scheme == "https"


@dataclass(frozen=True)
class Reply:
    """An answer. `body` is None when it was too long or compressed against our wish; errors are not read at all."""

    status: int
    body: bytes | None = None
    etag: str | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True)
class NoReply:
    """No answer in time, or none that is HTTP. The reason is the name of what went wrong: no address, no key."""

    reason: str


class Transport:
    """Requests to one server, made in one event loop.

    Proxies and other settings of the environment are not used: events go to `base_url` and nowhere else, so redirects
    are not followed either.

    Args:
        options: address, key, TLS.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._client: httpx.AsyncClient | None = None

    async def request(
        self, method: str, path: str, *, timeout_seconds: float, headers: dict[str, str], content: bytes | None = None
    ) -> Reply | NoReply:
        """Ask and wait at most `timeout_seconds` in total, however slowly the server answers."""
        url = self._options.base_url.rstrip("/") + path
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._opened().stream(method, url, headers=headers, content=content) as response,
            ):
                return await _reply(response)
        except Exception as error:  # whatever the network does is an answer here
            return NoReply(type(error).__name__)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx  # noqa: PLC0415 - see load

            headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
            if self._options.api_key:
                headers["Authorization"] = f"Bearer {self._options.api_key}"
            self._client = httpx.AsyncClient(
                headers=headers,
                timeout=None,  # asyncio.timeout bounds the whole, httpx only its steps
                verify=self._options.ssl_context or _is_https(self._options.base_url),
                trust_env=False,
            )
        return self._client


async def _reply(response: httpx.Response) -> Reply:
    is_readable = response.status_code in {200, 202}
    body = await _body(response) if is_readable else None
    headers = response.headers
    return Reply(response.status_code, body, headers.get("etag"), _seconds(headers.get("retry-after")))


async def _body(response: httpx.Response) -> bytes | None:
    if response.headers.get("content-encoding", "identity") != "identity":
        return None
    chunks, n_bytes = [], 0
    async for chunk in response.aiter_raw():
        n_bytes += len(chunk)
        if n_bytes > MAX_ANSWER_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _seconds(sent: str | None) -> float | None:
    """Whole seconds as the server sends them; None for anything else.

    >>> _seconds("120"), _seconds("Wed, 21 Oct 2015 07:28:00 GMT"), _seconds("9" * 20)
    (120.0, None, None)
    """
    return float(sent) if sent is not None and sent.isascii() and sent.isdigit() and len(sent) < 10 else None
