"""What the night knows about scores, confidence and the market.

Belongs here: information coefficients, selection lift, confidence, accuracy, regimes. Not here: what follows from them
(sections_decisions), failures and money (sections_results).
"""

from collections.abc import Sequence

from amc_learning.contracts.documents.confidence import CalibrationQuality, ConfidenceData, GroupAccuracy
from amc_learning.contracts.documents.daily_report import CoefficientRow, DailyReport, ReliabilityCurve
from amc_learning.contracts.documents.regimes import CurrentRegime
from amc_learning.contracts.documents.selection import SelectionVerdict, selection_verdict
from amc_learning.reports.markup import Html, breakable, element, joined
from amc_learning.reports.pictures import (
    WIDE,
    axis_strip,
    domain,
    interval_ends,
    interval_strip,
    reliability_diagram,
    share_domain,
)
from amc_learning.reports.tables import Column, Rows, chip, facts, nothing, numbers, sentences, table, tiles
from amc_learning.reports.wording import (
    by_length,
    count,
    day,
    excludes,
    interval,
    interval_in_points,
    listed_first,
    number,
    percent,
    points,
    probability,
    sample_size,
    short,
    short_percent,
    words,
)

KIND_ORDER = ("overall", "source", "recommendation", "source_recommendation", "regime")
"""Groups of theses from the whole to the small; kinds not named here follow in the order they came."""

WITHOUT_CONTROLS = (
    "The coefficients above are then all there is: they understate the scores selected on, and can turn the sign of "
    "others. Controls sent with discovery results change that"
)

VERDICTS: dict[SelectionVerdict, tuple[str, str, str]] = {
    "pays": ("pays", "good", "the interval lies above zero"),
    "does_not_pay": ("does not pay", "bad", "the interval lies below zero: the controls did better"),
    "cannot_be_told": ("cannot be told", "plain", "the interval holds zero, or the days do not suffice for one"),
    "cannot_be_known": ("cannot be known", "plain", f"no control has an outcome. {WITHOUT_CONTROLS}"),
}
"""Verdict on selection to how it is shown, in which tone, and what it means."""

CURVE_ORDER = ("overall", "ai", "rule_based")
RECOMMENDATION_ORDER = ("BUY_MORE", "HOLD", "TRIM", "LIQUIDATE")


def coefficients(report: DailyReport) -> Html:
    """Forest plots of the information coefficients, one per horizon and population, all on one scale."""
    if not report.coefficients:
        return nothing("No information coefficients yet: no scored decision has a matured outcome.")
    groups: dict[tuple[str, str], list[CoefficientRow]] = {}
    for row in report.coefficients:
        groups.setdefault((row.horizon, row.population), []).append(row)
    bounds = domain(interval_ends(row.information_coefficient for row in report.coefficients))
    ordered = sorted(groups.items(), key=lambda entry: (by_length(entry[0][0]), entry[0][1]))
    plots = (_forest_plot(*group, rows, bounds) for group, rows in ordered)
    legend = (
        "Mean daily rank correlation of a score with forward returns. Filled and bold: the 95 % interval excludes 0. "
        "A dot without a line: too few independent days for an interval. q is the p-value after allowing for every "
        "score and horizon looked at."
    )
    return joined([element("p", legend, class_="legend"), element("div", *plots, class_="pair")])


def selection_lift(report: DailyReport) -> Html:
    """Does selection pay? Return of the selected over the controls per horizon, with the verdict in words."""
    if not report.selection_lift:
        return nothing("No selection lift yet: no day has matured outcomes of both selected candidates and controls.")
    has_outcomes = {row.horizon for row in report.coefficients if row.information_coefficient.n}
    lifts = sorted(report.selection_lift.items(), key=lambda entry: by_length(entry[0]))
    verdicts = [selection_verdict(lift, has_outcomes=horizon in has_outcomes) for horizon, lift in lifts]
    bounds = domain(interval_ends(report.selection_lift.values()))
    columns = [
        Column("Horizon"),
        Column("Selection"),
        Column(axis_strip(bounds, written=short_percent, width=WIDE)),
        *numbers("Lift", "95 % interval", "Days"),
    ]
    rows = [
        (
            horizon,
            chip(*VERDICTS[verdict][:2]),
            interval_strip(
                lift, bounds, label=f"{horizon}: {_spoken(percent(lift.estimate), interval(lift, as_percent=True))}"
            ),
            _weighted(percent(lift.estimate, with_plus=True), is_strong=excludes(lift)),
            interval(lift, as_percent=True),
            f"{lift.n:,}",
        )
        for (horizon, lift), verdict in zip(lifts, verdicts, strict=True)
    ]
    meanings = [
        f"{shown.capitalize()}: {meaning}." for name, (shown, _, meaning) in VERDICTS.items() if name in verdicts
    ]
    legend = "Lift: mean daily return of the selected minus controls, an even random draw from what was not selected."
    return joined(
        [
            table("Return of selected candidates over the controls", columns, Rows(rows), class_="scroll narrow"),
            element("p", " ".join([legend, *meanings]), class_="legend"),
        ]
    )


def confidence(report: DailyReport) -> Html:
    """Multipliers, reliability diagrams, and the Brier score taken apart."""
    first = listed_first(CURVE_ORDER)
    curves = sorted(report.reliability, key=lambda curve: first(curve.group))
    diagrams = (
        element("div", *(_reliability(curve) for curve in curves), class_="cards")
        if report.reliability
        else nothing("No reliability diagram yet: no thesis has been judged in the window.")
    )
    multipliers = (
        _multipliers(report.confidence, said=report.recommendations)
        if report.confidence is not None
        else nothing("Confidence has not been calibrated yet; it stays as sent.")
    )
    legend = (
        "Dots on the dashed line are calibrated; below it, confidence is too high. Larger dots stand for more theses; "
        "upright lines are 95 % intervals."
    )
    return joined([multipliers, element("p", legend, class_="legend") if report.reliability else None, diagrams])


def accuracy(report: DailyReport) -> Html:
    """How often the theses of each group were right."""
    if not report.accuracy:
        return nothing("No thesis has been judged in the window.")
    shown = [
        *interval_ends(row.accuracy for row in report.accuracy),
        *(row.mean_confidence for row in report.accuracy),
    ]
    bounds = share_domain(shown)
    columns = [
        Column("Group"),
        Column(axis_strip(bounds, written=short_percent, width=WIDE)),
        *numbers("Right", "95 % interval", "Confidence", "Theses"),
    ]
    kinds: dict[str, list[GroupAccuracy]] = {kind: [] for kind in KIND_ORDER}
    for row in report.accuracy:
        kinds.setdefault(row.group_kind, []).append(row)
    groups = (
        Rows([_accuracy_row(row, bounds) for row in rows], heading=words(kind)) for kind, rows in kinds.items() if rows
    )
    legend = (
        "Dot and line: share right with its 95 % interval. Short upright tick: mean confidence as sent; where the line "
        "misses it, confidence is off."
    )
    return joined(
        [
            table("Accuracy of theses per group", columns, *groups, class_="scroll narrow"),
            element("p", legend, class_="legend"),
            element("p", _ai_against_rules(report)),
        ]
    )


def _ai_against_rules(report: DailyReport) -> str:
    difference = report.ai_minus_rules
    if difference.ci_low is None:
        return f"AI against rules: too few days with both at {report.thesis_horizon} to compare them."
    return (
        f"AI against rules at {report.thesis_horizon}: accuracy differs by {points(difference.estimate)} points "
        f"({interval_in_points(difference)}, {count(difference.n, 'day')} with both)."
    )


def regimes(report: DailyReport) -> Html:
    """The market of tonight on both bases, and its changes."""
    cards = element(
        "div",
        regime_card("Index", report.index_regime),
        regime_card("Discovery", report.discovery_regime),
        class_="pair",
    )
    if not report.regime_changes:
        return joined([cards, nothing("No change of regime in the last 90 days.")])
    columns = [Column("Day"), Column("Basis"), Column("From"), Column("To"), *numbers("Probability")]
    rows = [
        (
            day(change.known_on),
            words(change.basis),
            change.previous_regime or "none",
            element("strong", change.regime),
            percent(change.probability),
        )
        for change in report.regime_changes
    ]
    changes = table("Changes of regime, last 90 days", columns, Rows(rows), class_="scroll narrow")
    return joined([cards, element("h3", "Changes"), changes])


def _forest_plot(horizon: str, population: str, rows: Sequence[CoefficientRow], bounds: tuple[float, float]) -> Html:
    columns = [
        Column("Score"),
        Column(axis_strip(bounds, written=short)),
        *numbers("Mean", "95 % interval", "q", "Days"),
    ]
    body = []
    for row in rows:
        value = row.information_coefficient
        said = _spoken(number(value.estimate), interval(value, as_percent=False))
        strong = excludes(value)
        body.append(
            (
                _weighted(words(row.feature), is_strong=strong),
                interval_strip(value, bounds, label=f"{words(row.feature)} at {horizon}: {said}"),
                _weighted(number(value.estimate, with_plus=True), is_strong=strong),
                interval(value, as_percent=False),
                probability(row.q_value),
                f"{value.n:,}",
            )
        )
    heading = element("h3", f"Horizon {horizon} ", element("small", f"over {words(population)} decisions"))
    return element("div", heading, table(f"Information coefficients at {horizon}, {population}", columns, Rows(body)))


def _spoken(estimate: str, ends: str) -> str:
    return f"{estimate}, 95 % interval {ends}"


def _weighted(text: str, *, is_strong: bool) -> Html | str:
    return element("strong", text) if is_strong else text


def _multipliers(data: ConfidenceData, *, said: Sequence[str]) -> Html:
    """Multipliers, and those of the recommendations about them that were not said before."""
    first = listed_first(RECOMMENDATION_ORDER)
    named = [
        *sorted(data.per_source_adjustments.items()),
        *sorted(data.per_recommendation_adjustments.items(), key=lambda entry: first(entry[0])),
    ]
    shown = tiles(
        [
            ("overall", _factor(data.global_confidence_multiplier), "on every confidence"),
            *((name, _factor(value), None) for name, value in named),
            ("calibration quality", percent(data.calibration_quality), "100 % is calibrated"),
        ],
        class_="tiles small",
    )
    legend = "Multipliers on confidence as sent, between ×0.50 and ×2.00; ×1.00 leaves it as it is."
    unsaid = [line for line in data.recommendations if line not in said]
    advice = sentences(unsaid) if unsaid else None
    return joined([element("h3", "Multipliers"), shown, element("p", legend, class_="legend"), advice])


def _factor(value: float) -> str:
    return f"×{value:.2f}"


def _reliability(curve: ReliabilityCurve) -> Html:
    quality = curve.quality
    group = {"ai": "AI", "rule_based": "Rules"}.get(curve.group, words(curve.group).capitalize())
    heading = element("h3", f"{group} ", element("small", count(quality.n_theses, "judged thesis", "judged theses")))
    if not curve.points:
        return element("div", heading, nothing("Too few judged theses for a curve."), _quality_words(quality))
    said = "; ".join(
        f"{percent(point.mean_confidence)} sent, {percent(point.calibrated_confidence)} right "
        f"({percent(point.ci_low)} to {percent(point.ci_high)}), {sample_size(point.n_theses)}"
        for point in curve.points
    )
    picture = reliability_diagram(curve.points, label=f"Reliability of {group}: {said}")
    return element("div", heading, element("figure", picture), _quality_words(quality), _points_table(curve, group))


def _points_table(curve: ReliabilityCurve, group: str) -> Html:
    columns = [Column("Sent"), *numbers("Right", "95 % interval", "Theses")]
    rows = [
        (
            percent(point.mean_confidence),
            percent(point.calibrated_confidence),
            f"{percent(point.ci_low)} to {percent(point.ci_high)}",
            f"{point.n_theses:,}",
        )
        for point in curve.points
    ]
    return element("details", element("summary", "Blocks in numbers"), table(f"Blocks of {group}", columns, Rows(rows)))


def _quality_words(quality: CalibrationQuality) -> Html:
    """The Brier score taken apart, in words and numbers."""
    score, off, knows, base = (
        quality.brier_score,
        quality.miscalibration,
        quality.discrimination,
        quality.uncertainty,
    )
    if score is None or off is None or knows is None or base is None:
        return nothing("Too few judged theses for a Brier score.")
    better = base - score
    verdict = (
        f"better by {number(better)} than always saying the overall rate"
        if better > 0
        else f"worse by {number(-better)} than always saying the overall rate"
        if better < 0
        else "as good as always saying the overall rate"
    )
    return joined(
        [
            element("p", f"Brier score {number(score)}: {verdict}."),
            facts(
                [
                    ("miscalibration", f"{number(off)} – what recalibration would take off"),
                    ("discrimination", f"{number(knows)} – what telling theses apart is worth"),
                    ("uncertainty", f"{number(base)} – the score of the overall rate"),
                    (
                        "calibration error",
                        f"{number(quality.expected_calibration_error)} – mean distance, confidence to share right",
                    ),
                ]
            ),
            element("p", f"{number(off)} − {number(knows)} + {number(base)} = {number(score)}", class_="legend"),
        ]
    )


def _accuracy_row(row: GroupAccuracy, bounds: tuple[float, float]) -> tuple[Html | str, ...]:
    value = row.accuracy
    said = _spoken(percent(value.estimate), interval(value, as_percent=True))
    strip = interval_strip(
        value, bounds, label=f"{row.group}: {said}", width=WIDE, reference=None, mark=row.mean_confidence
    )
    return (
        breakable(row.group),
        strip,
        element("strong", percent(value.estimate)),
        interval(value, as_percent=True),
        percent(row.mean_confidence),
        f"{value.n:,}",
    )


def regime_card(basis: str, current: CurrentRegime) -> Html:
    """The regime of one basis, since when, and how sure."""
    heading = element("h3", basis)
    if current.regime is None:
        return element("div", heading, nothing("The history does not suffice to name a regime."))
    return element(
        "div",
        heading,
        element("p", current.regime, class_="big"),
        facts(
            [
                (
                    "probability",
                    "not estimated: set by rules" if current.probability is None else percent(current.probability),
                ),
                ("since", day(current.since)),
                ("before", current.previous_regime or "none known"),
                ("read from", day(current.known_on)),
            ]
        ),
        class_="card",
    )
