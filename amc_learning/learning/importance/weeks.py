"""Table feature_importance: importance of each week, and what changed since the week before.

Belongs here: weeks, tests over all rows of a week, the table. Not here: what importance is (estimates.py).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.importance.change import change_since
from amc_learning.learning.importance.estimates import importance_of
from amc_learning.learning.importance.panel import candidate_panel
from amc_learning.learning.importance.rows import estimated_rows, unestimated_rows
from amc_learning.learning.importance.rules import ImportanceRules
from amc_learning.learning.inference import false_discovery_adjusted

INPUTS = ("is_selected", "is_in_cross_section", "decision_id", "symbol", "entry_date", "forward_return")
"""Columns of feature_outcomes that are read, besides `known_on`, `horizon` and the components."""


def feature_importance(
    joined: pl.DataFrame, previous: pl.DataFrame | None, *, weeks: Sequence[date], rules: ImportanceRules
) -> pl.DataFrame:
    """Importance of every component at every horizon as of each week.

    Args:
        joined: table feature_outcomes, at least the windows of these weeks; any order.
        previous: rows of the latest week of this table before the first; None when there is none.
        weeks: last knowledge days of weeks, in order.
        rules: what is measured, and how.

    Returns:
        Table feature_importance, sorted by week and its key. A week's rows depend on its window and on the rows of the
        week before alone.
    """
    table = catalogue(rules.components)["feature_importance"]
    found = []
    for week in weeks:
        window = joined.filter(pl.col("known_on").is_between(week - timedelta(days=rules.window_days - 1), week))
        previous = (
            _week(window, previous, rules)
            .with_columns(known_on=pl.lit(week), window_days=pl.lit(rules.window_days, pl.Int64))
            .select(table.column_names)
            .cast(dict(table.schema))  # type: ignore[arg-type]
            .sort(table.key)
        )
        found.append(previous)
    return pl.concat(found) if found else table.empty()


def _week(window: pl.DataFrame, previous: pl.DataFrame | None, rules: ImportanceRules) -> pl.DataFrame:
    """Rows of one week, tests over all of them included."""
    horizons = []
    for horizon, overlap_sessions in rules.horizons.items():
        panel = candidate_panel(window.filter(pl.col("horizon") == horizon), components=rules.components)
        if len(panel.n_pairs) < rules.min_days:
            horizons.append(unestimated_rows(horizon, panel, rules.components))
            continue
        importance = importance_of(panel, overlap_sessions=overlap_sessions, rules=rules)
        change = change_since(
            previous, horizon, importance.falls, panel, overlap_sessions=overlap_sessions, rules=rules
        )
        horizons.append(estimated_rows(horizon, panel, importance, change, rules.components))
    rows = pl.concat(horizons)
    q_values = false_discovery_adjusted(rows["p_value"].cast(pl.Float64).fill_null(float("nan")).to_numpy())
    n_changes = rows["change_p_value"].count()
    return rows.with_columns(q_value=pl.Series(q_values).fill_nan(None)).with_columns(
        is_beyond_noise=pl.col("q_value") < rules.level,
        is_change_beyond_noise=pl.col("change_p_value") * n_changes < rules.level,
    )
