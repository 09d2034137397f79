import gzip
import json
from dataclasses import replace
from datetime import date, datetime
from itertools import chain
from pathlib import Path

import polars as pl
import pytest

from amc_learning.simulation.rules import SAMPLE

REAL_FEED = Path(__file__).resolve().parents[3] / "shared/data/market/feed/discovery.ndjson.gz"


def shape(value):
    """Keys and types of a JSON value, in order; a list is described by its first entry."""
    if isinstance(value, dict):
        return [(key, shape(entry)) for key, entry in value.items()]
    if isinstance(value, list):
        return [shape(value[0])]
    return type(value)


def without_missing_components(result):
    """Components may be missing from any entry; what matters is that those there are known, and are numbers."""
    plain = json.loads(json.dumps(result))
    for entry in chain(plain["candidates"], plain["controls"]):
        subscores = entry.pop("subscores")
        assert set(subscores) <= set(SAMPLE.components)
        assert {type(score) for score in subscores.values()} == {float}
    return plain


@pytest.mark.real_feed
@pytest.mark.skipif(not REAL_FEED.exists(), reason=f"the real feed is not here: {REAL_FEED}")
def test_results_have_the_keys_and_types_of_the_real_feed_in_its_order(sample):
    with gzip.open(REAL_FEED, "rt", encoding="utf-8") as lines:
        real = without_missing_components(json.loads(next(lines)))
    for result in sample.discovery_results:
        assert shape(without_missing_components(result)) == shape(real)


def test_results_say_that_they_are_simulated(sample):
    assert {result["method"] for result in sample.discovery_results} == {"simulated_market"}
    assert all(result["job_id"].startswith("simulated_") for result in sample.discovery_results)


def test_one_result_a_session_after_the_close_in_the_markets_own_time(sample):
    decided = [datetime.fromisoformat(result["timestamp"]) for result in sample.discovery_results]
    assert [moment.date() for moment in decided] == sample.index["date"].to_list()
    assert {moment.strftime("%H:%M:%S") for moment in decided} == {"16:10:00"}
    offsets = {moment.date(): moment.strftime("%z") for moment in decided}
    assert (offsets[date(2024, 1, 2)], offsets[date(2024, 7, 1)]) == ("-0500", "-0400")


def test_candidates_are_the_best_by_total_score_and_controls_come_from_the_rest(sample):
    for day, result in zip(sample.index["date"], sample.discovery_results, strict=True):
        scored = sample.scores.filter(pl.col("date") == day).sort("total_score", "symbol", descending=[True, False])
        ranking = {symbol: rank for rank, symbol in enumerate(scored["symbol"], start=1)}
        assert [candidate["symbol"] for candidate in result["candidates"]] == scored["symbol"].head(50).to_list()
        for entry in chain(result["candidates"], result["controls"]):
            assert entry["rank"] == ranking[entry["symbol"]]
        controls = [control["symbol"] for control in result["controls"]]
        assert len(set(controls)) == 50
        assert min(ranking[symbol] for symbol in controls) > 50
        assert result["universe_size"] == scored.height == result["pipeline_stats"]["scored"]


def test_controls_are_drawn_evenly_from_the_unselected(sample):
    ranks = [control["rank"] for result in sample.discovery_results for control in result["controls"]]
    middle = (
        sum(result["universe_size"] + 51 for result in sample.discovery_results) / 2 / len(sample.discovery_results)
    )
    spread = 190 / 12**0.5 / len(ranks) ** 0.5
    assert sum(ranks) / len(ranks) == pytest.approx(middle, abs=4 * spread)


def test_entries_carry_the_scores_and_the_close_of_their_session(sample):
    closes = {(symbol, day): close for symbol, day, close in sample.bars.select("symbol", "date", "close").iter_rows()}
    scores = {(row["symbol"], row["date"]): row for row in sample.scores.iter_rows(named=True)}
    for day, result in zip(sample.index["date"], sample.discovery_results, strict=True):
        for entry in chain(result["candidates"], result["controls"]):
            known = scores[entry["symbol"], day]
            assert entry["price"] == closes[entry["symbol"], day]
            assert entry["score"] == known["total_score"]
            assert entry["subscores"] == {name: known[name] for name in SAMPLE.components if known[name] is not None}


def test_tags_and_counts_follow_the_thresholds(sample):
    for result in sample.discovery_results:
        tags = [candidate["action_tag"] for candidate in result["candidates"]]
        assert (result["count"], result["trade_ready_count"]) == (len(tags), tags.count("trade_ready"))
        assert result["monitor_count"] == tags.count("monitor")
        for entry in chain(result["candidates"], result["controls"]):
            expected = "trade_ready" if entry["score"] >= 75 else "watchlist" if entry["score"] >= 70 else "monitor"
            assert entry["action_tag"] == expected
    all_tags = {candidate["action_tag"] for result in sample.discovery_results for candidate in result["candidates"]}
    assert all_tags == {"trade_ready", "watchlist", "monitor"}


def test_a_day_with_too_few_scored_symbols_shows_those_there_are(simulate):
    rules = replace(SAMPLE, n_symbols=100, n_sessions=30, share_missing_bars=0.45, share_missing_scores=0.5)
    results = simulate(rules).discovery_results
    sizes = [(result["universe_size"], len(result["candidates"]), len(result["controls"])) for result in results]
    assert all((chosen, controls) == (min(50, size), max(0, size - 50)) for size, chosen, controls in sizes)
    assert min(size for size, _, _ in sizes) < 50 < max(size for size, _, _ in sizes)
