"""One JSON document from a vendor over HTTP, asked for again where that can help, refused where it cannot.

Belongs here: authorisation, pace, retries, size, and what a status of HTTP means. Not here: what an answer means
(polygon). The key travels in a header and nowhere else: no address, no message and no representation holds it.
"""

import email.utils
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import tenacity

from amc_learning.market_data.errors import VendorError, VendorRefused
from amc_learning.market_data.pace import MINUTE_SECONDS, Pace

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
"""All symbols of a session are about 1.5 MB; forty times that is a mistake or an attack."""

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 120.0
"""A vendor that says to wait longer than this is left alone: the next night, or a person, tries again."""

LONGEST_WORDS = 200
"""Characters of a vendor's own words that a message repeats."""

_PASSING_STATUSES = frozenset({408, 425, 429})
_REFUSED_STATUSES = frozenset({401, 403})
_TOO_MANY = 429

Document = dict[str, Any]


class _Passing(Exception):  # noqa: N818 - never leaves this module
    """A failure that may be over soon."""

    def __init__(self, trouble: str, *, wait_seconds: float | None = None) -> None:
        super().__init__(trouble)
        self.wait_seconds = wait_seconds


class JsonSource:
    """Documents under one address, asked for with one key.

    Args:
        base_url: address of the vendor, http or https.
        api_key: the key; sent as `Authorization: Bearer`.
        key_setting: how a person sets the key, for messages.
        vendor: the vendor's name, for messages.
        requests_per_minute: what the plan allows.
        timeout_seconds: longest wait for a connection, and for each next piece of an answer.
        max_attempts: times one document is asked for before giving up.
        sleep, clock: waiting and the clock that only grows; arguments so that tests need not wait.

    Raises:
        VendorRefused: the key is empty or holds characters no key can have.
        ValueError: an address without a host, or numbers that cannot be meant.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        key_setting: str,
        vendor: str,
        requests_per_minute: int,
        timeout_seconds: float,
        max_attempts: int,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        address = urlsplit(base_url)
        if address.scheme not in ("http", "https") or not address.hostname or address.username or address.query:
            raise ValueError(f"the address of {vendor} must be like https://host, without a key or a question mark")
        if max_attempts < 1 or timeout_seconds <= 0:
            raise ValueError(f"max_attempts {max_attempts} and timeout_seconds {timeout_seconds} must be positive")
        key = api_key.strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            trouble = "holds characters no key has" if key else "is not set"
            raise VendorRefused(f"the key of {vendor} {trouble}: put it into the environment as {key_setting}")
        self._key, self._key_setting, self._vendor = key, key_setting, vendor
        self._sleep, self._max_attempts = sleep, max_attempts
        self._pace = Pace(requests_per_minute, clock=clock, sleep=sleep)
        self._wait_when_too_many = MINUTE_SECONDS / requests_per_minute
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            timeout=timeout_seconds,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def document(
        self,
        path: str,
        parameters: Mapping[str, str],
        *,
        what: str,
        checked: Callable[[Document], str | None],
    ) -> Document:
        """The JSON object at this path.

        Asked for again, with growing and slightly random waits or after as long as the vendor says, when there is no
        answer in time, when it is a 408, 425, 429 or 5xx, or when what comes is not the document. A refusal is final.

        Args:
            path: below the address.
            parameters: of the query.
            what: names what is asked for in messages: `bars of 2014-03-03`.
            checked: what is wrong with a document that is JSON but not whole; None when nothing is.

        Raises:
            VendorRefused: 401, 403, or the same said inside the document.
            VendorError: no whole document after the last attempt, or an answer that asking again would not change.
        """
        wait = tenacity.wait_exponential_jitter(initial=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS)

        def next_wait(state: tenacity.RetryCallState) -> float:
            failure = state.outcome.exception() if state.outcome else None
            asked = failure.wait_seconds if isinstance(failure, _Passing) else None
            return max(wait(state), asked or 0.0)

        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._max_attempts),
            wait=next_wait,
            retry=tenacity.retry_if_exception_type(_Passing),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return attempts(self._asked_once, path, parameters, what, checked)
        except _Passing as failure:
            # from None: the chain would show the request, and with it how it was authorised
            raise VendorError(
                f"{self._vendor} gave no {what} in {self._max_attempts} attempts: {failure}; what was stored before "
                "stays, and the same command goes on where this one stopped"
            ) from None

    def _asked_once(
        self, path: str, parameters: Mapping[str, str], what: str, checked: Callable[[Document], str | None]
    ) -> Document:
        self._pace.wait()
        try:
            with self._http.stream("GET", path, params=dict(parameters) or None) as response:
                content = self._content(response, what)
        except httpx.TimeoutException:
            raise _Passing("no answer in time") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _Passing(self._safe(f"{type(error).__name__} {error}")) from None
        self._require_success(response, content, what)
        document = _json_object(content)
        if document is None:
            raise _Passing(f"an answer that is no JSON object: {self._words(content)}")
        self._require_agreement(document, what)
        trouble = checked(document)
        if trouble is not None:
            raise _Passing(trouble)
        return document

    def _content(self, response: httpx.Response, what: str) -> bytes:
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > MAX_RESPONSE_BYTES:
                raise VendorError(
                    f"{self._vendor} sent more than {MAX_RESPONSE_BYTES:,} bytes as {what}; none of it was taken"
                )
        return bytes(content)

    def _require_success(self, response: httpx.Response, content: bytes, what: str) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        words = f"HTTP {status} {self._words(content)}"
        if status in _REFUSED_STATUSES:
            raise self._refusal(what, words)
        if status in _PASSING_STATUSES or status >= 500:
            raise _Passing(words, wait_seconds=self._asked_wait(response, words))
        raise VendorError(
            f"{self._vendor} has no {what}: {words}; asking again would not change it. Is its address right?"
        )

    def _require_agreement(self, document: Document, what: str) -> None:
        """Some refusals come as success: the document itself says otherwise."""
        status = str(document.get("status", "")).upper()
        words = self._safe(str(document.get("message") or document.get("error") or ""))
        if status in ("NOT_AUTHORIZED", "NOT_ENTITLED", "AUTH_ERROR"):
            raise self._refusal(what, f"{status} {words}")
        if status == "ERROR" and "per minute" in words:
            raise _Passing(words, wait_seconds=self._wait_when_too_many)
        if status in ("ERROR", "NOT_FOUND"):
            raise VendorError(f"{self._vendor} has no {what}: {status} {words}; asking again would not change it")

    def _refusal(self, what: str, words: str) -> VendorRefused:
        return VendorRefused(
            f"{self._vendor} refused {what}: {words.strip()}. Check the key, {self._key_setting} in the environment, "
            "and whether its plan includes this; what was stored before stays"
        )

    def _asked_wait(self, response: httpx.Response, words: str) -> float | None:
        said = _retry_after_seconds(response.headers.get("Retry-After"))
        if said is not None and said > LONGEST_WAIT_SECONDS:
            raise VendorError(
                f"{self._vendor} asks to wait {said:,.0f} seconds ({words}); run the same command again then"
            )
        if said is None and response.status_code == _TOO_MANY:
            return self._wait_when_too_many
        return said

    def _words(self, content: bytes) -> str:
        """The vendor's own words in an answer, as far as they fit."""
        document = _json_object(content) or {}
        said = document.get("message") or document.get("error")
        text = said if isinstance(said, str) else content[: 4 * LONGEST_WORDS].decode("utf-8", "replace")
        return self._safe(text)

    def _safe(self, text: str) -> str:
        """Printable, short, and without the key, which some servers repeat."""
        plain = " ".join(text.replace(self._key, "[key]").split())
        return "".join(mark for mark in plain if mark.isprintable())[:LONGEST_WORDS]


def _json_object(content: bytes) -> Document | None:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _retry_after_seconds(said: str | None) -> float | None:
    """Seconds to wait from a Retry-After header, which holds seconds or a date; None when it says neither.

    >>> _retry_after_seconds("12"), _retry_after_seconds("soon"), _retry_after_seconds(None)
    (12.0, None, None)
    """
    if said is None:
        return None
    if said.strip().isdecimal():
        return float(said.strip())
    try:
        until = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return None
    # a date is the vendor's clock against ours; there is no other way to read it
    return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())
