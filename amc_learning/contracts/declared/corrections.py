"""Tables of corrections, of what a person orders about them, and of performance attribution."""

import polars as pl

from amc_learning.contracts.declared.columns import (
    KNOWN_ON,
    TIMESTAMP,
    Column,
    Table,
)


def corrections() -> Table:
    """Declaration of corrections."""
    return Table(
        "corrections",
        "correct",
        "Every correction that is proposed, in force, vetoed or ended within the last 90 days: what it does, why, until when, and what came of it.",
        ("name",),
        (
            KNOWN_ON,
            Column("name", pl.String, "Stable name, made of the kind of case and the pattern; orders refer to it."),
            Column("kind", pl.String, "component_weight, tag_threshold, confidence, or position_size."),
            Column(
                "target",
                pl.String,
                "What is corrected: a component, an action tag, source and recommendation, or all decisions of the pattern.",
            ),
            Column(
                "factor",
                pl.Float64,
                "Multiplies the weight, confidence or size of the target; null for a threshold.",
                "ratio",
                is_nullable=True,
            ),
            Column(
                "raise_points",
                pl.Float64,
                "Added to the score threshold of the tag; null for factors.",
                "points 0-100",
                is_nullable=True,
            ),
            Column(
                "lower_bound", pl.Float64, "Smallest factor or raise ever allowed for this kind.", "ratio or points"
            ),
            Column("upper_bound", pl.Float64, "Largest factor or raise ever allowed for this kind.", "ratio or points"),
            Column("severity", pl.String, "low, medium, high or critical: the worst since it was created."),
            Column(
                "status",
                pl.String,
                "proposed (not in force), active (in force), vetoed, expired, or withdrawn (did harm, or covered by another).",
            ),
            Column("status_since", pl.Date, "Knowledge day from which it has had this status.", "date"),
            Column("created_on", pl.Date, "Knowledge day on which it was created.", "date"),
            Column("renewed_on", pl.Date, "Knowledge day of the newest evidence it rests on.", "date"),
            Column("expires_on", pl.Date, "First day it no longer holds unless new failures renew it.", "date"),
            Column("in_force_from", pl.Date, "First day in force; null when it never was.", "date", is_nullable=True),
            Column("ended_on", pl.Date, "Day it was vetoed, expired or withdrawn.", "date", is_nullable=True),
            Column(
                "ended_by",
                pl.String,
                "person (veto, expire), release (of a veto), no_new_failures, measured_harm, or covered (by another).",
                is_nullable=True,
            ),
            Column("times_created", pl.Int64, "1, and one more each time it came back after it had ended.", "times"),
            Column("pattern_kind", pl.String, "Kind of the failing cases: trade, thesis, or candidate."),
            Column("pattern", pl.String, "Canonical text of the pattern, for example source=ai & recommendation=HOLD."),
            Column("reason", pl.String, "One sentence a person can read, with the numbers it was decided on."),
            Column(
                "evidence_days",
                pl.Int64,
                "Span of the evidence window of its pattern, at creation or last renewal.",
                "calendar days",
            ),
            Column("n_cases", pl.Int64, "Cases of the pattern in that window.", "cases"),
            Column("n_failures", pl.Int64, "Failures among them.", "cases"),
            Column("failure_rate", pl.Float64, "n_failures over n_cases.", "fraction 0-1"),
            Column(
                "base_rate", pl.Float64, "Failure rate it was compared with, then.", "fraction 0-1", is_nullable=True
            ),
            Column(
                "adjusted_p_value",
                pl.Float64,
                "p-value over all patterns searched, at creation or last renewal.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "target_share",
                pl.Float64,
                "Share of the target's cases that belong to the pattern: a size is diluted by it.",
                "fraction 0-1",
            ),
            Column("last_failed_on", pl.Date, "Newest failure it rests on.", "date"),
            Column("last_found_on", pl.Date, "Last knowledge day its pattern was systematic.", "date"),
            Column("is_at_once", pl.Boolean, "True when critical: applied at once, not with the next night."),
            Column(
                "n_cases_before", pl.Int64, "Cases of the pattern in the window before it came into force.", "cases"
            ),
            Column("n_effective_before", pl.Float64, "Independent cases these are worth; days cluster.", "cases"),
            Column(
                "failure_rate_before", pl.Float64, "Failure rate of the pattern then.", "fraction 0-1", is_nullable=True
            ),
            Column("n_rest_before", pl.Int64, "Other cases of the same kind in that window.", "cases"),
            Column("n_effective_rest_before", pl.Float64, "Independent cases these are worth.", "cases"),
            Column("rest_rate_before", pl.Float64, "Failure rate of the rest then.", "fraction 0-1", is_nullable=True),
            Column(
                "measured_until",
                pl.Date,
                "Cases known up to this day are measured.",
                "date",
            ),
            Column(
                "n_cases_after",
                pl.Int64,
                "Cases of the pattern decided after the day it came into force and up to its end, as far as known.",
                "cases",
            ),
            Column("n_failures_after", pl.Int64, "Failures among them.", "cases"),
            Column(
                "failure_rate_after", pl.Float64, "Failure rate of the pattern since.", "fraction 0-1", is_nullable=True
            ),
            Column("n_rest_after", pl.Int64, "Other cases of the same kind since.", "cases"),
            Column("rest_rate_after", pl.Float64, "Failure rate of the rest since.", "fraction 0-1", is_nullable=True),
            Column(
                "effect",
                pl.Float64,
                "Change of the pattern's failure rate minus the change of the rest's: below 0 is good; null when too early.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "effect_ci_low",
                pl.Float64,
                "Lower end of its interval, wide enough for a look every night (99.5 % for one look).",
                "fraction",
                is_nullable=True,
            ),
            Column("effect_ci_high", pl.Float64, "Upper end of that interval.", "fraction", is_nullable=True),
            Column(
                "verdict",
                pl.String,
                "helped, no_difference, harmed, or too_early; null when it was never in force.",
                is_nullable=True,
            ),
        ),
    )


def correction_orders() -> Table:
    """Declaration of correction_orders."""
    return Table(
        "correction_orders",
        "correct",
        "What a person ordered about corrections: veto (keep away), expire (end now) and release (take a veto back).",
        ("requested_at",),
        (
            KNOWN_ON,
            Column("requested_at", TIMESTAMP, "When it was ordered.", "UTC"),
            Column("action", pl.String, "veto, expire, or release."),
            Column("name", pl.String, "The correction it is about."),
            Column("reason", pl.String, "Why, in the person's words."),
        ),
    )


def performance_attribution() -> Table:
    """Declaration of performance_attribution."""
    return Table(
        "performance_attribution",
        "analyse",
        "Realised profit and loss of the closed trades of the window, split by what led to them; the parts of every dimension sum to the total exactly.",
        ("dimension", "value"),
        (
            KNOWN_ON,
            Column(
                "dimension",
                pl.String,
                "total, component, market_regime, discovery_regime, action_tag, source, recommendation, or exit_reason.",
            ),
            Column(
                "value",
                pl.String,
                "all for the total; unlinked without the decision or thesis it would come from; unknown where that says nothing.",
            ),
            Column("window_days", pl.Int64, "Length of the window.", "calendar days"),
            Column(
                "n_trades",
                pl.Int64,
                "Closed trades with a known result; for a component those it added to, so these overlap.",
                "trades",
            ),
            Column(
                "n_unpriced", pl.Int64, "Closed trades whose result is not known; no part of anything else.", "trades"
            ),
            Column("n_winners", pl.Int64, "Trades with a profit.", "trades"),
            Column("win_rate", pl.Float64, "n_winners over n_trades.", "fraction 0-1", is_nullable=True),
            Column(
                "win_rate_ci_low",
                pl.Float64,
                "Lower end of its 95 % Wilson interval.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column("win_rate_ci_high", pl.Float64, "Upper end.", "fraction 0-1", is_nullable=True),
            Column(
                "realised_pnl_usd", pl.Float64, "Realised profit and loss, summed in millionths of a dollar.", "USD"
            ),
            Column("realised_pnl_micro_usd", pl.Int64, "The same as a whole number: these add up exactly.", "1e-6 USD"),
            Column(
                "share_of_gross",
                pl.Float64,
                "realised_pnl_usd over the sum of all trades' absolute results: well defined when profits and losses cancel.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column(
                "mean_return",
                pl.Float64,
                "Mean realised return per trade; for a component weighted by its share in each trade's score.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "ci_low",
                pl.Float64,
                "Lower end of its 95 % interval; trades that became known in one week count as one observation.",
                "fraction",
                is_nullable=True,
            ),
            Column("ci_high", pl.Float64, "Upper end.", "fraction", is_nullable=True),
            Column(
                "evidence", pl.String, "sufficient, or insufficient_evidence (fewer than 8 weeks with such trades)."
            ),
        ),
    )
