"""Knowledge days, and their weeks, as Dagster partitions.

A partition is a US/Eastern weekday. The newest partition is today's (`end_offset=1`), so that the nightly run just
after midnight fills yesterday; Friday's is filled in the night to Saturday. Holidays are partitions too, without rows.

A week is named after the Saturday on which it is over; from then on its partition exists. Its rows are those of its
Friday, the last knowledge day it knows of.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from amc_learning.contracts.knowledge_days import (
    FIRST_KNOWLEDGE_DAY,
    is_knowledge_day,
    knowledge_days,
    week_end,
    week_ends,
)
from amc_learning.stages.week import WeekError, refuse_unfinished_weeks

KNOWLEDGE_DAYS = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 * * 1-5",
    start=FIRST_KNOWLEDGE_DAY.isoformat(),
    fmt="%Y-%m-%d",
    timezone="America/New_York",
    end_offset=1,
)


def known_days(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Sequence[date]:
    """The knowledge days this run is about: one for a night, all of them for a range in a single run."""
    keys = context.partition_key_range
    return knowledge_days(date.fromisoformat(keys.start), date.fromisoformat(keys.end))


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
    return weeks


def written_days(context: dg.AssetCheckExecutionContext) -> Sequence[date]:
    """The knowledge days whose partitions this run writes: its days, or the last days of its weeks."""
    keys = context.partition_key_range
    is_of_days = is_knowledge_day(date.fromisoformat(keys.start))
    return known_days(context) if is_of_days else _weeks_between(keys)


def _weeks_between(keys: dg.PartitionKeyRange) -> Sequence[date]:
    return week_ends(*(date.fromisoformat(key) - timedelta(days=1) for key in (keys.start, keys.end)))
