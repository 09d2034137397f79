"""The weekly report as one page of HTML.

Belongs here: the order of the sections and what surrounds them. Not here: what a section shows (weekly_sections_found,
weekly_sections_advice), how it looks (style).
"""

from amc_learning.contracts.documents.weekly_report import WeeklyReport
from amc_learning.reports import weekly_sections_advice, weekly_sections_found
from amc_learning.reports.markup import Html, element, stylesheet
from amc_learning.reports.page import POLICY, section
from amc_learning.reports.style import STYLE
from amc_learning.reports.wording import day, instant, long_day


def render_weekly_page(report: WeeklyReport) -> str:
    """One self-contained page, drawn from the document alone.

    Args:
        report: the report of any week; parts without evidence are null or empty and are said to be so.

    Returns:
        HTML that asks nothing of any server and runs no script. The same document gives the same text.
    """
    found, advice = weekly_sections_found, weekly_sections_advice
    sections = (
        ("findings", "What the week found", found.findings(report)),
        ("strategy", "Exits and position sizes", advice.strategy(report)),
        ("patterns", "New patterns", found.patterns(report)),
        ("importance", "What hangs on each component", found.importance(report)),
        ("regimes", "Changes of regime", found.regimes(report)),
        ("models", "Prediction models", advice.models(report)),
        ("predictions", "What the models say of the last candidates", advice.predictions(report)),
        ("weights", "Weights over the week", advice.weights(report)),
        ("corrections", "Corrections of the week", advice.corrections(report)),
    )
    contents = element(
        "nav", *(element("a", title, href=f"#{name}") for name, title, _ in sections), aria_label="Sections"
    )
    main = element("main", *(section(*one) for one in sections))
    body = element("body", found.opening(report), contents, main, _closing(report))
    return "<!doctype html>\n" + element("html", _head(report), body, lang="en").text + "\n"


def _head(report: WeeklyReport) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"Weekly learning report, {day(report.known_on)}"),
        stylesheet(STYLE),
    )


def _closing(report: WeeklyReport) -> Html:
    return element(
        "footer",
        element(
            "p",
            f"Everything known up to and on {long_day(report.known_on)} ({report.known_on.isoformat()}) was used, at "
            f"most {report.window_days:,} calendar days back, and nothing later; as of {instant(report.last_updated)}.",
        ),
        element(
            "p",
            "Intervals are 95 %, n counts what a number rests on, a dash is a number the evidence does not suffice "
            "for. Predictions and recommendations are advice: no weight is learned from them.",
        ),
        element("p", f"amc-learning {report.software_version}, document weekly_report {report.schema_version}."),
    )
