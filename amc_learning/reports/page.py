"""The daily intelligence report as one page of HTML.

Belongs here: the order of the sections and what surrounds them. Not here: what a section shows (sections_decisions,
sections_evidence, sections_results), how it looks (style).
"""

from amc_learning.contracts.documents.daily_report import DailyReport
from amc_learning.reports import sections_decisions, sections_evidence, sections_results
from amc_learning.reports.markup import Html, element, stylesheet
from amc_learning.reports.style import STYLE
from amc_learning.reports.wording import day, instant, long_day

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may load for this page: nothing. Its style is inside it; scripts are not allowed at all."""


def render_page(report: DailyReport) -> str:
    """One self-contained page, drawn from the document alone.

    Args:
        report: the daily report of any night; parts without evidence are null or empty and are said to be so.

    Returns:
        HTML that asks nothing of any server and runs no script. The same document gives the same text.
    """
    sections = (
        ("changes", "What changed, and why", sections_decisions.changes(report)),
        ("advice", "What to do", sections_decisions.advice(report)),
        ("weights", "Weights", sections_decisions.weights(report)),
        ("effects", "Did changes of the weights help?", sections_decisions.weight_changes(report)),
        ("coefficients", "Which scores order returns", sections_evidence.coefficients(report)),
        ("lift", "What selection adds", sections_evidence.selection_lift(report)),
        ("confidence", "Confidence", sections_evidence.confidence(report)),
        ("accuracy", "Accuracy of theses", sections_evidence.accuracy(report)),
        ("regimes", "Market regime", sections_evidence.regimes(report)),
        ("failures", "Failures", sections_results.failures(report)),
        ("corrections", "Corrections", sections_results.corrections(report)),
        ("trades", "Trades and attribution", sections_results.trades(report)),
    )
    contents = element(
        "nav", *(element("a", title, href=f"#{name}") for name, title, _ in sections), aria_label="Sections"
    )
    main = element("main", *(section(*one) for one in sections))
    body = element("body", sections_decisions.opening(report), contents, main, _closing(report))
    return "<!doctype html>\n" + element("html", _head(report), body, lang="en").text + "\n"


def section(name: str, title: str, content: Html) -> Html:
    """A part of a page under a heading, named by it; `name` is what links lead to."""
    return element(
        "section", element("h2", title, id=f"{name}-title"), content, id=name, aria_labelledby=f"{name}-title"
    )


def _head(report: DailyReport) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"Learning report, {day(report.known_on)}"),
        stylesheet(STYLE),
    )


def _closing(report: DailyReport) -> Html:
    return element(
        "footer",
        element(
            "p",
            f"Everything known up to and on {long_day(report.known_on)} ({report.known_on.isoformat()}) was used, "
            f"and nothing later; as of {instant(report.last_updated)}.",
        ),
        element(
            "p",
            "Measured on real outcomes, never forecasts: intervals are 95 %, n counts what a number rests on, "
            "a dash is a number the evidence does not suffice for.",
        ),
        element("p", f"amc-learning {report.software_version}, document daily_report {report.schema_version}."),
    )
