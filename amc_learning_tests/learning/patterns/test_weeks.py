"""Weeks of patterns: one planted, followed; and what a week may not depend on."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.patterns import discover_patterns, needed_from
from amc_learning_tests.learning.patterns.worlds import COMPONENTS, PLANTED, RULES, Planted, sessions, simulated

FIRST_WEEK = next(day for day in sessions(780)[755:] if day.weekday() == 4)
WEEKS = [FIRST_WEEK + timedelta(weeks=step) for step in range(4)]


@pytest.fixture(scope="module")
def frame():
    return simulated(np.random.default_rng(31), n_sessions=775, planted=Planted(0.02)).frame()


@pytest.fixture(scope="module")
def found(frame):
    return discover_patterns(frame, None, weeks=WEEKS, rules=RULES)


def test_the_planted_pattern_is_new_once_and_then_confirmed(found):
    planted = found.patterns.filter(pattern=PLANTED)
    assert planted["status"].to_list() == ["new", "confirmed", "confirmed", "confirmed"]
    assert planted["direction"].unique().to_list() == ["pays"]
    assert planted["first_found_on"].unique().to_list() == WEEKS[:1]
    assert planted["n_weeks_seen"].to_list() == [1, 2, 3, 4]
    assert planted["is_found"].all()


def test_its_numbers_hold_what_was_planted(found):
    row = found.patterns.filter(pattern=PLANTED, known_on=WEEKS[0]).row(0, named=True)
    assert row["effect_ci_low"] < 0.02 < row["effect_ci_high"]
    assert row["held_out_effect_ci_low"] < 0.02 < row["held_out_effect_ci_high"]
    assert row["promised_effect"] == row["effect"]
    assert row["mean_return"] > row["mean_return_rest"]
    assert (row["horizon"], row["holding_sessions"]) == ("7d", 5)


def test_each_search_says_what_it_looked_at_and_counts_agree_with_the_patterns(found):
    for week in WEEKS:
        searched = found.searches.filter(known_on=week).row(0, named=True)
        assert searched["n_rules_tried"] <= searched["n_rules_formed"]
        assert searched["held_out_from"] > searched["searched_to"]
        assert searched["n_purged_days"] == 4
        statuses = found.patterns.filter(known_on=week)["status"].to_list()
        for status in ("new", "confirmed", "fading", "unconfirmed"):
            assert searched[f"n_{status}"] == statuses.count(status)


def test_rows_fit_their_tables(found):
    tables = catalogue(COMPONENTS)
    assert found.patterns.schema == tables["discovered_patterns"].schema
    assert found.searches.schema == tables["pattern_searches"].schema
    assert found.patterns.select("known_on", "pattern", "direction").is_unique().all()


def test_week_by_week_and_a_range_give_the_same_rows(frame, found):
    previous = None
    for week in WEEKS:
        alone = discover_patterns(frame.filter(pl.col("known_on") <= week), previous, weeks=[week], rules=RULES)
        assert alone.patterns.equals(found.patterns.filter(known_on=week))
        assert alone.searches.equals(found.searches.filter(known_on=week))
        previous = alone.patterns


def test_a_missed_week_keeps_the_history(frame, found):
    first = found.patterns.filter(known_on=WEEKS[0])
    third = discover_patterns(frame, first, weeks=[WEEKS[2]], rules=RULES).patterns.filter(pattern=PLANTED)
    assert third.select("status", "first_found_on", "n_weeks_seen").row(0) == ("confirmed", WEEKS[0], 2)


def test_the_order_of_rows_changes_nothing(frame, found):
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    ordered = shuffled.sort("entry_date", "known_on", "decision_id")
    assert discover_patterns(ordered, None, weeks=WEEKS[:1], rules=RULES).patterns.equals(
        found.patterns.filter(known_on=WEEKS[0])
    )


def test_what_becomes_known_later_changes_no_week(frame, found):
    returns = pl.when(pl.col("known_on") > WEEKS[0]).then(-pl.col("forward_return")).otherwise("forward_return")
    changed = frame.with_columns(forward_return=returns)
    again = discover_patterns(changed, None, weeks=WEEKS[:1], rules=RULES)
    assert again.patterns.equals(found.patterns.filter(known_on=WEEKS[0]))


def test_too_few_days_are_an_answer(frame):
    week = WEEKS[0]
    few = frame.filter(pl.col("known_on") > week - timedelta(days=60))
    judged = discover_patterns(few, None, weeks=[week], rules=RULES)
    assert judged.patterns.is_empty()
    assert judged.searches.row(0, named=True)["evidence"] == "insufficient_days"
    nothing = discover_patterns(frame.clear(), None, weeks=[week], rules=RULES)
    assert nothing.searches.row(0, named=True)["n_cases"] == 0


def test_a_known_pattern_whose_candidates_stay_away_is_kept_and_fades(frame, found):
    first = found.patterns.filter(known_on=WEEKS[0], pattern=PLANTED)
    later = frame.filter(pl.col("known_on") > WEEKS[1])
    row = discover_patterns(later, first, weeks=[WEEKS[2]], rules=RULES).patterns.filter(pattern=PLANTED)
    assert row["status"].to_list() == ["fading"]


def test_a_pattern_that_was_gone_and_is_found_and_confirmed_again_counts_as_new(frame, found):
    gone = found.patterns.filter(known_on=WEEKS[0], pattern=PLANTED).with_columns(status=pl.lit("gone"))
    again = discover_patterns(frame, gone, weeks=[WEEKS[1]], rules=RULES)
    row = again.patterns.filter(pattern=PLANTED).row(0, named=True)
    assert (row["status"], row["first_found_on"], row["discovered_on"]) == ("new", WEEKS[0], WEEKS[1])
    assert again.searches["n_new"].item() == 1


def test_one_that_stays_gone_is_counted_in_its_first_week_only(frame, found):
    unseen = found.patterns.filter(known_on=WEEKS[0], pattern=PLANTED).with_columns(
        status=pl.lit("fading"), n_weeks_unseen=pl.lit(7, pl.Int64)
    )
    later = frame.filter(pl.col("known_on") > WEEKS[0])
    searches = discover_patterns(later, unseen, weeks=WEEKS[1:3], rules=RULES).searches
    assert searches["n_gone"].to_list() == [1, 0]


def test_patterns_of_another_horizon_are_other_patterns(frame, found):
    other = found.patterns.filter(known_on=WEEKS[0]).with_columns(horizon=pl.lit("1d"))
    again = discover_patterns(frame, other, weeks=WEEKS[:1], rules=RULES)
    assert again.patterns.equals(found.patterns.filter(known_on=WEEKS[0]))


def test_days_since_the_earliest_discovery_are_read_even_when_older_than_the_window(found):
    first = found.patterns.filter(known_on=WEEKS[0])
    start = WEEKS[1] - timedelta(days=RULES.window_days - 1)
    assert needed_from(None, week=WEEKS[1], rules=RULES) == start
    much_later = WEEKS[1] + timedelta(days=2000)
    assert needed_from(first, week=much_later, rules=RULES) == WEEKS[0]


def test_a_known_pattern_of_a_value_that_left_the_window_has_the_same_row_alone_as_in_a_range(frame, found):
    known = found.patterns.filter(known_on=WEEKS[0], pattern=PLANTED).with_columns(
        pattern=pl.lit("squeeze=60-100 & source=of_old"), discovered_on=pl.lit(WEEKS[0])
    )
    week, start = WEEKS[2], WEEKS[2] - timedelta(days=RULES.window_days - 1)
    oldest = frame.filter(pl.col("known_on") >= start)
    before = frame.head(1).with_columns(known_on=pl.lit(start - timedelta(days=7)), source=pl.lit("of_old"))
    in_range = pl.concat([before, oldest])
    rows = [discover_patterns(read, known, weeks=[week], rules=RULES).patterns for read in (oldest, in_range)]
    assert rows[0].filter(pattern="squeeze=60-100 & source=of_old").height == 1
    assert rows[0].equals(rows[1])
