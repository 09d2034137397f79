"""What fails systematically at this moment, events included that no night has seen yet; looks only, writes nothing.

Belongs here: putting together what a look between two nights can know. Not here: the statistics (learning.failures).
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.intake.trade import normalise_trades
from amc_learning.learning.failures import systematic_now
from amc_learning.settings import Settings
from amc_learning.stages.advice import failure_warning
from amc_learning.stages.failures import cases_of, failure_rules
from amc_learning.stages.settled import LONGEST_LOOK, first_unsettled
from amc_learning.stages.trades import closed_so_far
from amc_learning.warehouse import Warehouse

MOST_PENDING = 50_000
"""Messages about trades a look takes from the inbox; more than a day's worth of any portfolio."""


@dataclass(frozen=True)
class Failing:
    """One systematic failure."""

    severity: str
    sentence: str
    facts: dict[str, Any]


def signature(warehouse: Warehouse, settings: Settings, day: date) -> str:
    """Changes when, and only when, there may be something new to see on this day."""
    cases, events = warehouse.table("failure_cases"), warehouse.table("trade_events")
    first = day - timedelta(days=failure_rules(settings).lookback_days)
    parts = [
        day.isoformat(),
        cases.fingerprint(first, day - timedelta(days=1)),
        events.fingerprint(day, day),
        str(warehouse.inbox.last_sequence("trade")),
    ]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def last_told(warehouse: Warehouse, day: date) -> dict[str, str]:
    """Severity of each failing pattern by the last night: what people know already."""
    table = warehouse.table("failure_patterns")
    night = table.latest_on_or_before(day)
    if night is None:
        return {}
    patterns = table.read(night, night).filter(pl.col("status") == "systematic")
    return {_name(row): row["severity"] for row in patterns.to_dicts()}


def failing_now(warehouse: Warehouse, settings: Settings, day: date) -> dict[str, Failing]:
    """Every systematic failure as known at this moment, by kind and pattern.

    Days before this one whose trades no night has settled yet are settled here too, in memory.

    Raises:
        LedgerError: trades wait to be settled that lie too far back for a look.
    """
    rules, days = failure_rules(settings), unsettled_days(warehouse, day)
    lookback_from = day - timedelta(days=rules.lookback_days)
    before = warehouse.table("failure_cases").read(lookback_from, days[0] - timedelta(days=1))
    pending = warehouse.inbox.pending("trade", MOST_PENDING).filter(pl.col("known_on").is_in(days))
    raw = warehouse.table("trade_events")
    stored = raw.read(days[0], day)
    events = pl.concat([stored, pending.select(raw.table.column_names)]).unique("event_id", keep="first")
    closed = closed_so_far(
        warehouse, settings, normalise_trades(events, rules=settings.collection.time_rules).messages, days
    )
    recent = cases_of(warehouse, settings, days, closed=closed).filter(pl.col("known_on") >= lookback_from)
    patterns = systematic_now(pl.concat([before, recent]), on=day, rules=rules)
    facts = ("kind", "pattern", "n_cases", "n_failures", "failure_rate", "base_rate", "adjusted_p_value")
    return {
        _name(row): Failing(row["severity"], failure_warning(row), {name: row[name] for name in facts})
        for row in patterns.to_dicts()
    }


def unsettled_days(warehouse: Warehouse, day: date) -> list[date]:
    """Knowledge days up to `day` whose trades are not settled, or not all; `day` itself always is one.

    Events of days after the last settled one count although they are no messages yet.
    """
    settled = [known for known in warehouse.table("settled_days").days() if known < day]
    since = settled[-1] + timedelta(days=1) if settled else None
    raw = warehouse.table("trade_events").entries(since, day - timedelta(days=1))
    waiting = [entry.known_on for entry in raw if entry.n_rows]
    waiting += [known for known in warehouse.inbox.pending_days("trade") if (since or known) <= known < day]
    unsettled = first_unsettled(warehouse, day)
    first = min([day, *waiting, *([unsettled] if unsettled else [])])
    return knowledge_days(max(first, day - LONGEST_LOOK), day)


def _name(row: dict[str, Any]) -> str:
    return f"{row['kind']}: {row['pattern']}"
