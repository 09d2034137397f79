"""Sensors: what reacts to events instead of the calendar. Ticks are cheap; a cursor remembers what was asked for."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from amc_learning.automation.jobs import COLLECTION, EVIDENCE_REFRESH, collection, evidence_refresh
from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE, knowledge_day, previous_knowledge_day
from amc_learning.settings import Automation
from amc_learning.stages.bars import KIND as BARS
from amc_learning.stages.due import stale_event_days
from amc_learning.warehouse import Warehouse, reopened

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

MARKET_ZONE = ZoneInfo(MARKET_TIMEZONE)

LONGEST_REFRESH = timedelta(days=120)
"""Events later than this are history to be loaded by a person (backfill), not by a run that nobody asked for."""


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tags that make one run cover the partitions from first to last."""
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


def inbox_sensor(automation: Automation) -> dg.SensorDefinition:
    """Looks for events that are not yet rows: today's are collected, late ones refresh the evidence they touch."""

    @dg.sensor(
        name="inbox_sensor",
        jobs=[collection, evidence_refresh],
        minimum_interval_seconds=automation.inbox_poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING
        if automation.inbox_sensor_is_on
        else dg.DefaultSensorStatus.STOPPED,
        description="Drains accepted events into raw partitions; late events re-open the days they touch.",
    )
    def sensor(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.SensorResult | dg.SkipReason:
        today = knowledge_day(datetime.now(UTC))
        pending = (day for kind in (*EVENT_TABLES, BARS) for day in warehouse.inbox.pending_days(kind))
        stale = stale_event_days(warehouse, since=today - LONGEST_REFRESH)
        waiting = sorted({*pending, *stale, *reopened.open_days(warehouse)})
        if not waiting:
            return dg.SkipReason("every accepted event is in its tables, and no bar came after its outcomes")
        now = datetime.now(UTC)
        cursor = f"{warehouse.inbox.last_sequence()} {knowledge_day(now)} {' '.join(map(str, waiting))}"
        if cursor == context.cursor:
            return dg.SkipReason(f"runs for the events of {waiting[0]} to {waiting[-1]} were asked for already")
        requests = requests_for(waiting, now=now, key=cursor)
        if not requests:
            return dg.SkipReason(
                f"events of {waiting[0]} to {waiting[-1]} wait for their partition to begin, or are history: "
                f"amc-learning backfill --from {waiting[0]}"
            )
        return dg.SensorResult(run_requests=requests, cursor=cursor)

    return sensor


def requests_for(waiting: Sequence[date], *, now: datetime, key: str) -> list[dg.RunRequest]:
    """One run for what waits of today, one range run for all late days up to yesterday.

    What arrives on a weekend is known on Monday, whose partition begins on Monday: it waits until then. Draining takes
    everything pending at once, so when both are needed the refresh comes first and covers all late days.
    """
    today = knowledge_day(now)
    has_begun = today <= now.astimezone(MARKET_ZONE).date()
    late = [day for day in waiting if today - LONGEST_REFRESH <= day < today]
    requests = []
    if late:
        tags = range_tags(late[0], previous_knowledge_day(today))
        requests.append(dg.RunRequest(run_key=f"late {key}", job_name=EVIDENCE_REFRESH, tags=tags))
    if today in waiting and has_begun:
        requests.append(dg.RunRequest(run_key=f"today {key}", job_name=COLLECTION, partition_key=today.isoformat()))
    return requests
