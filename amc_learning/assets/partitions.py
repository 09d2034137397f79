"""Knowledge days as Dagster partitions.

A partition is a US/Eastern weekday. The newest partition is today's (`end_offset=1`), so that the nightly run just
after midnight fills yesterday; Friday's is filled in the night to Saturday. Holidays are partitions too, without rows.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY, knowledge_days

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
