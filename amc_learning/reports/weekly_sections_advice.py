"""What to do, and what stands beside it: exits, sizes, models and their predictions, weights, corrections.

Belongs here: advice and the week's changes. Not here: what was found in market and scores (weekly_sections_found).
"""

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.weekly_report import (
    CandidatePrediction,
    CorrectionMove,
    ExitRecommendation,
    ExitSetting,
    ModelCard,
    SizeBand,
    SizeRecommendation,
    WeeklyReport,
    WeightMove,
)
from amc_learning.reports.markup import Content, Html, breakable, element, joined
from amc_learning.reports.pictures import (
    WIDE,
    axis_strip,
    domain,
    interval_ends,
    interval_strip,
    share_domain,
)
from amc_learning.reports.sections_decisions import weight_changes_table
from amc_learning.reports.tables import Column, Rows, chip, nothing, numbers, table
from amc_learning.reports.weekly_sections_found import insufficient
from amc_learning.reports.wording import (
    UNKNOWN,
    count,
    day,
    interval,
    number,
    percent,
    points,
    probability,
    short,
    short_percent,
    words,
)

DECISION_TONES = {"change": "good", "keep": "plain", "promoted": "good", "refused": "plain", "replaced": "accent"}
CORRECTION_TONES = {"active": "good", "proposed": "accent", "shadow": "accent"}


def strategy(report: WeeklyReport) -> Html:
    """Whether to change exits, and whether to size positions by volatility."""
    exits, sizes = report.strategy_recommendations.exits, report.strategy_recommendations.position_sizes
    return joined(
        [
            element("h3", "Exits"),
            insufficient(report, "exits") if exits is None else _exits(exits),
            element("h3", "Position sizes"),
            insufficient(report, "position_sizes") if sizes is None else _sizes(sizes),
        ]
    )


def _exits(exits: ExitRecommendation) -> Html:
    sample = (
        f"{count(exits.n_trades, 'closed trade')} replayed"
        if exits.basis == "trades"
        else f"{count(exits.n_trades, 'candidate')} bought on paper"
    )
    bounds = domain(interval_ends(one.difference for one in exits.settings))
    columns = [
        Column("Exit"),
        Column(axis_strip(bounds, written=_short_points)),
        *numbers("Gain", "p", "Return", "Won", "Stopped", "Sessions"),
    ]
    legend = (
        f"{sample} under {exits.n_settings_tried:,} settings on the same bars; of what a bar may have hit first, the "
        "worse is taken. Gain: mean return per trade less that of what was done, in percentage points; p allows for "
        "every setting tried. Costs are not included. "
        f"{_out_of_sample(exits.out_of_sample_difference)}"
    )
    return joined(
        [
            _decided(exits.decision, exits.reason),
            table("Rules for exits", columns, Rows([_setting(one, bounds) for one in exits.settings])),
            element("p", legend, class_="legend"),
        ]
    )


def _out_of_sample(gain: Interval) -> str:
    """What settings gained on days they were not chosen on, where there are such days."""
    if not gain.n:
        return "There are no later days yet that would tell what settings chosen on earlier ones gain."
    gained = f"{points(gain.estimate)} points on {count(gain.n, 'later day')} ({interval(gain, as_percent=True)})"
    return f"Settings chosen on earlier days gained {gained}."


def _decided(decision: str, reason: str) -> Html:
    """A decision as a word and its reason in a sentence."""
    told = reason.removeprefix(f"{words(decision).capitalize()}: ").replace("`", "")
    shown = f"{told[:1].upper()}{told[1:]}"
    return element("p", chip(words(decision), DECISION_TONES.get(decision, "plain")), " ", shown)


def _short_points(value: float) -> str:
    return short(value * 100)


def _setting(one: ExitSetting, bounds: tuple[float, float]) -> tuple[Content, ...]:
    said = f"{points(one.difference.estimate)} points, {interval(one.difference, as_percent=True)}"
    marks = [
        name
        for name, is_so in (("recommended", one.is_recommended), ("best in sample", one.is_best_in_sample))
        if is_so
    ]
    return (
        joined(
            [
                element("strong", one.setting) if one.is_as_done or one.is_recommended else one.setting,
                element("span", ", ".join(marks), class_="note") if marks else None,
            ]
        ),
        None if one.is_as_done else interval_strip(one.difference, bounds, label=f"{one.setting}: {said}"),
        UNKNOWN if one.is_as_done else points(one.difference.estimate),
        probability(one.adjusted_p_value),
        percent(one.expectancy.estimate, with_plus=True),
        percent(one.win_rate.estimate),
        percent(one.stop_rate),
        number(one.mean_holding_sessions, digits=1),
    )


def _sizes(sizes: SizeRecommendation) -> Html:
    bounds = share_domain(interval_ends(band.stop_out_rate for band in sizes.bands))
    columns = [
        Column("Volatility a year"),
        Column(axis_strip(bounds, written=short_percent, width=WIDE)),
        *numbers("Stopped out", "Return", "Size", "Trades"),
    ]
    return joined(
        [
            _decided("change" if sizes.is_advised else "keep", sizes.reason),
            table(
                "Stop-outs by volatility",
                columns,
                Rows([_band(band, bounds) for band in sizes.bands]),
                class_="scroll narrow",
            ),
        ]
    )


def _band(band: SizeBand, bounds: tuple[float, float]) -> tuple[Content, ...]:
    low, high = band.volatility_from, band.volatility_to
    name = (
        f"under {percent(high)}"
        if low is None
        else f"{percent(low)} and more"
        if high is None
        else f"{percent(low)} to {percent(high)}"
    )
    said = f"{percent(band.stop_out_rate.estimate)}, {interval(band.stop_out_rate, as_percent=True)}"
    return (
        name,
        interval_strip(band.stop_out_rate, bounds, label=f"volatility {name}: {said}", width=WIDE, reference=None),
        percent(band.stop_out_rate.estimate),
        percent(band.mean_return, with_plus=True),
        f"×{band.size_factor:.2f}",
        f"{band.stop_out_rate.n:,}",
    )


def models(report: WeeklyReport) -> Html:
    """A card per target: which kind predicts and why, and how every kind did on days it had not seen."""
    missing = insufficient(report, "models")
    if missing:
        return missing
    targets: dict[str, list[ModelCard]] = {}
    for card in report.models:
        targets.setdefault(card.target, []).append(card)
    limits = dict.fromkeys(card.limits for card in report.models)
    legend = (
        "Skill: share of the baseline's squared error taken off. Rank: mean daily rank correlation of prediction and "
        "truth. Evidence: how much more likely the record is if the model beats the champion, 1 is none; a model is "
        "promoted when it reaches the bound in brackets."
    )
    return joined(
        [
            element("p", legend, class_="legend"),
            element("div", *(_target(target, cards) for target, cards in targets.items()), class_="pair"),
            *(element("p", text, class_="legend") for text in limits),
        ]
    )


def _target(target: str, cards: list[ModelCard]) -> Html:
    champion = next((card for card in cards if card.role == "champion"), None)
    columns = [Column("Model"), *numbers("Skill", "Rank", "Area", "Evidence")]
    decided = [card for card in cards if card.decision != "replaced" or card.role == "champion"]
    heading = element("h3", f"{words(target)} ", element("small", "" if champion is None else f"by {champion.kind}"))
    return element(
        "div",
        heading,
        table(f"Models of {words(target)}", columns, Rows([_model(card) for card in cards])),
        element("ul", *(_decision(card) for card in decided), class_="changes"),
    )


def _model(card: ModelCard) -> tuple[Content, ...]:
    evidence = UNKNOWN if card.e_value is None else _evidence(card.e_value)
    needed = (
        None if card.promoted_from is None else element("span", f"({_evidence(card.promoted_from)})", class_="note")
    )
    return (
        joined(
            [
                element("strong", card.kind) if card.role == "champion" else card.kind,
                element("span", f"{card.n_scored_days:,} days", class_="note"),
            ]
        ),
        _with_interval(card.skill, as_percent=True),
        _with_interval(card.information_coefficient, as_percent=False),
        _with_interval(card.area_under_curve, as_percent=False),
        joined([evidence, needed]),
    )


def _evidence(value: float) -> str:
    """An e-value: whole from a hundred on, three digits below."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _with_interval(value: Interval, *, as_percent: bool) -> Html:
    estimate = percent(value.estimate) if as_percent else number(value.estimate)
    known = value.ci_low is not None
    return joined([estimate, element("span", interval(value, as_percent=as_percent), class_="note") if known else None])


def _decision(card: ModelCard) -> Html:
    tone = DECISION_TONES.get(card.decision, "plain")
    return element("li", chip(words(card.decision), tone), f" {card.kind}", element("span", card.reason, class_="note"))


def predictions(report: WeeklyReport) -> Html:
    """The best ranked candidates of the last run, with what the champions say of them."""
    missing = insufficient(report, "candidate_predictions")
    if missing:
        return missing
    columns = [
        Column("Candidate"),
        *numbers("Rank", "Score", "Stopped out", "Above median", "Winner", "Relative return"),
    ]
    last = max(one.decided_on for one in report.candidate_predictions)
    legend = (
        f"The best ranked of {day(last)}, at {report.horizon}; stop-outs within the longest horizon. A column that is "
        "the same for all is the baseline: no model of it has beaten the usual rate."
    )
    rows = Rows([_prediction(one) for one in report.candidate_predictions])
    return joined([table("Predictions", columns, rows, class_="scroll"), element("p", legend, class_="legend")])


def _prediction(one: CandidatePrediction) -> tuple[Content, ...]:
    return (
        one.symbol,
        UNKNOWN if one.rank is None else f"{one.rank:,}",
        number(one.total_score, digits=1),
        percent(one.stop_out_probability),
        percent(one.outperformance_probability),
        percent(one.success_probability),
        percent(one.expected_relative_return, with_plus=True),
    )


def weights(report: WeeklyReport) -> Html:
    """Weights in force at both ends of the week, and changes of them whose verdict came in it."""
    if not report.weight_moves:
        return nothing("No weights have been decided yet; discovery uses its defaults.")
    columns = [Column("Component"), *numbers("Default", "Week before", "Now", "Change")]
    ordered = sorted(report.weight_moves, key=lambda one: (-one.after, one.component))
    moved = f"{report.counts.n_nights_moved:,} of {count(report.counts.n_nights, 'night')} moved a weight."
    judged = (
        weight_changes_table(report.changes_judged)
        if report.changes_judged
        else nothing("No change of the weights got its verdict in this week.")
    )
    return joined(
        [
            table(
                "Weights at both ends of the week",
                columns,
                Rows([_weight(one) for one in ordered]),
                class_="scroll narrow",
            ),
            element("p", moved, class_="legend"),
            element("h3", "Judged in this week"),
            judged,
        ]
    )


def _weight(one: WeightMove) -> tuple[Content, ...]:
    change = None if one.before is None else one.after - one.before
    is_moved = change is not None and abs(change) >= 0.0005
    return (
        breakable(one.component),
        percent(one.default),
        percent(one.before),
        element("strong", percent(one.after)),
        element("strong", points(change)) if is_moved else UNKNOWN if change is None else "none",
    )


def corrections(report: WeeklyReport) -> Html:
    """Corrections that began, were proposed or ended in the week."""
    if not report.corrections_moved:
        return nothing("No correction began or ended in this week.")
    columns = [Column("Correction"), Column("Status"), Column("Since"), Column("Why", "prose")]
    rows = Rows([_correction(one) for one in report.corrections_moved])
    return table("Corrections that began or ended", columns, rows)


def _correction(one: CorrectionMove) -> tuple[Content, ...]:
    factor = (
        None
        if one.factor is None
        else element("span", f"{words(one.kind)} {one.target}: ×{one.factor:.2f}", class_="note")
    )
    return (
        joined([element("code", one.name), factor]),
        chip(words(one.status), CORRECTION_TONES.get(one.status, "plain")),
        day(one.status_since),
        one.reason,
    )
