"""Every path of the service in one table: what it does, who may, what goes in and comes out.

Belongs here: the table. The application routes by it, the door counts by it, and the OpenAPI document is made from it,
so none of them can know a path the others do not. Not here: what an endpoint does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from amc_learning.contracts.documents import (
    ConfidenceDocument,
    CorrectionsDocument,
    DailyReport,
    PatternAnalysisDocument,
    RecommendationsDocument,
    RegimeDocument,
    WeeklyReport,
    WeightsDocument,
    names,
)
from amc_learning.contracts.events import DiscoveryResult, PriceBars, ThesisDecision, TradeChange
from amc_learning.contracts.health import DataFlowHealth
from amc_learning.service import examples
from amc_learning.service.collector import Collector, Endpoint
from amc_learning.service.intelligence import REGIME_PARAMETERS, Intelligence
from amc_learning.service.older_readers import OlderReaders
from amc_learning.service.probes import Probes
from amc_learning.service.weekly import WeeklyReports

Media = Literal["application/json", "text/html", "text/plain"]


@dataclass(frozen=True)
class Parameter:
    """A parameter in path or query."""

    name: str
    place: Literal["path", "query"]
    description: str
    example: str


@dataclass(frozen=True)
class Operation:
    """One path and method.

    Attributes:
        path: with parameters in braces.
        method: GET or POST.
        endpoint: what answers.
        summary, description, tag: for people.
        flow: what its requests are counted under; None: nobody counts them.
        sends: model of the event in the body, and an example.
        answers: model of the answer, where there is one, and an example.
        media: type of the answer.
        parameters: of path and query.
        takes_parameters_alone: whether an event may come in query parameters, without a body.
        has_etag: whether a reader that has the answer already is told so by 304.
    """

    path: str
    method: Literal["GET", "POST"]
    endpoint: Endpoint
    summary: str
    description: str
    tag: str
    flow: str | None = None
    sends: type[BaseModel] | None = None
    sent_example: Any = None
    answers: type[BaseModel] | None = None
    example: Any = None
    media: Media = "application/json"
    parameters: Sequence[Parameter] = ()
    takes_parameters_alone: bool = False
    has_etag: bool = False


def operations(
    collector: Collector, intelligence: Intelligence, older: OlderReaders, probes: Probes
) -> tuple[Operation, ...]:
    """All of them; what is asked most often comes first, because routes are tried in order."""
    return (
        *_documents(intelligence),
        *(_collecting(collector, event) for event in EVENTS),
        *_older(collector, older),
        *_reports(intelligence),
        *_in_shadow(intelligence),
        *_probes(probes),
    )


@dataclass(frozen=True)
class _Event:
    """A kind of event: how it is sent, and what a sender should know."""

    kind: str
    path: str
    model: type[BaseModel]
    example: Any
    what: str


EVENTS = (
    _Event(
        kind="discovery",
        path="/learning/collect/discovery-data",
        model=DiscoveryResult,
        example=examples.DISCOVERY,
        what="One discovery result, empty and failed ones too: candidates with their scores, or just a status.",
    ),
    _Event(
        kind="thesis",
        path="/learning/collect/thesis-decision",
        model=ThesisDecision,
        example=examples.THESIS,
        what="One thesis decision or several, alone or in an envelope with the symbol.",
    ),
    _Event(
        kind="trade",
        path="/learning/collect/trade-outcome",
        model=TradeChange,
        example=examples.TRADE,
        what="One change of a position: OPEN, MODIFY or CLOSE.",
    ),
    _Event(
        kind="bars",
        path="/learning/collect/price-bars",
        model=PriceBars,
        example=examples.BARS,
        what='Daily bars, as {"bars": [...]} or a bare list.',
    ),
)
OLDER_OUTCOME = _Event(
    kind="trade",
    path="/learning/intelligence/track-outcome",
    model=TradeChange,
    example=examples.TRADE,
    what="An outcome as senders of the first version tell it, in query parameters or as JSON.",
)


def _collecting(collector: Collector, event: _Event) -> Operation:
    return Operation(
        path=event.path,
        method="POST",
        endpoint=collector.endpoint(event.kind),
        summary=f"Send {event.kind} events",
        description=f"{event.what} Durable when answered with 202. The same identifier (header Idempotency-Key, else "
        "event_id or job_id in the body, else a hash of the body) is stored once. Shapes of other senders are "
        "understood too (docs/contracts.md); what is not understood is kept in quarantine with its reason. Query "
        "parameters of older senders are read as fields around the body, or as the whole event.",
        tag="collect",
        flow=event.kind,
        sends=event.model,
        sent_example=event.example,
        takes_parameters_alone=event is OLDER_OUTCOME,
        example=examples.ACCEPTED,
    )


def _documents(intelligence: Intelligence) -> tuple[Operation, ...]:
    parameters = tuple(
        Parameter(name, "query", "Weights as they would be in this regime; see by_regime.", "calm")
        for name in REGIME_PARAMETERS
    )
    adaptive = _document(
        "/learning/intelligence/adaptive-discovery-params",
        "Weights and thresholds in force, and why",
        intelligence.adaptive_parameters,
        WeightsDocument,
        examples.WEIGHTS,
        parameters=parameters,
    )
    others: tuple[tuple[str, str, str, type[BaseModel]], ...] = (
        ("current-recommendations", names.RECOMMENDATIONS_DOCUMENT, "Everything in short", RecommendationsDocument),
        ("confidence-calibration", names.CONFIDENCE_DOCUMENT, "What stated confidence is worth", ConfidenceDocument),
        ("market-regime", names.REGIME_DOCUMENT, "The market regime", RegimeDocument),
        ("pattern-analysis", names.PATTERNS_DOCUMENT, "What works and what fails", PatternAnalysisDocument),
    )
    return (
        adaptive,
        *(
            _document(f"/learning/intelligence/{path}", summary, intelligence.document(name), model)
            for path, name, summary, model in others
        ),
        _document(
            "/learning/corrections",
            "Corrections in force, proposed and ended",
            intelligence.document(names.CORRECTIONS_DOCUMENT),
            CorrectionsDocument,
        ),
    )


def _in_shadow(intelligence: Intelligence) -> tuple[Operation, ...]:
    """Documents that people judge before they act; no reader of the others is told anything of them."""
    models: dict[str, type[BaseModel]] = {
        names.WEIGHTS_DOCUMENT: WeightsDocument,
        names.CONFIDENCE_DOCUMENT: ConfidenceDocument,
        names.CORRECTIONS_DOCUMENT: CorrectionsDocument,
    }
    return tuple(
        _document(
            f"/learning/shadow/{name}",
            f"What the {name} would be",
            intelligence.in_shadow(name),
            model,
            about="The last document published in shadow: computed and judged in full, for people to look at. Nobody "
            "may act on it.",
        )
        for name, model in models.items()
    )


def _document(
    path: str,
    summary: str,
    endpoint: Endpoint,
    model: type[BaseModel] | None,
    example: Any = None,
    *,
    parameters: Sequence[Parameter] = (),
    about: str = "The published document.",
) -> Operation:
    return Operation(
        path=path,
        method="GET",
        endpoint=endpoint,
        summary=summary,
        description=f'{about} Before the first publication `{{"success": false, "status": '
        '"nothing_published", ...}`. Carries an ETag: with If-None-Match an unchanged document is answered by 304.',
        tag="intelligence",
        flow="intelligence",
        answers=model,
        example=example or examples.NOTHING_PUBLISHED,
        parameters=parameters,
        has_etag=True,
    )


def _older(collector: Collector, older: OlderReaders) -> tuple[Operation, ...]:
    return (
        Operation(
            path="/learning-analytics/discovery/adaptive-parameters",
            method="GET",
            endpoint=older.parameters,
            summary="Weights for readers of the second version",
            description="success, confidence and weights, when weights of its six features are published; else success "
            "is false and says why.",
            tag="older readers",
            flow="intelligence",
            example=examples.OLDER_PARAMETERS,
            has_etag=True,
        ),
        Operation(
            path="/learning-analytics/market-regime/current",
            method="GET",
            endpoint=older.regime,
            summary="The regime for readers of the second version",
            description="regime, confidence and recommended_threshold; what is not known is left out.",
            tag="older readers",
            flow="intelligence",
            example=examples.OLDER_REGIME,
        ),
        _collecting(collector, OLDER_OUTCOME),
    )


def _reports(intelligence: Intelligence) -> tuple[Operation, ...]:
    day = Parameter("day", "path", "Knowledge day, or latest for the page.", "2014-12-12")
    return (
        _document(
            "/learning/reports/daily/latest",
            "The report of the last night",
            intelligence.document(names.REPORT_DOCUMENT),
            DailyReport,
        ),
        _document(
            "/learning/reports/weekly/latest",
            "The report of the last week",
            intelligence.document(names.WEEKLY_REPORT_DOCUMENT),
            WeeklyReport,
        ),
        Operation(
            path="/learning/reports/daily/{day}",
            method="GET",
            endpoint=intelligence.daily_report,
            summary="The report of a day",
            description="404 where none was published.",
            tag="intelligence",
            flow="intelligence",
            example=examples.NOTHING_PUBLISHED,
            parameters=(day,),
        ),
        Operation(
            path="/reports/daily/{day}",
            method="GET",
            endpoint=intelligence.report_page,
            summary="The report of a day as a page",
            description="Self-contained HTML, drawn from the document.",
            tag="pages",
            media="text/html",
            parameters=(day,),
        ),
        *_weekly_reports(WeeklyReports(intelligence.shelf, intelligence.publications)),
    )


def _weekly_reports(weekly: WeeklyReports) -> tuple[Operation, ...]:
    day = Parameter("day", "path", "A day of the week, or latest for the page.", "2014-12-12")
    return (
        Operation(
            path="/learning/reports/weekly/{day}",
            method="GET",
            endpoint=weekly.report,
            summary="The report of a week",
            description="The week the day lies in; 404 where none was published.",
            tag="intelligence",
            flow="intelligence",
            example=examples.NOTHING_PUBLISHED,
            parameters=(day,),
        ),
        Operation(
            path="/reports/weekly/{day}",
            method="GET",
            endpoint=weekly.page,
            summary="The report of a week as a page",
            description="Self-contained HTML, drawn from the document.",
            tag="pages",
            media="text/html",
            parameters=(day,),
        ),
    )


def _probes(probes: Probes) -> tuple[Operation, ...]:
    return (
        Operation(
            path="/",
            method="GET",
            endpoint=probes.dashboard,
            summary="The dashboard",
            description="Flows and their health, what is in force and why, the last nights.",
            tag="pages",
            media="text/html",
        ),
        Operation(
            path="/learning/health/data-flow",
            method="GET",
            endpoint=probes.data_flow,
            summary="Health of the data flows",
            description="From stored events and records of requests; null is a number nothing was measured for.",
            tag="health",
            answers=DataFlowHealth,
            example=examples.HEALTH,
        ),
        Operation(
            path="/healthz",
            method="GET",
            endpoint=probes.alive,
            summary="Alive",
            description="The process answers. Needs no key.",
            tag="health",
            example={"alive": True, "version": "0.1.0"},
        ),
        Operation(
            path="/readyz",
            method="GET",
            endpoint=probes.ready,
            summary="Ready",
            description="Events can be taken and documents given; 503 when something is wrong. Needs no key.",
            tag="health",
            example={"ready": True, "n_troubles": 0},
        ),
        Operation(
            path="/metrics",
            method="GET",
            endpoint=probes.metrics,
            summary="Numbers for Prometheus",
            description="Counts and durations of requests since the start, what waits, what is wrong.",
            tag="health",
            media="text/plain",
        ),
    )
