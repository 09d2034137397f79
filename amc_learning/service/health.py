"""The health of the flows, the last nights, and what is wrong, from stored records; nothing is remembered in memory.

Belongs here: turning counts and documents into the numbers people and monitors see. Not here: counting (records),
drawing (dashboard).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from amc_learning.contracts.documents.names import REPORT_DOCUMENT, SWITCHED_DOCUMENTS, WEIGHTS_DOCUMENT
from amc_learning.contracts.health import CollectionFlow, DataFlowHealth, IntelligenceDelivery, LearningEffectiveness
from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE, knowledge_day, knowledge_days, previous_knowledge_day
from amc_learning.service.answers import Refusal
from amc_learning.service.dashboard.view import FlowBalance, FlowState, NightState
from amc_learning.service.effectiveness import is_adjustment, learning_effectiveness
from amc_learning.service.shelf import Document, Shelf
from amc_learning.service.writer import Writer
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import WarehouseError
from amc_learning.warehouse.inbox import Received
from amc_learning.warehouse.mirror import Mirror
from amc_learning.warehouse.requests import RequestSum, summed

KINDS = ("discovery", "thesis", "trade", "bars")
UNDERSTOOD = ("accepted", "duplicate")
DURABLE = (*UNDERSTOOD, "quarantined", "conflict")
GIVEN = ("from_memory", "from_disk")
DAY = timedelta(hours=24)

NIGHTS_SHOWN = 10
NIGHTS_SEARCHED = 60
"""How far back the last change of the weights is looked for: 60 small files, read in a few milliseconds each."""

MOST_MISSED_SHOWN = 5
"""Nights that were not run are rows of their own up to here; a longer break is one sentence."""

KEPT_SECONDS = 1.0
"""A page that many people have open must not count the same events for each of them."""

Sums = Mapping[tuple[str, str], RequestSum]


@dataclass
class _Kept:
    """A result for a moment."""

    until: float = 0.0
    value: DataFlowHealth | None = None


@dataclass(frozen=True)
class Health:
    """What the health report, the dashboard and the probes are made of."""

    warehouse: Warehouse
    shelf: Shelf
    shadow_shelf: Shelf
    writer: Writer
    clock: Callable[[], datetime]
    mirror: Mirror | None = None
    _kept: _Kept = field(default_factory=_Kept)

    def data_flow(self) -> DataFlowHealth:
        """The report of the system description.

        Raises:
            WarehouseError: the storage refused, or a document of the last month is damaged.
        """
        if self._kept.value is None or monotonic() > self._kept.until:
            self._kept.value = self._counted()
            self._kept.until = monotonic() + KEPT_SECONDS
        return self._kept.value

    def _counted(self) -> DataFlowHealth:
        now = self.clock()
        since_midnight = market_midnight(now)
        today = self.warehouse.requests.sums(since_midnight)
        last_day = self.warehouse.requests.sums(now - DAY)
        received = {kind: self.warehouse.inbox.received(kind, since_midnight) for kind in KINDS}
        return DataFlowHealth(
            discovery_data_flow=_collection("discovery", received, last_day),
            thesis_data_flow=_collection("thesis", received, last_day),
            trade_data_flow=_collection("trade", received, last_day),
            intelligence_delivery=_delivery(today, last_day),
            learning_effectiveness=self._effectiveness(now),
        )

    def _effectiveness(self, now: datetime) -> LearningEffectiveness:
        return learning_effectiveness(self.warehouse.publications, now.astimezone(ZoneInfo(MARKET_TIMEZONE)).date())

    def flows(self) -> tuple[FlowState, ...]:
        """Each kind of event: what became of its requests, and what of it waits.

        Raises:
            WarehouseError: the storage refused.
        """
        now = self.clock()
        sums = self.warehouse.requests.sums(now - DAY)
        inbox = self.warehouse.inbox
        received = {kind: inbox.received(kind, market_midnight(now)) for kind in KINDS}
        return tuple(
            FlowState(
                name=kind,
                balance=balance(sums, kind),
                n_waiting=inbox.n_pending(kind),
                n_in_quarantine=inbox.n_quarantined(kind),
                last_received_at=received[kind].last_received_at,
                measured=_collection(kind, received, sums),
            )
            for kind in KINDS
        )

    def last_weight_change(self) -> Document | None:
        """The weights document of the last night that moved a weight, among those of the last weeks.

        Raises:
            CorruptDocument: one of them is damaged.
        """
        publications = self.warehouse.publications
        for day in reversed(publications.history(WEIGHTS_DOCUMENT)[-NIGHTS_SEARCHED:]):
            document = publications.document(WEIGHTS_DOCUMENT, day)
            if document is not None and is_adjustment(document):
                return document
        return None

    def in_shadow(self) -> dict[str, Document]:
        """Documents that are in shadow now: the newer of the two of a name says so."""
        found = {}
        for name in SWITCHED_DOCUMENTS:
            shadow, active = (_readable(shelf, name) for shelf in (self.shadow_shelf, self.shelf))
            if shadow is not None and (active is None or active["known_on"] < shadow["known_on"]):
                found[name] = shadow
        return found

    def nights(self) -> tuple[NightState, ...]:
        """The last knowledge days, newest first; days without a report since the last one are among them.

        Raises:
            CorruptDocument: a report is damaged.
        """
        publications = self.warehouse.publications
        published = publications.history(REPORT_DOCUMENT)
        missed = self._missed(published[-1] if published else None)
        shown = [NightState(day, None, None, None, None) for day in reversed(missed)]
        shown += [self._night(day) for day in reversed(published[-NIGHTS_SHOWN:])]
        return tuple(shown[:NIGHTS_SHOWN])

    def _night(self, day: date) -> NightState:
        publications = self.warehouse.publications
        weights = publications.document(WEIGHTS_DOCUMENT, day)
        shadow = publications.shadow.document(WEIGHTS_DOCUMENT, day) if weights is None else None
        report = publications.document(REPORT_DOCUMENT, day) or {}
        return NightState(
            known_on=day,
            published_at=publications.published_at(REPORT_DOCUMENT, day),
            status=weights["status"] if weights else "shadow" if shadow else None,
            reason=(weights or shadow or {}).get("reason") or report.get("headline"),
            n_changes=len(report.get("changes", ())) if report else None,
        )

    def _missed(self, last: date | None) -> list[date]:
        yesterday = previous_knowledge_day(knowledge_day(self.clock()))
        if last is None or last >= yesterday:
            return []
        missed = knowledge_days(last, yesterday)[1:]
        return missed if len(missed) <= MOST_MISSED_SHOWN else []

    def troubles(self) -> tuple[str, ...]:
        """What is wrong with the service itself, in sentences; empty when all is well."""
        found = [*self.shelf.troubles.values(), *self.shadow_shelf.troubles.values()]
        if not self.writer.is_running:
            found.append("the writer of the inbox has ended; no event is taken until the service is started again")
        if self.writer.trouble is not None:
            found.append(self.writer.trouble)
        if self.mirror is not None and self.mirror.trouble is not None:
            found.append(self.mirror.trouble)
        try:
            self.warehouse.inbox.last_sequence()
        except WarehouseError as error:
            found.append(str(error))
        return tuple(dict.fromkeys(found))

    def last_night(self) -> str | None:
        """A sentence when the last night lies longer back than can be shown day by day; None otherwise."""
        published = self.warehouse.publications.history(REPORT_DOCUMENT)
        if not published or self._missed(published[-1]):
            return None
        yesterday = previous_knowledge_day(knowledge_day(self.clock()))
        if published[-1] >= yesterday:
            return None
        return f"no night was run since {published[-1]}: amc-learning backfill --from {published[-1]} --to {yesterday}"


def _readable(shelf: Shelf, name: str) -> Document | None:
    """The document, and none where it cannot be read: that is told among the troubles."""
    try:
        return shelf.current(name)
    except Refusal:
        return None


def market_midnight(now: datetime) -> datetime:
    """The moment at which the day began on the market's clock.

    >>> market_midnight(datetime(2024, 3, 11, 2, 0, tzinfo=UTC)).isoformat()
    '2024-03-10T05:00:00+00:00'
    """
    zone = ZoneInfo(MARKET_TIMEZONE)
    return datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)


def balance(sums: Sums, flow: str) -> FlowBalance:
    """What became of the requests of one flow."""

    def n(*outcomes: str) -> int:
        return summed(sums, flow, outcomes).n_requests

    return FlowBalance(
        n_accepted=n("accepted"),
        n_duplicates=n("duplicate"),
        n_quarantined=n("quarantined"),
        n_conflicts=n("conflict"),
        n_refused=n("refused"),
        n_unavailable=n("unavailable", "failed"),
    )


def _collection(kind: str, received: Mapping[str, Received], last_day: Sums) -> CollectionFlow:
    kept = received[kind]
    everything = summed(last_day, kind)
    understood = summed(last_day, kind, UNDERSTOOD)
    return CollectionFlow(
        collections_today=kept.n_events + kept.n_quarantined,
        avg_latency_ms=summed(last_day, kind, DURABLE).mean_latency_ms,
        success_rate_24h=understood.n_requests / everything.n_requests if everything.n_requests else None,
    )


def _delivery(today: Sums, last_day: Sums) -> IntelligenceDelivery:
    flow = "intelligence"
    given = summed(last_day, flow, GIVEN)
    from_memory = summed(last_day, flow, ("from_memory",))
    return IntelligenceDelivery(
        requests_today=summed(today, flow).n_requests,
        avg_response_time_ms=given.mean_latency_ms,
        cache_hit_rate=from_memory.n_requests / given.n_requests if given.n_requests else None,
    )
