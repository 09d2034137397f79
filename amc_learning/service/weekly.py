"""Reports of past weeks, and their pages.

Belongs here: which week a path means, and its answers. Not here: the newest report as a document (intelligence), what a
report says (contracts), how a page looks (reports).
"""

from dataclasses import dataclass
from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from amc_learning.contracts.documents import WeeklyReport
from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.contracts.knowledge_days import week_end
from amc_learning.reports.weekly_page import render_weekly_page
from amc_learning.service.answers import Refusal, as_json
from amc_learning.service.intelligence import LATEST, asked_day
from amc_learning.service.shelf import Document, Shelf
from amc_learning.service.stored import understood
from amc_learning.warehouse.errors import CorruptDocument
from amc_learning.warehouse.publications import Publications


@dataclass(frozen=True)
class WeeklyReports:
    """Endpoints for the report of a week; any day of a week names it."""

    shelf: Shelf
    publications: Publications

    async def report(self, request: Request) -> Response:
        """The report of the week a day lies in."""
        week = week_end(asked_day(request.path_params["day"]))
        document = await run_in_threadpool(self._stored, week)
        if document is None:
            raise _no_report(week)
        return as_json(document)

    async def page(self, request: Request) -> Response:
        """The page of a week's report, drawn from its document."""
        asked = request.path_params["day"]
        week = None if asked == LATEST else week_end(asked_day(asked))
        document = (
            self.shelf.current(WEEKLY_REPORT_DOCUMENT) if week is None else await run_in_threadpool(self._stored, week)
        )
        if document is None:
            raise _no_report(week)
        return HTMLResponse(await run_in_threadpool(_page, document))

    def _stored(self, week: date) -> Document | None:
        try:
            return self.publications.document(WEEKLY_REPORT_DOCUMENT, week)
        except CorruptDocument as error:
            raise Refusal.for_now(
                f"the report of the week to {week} is damaged; publish it again: amc-learning run weekly --week {week}",
                retry_after_seconds=60,
            ) from error


def _no_report(week: date | None) -> Refusal:
    of_what, command = "any week", "amc-learning run weekly"
    if week is not None:
        of_what, command = f"the week to {week}", f"{command} --week {week}"
    return Refusal(404, f"no report of {of_what} is published; {command} publishes one", field="day")


def _page(document: Document) -> str:
    remedy = "amc-learning run weekly --week"
    return render_weekly_page(understood(WeeklyReport, document, name=WEEKLY_REPORT_DOCUMENT, remedy=remedy))
