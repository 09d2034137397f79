from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.learning.corrections.measurement import CaseCounts, Rate, Share, correction_effect
from amc_learning.learning.corrections.patterns import parse_pattern
from amc_learning_tests.learning.corrections.samples import AI, START, cases, decided, found, one, weekdays

PATTERN = parse_pattern("thesis", AI)
DAYS = weekdays(90)


def day_of_cases(day, *, failing, of, rest_failing, rest_of):
    """So many failures among cases of the pattern and of the rest."""
    mine = [(day, at < failing, {"source": "ai"}) for at in range(of)]
    return mine + [(day, at < rest_failing, {"source": "rule_based"}) for at in range(rest_of)]


def history(failing_before, failing_after, *, n_days=90, turn=40):
    rows = []
    for at, day in enumerate(DAYS[:n_days]):
        failing = failing_before if at < turn else failing_after
        rows += day_of_cases(day, failing=failing, of=10, rest_failing=4, rest_of=10)
    return cases(rows)


def corrected(known, *, begin=39):
    """In force from the night `begin` on, found every night."""
    return decided(found(DAYS[begin:], AI), DAYS, known_cases=known)


def test_counts_are_those_of_the_days_asked_for():
    known = history(8, 3)
    pattern, rest = CaseCounts(known).before_and_rest(PATTERN, DAYS[38], DAYS[41])
    asked = known.filter(pl.col("known_on").is_between(DAYS[38], DAYS[41]))
    mine = asked.filter(source="ai")
    assert (pattern.n_cases, pattern.n_failures, pattern.n_days) == (mine.height, mine["is_failure"].sum(), 4)
    assert rest.n_cases == asked.height - mine.height


def test_cases_that_fail_day_by_day_are_worth_their_days():
    """Ten cases a day that all fail or all do not: one case per day, as many as there are days."""
    rows = [(day, bool(at % 2), {"source": "ai"}) for at, day in enumerate(DAYS[:40]) for _ in range(10)]
    share, _ = CaseCounts(cases(rows)).before_and_rest(PATTERN, DAYS[0], DAYS[39])
    assert share.n_cases == 400
    # Variance between days of a fair coin, with the correction 40 / 39 for few days.
    assert share.n_effective == pytest.approx(400 / (40 / 39 * 10))


def test_independent_cases_are_worth_themselves():
    generator = np.random.default_rng(5)
    rows = [(day, bool(generator.random() < 0.4), {"source": "ai"}) for day in DAYS for _ in range(40)]
    share, _ = CaseCounts(cases(rows)).before_and_rest(PATTERN, DAYS[0], DAYS[-1])
    assert share.n_effective > 0.7 * share.n_cases


def test_a_case_told_again_counts_once_as_known_on_the_night():
    rows = [
        (DAYS[0], True, {"source": "ai", "case_id": "a"}),
        (DAYS[0], True, {"source": "ai", "case_id": "b"}),
        (DAYS[3], False, {"source": "ai", "case_id": "a"}),
        (DAYS[5], False, {"source": "ai", "case_id": "b", "is_withdrawn": True}),
    ]
    counts = CaseCounts(cases(rows[::-1]))

    def told(night):
        share, _ = counts.before_and_rest(PATTERN, DAYS[0], night)
        return share.n_cases, share.n_failures

    assert [told(DAYS[at]) for at in (0, 2, 3, 4, 5)] == [(2, 2), (2, 2), (2, 1), (2, 1), (1, 0)]


def test_what_was_decided_before_or_nobody_knows_when_is_not_counted_as_after():
    """Trades are held for weeks: what closes long after the correction may have been opened before it."""
    start, after = DAYS[39], DAYS[40]
    rows = [
        *((DAYS[60], True, {"source": "ai", "decided_on": decided_on}) for decided_on in (start, DAYS[20], None)),
        *((DAYS[60], False, {"source": "ai", "decided_on": decided_on}) for decided_on in (after, DAYS[50])),
    ]
    row = one(corrected(cases(rows)), DAYS[-1])
    assert (row["in_force_from"], row["n_cases_after"], row["n_failures_after"]) == (start, 2, 0)


def effect(before, after, rest_before=0.4, rest_after=0.4, *, n=200):
    def share(rate):
        return Share(n, round(rate * n), 40, float(n))

    return correction_effect(
        pattern_before=Rate(before, n),
        rest_before=Rate(rest_before, n),
        pattern_after=share(after),
        rest_after=share(rest_after),
    )


def test_the_effect_is_a_difference_in_differences():
    # Pattern 0.8 to 0.5, rest 0.4 to 0.6: (0.5 - 0.8) - (0.6 - 0.4) = -0.5.
    assert effect(0.8, 0.5, 0.4, 0.6).effect == pytest.approx(-0.5)


def test_what_happens_to_all_alike_is_no_effect():
    assert effect(0.6, 0.8, 0.4, 0.6).verdict == "no_difference"
    assert effect(0.6, 0.8, 0.4, 0.6).effect == pytest.approx(0.0)


def test_a_large_fall_helped_and_a_large_rise_harmed():
    assert effect(0.8, 0.4).verdict == "helped"
    assert effect(0.4, 0.8).verdict == "harmed"


def test_a_return_to_the_mean_is_not_called_help():
    """Thirty cases, picked because 80 % of them failed, go on to fail like the rest did."""
    seen = correction_effect(
        pattern_before=Rate(0.8, 30),
        rest_before=Rate(0.4, 2000),
        pattern_after=Share(1000, 400, 40, 1000.0),
        rest_after=Share(2000, 800, 40, 2000.0),
    )
    assert seen.ci_high < 0
    assert seen.verdict == "no_difference"


def test_few_cases_or_few_days_are_too_early():
    def judged(n_cases, n_days):
        share = Share(n_cases, 5, n_days, float(n_cases))
        return correction_effect(
            pattern_before=Rate(0.8, 50),
            rest_before=Rate(0.4, 50),
            pattern_after=share,
            rest_after=share,
        )

    assert judged(10, 5).verdict != "too_early"
    assert judged(9, 5) == judged(10, 4)
    assert (judged(9, 5).verdict, judged(9, 5).effect) == ("too_early", None)


def test_the_interval_covers_at_least_what_it_says():
    """600 draws of four independent rates; 99.5 % nominal, so more than 9 misses in 600 would be a scandal."""
    generator = np.random.default_rng(11)
    misses = 0
    for _ in range(600):
        counts = generator.binomial([60, 80, 90, 300], [0.3, 0.5, 0.25, 0.3])
        shares = [Share(n, int(k), 20, float(n)) for n, k in zip([60, 80, 90, 300], counts, strict=True)]
        found_effect = correction_effect(
            pattern_after=shares[0],
            pattern_before=Rate(shares[1].rate, 80),
            rest_after=shares[2],
            rest_before=Rate(shares[3].rate, 300),
        )
        misses += not found_effect.ci_low <= (0.3 - 0.5) - (0.25 - 0.3) <= found_effect.ci_high
    assert misses <= 9


def test_only_what_was_decided_under_it_counts_as_after():
    table = corrected(history(8, 3))
    start = DAYS[39]
    row = one(table, DAYS[60])
    after = [day for day in DAYS[:61] if day - timedelta(days=7) > start]
    assert (row["n_cases_after"], row["n_rest_after"]) == (10 * len(after), 10 * len(after))
    assert (row["failure_rate_before"], row["failure_rate_after"], row["rest_rate_after"]) == (0.8, 0.3, 0.4)


def test_a_correction_under_which_failures_stop_is_seen_to_have_helped():
    table = corrected(history(8, 3))
    assert one(table, DAYS[41])["verdict"] == "too_early"
    assert one(table, DAYS[-1])["verdict"] == "helped"
    assert one(table, DAYS[-1])["effect"] == pytest.approx(-0.5)


def test_a_correction_under_which_failures_rise_is_withdrawn_and_stays_away_for_a_window():
    table = corrected(history(5, 10))
    withdrawn = table.filter(status="withdrawn")
    assert withdrawn["ended_by"].unique().to_list() == ["measured_harm"]
    first = withdrawn["known_on"].min()
    assert first > DAYS[46]
    back = table.filter((pl.col("known_on") > first) & (pl.col("status") == "active"))["known_on"]
    assert back.is_empty() or (back.min() - first).days >= 30
    assert "it did harm" in withdrawn["reason"][0]


def test_what_was_never_in_force_has_counts_but_no_verdict():
    table = decided(found(DAYS[39:], AI, severity="medium"), DAYS, known_cases=history(8, 3))
    row = one(table, DAYS[-1])
    assert row["n_cases_after"] > 0
    assert (row["verdict"], row["effect"]) == (None, None)


def test_after_its_end_only_what_was_decided_before_it_still_counts():
    known = history(8, 8)
    table = decided(found(DAYS[10:11], AI), DAYS, known_cases=known)
    ended_on = table.filter(status="expired")["ended_on"].min()
    after = known.filter(
        source="ai",
    ).filter((pl.col("decided_on") > DAYS[10]) & (pl.col("decided_on") <= ended_on))
    assert one(table, DAYS[-1])["n_cases_after"] == after.height
    assert START < ended_on < DAYS[-1]
