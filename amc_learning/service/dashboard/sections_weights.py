"""What is in force and why, how it came about, and the evidence for it.

Belongs here: weights, thresholds, their history, coefficients, confidence. Not here: whether changes helped
(sections_effects). Evidence is drawn by the sections of the report, so that both pages show the same.
"""

from collections.abc import Mapping

from amc_learning.contracts.documents.daily_report import DailyReport
from amc_learning.contracts.documents.weights import TagThreshold, Threshold, WeightsDocument
from amc_learning.reports import sections_evidence
from amc_learning.reports.markup import Content, Html, element, joined
from amc_learning.reports.pictures import axis_strip, bar_strip, domain
from amc_learning.reports.sections_decisions import STATUS_TONES, weights_history
from amc_learning.reports.tables import Column, Rows, chip, facts, nothing, numbers, table
from amc_learning.reports.wording import UNKNOWN, by_length, count, day, number, percent, points, short_percent, words
from amc_learning.service.dashboard.reading import Readings
from amc_learning.service.dashboard.wording import unavailable

_SUFFIX = "_weight"
"""What the envelope that discovery reads puts behind the name of a component."""

_BARS = 112.0
"""Width of the bars in pixels: the table fits on a phone."""

_UNMOVED = 0.0005
"""A change that is smaller than this is not visible in a tenth of a percent."""


def weights(readings: Readings) -> Html:
    """Weights in force against the defaults and the night before, the reason, and the thresholds of the tags."""
    document, shadow = readings.weights.document, readings.shadow_weights
    if document is None:
        told = unavailable(
            readings.weights.name,
            is_unreadable=readings.weights.is_unreadable,
            without="discovery uses its own defaults",
        )
        return joined([told, _shadow(shadow, {}) if shadow else None])
    reason = document.reason.removeprefix(f"{document.status}: ")
    section = readings.report.document and readings.report.document.weights
    default = section.default if section else {}
    return joined(
        [
            element("p", chip(words(document.status), STATUS_TONES[document.status]), " ", reason),
            element(
                "div",
                element("div", _weights_table(document, default)),
                element("div", _facts(document), _thresholds(document.thresholds.action_tags)),
                class_="pair",
            ),
            _shadow(shadow, _by_component(document)) if shadow else None,
        ]
    )


def _by_component(document: WeightsDocument) -> dict[str, float]:
    return {name.removesuffix(_SUFFIX): value for name, value in document.data.optimized_parameters.items()}


def _shadow(document: WeightsDocument, in_force: Mapping[str, float]) -> Html:
    """What would be in force, beside what is."""
    columns = [Column("Component"), *numbers("In force", "In shadow", "Distance")]
    rows = [
        (
            words(name),
            percent(in_force.get(name)),
            element("strong", percent(weight)),
            UNKNOWN if name not in in_force else points(weight - in_force[name]),
        )
        for name, weight in sorted(_by_component(document).items(), key=lambda entry: (-entry[1], entry[0]))
    ]
    since = "the beginning" if document.mode_since is None else day(document.mode_since)
    return element(
        "div",
        element("h3", f"In shadow since {since}"),
        element("p", chip(words(document.status), STATUS_TONES[document.status]), " ", document.reason),
        table("Weights that would be in force", columns, Rows(rows)),
    )


def history(readings: Readings) -> Html:
    """Weights over the last nights, beside the coefficients that move them."""
    report = readings.report.document
    if report is None:
        return unavailable(readings.report.name, is_unreadable=readings.report.is_unreadable)
    lines = weights_history(report.weights) if report.weights else nothing("No weights have been decided yet.")
    return element(
        "div",
        element("div", element("h3", "In force, night by night"), lines),
        element("div", *_coefficients(report, _evidence_horizon(readings.weights.document)), class_="single"),
        class_="pair",
    )


def confidence(readings: Readings) -> Html:
    """Multipliers on confidence, and the reliability diagrams."""
    report = readings.report.document
    if report is None:
        return unavailable(readings.report.name, is_unreadable=readings.report.is_unreadable)
    return sections_evidence.confidence(report)


def _weights_table(document: WeightsDocument, default: Mapping[str, float]) -> Html:
    in_force = _by_component(document)
    bounds = domain([*in_force.values(), *default.values()])
    columns = [
        Column("Component"),
        Column(axis_strip(bounds, written=short_percent, width=_BARS)),
        *numbers("In force", "Change", "Default"),
    ]
    rows = []
    for name, weight in sorted(in_force.items(), key=lambda entry: (-entry[1], entry[0])):
        before, usual = document.previous.weights.get(name), default.get(name)
        said = f"{words(name)}: {percent(weight)} in force, {percent(before)} before, default {percent(usual)}"
        rows.append(
            (
                words(name),
                bar_strip(weight, bounds, label=said, width=_BARS, mark=usual),
                element("strong", percent(weight)),
                _change(weight, before),
                percent(usual),
            )
        )
    legend = (
        "Bar: weight in force. Short upright tick: discovery's default. Change is in percentage points against the "
        "night before."
    )
    shown = table("Weights in force", columns, Rows(rows), class_="scroll weights")
    return joined([shown, element("p", legend, class_="legend")])


def _change(weight: float, before: float | None) -> Content:
    if before is None:
        return UNKNOWN
    return element("strong", points(weight - before)) if abs(weight - before) >= _UNMOVED else "none"


def _facts(document: WeightsDocument) -> Html:
    bounds, previous = document.bounds, document.previous.known_on
    limits = f"{points(bounds.daily_limit).lstrip('+')} points a day, at most {percent(bounds.cap)} each"
    return facts(
        [
            ("parameters version", element("code", document.parameters_version)),
            ("decided for", day(document.known_on)),
            ("evidence of", day(document.evidence_known_on)),
            ("before", "the defaults" if previous is None else f"those of {day(previous)}"),
            ("market", document.applies_to_regime or "applies to every regime"),
            ("bounds", limits),
        ]
    )


def _thresholds(tags: Mapping[str, TagThreshold]) -> Html:
    heading = element("h3", "Thresholds of the action tags")
    if not tags:
        return joined([heading, nothing("No action tag has a threshold.")])
    columns = [Column("Tag"), *numbers("In force", "Default"), Column("Better start")]
    rows = [
        (
            words(name),
            element("strong", number(tag.in_force, digits=1)),
            number(tag.default, digits=1),
            _suggested(tag.suggestion),
        )
        for name, tag in sorted(tags.items(), key=lambda entry: (-entry[1].default, entry[0]))
    ]
    legend = "Total scores. Above its default, a threshold is raised by a correction in force."
    return joined(
        [heading, table("Thresholds per action tag", columns, Rows(rows)), element("p", legend, class_="legend")]
    )


def _suggested(found: Threshold | None) -> str:
    if found is None:
        return "no decision carried it"
    if found.decision == "found":
        interval = f"{number(found.ci_low, digits=0)} to {number(found.ci_high, digits=0)}"
        return f"{number(found.threshold, digits=1)} ({interval})"
    searched = f"{count(found.n_pairs, 'decision')}, {count(found.n_days, 'day')}"
    return f"none in {searched}" if found.decision == "none" else f"too few: {searched}"


def _evidence_horizon(document: WeightsDocument | None) -> str | None:
    return None if document is None else document.improvement.horizon


def _coefficients(report: DailyReport, horizon: str | None) -> list[Html]:
    """Coefficients at the horizon that weights are decided on, else at the shortest; the others folded away."""
    horizons = sorted({row.horizon for row in report.coefficients}, key=by_length)
    shown = horizon if horizon in horizons else next(iter(horizons), None)
    first = [row for row in report.coefficients if row.horizon == shown]
    others = [row for row in report.coefficients if row not in first]
    drawn = [sections_evidence.coefficients(report.model_copy(update={"coefficients": first}))]
    if others:
        summary = element("summary", "At the other horizons")
        folded = sections_evidence.coefficients(report.model_copy(update={"coefficients": others}))
        drawn.append(element("details", summary, folded))
    return drawn
