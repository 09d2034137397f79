"""The weekly deep correction over a range of weeks, in order.

Belongs here: the order of its stages, and which weeks can be judged. Not here: what a stage does (its own module).

A week is told by its last knowledge day, its Friday; a stage of the week is, like one of the night, a function of the
days it writes.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from amc_learning.contracts.knowledge_days import knowledge_days, week_end
from amc_learning.settings import Settings
from amc_learning.stages.cycle import Stage
from amc_learning.stages.due import nights, span
from amc_learning.warehouse import Warehouse


class WeekError(Exception):
    """A week cannot be judged yet; nothing was changed."""


def weekly_stages() -> tuple[Stage, ...]:
    """The stages of the week in order."""
    return ()


def refuse_unfinished_weeks(warehouse: Warehouse, weeks: Sequence[date]) -> None:
    """Refuse weeks whose nights did not all run: what they know would change under the report.

    Raises:
        WeekError: names the nights that are missing and the command that runs them.
    """
    have = set(nights(warehouse))
    first = min(have, default=None)
    for week in weeks:
        days = knowledge_days(week - timedelta(days=4), week)
        missing = [day for day in days if day not in have and (first is None or day > first)]
        if missing or first is None or first > week:
            missing = missing or days
            raise WeekError(
                f"the week to {week} cannot be judged: no night ran for {span(missing)}. "
                f"Run them first: amc-learning run daily --from {missing[0]} --to {missing[-1]}"
            )


def run_weeks(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> None:
    """Run every stage of the week over these weeks.

    Args:
        warehouse: a data directory whose nights of these weeks ran.
        settings: windows and levels.
        weeks: last knowledge days of weeks, in order.

    Raises:
        WeekError: a night of one of these weeks is missing.
        ValueError: a day that ends no week.
    """
    strange = [week for week in weeks if week != week_end(week)]
    if strange:
        raise ValueError(f"{span(strange)} ends no week; a week is told by its Friday")
    refuse_unfinished_weeks(warehouse, weeks)
    for stage in weekly_stages():
        stage.run(warehouse, settings, weeks)
