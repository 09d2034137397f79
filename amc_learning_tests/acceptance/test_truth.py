"""Noise moves nothing; a planted truth is found, and in its direction."""

import polars as pl
import pytest

from amc_learning_tests.acceptance.loop import DAYS, backfilled, ingested, market, open_warehouse, write_files


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_without_a_planted_effect_no_weight_moves(seed, tmp_path, clean_environment):
    files = write_files(tmp_path / "feed", market(seed, is_null=True))
    settings = ingested(files, tmp_path / "data")
    decisions = backfilled(settings).table("weight_decisions").read(None, None)
    assert decisions["known_on"].n_unique() == len(DAYS)
    assert decisions["change"].abs().max() == 0.0
    assert set(decisions["status"]) <= {"held", "insufficient_evidence"}
    last = decisions.filter(pl.col("known_on") == DAYS[-1])
    assert dict(last.select("component", "weight").iter_rows()) == settings.features.default_weights


def test_a_planted_component_gains_weight_and_a_component_of_wrong_sign_loses_all_of_its(finished):
    decisions = open_warehouse(finished).table("weight_decisions").read(DAYS[-1], DAYS[-1])
    weights = dict(decisions.select("component", "weight").iter_rows())
    default = finished.features.default_weights
    assert weights["technical"] > default["technical"] + 0.3
    assert weights["sentiment"] == 0.0
    assert max(weights, key=weights.get) == "technical"


def test_no_weight_moves_before_there_is_evidence(finished):
    decisions = open_warehouse(finished).table("weight_decisions").read(None, None)
    moved = decisions.filter(pl.col("change") != 0)
    first = moved["known_on"].min()
    assert DAYS.index(first) >= 10
    early = decisions.filter(pl.col("known_on") < first)
    assert set(early["status"]) <= {"insufficient_evidence", "held"}
    assert set(moved["status"]) == {"active"}
