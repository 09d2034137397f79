"""What door and endpoints tell each other about a request, through its ASGI scope: who sent it, and how it ended.

Belongs here: the two words that are passed. Not here: what is done with them (door, collector).
"""

from starlette.types import Scope

from amc_learning.service.records import Outcome

_OUTCOME = "amc_learning.outcome"
_SENDER = "amc_learning.sender"


def sent_by(scope: Scope, key_name: str) -> None:
    """Say whose key came with this request."""
    scope[_SENDER] = key_name


def sender_of(scope: Scope) -> str | None:
    """Name of the key that came with this request; None when none was needed."""
    name: str | None = scope.get(_SENDER)
    return name


def ended_as(scope: Scope, outcome: Outcome) -> None:
    """Say how this request ended; without a word the status of the answer decides."""
    scope[_OUTCOME] = outcome


def delivered(scope: Scope, *, is_from_memory: bool) -> None:
    """Say that a document was given; of several that one answer is made of, the one that had to be read decides."""
    if scope.get(_OUTCOME) != "from_disk":
        ended_as(scope, "from_memory" if is_from_memory else "from_disk")


def outcome_of(scope: Scope, status: int) -> Outcome:
    """How a request ended."""
    said: Outcome | None = scope.get(_OUTCOME)
    if said is not None:
        return said
    if status in {429, 503}:
        return "unavailable"
    if status >= 500:
        return "failed"
    return "refused" if status >= 400 else "from_memory"
