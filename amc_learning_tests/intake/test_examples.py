"""Every example of the shared manifest means what the manifest says it means."""

import json
from pathlib import Path

import pytest

from amc_learning.contracts.events import DiscoveryResult
from amc_learning.intake.envelope import Envelope, Quarantined
from amc_learning.intake.files import read_records
from amc_learning_tests.intake.sent import SHARED, normalised, received

EXAMPLES = SHARED / "examples/events"
DISCOVERY = sorted(EXAMPLES.glob("discovery_*.json")) if EXAMPLES.exists() else []
OTHERS = sorted({*EXAMPLES.glob("*.json"), *()} - set(DISCOVERY)) if EXAMPLES.exists() else []

pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not EXAMPLES.exists(), reason="the shared examples are not beside this checkout"),
]


def outcome_of(start: str):
    (path,) = EXAMPLES.glob(f"discovery_{start}_*.json")
    (record,) = read_records(path)
    envelope = received(record.text)
    assert isinstance(envelope, Envelope)
    return envelope, normalised(record.text)


def run(start: str):
    return outcome_of(start)[1].runs.row(0, named=True)


@pytest.mark.parametrize("path", DISCOVERY, ids=lambda path: path.stem)
def test_every_discovery_example_is_accepted_verbatim_with_nothing_rejected(path: Path):
    (record,) = read_records(path)
    envelope = received(record.text)
    assert isinstance(envelope, Envelope)
    assert envelope.payload == path.read_text().strip()
    outcome = normalised(record.text)
    sent = json.loads(record.text)
    rows = sent.get("candidates", sent.get("items", []))
    assert outcome.runs["n_candidates"].item() == len(rows)
    assert outcome.rejections.is_empty()
    DiscoveryResult.model_validate(sent)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_what_is_no_discovery_result_is_quarantined_as_one(path: Path):
    for record in read_records(path):
        assert isinstance(received(record.text), Quarantined)


def test_01_five_of_six_components_are_the_same_for_every_symbol():
    outcome = outcome_of("01")[1]
    constant = outcome.runs["constant_components"].item().to_list()
    assert constant == ["volume_momentum", "catalyst", "sentiment", "options", "technical"]
    # Float noise of the sender is gone, so that nobody downstream ranks it.
    assert outcome.candidates["volume_momentum"].n_unique() == 1
    assert outcome.runs.select("n_monitor", "n_trade_ready", "score_scale").row(0) == (5, 0, "0-100")


def test_02_three_tags_of_another_rule_are_kept_and_the_time_is_eastern():
    envelope, outcome = outcome_of("02")
    assert envelope.occurred_at.isoformat() == "2025-09-15T22:38:28.586180+00:00"
    assert outcome.runs.select("n_trade_ready", "n_watchlist", "n_monitor").row(0) == (1, 4, 1)
    assert outcome.runs["warnings"].item()[0].startswith("5 of 6 tags differ")


def test_03_hybrid_scores_from_0_to_1_become_points_and_sentiment_stays_unknown():
    envelope, outcome = outcome_of("03")
    assert envelope.known_on.isoformat() == "2025-09-08"  # sent on a Sunday
    assert outcome.candidates["total_score"].to_list() == [30.21, 19.04]
    assert outcome.candidates["volume_momentum"].to_list() == [41.72, 18.73]
    assert outcome.candidates["sentiment"].null_count() == 2
    assert outcome.runs.select("score_scale", "status", "n_scored").row(0) == ("0-1", "success", None)


def test_05_nothing_qualified_counts_as_a_run():
    assert {k: run("05")[k] for k in ("status", "n_candidates", "n_scored", "universe_size", "score_min")} == {
        "status": "empty",
        "n_candidates": 0,
        "n_scored": 0,
        "universe_size": 3033,
        "score_min": None,
    }


def test_06_a_failed_run_keeps_its_error():
    failed = run("06")
    assert (failed["status"], failed["n_candidates"], failed["n_scored"]) == ("error", 0, None)
    assert failed["error_message"].startswith("Discovery system error")


def test_09_raw_snapshots_have_ticker_filter_score_and_price_but_no_tag():
    rows = outcome_of("09")[1].candidates
    assert rows.select("symbol", "total_score", "price_usd", "relative_volume", "n_universe").rows() == [
        ("KOPN", 100.0, 2.44, 3.3703, 37),
        ("UUUU", 67.5, 15.36, 2.1204, 37),
    ]
    assert rows["action_tag"].null_count() == rows["squeeze"].null_count() == 2


def test_12_a_refusal_on_stale_data_is_a_run_without_candidates():
    envelope, _ = outcome_of("12")
    assert envelope.occurred_at_source == "receipt"
    assert (run("12")["status"], run("12")["market_regime"]) == ("stale_data", "normal")


def test_14_the_typed_form_and_15_its_empty_form_are_runs():
    assert run("14")["n_candidates"] == 3
    assert (run("15")["status"], run("15")["n_candidates"]) == ("empty", 0)
