"""Tables of the decide stage."""

import polars as pl

from amc_learning.contracts.declared.columns import (
    KNOWN_ON,
    TIMESTAMP,
    Column,
    Table,
)


def weight_decisions() -> Table:
    """Declaration of weight_decisions."""
    return Table(
        "weight_decisions",
        "decide",
        "What the night decided about the weights, per component, and why. weight is in force from this knowledge day on.",
        ("component",),
        (
            KNOWN_ON,
            Column("component", pl.String, "Component of the feature set."),
            Column("previous_weight", pl.Float64, "Weight in force on the previous knowledge day.", "fraction 0-1"),
            Column(
                "suggested_weight",
                pl.Float64,
                "Weight the evidence suggests, before bounds.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column(
                "learned_weight_before",
                pl.Float64,
                "What the evidence had taught by the previous knowledge day: the weight without factors.",
                "fraction 0-1",
            ),
            Column("learned_weight", pl.Float64, "What the evidence has taught by this day.", "fraction 0-1"),
            Column(
                "is_learning", pl.Boolean, "Of the night: the evidence was good enough to move, or to go on moving."
            ),
            Column(
                "regime_multiplier",
                pl.Float64,
                "Factor of the market regime, laid over the learned weight before the bounds.",
                "ratio",
            ),
            Column(
                "correction_factor",
                pl.Float64,
                "Factor of the corrections in force, laid over the learned weight before the bounds.",
                "ratio",
            ),
            Column("weight", pl.Float64, "Weight in force from now on: what discovery was last told.", "fraction 0-1"),
            Column("change", pl.Float64, "weight minus previous_weight.", "fraction"),
            Column(
                "mode",
                pl.String,
                "Of the night: active, or shadow: decided in full, and discovery is told nothing of it.",
            ),
            Column(
                "shadow_weight",
                pl.Float64,
                "While in shadow, the weight that would be in force; null when active.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column(
                "told_on",
                pl.Date,
                "Of the night: knowledge day whose decision discovery was last told; null while it has only its defaults.",
                "date",
                is_nullable=True,
            ),
            Column(
                "is_at_daily_limit",
                pl.Boolean,
                "True when the daily limit cut the step; while in shadow, that of the shadow weight.",
            ),
            Column("status", pl.String, "Of the night: active, held, insufficient_evidence, or rolled_back."),
            Column("reason", pl.String, "Of the night: one sentence a person can read."),
            Column(
                "taken_back_change",
                pl.Date,
                "First night of the change of the learned weights that this night takes back because it harmed; its row in learning_effectiveness says how much.",
                "date",
                is_nullable=True,
            ),
            Column("evidence_horizon", pl.String, "Horizon whose returns the suggestion is judged on."),
            Column("evidence_population", pl.String, "Population the suggestion is judged on.", is_nullable=True),
            Column(
                "evidence_window_days",
                pl.Int64,
                "Length of the evidence window that decided.",
                "calendar days",
                is_nullable=True,
            ),
            Column("n_days", pl.Int64, "Cross-sections in that window.", "days"),
            Column(
                "confidence",
                pl.Float64,
                "One minus the one-sided p-value that the change under way improves nothing, on held-out days; null unless the weights change tonight.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "expected_improvement",
                pl.Float64,
                "Held-out mean daily difference in information coefficient of the total score: the change as far as it has come by tonight, minus the learned weights it began from; null unless the weights change tonight.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column(
                "expected_improvement_ci_low",
                pl.Float64,
                "Lower end of its 95 % interval; null as above.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column(
                "expected_improvement_ci_high",
                pl.Float64,
                "Upper end of its 95 % interval; null as above.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column(
                "expected_success_rate_change",
                pl.Float64,
                "Held-out change in the share of winners of the top k for the same change, last 365 days; null unless the weights change, or with fewer than 20 winners.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "expected_top_return_change",
                pl.Float64,
                "Held-out change in mean return of the top k for the same change, last 365 days; null unless the weights change.",
                "fraction",
                is_nullable=True,
            ),
        ),
    )


def learning_effectiveness() -> Table:
    """Declaration of learning_effectiveness."""
    return Table(
        "learning_effectiveness",
        "decide",
        "Changes of the learned weights begun within a year before the day: what each promised, and what came of it on days decided under it. What the decision of the day knew.",
        ("began_on",),
        (
            KNOWN_ON,
            Column("began_on", pl.Date, "Knowledge day of the first decision of the change.", "date"),
            Column("last_step_on", pl.Date, "Knowledge day of its last step so far.", "date"),
            Column(
                "state",
                pl.String,
                "in_force; next_change (another one began); taken_back (it harmed); or ordered (a person's order moved the weights).",
            ),
            Column("ended_on", pl.Date, "Day of the decision that ended it.", "date", is_nullable=True),
            Column(
                "number_in_year",
                pl.Int64,
                "Place among the changes begun within a year up to it, from 1: the more, the more evidence a verdict needs.",
                "changes",
            ),
            Column("most_changed_component", pl.String, "Component whose learned weight it changed most."),
            Column("most_changed_by", pl.Float64, "By how much, from before the change to its last step.", "fraction"),
            Column("evidence_horizon", pl.String, "Horizon whose returns it is judged on."),
            Column("evidence_population", pl.String, "Population it is judged on."),
            Column(
                "promised",
                pl.Float64,
                "expected_improvement of its last step: mean daily difference in information coefficient, change minus weights before it, on held-out days.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column("promised_ci_low", pl.Float64, "Lower end of its 95 % interval.", "-1 to 1", is_nullable=True),
            Column("promised_ci_high", pl.Float64, "Upper end.", "-1 to 1", is_nullable=True),
            Column("n_days", pl.Int64, "Cross-sections decided while it was in force, as far as known.", "days"),
            Column("judged_until", pl.Date, "Knowledge day of the last of them.", "date", is_nullable=True),
            Column(
                "realised",
                pl.Float64,
                "Mean daily difference in information coefficient on these days, same candidates ranked by the weights in force and by those before the change.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column(
                "realised_ci_low",
                pl.Float64,
                "Lower end of its 95 % interval, which holds on all nights together; null under 20 days, times the sessions a label spans.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column("realised_ci_high", pl.Float64, "Upper end.", "-1 to 1", is_nullable=True),
            Column(
                "evidence_of_harm",
                pl.Float64,
                "e-value against 'on no day was it expected to harm': 1 says nothing, and it reaches x with a chance of 1/x at most when that is true.",
                "e-value",
            ),
            Column(
                "evidence_of_benefit", pl.Float64, "The same against 'on no day was it expected to help'.", "e-value"
            ),
            Column("evidence_needed", pl.Float64, "From which of them on there is a verdict.", "e-value"),
            Column(
                "verdict",
                pl.String,
                "harmed, helped, no_difference, or too_early (under 20 days, times the sessions a label spans).",
            ),
        ),
    )


def operator_actions() -> Table:
    """Declaration of operator_actions."""
    return Table(
        "operator_actions",
        "decide",
        "What a person ordered: rollback (hold the weights of an earlier day) and release (learn again).",
        ("requested_at",),
        (
            KNOWN_ON,
            Column("requested_at", TIMESTAMP, "When it was ordered.", "UTC"),
            Column("action", pl.String, "rollback or release."),
            Column(
                "target_known_on", pl.Date, "The knowledge day whose weights are to hold.", "date", is_nullable=True
            ),
            Column("reason", pl.String, "Why, in the person's words."),
        ),
    )


def publication_orders() -> Table:
    """Declaration of publication_orders.

    A table of its own beside operator_actions: what a person ordered cannot be made again, so that table can never get
    a column more.
    """
    return Table(
        "publication_orders",
        "decide",
        "What a person ordered about documents: active (promoted: it acts) or shadow (demoted: it is only looked at).",
        ("document", "requested_at"),
        (
            KNOWN_ON,
            Column("requested_at", TIMESTAMP, "When it was ordered.", "UTC"),
            Column("document", pl.String, "weights, confidence or corrections."),
            Column("mode", pl.String, "active or shadow, from this knowledge day on."),
            Column("ordered_by", pl.String, "Who ordered it."),
            Column("reason", pl.String, "Why, in the person's words."),
        ),
    )
