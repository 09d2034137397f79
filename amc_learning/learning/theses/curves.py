"""Reliability diagrams: what confidences of each height came to.

Belongs here: the table `reliability_curves`. Not here: pooling itself (reliability.py), the picture of it, correcting a
confidence (calibration).
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.declared.theses import reliability_curves as declaration
from amc_learning.learning.theses.judged import MIN_THESES, JudgedTheses, judged_theses
from amc_learning.learning.theses.reliability import grouped_blocks
from amc_learning.learning.theses.wilson import wilson_interval

TABLE = declaration()

KINDS = ("overall", "source", "recommendation")
"""Groups large enough to draw."""


def reliability_curves(
    outcomes: pl.DataFrame, *, as_of: Sequence[date], window_days: int, horizon: str
) -> pl.DataFrame:
    """The blocks of isotonic recalibration of each group in each window.

    The blocks are chosen by the data, towards differences: an interval of a block is conditional on the blocks as they
    are, and takes its theses as independent. It shows how little a short block says, and tests nothing.

    Args:
        outcomes: table thesis_outcomes covering every window, in any order.
        as_of: knowledge days to report on; day T looks at T - `window_days` < known_on <= T.
        window_days: calendar days.
        horizon: the horizon confidence speaks of.

    Returns:
        Table reliability_curves, over judged theses with a confidence; nothing for a group with fewer than
        `MIN_THESES` of them (thesis_accuracy says so). A day's rows do not depend on the range nor on the order.

    Source: Dimitriadis, Gneiting and Jordan 2021, PNAS 118(8) (CORP); Wilson 1927.
    """
    theses = judged_theses(outcomes, horizon=horizon, kinds=KINDS)
    parts = [_one_night(theses, night, window_days) for night in as_of]
    if not parts:
        return TABLE.empty()
    return (
        pl.concat(parts)
        .with_columns(pl.lit(horizon).alias("horizon"), pl.lit(window_days, pl.Int64).alias("window_days"))
        .select(TABLE.column_names)
        .cast(dict(TABLE.schema))  # type: ignore[arg-type]
        .sort("known_on", *TABLE.key)
    )


def _one_night(theses: JudgedTheses, night: date, window_days: int) -> pl.DataFrame:
    window = theses.window(night, window_days)
    member_of = theses.member_of[window].ravel()
    confidence = np.repeat(theses.confidence[window], len(KINDS))
    is_right = np.repeat(theses.is_right[window], len(KINDS))
    is_stated = np.isfinite(confidence)
    is_enough = np.bincount(member_of[is_stated], minlength=len(theses.groups)) >= MIN_THESES
    is_drawn = is_stated & is_enough[member_of]
    blocks, block_of = grouped_blocks(confidence[is_drawn], is_right[is_drawn], member_of[is_drawn])
    ci_low, ci_high = wilson_interval(blocks.calibrated_confidence, blocks.n)
    first_of_group = np.searchsorted(block_of, block_of, side="left")
    return pl.DataFrame(
        {
            "known_on": pl.Series([night] * len(block_of), dtype=pl.Date),
            "group_kind": pl.Series([theses.groups[group][0] for group in block_of], dtype=pl.String),
            "group": pl.Series([theses.groups[group][1] for group in block_of], dtype=pl.String),
            "block": np.arange(len(block_of)) - first_of_group,
            "confidence_low": blocks.confidence_low,
            "confidence_high": blocks.confidence_high,
            "mean_confidence": blocks.mean_confidence,
            "calibrated_confidence": blocks.calibrated_confidence,
            "n_theses": blocks.n,
            "n_right": blocks.n_right,
            "ci_low": ci_low,
            "ci_high": ci_high,
        }
    )
