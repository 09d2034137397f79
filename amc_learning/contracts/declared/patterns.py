"""Tables of discovered patterns: rules that pay or cost with their history, and what each week's search looked at."""

import polars as pl

from amc_learning.contracts.declared.columns import HORIZON, KNOWN_ON, Column, Table

STAGE = "weekly"

STATUSES = {
    "new": "discovered this week: found among every rule tried and confirmed on later days",
    "confirmed": "discovered in an earlier week, and nothing since speaks against it",
    "fading": "discovered in an earlier week; days not searched then no longer tell it from nothing, or those since its "
    "discovery show less than half of what was promised",
    "gone": "discovered once; reversed since, or in eight judged weeks in a row not told from nothing",
    "unconfirmed": "found among every rule tried within eight weeks, but not confirmed on later days: no discovery",
}
"""What a pattern can be in a week."""

DIRECTIONS = {"pays": "returns more than the others of its day", "costs": "returns less"}

PATTERN_ATTRIBUTES = {
    "action_tag": "Canonical tag of the decision.",
    "market_regime": "Regime of the index known before the day of the decision.",
    "discovery_regime": "Regime of discovery known before the day of the decision.",
    "source": "Who wrote the last thesis on the symbol in the week before the entry.",
    "price_band": "Price as sent with the decision.",
    "relative_volume_band": "Relative volume as sent with the decision.",
    "dollar_volume_band": "Mean daily turnover of the 20 sessions before the day of the decision.",
}
"""What a pattern may be made of besides bands of component scores, in the order a pattern's text names them."""


def _interval(name: str, description: str, unit: str, *, level: str = "95 % interval") -> tuple[Column, ...]:
    """An estimate with its interval; all null for want of evidence."""
    return (
        Column(name, pl.Float64, description, unit, is_nullable=True),
        Column(f"{name}_ci_low", pl.Float64, f"Lower end of the {level} of {name}.", unit, is_nullable=True),
        Column(f"{name}_ci_high", pl.Float64, f"Upper end of the {level} of {name}.", unit, is_nullable=True),
    )


def discovered_patterns() -> Table:
    """Declaration of discovered_patterns."""

    def number(name: str, description: str, unit: str = "") -> Column:
        return Column(name, pl.Float64, description, unit, is_nullable=True)

    def day(name: str, description: str, *, is_nullable: bool = True) -> Column:
        return Column(name, pl.Date, description, "date", is_nullable=is_nullable)

    return Table(
        "discovered_patterns",
        STAGE,
        "Rules that pay or cost: found among every rule tried, confirmed on later days, followed from week to week.",
        ("pattern", "direction"),
        (
            KNOWN_ON,
            Column(
                "pattern",
                pl.String,
                "Signature, the same in every week: `squeeze=80-100 & action_tag=watchlist`; bands hold their lower end.",
            ),
            Column("direction", pl.String, "pays or costs: against the other candidates of the day."),
            Column("status", pl.String, "new, confirmed, fading, gone, or unconfirmed (no discovery)."),
            Column("reason", pl.String, "Why, in one sentence with its numbers."),
            HORIZON,
            Column("holding_sessions", pl.Int64, "Holding period the numbers are about, entry included.", "sessions"),
            day("first_found_on", "Week in which a search first found it.", is_nullable=False),
            day("discovered_on", "Week in which it was last new; null while unconfirmed."),
            day("searched_to", "Last entry session that the search of its discovery saw; null while unconfirmed."),
            day(
                "last_seen_on",
                "Last week in which days not searched told it from nothing; unconfirmed: last found.",
                is_nullable=False,
            ),
            Column("n_weeks_seen", pl.Int64, "Judged weeks in which they did; unconfirmed: was found.", "weeks"),
            Column("n_weeks_unseen", pl.Int64, "Judged weeks in a row, up to now, in which not.", "weeks"),
            Column("n_cases", pl.Int64, "Candidates of the window it holds for.", "candidates"),
            Column("n_days", pl.Int64, "Days with such candidates beside others.", "days"),
            number("support", "Share of the window's candidates it holds for.", "fraction"),
            *_interval(
                "effect",
                "Mean return of its candidates less that of the others of their day, returns within bounds, over the "
                "whole window.",
                "fraction",
            ),
            number("success_rate", "Share of its candidates that are winners.", "fraction"),
            number("success_rate_rest", "The same of all other candidates.", "fraction"),
            number("mean_return", "Mean forward return of its candidates, without bounds.", "fraction"),
            number("mean_return_rest", "The same of all other candidates.", "fraction"),
            number(
                "quality",
                "Support times the excess of its mean return, within bounds and less the mean of the day: weighted "
                "relative accuracy of a numeric target.",
                "fraction",
            ),
            Column("is_found", pl.Boolean, "True when this week's search, corrected for all it tried, found it."),
            number("search_effect", "effect on the earlier days that were searched.", "fraction"),
            number("statistic", "Of the searched days: sum over blocks of days, standardised; signed."),
            number(
                "adjusted_p_value",
                "Chance that any of the rules tried stands out as much, were none related to returns.",
                "probability",
            ),
            *_interval(
                "held_out_effect",
                "effect on days of the window that the search of its discovery had not seen: held out then, or since.",
                "fraction",
            ),
            Column("n_held_out_days", pl.Int64, "Those days with such candidates beside others.", "days"),
            number(
                "held_out_p_value",
                "One-sided, of no effect in its direction on those days; in the week of its test Holm-adjusted.",
                "probability",
            ),
            number("promised_effect", "effect over the whole window in the week of its discovery.", "fraction"),
            Column("n_days_since", pl.Int64, "Days of the pattern entered after its discovery.", "days"),
            *_interval(
                "effect_since",
                "effect on days entered after its discovery: out of sample.",
                "fraction",
                level="95 % interval, right on all weeks together,",
            ),
        ),
    )


def pattern_searches() -> Table:
    """Declaration of pattern_searches."""

    def count(name: str, description: str, unit: str) -> Column:
        return Column(name, pl.Int64, description, unit)

    def day(name: str, description: str) -> Column:
        return Column(name, pl.Date, description, "date", is_nullable=True)

    return Table(
        "pattern_searches",
        STAGE,
        "What the search of each week looked at, whether it found anything or not: the price of every rule tried.",
        ("horizon",),
        (
            KNOWN_ON,
            HORIZON,
            Column("window_days", pl.Int64, "Length of the window of knowledge.", "calendar days"),
            Column("n_cases", pl.Int64, "Candidates of the window with a known return.", "candidates"),
            day("searched_from", "First entry session searched."),
            day("searched_to", "Last entry session searched."),
            count("n_search_days", "Entry sessions searched.", "sessions"),
            day("held_out_from", "First entry session held out."),
            day("held_out_to", "Last entry session held out."),
            count("n_held_out_days", "Entry sessions held out.", "sessions"),
            count("n_purged_days", "Entry sessions in neither: their labels reach into the held-out days.", "sessions"),
            count("n_literals", "Values and bands that rules were made of.", "literals"),
            count("n_rules_formed", "Rules that hold for any candidate: values, and pairs of values.", "rules"),
            count("n_rules_tried", "Rules with enough days and candidates; all of them are paid for.", "rules"),
            count("n_draws", "Random signs of the blocks of days the correction rests on.", "draws"),
            Column("strongest_pattern", pl.String, "Rule with the largest statistic.", is_nullable=True),
            Column("strongest_statistic", pl.Float64, "Its statistic, signed.", is_nullable=True),
            Column("strongest_adjusted_p_value", pl.Float64, "Its adjusted p-value.", "probability", is_nullable=True),
            count("n_found", "Rules found at the level of the search.", "rules"),
            count("n_explained", "Of those: rules a stronger one, or a pattern known already, explains.", "rules"),
            count("n_tested", "Of those: rules tested on the held-out days.", "rules"),
            count("n_new", "Patterns with status new.", "patterns"),
            count("n_confirmed", "Patterns with status confirmed.", "patterns"),
            count("n_fading", "Patterns with status fading.", "patterns"),
            count("n_gone", "Patterns with status gone that had another status in the week before.", "patterns"),
            count("n_unconfirmed", "Rules with status unconfirmed.", "rules"),
            Column(
                "evidence", pl.String, "sufficient, insufficient_days, or nothing_to_try (no rule has enough support)."
            ),
        ),
    )
