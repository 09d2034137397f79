"""What endpoints tell the door about a request, through its ASGI scope: how it ended.

Belongs here: the one word that is passed. Not here: what is done with it (door).
"""

from starlette.types import Scope

from amc_learning.service.records import Outcome

_OUTCOME = "amc_learning.outcome"


def ended_as(scope: Scope, outcome: Outcome) -> None:
    """Say how this request ended; without a word the status of the answer decides."""
    scope[_OUTCOME] = outcome


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
