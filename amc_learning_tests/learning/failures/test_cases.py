from datetime import UTC, date, datetime

import polars as pl
import pytest

from amc_learning.contracts.declared.failures import failure_cases as declared
from amc_learning.contracts.declared.outcomes import feature_outcomes
from amc_learning.learning.failures import FailureRules, failure_cases

DAY = date(2014, 3, 14)
DECIDED_ON = date(2014, 3, 4)
DECIDED_AT = datetime(2014, 3, 4, 15, tzinfo=UTC)
COMPONENTS = ("squeeze", "technical")
RULES = FailureRules()

TRADES = pl.DataFrame(
    {
        "known_on": [DAY, DAY, DAY],
        "position_id": ["p1", "p2", "p3"],
        "revision": [1, 1, 1],
        "symbol": ["ABC", "XYZ", "NEW"],
        "opened_at": [DECIDED_AT] * 3,
        "realised_return": [-0.10, -0.09, None],
        "realised_pnl_usd": [-100.0, -90.0, None],
        "average_entry_price_usd": [4.0, 250.0, 8.0],
        "exit_reason": ["stop_loss", "time_exit", None],
        "action_tag": ["trade_ready", None, None],
        "dominant_component": ["squeeze", None, None],
        "thesis_id": ["t1", None, None],
        "recommendation": ["BUY_MORE", None, None],
        "confidence": [0.9, None, None],
        "source": ["ai", None, None],
        "market_regime": ["calm", None, None],
        "discovery_regime": [None, "rich", None],
    },
    schema_overrides={"confidence": pl.Float64},
)
THESES = pl.DataFrame(
    {"thesis_id": ["t1"], "symbol": ["ABC"], "decided_at": [DECIDED_AT], "sector": ["Energy"]},
    schema_overrides={"decided_at": pl.Datetime("us", "UTC")},
)
CANDIDATES = pl.DataFrame(
    {
        "known_on": [DECIDED_ON, DECIDED_ON],
        "decision_id": ["d1", "d2"],
        "symbol": ["ABC", "XYZ"],
        "decided_at": [DECIDED_AT, DECIDED_AT],
        "is_selected": [True, True],
        "action_tag": ["watchlist", "monitor"],
        "price_usd": [12.0, 20.0],
        "squeeze": [90.0, 10.0],
        "technical": [10.0, 90.0],
    },
    schema_overrides={"decided_at": pl.Datetime("us", "UTC")},
)
REGIMES = pl.DataFrame(
    {
        "known_on": [date(2014, 3, 3), date(2014, 3, 3), DECIDED_ON],
        "basis": ["index", "discovery", "index"],
        "regime": ["calm", "rich", "stress"],
    }
)


def thesis(thesis_id, **changed):
    row = {
        "known_on": DAY,
        "horizon": "7d",
        "thesis_id": thesis_id,
        "symbol": "ABC",
        "decided_at": DECIDED_AT,
        "decision_known_on": DECIDED_ON,
        "recommendation": "BUY_MORE",
        "confidence": 0.7,
        "source": "ai",
        "forward_return": -0.2,
        "is_right": False,
        "is_counted": True,
        "market_regime": "calm",
    }
    return row | changed


def outcome(decision_id, **changed):
    row = {
        "known_on": DAY,
        "horizon": "7d",
        "decision_id": decision_id,
        "symbol": "ABC",
        "decided_at": DECIDED_AT,
        "is_selected": True,
        "is_in_cross_section": True,
        "action_tag": "watchlist",
        "forward_return": -0.2,
        "is_loser": True,
    }
    return row | changed


def cases(theses=(), outcomes=(), as_of=(DAY,), trades=TRADES):
    thesis_schema = pl.DataFrame([thesis("t")]).schema | {"decided_at": pl.Datetime("us", "UTC")}
    schema = feature_outcomes(COMPONENTS).schema
    return failure_cases(
        closed_trades=trades,
        thesis_outcomes=pl.DataFrame(list(theses), schema=thesis_schema),
        feature_outcomes=pl.DataFrame(list(outcomes), schema={n: schema[n] for n in outcome("d")}),
        discovery_candidates=CANDIDATES,
        thesis_decisions=THESES,
        market_regimes=REGIMES,
        weights={"squeeze": 0.5, "technical": 0.5},
        as_of=as_of,
        rules=RULES,
    )


def one(frame, case_id):
    return frame.row(by_predicate=pl.col("case_id") == case_id, named=True)


def test_the_frame_is_the_declared_table():
    frame = cases([thesis("t1")], [outcome("d1")])
    assert frame.schema == declared().schema
    assert frame.select("kind", "case_id").rows() == [
        ("candidate", "d1"),
        ("thesis", "t1"),
        ("trade", "p1"),
        ("trade", "p2"),
    ]


def test_a_trade_fails_at_the_loser_bound_and_one_without_a_return_is_no_case():
    frame = cases()
    assert frame.select("case_id", "is_failure").rows() == [("p1", True), ("p2", False)]


def test_a_trade_carries_what_its_ledger_row_knew():
    row = one(cases(), "p1")
    assert row["price_band"] == "under_5_usd"
    assert row["confidence_band"] == "very_high"
    assert row["sector"] == "Energy"
    assert (row["outcome_return"], row["pnl_usd"], row["exit_reason"]) == (-0.10, -100.0, "stop_loss")
    assert one(cases(), "p2")["confidence_band"] is None


@pytest.mark.parametrize(
    "changed",
    [{"confidence": 0.69}, {"confidence": None}, {"horizon": "1d"}, {"is_counted": False}, {"is_right": None}],
)
def test_only_counted_judged_confident_theses_are_cases(changed):
    assert cases([thesis("t1"), thesis("t2", **changed)]).filter(kind="thesis")["case_id"].to_list() == ["t1"]


def test_a_thesis_is_about_the_candidate_its_symbol_was():
    row = one(cases([thesis("t1")]), "t1")
    assert row["is_failure"]
    assert (row["action_tag"], row["dominant_component"], row["price_band"]) == ("watchlist", "squeeze", "5_to_20_usd")
    assert (row["sector"], row["confidence_band"], row["discovery_regime"]) == ("Energy", "high", "rich")


def test_a_candidate_of_later_or_long_before_says_nothing_about_a_thesis():
    early, late = datetime(2014, 3, 4, 14, tzinfo=UTC), datetime(2014, 3, 12, 15, tzinfo=UTC)
    frame = cases([thesis("t1", decided_at=early), thesis("t2", decided_at=late)])
    assert frame.filter(kind="thesis")["action_tag"].to_list() == [None, None]


@pytest.mark.parametrize(
    "changed",
    [
        {"action_tag": "monitor"},
        {"action_tag": None},
        {"is_selected": False},
        {"is_in_cross_section": False},
        {"horizon": "30d"},
        {"is_loser": None},
    ],
)
def test_only_candidates_that_are_acted_on_are_cases(changed):
    outcomes = [outcome("d1"), outcome("d2", **changed)]
    assert cases(outcomes=outcomes).filter(kind="candidate")["case_id"].to_list() == ["d1"]


def test_a_candidate_knows_only_the_regime_of_the_day_before():
    # The index regime of the day itself, stress, was read after the decision.
    row = one(cases(outcomes=[outcome("d1")]), "d1")
    assert (row["market_regime"], row["discovery_regime"]) == ("calm", "rich")
    assert (row["dominant_component"], row["price_band"], row["sector"]) == ("squeeze", "5_to_20_usd", "Energy")


def test_every_case_says_when_it_was_decided():
    # 01:30 UTC of March 5 is still the evening of March 4 in New York.
    night = datetime(2014, 3, 5, 1, 30, tzinfo=UTC)
    frame = cases([thesis("t1")], [outcome("d1")], trades=TRADES.with_columns(opened_at=pl.lit(night)))
    assert frame["decided_on"].to_list() == [DECIDED_ON] * 4
    unopened = cases(trades=TRADES.with_columns(opened_at=pl.lit(None, TRADES.schema["opened_at"])))
    assert unopened["decided_on"].null_count() == 2


def test_a_reopened_trade_takes_its_case_away():
    reopened = TRADES.with_columns(revision=pl.lit(2), realised_return=pl.lit(None, pl.Float64))
    frame = cases(trades=reopened)
    assert frame["is_withdrawn"].to_list() == [True] * 3
    assert not frame["is_failure"].any()
    assert frame.select(pl.col("outcome_return", "pnl_usd").null_count()).row(0) == (3, 3)
    assert not cases()["is_withdrawn"].any()


def test_other_days_are_left_alone():
    assert cases([thesis("t1")], [outcome("d1")], as_of=(date(2014, 3, 13),)).is_empty()
