"""The weekly deep correction over a range of weeks, in order.

Belongs here: the order of its stages, and which weeks can be judged. Not here: what a stage does (its own module).

A week is told by its last knowledge day, its Friday; a stage of the week is, like one of the night, a function of the
days it writes.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.contracts.knowledge_days import knowledge_days, week_end, week_ends
from amc_learning.settings import Settings
from amc_learning.stages import discovered_patterns, exits, importance, models, regime_changes, weekly_report
from amc_learning.stages.cycle import Stage
from amc_learning.stages.due import LONGEST_CATCH_UP, nights, span
from amc_learning.warehouse import Warehouse


class WeekError(Exception):
    """A week cannot be judged yet; nothing was changed."""


def weekly_stages() -> tuple[Stage, ...]:
    """The stages of the week in order."""
    return (
        Stage("regime_changes", regime_changes.judge_regime_changes),
        Stage("exit_strategies", exits.optimise_exits),
        Stage("position_size_advice", exits.advise_sizes),
        Stage("prediction_models", models.retrain_models),
        Stage("candidate_predictions", models.predict_candidates),
        Stage("feature_importance", importance.measure_importance),
        Stage("discovered_patterns", discovered_patterns.find_patterns),
        # last: it reads what all of them wrote
        Stage("weekly_report", weekly_report.publish_weekly_reports),
    )


def refuse_unfinished_weeks(warehouse: Warehouse, weeks: Sequence[date]) -> None:
    """Refuse weeks whose nights did not all run: what they know would change under the report.

    Raises:
        WeekError: names the nights that are missing and the command that runs them.
    """
    have = set(nights(warehouse))
    for week in weeks:
        missing = _missing_nights(have, week)
        if missing:
            raise WeekError(
                f"the week to {week} cannot be judged: no night ran for {span(missing)}. "
                f"Run them first: amc-learning run daily --from {missing[0]} --to {missing[-1]}"
            )


def _missing_nights(have: Collection[date], week: date) -> list[date]:
    """Nights of a week that did not run; those before the first night there is are not missed."""
    days = knowledge_days(week - timedelta(days=4), week)
    first = min(have, default=None)
    if first is None or first > week:
        return days
    return [day for day in days if day not in have and day > first]


def last_finished_week(warehouse: Warehouse, yesterday: date) -> date | None:
    """The last week that was over by the end of `yesterday` and whose nights all ran; None when there is none."""
    have = set(nights(warehouse))
    weeks = [week for week in week_ends(min(have), yesterday) if week <= yesterday] if have else []
    return next((week for week in reversed(weeks) if not _missing_nights(have, week)), None)


def due_weeks(warehouse: Warehouse, week: date) -> list[date]:
    """The weeks a run has to judge: this one, and of those missed in the month before it all whose nights ran.

    A week that lacks a night is left out and the others are judged: its night may never come. Without a report before
    it, this week alone: older ones are a person's decision.
    """
    reported = [known for known in warehouse.publications.history(WEEKLY_REPORT_DOCUMENT) if known < week]
    first = reported[-1] + timedelta(weeks=1) if reported else week
    if week - first >= LONGEST_CATCH_UP:
        first = week
    have, weeks = set(nights(warehouse)), week_ends(first, week)
    return [known for known in weeks if known == weeks[-1] or not _missing_nights(have, known)]


def without_gaps(weeks: Sequence[date]) -> list[list[date]]:
    """These weeks as ranges of weeks that follow each other, in order: a run covers one of them.

    >>> [len(part) for part in without_gaps([date(2026, 11, 6), date(2026, 11, 20), date(2026, 11, 27)])]
    [1, 2]
    """
    parts: list[list[date]] = []
    for week in weeks:
        if parts and week - parts[-1][-1] == timedelta(weeks=1):
            parts[-1].append(week)
        else:
            parts.append([week])
    return parts


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
