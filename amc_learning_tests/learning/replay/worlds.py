"""Tables of a seeded market for a replay: statistics, candidates and controls, with the day of every decision."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from amc_learning_tests.learning.weights.worlds import (
    evidence_of,
    joined_table,
    scores_and_returns,
    statistics_table,
    weekdays,
)

NAMES_A_DAY = 40


def market(seed, n_days, *, slopes=None, horizons=(("1d", 1),)):
    """Tables of a market: decided on a weekday's evening, entered the weekday after, known when the label has matured.

    Returns:
        `daily_statistics` and `feature_outcomes`, as far as a replay reads them, and the knowledge days.
    """
    longest = max(sessions for _, sessions in horizons)
    days = weekdays(n_days + longest + 1)
    statistics, joined = [], []
    for horizon, sessions in horizons:
        rng = np.random.default_rng(seed)
        scores, returns = scores_and_returns(rng, n_days, slopes=slopes, names=NAMES_A_DAY, sessions=sessions)
        known_on = days[sessions : sessions + n_days]
        dates = pl.DataFrame(
            {
                "known_on": known_on,
                "entry": days[1 : n_days + 1],
                "decided_at": [datetime(day.year, day.month, day.day, 21, 30, tzinfo=UTC) for day in days[:n_days]],
            }
        )
        statistics.append(dated(statistics_table(evidence_of(scores, returns, known_on), horizon=horizon), dates))
        selected = dated(joined_table(scores, returns, known_on, horizon=horizon), dates)
        controls = selected.with_columns(
            is_selected=pl.lit(value=False), decision_id="c" + pl.col("decision_id"), forward_return=pl.lit(0.001)
        ).filter(pl.col("decision_id").str.ends_with("0"))
        joined += [selected, controls]
    return pl.concat(statistics).drop("decided_at"), pl.concat(joined), days[:-1]


def dated(rows, dates):
    """Rows with the entry and decision of their knowledge day."""
    return rows.join(dates, on="known_on", maintain_order="left").with_columns(entry_date=pl.col("entry")).drop("entry")
