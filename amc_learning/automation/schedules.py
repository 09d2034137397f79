"""Schedules: the calendar facts of the loop."""

from collections.abc import Sequence
from datetime import date, datetime

import dagster as dg

from amc_learning.assets.partitions import week_key
from amc_learning.automation.jobs import daily_correction_cycle, weekly_deep_correction
from amc_learning.automation.sensors import range_tags
from amc_learning.automation.tidy import tidy_job
from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE, previous_knowledge_day, week_end
from amc_learning.settings import Automation
from amc_learning.stages.due import due_nights
from amc_learning.stages.week import due_weeks, without_gaps
from amc_learning.warehouse import Warehouse


def daily_schedule(automation: Automation) -> dg.ScheduleDefinition:
    """The nightly cycle, Tuesday to Saturday just after midnight in New York: it fills yesterday's knowledge day.

    Nights that were missed in the month before come with it, in one run and in their order.
    """

    @dg.schedule(
        name="daily_correction_schedule",
        job=daily_correction_cycle,
        cron_schedule=f"{automation.daily_minute} {automation.daily_hour} * * 2-6",
        execution_timezone=MARKET_TIMEZONE,
        default_status=_status(is_on=automation.daily_schedule_is_on),
        description="Runs the night for yesterday's knowledge day; Friday's runs in the night to Saturday.",
    )
    def daily_correction_schedule(
        context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.RunRequest:
        yesterday = yesterday_of(context.scheduled_execution_time)
        days = due_nights(warehouse, yesterday, context.scheduled_execution_time.date())
        if len(days) == 1:
            return dg.RunRequest(run_key=f"daily-{yesterday}", partition_key=yesterday.isoformat())
        return dg.RunRequest(run_key=f"daily-{yesterday}", tags=range_tags(days[0], days[-1]))

    return daily_correction_schedule


def weekly_schedule(automation: Automation) -> dg.ScheduleDefinition:
    """The weekly cycle on Saturday morning in New York, after Friday's night: it judges the week that just ended.

    Weeks that were missed in the month before and whose nights all ran come with it in their order: in one run, or in
    several where a week between them lacks a night.
    """

    @dg.schedule(
        name="weekly_correction_schedule",
        job=weekly_deep_correction,
        cron_schedule=f"0 {automation.weekly_hour} * * 6",
        execution_timezone=MARKET_TIMEZONE,
        default_status=_status(is_on=automation.weekly_schedule_is_on),
        description="Runs the weekly deep correction for the week that ended on Friday; its partition is the Saturday.",
    )
    def weekly_correction_schedule(
        context: dg.ScheduleEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.RunRequest | list[dg.RunRequest]:
        week = week_end(yesterday_of(context.scheduled_execution_time))
        *earlier, last = [_run_of(weeks, week) for weeks in without_gaps(due_weeks(warehouse, week))]
        return [*earlier, last] if earlier else last

    return weekly_correction_schedule


def _run_of(weeks: Sequence[date], asked_for: date) -> dg.RunRequest:
    """One run over weeks that follow each other."""
    run_key = f"weekly-{asked_for}" if weeks[-1] == asked_for else f"weekly-{asked_for}-missed-{weeks[-1]}"
    first, last = week_key(weeks[0]), week_key(weeks[-1])
    if len(weeks) == 1:
        return dg.RunRequest(run_key=run_key, partition_key=last)
    return dg.RunRequest(run_key=run_key, tags=range_tags(date.fromisoformat(first), date.fromisoformat(last)))


def tidy_schedule(automation: Automation) -> dg.ScheduleDefinition:
    """Every day two hours after the night: what retention does not keep is removed."""
    return dg.ScheduleDefinition(
        name="tidy_schedule",
        job=tidy_job,
        cron_schedule=f"{automation.daily_minute} {(automation.daily_hour + 2) % 24} * * *",
        execution_timezone=MARKET_TIMEZONE,
        default_status=_status(is_on=automation.tidy_schedule_is_on),
        description="Removes what the retention settings do not keep; no event, no table.",
    )


def yesterday_of(tick: datetime) -> date:
    """The last knowledge day that was over at this instant."""
    return previous_knowledge_day(tick.date())


def _status(*, is_on: bool) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED
