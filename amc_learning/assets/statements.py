"""What holds for every row of a table beyond its declared schema; each statement is asserted by a blocking check.

Belongs here: expressions that are true for every good row, their names and words. Not here: reading tables and telling
people (checks).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from amc_learning.contracts.tables import TOTAL_SCORE

ROUNDING = 1e-9
"""How far sums of weights may be from what they should be: a few last bits."""


@dataclass(frozen=True)
class Statement:
    """Something that holds for every row of a table; `remedy` where writing the day again is not what helps."""

    table: str
    name: str
    description: str
    holds: pl.Expr
    remedy: str = ""


def statements(components: Iterable[str], *, daily_limit: float) -> tuple[Statement, ...]:
    """What must hold in each table of a feature set of these components, with this limit on a move of a weight."""
    return (*_of_outcomes(tuple(components)), *_of_evidence(), *_of_loops(), *_of_weights(daily_limit))


def _of_outcomes(components: tuple[str, ...]) -> tuple[Statement, ...]:
    scores = [pl.col(name).is_between(0, 100) | pl.col(name).is_null() for name in (TOTAL_SCORE, *components)]
    decided_on = pl.col("decided_at").dt.convert_time_zone("America/New_York").dt.date()
    corrected_input = "Send or ingest the corrected input, then materialize the table again for that day."
    return (
        Statement(
            "price_bars",
            "prices_lie_between_low_and_high",
            "Every price is positive, and open and close lie between low and high.",
            (pl.col("low_usd") > 0)
            & pl.col("open_usd").is_between("low_usd", "high_usd")
            & pl.col("close_usd").is_between("low_usd", "high_usd"),
            "Ingest a file with the right bars of these symbols and days: amc-learning ingest bars FILE.",
        ),
        Statement(
            "discovery_candidates",
            "scores_lie_in_0_to_100",
            "Every score is null or 0 to 100.",
            pl.all_horizontal(scores),
            corrected_input,
        ),
        Statement(
            "thesis_decisions",
            "confidence_lies_in_0_to_1",
            "Every confidence is null or 0 to 1.",
            pl.col("confidence").is_between(0, 1) | pl.col("confidence").is_null(),
            corrected_input,
        ),
        Statement(
            "candidate_outcomes",
            "outcomes_follow_their_decision",
            "No outcome entered before its decision was known or matured before its entry.",
            (pl.col("entry_date") >= decided_on) & (pl.col("known_on") >= pl.col("entry_date")),
        ),
        Statement(
            "feature_outcomes",
            "scores_were_known_at_the_decision",
            "Every score was given before the entry it is judged on.",
            decided_on <= pl.col("entry_date"),
            "Materialize candidate_outcomes, then feature_outcomes, again for that day.",
        ),
    )


def _of_evidence() -> tuple[Statement, ...]:
    coefficient = pl.col("information_coefficient")
    return (
        Statement(
            "daily_statistics",
            "bins_sum_to_their_pairs",
            "The bins of a histogram hold exactly its pairs, and no more pairs than decisions.",
            (pl.col("bin_n").arr.sum() == pl.col("n_pairs")) & (pl.col("n_pairs") <= pl.col("n_decisions")),
        ),
        Statement(
            "daily_statistics",
            "coefficients_lie_in_minus_1_to_1",
            "Every rank correlation is null or -1 to 1.",
            coefficient.is_between(-1, 1) | coefficient.is_null(),
        ),
        Statement(
            "correlation_table",
            "intervals_hold_their_estimate",
            "Every interval holds its estimate, or there is no interval.",
            pl.col("mean_information_coefficient").is_between("ci_low", "ci_high") | pl.col("ci_low").is_null(),
        ),
        Statement(
            "threshold_table",
            "thresholds_are_given_only_when_found",
            "A threshold is given exactly when one was found.",
            (pl.col("decision") == "found") == pl.col("threshold").is_not_null(),
        ),
    )


def _of_loops() -> tuple[Statement, ...]:
    is_of_total = pl.col("dimension") == "total"
    micro_usd = pl.col("realised_pnl_micro_usd")
    total = micro_usd.filter(is_of_total).sum().over("known_on")
    return (
        Statement(
            "closed_trades",
            "exits_follow_their_entries",
            "No trade was closed before it was opened.",
            (pl.col("closed_at") >= pl.col("opened_at")) | pl.col("opened_at").is_null(),
            "Send the corrected message of the trade; it becomes the next revision on the day it arrives.",
        ),
        Statement(
            "thesis_accuracy",
            "shares_lie_in_0_to_1",
            "No group has more right theses than theses, and every accuracy is null or 0 to 1.",
            (pl.col("n_right") <= pl.col("n_theses"))
            & (pl.col("accuracy").is_between(0, 1) | pl.col("accuracy").is_null()),
        ),
        Statement(
            "performance_attribution",
            "parts_sum_to_the_total",
            "The parts of every dimension sum to the profit and loss of all trades.",
            micro_usd.sum().over("known_on", "dimension") == total,
        ),
        Statement(
            "corrections",
            "corrections_end_after_they_begin",
            "Every correction expires after the day it was created.",
            pl.col("expires_on") > pl.col("created_on"),
        ),
    )


def _of_weights(daily_limit: float) -> tuple[Statement, ...]:
    in_shadow, shadow = pl.col("mode") == "shadow", pl.col("shadow_weight")
    decide_again = (
        "Nothing was published; the last good document stays in force. Materialize weight_decisions for that day again."
    )
    return (
        Statement(
            "weight_decisions",
            "weights_sum_to_one",
            "The weights in force on a day sum to 1.",
            (pl.col("weight").sum().over("known_on") - 1).abs() < ROUNDING,
            decide_again,
        ),
        Statement(
            "weight_decisions",
            "no_weight_is_negative",
            "No weight in force is negative.",
            pl.col("weight") >= 0,
            decide_again,
        ),
        Statement(
            "weight_decisions",
            "no_weight_moves_beyond_the_daily_limit",
            "No weight moved further than the daily limit from where the previous knowledge day left it.",
            pl.col("change").abs() <= daily_limit + ROUNDING,
            decide_again,
        ),
        Statement(
            "weight_decisions",
            "no_weight_in_force_moves_in_shadow",
            "While the weights are in shadow nothing in force moves.",
            ~in_shadow | (pl.col("change") == 0),
            decide_again,
        ),
        Statement(
            "weight_decisions",
            "shadow_weights_sum_to_one",
            "In shadow the weights that would be in force sum to 1 and none is negative; otherwise there are none.",
            pl.when(in_shadow)
            .then((shadow >= 0) & ((shadow.sum().over("known_on") - 1).abs() < ROUNDING))
            .otherwise(shadow.is_null() & (pl.col("mode") == "active")),
            decide_again,
        ),
        Statement(
            "learning_effectiveness",
            "verdicts_rest_on_days_after_the_change",
            "A change is judged on days known after it began only, and called harmful or helpful only with days.",
            (pl.col("judged_until") > pl.col("began_on")).fill_null(pl.col("n_days") == 0)
            & ((pl.col("n_days") > 0) | (pl.col("verdict") == "too_early"))
            & (pl.col("began_on") < pl.col("known_on")),
        ),
    )
