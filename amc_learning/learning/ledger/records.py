"""What the ledger speaks of: its rules, and the values that settling a position gives.

Belongs here: values without behaviour. Not here: how they come about (settlement, matching, fold).
"""

from dataclasses import dataclass
from typing import NamedTuple

STATUS_OPEN = "open"
STATUS_CLOSED = "closed"
STATUS_AWAITING = "awaiting_open"
SELF_CONTAINED = "self_contained"
REOPENED = "reopened"


@dataclass(frozen=True)
class LedgerRules:
    """What counts as equal, and how long a finished position is remembered.

    Args:
        retention_days: calendar days after the last message that closed positions, and closes without an opening, are
            kept for late openings, duplicates and corrections.
        price_tolerance: stated prices this close to ours agree (fraction of ours).
        quantity_tolerance: shares this close agree, and less than this much of all bought is nothing left (fraction).

    Raises:
        ValueError: a negative retention, or a tolerance outside [0, 1).
    """

    retention_days: int = 45
    price_tolerance: float = 1e-3
    quantity_tolerance: float = 1e-4

    def __post_init__(self) -> None:
        """Refuse rules that cannot be meant."""
        if self.retention_days < 0:
            raise ValueError(f"retention_days must be 0 or more, got {self.retention_days}")
        for name in ("price_tolerance", "quantity_tolerance"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be a fraction in [0, 1), got {getattr(self, name)}")

    def is_price(self, stated: float | None, ours: float | None) -> bool:
        """Both are known and agree."""
        return stated is not None and ours is not None and abs(stated - ours) <= self.price_tolerance * ours


class Issue(NamedTuple):
    """One thing that had to be settled about a message."""

    message_id: str
    issue: str
    detail: str


class Opening(NamedTuple):
    """How a position began."""

    opened_at: int
    entry_price_usd: float | None
    shares: float | None
    signal_date: int | None


class ClosedTrade(NamedTuple):
    """What a position realised: the measured columns of closed_trades that follow from messages alone."""

    status: str
    opened_at: int | None
    closed_at: int
    signal_date: int | None
    n_entries: int
    n_exits: int
    shares: float | None
    average_entry_price_usd: float | None
    average_exit_price_usd: float | None
    last_exit_price_usd: float | None
    cost_usd: float | None
    realised_pnl_usd: float | None
    realised_return: float | None
    exit_reason: str | None
    exit_reason_sent: str | None


@dataclass(frozen=True)
class Settlement:
    """The state that the messages of one position amount to."""

    status: str
    opening: Opening | None
    closed: ClosedTrade | None
    shares_held: float | None
    average_entry_price_usd: float | None
    realised_pnl_usd: float | None
    issues: tuple[Issue, ...]

    @property
    def opened_at(self) -> int | None:
        """When it was opened, None while that is unknown."""
        return self.opening.opened_at if self.opening else None

    @property
    def closed_at(self) -> int | None:
        """When it was closed, None while it is not."""
        return self.closed.closed_at if self.closed else None


def reopened(closed: ClosedTrade) -> ClosedTrade:
    """The statement that takes a closed trade back: nothing of it is known any more but that it was stated."""
    return ClosedTrade(
        status=REOPENED,
        opened_at=closed.opened_at,
        closed_at=closed.closed_at,
        signal_date=None,
        n_entries=closed.n_entries,
        n_exits=0,
        shares=None,
        average_entry_price_usd=None,
        average_exit_price_usd=None,
        last_exit_price_usd=None,
        cost_usd=None,
        realised_pnl_usd=None,
        realised_return=None,
        exit_reason=None,
        exit_reason_sent=None,
    )
