"""Failures, what is done about them, and whether what was changed helped.

Belongs here: failures, corrections, verdicts, the promise of the last change, what learning led to. Not here: the
weights themselves (sections_weights).
"""

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.corrections import Correction
from amc_learning.contracts.documents.daily_report import WeightChange
from amc_learning.contracts.documents.weights import WeightsDocument
from amc_learning.contracts.health import LearningEffectiveness
from amc_learning.reports import sections_decisions, sections_results
from amc_learning.reports.markup import Html, breakable, element, joined
from amc_learning.reports.pictures import WIDE, axis_strip, domain, interval_ends, interval_strip
from amc_learning.reports.tables import Column, Rows, facts, nothing, numbers, table, tiles
from amc_learning.reports.wording import (
    UNKNOWN,
    count,
    day,
    interval,
    interval_in_points,
    number,
    percent,
    points,
    short,
    short_percent,
    words,
)
from amc_learning.service.dashboard.judgement import Verdict
from amc_learning.service.dashboard.reading import Readings
from amc_learning.service.dashboard.wording import unavailable

_VERDICTS = {
    "helped": Verdict("well", "helped"),
    "no_difference": Verdict("quiet", "no difference"),
    "harmed": Verdict("wrong", "harmed"),
    "too_early": Verdict("quiet", "not judged yet"),
}


def failures(readings: Readings) -> Html:
    """Systematic failures and watched patterns, then every correction with the command that ends it."""
    report = readings.report.document
    found = (
        unavailable(readings.report.name, is_unreadable=readings.report.is_unreadable)
        if report is None
        else sections_results.failures(report)
    )
    listed = _corrections(readings)
    cards = (
        unavailable(readings.corrections.name, is_unreadable=readings.corrections.is_unreadable)
        if listed is None
        else sections_results.correction_cards(listed)
    )
    return joined(
        [
            found,
            element("h3", "Corrections in force and proposed"),
            element("div", cards, class_="cards-of-corrections"),
        ]
    )


def effects(readings: Readings, effectiveness: LearningEffectiveness) -> Html:
    """Whether corrections helped, what the last change of the weights promised, and what learning led to."""
    return joined(
        [
            _effectiveness(effectiveness),
            element(
                "div",
                element("div", element("h3", "Effect of the corrections"), _verdicts(readings)),
                element("div", element("h3", "The last change of the weights"), _promise(readings)),
                class_="main-and-side",
            ),
            element("h3", "Changes of the weights in the last year"),
            _weight_changes(readings),
        ]
    )


def _weight_changes(readings: Readings) -> Html:
    report = readings.report
    if report.document is None:
        return unavailable(report.name, is_unreadable=report.is_unreadable)
    return sections_decisions.weight_changes(report.document)


def _corrections(readings: Readings) -> list[Correction] | None:
    """Corrections by the document about them, or else by the report; None when neither can be read."""
    document, report = readings.corrections.document, readings.report.document
    if document is not None:
        return [*document.in_force, *document.proposed, *document.ended]
    return None if report is None or readings.corrections.is_unreadable else report.corrections


def _effectiveness(numbers_of: LearningEffectiveness) -> Html:
    patterns, moves = numbers_of.patterns_discovered_this_week, numbers_of.parameter_adjustments_this_week
    accuracy = numbers_of.accuracy_improvement_this_month
    return tiles(
        [
            ("new systematic failures", _counted(patterns), _measured("in the last 7 days", patterns)),
            ("nights that moved a weight", _counted(moves), _measured("of the last 7 days", moves)),
            (
                "theses that were right",
                UNKNOWN if accuracy is None else f"{points(accuracy)} points",
                _measured("against 30 days before", accuracy),
            ),
        ]
    )


def _counted(n: int | None) -> str:
    return UNKNOWN if n is None else f"{n:,}"


def _measured(over: str, value: float | None) -> str:
    return f"{over}: not judged yet" if value is None else over


def _verdicts(readings: Readings) -> Html:
    listed = _corrections(readings)
    if listed is None:
        return unavailable(readings.corrections.name, is_unreadable=readings.corrections.is_unreadable)
    acted = [one for one in listed if one.status not in ("proposed", "shadow")]
    if not acted:
        return nothing("No correction has acted in the last 90 days: there is nothing to judge.")
    bounds = domain(interval_ends(one.effect for one in acted))
    columns = [
        Column("Correction", "prose"),
        Column("Verdict"),
        Column(axis_strip(bounds, written=short_percent)),
        *numbers("Change", "95 % interval", "Cases"),
    ]
    legend = (
        "Change of the failure rate against the rest since the correction began, in percentage points: below zero, "
        "fewer fail."
    )
    shown = table("Verdicts on corrections", columns, Rows([_verdict(one, bounds) for one in acted]))
    return joined([shown, element("p", legend, class_="legend")])


def _verdict(one: Correction, bounds: tuple[float, float]) -> tuple[Html | str, ...]:
    said = f"{one.name}: {points(one.effect.estimate)} points, 95 % interval {interval_in_points(one.effect)}"
    since = element("span", f"{one.status} since {day(one.created_on)}", class_="note")
    return (
        joined([breakable(one.name), since]),
        _VERDICTS[one.verdict].drawn(),
        interval_strip(one.effect, bounds, label=said),
        element("strong", points(one.effect.estimate)),
        interval_in_points(one.effect),
        f"{one.effect.n:,}",
    )


def _promise(readings: Readings) -> Html:
    """What the last change of the weights was expected to bring."""
    change = readings.last_change
    if change is None:
        if readings.weights.document is None:
            return unavailable(readings.weights.name, is_unreadable=readings.weights.is_unreadable)
        return nothing(
            f"The night of {day(readings.weights.document.known_on)} moved no weight, so it promised nothing."
        )
    improvement = change.improvement
    estimate = Interval(
        estimate=improvement.information_coefficient,
        ci_low=improvement.ci_low,
        ci_high=improvement.ci_high,
        n=improvement.n_days,
    )
    bounds = domain(interval_ends([estimate]))
    ends = f"95 % interval {interval(estimate, as_percent=False)}, {count(estimate.n, 'day')}"
    said = number(estimate.estimate, with_plus=True)
    return joined(
        [
            element(
                "p",
                f"The night of {day(change.known_on)} promised ",
                element("strong", said),
                f" in mean daily rank correlation with returns at {improvement.horizon} ({ends}), for the "
                "change as far as it had come, measured on days that were not used to choose it.",
            ),
            axis_strip(bounds, written=short, width=WIDE),
            interval_strip(estimate, bounds, label=f"promised {said}, {ends}", width=WIDE),
            _other_promises(change),
            _realised(_change_of(readings, change)),
        ]
    )


def _change_of(readings: Readings, weights: WeightsDocument) -> WeightChange | None:
    """The change that a night's step belongs to, as the last report judges it."""
    report = readings.report.document
    return next(
        (
            one
            for one in (report.weight_changes if report is not None else ())
            if one.began_on <= weights.known_on <= one.last_step_on
        ),
        None,
    )


def _realised(change: WeightChange | None) -> Html:
    if change is None or change.realised.estimate is None:
        return nothing("Not judged yet: no day decided under this change is known.")
    found = change.realised
    return element(
        "p",
        f"On {count(found.n, 'day')} decided under it since {day(change.began_on)} it brought ",
        element("strong", number(found.estimate, with_plus=True)),
        f" ({interval(found, as_percent=False)}): ",
        _VERDICTS[change.verdict].drawn(),
    )


def _promised(fraction: float | None, *, digits: int, unit: str) -> str:
    """What was promised of the best by total score."""
    if fraction is None:
        return UNKNOWN
    return f"{number(fraction * 100, digits=digits, with_plus=True)} {unit} among the best"


def _other_promises(change: WeightsDocument) -> Html:
    improvement = change.improvement
    moved = [
        f"{words(name)} {percent(change.previous.weights[name])} → {percent(weight)}"
        for name, weight in (
            (key.removesuffix("_weight"), value) for key, value in sorted(change.data.optimized_parameters.items())
        )
        if name in change.previous.weights and abs(weight - change.previous.weights[name]) >= 0.0005
    ]
    return facts(
        [
            ("moved", "; ".join(moved) or UNKNOWN),
            ("winners", _promised(improvement.success_rate_change, digits=1, unit="points")),
            ("return", _promised(improvement.top_return_change, digits=3, unit="%")),
        ]
    )
