from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from amc_learning.learning.theses.comparison import TABLE, source_comparisons
from amc_learning_tests.learning.theses.simulated_theses import outcome_rows, simulated_outcomes, weekdays

NIGHT = date(2024, 12, 31)


def compared(outcomes, *, as_of=(NIGHT,), window_days=400, sessions=5):
    return source_comparisons(outcomes, as_of=as_of, window_days=window_days, horizons={"7d": sessions})


def daily_differences(outcomes):
    """The daily means of both sources by other code: accuracy and Brier score, AI minus rules."""
    judged = outcomes.filter(pl.col("is_counted"), pl.col("is_right").is_not_null())
    error = (pl.col("confidence") - pl.col("is_right").cast(pl.Float64)).pow(2)
    daily = judged.group_by("known_on", "source").agg(accuracy=pl.col("is_right").mean(), brier=error.mean())
    wide = daily.pivot("source", index="known_on", values=["accuracy", "brier"]).sort("known_on")
    return [wide[f"{name}_ai"] - wide[f"{name}_rule_based"] for name in ("accuracy", "brier")]


def test_differences_are_the_means_of_the_daily_ones():
    outcomes = simulated_outcomes(60, 12, seed=1)
    found = compared(outcomes).row(0, named=True)
    accuracy, brier = daily_differences(outcomes)
    assert found["accuracy_difference"] == pytest.approx(accuracy.mean(), abs=1e-12)
    assert found["brier_difference"] == pytest.approx(brier.mean(), abs=1e-12)
    assert found["ai_accuracy"] - found["rule_based_accuracy"] == pytest.approx(accuracy.mean(), abs=1e-12)
    assert (found["n_days"], found["n_brier_days"], found["evidence"]) == (60, 60, "sufficient")


def test_without_overlap_the_interval_agrees_with_the_t_test():
    outcomes = simulated_outcomes(200, 6, seed=2)
    found = compared(outcomes, sessions=1).row(0, named=True)
    theirs = ttest_1samp(daily_differences(outcomes)[0].drop_nulls(), 0).confidence_interval()
    assert found["accuracy_ci_high"] - found["accuracy_ci_low"] == pytest.approx(theirs.high - theirs.low, rel=0.2)


def test_pairs_are_the_symbols_both_sources_judged_for_one_entry():
    def row(day, symbol, source, is_right, confidence):
        return {
            "known_on": day,
            "entry_date": day,
            "symbol": symbol,
            "source": source,
            "is_right": is_right,
            "confidence": confidence,
        }

    first, second = weekdays(2)
    rows = [
        row(first, "ABC", "ai", True, 0.9),
        row(first, "ABC", "rule_based", False, 0.5),
        row(first, "ONLY", "ai", False, 0.9),
        row(second, "ABC", "rule_based", True, 0.5),
        row(second, "XYZ", "ai", True, None),
        row(second, "XYZ", "rule_based", True, 0.5),
        row(second, "XYZ", "unknown", False, 0.5),
    ]
    found = compared(outcome_rows(rows)).row(0, named=True)
    assert (found["n_days"], found["n_ai"], found["n_rule_based"]) == (2, 3, 3)
    assert (found["n_pairs"], found["n_pair_days"], found["n_brier_days"]) == (2, 2, 1)
    # Day 1: 1/2 - 0; day 2: 1 - 1. Within pairs: ABC 1 - 0, XYZ 1 - 1. Brier of ABC: 0.1^2 - 0.5^2 = -0.24.
    assert found["accuracy_difference"] == pytest.approx(0.25)
    assert found["pair_accuracy_difference"] == pytest.approx(0.5)
    assert found["pair_brier_difference"] == pytest.approx(-0.24)
    # Two days carry a difference, but no interval.
    assert (found["accuracy_ci_low"], found["evidence"]) == (None, "insufficient_evidence")


def test_a_planted_difference_is_found_and_an_absent_one_is_not():
    def rows(ai_share, seed):
        generator = np.random.default_rng(seed)
        for day in weekdays(120):
            luck = generator.uniform(-0.3, 0.3)
            for place in range(10):
                source, share = ("ai", ai_share) if place % 2 else ("rule_based", 0.5)
                is_right = bool(generator.random() < share + luck)
                yield {
                    "known_on": day,
                    "entry_date": day,
                    "symbol": f"S{place}",
                    "source": source,
                    "is_right": is_right,
                }

    planted, absent = (compared(outcome_rows(list(rows(share, 4)))).row(0, named=True) for share in (0.7, 0.5))
    assert planted["accuracy_ci_low"] > 0 and planted["accuracy_p_value"] < 0.01
    assert absent["accuracy_ci_low"] < 0 < absent["accuracy_ci_high"]


def test_one_source_alone_cannot_be_compared():
    found = compared(outcome_rows([{"known_on": day} for day in weekdays(60)])).row(0, named=True)
    assert (found["n_days"], found["n_ai"], found["evidence"]) == (0, 0, "insufficient_evidence")
    assert found["accuracy_difference"] is None and found["ai_accuracy"] is None


def test_no_outcomes_give_a_row_that_says_so():
    found = compared(outcome_rows([]))
    assert found.schema == TABLE.schema and found["evidence"].to_list() == ["insufficient_evidence"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 59), st.integers(0, 99))
def test_a_night_equals_its_part_of_the_range_to_the_last_bit(place, seed):
    outcomes, days = simulated_outcomes(60, 8, seed=3), weekdays(60)
    whole = compared(outcomes, as_of=days, window_days=70)
    in_window = (pl.col("known_on") <= days[place]) & (pl.col("known_on") > days[place] - pl.duration(days=70))
    shuffled = outcomes.filter(in_window).sample(fraction=1, shuffle=True, seed=seed)
    assert compared(shuffled, as_of=[days[place]], window_days=70).equals(whole.filter(known_on=days[place]))
