"""Sensors: what reacts to events instead of the calendar. Ticks are cheap; a cursor remembers what was handled."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import dagster as dg

from amc_learning.assets.partitions import KNOWLEDGE_DAYS
from amc_learning.automation.jobs import COLLECTION, EVIDENCE_REFRESH, collection, evidence_refresh
from amc_learning.contracts.knowledge_days import knowledge_day, previous_knowledge_day
from amc_learning.settings import Automation
from amc_learning.warehouse import Warehouse

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def inbox_sensor(automation: Automation) -> dg.SensorDefinition:
    """Looks into the inbox: today's events are collected, late ones refresh the evidence of the days they touch."""

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
        newest = warehouse.inbox.last_sequence()
        if newest <= int(context.cursor or 0):
            return dg.SkipReason(f"no event has arrived since number {newest}")
        # what arrives on a weekend is known on Monday, whose partition begins on Monday: it waits until then
        pending = warehouse.inbox.pending_days("discovery")
        days = [day for day in pending if KNOWLEDGE_DAYS.has_partition_key(day.isoformat())]
        requests = requests_for(days, today=knowledge_day(datetime.now(UTC)), sequence=newest)
        if not requests:
            waits = f"{len(pending)} days wait for their partition to begin"
            return dg.SkipReason(waits if pending else "the events that arrived are already drained")
        return dg.SensorResult(run_requests=requests, cursor=str(newest))

    return sensor


def requests_for(days: Sequence[date], *, today: date, sequence: int) -> list[dg.RunRequest]:
    """One run for what is pending of today, one range run for all late days up to yesterday.

    Draining takes everything pending at once, so when both are needed the refresh comes first and covers all late days.
    """
    late = sorted(day for day in days if day < today)
    requests = []
    if late:
        tags = {RANGE_START: late[0].isoformat(), RANGE_END: previous_knowledge_day(today).isoformat()}
        requests.append(dg.RunRequest(run_key=f"late-{sequence}", job_name=EVIDENCE_REFRESH, tags=tags))
    if today in days:
        requests.append(
            dg.RunRequest(run_key=f"today-{sequence}", job_name=COLLECTION, partition_key=today.isoformat())
        )
    return requests
