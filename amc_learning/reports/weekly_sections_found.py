"""What the week found: its headline, patterns, importance of components, changes of regime.

Belongs here: findings about the market and the scores. Not here: models, exits, weights (weekly_sections_advice).
"""

from collections.abc import Sequence

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.weekly_report import (
    ComponentImportance,
    ComponentUnderRegime,
    DiscoveredPattern,
    WeeklyRegimeChange,
    WeeklyReport,
)
from amc_learning.reports.markup import Content, Html, breakable, element, joined
from amc_learning.reports.pictures import WIDE, axis_strip, domain, interval_ends, interval_strip
from amc_learning.reports.sections_evidence import regime_card
from amc_learning.reports.tables import Column, Rows, chip, nothing, numbers, sentences, table, tiles
from amc_learning.reports.wording import (
    by_length,
    count,
    day,
    interval,
    long_day,
    number,
    percent,
    points,
    probability,
    short,
    words,
)

STATUS_TONES = {"new": "good", "confirmed": "good", "fading": "accent"}
LEVEL = 0.05
"""Adjusted p-value under which a difference is beyond noise."""

STATE_TONES = {"held": "good", "flickered": "plain", "too_early": "accent"}


def insufficient(report: WeeklyReport, part: str) -> Html | None:
    """What a section says of a part without evidence; None where it has some."""
    reason = report.insufficient_evidence.get(part)
    return None if reason is None else nothing(f"Insufficient evidence: {reason}")


def opening(report: WeeklyReport) -> Html:
    """The week, its headline, and what its nights brought."""
    counts = report.counts
    return element(
        "header",
        element("p", f"Weekly learning report, {day(report.week_from)} to {long_day(report.known_on)}", class_="date"),
        element("h1", report.headline),
        tiles(
            [
                ("nights", f"{counts.n_nights:,}", f"{counts.n_nights_moved:,} moved a weight"),
                ("discovery runs", f"{counts.n_discovery_runs:,}", None),
                ("candidates", f"{counts.n_candidates:,}", None),
                ("theses", f"{counts.n_theses:,}", None),
                ("trades closed", f"{counts.n_trades_closed:,}", None),
                ("outcomes matured", f"{counts.n_outcomes:,}", None),
            ]
        ),
    )


def findings(report: WeeklyReport) -> Html:
    """One sentence per part that has something to say."""
    return sentences(report.findings) if report.findings else nothing("Nothing could be judged in this week.")


def patterns(report: WeeklyReport) -> Html:
    """New patterns, those of earlier weeks, and what was searched."""
    missing, search = insufficient(report, "new_patterns"), report.pattern_search
    if search is None or (missing and not report.known_patterns):
        return missing or nothing("There was no search.")
    gone = (
        f" {search.n_gone:,} of the patterns known before {'does' if search.n_gone == 1 else 'do'} not hold any more."
        if search.n_gone
        else ""
    )
    searched = (
        f"{count(search.n_rules_tried, 'rule')} tried on {day(search.searched_from)} to {day(search.searched_to)}, "
        f"{search.n_found:,} beyond chance with all of them paid for; {search.n_tested:,} tested on "
        f"{day(search.held_out_from)} to {day(search.held_out_to)}, {search.n_new:,} new.{gone}"
    )
    shown = [*report.new_patterns, *report.known_patterns]
    if not shown:
        chance = probability(search.strongest_adjusted_p_value)
        strongest = (
            "" if search.strongest_pattern is None else f" The strongest, {search.strongest_pattern}: p {chance}."
        )
        return joined([missing or nothing(f"No pattern.{strongest}"), element("p", searched, class_="legend")])
    bounds = domain(interval_ends(one.effect for one in shown))
    columns = [
        Column("Pattern", "prose"),
        Column("Status"),
        Column(axis_strip(bounds, written=_short_points)),
        *numbers("Effect", "Held out", "Since", "Winners", "Rest", "Support"),
    ]
    legend = (
        "Effect: mean return of its candidates less that of the others of the same day, in percentage points, over the "
        "window. Held out: the same on later days that were not searched. Since: on days entered after its discovery."
    )
    rows = Rows([_pattern(one, bounds) for one in shown])
    return joined(
        [
            missing,
            table("Patterns", columns, rows),
            element("p", legend, class_="legend"),
            element("p", searched, class_="legend"),
        ]
    )


def _pattern(one: DiscoveredPattern, bounds: tuple[float, float]) -> tuple[Content, ...]:
    said = f"{points(one.effect.estimate)} points, {_interval_in_points(one.effect)}"
    reason = one.reason.removeprefix(f"{one.status}: ")
    return (
        joined([element("code", one.pattern), " ", one.direction, element("span", reason, class_="note")]),
        chip(one.status, STATUS_TONES.get(one.status, "plain")),
        interval_strip(one.effect, bounds, label=f"{one.pattern}: {said}"),
        element("strong", points(one.effect.estimate)),
        points(one.held_out_effect.estimate),
        points(one.effect_since.estimate),
        percent(one.success_rate),
        percent(one.success_rate_rest),
        percent(one.support),
    )


def _short_points(value: float) -> str:
    return short(value * 100)


def _interval_in_points(value: Interval) -> str:
    return interval(value, as_percent=True)


def importance(report: WeeklyReport) -> Html:
    """What shuffling each component costs a model, one picture per horizon, all on one scale."""
    missing = insufficient(report, "feature_importance")
    if missing:
        return missing
    groups: dict[str, list[ComponentImportance]] = {}
    for row in report.feature_importance:
        groups.setdefault(row.horizon, []).append(row)
    shown = [
        *(row.importance for row in report.feature_importance),
        *(r.noise_importance for r in report.feature_importance),
    ]
    bounds = domain(interval_ends(shown))
    legend = (
        "Fall of a model's mean daily rank correlation, on days it was not fitted on, when the component is shuffled "
        "among the day's candidates. The short upright tick is the fall for a random score: the baseline. Beyond "
        "noise: q, false-discovery-adjusted over components and horizons, is under 5 %. IC: the component by itself. "
        "Change: against the week before; with a star, beyond noise."
    )
    plots = (_importance(*group, bounds) for group in sorted(groups.items(), key=lambda entry: by_length(entry[0])))
    return joined([element("p", legend, class_="legend"), element("div", *plots, class_="pair")])


def _importance(horizon: str, rows: Sequence[ComponentImportance], bounds: tuple[float, float]) -> Html:
    columns = [
        Column("Component"),
        Column(axis_strip(bounds, written=short)),
        *numbers("Fall", "q", "IC", "Change"),
    ]
    body = Rows([_importance_row(row, bounds) for row in rows])
    n_days = max((row.importance.n for row in rows), default=0)
    heading = element("h3", f"Horizon {horizon} ", element("small", count(n_days, "day")))
    return element("div", heading, table(f"Importance of components at {horizon}", columns, body))


def _importance_row(row: ComponentImportance, bounds: tuple[float, float]) -> tuple[Content, ...]:
    name = breakable(row.component)
    said = f"{number(row.importance.estimate)}, 95 % interval {interval(row.importance, as_percent=False)}"
    twins = element("span", f"like {words(row.correlated_with)}", class_="note") if row.correlated_with else None
    fall = number(row.importance.estimate, digits=4, with_plus=True)
    return (
        joined([element("strong", name) if row.is_beyond_noise else name, twins]),
        interval_strip(
            row.importance,
            bounds,
            label=f"{words(row.component)}: {said}",
            reference=0.0,
            mark=row.noise_importance.estimate,
        ),
        element("strong", fall) if row.is_beyond_noise else fall,
        probability(row.q_value),
        number(row.information_coefficient.estimate, with_plus=True),
        joined([number(row.change, digits=4, with_plus=True), " *" if row.is_change_beyond_noise else None]),
    )


def regimes(report: WeeklyReport) -> Html:
    """The regimes in force, the changes of the last months, and what each changed for which component."""
    cards = element(
        "div",
        regime_card("Index", report.index_regime),
        regime_card("Discovery", report.discovery_regime),
        class_="pair",
    )
    missing = insufficient(report, "regime_changes")
    if missing:
        return joined([cards, missing])
    columns = [
        Column("Day"),
        Column("Basis"),
        Column("From"),
        Column("To"),
        *numbers("Probability", "Sessions"),
        Column("Lasted"),
        Column("Beyond noise for"),
    ]
    listed = table("Changes of the last months", columns, Rows([_change(change) for change in report.regime_changes]))
    newest = {change.basis: change for change in reversed(report.regime_changes)}
    details = [_components(newest[basis]) for basis in ("index", "discovery") if basis in newest]
    legend = (
        "Mean daily rank correlation of a component with returns: since the change, in the spell before it, and over "
        "the whole window. Drawn: its mean over all days under the new regime less that under the previous one; filled "
        "where the 95 % interval excludes 0. p allows for every difference tested in the week (Holm); a dash was not "
        "tested: under 60 days on a side, or a regime that came only once."
    )
    return joined(
        [cards, element("h3", "Changes"), listed, element("p", legend, class_="legend"), element("div", *details)]
    )


def _change(change: WeeklyRegimeChange) -> tuple[Content, ...]:
    beyond = [words(row.component) for row in change.components if row.is_beyond_noise]
    is_tested = any(row.is_beyond_noise is not None for row in change.components)
    told = ", ".join(beyond) if beyond else "none" if is_tested else "insufficient evidence"
    return (
        joined([day(change.changed_on), element("span", "this week", class_="note") if change.is_new else None]),
        change.basis,
        words(change.previous_regime),
        element("strong", words(change.regime)),
        percent(change.probability),
        f"{change.n_sessions:,}",
        chip(words(change.state), STATE_TONES.get(change.state, "plain")),
        told,
    )


def _components(change: WeeklyRegimeChange) -> Html:
    rows = change.components
    bounds = domain(interval_ends(row.regime_difference for row in rows if row.regime_difference.ci_low is not None))
    columns = [
        Column("Component"),
        Column(axis_strip(bounds, written=short, width=WIDE)),
        *numbers("Difference", "p", "Since", "Before", "History"),
    ]
    heading = element(
        "h3",
        f"{words(change.previous_regime)} to {words(change.regime)} ",
        element("small", f"{change.basis}, {day(change.changed_on)}"),
    )
    caption = f"Components under {words(change.regime)} less {words(change.previous_regime)}"
    return element("div", heading, table(caption, columns, Rows([_component(row, bounds) for row in rows])))


def _component(row: ComponentUnderRegime, bounds: tuple[float, float]) -> tuple[Content, ...]:
    value, name = row.regime_difference, breakable(row.component)
    said = f"{number(value.estimate)}, 95 % interval {interval(value, as_percent=False)}"
    difference = number(value.estimate, with_plus=True)
    is_of_regimes = (
        row.regime_difference_adjusted_p_value is not None and row.regime_difference_adjusted_p_value < LEVEL
    )
    of_spells = (
        f"this change alone: {number(row.difference.estimate, with_plus=True)}, "
        f"p {probability(row.difference_adjusted_p_value)}"
        if row.is_beyond_noise and not is_of_regimes
        else None
    )
    return (
        joined(
            [
                element("strong", name) if row.is_beyond_noise else name,
                None if of_spells is None else element("span", of_spells, class_="note"),
            ]
        ),
        None
        if value.ci_low is None
        else interval_strip(value, bounds, label=f"{words(row.component)}: {said}", width=WIDE),
        element("strong", difference) if is_of_regimes else difference,
        probability(row.regime_difference_adjusted_p_value),
        _with_n(row.since),
        _with_n(row.before),
        _with_n(row.history),
    )


def _with_n(value: Interval) -> Html:
    return joined([number(value.estimate, with_plus=True), element("span", f"{value.n:,} days", class_="note")])
