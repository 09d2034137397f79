"""From which score does it pay? One threshold per feature, horizon and action tag, with the days it was judged on.

Belongs here: the table `threshold_table`, from daily statistics. Not here: the histograms (daily_statistics.py), the
search itself (threshold_search.py), what discovery does with a threshold (publication.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.tables import TOTAL_SCORE, catalogue
from amc_learning.learning.information_coefficient import MIN_PAIRS
from amc_learning.learning.threshold_search import (
    NO_THRESHOLD,
    ThresholdRules,
    ThresholdSearch,
    days_needed,
    search_thresholds,
)
from amc_learning.learning.windows import ALL, IntArray, Panel, panel

THRESHOLD_TABLE = catalogue(())["threshold_table"]

MICRO = 1_000_000

_COLUMNS = ("is_constant", "bin_n", "bin_n_winners", "bin_sum_excess_return_micro")


@dataclass(frozen=True)
class _ScoredDays:
    """One horizon: pairs, winners and summed excess at or above every score bin; shape (n days, n series, n bins).

    Days on which a series is constant, or has fewer than `MIN_PAIRS` pairs, hold zeros: they say nothing about where it
    should be cut.
    """

    days: Panel
    above_n: IntArray
    above_winners: IntArray
    above_micro: IntArray


def threshold_tables(
    statistics: pl.DataFrame,
    *,
    as_of: Sequence[date],
    window_days: int,
    horizons: Mapping[str, int],
    features: Sequence[str],
    rules: ThresholdRules | None = None,
) -> pl.DataFrame:
    """The score from which each feature pays, or that none does, per horizon; for the total score also per action tag.

    Excess return is against the mean of the day and scope: within a tag the question is where to cut that tag, and a
    tag that is better or worse as a whole must not pass for a threshold. The choice maximises a lower confidence bound
    of the lift of the names at or above a threshold over those *below* it. (A bound of the mean above alone cannot find
    a step, however strong: above a step every threshold has the same expectation, and the largest of many noisy ones
    wins.) The bound's standard error comes from sums over contiguous blocks of days, at least two label lengths each.
    Then each block is judged by the threshold chosen on the other blocks, less the days whose labels overlap the
    block's: so judged, the search over all thresholds is paid for. A threshold is found when the interval of that
    held-out lift, valid under overlapping labels, lies above zero. The threshold's own interval is from resampling the
    blocks. Measured on noise, 4 to 6 % are found against a nominal 2.5 %, for neighbouring folds err together.

    Args:
        statistics: table `daily_statistics` covering every window, in any order; only the selected are looked at.
        as_of: knowledge days to report on; day T looks at T - `window_days` < known_on <= T.
        window_days: calendar days.
        horizons: sessions that a label of each horizon spans, by name.
        features: components and total score, all searched over the whole cross-section (scope all).
        rules: bounds; the defaults when left out.

    Returns:
        Table `threshold_table`: per day all horizons and features, and an action tag wherever the window holds it.
        `decision` is found, none, or insufficient_evidence (fewer than `rules.min_days` days or 8 label lengths, or
        scores that cannot be cut). Days on which all scores are equal, or with fewer than 5 pairs, drop out. `lift`
        and its interval are those of the best threshold also when the decision is none; null without evidence.

    Raises:
        ValueError: two rows for one cross-section, feature and scope.

    Source: Thiele and Hirschfeld 2021, "cutpointr" (in-sample optimal cut-points overstate; judge out of bag);
    Lopez de Prado 2018, Advances in Financial Machine Learning, ch. 7 (purging).
    """
    rules = rules or ThresholdRules()
    is_tag = (pl.col("population") == "selected") & (pl.col("feature") == TOTAL_SCORE) & (pl.col("scope") != ALL)
    tags = statistics.filter(is_tag)["scope"].unique().sort().to_list()
    series = [(feature, ALL) for feature in features] + [(TOTAL_SCORE, tag) for tag in tags]
    rows: list[dict[str, object]] = []
    for horizon, sessions in horizons.items():
        scored = _scored_days(statistics, horizon=horizon, series=series)
        for night in as_of:
            window = scored.days.window(night, window_days)
            search = search_thresholds(
                scored.above_n[window], scored.above_micro[window], overlap_sessions=sessions, rules=rules
            )
            n_rows = (scored.days.rows[window] >= 0).sum(axis=0)
            for place, (feature, scope) in enumerate(series):
                if scope == ALL or n_rows[place]:
                    key = {"known_on": night, "horizon": horizon, "feature": feature, "scope": scope}
                    rows.append(
                        key
                        | {"window_days": window_days}
                        | _row(scored, window, search, place, sessions=sessions, rules=rules)
                    )
    return pl.DataFrame(rows, schema=THRESHOLD_TABLE.schema, orient="row").sort("known_on", *THRESHOLD_TABLE.key)


def _scored_days(statistics: pl.DataFrame, *, horizon: str, series: Sequence[tuple[str, str]]) -> _ScoredDays:
    days = panel(statistics, population="selected", horizon=horizon, series=series, columns=_COLUMNS)
    n_pairs = days.integers("bin_n").sum(axis=-1)
    is_informative = (days.integers("is_constant") == 0) & (n_pairs >= MIN_PAIRS)

    def above(column: str) -> IntArray:
        counts = days.integers(column) * is_informative[..., None]
        return np.ascontiguousarray(np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1])

    above_n, above_micro = above("bin_n"), above("bin_sum_excess_return_micro")
    # The statistics count a tag's returns in excess of all selected; over a whole cross-section this takes off nothing.
    scope_mean = above_micro[..., :1] / np.maximum(above_n[..., :1], 1)
    return _ScoredDays(
        days=days,
        above_n=above_n,
        above_winners=above("bin_n_winners"),
        above_micro=above_micro - np.rint(scope_mean * above_n).astype(np.int64),
    )


def _row(
    scored: _ScoredDays, window: slice, search: ThresholdSearch, place: int, *, sessions: int, rules: ThresholdRules
) -> dict[str, object]:
    """What the table says about one series, the key aside."""
    n_pairs = int(scored.above_n[window, place, 0].sum())
    threshold = int(search.threshold[place])
    row: dict[str, object] = {"n_days": int(search.n_days[place]), "n_pairs": n_pairs}
    if threshold == NO_THRESHOLD:
        row["decision"] = "insufficient_evidence"
        row["reason"] = _why_not_enough(search, window, place, sessions=sessions, rules=rules)
        return row
    lift, low, high = (
        float(side[place]) / MICRO for side in (search.lift.estimate, search.lift.ci_low, search.lift.ci_high)
    )
    row |= {"lift": lift, "lift_ci_low": low, "lift_ci_high": high}
    judged = f"{lift:+.2%} ({low:+.2%} to {high:+.2%}) against the day"
    n_above = int(scored.above_n[window, place, threshold].sum())
    seen = f"{n_above:,} of {n_pairs:,} pairs on {row['n_days']} days lie there"
    if not search.is_found[place]:
        row["decision"] = "none"
        row["reason"] = (
            f"No score pays reliably: the best, {threshold}, brings {judged} on days not used to choose it; {seen}."
        )
        return row
    return row | {
        "decision": "found",
        "threshold": float(threshold),
        "threshold_ci_low": float(search.ci_low[place]),
        "threshold_ci_high": float(search.ci_high[place]),
        "coverage": n_above / n_pairs,
        "n_above": n_above,
        "success_rate_above": int(scored.above_winners[window, place, threshold].sum()) / n_above,
        "reason": f"Scores of {threshold} or more bring {judged} on days not used to choose them; {seen}.",
    }


def _why_not_enough(search: ThresholdSearch, window: slice, place: int, *, sessions: int, rules: ThresholdRules) -> str:
    n_days = int(search.n_days[place])
    needed = days_needed(overlap_sessions=sessions, rules=rules)
    if n_days < needed:
        return (
            f"{n_days} of {window.stop - window.start} days have {MIN_PAIRS} names or more with scores that differ; "
            f"with labels of {sessions} sessions it takes {needed}."
        )
    return (
        f"The scores of {n_days} days cannot be cut so that {rules.min_coverage:.0%} of the pairs lie on either side, "
        "in all of the window and without any one block of days."
    )
