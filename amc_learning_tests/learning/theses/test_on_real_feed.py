"""Theses of the shared feed, judged as an independent file says, decomposed as an independent library does."""

from datetime import date

import polars as pl
import pytest
from model_diagnostics.scoring import SquaredError, decompose

from amc_learning.learning.outcomes import OutcomeRules
from amc_learning.learning.theses.accuracy import thesis_accuracy
from amc_learning.learning.theses.comparison import source_comparisons
from amc_learning.learning.theses.curves import reliability_curves
from amc_learning.learning.theses.outcomes import JudgementRules, is_right
from amc_learning_tests.learning.theses.real_theses import LAST, MARKET, real_outcomes

pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not MARKET.is_dir(), reason=f"the shared market data is not at {MARKET}"),
]

SESSIONS = {"1d": 1, "7d": 5, "30d": 21}
RULES = OutcomeRules(SESSIONS, "next_open", 0.25, -0.10)
DIRECTION = JudgementRules(buy_more_above=0.0, liquidate_below=0.0)
"""Right when the return has the sign that was recommended; only HOLD has a band."""


@pytest.fixture(scope="module")
def outcomes():
    return real_outcomes(RULES)


def of_2013_and_2014(outcomes):
    """Accuracy at 7d of the theses that matured in these two years, as one window."""
    return thesis_accuracy(
        outcomes.filter(pl.col("known_on") >= date(2013, 1, 1)), as_of=[LAST], window_days=730, horizons={"7d": 5}
    )


def test_every_thesis_is_judged_once_it_has_matured(outcomes):
    # 17,510 theses at three horizons, less those of the last 1, 5 and 21 sessions, 10 on each.
    assert outcomes.height == 3 * 17_510 - 10 * (1 + 5 + 21)
    assert outcomes["is_counted"].all()
    unjudged = outcomes.filter(pl.col("is_right").is_null())
    assert set(unjudged["outcome_status"]) == {"missing_entry_bar", "missing_exit_bar"} and unjudged.height == 26


def test_judgements_follow_from_an_independent_file_of_returns():
    # That file counts 1, 7 and 30 of the symbol's own bars; where none is missing these are sessions.
    ours = real_outcomes(OutcomeRules({"7d": 7}, "next_open", 0.25, -0.10)).filter(outcome_status="complete")
    returns = pl.read_parquet(MARKET / "outcomes_discovery.parquet").select("date", "symbol", forward_return="ret_7d")
    theirs = (
        pl.read_parquet(MARKET / "events_thesis.parquet")
        .join(returns, on=["date", "symbol"], validate="1:1")
        .select("thesis_id", "forward_return", their_judgement=is_right(JudgementRules()))
    )
    both = ours.join(theirs, on="thesis_id", suffix="_theirs")
    assert both.height == ours.height > 17_300
    # Six decimals there: a return within a millionth of a bound may fall on either side of it.
    differing = both.filter(pl.col("is_right") != pl.col("their_judgement"))
    distance = (differing["forward_return"].abs() - 0.05).abs()
    assert differing.height <= 3 and (differing.is_empty() or distance.max() < 1e-6)


@pytest.mark.parametrize("source", ["ai", "rule_based"])
def test_the_decomposition_equals_model_diagnostics_to_a_billionth(outcomes, source):
    found = of_2013_and_2014(outcomes).filter(group_kind="source", group=source).row(0, named=True)
    judged = outcomes.filter(
        pl.col("known_on") >= date(2013, 1, 1), pl.col("is_right").is_not_null(), horizon="7d", source=source
    )
    theirs = decompose(judged["is_right"].cast(pl.Float64), judged["confidence"], scoring_function=SquaredError()).row(
        0, named=True
    )
    assert found["brier_score"] == pytest.approx(theirs["score"], abs=1e-9)
    for name in ("miscalibration", "discrimination", "uncertainty"):
        assert found[name] == pytest.approx(theirs[name], abs=1e-9)


def test_ai_confidence_as_sent_has_the_brier_score_the_mission_states_when_right_means_the_right_direction():
    # 0.295 is the figure stated for AI theses in 2013-2014; it is that of judging BUY_MORE and LIQUIDATE by sign.
    found = of_2013_and_2014(real_outcomes(RULES, judgement=DIRECTION))
    assert found.filter(group="ai")["brier_score"].item() == pytest.approx(0.295, abs=5e-4)


def test_ai_confidence_as_sent_is_worse_than_always_saying_a_half(outcomes):
    found = of_2013_and_2014(outcomes)
    assert found.filter(group="ai")["brier_score"].item() == pytest.approx(0.430, abs=5e-4)
    assert found.filter(group="rule_based")["brier_score"].item() == pytest.approx(0.235, abs=5e-4)


@pytest.mark.parametrize("day", [date(2008, 6, 2), date(2012, 11, 1), LAST])
def test_a_night_equals_its_part_of_the_range(outcomes, day):
    assert real_outcomes(RULES, known_from=day, known_to=day).equals(outcomes.filter(known_on=day))
    in_window = outcomes.filter((pl.col("known_on") <= day) & (pl.col("known_on") > day - pl.duration(days=90)))
    days = outcomes["known_on"].unique().sort().gather_every(50).to_list()
    days = sorted({*days, day})
    for statistic, horizons in (
        (thesis_accuracy, {"horizons": SESSIONS}),
        (source_comparisons, {"horizons": SESSIONS}),
        (reliability_curves, {"horizon": "7d"}),
    ):
        whole = statistic(outcomes, as_of=days, window_days=90, **horizons)
        alone = statistic(in_window, as_of=[day], window_days=90, **horizons)
        assert alone.height and alone.equals(whole.filter(known_on=day))
