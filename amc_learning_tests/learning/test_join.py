from datetime import UTC, date, datetime

import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.join import feature_outcomes

TABLES = catalogue(("technical",))
ENTRY = date(2024, 1, 4)
MORNING, EVENING = datetime(2024, 1, 3, 15, tzinfo=UTC), datetime(2024, 1, 3, 22, tzinfo=UTC)


def candidate(
    decision_id, decided_at=EVENING, *, event_id="run", is_selected=True, is_late=False, symbol="ABC", technical=50.0
):
    return {
        "known_on": date(2024, 1, 3),
        "decision_id": decision_id,
        "event_id": event_id,
        "decided_at": decided_at,
        "is_late": is_late,
        "symbol": symbol,
        "is_selected": is_selected,
        "action_tag": "monitor",
        "total_score": 60.0,
        "technical": technical,
        "n_universe": 900,
    }


def frame_of_candidates(rows):
    return pl.DataFrame(rows, schema_overrides={"decided_at": pl.Datetime("us", "UTC"), "technical": pl.Float64})


def outcomes_of(candidates, horizon="1d"):
    decisions = candidates.select("decision_id", "symbol", "decided_at", pl.col("known_on").alias("decision_known_on"))
    known = decisions.with_columns(
        known_on=pl.lit(ENTRY),
        horizon=pl.lit(horizon),
        entry_date=pl.lit(ENTRY),
        forward_return=0.1,
        is_winner=False,
        is_loser=False,
    )
    table = TABLES["candidate_outcomes"]
    return pl.concat([table.empty(), known], how="diagonal").select(table.column_names)


def standing(rows):
    """The decisions that stand in the cross-section."""
    candidates = frame_of_candidates(rows)
    joined = feature_outcomes(outcomes_of(candidates), candidates, components=("technical",))
    assert joined.height == len(rows), "no decision is dropped, only marked"
    return set(joined.filter("is_in_cross_section")["decision_id"])


def test_scores_lie_beside_the_outcome_in_the_declared_schema():
    candidates = frame_of_candidates([candidate("one", technical=None)])
    joined = feature_outcomes(outcomes_of(candidates), candidates, components=("technical",))
    assert joined.schema == TABLES["feature_outcomes"].schema
    row = joined.row(0, named=True)
    assert (row["technical"], row["total_score"], row["forward_return"], row["n_universe"]) == (None, 60.0, 0.1, 900)


def test_the_last_decision_on_a_symbol_before_its_entry_stands():
    rows = [candidate("z", MORNING, event_id="z"), candidate("a", EVENING, event_id="a")]
    assert standing(rows) == {"a"}
    assert standing(rows[::-1]) == {"a"}


def test_at_the_same_instant_the_larger_event_id_stands():
    assert standing([candidate("z", event_id="run 1"), candidate("a", event_id="run 2")]) == {"a"}


@pytest.mark.parametrize("selected", ["a", "z"])
def test_within_one_run_the_candidate_stands_before_the_control(selected):
    assert standing([candidate(name, is_selected=name == selected) for name in ("a", "z")]) == {selected}


def test_a_later_run_that_only_drew_the_symbol_as_a_control_stands():
    rows = [candidate("picked", MORNING), candidate("drawn", EVENING, is_selected=False)]
    assert standing(rows) == {"drawn"}


@pytest.mark.parametrize("is_selected", [True, False])
def test_a_decision_that_arrived_in_time_stands_whatever_time_a_late_one_claims(is_selected):
    live = candidate("live", MORNING, event_id="a", is_selected=is_selected)
    sent_in_afterwards = candidate("afterwards", EVENING, event_id="z", is_late=True)
    assert standing([live, sent_in_afterwards]) == standing([sent_in_afterwards, live]) == {"live"}


def test_among_late_decisions_alone_as_in_an_import_the_last_stands():
    rows = [candidate("early", MORNING, is_late=True), candidate("last", EVENING, is_late=True)]
    assert standing(rows) == {"last"}


def test_symbols_and_horizons_do_not_compete():
    candidates = frame_of_candidates([candidate("a", symbol="ABC"), candidate("d", symbol="DEF")])
    outcomes = pl.concat([outcomes_of(candidates, "7d"), outcomes_of(candidates, "1d")])
    joined = feature_outcomes(outcomes, candidates, components=("technical",))
    assert joined["is_in_cross_section"].all()
    assert joined.select("horizon", "decision_id").rows() == [("1d", "a"), ("1d", "d"), ("7d", "a"), ("7d", "d")]


def test_an_outcome_without_its_candidate_is_refused_by_name():
    candidates = frame_of_candidates([candidate("one"), candidate("two")])
    with pytest.raises(ValueError, match=r"1 outcomes do not belong .* decision two"):
        feature_outcomes(outcomes_of(candidates), candidates.head(1), components=("technical",))


@pytest.mark.parametrize("changed", [{"decided_at": MORNING}, {"symbol": "DEF"}])
def test_an_outcome_of_another_version_of_the_decision_is_refused(changed):
    candidates = frame_of_candidates([candidate("one")])
    corrected = frame_of_candidates([candidate("one") | changed])
    with pytest.raises(ValueError, match="compute the outcomes of 2024-01-04 again"):
        feature_outcomes(outcomes_of(candidates), corrected, components=("technical",))


def test_a_decision_made_after_its_entry_date_is_refused():
    candidates = frame_of_candidates([candidate("one", datetime(2024, 1, 5, 1, tzinfo=UTC))])
    with pytest.raises(ValueError, match="entry 2024-01-04"):
        feature_outcomes(outcomes_of(candidates), candidates, components=("technical",))
