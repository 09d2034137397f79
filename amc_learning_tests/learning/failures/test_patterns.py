from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from amc_learning.learning.failures import FailureRules, failure_patterns, systematic_now
from amc_learning_tests.learning.failures.simulated_cases import FIRST_DAY, cases_of, planted_cases
from amc_learning_tests.truth.failure_study import NULL_WORLDS, World, null_flags, power, simulated, weekdays

RULES = FailureRules()
PLANTED = "source=ai & recommendation=BUY_MORE"


def found(cases, rules=RULES, on=FIRST_DAY):
    return failure_patterns(cases, as_of=[on], rules=rules)


def test_a_grave_planted_pattern_is_critical_and_told_once():
    systematic = systematic_now(planted_cases(), on=FIRST_DAY, rules=RULES)
    assert systematic.select("pattern", "severity").rows() == [(PLANTED, "critical")]


def test_the_row_says_what_happened():
    cases = planted_cases(kind="trade")
    row = found(cases).filter(pl.col("pattern") == PLANTED).row(0, named=True)
    inside = cases.filter(pl.col("source") == "ai", pl.col("recommendation") == "BUY_MORE")
    outside = cases.filter(~pl.col("case_id").is_in(inside["case_id"].to_list()))
    failures = inside.filter("is_failure")
    assert (row["n_cases"], row["n_failures"]) == (40, failures.height)
    assert (row["n_window_cases"], row["n_window_failures"]) == (40, failures.height)
    assert row["failure_rate"] == pytest.approx(failures.height / 40)
    assert row["base_rate"] == pytest.approx(outside["is_failure"].mean())
    assert row["mean_return"] == pytest.approx(inside["outcome_return"].mean())
    assert row["mean_return_rest"] == pytest.approx(outside["outcome_return"].mean())
    assert row["pnl_usd"] == pytest.approx(inside["pnl_usd"].sum())
    assert (row["first_failed_on"], row["last_failed_on"]) == (failures["known_on"].min(), failures["known_on"].max())


def test_the_count_alone_is_only_watched_and_stored_up_to_a_bound():
    cases = planted_cases(planted_rate=0.15, base=0.15, kind="trade")
    patterns = found(cases, replace(RULES, max_watch=5))
    assert patterns["status"].unique().to_list() == ["watch"]
    assert patterns["severity"].null_count() == patterns.height == 5
    assert patterns["n_patterns_counted"][0] > 5
    assert (patterns["n_window_failures"] >= 3).all()


def test_two_failures_are_no_pattern():
    assert found(cases_of([1, 1, 0, 0, 0, 0], {"source": ["ai", "ai", *["rule_based"] * 4]})).is_empty()


def test_neither_row_order_nor_company_of_other_nights_changes_a_night():
    cases = simulated(World("any", n_days=90, base=0.3), np.random.default_rng(0))
    nights = weekdays(90)[70:]
    together = failure_patterns(cases.sample(fraction=1.0, shuffle=True, seed=1), as_of=nights, rules=RULES)
    for night in nights[::5]:
        known = cases.filter(pl.col("known_on").is_between(night - timedelta(days=RULES.lookback_days), night))
        assert_frame_equal(
            failure_patterns(known, as_of=[night], rules=RULES),
            together.filter(pl.col("known_on") == night),
            check_exact=True,
        )


def test_other_kinds_leave_the_numbers_of_a_kind_alone():
    thesis, trade = planted_cases(1), planted_cases(2, kind="trade")
    everything = replace(RULES, max_watch=1000)
    alone, beside = found(thesis, everything), found(pl.concat([trade, thesis]), everything).filter(kind="thesis")
    # They do share the night's error, so a pattern at the border may be systematic alone and watched in company.
    numbers = pl.exclude("status", "severity", "explained_by", "p_value")
    assert_frame_equal(alone.select(numbers), beside.select(numbers), check_exact=True)


def test_renaming_values_renames_patterns_and_changes_no_number():
    cases = planted_cases()
    renamed = cases.with_columns(pl.col("source").replace({"ai": "zebra"}), pl.col("price_band").str.to_uppercase())
    numbers = ["n_cases", "n_failures", "p_value", "adjusted_p_value", "status", "severity", "n_patterns_searched"]
    everything = replace(RULES, max_watch=1000)
    ours = found(cases, everything).with_columns(
        pl.col("pattern").str.replace("source=ai", "source=zebra").str.replace(r"price_band=.*", "price_band=${0}")
    )
    theirs = found(renamed, everything)
    assert_frame_equal(ours.select(numbers).sort(numbers), theirs.select(numbers).sort(numbers))


def test_a_pattern_that_merely_fell_on_bad_days_is_not_found():
    # On every fourth day everything fails, and source=ai is sent mostly on those days.
    generator = np.random.default_rng(3)
    day = np.repeat(np.arange(28), 10)
    is_bad = day % 4 == 0
    source = np.where(generator.random(280) < np.where(is_bad, 0.8, 0.2), "ai", "rule_based")
    days = [FIRST_DAY - timedelta(days=int(d)) for d in day]
    failed = generator.random(280) < np.where(is_bad, 0.9, 0.1)
    patterns = found(cases_of(failed.tolist(), {"source": source.tolist()}, days=days))
    row = patterns.filter(pl.col("pattern") == "source=ai").row(0, named=True)
    assert row["failure_rate"] > 2 * row["base_rate"]
    assert row["status"] == "watch"


def test_a_symbol_told_again_and_again_counts_once():
    days = [FIRST_DAY - timedelta(days=i) for i in range(8)] * 2
    cases = cases_of(
        [True] * 8 + [False] * 8,
        {"source": ["ai"] * 8 + ["rule_based"] * 8},
        days=days,
        symbols=["ABC"] * 8 + ["XYZ"] * 8,
    )
    assert found(cases).is_empty()


def test_a_corrected_case_counts_as_known_on_the_day():
    cases = planted_cases(n_days=10)
    is_planted = (pl.col("source") == "ai") & (pl.col("recommendation") == "BUY_MORE")
    first = cases.filter(pl.col("is_failure"), is_planted)["case_id"][0]
    later = FIRST_DAY + timedelta(days=1)
    correction = cases.filter(pl.col("case_id") == first).with_columns(
        known_on=pl.lit(later), is_failure=pl.lit(value=False)
    )
    corrected = pl.concat([cases, correction])
    before, after = (
        failure_patterns(corrected, as_of=[FIRST_DAY, later], rules=RULES)
        .filter(pl.col("pattern") == PLANTED)
        .sort("known_on")
        .rows(named=True)
    )
    assert after["n_cases"] == before["n_cases"]
    assert after["n_failures"] == before["n_failures"] - 1


def test_a_withdrawn_case_counts_until_it_is_withdrawn():
    cases = planted_cases(n_days=10)
    is_planted = (pl.col("source") == "ai") & (pl.col("recommendation") == "BUY_MORE")
    first = cases.filter(pl.col("is_failure"), is_planted)["case_id"][0]
    later = FIRST_DAY + timedelta(days=1)
    withdrawal = cases.filter(pl.col("case_id") == first).with_columns(
        known_on=pl.lit(later), is_failure=pl.lit(value=False), is_withdrawn=pl.lit(value=True)
    )
    before, after = (
        failure_patterns(pl.concat([withdrawal, cases]), as_of=[FIRST_DAY, later], rules=RULES)
        .filter(pl.col("pattern") == PLANTED)
        .sort("known_on")
        .rows(named=True)
    )
    assert (before["n_cases"], before["n_failures"] - after["n_failures"]) == (40, 1)
    assert after["n_cases"] == 39


# Theses are right by the rule of their recommendation -----------------------------------------------------------------

FAILING_BY_RULE = {"BUY_MORE": 0.88, "HOLD": 0.25, "TRIM": 0.5}


def theses(seed, *, n=300, n_days=40, rates=FAILING_BY_RULE, ai_rates=None):
    """`n` theses that fail as often as the rule of their recommendation says; the AI's as `ai_rates` says, if given."""
    generator = np.random.default_rng([seed, 9])
    recommendation = generator.choice(list(rates), n)
    source = generator.choice(["ai", "rule_based"], n)
    rate = np.array([rates[name] for name in recommendation])
    if ai_rates is not None:
        rate = np.where(source == "ai", [ai_rates[name] for name in recommendation], rate)
    attributes = {
        "source": source.tolist(),
        "recommendation": recommendation.tolist(),
        "confidence_band": generator.choice(["high", "very_high"], n).tolist(),
        "price_band": generator.choice(["under_5_usd", "5_to_20_usd", "20_to_100_usd"], n).tolist(),
    }
    days = [FIRST_DAY - timedelta(days=int(at * n_days / n)) for at in range(n)]
    return cases_of((generator.random(n) < rate).tolist(), attributes, kind="thesis", days=days)


def test_the_rule_of_a_recommendation_is_no_failure_of_it():
    nights = [systematic_now(theses(seed), on=FIRST_DAY, rules=RULES).height for seed in range(20)]
    # Error 0.08 a night: more than 5 nights of 20 have a chance of 0.3 %.
    assert sum(n > 0 for n in nights) <= 5
    # The same cases as trades, whose rates may be compared across recommendations, give a pattern every time.
    as_trades = theses(0).with_columns(kind=pl.lit("trade"))
    assert systematic_now(as_trades, on=FIRST_DAY, rules=RULES).height > 0


def test_a_source_that_fails_three_times_as_often_within_a_recommendation_is_found():
    rates = {"BUY_MORE": 0.25, "HOLD": 0.25, "TRIM": 0.5}
    n_found = 0
    for seed in range(10):
        patterns = systematic_now(
            theses(seed, rates=rates, ai_rates=rates | {"BUY_MORE": 0.75}), on=FIRST_DAY, rules=RULES
        )
        n_found += PLANTED in patterns["pattern"]
    assert n_found >= 9


def test_a_source_that_fails_in_one_recommendation_above_all_is_named_with_it():
    rates = {"BUY_MORE": 0.2, "HOLD": 0.25, "TRIM": 0.35}
    # The AI is somewhat worse everywhere, and much worse at buying.
    named = []
    for seed in range(10):
        cases = theses(seed, n=400, rates=rates, ai_rates={"BUY_MORE": 0.9, "HOLD": 0.4, "TRIM": 0.5})
        named.append(dict(systematic_now(cases, on=FIRST_DAY, rules=RULES).select("pattern", "severity").iter_rows()))
    assert sum(it.get(PLANTED) == "critical" for it in named) >= 9


def test_the_rate_of_the_rest_is_that_of_the_same_recommendations():
    rates = {"BUY_MORE": 0.25, "HOLD": 0.25, "TRIM": 0.5}
    cases = theses(1, n_days=20, rates=rates, ai_rates={"BUY_MORE": 0.75, "HOLD": 0.5, "TRIM": 0.9})
    row = found(cases).filter(pl.col("pattern") == "source=ai").row(0, named=True)
    ai = cases.filter(source="ai").group_by("recommendation").agg(n="case_id").with_columns(pl.col("n").list.len())
    others = cases.filter(source="rule_based").group_by("recommendation").agg(rate=pl.col("is_failure").mean())
    beside = ai.join(others, on="recommendation")
    assert row["base_rate"] == pytest.approx((beside["n"] * beside["rate"]).sum() / beside["n"].sum())


def test_a_recommendation_that_only_the_pattern_makes_adds_nothing_to_its_excess():
    cases = theses(2, n_days=20).filter((pl.col("source") == "ai") | (pl.col("recommendation") != "BUY_MORE"))
    row = found(cases, replace(RULES, max_watch=100)).filter(pl.col("pattern") == "source=ai").row(0, named=True)
    ai, others = cases.filter(source="ai"), cases.filter(source="rule_based")
    expected = ai.filter(recommendation="BUY_MORE")["is_failure"].sum()
    for name in ("HOLD", "TRIM"):
        expected += ai.filter(recommendation=name).height * others.filter(recommendation=name)["is_failure"].mean()
    assert row["base_rate"] == pytest.approx(expected / ai.height)


def test_theses_of_a_range_of_nights_equal_those_of_each_night():
    world = World("any", kind="thesis", n_days=90, cases_per_day=10, rule_rates=(0.88, 0.25, 0.5, 0.62))
    cases = simulated(world, np.random.default_rng(4))
    # On the first nights one recommendation is not there yet: strata are numbered differently.
    cases = cases.filter((pl.col("recommendation") != "v0") | (pl.col("known_on") > weekdays(90)[78]))
    nights = weekdays(90)[70:]
    together = failure_patterns(cases.sample(fraction=1.0, shuffle=True, seed=1), as_of=nights, rules=RULES)
    for night in nights[::4]:
        known = cases.filter(pl.col("known_on").is_between(night - timedelta(days=RULES.lookback_days), night))
        alone = failure_patterns(known, as_of=[night], rules=RULES)
        assert_frame_equal(alone, together.filter(pl.col("known_on") == night), check_exact=True)


def test_no_cases_give_no_patterns():
    assert found(planted_cases().clear()).is_empty()


def test_an_exit_reason_is_at_most_medium():
    cases = planted_cases(kind="trade").with_columns(
        exit_reason=pl.when((pl.col("source") == "ai") & (pl.col("recommendation") == "BUY_MORE"))
        .then(pl.lit("manual"))
        .otherwise(pl.lit("time_exit")),
        source=pl.lit("ai"),
        recommendation=pl.lit(None, pl.String),
    )
    row = found(cases).filter(pl.col("pattern") == "exit_reason=manual").row(0, named=True)
    assert (row["status"], row["severity"]) == ("systematic", "medium")


def test_most_planted_modes_are_found():
    # 200 simulations of the study: 1.00; fewer than 28 of 30 would be a broken search.
    world = World("planted", base=0.3, planted_rate=0.9, n_planted=20)
    assert power(world, 30)["found"] >= 0.9


@pytest.mark.parametrize("world", [NULL_WORLDS[0], NULL_WORLDS[4]], ids=lambda world: world.name)
def test_little_is_found_where_there_is_nothing(world):
    # The study finds 0.1; with 60 runs the s.e. is 0.04.
    assert null_flags(world, 60)[0] <= 0.25
