"""Thesis decisions: what each way of sending one means, and that none is lost whatever it holds."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.contracts.declared.collect import thesis_decisions, thesis_rejections
from amc_learning.contracts.events import ThesisDecision
from amc_learning.intake.envelope import Quarantined
from amc_learning.intake.thesis import normalise_theses
from amc_learning.intake.thesis_shape import RECOMMENDATIONS, canonical_recommendation, understands_thesis
from amc_learning_tests.intake.sent import RECEIVED_AT, received
from amc_learning_tests.intake.sent_trading import accepted, rejected, stored, theses_of, thesis

CANONICAL = {"BUY_MORE", "HOLD", "TRIM", "LIQUIDATE", "RESEARCH"}
FLAT = {"symbol": "KSS", "recommendation": "HOLD", "confidence": 0.6}


def decisions(payload):
    return theses_of(payload).decisions.select("thesis_id", "recommendation", "confidence", "source").rows()


# -- words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "canonical"),
    [
        ("BUY_MORE", "BUY_MORE"),
        ("BUY MORE", "BUY_MORE"),
        (" Buy-More ", "BUY_MORE"),
        ("BUY", "BUY_MORE"),
        ("increase", "BUY_MORE"),
        ("hold", "HOLD"),
        ("Hold.", "HOLD"),
        ("TRIM", "TRIM"),
        ("TRIM_25", "TRIM"),
        ("Trim 50%", "TRIM"),
        ("reduce by 30 %", "TRIM"),
        ("reduce", "TRIM"),
        ("LIQUIDATE", "LIQUIDATE"),
        ("SELL", "LIQUIDATE"),
        ("TRIM_100", "LIQUIDATE"),
        ("EXIT", "LIQUIDATE"),
        ("RESEARCH", "RESEARCH"),
        ("review", "RESEARCH"),
    ],
)
def test_every_word_of_the_senders_has_one_meaning_and_is_kept_as_sent(word, canonical):
    row = thesis(FLAT | {"recommendation": word})
    assert (row["recommendation"], row["recommendation_sent"]) == (canonical, word)


def test_the_vocabulary_leads_to_the_five_canonical_words_and_each_of_them_to_itself():
    assert set(RECOMMENDATIONS.values()) == CANONICAL
    assert {canonical_recommendation(word) for word in CANONICAL} == CANONICAL
    assert [canonical_recommendation(word) for word in ("TRIM_0", "TRIM_101", "TRIM_1e1", "", "sell half")] == [
        None
    ] * 5


@pytest.mark.parametrize(
    "field",
    ["recommendation", "exit_recommendation", "recommendation_type", "action", "suggestion", "ai_recommendation"],
)
def test_a_recommendation_is_found_under_every_name_it_goes_by(field):
    assert thesis({"symbol": "KSS", field: "TRIM_50"})["recommendation"] == "TRIM"


def test_an_unknown_word_is_rejected_alone_and_the_rest_of_the_decision_is_kept():
    normalised = theses_of({"symbol": "KSS", "thesis": {"recommendation": "YOLO", "confidence": 0.9}})
    row = normalised.decisions.row(0, named=True)
    assert (row["recommendation"], row["recommendation_sent"], row["confidence"]) == (None, "YOLO", 0.9)
    assert list(rejected(normalised)) == ["thesis.recommendation"]
    assert normalised.rejections["value"].item() == "YOLO"


def test_a_known_word_in_another_field_counts_where_the_first_is_unknown_or_agrees_less():
    normalised = theses_of({"symbol": "KSS", "recommendation": "YOLO", "suggestion": "hold"})
    assert normalised.decisions["recommendation"].item() == "HOLD"
    assert list(rejected(normalised)) == ["recommendation"]
    contradictory = thesis({"symbol": "KSS", "recommendation": "HOLD", "suggestion": "reduce"})
    assert contradictory["recommendation"] == "HOLD"
    assert contradictory["warnings"] == ["suggestion says reduce, recommendation says HOLD: the latter counts"]


# -- confidence -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "fraction", "is_flagged"),
    [
        (0.82, 0.82, False),
        (0, 0.0, False),
        (1, 1.0, False),
        ("0.7", 0.7, False),
        ("85%", 0.85, False),
        ("0.5%", 0.005, False),
        (85, 0.85, True),
        (1.5, 0.015, True),
        (100, 1.0, True),
        ("72", 0.72, True),
        (None, None, False),
        ("", None, False),
    ],
)
def test_confidence_is_a_fraction_up_to_one_and_a_percentage_above(sent, fraction, is_flagged):
    row = thesis(FLAT | {"confidence": sent})
    assert row["confidence"] == fraction
    assert bool(row["warnings"]) is is_flagged


@pytest.mark.parametrize("sent", [-0.1, 101, "high", True, [0.5], "NaN", {"value": 1}])
def test_what_is_no_confidence_is_null_and_rejected_and_the_decision_kept(sent):
    normalised = theses_of(FLAT | {"confidence": sent})
    assert normalised.decisions.select("recommendation", "confidence").rows() == [("HOLD", None)]
    assert list(rejected(normalised)) == ["confidence"]


def test_the_confidence_of_an_embedded_candidate_is_never_that_of_the_decision():
    embedded = {"discovery_data": {"symbol": "KSS", "confidence": 0.71, "action": "SELL", "recommendation": "SELL"}}
    row = thesis({"recommendation": "HOLD", **embedded})
    assert (row["confidence"], row["recommendation"], row["symbol"]) == (None, "HOLD", "KSS")


@pytest.mark.parametrize("field", ["confidence", "confidence_score", "ai_confidence"])
def test_confidence_is_found_under_every_name_it_goes_by(field):
    assert thesis({"symbol": "KSS", "recommendation": "HOLD", field: 0.4})["confidence"] == 0.4


# -- whose decision ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"ai_generated": True}, "ai"),
        ({"ai_generated": False}, "rule_based"),
        ({"enhanced": "true"}, "ai"),
        ({"enhanced": False}, "rule_based"),
        ({"ai_powered": 1}, "ai"),
        ({"source": "claude-3"}, "ai"),
        ({"producer": "Rule Engine"}, "rule_based"),
        ({"generator": "fair value"}, "unknown"),
        ({}, "unknown"),
        ({"ai_generated": "perhaps"}, "unknown"),
    ],
)
def test_the_source_is_told_by_flags_and_names_and_never_guessed(fields, source):
    assert thesis(FLAT | fields)["source"] == source
    assert thesis({"thesis": FLAT, **fields})["source"] == source


def test_the_innermost_flag_about_the_source_counts_and_a_contradiction_is_flagged():
    row = thesis({"success": True, "data": FLAT | {"ai_generated": False}, "ai_powered": True})
    assert row["source"] == "rule_based"
    assert "contradictory" in row["warnings"][0]


def test_two_decisions_in_one_object_are_both_kept_each_with_its_own_confidence():
    payload = FLAT | {"ai_recommendation": "TRIM_50", "ai_confidence": "78%", "ai_generated": True}
    assert decisions(payload) == [
        ("thesis:000000", "HOLD", 0.6, "rule_based"),
        ("thesis:000000#2", "TRIM", 0.78, "ai"),
    ]
    without = {"symbol": "KSS", "recommendation": "HOLD", "ai_recommendation": "TRIM", "confidence": 0.6}
    assert [row[2] for row in decisions(without)] == [0.6, None]


@pytest.mark.parametrize(
    "payload",
    [
        {
            "symbol": "KSS",
            "rule": {"recommendation": "HOLD", "confidence": 0.6},
            "ai": {"recommendation": "TRIM", "confidence": 0.78},
        },
        {
            "symbol": "KSS",
            "ai": {"recommendation": "TRIM", "confidence": 0.78},
            "recommendation": "HOLD",
            "confidence": 0.6,
        },
        {
            "symbol": "KSS",
            "rule_recommendation": "HOLD",
            "rule_confidence": 0.6,
            "ai_recommendation": "TRIM",
            "ai_confidence": 0.78,
            "ai_powered": True,
        },
        {
            "data": {
                "symbol": "KSS",
                "ai_analysis": {"action": "reduce", "confidence_score": 78},
                "rule_based": {"action": "hold", "confidence_score": 60},
            }
        },
    ],
)
def test_decisions_of_rule_and_ai_beside_each_other_are_both_kept(payload):
    assert decisions(payload) == [
        ("thesis:000000", "HOLD", 0.6, "rule_based"),
        ("thesis:000000#2", "TRIM", 0.78, "ai"),
    ]


def test_an_envelope_that_says_the_same_is_no_second_decision_and_one_that_says_otherwise_is():
    inner = {"recommendation": "HOLD", "confidence": 0.7}
    assert [row[1] for row in decisions({"symbol": "KSS", "recommendation": "hold", "thesis": inner})] == ["HOLD"]
    both = decisions({"symbol": "KSS", "recommendation": "SELL", "confidence": 0.2, "thesis": inner})
    assert [row[1:3] for row in both] == [("LIQUIDATE", 0.2), ("HOLD", 0.7)]


@pytest.mark.parametrize("container", ["theses", "decisions", "recommendations", "positions", None])
def test_a_list_of_decisions_gives_each_of_them_and_only_shares_what_surrounds_it(container):
    rows = [FLAT, {"symbol": "UP", "recommendation": "SELL"}, 7]
    payload = rows if container is None else {"market_regime": "bear", "confidence": 0.9, container: rows}
    normalised = theses_of(payload)
    assert normalised.decisions.select("thesis_id", "symbol", "confidence").rows() == [
        ("thesis:000000", "KSS", 0.6),
        ("thesis:000000#2", "UP", None),
    ]
    assert set(normalised.decisions["market_regime"]) == {None if container is None else "bear"}
    assert list(rejected(normalised)) == [f"{container or ''}[2]"]


def test_decisions_beyond_the_limit_are_rejected_by_name():
    normalised = theses_of([FLAT] * 5, max_decisions=3)
    assert normalised.decisions.height == 3
    assert rejected(normalised) == {"[3]": "only the first 3 decisions are read; 2 more"}


# -- everything else --------------------------------------------------------------------------------------------


def test_a_decision_without_symbol_is_kept_and_one_with_a_false_symbol_rejected():
    nameless = thesis({"recommendation": "HOLD", "confidence": 0.6})
    assert nameless["symbol"] is None
    assert nameless["warnings"] == ["no symbol was sent: this decision cannot be judged"]
    for symbol in ("../X", "A..B", 7, True, "TOOLONGSYMBOL"):
        normalised = theses_of(FLAT | {"symbol": symbol})
        assert normalised.decisions.is_empty()
        assert list(rejected(normalised)) == ["symbol"]


def test_symbols_are_upper_case_and_may_be_outside_or_inside():
    assert thesis({"ticker": " dmyy.ws ", "thesis": {"recommendation": "HOLD"}})["symbol"] == "DMYY.WS"
    assert thesis({"symbol": "OUT", "thesis": {"symbol": "IN", "recommendation": "HOLD"}})["symbol"] == "IN"


def test_a_thesis_as_text_is_no_envelope_and_the_reasoning_is_preferred_to_it():
    row = thesis({"symbol": "KSS", "thesis": "Still valid.", "confidence": 0.5, "recommendation": "HOLD"})
    assert row["reasoning"] == "Still valid."
    assert thesis(FLAT | {"thesis": "What.", "reasoning": "Why."})["reasoning"] == "Why."
    assert len(thesis(FLAT | {"thesis": "x" * 9999})["reasoning"]) == 500


def test_a_text_without_recommendation_is_a_decision_that_recommends_nothing():
    row = thesis({"symbol": "KSS", "entry_thesis": "Volume grows."})
    assert (row["recommendation"], row["recommendation_sent"]) == (None, None)
    assert row["warnings"] == ["no recommendation was sent"]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        {"foo": 1},
        {"candidates": [{"symbol": "A", "score": 1}]},
        {"symbol": "A", "confidence": 1},
        {"symbol": "A", "change_type": "OPEN", "change_data": {"price": 1}},
        {"success": False, "error": "no quote"},
        [1, 2],
    ],
)
def test_what_is_no_thesis_is_quarantined_at_the_door_and_rejected_behind_it(payload):
    outcome = received(payload, kind="thesis")
    assert isinstance(outcome, Quarantined)
    assert outcome.reason == understands_thesis(payload)
    normalised = theses_of(payload)
    assert normalised.decisions.is_empty()
    assert normalised.rejections.height >= 1


def test_time_and_identity_are_found_inside_the_envelope():
    inner = {"recommendation": "HOLD", "generated_at": "2025-09-15T14:02:11-04:00", "event_id": "th-7"}
    envelope = received({"symbol": "KSS", "thesis": inner}, kind="thesis")
    assert (envelope.event_id, envelope.occurred_at.isoformat()) == ("thesis:th-7", "2025-09-15T18:02:11+00:00")
    updated = received(FLAT | {"updated_at": "2025-09-15T14:02:11-04:00"}, kind="thesis")
    assert updated.occurred_at_source == "payload"


def test_a_list_whose_rows_have_times_is_known_at_the_last_of_them():
    rows = [FLAT | {"generated_at": f"2025-09-{day}T10:00:00Z"} for day in (16, 18, 17)]
    assert received({"theses": rows}, kind="thesis").occurred_at == datetime(2025, 9, 18, 10, tzinfo=UTC)
    future = [*rows, FLAT | {"generated_at": "2031-01-01T00:00:00Z"}]
    assert isinstance(received(future, kind="thesis"), Quarantined)


def test_a_decision_is_late_when_it_was_received_after_its_knowledge_day():
    def is_late(generated_at, received_at):
        events = accepted(FLAT | {"generated_at": generated_at}, kind="thesis", received_at=received_at)
        return normalise_theses(events).decisions["is_late"].item()

    assert not is_late("2025-09-12T16:15:00-04:00", datetime(2025, 9, 13, 3, 59, tzinfo=UTC))
    assert is_late("2025-09-12T16:15:00-04:00", datetime(2025, 9, 13, 4, 1, tzinfo=UTC))
    assert not is_late("2025-09-13T12:00:00-04:00", datetime(2025, 9, 16, 3, 59, tzinfo=UTC))  # a Saturday


def test_the_documented_model_takes_what_senders_send():
    assert ThesisDecision.model_validate(FLAT | {"confidence": "85%", "thesis": {"x": 1}}).confidence == "85%"


# -- nothing lost -----------------------------------------------------------------------------------------------

NAMES = [
    "symbol", "ticker", "recommendation", "ai_recommendation", "exit_recommendation", "confidence", "ai_confidence",
    "thesis", "data", "rule", "ai", "theses", "positions", "source", "ai_generated", "type", "reasoning", "sector",
    "market_context", "discovery_data", "generated_at", "event_id", "foo",
]  # fmt: skip
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.text(max_size=6),
    st.sampled_from(
        ["KSS", "A..B", "HOLD", "TRIM_25", "yolo", "85%", "NaN", "\x00", "\ud800", 10**400, "ai", "2025-09-15"]
    ),
)
payloads = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)


def checked(normalised, events):
    for frame, table in ((normalised.decisions, thesis_decisions()), (normalised.rejections, thesis_rejections())):
        assert frame.schema == table.schema
        assert not frame.select(table.key).is_duplicated().any()
        assert frame.equals(frame.sort("known_on", *table.key))
        required = [column.name for column in table.columns if not column.is_nullable]
        assert frame.select(pl.col(required).null_count()).sum_horizontal().sum() == 0
    assert normalised.decisions["confidence"].is_between(0, 1).all()
    assert set(normalised.decisions["recommendation"].drop_nulls()) <= CANONICAL
    assert set(normalised.decisions["source"]) <= {"ai", "rule_based", "unknown"}
    answered = {*normalised.decisions["event_id"], *normalised.rejections["event_id"]}
    assert answered == set(events["event_id"])


@given(payloads)
@settings(max_examples=200, deadline=None)
def test_every_event_gives_a_decision_or_a_rejection_whatever_it_holds(payload):
    events = stored(json.dumps(payload), kind="thesis")
    checked(normalise_theses(events), events)


@given(st.text(max_size=40))
def test_a_stored_payload_that_is_no_json_is_rejected(text):
    events = stored(text, kind="thesis")
    checked(normalise_theses(events), events)


@given(payloads)
@settings(max_examples=200, deadline=None)
def test_what_the_door_lets_in_gives_a_row_or_a_rejection_other_than_that_it_is_no_thesis(payload):
    outcome = received(json.dumps(payload), kind="thesis")
    if not isinstance(outcome, Quarantined):
        normalised = theses_of(outcome.payload)
        reasons = [reason for reason in rejected(normalised).values() if not reason.startswith("no thesis")]
        assert normalised.decisions.height or reasons


@given(st.lists(payloads, min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_an_event_means_the_same_alone_and_in_any_company_and_order(batch):
    events = stored(*map(json.dumps, batch), kind="thesis")
    together, backwards = normalise_theses(events), normalise_theses(events.reverse())
    alone = [normalise_theses(events[position]) for position in range(events.height)]
    for name, key in (("decisions", "thesis_id"), ("rejections", "path")):
        whole: pl.DataFrame = getattr(together, name)
        assert whole.equals(getattr(backwards, name))
        parts = pl.concat([getattr(part, name) for part in alone])
        assert whole.equals(parts.sort("known_on", "event_id", key))


def test_days_are_those_of_the_events_and_rows_are_sorted_by_them():
    times = [RECEIVED_AT - timedelta(days=days) for days in (0, 2, 1)]
    events = pl.concat([stored(FLAT, occurred_at=time, kind=f"thesis{number}") for number, time in enumerate(times)])
    days = normalise_theses(events).decisions["known_on"].to_list()
    assert days == [date(2025, 11, 18), date(2025, 11, 19), date(2025, 11, 20)]
    assert all(one <= other for one, other in pairwise(days))
