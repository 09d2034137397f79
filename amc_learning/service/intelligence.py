"""Documents out: what was published, as trading systems ask for it.

Belongs here: which path gives which document, views by regime, reports of past days, pages. Not here: caching (shelf),
the shapes older readers check for (legacy), what a document says (contracts).
"""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from amc_learning.contracts.documents import DailyReport
from amc_learning.contracts.documents.names import REPORT_DOCUMENT, WEIGHTS_DOCUMENT
from amc_learning.reports.page import render_page
from amc_learning.service.answers import Refusal, as_json
from amc_learning.service.shelf import Document, Shelf, nothing_in_shadow, nothing_published
from amc_learning.service.stored import understood
from amc_learning.warehouse.errors import CorruptDocument
from amc_learning.warehouse.publications import HASH_FIELD, Publications

Endpoint = Callable[[Request], Awaitable[Response]]

REGIME_PARAMETERS = ("market_regime", "regime")
OTHER_REGIME = "other"
"""One view for every regime that is not known: what a reader makes up must not fill our memory."""

LATEST = "latest"


@dataclass(frozen=True)
class Intelligence:
    """Endpoints for published documents."""

    shelf: Shelf
    shadow_shelf: Shelf
    publications: Publications

    def document(self, name: str) -> Endpoint:
        """The endpoint that gives the document of this name."""

        async def give(request: Request) -> Response:
            return self.shelf.answer(request, name)

        return give

    def in_shadow(self, name: str) -> Endpoint:
        """The endpoint that gives the last document of this name that was published in shadow."""

        async def give(request: Request) -> Response:
            return self.shadow_shelf.answer(request, name, make=lambda document: document or nothing_in_shadow(name))

        return give

    async def adaptive_parameters(self, request: Request) -> Response:
        """The weights document; with `market_regime`, the weights of that regime."""
        asked = _asked_regime(request) if request.scope["query_string"] else None
        if asked is None:
            return self.shelf.answer(request, WEIGHTS_DOCUMENT)
        document = self.shelf.current(WEIGHTS_DOCUMENT, request)
        known = (document or {}).get("by_regime") or {}
        regime = asked if asked in known else None
        view = f"regime {regime or OTHER_REGIME}"
        return self.shelf.answer(request, WEIGHTS_DOCUMENT, view=view, make=partial(weights_in_regime, regime=regime))

    async def daily_report(self, request: Request) -> Response:
        """The report of a day."""
        day = asked_day(request.path_params["day"])
        document = await run_in_threadpool(self._report, day)
        if document is None:
            raise _no_report(day.isoformat())
        return as_json(document)

    async def report_page(self, request: Request) -> Response:
        """The page of a day's report, drawn from its document."""
        asked = request.path_params["day"]
        if asked == LATEST:
            document = self.shelf.current(REPORT_DOCUMENT)
        else:
            document = await run_in_threadpool(self._report, asked_day(asked))
        if document is None:
            raise _no_report(asked)
        return HTMLResponse(await run_in_threadpool(_page, document))

    def _report(self, day: date) -> Document | None:
        try:
            return self.publications.document(REPORT_DOCUMENT, day)
        except CorruptDocument as error:
            raise Refusal.for_now(
                f"the report of {day} is damaged; publish it again: amc-learning run daily --date {day}",
                retry_after_seconds=60,
            ) from error


def weights_in_regime(document: Document | None, *, regime: str | None) -> Document:
    """The weights document as it would be in a regime; with None, as it is, saying that the regime is not known.

    Args:
        document: the weights document; None where nothing is published.
        regime: one of its `by_regime`, or None.
    """
    if document is None:
        return nothing_published(WEIGHTS_DOCUMENT)
    rest = {name: value for name, value in document.items() if name != HASH_FIELD}
    entry = (document.get("by_regime") or {}).get(regime)
    if entry is None:
        known = ", ".join(sorted(document.get("by_regime") or {})) or "none"
        note = f"the regime asked for is not known (known: {known}); these are the weights in force"
        return {**rest, "regime_note": note}
    data: dict[str, Any] = {
        **document["data"],
        "optimized_parameters": entry["weights"],
        "market_regime": regime,
    }
    note = f"weights as they would be tonight in the regime {regime}"
    return {**rest, "data": data, "applies_to_regime": regime, "regime_note": note}


def _asked_regime(request: Request) -> str | None:
    return next((request.query_params[name] for name in REGIME_PARAMETERS if request.query_params.get(name)), None)


def asked_day(text: str) -> date:
    """The day of a path, written in the one way there is."""
    with contextlib.suppress(ValueError):
        day = date.fromisoformat(text)
        if day.isoformat() == text:
            return day
    raise Refusal(404, "no such day; write it as 2014-12-15", field="day")


def _no_report(day: str) -> Refusal:
    return Refusal(404, f"no report of {day} is published; amc-learning run daily publishes one", field="day")


def _page(document: Document) -> str:
    remedy = "amc-learning run daily --date"
    return render_page(understood(DailyReport, document, name=REPORT_DOCUMENT, remedy=remedy))
