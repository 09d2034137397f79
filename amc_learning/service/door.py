"""The door: who may come in, how often, and what every answer carries; it also counts how each request ended.

Belongs here: what holds for all requests alike. Not here: what is done with one (collector, intelligence, health).
Plain ASGI around the application, so that a request for a document stays cheap and no route can be forgotten.
"""

import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from amc_learning.service.answers import Refusal
from amc_learning.service.errors import KeyFileError
from amc_learning.service.keys import Key, KeyRing, Scope
from amc_learning.service.limits import RateLimiter
from amc_learning.service.records import Recorder
from amc_learning.service.scope import outcome_of, sent_by

LOG = logging.getLogger(__name__)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Answered without a key: they say alive or not, and nothing else."""

CONTENT_POLICY = (
    b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
"""What a browser may load for any of our answers: the style inside a page, and nothing from anywhere."""

EVERY_ANSWER: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", CONTENT_POLICY),
    (b"cache-control", b"no-store"),
)

_METHODS: Mapping[str, Scope] = {"GET": "read", "HEAD": "read", "POST": "write"}

_SAFE = (b"none", b"same-origin", b"same-site")

RawHeaders = Mapping[bytes, bytes]
"""Of two headers of one name the last counts; no header we look at may come twice."""


@dataclass(frozen=True)
class Door:
    """ASGI middleware.

    Attributes:
        app: what is behind it.
        keys: once there is one, every request needs one.
        needs_keys: whether every request needs one also while there is none; so the last key that goes, or a file that
            is removed, closes the door beyond loopback and never opens it.
        limiter: how often one key or address may come.
        recorder: told how each request of a flow ended.
        flow_of: the flow of a path; None for those nobody counts.
        hosts: names by which the service may be called; None for any.
    """

    app: ASGIApp
    keys: KeyRing
    needs_keys: bool
    limiter: RateLimiter
    recorder: Recorder
    flow_of: Callable[[str], str | None]
    hosts: frozenset[str] | None

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _completed(message["headers"])}
            await send(message)

        try:
            self._admit(scope)
            await self.app(scope, receive, sending)
        except Refusal as refusal:
            await refusal.response()(scope, receive, sending)
        except Exception:
            # the last resort: whatever went wrong, the sender gets an answer and the log gets the trace
            LOG.exception("a request to %s failed", _printable(scope["path"]))
            if status:
                raise
            status = 500
            await _failure().response()(scope, receive, sending)
        finally:
            flow = self.flow_of(scope["path"])
            if flow is not None and status:
                self.recorder.count(flow, outcome_of(scope, status), perf_counter() - started)

    def _admit(self, scope: AsgiScope) -> None:
        """Let the request in.

        Raises:
            Refusal: 421 wrong host, 401 no key, 403 a key that may not, or a foreign page, 429 too often.
        """
        headers = dict(scope["headers"])
        if self.hosts is not None and _name(headers.get(b"host", b"")) not in self.hosts:
            raise Refusal(421, "this service is not called by that name; use localhost or 127.0.0.1", field="Host")
        if scope["method"] == "POST":
            _refuse_foreign_pages(headers)
        if scope["path"] in OPEN_PATHS:
            return
        key = self._key(headers, _address(scope))
        self.limiter.admit(key.name if key else _address(scope))
        if key is not None:
            sent_by(scope, key.name)
        needed = _METHODS.get(scope["method"], "read")
        if key is not None and needed not in key.scopes:
            raise Refusal(403, f"the key {key.name} may not {needed}; this request needs the scope {needed}")

    def _key(self, headers: RawHeaders, address: str) -> Key | None:
        try:
            keys = self.keys.all()
            if not keys and not self.needs_keys:
                return None
            key = self.keys.find(_sent_key(headers))
        except KeyFileError as error:
            raise Refusal.for_now(str(error), retry_after_seconds=60) from error
        if key is None:
            self.limiter.admit(address)  # who tries keys is slowed down like everybody
            challenge = 'Basic realm="amc_learning"' if b"text/html" in headers.get(b"accept", b"") else "Bearer"
            raise Refusal(
                401,
                "send a valid key as Authorization: Bearer KEY; amc-learning keys create makes one",
                field="Authorization",
                headers={"www-authenticate": challenge},
            )
        return key


def _failure() -> Refusal:
    return Refusal(
        500, "something went wrong on our side; it is in our log. Send it again: a known event is recognised"
    )


def _completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers with what every answer carries, unless it says so itself; what says nothing is stored by no cache."""
    said = {name for name, _ in headers}
    return [*headers, *(header for header in EVERY_ANSWER if header[0] not in said)]


@lru_cache(maxsize=64)
def _name(host: bytes) -> str:
    """The name in a Host header, without its port; senders say the same one each time."""
    try:
        return urlsplit(f"//{host.decode('latin-1')}").hostname or ""
    except ValueError:
        return ""


def _refuse_foreign_pages(headers: RawHeaders) -> None:
    """A page of another site, open in a browser on this machine, must not send us events."""
    origin = headers.get(b"origin")
    is_foreign = origin is not None and origin.partition(b"://")[2] != headers.get(b"host")
    if is_foreign or headers.get(b"sec-fetch-site", b"none") not in _SAFE:
        raise Refusal(403, "events are not taken from web pages of other sites; nothing was kept", field="Origin")


def _sent_key(headers: RawHeaders) -> str:
    """The key of Authorization: Bearer or Basic (any user, the key as password), or of X-API-Key."""
    scheme, _, value = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return headers.get(b"x-api-key", b"").decode("latin-1")


def _address(scope: AsgiScope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _printable(text: str) -> str:
    return text[:200].encode("ascii", "backslashreplace").decode().translate(dict.fromkeys(range(32)))
