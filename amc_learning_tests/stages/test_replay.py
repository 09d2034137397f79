"""Replay of the simulated market in its warehouse: the nights of the backfill, and nothing written."""

import polars as pl
import pytest

from amc_learning.contracts.documents.replay import ReplayDocument
from amc_learning.stages.replay import ReplayError, replay_days, replay_document
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse, tree


@pytest.fixture
def warehouse(finished):
    return open_warehouse(finished)


def test_the_nights_of_a_replay_are_those_of_the_backfill_to_the_last_bit(finished, warehouse):
    stored = warehouse.table("weight_decisions").read(None, None)
    assert replay_days(warehouse, finished, DAYS).decisions.equals(stored)


def test_a_replay_writes_nothing(finished, warehouse):
    before = tree(finished.data_dir)
    replay_days(warehouse, finished, DAYS)
    assert tree(finished.data_dir) == before


def test_a_replay_from_the_middle_starts_from_the_default_weights(finished, warehouse):
    later = replay_days(warehouse, finished, DAYS[-10:])
    first = later.decisions.filter(pl.col("known_on") == DAYS[-10])
    assert dict(first.select("component", "previous_weight").iter_rows()) == finished.features.default_weights
    assert later.daily["decided_on"].min() > DAYS[-10]


def test_on_the_planted_market_learning_beats_the_default_weights(finished, warehouse):
    found = replay_days(warehouse, finished, DAYS).judgement("1d", "adaptive")
    assert found.coefficient_over_static.ci_low > 0
    assert found.top_return_over_controls.n == found.n_days


def test_the_document_holds_every_horizon_and_contender_and_survives_json(finished, warehouse):
    replay = replay_days(warehouse, finished, DAYS)
    document = replay_document(replay, DAYS, top_k=10)
    assert ReplayDocument.model_validate_json(document.model_dump_json()) == document
    judged = {(one.horizon, one.contender) for one in document.judgements}
    expected = {
        (horizon, name) for horizon in ("1d", "7d", "30d") for name in ("adaptive", "static", "equal", "best_fixed")
    }
    assert judged == expected
    assert [night.known_on for night in document.nights][:: len(document.nights) - 1] == [DAYS[0], DAYS[-1]]
    assert len(document.nights) <= document.n_nights_moved + 2
    assert all(sum(night.weights.values()) == pytest.approx(1, abs=1e-6) for night in document.nights)


def test_a_range_without_statistics_is_refused_with_the_command_that_makes_them(loaded):
    with pytest.raises(ReplayError, match=f"no daily statistics from {DAYS[0]} .* backfill --from {DAYS[0]}"):
        replay_days(open_warehouse(loaded), loaded, DAYS)
