"""Knowledge days, and their weeks, as Dagster partitions.

A partition is a US/Eastern weekday. The newest partition is today's (`end_offset=1`), so that the nightly run just
after midnight fills yesterday; Friday's is filled in the night to Saturday. Holidays are partitions too, without rows.

A week is named after the Saturday on which it is over; from then on its partition exists. Its rows are those of its
Friday, the last knowledge day it knows of.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.contracts.knowledge_days import (
    FIRST_KNOWLEDGE_DAY,
    is_knowledge_day,
    knowledge_days,
    week_end,
    week_ends,
)
from amc_learning.stages.week import WeekError, refuse_unfinished_weeks
from amc_learning.warehouse.tables import PartitionedTable

FROM_OUTSIDE = frozenset({*EVENT_TABLES.values(), "price_bars", "index_closes"})
"""Tables filled with what is sent or ingested: a day without any is no mistake."""

KNOWLEDGE_DAYS = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 * * 1-5",
    start=FIRST_KNOWLEDGE_DAY.isoformat(),
    fmt="%Y-%m-%d",
    timezone="America/New_York",
    end_offset=1,
)


AHEAD_OF_NIGHT = "ahead_of_night"
"""Tag of runs that decide a day before its night, on what the night before found where the day has nothing yet."""


def known_days(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The knowledge days this run is about: one for a night, all of them for a range in a single run.

    Raises:
        dg.Failure: an input of one of these days is not written; says what to materialize first.
    """
    days = _days_between(context.partition_key_range)
    refuse_missing_inputs(context, days)
    return days


def _days_between(keys: dg.PartitionKeyRange) -> Sequence[date]:
    return knowledge_days(date.fromisoformat(keys.start), date.fromisoformat(keys.end))


def refuse_missing_inputs(context: dg.AssetExecutionContext, days: Sequence[date]) -> None:
    """Refuse to compute from inputs that are not there: the result would pass for evidence.

    Raises:
        dg.Failure: names the inputs and days, and the two ways to get them; trying again changes nothing.
    """
    if AHEAD_OF_NIGHT in context.run.tags:
        return
    missing = {}
    for name in _inputs_of_the_day(context):
        written = set(context.resources.warehouse.table(name).days())
        if lacking := [day for day in days if day not in written]:
            missing[name] = lacking
    if not missing:
        return
    lacking = sorted({day for days_of_one in missing.values() for day in days_of_one})
    first, last = lacking[0], lacking[-1]
    is_one_day, is_one = first == last, len(missing) == 1
    raise dg.Failure(
        description=f"{context.asset_key.to_user_string()} needs {', '.join(missing)} of "
        f"{first if is_one_day else f'{first} to {last} ({len(lacking)} days)'}, which {'is' if is_one else 'are'} not "
        f"written. Nothing was changed. Materialize {next(iter(missing)) if is_one else 'them'} for "
        f"{'that day' if is_one_day else 'those days'} first, or run the job daily_correction_cycle, which does all in "
        f"order: amc-learning run daily {f'--date {first}' if is_one_day else f'--from {first} --to {last}'}",
        metadata={"missing_inputs": ", ".join(missing), "missing_days": ", ".join(map(str, lacking[:20]))},
        allow_retries=False,
    )


def _inputs_of_the_day(context: dg.AssetExecutionContext) -> list[str]:
    """Tables this asset reads of the very day it writes. What comes from outside may be missing on any day."""
    tables = {table.name: table for table in context.resources.warehouse.catalogue}
    names = []
    for dependency in context.assets_def.get_asset_spec(context.asset_key).deps:
        name, mapping = dependency.asset_key.to_user_string(), dependency.partition_mapping
        reaches_the_day = not isinstance(mapping, dg.TimeWindowPartitionMapping) or mapping.end_offset == 0
        if reaches_the_day and name in tables and name not in FROM_OUTSIDE:
            names.append(name)
    return names


KNOWLEDGE_WEEKS = dg.WeeklyPartitionsDefinition(
    start_date=(week_end(FIRST_KNOWLEDGE_DAY) + timedelta(days=1)).isoformat(),
    day_offset=6,
    fmt="%Y-%m-%d",
    timezone="America/New_York",
    end_offset=1,
)

DAYS_OF_THE_WEEK = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
"""From a week to its knowledge days (and the Friday before them, which Dagster takes to last until Monday)."""

WEEK_BEFORE = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
"""From a week to the one before."""


def week_key(day: date) -> str:
    """The partition of the week this knowledge day lies in.

    >>> week_key(date(2014, 12, 24))
    '2014-12-27'
    """
    return (week_end(day) + timedelta(days=1)).isoformat()


def known_weeks(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The last knowledge days of the weeks this run is about.

    Raises:
        dg.Failure: a night of one of them did not run; trying again changes nothing.
    """
    weeks = _weeks_between(context.partition_key_range)
    try:
        refuse_unfinished_weeks(context.resources.warehouse, weeks)
    except WeekError as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    refuse_missing_inputs(context, weeks)
    return weeks


def checked_days(context: dg.AssetCheckExecutionContext, table: PartitionedTable) -> Sequence[date]:
    """The knowledge days a check is about: those its run writes, or the last stored one when it is run by itself."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return table.days()[-1:] or [FIRST_KNOWLEDGE_DAY]
    keys = context.partition_key_range
    is_of_days = is_knowledge_day(date.fromisoformat(keys.start))
    return _days_between(keys) if is_of_days else _weeks_between(keys)


def _weeks_between(keys: dg.PartitionKeyRange) -> Sequence[date]:
    return week_ends(*(date.fromisoformat(key) - timedelta(days=1) for key in (keys.start, keys.end)))
