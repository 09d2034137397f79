"""Publish the documents beside the weights, from the confidence to the daily report.

Belongs here: which document is stored under which name, and the page of the report. Not here: what a document is made
of (documents, patterns, report), the weights and their guards (publish).
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from amc_learning.contracts.documents import DailyReport
from amc_learning.contracts.documents.names import (
    CONFIDENCE_DOCUMENT,
    CORRECTIONS_DOCUMENT,
    PATTERNS_DOCUMENT,
    RECOMMENDATIONS_DOCUMENT,
    REGIME_DOCUMENT,
    REPORT_DOCUMENT,
)
from amc_learning.reports.page import render_page
from amc_learning.settings import Settings
from amc_learning.stages.documents import (
    confidence_document,
    corrections_document,
    recommendations_document,
    regime_document,
)
from amc_learning.stages.night import Night
from amc_learning.stages.night_tables import NightTables
from amc_learning.stages.patterns import pattern_document
from amc_learning.stages.publish import PublicationError, stored
from amc_learning.stages.report import ReportTables, daily_report
from amc_learning.stages.stored_documents import understood
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.publications import PublishReport


@taking_turns
def publish_confidence(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> list[PublishReport]:
    """Publish the confidence adjustments of each of these days."""
    tables = NightTables(warehouse, settings, days[0], days[-1])
    return stored(warehouse, CONFIDENCE_DOCUMENT, [confidence_document(Night(day, tables)) for day in days])


@taking_turns
def publish_regimes(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> list[PublishReport]:
    """Publish the market regime of each of these days."""
    tables = NightTables(warehouse, settings, days[0], days[-1])
    return stored(warehouse, REGIME_DOCUMENT, [regime_document(Night(day, tables)) for day in days])


@taking_turns
def publish_corrections(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> list[PublishReport]:
    """Publish the corrections of each of these days."""
    tables = NightTables(warehouse, settings, days[0], days[-1])
    return stored(warehouse, CORRECTIONS_DOCUMENT, [corrections_document(Night(day, tables)) for day in days])


@taking_turns
def publish_patterns(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> list[PublishReport]:
    """Publish the pattern analysis of each of these days."""
    tables = NightTables(warehouse, settings, days[0], days[-1])
    return stored(warehouse, PATTERNS_DOCUMENT, [pattern_document(Night(day, tables)) for day in days])


@taking_turns
def publish_recommendations(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> list[PublishReport]:
    """Publish the current recommendations of each of these days: the other documents in short, under six keys."""
    tables = NightTables(warehouse, settings, days[0], days[-1])
    documents = [recommendations_document(Night(day, tables)) for day in days]
    return stored(warehouse, RECOMMENDATIONS_DOCUMENT, documents)


@taking_turns
def publish_reports(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> list[PublishReport]:
    """Publish the daily report of each of these days, and draw the page of the newest.

    The page of any other day is drawn when somebody asks for it, from its document.
    """
    tables = ReportTables(warehouse, settings, days[0], days[-1])
    reports = [daily_report(Night(day, tables), tables) for day in days]
    published = stored(warehouse, REPORT_DOCUMENT, reports)
    draw_page(warehouse, days[-1])
    return published


@taking_turns
def publish_all(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> None:
    """Publish all of these documents of each of these days: as the functions above, with every table read once."""
    tables = ReportTables(warehouse, settings, days[0], days[-1])
    nights = [Night(day, tables) for day in days]
    stored(warehouse, CONFIDENCE_DOCUMENT, [confidence_document(night) for night in nights])
    stored(warehouse, REGIME_DOCUMENT, [regime_document(night) for night in nights])
    stored(warehouse, CORRECTIONS_DOCUMENT, [corrections_document(night) for night in nights])
    stored(warehouse, PATTERNS_DOCUMENT, [pattern_document(night) for night in nights])
    stored(warehouse, RECOMMENDATIONS_DOCUMENT, [recommendations_document(night) for night in nights])
    stored(warehouse, REPORT_DOCUMENT, [daily_report(night, tables) for night in nights])
    draw_page(warehouse, days[-1])


def draw_page(warehouse: Warehouse, day: date) -> Path:
    """The page of a day's report, drawn from its published document; where it lies.

    Raises:
        PublicationError: no report was published for that day.
        CorruptDocument: it was written by another version.
    """
    document = warehouse.publications.document(REPORT_DOCUMENT, day)
    if document is None:
        raise PublicationError(f"no report of {day}; run the day first: amc-learning run daily --date {day}")
    report = understood(DailyReport, document, name=REPORT_DOCUMENT, day=day)
    return warehouse.publications.write_page(REPORT_DOCUMENT, day, render_page(report))
