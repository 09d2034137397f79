"""What models learn from: which candidates, what came true, what was known."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.models.cases import candidates_to_predict, feature_groups, training_cases
from amc_learning.learning.models.rules import ModelRules

COMPONENTS = ("squeeze", "technical")
TABLES = catalogue(COMPONENTS)
RULES = ModelRules(components=COMPONENTS)
ENTRY, MATURED, STOPPED = date(2014, 3, 4), date(2014, 3, 10), date(2014, 4, 1)
RETURNS = {"a": 0.30, "b": 0.02, "c": -0.04, "d": -0.90, "gone": None}
FALLS = {"a": -0.01, "b": -0.08, "c": -0.0799, "d": -0.95, "gone": -0.20}


def frame(name, rows):
    table = TABLES[name]
    return pl.DataFrame([dict.fromkeys(table.column_names) | row for row in rows], schema=table.schema)


def world(**changes):
    """Five candidates of one day at both horizons, with whatever is changed about one of them."""
    outcomes, joined = [], []
    for horizon, day in (("7d", MATURED), ("30d", STOPPED)):
        for name, forward in RETURNS.items():
            shared = {"known_on": day, "horizon": horizon, "decision_id": name, "symbol": name.upper()}
            shared |= {"entry_date": ENTRY, "forward_return": forward}
            if forward is not None:
                shared |= {"is_winner": forward >= 0.25, "is_loser": forward <= -0.1}
            outcomes.append(
                shared | {"decision_known_on": ENTRY - timedelta(days=1), "max_adverse_excursion": FALLS[name]}
            )
            scored = {"is_selected": True, "is_in_cross_section": True, "action_tag": "watchlist", "total_score": 71.0}
            joined.append(shared | scored | {"squeeze": 40.0} | changes.get(name, {}))
    regimes = frame("market_regimes", [{"known_on": date(2014, 2, 28), "basis": "index", "regime": "turbulent"}])
    return training_cases(
        frame("feature_outcomes", joined),
        frame("candidate_outcomes", outcomes),
        TABLES["price_bars"].empty(),
        TABLES["index_closes"].empty(),
        regimes,
        rules=RULES,
    )


def truths(cases):
    return dict(zip(cases.decision_ids, cases.truth.tolist(), strict=True))


def test_each_target_has_the_truth_its_name_says():
    found = world()
    assert truths(found["success"]) == {"a": 1, "b": 0, "c": 0, "d": 0}
    # Median of 0.30, 0.02, -0.04, -0.90 is -0.01.
    assert truths(found["outperformance"]) == {"a": 1, "b": 1, "c": 0, "d": 0}
    # Held within 0.25: 0.25, 0.02, -0.04, -0.25, mean -0.005.
    assert truths(found["return"]) == pytest.approx({"a": 0.255, "b": 0.025, "c": -0.035, "d": -0.245})
    # Exactly at the stop sells; a low at the stop settles it though the exit bar is missing.
    assert truths(found["stop_out"]) == {"a": 0, "b": 1, "c": 0, "d": 1, "gone": 1}


def test_labels_span_entry_to_the_day_they_became_known():
    found = world()
    assert set(found["success"].matured_dates) == {MATURED}
    assert set(found["stop_out"].matured_dates) == {STOPPED}
    assert set(found["stop_out"].entry_dates) == {ENTRY}


@pytest.mark.parametrize("change", [{"is_selected": False}, {"is_in_cross_section": False}])
def test_controls_and_decisions_that_repeat_an_outcome_are_no_cases(change):
    assert "b" not in truths(world(b=change)["stop_out"])


def test_what_was_known_stands_in_its_column_and_what_was_not_is_missing():
    cases = world(a={"action_tag": None, "squeeze": None})["success"]
    names = list(feature_groups(COMPONENTS))
    first, second = (dict(zip(names, row, strict=True)) for row in cases.features[:2].tolist())
    assert second | {"technical": 0} == second | {
        "squeeze": 40.0,
        "technical": 0,
        "total_score": 71.0,
        "tag_trade_ready": 0.0,
        "tag_watchlist": 1.0,
        "index_turbulent": 1.0,
    }
    assert np.isnan([second["technical"], second["discovery_high_volatility"], second["volatility_20"]]).all()
    assert np.isnan([first["squeeze"], first["tag_watchlist"]]).all()


@pytest.mark.parametrize("name", ["vix", "volatility", "tag_trade_ready", "index_turbulent", "market"])
def test_a_component_called_like_another_feature_or_group_stays_itself(name):
    plain, clashing = feature_groups(("squeeze", "technical")), feature_groups(("squeeze", name))
    assert len(clashing) == len(plain)
    assert list(clashing.values()).count(list(clashing.values())[1]) == 1
    assert list(clashing.items())[2:] == list(plain.items())[2:]
    # No feature set can have a component of the name it gets.
    assert not list(clashing)[1].isidentifier()


def test_the_candidates_predicted_are_the_selected_of_the_newest_day_once_per_symbol():
    def candidate(day, name, *, hour=20, rank=1, is_selected=True, symbol="AAA"):
        return {
            "known_on": day,
            "decision_id": name,
            "decided_at": datetime(day.year, day.month, day.day, hour),  # noqa: DTZ001 - the schema says UTC
            "symbol": symbol,
            "rank": rank,
            "is_selected": is_selected,
        }

    thursday, friday = date(2014, 12, 11), date(2014, 12, 12)
    rows = [
        candidate(thursday, "old"),
        candidate(friday, "control", symbol="CCC", is_selected=False),
        candidate(friday, "morning", hour=15, rank=2),
        candidate(friday, "evening", rank=3),
        candidate(friday, "other", symbol="BBB", rank=1),
    ]
    found = candidates_to_predict(frame("discovery_candidates", rows))
    assert found["decision_id"].to_list() == ["other", "evening"]
    assert found["decided_on"].to_list() == [friday] * 2
