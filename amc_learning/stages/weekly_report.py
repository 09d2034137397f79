"""The weekly report: what the week's deep work found, in one document, and the page drawn from it.

Belongs here: which rows the report is made of, and publishing it. Not here: one part from its rows (weekly_parts), the
wording (weekly_wording), the page (reports).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from amc_learning import __version__
from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.contracts.documents.weekly_report import CandidatePrediction, WeekCounts, WeeklyReport
from amc_learning.contracts.knowledge_days import knowledge_days, previous_knowledge_day
from amc_learning.reports.weekly_page import render_weekly_page
from amc_learning.settings import Settings
from amc_learning.stages import weekly_parts, weekly_wording
from amc_learning.stages.day_rows import Row, day_rows, end_of
from amc_learning.stages.due import nights
from amc_learning.stages.night import Night
from amc_learning.stages.night_tables import RECENT_DAYS
from amc_learning.stages.publish import PublicationError, stored
from amc_learning.stages.report import LEAST_CHANGE, ReportTables, weight_change
from amc_learning.stages.stored_documents import understood
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.publications import PublishReport

WEEKLY_TABLES = (
    "discovered_patterns",
    "pattern_searches",
    "feature_importance",
    "regime_changes",
    "prediction_models",
    "candidate_predictions",
    "exit_strategies",
    "exit_advice",
    "position_size_advice",
)
"""Tables of the week that the report is made of."""

_COUNTED = {
    "n_discovery_runs": "discovery_runs",
    "n_candidates": "discovery_candidates",
    "n_theses": "thesis_decisions",
    "n_trade_messages": "trade_messages",
    "n_outcomes": "candidate_outcomes",
}


@dataclass(frozen=True)
class Week:
    """One week, told by its Friday, and the rows of its tables."""

    friday: date
    warehouse: Warehouse
    settings: Settings

    @property
    def monday(self) -> date:
        """Its first knowledge day."""
        return self.friday - timedelta(days=4)

    @property
    def before(self) -> date:
        """The last knowledge day before it."""
        return previous_knowledge_day(self.monday)

    @cached_property
    def days(self) -> list[date]:
        """Its knowledge days."""
        return knowledge_days(self.monday, self.friday)

    @cached_property
    def tables(self) -> ReportTables:
        """The tables of its nights, and of the night before them."""
        return ReportTables(self.warehouse, self.settings, self.before, self.friday)

    @cached_property
    def last_night(self) -> Night:
        """The night of its Friday."""
        return Night(self.friday, self.tables)

    def rows(self, table: str) -> list[Row]:
        """The rows of a weekly table of this week."""
        return self.warehouse.table(table).read(self.friday, self.friday).to_dicts()

    def n_rows(self, table: str) -> int:
        """Rows of a table that became known in the week."""
        return sum(entry.n_rows for entry in self.warehouse.table(table).entries(self.monday, self.friday))

    def sha256(self, table: str) -> str | None:
        """Hash of the week's partition; None where it has none."""
        entry = self.warehouse.table(table).entry(self.friday)
        return None if entry is None else entry.sha256


@taking_turns
def publish_weekly_reports(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> list[PublishReport]:
    """Publish the report of each of these weeks, and draw the page of the newest."""
    reports = [weekly_report(Week(week, warehouse, settings)) for week in weeks]
    published = stored(warehouse, WEEKLY_REPORT_DOCUMENT, reports)
    draw_weekly_page(warehouse, weeks[-1])
    return published


def draw_weekly_page(warehouse: Warehouse, week: date) -> Path:
    """The page of a week's report, drawn from its published document; where it lies.

    Raises:
        PublicationError: no report was published for that week.
        CorruptDocument: it was written by another version.
    """
    document = warehouse.publications.document(WEEKLY_REPORT_DOCUMENT, week)
    if document is None:
        raise PublicationError(
            f"no report of the week to {week}; run the week first: amc-learning run weekly --week {week}"
        )
    remedy = "amc-learning run weekly --week"
    report = understood(WeeklyReport, document, name=WEEKLY_REPORT_DOCUMENT, day=week, remedy=remedy)
    return warehouse.publications.write_page(WEEKLY_REPORT_DOCUMENT, week, render_weekly_page(report))


def weekly_report(week: Week) -> WeeklyReport:
    """The report of one week, from the rows of that week; the same rows give the same report."""
    settings, night = week.settings, week.last_night
    importance = weekly_parts.component_importance(week.rows("feature_importance"), settings.outcomes.horizons)
    changes = weekly_parts.listed_changes(
        week.rows("regime_changes"), since=week.friday - timedelta(days=RECENT_DAYS), monday=week.monday
    )
    patterns, search = _at_horizon(week, "discovered_patterns"), next(iter(_at_horizon(week, "pattern_searches")), None)
    new_patterns = weekly_parts.patterns(patterns, search, "new")
    models = weekly_parts.model_cards(week.rows("prediction_models"))
    strategies = weekly_parts.strategy_recommendations(
        next(iter(week.rows("exit_advice")), None), week.rows("exit_strategies"), week.rows("position_size_advice")
    )
    predictions = _predictions(week)
    found = weekly_wording.Found(
        new_patterns=new_patterns,
        search=weekly_parts.pattern_search(search),
        importance=importance,
        changes=changes,
        models=models,
        strategies=strategies,
        counts=_counts(week, n_new_patterns=len(new_patterns)),
        horizon=settings.weekly.horizon,
    )
    parts = {
        "new_patterns": search is not None and search["evidence"] == "sufficient",
        "feature_importance": [row for row in importance if row.importance.estimate is not None],
        "regime_changes": changes,
        "models": models,
        "candidate_predictions": predictions,
        "exits": strategies.exits,
        "position_sizes": strategies.position_sizes,
    }
    return WeeklyReport(
        known_on=week.friday,
        last_updated=end_of(week.friday),
        week_from=week.monday,
        headline=weekly_wording.headline(found),
        findings=weekly_wording.findings(found),
        horizon=settings.weekly.horizon,
        window_days=settings.weekly.window_days,
        counts=found.counts,
        insufficient_evidence={name: weekly_wording.NO_ROWS[name] for name, part in parts.items() if not part},
        new_patterns=new_patterns,
        known_patterns=weekly_parts.patterns(patterns, search, "confirmed", "fading"),
        pattern_search=found.search,
        feature_importance=importance,
        index_regime=night.index_regime,
        discovery_regime=night.discovery_regime,
        regime_changes=changes,
        models=models,
        candidate_predictions=predictions,
        strategy_recommendations=strategies,
        weight_moves=weekly_parts.weight_moves(
            week.tables.decisions.as_of(week.before),
            week.tables.decisions.as_of(week.friday),
            settings.features.default_weights,
        ),
        changes_judged=[weight_change(row) for row in _judged(week)],
        corrections_moved=weekly_parts.corrections_moved(night.corrections, monday=week.monday),
        inputs={name: week.sha256(name) for name in WEEKLY_TABLES},
        software_version=__version__,
    )


def _predictions(week: Week) -> list[CandidatePrediction]:
    rows, components = week.rows("candidate_predictions"), week.settings.features.components
    if not rows:
        return []
    decided_on = max(row["decided_on"] for row in rows)
    scored = day_rows(
        week.warehouse,
        "discovery_candidates",
        decided_on,
        decided_on,
        ["decision_id", "total_score", *components],
    )
    return weekly_parts.candidate_predictions(
        rows, {row["decision_id"]: row for row in scored.on(decided_on)}, components
    )


def _at_horizon(week: Week, table: str) -> list[Row]:
    """The rows of the week at the horizon the report is about."""
    return [row for row in week.rows(table) if row["horizon"] == week.settings.weekly.horizon]


def _counts(week: Week, *, n_new_patterns: int) -> WeekCounts:
    have = set(nights(week.warehouse))
    moved = [
        day for day in week.days if any(abs(row["change"]) > LEAST_CHANGE for row in week.tables.decisions.on(day))
    ]
    closed = week.warehouse.table("closed_trades").read(week.monday, week.friday, columns=["position_id", "revision"])
    known = _failures(week, [week.before])
    return WeekCounts(
        n_nights=sum(day in have for day in week.days),
        n_trades_closed=closed.filter(closed["revision"] == 1).height,
        n_nights_moved=len(moved),
        n_new_patterns=n_new_patterns,
        n_new_failures=len(_failures(week, week.days) - known),
        **{name: week.n_rows(table) for name, table in _COUNTED.items()},
    )


def _failures(week: Week, days: Sequence[date]) -> set[tuple[str, str]]:
    """The systematic failures of these nights."""
    return {(alert.kind, alert.pattern) for day in days for alert in Night(day, week.tables).alerts}


def _judged(week: Week) -> list[Row]:
    """Changes of the weights whose verdict is not that of the week before."""
    before = {row["began_on"]: row["verdict"] for row in week.tables.effectiveness.as_of(week.before)}
    return [
        row
        for row in reversed(week.tables.effectiveness.as_of(week.friday))
        if row["verdict"] != "too_early" and before.get(row["began_on"], "too_early") != row["verdict"]
    ]
