import gzip
import json
from datetime import UTC, date, datetime, timedelta

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.contracts.tables import catalogue
from amc_learning.intake.discovery import normalise_discovery, understands_discovery
from amc_learning_tests.intake.sent import (
    COMPONENTS,
    SHARED,
    candidates_of,
    column,
    normalised,
    run_of,
    stored,
)

TABLES = catalogue(COMPONENTS)
FEED = SHARED / "data/market/feed/discovery.ndjson.gz"

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.text(max_size=8),
    st.sampled_from(["85%", "NaN", "1e400", "0.5", "trade_ready", "ABC", "..", "\x00", 10**30]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from([*COMPONENTS, "score", "components"]), st.floats(), max_size=3),
)
rows = st.one_of(
    odd_values,
    st.fixed_dictionaries(
        {"symbol": st.one_of(st.sampled_from(["ABC", "DEF", "ghi ", "J.K", "A..B", "../../x"]), odd_values)},
        optional={
            "score": odd_values,
            "total_score": odd_values,
            "subscores": st.one_of(odd_values, st.dictionaries(st.sampled_from(COMPONENTS), odd_values)),
            "squeeze_score": odd_values,
            "technical": odd_values,
            "action_tag": odd_values,
            "rank": odd_values,
            "price": odd_values,
            "confidence": odd_values,
            "day": odd_values,
        },
    ),
)
results = st.fixed_dictionaries(
    {"candidates": st.lists(rows, max_size=8)},
    optional={
        "controls": st.one_of(st.lists(rows, max_size=4), odd_values),
        "status": odd_values,
        "error": odd_values,
        "engine": st.sampled_from(["hybrid_v1", "AlphaStack 4.1", "other"]),
        "weights": odd_values,
        "pipeline_stats": odd_values,
        "market_conditions": odd_values,
        "universe_size": odd_values,
        "job_id": odd_values,
    },
)


def as_sent(payload):
    """JSON as Python senders write it: NaN and infinities as they are."""
    return json.dumps(payload)


@given(results)
@settings(max_examples=300, deadline=None)
def test_every_row_sent_is_a_candidate_a_control_or_rejected_whatever_it_holds(result):
    outcome = normalised(as_sent(result))
    controls = result.get("controls")
    n_sent = len(result["candidates"]) + (len(controls) if isinstance(controls, list) else 0)
    run = outcome.runs.row(0, named=True)
    assert run["n_candidates"] + run["n_controls"] + run["n_rejected"] == n_sent
    assert outcome.candidates.height == run["n_candidates"] + run["n_controls"]
    assert outcome.candidates.filter(pl.col("is_selected")).height == run["n_candidates"]
    for frame, name in (
        (outcome.runs, "discovery_runs"),
        (outcome.candidates, "discovery_candidates"),
        (outcome.rejections, "discovery_rejections"),
    ):
        assert frame.schema == TABLES[name].schema
        assert frame.select(TABLES[name].key).is_duplicated().sum() == 0
        required = [item.name for item in TABLES[name].columns if not item.is_nullable]
        assert frame.select(pl.col(required).null_count()).sum_horizontal().sum() == 0
    scores = outcome.candidates.select("total_score", *COMPONENTS)
    assert all(0 <= value <= 100 for column_ in scores for value in column_.drop_nulls())


@given(st.lists(results, min_size=2, max_size=4))
@settings(max_examples=50, deadline=None)
def test_a_run_means_the_same_alone_and_in_any_company_and_order(batch):
    events = stored(*map(as_sent, batch))
    together = normalise_discovery(events, components=COMPONENTS)
    reversed_ = normalise_discovery(events.reverse(), components=COMPONENTS)
    alone = [normalise_discovery(events[i], components=COMPONENTS) for i in range(events.height)]
    for name in ("runs", "candidates", "rejections"):
        whole = getattr(together, name)
        assert whole.equals(getattr(reversed_, name))
        assert whole.equals(pl.concat([getattr(part, name) for part in alone]).sort("known_on", whole.columns[1]))


FIRST_TIME = datetime(2005, 1, 4, tzinfo=UTC)


@given(
    st.timedeltas(timedelta(0), timedelta(days=9000)).map(lambda since: FIRST_TIME + since),
    st.timedeltas(timedelta(hours=-1), timedelta(days=5)),
)
def test_a_decision_is_late_when_its_knowledge_day_was_over_on_receipt(decided_at, delay):
    received_at = decided_at + delay
    event = stored({"candidates": [{"symbol": "A"}], "controls": [{"symbol": "B"}]}).with_columns(
        known_on=pl.lit(knowledge_day(decided_at)),
        occurred_at=pl.lit(decided_at).dt.cast_time_unit("us"),
        received_at=pl.lit(received_at).dt.cast_time_unit("us"),
    )
    found = normalise_discovery(event, components=COMPONENTS).candidates["is_late"].to_list()
    assert found == [knowledge_day(received_at) > knowledge_day(decided_at)] * 2


def test_the_same_weekend_and_the_same_market_evening_are_in_time_and_the_next_day_is_late():
    def is_late(known_on, received_at):
        event = stored({"candidates": [{"symbol": "A"}]}).with_columns(
            known_on=pl.lit(known_on), received_at=pl.lit(received_at).dt.cast_time_unit("us")
        )
        return normalise_discovery(event, components=COMPONENTS).candidates["is_late"].item()

    monday = date(2014, 3, 10)
    assert not is_late(monday, datetime(2014, 3, 8, 12, tzinfo=UTC))
    assert not is_late(monday, datetime(2014, 3, 11, 3, 59, tzinfo=UTC))
    assert is_late(monday, datetime(2014, 3, 11, 4, 1, tzinfo=UTC))
    assert is_late(monday, datetime(2020, 1, 1, tzinfo=UTC))


@given(st.text(max_size=60))
def test_a_stored_payload_that_is_no_json_is_still_a_run(text):
    run = run_of(text)
    assert run["n_candidates"] == 0


# -- scale ------------------------------------------------------------------------------------------------------


def test_fractions_become_points():
    assert column([{"symbol": "A", "score": 0.3021}, {"symbol": "B", "score": 0.19}], "total_score") == [30.21, 19.0]


def test_declared_fractions_and_percentages_hold_where_values_alone_could_not_tell():
    rows = [{"symbol": "A", "score": 40.0, "subscores": {"options": 0.5, "technical": 60}}]
    assert column(rows, "options", engine="AlphaStack 4.1") == [0.5]
    assert column(rows, "options") == [50.0]


def test_mixed_scales_within_one_candidate_are_settled_per_field_and_reported():
    payload = {
        "candidates": [
            {"symbol": "A", "score": 72.3, "subscores": {"squeeze": 0.71, "technical": 73.0}},
            {"symbol": "B", "score": 66.0, "subscores": {"squeeze": 0.25, "technical": 68.0}},
        ]
    }
    outcome = normalised(payload)
    assert outcome.candidates["squeeze"].to_list() == [71.0, 25.0]
    assert outcome.candidates["technical"].to_list() == [73.0, 68.0]
    assert any("mixed scales" in warning for warning in outcome.runs["warnings"].item())


def test_a_declaration_the_values_contradict_is_dropped_and_reported():
    payload = {"strategy": "hybrid_v1", "candidates": [{"symbol": "A", "score": 71.0}, {"symbol": "B", "score": 44.0}]}
    outcome = normalised(payload)
    assert outcome.candidates["total_score"].to_list() == [71.0, 44.0]
    assert "declares" in outcome.runs["warnings"].item()[0]


def test_unbounded_scores_are_null_and_flagged_not_squeezed_into_a_scale():
    run = {"candidates": [{"symbol": "A", "score": 17103}, {"symbol": "B", "score": 60}]}
    outcome = normalised(run)
    assert outcome.candidates["total_score"].to_list() == [None, None]
    assert outcome.runs["score_scale"].item() == "unbounded"
    assert "17103" in outcome.runs["warnings"].item()[0]


POINTS = [
    {"symbol": "A", "score": 60.0, "subscores": {"squeeze": 25.0, "technical": 35.0}},
    {"symbol": "B", "score": 41.0, "subscores": {"squeeze": 20.0, "technical": 21.0}},
]


def test_points_that_sum_to_the_score_are_null_when_their_maximum_is_unknown():
    outcome = normalised({"candidates": POINTS})
    assert outcome.candidates["total_score"].to_list() == [60.0, 41.0]
    assert outcome.candidates["squeeze"].to_list() == [None, None]
    assert outcome.runs["score_scale"].item() == "points"


def test_points_are_rescaled_when_the_sender_says_their_maximum():
    assert column(POINTS, "squeeze", weights={"squeeze": 0.4, "technical": 0.6}) == [62.5, 50.0]


def test_one_score_out_of_range_among_many_is_null_and_named_while_its_row_stays():
    rows = [{"symbol": f"S{i}", "score": 50.0 + i} for i in range(12)]
    rows[3]["score"] = 104.0
    outcome = normalised({"candidates": rows})
    assert outcome.candidates.height == 12
    assert outcome.candidates["total_score"].null_count() == 1
    assert outcome.rejections.select("path", "value").rows() == [("candidates[3].score", "104.0")]
    assert outcome.runs["n_rejected"].item() == 0


def test_a_missing_component_is_null_and_a_zero_is_zero():
    rows = [{"symbol": "A", "score": 50, "subscores": {"squeeze": 0, "technical": 50}}, {"symbol": "B", "score": 50}]
    assert column(rows, "squeeze") == [0.0, None]


# -- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "candidate",
    [
        {"symbol": "A", "subscores": {"squeeze": 71}},
        {"ticker": "A", "components": {"squeeze": 71}},
        {"symbol": "A", "squeeze_score": 71},
        {"symbol": "A", "squeeze": 71},
        {"symbol": "A", "subscores": {"squeeze_score": "71"}},
        {"symbol": "A", "subscores": {"components": {"squeeze": 71}}},
        {"symbol": "A", "subscores": {"squeeze": {"score": 71, "weight": 0.2}}},
        {"symbol": " a ", "subscores": {"squeeze": "71%"}},
    ],
)
def test_a_component_is_found_by_every_name_it_goes_by(candidate):
    (row,) = candidates_of([candidate])
    assert (row["symbol"], row["squeeze"]) == ("A", 71.0)


@pytest.mark.parametrize("name", ["score", "total_score", "explosion_probability", "filter_score"])
def test_a_score_is_found_by_every_name_it_goes_by(name):
    assert column([{"symbol": "A", name: 64.5}], "total_score") == [64.5]


def test_a_price_is_no_component_score_though_the_component_is_called_price():
    outcome = normalised({"candidates": [{"symbol": "A", "price": 19.46}]}, components=("price",))
    assert outcome.candidates.select("price", "price_usd").row(0) == (None, 19.46)


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"candidates": [{"symbol": "A"}, 7]}, "candidates[1]"),
        ({"items": [{"symbol": "A"}, 7]}, "items[1]"),
        ({"tickers": [{"ticker": "A"}, 7]}, "tickers[1]"),
        ({"success": True, "data": {"candidates": [{"symbol": "A"}, 7]}}, "data.candidates[1]"),
        ([{"symbol": "A"}, 7], "[1]"),
    ],
)
def test_rows_are_found_in_every_container_and_named_by_it(payload, path):
    outcome = normalised(payload)
    assert understands_discovery(payload) is None
    assert outcome.candidates["symbol"].to_list() == ["A"]
    assert outcome.rejections["path"].to_list() == [path]


@pytest.mark.parametrize("symbol", ["../../x", "'; drop", "A..B", "", "TOOLONGSYMB", "1ABC", "A\x00", 7, True, ["A"]])
def test_a_bad_symbol_is_rejected_by_name_and_the_others_stay(symbol):
    outcome = normalised({"candidates": [{"symbol": "OK"}, {"symbol": symbol}]})
    assert outcome.candidates["symbol"].to_list() == ["OK"]
    assert outcome.rejections["path"].to_list() == ["candidates[1].symbol"]


def test_symbols_with_dots_are_kept():
    assert column([{"symbol": "DMYY.WS"}, {"ticker": "brk-b"}], "symbol") == ["BRK-B", "DMYY.WS"]


def test_of_a_symbol_sent_twice_the_first_is_kept_also_against_controls():
    payload = {
        "candidates": [{"symbol": "A", "score": 70}, {"symbol": "a", "score": 10}],
        "controls": [{"symbol": "A", "score": 20}, {"symbol": "B", "score": 30}],
    }
    outcome = normalised(payload)
    assert outcome.candidates.select("symbol", "is_selected", "total_score").rows() == [
        ("A", True, 70.0),
        ("B", False, 30.0),
    ]
    assert outcome.rejections["path"].to_list() == ["candidates[1].symbol", "controls[0].symbol"]


def test_rows_beyond_the_limit_are_rejected_one_by_one():
    outcome = normalised({"candidates": [{"symbol": "A"}, {"symbol": "B"}, {"symbol": "C"}]}, max_candidates=2)
    assert outcome.candidates.height == 2
    assert outcome.rejections["path"].to_list() == ["candidates[2]"]


# -- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("TRADE_READY", "trade_ready"),
        ("Trade Ready", "trade_ready"),
        ("explosive", "trade_ready"),
        ("momentum", "watchlist"),
        ("WATCH", "watchlist"),
        ("monitor", "monitor"),
        ("skip", "monitor"),
        ("moon", "other"),
    ],
)
def test_tags_of_any_vocabulary_have_a_canonical_word_and_are_kept_as_sent(sent, canonical):
    (row,) = candidates_of([{"symbol": "A", "action": sent}])
    assert (row["action_tag"], row["action_tag_sent"]) == (canonical, sent)


def test_without_a_tag_none_is_made_up_from_the_score():
    assert column([{"symbol": "A", "score": 99.0}], "action_tag") == [None]


@pytest.mark.parametrize("value", ['"NaN"', "NaN", "Infinity", "-Infinity", "1e999", '"inf"', '"n/a"', "true", "[1]"])
def test_what_is_no_finite_number_is_null_and_named(value):
    payload = (
        f'{{"candidates": [{{"symbol": "A", "score": 50, "subscores": {{"squeeze": {value}, "technical": 40}}}}]}}'
    )
    outcome = normalised(payload)
    assert outcome.candidates.select("squeeze", "technical").row(0) == (None, 40.0)
    assert outcome.rejections["path"].to_list() == ["candidates[0].subscores.squeeze"]


@pytest.mark.parametrize(("sent", "fraction"), [(0.89, 0.89), ("89%", 0.89), (89, 0.89), ("0.89", 0.89), (-1, None)])
def test_confidence_is_a_fraction_however_it_is_sent(sent, fraction):
    assert column([{"symbol": "A", "confidence": sent}], "confidence") == [fraction]


def test_ranks_are_as_sent_else_the_place_in_the_list_and_controls_have_none():
    payload = {
        "candidates": [{"symbol": "A", "rank": 9}, {"symbol": "B"}],
        "controls": [{"symbol": "C"}, {"symbol": "D", "rank": 300}],
    }
    assert normalised(payload).candidates["rank"].to_list() == [9, 2, None, 300]


def test_the_population_is_what_was_scored_else_filtered_else_the_universe():
    assert run_of({"candidates": [], "pipeline_stats": {"scored": 5, "filtered": 6}})["n_scored"] == 5
    for fields, n in (
        ({"pipeline_stats": {"scored": 5, "filtered": 6}, "universe_size": 7}, 5),
        ({"filtered_size": 6, "universe_size": 7}, 6),
        ({"universe_size": "7"}, 7),
        ({}, None),
    ):
        assert column([{"symbol": "A"}], "n_universe", **fields) == [n]


def test_numbers_too_large_for_any_column_are_no_counts():
    run = run_of({"candidates": [{"symbol": "A", "rank": 10**30}], "universe_size": 10**30})
    assert run["universe_size"] is None


# -- runs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"status": "success", "candidates": [{"symbol": "A"}]}, "success"),
        ({"status": "success", "candidates": []}, "empty"),
        ({"candidates": []}, "empty"),
        ([], "empty"),
        ({"status": "error", "error": "boom"}, "error"),
        ({"error": "boom"}, "error"),
        ({"success": False, "candidates": []}, "error"),
        ({"status": "stale_data", "items": []}, "stale_data"),
        ({"status": "Market Closed"}, "market_closed"),
        ({"data": {"status": "stale_data"}, "success": True}, "stale_data"),
    ],
)
def test_empty_and_failed_runs_are_runs(payload, status):
    assert understands_discovery(payload) is None
    assert run_of(payload)["status"] == status


def test_the_score_distribution_is_that_of_the_selected_only():
    payload = {
        "candidates": [{"symbol": s, "score": v} for s, v in (("A", 60), ("B", 70), ("C", 80), ("D", 50))],
        "controls": [{"symbol": "E", "score": 10}],
    }
    run = run_of(payload)
    oracle = pl.Series([60.0, 70, 80, 50])
    assert (run["score_min"], run["score_max"]) == (oracle.min(), oracle.max())
    assert (run["score_median"], run["score_mean"]) == (oracle.median(), oracle.mean())
    assert run["score_std"] == pytest.approx(oracle.std(), abs=1e-9)


def test_market_and_pipeline_are_kept_as_canonical_json():
    run = run_of({"candidates": [], "market_conditions": {"vix": 23.17, "regime": "bear"}, "pipeline_stats": {}})
    assert (run["market_conditions"], run["market_regime"]) == ('{"regime":"bear","vix":23.17}', "bear")
    assert run["filtering_statistics"] == "{}"


def test_nothing_understood_is_said_to_be_nothing_understood():
    for payload in ({"foo": 1}, [1, 2], [{"foo": 1}], {"candidates": "ABC"}, {"symbol": "A", "thesis": "up"}):
        assert understands_discovery(payload) is not None


# -- the real feed ------------------------------------------------------------------------------------------------


@pytest.mark.real_feed
@pytest.mark.skipif(not FEED.exists(), reason=f"the shared feed is not at {FEED.name}")
def test_the_real_feed_is_understood_row_for_row():
    lines = gzip.decompress(FEED.read_bytes()).decode().splitlines()
    outcome = normalised(*lines)
    runs = outcome.runs
    assert (runs.height, outcome.rejections.height, runs["warnings"].list.len().sum()) == (1751, 0, 0)
    assert runs.select(pl.sum("n_candidates", "n_controls")).row(0) == (87_550, 87_550)
    assert runs["score_scale"].unique().to_list() == ["0-100"]
    expected = [
        (
            row["symbol"],
            row["score"],
            *(row["subscores"].get(name) for name in COMPONENTS),
            row["price"],
            row["rank"],
            stats["scored"],
        )
        for line in lines[::50]
        for result in [orjson.loads(line)]
        for stats in [result["pipeline_stats"]]
        for row in sorted(result["candidates"] + result["controls"], key=lambda row: row["symbol"])
    ]
    sampled = outcome.candidates.filter(pl.col("event_id").is_in(runs["event_id"].gather_every(50).implode()))
    actual = sampled.sort("event_id", "symbol").select(
        "symbol", "total_score", *COMPONENTS, "price_usd", "rank", "n_universe"
    )
    assert actual.rows() == expected
