"""Tables of what went wrong: judged cases, and the patterns that failures share."""

import polars as pl

from amc_learning.contracts.declared.columns import KNOWN_ON, SYMBOL, Column, Table

ATTRIBUTES = {
    "exit_reason": "Why the position was closed (trades).",
    "action_tag": "Canonical tag of the decision.",
    "dominant_component": "Component that contributed most to the total score.",
    "market_regime": "Regime of the index known before the decision.",
    "discovery_regime": "Regime of discovery known before the decision.",
    "recommendation": "Recommendation of the thesis.",
    "source": "Who wrote the thesis: ai, rule_based or unknown.",
    "confidence_band": "Confidence of the thesis: low (under 0.5), medium (under 0.7), high (under 0.85), very_high.",
    "price_band": "Price at the decision: under_5_usd, 5_to_20_usd, 20_to_100_usd, over_100_usd.",
    "sector": "Sector as sent with the thesis.",
}
"""What a pattern may be made of."""

PATTERN_ORDER = (
    "exit_reason",
    "action_tag",
    "dominant_component",
    "market_regime",
    "discovery_regime",
    "source",
    "recommendation",
    "confidence_band",
    "price_band",
    "sector",
)
"""The order in which a pattern's text names attributes."""

KIND = Column("kind", pl.String, "What failed: trade, thesis or candidate.")


def failure_cases() -> Table:
    """Declaration of failure_cases."""
    return Table(
        "failure_cases",
        "analyse",
        "Everything that could have failed and whether it did, with what was known about it.",
        ("kind", "case_id"),
        (
            KNOWN_ON,
            KIND,
            Column(
                "case_id", pl.String, "Position, thesis or decision judged; a later row of the same id corrects it."
            ),
            SYMBOL,
            Column(
                "decided_on",
                pl.Date,
                "Day of the decision judged: US/Eastern day a trade was opened, knowledge day of a thesis or candidate.",
                "date",
                is_nullable=True,
            ),
            Column(
                "is_failure",
                pl.Boolean,
                "Trade or candidate: return at or below the loser bound. Thesis: confident and wrong.",
            ),
            Column(
                "is_withdrawn",
                pl.Boolean,
                "True when the case is none any more, a correction having undone the close of the trade; then nothing "
                "else is said of it. Null as false.",
                is_nullable=True,
            ),
            Column(
                "outcome_return",
                pl.Float64,
                "Realised return of a trade, else forward return at the judged horizon.",
                "fraction",
                is_nullable=True,
            ),
            Column("pnl_usd", pl.Float64, "Realised profit or loss (trades).", "USD", is_nullable=True),
            *(Column(name, pl.String, text, is_nullable=True) for name, text in ATTRIBUTES.items()),
        ),
    )


def failure_patterns() -> Table:
    """Declaration of failure_patterns."""
    return Table(
        "failure_patterns",
        "analyse",
        "Which values and pairs of values fail often: systematic beyond chance, or merely to be watched.",
        ("kind", "pattern"),
        (
            KNOWN_ON,
            KIND,
            Column("pattern", pl.String, "Canonical text, for example `source=ai & recommendation=BUY_MORE`."),
            Column("evidence_days", pl.Int64, "Span of the evidence window that speaks loudest.", "calendar days"),
            Column("n_cases", pl.Int64, "Cases of the pattern in the evidence window.", "cases"),
            Column("n_failures", pl.Int64, "Failures of the pattern in the evidence window.", "cases"),
            Column("failure_rate", pl.Float64, "n_failures over n_cases.", "fraction"),
            Column(
                "base_rate",
                pl.Float64,
                "Failure rate of all other cases of the evidence window, of theses those of the same recommendations; null "
                "when there are none.",
                "fraction",
                is_nullable=True,
            ),
            Column("n_window_cases", pl.Int64, "Cases of the pattern in the window of the count rule.", "cases"),
            Column("n_window_failures", pl.Int64, "Failures of the pattern in the window of the count rule.", "cases"),
            Column("mean_return", pl.Float64, "Mean return of the pattern's cases.", "fraction", is_nullable=True),
            Column("mean_return_rest", pl.Float64, "Mean return of all other cases.", "fraction", is_nullable=True),
            Column("pnl_usd", pl.Float64, "Profit or loss of the pattern's cases.", "USD", is_nullable=True),
            Column(
                "p_value",
                pl.Float64,
                "Chance of this many failures or more were labels exchangeable within their days: exact when systematic, "
                "else by three moments. Null where the pattern has no contrast within days or follows from the outcome.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "adjusted_p_value",
                pl.Float64,
                "Chance that any pattern of the kind stands out as much; null as p_value.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "status",
                pl.String,
                "systematic, or watch: 3 or more failures that chance, or a stronger pattern, explains.",
            ),
            Column(
                "explained_by",
                pl.String,
                "Systematic pattern of the day that leaves nothing of this one unexplained.",
                is_nullable=True,
            ),
            Column("severity", pl.String, "low, medium, high or critical; null for watch.", is_nullable=True),
            Column("first_failed_on", pl.Date, "Earliest failure in the evidence window.", "date"),
            Column("last_failed_on", pl.Date, "Latest failure.", "date"),
            Column("n_patterns_searched", pl.Int64, "Patterns that could have been called systematic.", "patterns"),
            Column("n_patterns_counted", pl.Int64, "Patterns that met the count rule, stored or not.", "patterns"),
            Column("n_draws", pl.Int64, "Permutations drawn before the answer was clear.", "draws"),
        ),
    )
