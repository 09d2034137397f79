"""Answers of the service: JSON, and problems that say what was wrong, where, and what to do (RFC 9457).

Belongs here: how an answer looks on the wire. Not here: when which is given.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

JSON = "application/json"
PROBLEM = "application/problem+json"

RETRY_AFTER_SECONDS = 1
"""A full queue empties within a commit or two; senders with jitter come back spread out."""

TITLES: Mapping[int, str] = {
    400: "Not JSON",
    401: "Key needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Known identifier with another body",
    413: "Too large",
    415: "Not application/json",
    421: "Wrong host",
    422: "Not an event",
    429: "Too many requests",
    500: "Our mistake",
    503: "Not now",
}


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """A request that is answered with a problem; whoever notices raises it.

    Args:
        status: HTTP status.
        detail: what is wrong, and what to do about it.
        field: field or header to blame.
        facts: further members of the problem.
        retry_after_seconds: when to come back, for 429 and 503.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        facts: Mapping[str, Any] | None = None,
        retry_after_seconds: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.facts = dict(facts or {})
        self.headers = dict(headers or {})
        if retry_after_seconds is not None:
            self.headers["retry-after"] = str(retry_after_seconds)

    @classmethod
    def for_now(cls, detail: str, *, retry_after_seconds: int = RETRY_AFTER_SECONDS) -> "Refusal":
        """Come back later: nothing of this request is acknowledged."""
        return cls(503, detail, retry_after_seconds=retry_after_seconds)

    def response(self) -> Response:
        """The problem as a response."""
        problem = {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
            "success": False,
            **({"field": self.field} if self.field is not None else {}),
            **self.facts,
        }
        return Response(orjson.dumps(problem), self.status, self.headers, PROBLEM)


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Any plain value as JSON; dates and times in ISO 8601."""
    return Response(orjson.dumps(value), status, headers, JSON)
