"""What the server's answer to an event means for that event.

Belongs here: the table of answers, pure. Not here: HTTP (transport), waiting and counting (delivery).
"""

import json
from dataclasses import dataclass
from enum import Enum

from amc_learning.client.transport import NoReply, Reply

ABOUT_THE_WAY = frozenset({401, 403, 404, 405, 407, 408, 421, 425})
"""Refusals of the way the request came (key, address, proxy), not of the event: it waits until the way is right."""


class Fate(Enum):
    """What becomes of the event."""

    TAKEN = "taken"
    REFUSED = "refused"
    WAIT = "wait"
    FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    """The fate of an event.

    may_be_the_event: the server answered, and failed perhaps because of this very event; others go first.
    """

    fate: Fate
    reason: str
    is_duplicate: bool = False
    is_quarantined: bool = False
    retry_after_seconds: float | None = None
    may_be_the_event: bool = False


def judged(reply: Reply | NoReply) -> Verdict:
    """The verdict on an event that got this reply.

    >>> judged(Reply(202, b'{"success": true, "status": "quarantined", "duplicate": false}')).is_quarantined
    True
    >>> judged(Reply(422)).fate, judged(Reply(401)).fate, judged(Reply(429, retry_after_seconds=3.0)).fate
    (<Fate.REFUSED: 'refused'>, <Fate.FAILED: 'failed'>, <Fate.WAIT: 'wait'>)
    """
    if isinstance(reply, NoReply):
        return Verdict(Fate.FAILED, f"no answer ({reply.reason})")
    status = reply.status
    if status in (200, 202):
        return _taken(reply)
    if status == 429 or (status == 503 and reply.retry_after_seconds is not None):
        return Verdict(Fate.WAIT, f"status {status}", retry_after_seconds=reply.retry_after_seconds)
    if status == 409:
        return Verdict(Fate.REFUSED, "status 409: another event was sent under the same key before")
    if 400 <= status < 500 and status not in ABOUT_THE_WAY:
        return Verdict(Fate.REFUSED, f"status {status}")
    return Verdict(Fate.FAILED, f"status {status}", may_be_the_event=status == 500)


def _taken(reply: Reply) -> Verdict:
    try:
        answer = json.loads(reply.body or b"")
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or answer.get("success") is not True:
        return Verdict(
            Fate.FAILED, f"status {reply.status} with an answer not of the learning system", may_be_the_event=True
        )
    return Verdict(
        Fate.TAKEN,
        "taken",
        is_duplicate=answer.get("duplicate") is True,
        is_quarantined=answer.get("status") == "quarantined",
    )
