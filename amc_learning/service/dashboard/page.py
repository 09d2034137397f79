"""The dashboard as one page of HTML: what somebody opens in the morning, or while something is wrong.

Belongs here: the order of the sections and what surrounds them. Not here: what a section shows (sections_flows,
sections_weights, sections_effects, sections_nights), what counts as wrong (judgement), how it looks (style).
"""

from urllib.parse import quote

from amc_learning.reports.markup import Html, element, script, stylesheet
from amc_learning.reports.page import section
from amc_learning.reports.style import STYLE as REPORT_STYLE
from amc_learning.service.dashboard import sections_effects, sections_flows, sections_nights, sections_weights
from amc_learning.service.dashboard.judgement import Degree, state_of_the_whole
from amc_learning.service.dashboard.reading import Readings, read
from amc_learning.service.dashboard.renewal import POLICY, SCRIPT
from amc_learning.service.dashboard.style import STYLE
from amc_learning.service.dashboard.view import DashboardView

_ICONS: dict[Degree, tuple[str, str]] = {
    "well": ("#2a7f62", "M4 8.5l3 3 5-6"),
    "quiet": ("#56626f", "M5 8h6"),
    "look": ("#8a5a00", "M8 3.5v5.5M8 11.5v1"),
    "wrong": ("#b3423a", "M5 5l6 6M11 5l-6 6"),
}
"""Colour and path of the sign in the tab of a browser, which says the state while the page is in the background."""


def render_dashboard(view: DashboardView) -> str:
    """One self-contained page, drawn from the view alone.

    Args:
        view: any state of the service; documents that are missing or cannot be read are said to be so.

    Returns:
        HTML that asks nothing of any other server. Its one script renews the page, where `refresh_seconds` is not 0.
        The same view gives the same text.
    """
    readings = read(view.documents, last_weight_change=view.last_weight_change, in_shadow=view.in_shadow)
    sections = (
        ("flows", "Flows of events", sections_flows.flows(view)),
        ("weights", "In force, and why", sections_weights.weights(readings)),
        ("history", "Weights over time", sections_weights.history(readings)),
        ("confidence", "Confidence", sections_weights.confidence(readings)),
        ("failures", "Failures and corrections", sections_effects.failures(readings)),
        (
            "effects",
            "Did changes help?",
            sections_effects.effects(readings, view.health.learning_effectiveness),
        ),
        ("nights", "Last nights", sections_nights.nights(view)),
        ("documents", "Documents", sections_nights.documents(view)),
    )
    contents = element(
        "nav", *(element("a", title, href=f"#{name}") for name, title, _ in sections), aria_label="Sections"
    )
    is_renewed = view.refresh_seconds > 0
    body = element(
        "body",
        element("a", "Skip to the content", href="#content", class_="skip"),
        sections_flows.opening(view, readings),
        contents,
        element("main", *(section(*one) for one in sections), id="content", tabindex="-1"),
        _closing(view),
        script(SCRIPT) if is_renewed else None,
        data_renew_seconds=f"{view.refresh_seconds}" if is_renewed else None,
    )
    return "<!doctype html>\n" + element("html", _head(view, readings), body, lang="en").text + "\n"


def _head(view: DashboardView, readings: Readings) -> Html:
    degree, sentence = state_of_the_whole(view, readings)
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{sentence} – learning dashboard"),
        element("link", rel="icon", href=_icon(*_ICONS[degree])),
        stylesheet(REPORT_STYLE + STYLE),
    )


def _icon(colour: str, path: str) -> str:
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<circle cx="8" cy="8" r="8" fill="{colour}"/>'
        f'<path d="{path}" fill="none" stroke="#fff" stroke-width="2"/></svg>'
    )
    return "data:image/svg+xml," + quote(picture)


def _closing(view: DashboardView) -> Html:
    return element(
        "footer",
        element(
            "p",
            "Numbers of the flows are counted by this service; everything else is read from published documents. "
            "Intervals are 95 %, a dash is a number that nothing was measured for.",
        ),
        element("p", f"amc-learning {view.software_version}"),
    )
