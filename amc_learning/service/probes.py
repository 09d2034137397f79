"""Health for machines: alive, ready, numbers for Prometheus, and the report of the data flows.

Belongs here: the endpoints. Not here: the numbers (health, records).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from amc_learning import __version__
from amc_learning.contracts.documents import names
from amc_learning.service.answers import Refusal, as_json
from amc_learning.service.dashboard.page import render_dashboard
from amc_learning.service.dashboard.renewal import POLICY
from amc_learning.service.dashboard.view import DashboardView
from amc_learning.service.health import KINDS, Health
from amc_learning.service.records import Recorder
from amc_learning.service.shelf import Document
from amc_learning.settings import Settings
from amc_learning.stages.alert_record import failing_channels
from amc_learning.warehouse.errors import WarehouseError

LOG = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
"""A report is at most as old as the last seconds when the storage is busy, and never waits for it."""

Result = TypeVar("Result")

DOCUMENTS = (
    names.WEIGHTS_DOCUMENT,
    names.CONFIDENCE_DOCUMENT,
    names.REGIME_DOCUMENT,
    names.CORRECTIONS_DOCUMENT,
    names.RECOMMENDATIONS_DOCUMENT,
    names.PATTERNS_DOCUMENT,
    names.REPORT_DOCUMENT,
    names.WEEKLY_REPORT_DOCUMENT,
)


class Gauges:
    """What Prometheus is told besides counts of requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.waiting = Gauge(
            "amc_learning_events_not_durable", "Events received and not yet durable.", registry=registry
        )
        self.pending = Gauge("amc_learning_inbox_pending", "Events to drain.", ["flow"], registry=registry)
        self.quarantine = Gauge("amc_learning_quarantine_open", "Items to look at.", ["flow"], registry=registry)
        self.trouble = Gauge("amc_learning_troubles", "Things wrong with the service.", registry=registry)
        self.age = Gauge(
            "amc_learning_document_age_days",
            "Calendar days since the document's day; of one in shadow, since that of its shadow.",
            ["document"],
            registry=registry,
        )
        self.shadow = Gauge(
            "amc_learning_document_in_shadow", "1 while nobody acts on it.", ["document"], registry=registry
        )


@dataclass(frozen=True)
class Probes:
    """Endpoints about the service itself."""

    settings: Settings
    health: Health
    recorder: Recorder
    registry: CollectorRegistry
    gauges: Gauges
    clock: Callable[[], datetime]

    async def data_flow(self, _: Request) -> Response:
        """The health of the data flows."""
        await self.recorder.flush_for(FLUSH_SECONDS)
        report = await run_in_threadpool(_or_refused, self.health.data_flow)
        return as_json(report.model_dump(mode="json"))

    async def alive(self, _: Request) -> Response:
        """The process answers."""
        return as_json({"alive": True, "version": __version__})

    async def ready(self, _: Request) -> Response:
        """Whether events can be taken and documents given."""
        n_troubles = len(await run_in_threadpool(self.health.troubles))
        return as_json({"ready": not n_troubles, "n_troubles": n_troubles}, 503 if n_troubles else 200)

    async def metrics(self, _: Request) -> Response:
        """Numbers for Prometheus."""
        return Response(await run_in_threadpool(self._measured), media_type=CONTENT_TYPE_LATEST)

    def _measured(self) -> bytes:
        self.gauges.waiting.set(self.health.writer.n_waiting)
        self.gauges.trouble.set(len(self.health.troubles()))
        inbox = self.health.warehouse.inbox
        try:
            for kind in KINDS:
                self.gauges.pending.labels(kind).set(inbox.n_pending(kind))
                self.gauges.quarantine.labels(kind).set(inbox.n_quarantined(kind))
        except WarehouseError:
            self.gauges.pending.clear()
            self.gauges.quarantine.clear()
        today, in_shadow = self.clock().date(), self.health.in_shadow()
        for name in names.SWITCHED_DOCUMENTS:
            self.gauges.shadow.labels(name).set(name in in_shadow)
        for name in DOCUMENTS:
            document = in_shadow.get(name) or self._document(name)
            if document is not None:
                age = today - datetime.fromisoformat(document["known_on"]).date()
                self.gauges.age.labels(name).set(age.days)
        return generate_latest(self.registry)

    async def dashboard(self, request: Request) -> Response:
        """The page for people."""
        refresh_seconds = 0 if request.query_params.get("refresh") == "off" else self.settings.service.refresh_seconds
        await self.recorder.flush_for(FLUSH_SECONDS)
        page = await run_in_threadpool(lambda: render_dashboard(self.view(refresh_seconds)))
        return HTMLResponse(page, headers={"content-security-policy": f"{POLICY}; frame-ancestors 'none'"})

    def view(self, refresh_seconds: int) -> DashboardView:
        """Everything the dashboard shows.

        Raises:
            Refusal: 503, the storage refused.
        """
        documents = {name: self._document(name) for name in DOCUMENTS}
        late = self.health.last_night()
        return DashboardView(
            now=self.clock(),
            health=_or_refused(self.health.data_flow),
            flows=_or_refused(self.health.flows),
            documents=documents,
            in_shadow=self.health.in_shadow(),
            nights=_or_refused(self.health.nights),
            last_weight_change=_or_refused(self.health.last_weight_change),
            troubles=(*self.health.troubles(), *((late,) if late else ()), *failing_channels(self.settings.data_dir)),
            dagster_url=self.settings.service.dagster_url,
            refresh_seconds=refresh_seconds,
            software_version=__version__,
        )

    def _document(self, name: str) -> Document | None:
        try:
            return self.health.shelf.current(name)
        except Refusal:
            return None  # told among the troubles


def _or_refused(ask: Callable[[], Result]) -> Result:
    try:
        return ask()
    except WarehouseError as error:
        LOG.error("the report cannot be made: %s", error)  # noqa: TRY400 - the sentence says it all
        raise Refusal.for_now(
            "the report cannot be made: the storage refused, or a published document is damaged; amc-learning doctor "
            "says which, and how to publish it again",
            retry_after_seconds=5,
        ) from error
