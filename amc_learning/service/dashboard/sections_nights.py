"""The last nights, and where to look further.

Belongs here: nights, links into Dagster, paths of documents. Not here: what a night found (the other sections).
"""

from amc_learning.contracts.documents.names import (
    CONFIDENCE_DOCUMENT,
    CORRECTIONS_DOCUMENT,
    PATTERNS_DOCUMENT,
    RECOMMENDATIONS_DOCUMENT,
    REGIME_DOCUMENT,
    REPORT_DOCUMENT,
    WEEKLY_REPORT_DOCUMENT,
    WEIGHTS_DOCUMENT,
)
from amc_learning.reports.markup import Content, Html, element, joined
from amc_learning.reports.sections_decisions import STATUS_TONES
from amc_learning.reports.tables import Column, Rows, chip, nothing, table
from amc_learning.reports.wording import UNKNOWN, count, day, shortened, words
from amc_learning.service.dashboard.judgement import Verdict
from amc_learning.service.dashboard.view import DashboardView, NightState
from amc_learning.service.dashboard.wording import command, moment, run_night, told

DOCUMENTS = {
    WEIGHTS_DOCUMENT: ("/learning/intelligence/adaptive-discovery-params", "weights for discovery, and why"),
    RECOMMENDATIONS_DOCUMENT: ("/learning/intelligence/current-recommendations", "everything in short"),
    CONFIDENCE_DOCUMENT: ("/learning/intelligence/confidence-calibration", "what the confidence of theses is worth"),
    REGIME_DOCUMENT: ("/learning/intelligence/market-regime", "the market, and what works in it"),
    PATTERNS_DOCUMENT: ("/learning/intelligence/pattern-analysis", "what fails together"),
    CORRECTIONS_DOCUMENT: ("/learning/corrections", "what is corrected because it failed"),
    REPORT_DOCUMENT: ("/learning/reports/daily/latest", "the last night as data"),
    WEEKLY_REPORT_DOCUMENT: ("/learning/reports/weekly/latest", "the last week as data"),
}
"""Document to the path it is read at, and what it holds."""

WEEKLY_PAGE = "/reports/weekly/latest"
"""Linked from its document once there is one: before the first week there is no page."""

PAGES = {
    "/reports/daily/latest": "the report of the last night as a page",
    "/learning/health/data-flow": "the numbers of the flows, for programs",
    "/metrics": "counters and times, for Prometheus",
    "/openapi.json": "every path of this service, described",
}
"""Everything else there is to open: path to what it is."""

DAGSTER_PAGES = {
    "runs": "/runs",
    "assets": "/assets",
    "schedules and sensors": "/automation",
    "code location": "/locations/amc_learning",
}
"""Pages of Dagster's UI: name to path. The code location carries the name that workspace.yaml gives it."""


def nights(view: DashboardView) -> Html:
    """What each of the last nights did, and which were not run."""
    listed = (
        table(
            "Night by night, newest first",
            [Column("Night of"), Column("State"), Column("Why", "prose")],
            Rows([_night(one) for one in view.nights]),
            class_="scroll nights",
        )
        if view.nights
        else told("No night has been run yet: ", command(run_night()), ".")
    )
    return joined([listed, _dagster(view.dagster_url)])


def documents(view: DashboardView) -> Html:
    """Where every document, page and number of the service is read."""
    rows = [_document(view, name, *about) for name, about in DOCUMENTS.items()]
    others = (
        element("li", element("a", path, href=path), element("span", what, class_="note"))
        for path, what in PAGES.items()
    )
    return element(
        "div",
        table("Published documents", [Column("Document"), Column("Night of")], Rows(rows)),
        element("div", element("h3", "Pages and numbers"), element("ul", *others, class_="pages")),
        class_="main-and-side",
    )


def _night(night: NightState) -> tuple[Content, ...]:
    if night.published_at is None:
        return day(night.known_on), Verdict("wrong", "not run").drawn(), command(run_night(night.known_on))
    status = night.status or "unknown"
    changes = None if night.n_changes is None else count(night.n_changes, "change")
    return (
        joined([day(night.known_on), element("span", "published ", moment(night.published_at), class_="note")]),
        joined([chip(words(status), STATUS_TONES.get(status, "plain")), element("span", changes, class_="note")]),
        UNKNOWN if night.reason is None else night.reason.removeprefix(f"{night.status}: "),
    )


def _dagster(url: str | None) -> Html:
    if url is None or not url.startswith(("http://", "https://")):
        return nothing("No address of Dagster's UI is set: setting service.dagster_url.")
    base = url.rstrip("/")
    links = (element("a", name, href=base + path) for name, path in DAGSTER_PAGES.items())
    return element("p", "In Dagster, while ", command("amc-learning up"), " runs: ", joined(links, between=", "), ".")


def _document(view: DashboardView, name: str, path: str, what: str) -> tuple[Content, ...]:
    stored = view.documents.get(name)
    about = element("span", f"{words(name)}: {what}", class_="note")
    if stored is None:
        return joined([_path(path), about]), "not published yet"
    known_on = stored.get("known_on")
    page = element("a", "as a page", href=WEEKLY_PAGE) if name == WEEKLY_REPORT_DOCUMENT else None
    return (
        joined([element("a", _path(path), href=path), about, page]),
        shortened(known_on, 10) if isinstance(known_on, str) else UNKNOWN,
    )


def _path(path: str) -> Html:
    """A path that may be broken into lines after its slashes, and is still copied whole."""
    return element("code", *(joined(["/", part, element("wbr")]) for part in path.strip("/").split("/")))
