"""What fails, what is corrected, and where the money came from.

Belongs here: failures, watched patterns, corrections, trades, attribution. Not here: evidence about scores and
confidence (sections_evidence).
"""

import shlex
from collections.abc import Sequence

from amc_learning.contracts.documents.corrections import Correction
from amc_learning.contracts.documents.daily_report import DailyReport, WatchedPattern
from amc_learning.contracts.documents.recommendations import Attribution, PatternAlert
from amc_learning.reports.markup import Content, Html, breakable, element, joined
from amc_learning.reports.pictures import axis_strip, bar_strip, domain
from amc_learning.reports.tables import Column, Rows, chip, facts, nothing, numbers, table, tiles
from amc_learning.reports.wording import (
    UNKNOWN,
    count,
    day,
    dollars,
    interval,
    interval_in_points,
    listed_first,
    number,
    percent,
    points,
    probability,
    sample_size,
    short_dollars,
    words,
)

SEVERITY_TONES = {"critical": "bad", "high": "bad", "medium": "accent", "low": "plain"}
CORRECTION_TONES = {"active": "good", "proposed": "accent"}
ORDERS = {"proposed": "veto", "active": "veto", "shadow": "veto", "vetoed": "release"}
"""Status of a correction to what a person may order about it."""

STATUS_ORDER = ("active", "shadow", "proposed", "vetoed", "expired", "withdrawn")
ENDED = ("expired", "withdrawn")
"""Statuses about which nobody needs to do anything; these corrections are folded away."""

DIMENSION_ORDER = ("component", "action_tag", "source", "recommendation", "market_regime", "discovery_regime")
TOTAL, COMPONENT = "total", "component"
"""Dimension whose only part is the whole, which the summary says already; dimension whose values are names of ours."""


def failures(report: DailyReport) -> Html:
    """Systematic failures, then patterns that are watched."""
    systematic = (
        table(
            "Systematic failures", [Column("Severity"), *_PATTERN_COLUMNS], Rows([_alert(a) for a in report.failures])
        )
        if report.failures
        else nothing("No systematic failure: nothing fails more often than the rest beyond what chance explains.")
    )
    watched = (
        table("Watched patterns", _PATTERN_COLUMNS, Rows([_watched(pattern) for pattern in report.watched]))
        if report.watched
        else nothing("No pattern is being watched.")
    )
    legend = "p is corrected for every pattern that was searched; the rest is every case outside the pattern."
    return joined(
        [
            element("h3", "Systematic"),
            systematic,
            element("h3", "Watched, not proven"),
            watched,
            element("p", legend, class_="legend") if report.failures or report.watched else None,
        ]
    )


def corrections(report: DailyReport) -> Html:
    """Every correction of the report."""
    return correction_cards(report.corrections)


def correction_cards(listed: Sequence[Correction]) -> Html:
    """Every correction with its status, its effect, and how to say no; those that ended are folded away."""
    if not listed:
        return nothing("No corrections in force, proposed, or lately ended.")
    status, severity = listed_first(STATUS_ORDER), listed_first(tuple(SEVERITY_TONES))
    ordered = sorted(
        listed,
        key=lambda one: (status(one.status), severity(one.severity), one.name),
    )
    live = [_correction(one) for one in ordered if one.status not in ENDED]
    ended = [_correction(one) for one in ordered if one.status in ENDED]
    return joined(
        [
            element("div", *live, class_="pair") if live else nothing("No corrections in force or proposed."),
            element("details", element("summary", f"{len(ended)} lately ended"), element("div", *ended, class_="pair"))
            if ended
            else None,
        ]
    )


def trades(report: DailyReport) -> Html:
    """Open and closed trades, and where the result came from."""
    summary = _trade_summary(report)
    dimensions = {name: parts for name, parts in report.attribution.items() if name != TOTAL and parts}
    if not dimensions:
        return joined([summary, nothing("Nothing to attribute: no closed trade has a known result.")])
    first = listed_first(DIMENSION_ORDER)
    bounds = domain(part.realised_pnl_usd for parts in dimensions.values() for part in parts)
    plots = (
        _dimension(name, parts, bounds) for name, parts in sorted(dimensions.items(), key=lambda entry: first(entry[0]))
    )
    legend = (
        "Realised profit and loss. The parts of a dimension sum to the total; a trade counts for every component it "
        "scored on, so their numbers of trades overlap."
    )
    return joined(
        [
            summary,
            element("h3", "Where the result came from"),
            element("p", legend, class_="legend"),
            element("div", *plots, class_="pair"),
        ]
    )


_PATTERN_COLUMNS = [Column("Pattern", "prose"), *numbers("Failed", "Rate", "Rest", "p")]


def _pattern(kind: str, pattern: str, sentence: str | None) -> Html:
    return joined(
        [
            f"{kind}: ",
            element("code", pattern),
            element("span", sentence, class_="note") if sentence else None,
        ]
    )


def _counted(pattern: PatternAlert | WatchedPattern) -> tuple[Content, ...]:
    return (
        f"{pattern.n_failures:,} of {pattern.n_cases:,}",
        element("strong", percent(pattern.failure_rate)),
        percent(pattern.base_rate),
        probability(pattern.adjusted_p_value),
    )


def _alert(alert: PatternAlert) -> tuple[Content, ...]:
    severity = chip(alert.severity, SEVERITY_TONES.get(alert.severity, "plain"))
    return severity, _pattern(alert.kind, alert.pattern, alert.sentence), *_counted(alert)


def _watched(pattern: WatchedPattern) -> tuple[Content, ...]:
    note = None if pattern.explained_by is None else f"explained by {pattern.explained_by}"
    return _pattern(pattern.kind, pattern.pattern, note), *_counted(pattern)


def _correction(correction: Correction) -> Html:
    order = ORDERS.get(correction.status)
    command = order and element("code", f"amc-learning corrections {order} {shlex.quote(correction.name)}")
    effect = correction.effect
    verdict = words(correction.verdict)
    measured = (
        f"{verdict}: {count(effect.n, 'case')} since then"
        if effect.estimate is None
        else f"{verdict}: failure rate changed by {points(effect.estimate)} points against the rest "
        f"({interval_in_points(effect)}, {sample_size(effect.n)})"
    )
    return element(
        "article",
        element(
            "h3",
            element("code", correction.name),
            " ",
            chip(correction.status, CORRECTION_TONES.get(correction.status, "plain")),
            " ",
            chip(correction.severity, SEVERITY_TONES.get(correction.severity, "plain")),
        ),
        element("p", correction.reason.removeprefix(f"{correction.status}: ")),
        facts(
            [
                ("what", f"{words(correction.kind)} {correction.target}: {_amount(correction)}"),
                ("pattern", element("code", correction.pattern)),
                (
                    "found in",
                    f"{count(correction.n_cases, 'case')}: {percent(correction.failure_rate)} failed, the rest "
                    + percent(correction.base_rate),
                ),
                ("effect", measured),
                ("time", f"{day(correction.created_on)} to {day(correction.expires_on)}"),
                *([(f"to {order}", command)] if command else []),
            ]
        ),
        class_="card",
    )


def _amount(correction: Correction) -> str:
    parts = [
        None if correction.factor is None else f"×{correction.factor:.2f}",
        None
        if correction.raise_points is None
        else f"{number(correction.raise_points, digits=1, with_plus=True)} points",
    ]
    return ", ".join(part for part in parts if part) or UNKNOWN


def _trade_summary(report: DailyReport) -> Html:
    summary, window = report.trades, count(report.window_days, "day")
    held = count(summary.n_open, "open position")
    issues = (
        f"{count(summary.n_ledger_issues, 'message')} of this day could not be matched or had to be settled: "
        "table ledger_issues."
        if summary.n_ledger_issues
        else "Every trade message of this day found its place."
        if report.counts.n_trade_messages
        else "No trade message came in on this day."
    )
    if not summary.n_closed:
        return joined([nothing(f"No closed trades in the last {window}; {held}."), element("p", issues)])
    win_rate, mean_return = summary.win_rate, summary.mean_return
    return joined(
        [
            tiles(
                [
                    (f"realised, {window}", dollars(summary.realised_pnl_usd), count(summary.n_closed, "closed trade")),
                    (
                        "win rate",
                        percent(win_rate.estimate),
                        f"{interval(win_rate, as_percent=True)}, {sample_size(win_rate.n)}",
                    ),
                    (
                        "mean return",
                        percent(mean_return.estimate, with_plus=True),
                        f"{interval(mean_return, as_percent=True)}, {sample_size(mean_return.n)}",
                    ),
                    ("open positions", f"{summary.n_open:,}", None),
                    ("ledger issues", f"{summary.n_ledger_issues:,}", "on this day"),
                ]
            ),
            element("p", issues),
        ]
    )


def _dimension(name: str, parts: list[Attribution], bounds: tuple[float, float]) -> Html:
    columns = [
        Column(words(name).capitalize()),
        Column(axis_strip(bounds, written=short_dollars)),
        *numbers("Realised", "Won", "Mean return"),
    ]
    rows = [
        (
            words(part.value) if name == COMPONENT else breakable(part.value),
            bar_strip(part.realised_pnl_usd, bounds, label=f"{part.value}: {dollars(part.realised_pnl_usd)}"),
            joined([element("strong", dollars(part.realised_pnl_usd)), _note(count(part.n_trades, "trade"))]),
            joined([percent(part.win_rate.estimate), _note(interval(part.win_rate, as_percent=True))]),
            joined(
                [
                    percent(part.mean_return.estimate, with_plus=True),
                    _note(interval(part.mean_return, as_percent=True)),
                ]
            ),
        )
        for part in parts
    ]
    return element("div", table(f"Realised profit and loss by {words(name)}", columns, Rows(rows)))


def _note(text: str) -> Html | None:
    return None if text == UNKNOWN else element("span", text, class_="note")
