"""The first screen of the report: what happened, what to do, and the weights.

Belongs here: headline, changes, recommendations, warnings, weights. Not here: evidence (sections_evidence), failures
and money (sections_results).
"""

from collections.abc import Sequence

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.daily_report import (
    Change,
    DailyReport,
    DayCounts,
    InShadow,
    WeightChange,
    WeightsSection,
)
from amc_learning.reports.markup import Html, element, joined
from amc_learning.reports.pictures import line_chart
from amc_learning.reports.tables import Column, Rows, chip, nothing, numbers, sentences, table, tiles
from amc_learning.reports.wording import UNKNOWN, count, day, interval, long_day, number, percent, points, words

STATUS_TONES = {"active": "good", "held": "plain", "insufficient_evidence": "plain", "rolled_back": "accent"}
VERDICT_TONES = {"helped": "good", "harmed": "bad", "no_difference": "plain", "too_early": "plain"}
STATES = {
    "in_force": "in force",
    "next_change": "another change",
    "taken_back": "taken back",
    "ordered": "a person's order",
}


def opening(report: DailyReport) -> Html:
    """Date, headline, and what the day brought."""
    return element(
        "header",
        element("p", f"Learning report for {long_day(report.known_on)}", class_="date"),
        element("h1", report.headline),
        *(_in_shadow(one) for one in report.in_shadow),
        _day_counts(report.counts),
    )


def _in_shadow(one: InShadow) -> Html:
    since = "the beginning" if one.since is None else day(one.since)
    return element("p", f"In shadow since {since}: {one.document}. What others were last told stays.")


def changes(report: DailyReport) -> Html:
    """What changed and why."""
    if not report.changes:
        return nothing("Nothing changed on this day.")
    reasons: dict[str, list[Change]] = {}
    for change in report.changes:
        reasons.setdefault(change.why, []).append(change)
    return element("ul", *(_change(why, together) for why, together in reasons.items()), class_="changes")


def advice(report: DailyReport) -> Html:
    """Recommendations and risk warnings, side by side."""
    recommendations = (
        sentences(report.recommendations)
        if report.recommendations
        else nothing("Nothing needs a person's decision today.")
    )
    warnings = (
        sentences(report.risk_warnings, class_="sentences warnings")
        if report.risk_warnings
        else nothing("No risk warning today.")
    )
    return element(
        "div",
        element("div", element("h3", "Recommendations"), recommendations),
        element("div", element("h3", "Risk warnings"), warnings),
        class_="pair",
    )


def weights(report: DailyReport) -> Html:
    """Weights tonight and over the last nights."""
    section = report.weights
    if section is None:
        return nothing("No weights have been decided yet; discovery uses its defaults.")
    state = element(
        "p",
        chip(words(section.status), STATUS_TONES.get(section.status, "plain")),
        " ",
        section.reason.removeprefix(f"{section.status}: "),
    )
    return joined([state, element("div", _weights_table(section), weights_history(section), class_="pair")])


def weights_history(section: WeightsSection) -> Html:
    """The weights in force over the last nights, as lines."""
    history = section.history
    lines = {
        words(name): values for name, values in sorted(history.weights.items()) if len(values) == len(history.days) > 0
    }
    if not lines:
        return nothing("No earlier nights to draw.")
    first, last = day(history.days[0]), day(history.days[-1])
    label = f"Weights in force from {first} to {last}: " + ", ".join(
        f"{name} from {percent(values[0])} to {percent(values[-1])}" for name, values in lines.items()
    )
    chart = line_chart(history.days, lines, label=label, written=percent)
    return element(
        "figure",
        chart,
        element("figcaption", f"Weights in force over the last {count(len(history.days), 'night')}."),
    )


def weight_changes(report: DailyReport) -> Html:
    """Changes of the learned weights, promised against realised."""
    if not report.weight_changes:
        return nothing("No change of the learned weights began within the last year: there is nothing to judge.")
    return weight_changes_table(report.weight_changes)


def weight_changes_table(listed: Sequence[WeightChange]) -> Html:
    """What these changes of the weights promised, and what came of them."""
    columns = [
        Column("Change"),
        Column("Verdict"),
        *numbers("Promised", "95 % interval", "Realised", "95 % interval", "Days"),
        Column("Ended by"),
    ]
    legend = (
        "Mean daily difference in rank correlation with returns, the weights of the change against those before it: "
        "promised on days that were not used to choose it, realised on days decided under it. The interval of what was "
        "realised holds on all nights together."
    )
    shown = table("Changes of the weights", columns, Rows([_weight_change(one) for one in listed]))
    return joined([shown, element("p", legend, class_="legend")])


def _weight_change(one: WeightChange) -> tuple[Html | str, ...]:
    moved = f"{words(one.most_changed_component)} {points(one.most_changed_by)} points"
    promised = Interval(estimate=one.promised, ci_low=one.promised_ci_low, ci_high=one.promised_ci_high, n=0)
    ended = "" if one.ended_on is None else f", {day(one.ended_on)}"
    return (
        joined([day(one.began_on), element("span", moved, class_="note")]),
        chip(words(one.verdict), VERDICT_TONES.get(one.verdict, "plain")),
        number(one.promised, with_plus=True),
        interval(promised, as_percent=False),
        element("strong", number(one.realised.estimate, with_plus=True)),
        interval(one.realised, as_percent=False),
        f"{one.realised.n:,}",
        f"{STATES.get(one.state, one.state)}{ended}",
    )


def _change(why: str, together: Sequence[Change]) -> Html:
    """Changes that share a reason, and the reason once."""
    moves = (
        element(
            "span", f"{words(change.subject)} ", f"{change.before} → ", element("strong", change.after), class_="move"
        )
        for change in together
    )
    return element("li", joined(moves, between=" "), element("span", why, class_="note"))


def _day_counts(counts: DayCounts) -> Html:
    return tiles(
        [
            ("discovery runs", f"{counts.n_discovery_runs:,}", None),
            ("candidates", f"{counts.n_candidates:,}", None),
            ("theses", f"{counts.n_theses:,}", None),
            ("trade messages", f"{counts.n_trade_messages:,}", None),
            ("price bars", f"{counts.n_bars:,}", None),
            ("outcomes matured", f"{counts.n_outcomes:,}", None),
        ]
    )


def _weights_table(section: WeightsSection) -> Html:
    columns = [Column("Component"), *numbers("Default", "Before", "Learned", "In force", "Change")]
    rows = []
    for name, weight in sorted(section.in_force.items(), key=lambda entry: (-entry[1], entry[0])):
        before = section.before.get(name)
        change = None if before is None else weight - before
        moved = change is not None and abs(change) >= 0.0005
        rows.append(
            (
                words(name),
                percent(section.default.get(name)),
                percent(before),
                percent(section.learned.get(name)),
                element("strong", percent(weight)),
                element("strong", points(change)) if moved else UNKNOWN if change is None else "none",
            )
        )
    return element(
        "div",
        table("Weights per component", columns, Rows(rows)),
        element(
            "p",
            "Learned is what the evidence asks for, without the factors of regime and corrections. "
            "Change is in percentage points against the night before.",
            class_="legend",
        ),
    )
