from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.declared.calibration import calibration_decisions
from amc_learning.learning.calibration.decision import decide_calibration, required_from
from amc_learning.learning.calibration.logistic import probability
from amc_learning.learning.calibration.maps import log_odds
from amc_learning.learning.calibration.rules import CalibrationRules
from amc_learning_tests.truth.calibration_study import LAST, outcomes_of, published, world

RULES = CalibrationRules(window_days=400, overlap_sessions=5)
NIGHT = LAST + timedelta(days=1)


@pytest.fixture(scope="module")
def feed():
    """Two years of ten theses a day: holds come right far more often than buys, whatever the confidence."""
    rng = np.random.default_rng(5)
    n = 5000
    kinds = np.array(["BUY_MORE", "HOLD", "TRIM", "LIQUIDATE"])[rng.choice(4, n, p=[0.55, 0.3, 0.145, 0.005])]
    confidence = rng.beta(5, 2, n).round(3)
    rate = np.select([kinds == "BUY_MORE", kinds == "HOLD"], [0.2, 0.7], 0.45)
    return outcomes_of(confidence, rng.random(n) < rate, per_day=10).with_columns(
        recommendation=pl.Series(kinds), source=pl.Series(np.where(rng.random(n) < 0.6, "ai", "rule_based"))
    )


@pytest.fixture(scope="module")
def nights(feed):
    days = [day for day in feed["known_on"].unique().sort() if day.year == LAST.year][-60:]
    return decide_calibration(feed, as_of=days, rules=RULES)


def row_of(decisions, source, recommendation):
    return decisions.row(
        by_predicate=(pl.col("source") == source) & (pl.col("recommendation") == recommendation), named=True
    )


def test_rows_are_the_declared_table(nights):
    table = calibration_decisions()
    assert nights.schema == table.schema
    assert nights.select("known_on", *table.key).is_unique().all()
    assert nights.equals(nights.sort("known_on", *table.key))
    assert not nights.select(pl.any_horizontal(pl.selectors.float().is_nan().any())).item()


def test_a_night_alone_equals_its_part_of_the_range_whatever_the_order_of_rows(feed, nights):
    for night in (nights["known_on"].min(), nights["known_on"].max()):
        window = feed.filter(pl.col("known_on").is_between(required_from(night, RULES), night))
        shuffled = window.sample(fraction=1.0, shuffle=True, seed=4)
        assert decide_calibration(shuffled, as_of=[night], rules=RULES).equals(nights.filter(known_on=night))


def test_what_becomes_known_later_changes_nothing(feed, nights):
    night = nights["known_on"].min()
    past = decide_calibration(feed.filter(pl.col("known_on") <= night), as_of=[night], rules=RULES)
    assert past.equals(nights.filter(known_on=night))


def test_published_points_span_zero_to_one_and_never_fall(nights):
    for confidence, calibrated in nights.select("confidence_points", "calibrated_points").iter_rows():
        assert (confidence[0], confidence[-1]) == (0.0, 1.0)
        assert (np.diff(confidence) > 0).all()
        assert (np.diff(calibrated) >= 0).all()
        assert calibrated[0] >= 0 and calibrated[-1] <= 1


def test_base_rates_of_recommendations_are_found(nights):
    last = nights.filter(pl.col("known_on") == nights["known_on"].max())
    for recommendation, rate in (("BUY_MORE", 0.2), ("HOLD", 0.7), ("TRIM", 0.45)):
        row = row_of(last, "ai", recommendation)
        at = np.interp(row["mean_confidence"], row["confidence_points"], row["calibrated_points"])
        assert at == pytest.approx(rate, abs=0.06)
    assert row_of(last, "ai", "BUY_MORE")["ci_high"] < 0


def test_a_group_with_few_theses_borrows_and_says_so(nights):
    row = row_of(nights.filter(pl.col("known_on") == nights["known_on"].max()), "rule_based", "LIQUIDATE")
    assert row["n_theses"] < RULES.min_theses
    assert row["status"] == "insufficient_evidence"
    assert row["multiplier"] is None
    assert row["borrowed_share"] > 0.4
    assert row["reason"].startswith("borrowed: ")


def test_the_multiplier_is_accuracy_over_confidence_within_the_clamp(feed, nights):
    night = nights["known_on"].max()
    window = feed.filter(pl.col("known_on") > night - timedelta(days=RULES.window_days), recommendation="HOLD")
    row = row_of(nights.filter(known_on=night), "all", "HOLD")
    assert row["multiplier"] == pytest.approx(window["is_right"].mean() / window["confidence"].mean(), abs=1e-9)
    assert row_of(nights.filter(known_on=night), "all", "BUY_MORE")["multiplier"] == 0.5


def test_no_theses_say_nothing():
    empty = outcomes_of(np.array([0.5]), np.array([True])).clear()
    rows = decide_calibration(empty, as_of=[NIGHT], rules=RULES)
    assert set(rows["status"]) == {"insufficient_evidence"}
    assert set(rows["method"]) == {"identity"}
    assert rows["calibrated_points"].to_list() == [[0.0, 1.0]] * rows.height
    assert "unknown" not in rows["source"].to_list()


def test_rows_that_do_not_count_have_no_say(feed):
    fewer = feed.tail(600)
    spoilt = [
        fewer.with_columns(is_counted=False),
        fewer.with_columns(horizon=pl.lit("30d")),
        fewer.with_columns(is_right=pl.lit(None, pl.Boolean)),
        fewer.with_columns(confidence=pl.lit(None, pl.Float64)),
        fewer.with_columns(recommendation=pl.lit("RESEARCH")),
    ]
    alone = decide_calibration(fewer, as_of=[NIGHT], rules=RULES)
    assert decide_calibration(pl.concat([fewer, *spoilt]), as_of=[NIGHT], rules=RULES).equals(alone)


def test_an_impossible_confidence_is_refused(feed):
    with pytest.raises(ValueError, match="between 0 and 1"):
        decide_calibration(feed.head(5).with_columns(confidence=1.2), as_of=[NIGHT], rules=RULES)


def test_calibrated_theses_are_left_nearly_as_they_are():
    rng = np.random.default_rng(3)
    probe = np.array([0.5, 0.7, 0.9])
    changes = [np.abs(published(world(rng, 500, 0.0, 1.0), probe, overlap_sessions=1) - probe).max() for _ in range(12)]
    assert np.median(changes) < 0.03


def test_planted_overconfidence_is_removed_from_unseen_theses():
    rng = np.random.default_rng(4)
    confidence = rng.beta(5, 2, 20_000)
    truth = probability(0.5 * log_odds(confidence))
    gaps = [
        np.mean((published(world(rng, 1000, 0.0, 0.5), confidence, overlap_sessions=1) - truth) ** 2) for _ in range(8)
    ]
    assert np.mean(gaps) <= 0.2 * np.mean((confidence - truth) ** 2)
