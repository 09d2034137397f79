import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY
from amc_learning.intake.envelope import Envelope, PayloadLimits, Quarantined, TimeRules, receive
from amc_learning_tests.intake.sent import RECEIVED_AT, received


def reason(payload, **options):
    outcome = received(payload, **options)
    assert isinstance(outcome, Quarantined)
    return outcome.reason


def occurred(timestamp, **options):
    outcome = received({"candidates": [], "timestamp": timestamp}, **options)
    assert isinstance(outcome, Envelope), outcome
    return outcome.occurred_at.isoformat(), outcome.occurred_at_source


@pytest.mark.parametrize(
    ("sent", "utc"),
    [
        ("2025-09-26T14:31:07.551203", "2025-09-26T18:31:07.551203+00:00"),
        ("2025-01-15 16:10:00", "2025-01-15T21:10:00+00:00"),
        ("2025-09-07T13:05:12+00:00", "2025-09-07T13:05:12+00:00"),
        ("2025-09-07T13:05:12Z", "2025-09-07T13:05:12+00:00"),
        (1759348800, "2025-10-01T20:00:00+00:00"),
        (1759348800.5, "2025-10-01T20:00:00.500000+00:00"),
        (1759348800123, "2025-10-01T20:00:00.123000+00:00"),
        (1759348800123456, "2025-10-01T20:00:00.123456+00:00"),
        (1759348800123456789, "2025-10-01T20:00:00.123456+00:00"),
        ("1759348800", "2025-10-01T20:00:00+00:00"),
    ],
)
def test_a_time_is_read_in_every_form_it_is_sent(sent, utc):
    assert occurred(sent) == (utc, "payload")


def test_naive_times_are_meant_where_the_rules_say():
    assert occurred("2025-09-26T14:31:07", rules=TimeRules(naive_timezone="UTC"))[0] == "2025-09-26T14:31:07+00:00"


def test_a_plain_date_is_the_end_of_its_day_and_never_after_receipt():
    assert occurred("2025-09-26")[0] == "2025-09-27T03:59:59+00:00"
    assert occurred("2025-11-20")[0] == RECEIVED_AT.isoformat()


@pytest.mark.parametrize(
    "sent", ["yesterday", True, {"a": 1}, [], "2025-13-45", "", None, float("nan"), 10**25, -6.3e16, "-62135596900000"]
)
def test_a_time_that_cannot_be_read_is_replaced_by_receipt_and_flagged(sent):
    outcome = received({"candidates": [], "timestamp": sent})
    assert (outcome.occurred_at, outcome.occurred_at_source) == (RECEIVED_AT, "receipt")
    assert outcome.warnings


@pytest.mark.parametrize(
    "sent", ["2025-11-20T17:00:01+00:00", "2031-01-01", "9999-12-31", "0001-01-01T00:00:00Z", 0, -5, "1970-01-01"]
)
def test_a_time_that_cannot_be_true_is_quarantined_by_name(sent):
    outcome = received({"candidates": [], "timestamp": sent})
    assert isinstance(outcome, Quarantined)
    assert outcome.field == "timestamp"


@pytest.mark.parametrize("sent", ["2004-12-31", "2005-01-01T04:59:59Z", "1989-12-31T23:00:00Z"])
def test_what_became_known_before_the_warehouse_begins_is_quarantined(sent):
    assert "lies before 2005-01-03, the first day of the warehouse" in reason({"candidates": [], "timestamp": sent})


def test_the_weekend_before_the_first_knowledge_day_belongs_to_it():
    for sent in ("2005-01-01", "2005-01-01T05:00:00Z", "2005-01-03"):
        assert received({"candidates": [], "timestamp": sent}).known_on == FIRST_KNOWLEDGE_DAY


def test_a_time_of_receipt_before_the_warehouse_begins_is_quarantined():
    outcome = received({"candidates": []}, received_at=datetime(1970, 1, 1, tzinfo=UTC))
    assert isinstance(outcome, Quarantined)
    assert "time of receipt 1970-01-01" in outcome.reason


@pytest.mark.parametrize("key", [{}, {"event_id": "a"}])
def test_blanks_and_key_order_make_no_other_body_and_values_do(key):
    payload = {"candidates": [], "timestamp": "2025-09-26", **key}
    one, same = received(json.dumps(payload, indent=2)), received(json.dumps(dict(reversed(payload.items()))))
    other = received(payload | {"timestamp": "2025-09-25"})
    assert (one.event_id, one.body_sha256) == (same.event_id, same.body_sha256)
    assert one.payload != same.payload
    assert one.body_sha256 != other.body_sha256


def test_a_clock_that_runs_ahead_within_the_limit_is_believed():
    ahead = (RECEIVED_AT + timedelta(minutes=59)).isoformat()
    assert occurred(ahead)[1] == "payload"
    assert "0.5 h" in reason({"status": "ok", "ts": ahead}, rules=TimeRules(max_clock_skew=timedelta(minutes=30)))


def test_what_happens_on_a_weekend_or_late_on_friday_is_known_on_its_market_day():
    def day(timestamp):
        return received({"candidates": [], "timestamp": timestamp}).known_on.isoformat()

    assert day("2025-09-26T23:30:00") == "2025-09-26"
    assert day("2025-09-27T00:30:00") == "2025-09-29"
    assert day("2025-09-29T03:30:00Z") == "2025-09-29"


@pytest.mark.parametrize(
    "payload", ["", "{", "nonsense", '{"a": 1} x', "\x00", '"\\ud800"', '{"a": "\\ud800"}', "['a']"]
)
def test_what_is_no_json_is_quarantined_with_its_text(payload):
    outcome = received(payload)
    assert isinstance(outcome, Quarantined)
    outcome.text.encode()
    assert "\x00" not in outcome.text


def test_size_and_depth_are_limited():
    assert "too large" in reason("[" + " " * 200 + "]", limits=PayloadLimits(max_bytes=100))
    assert "too deep" in reason('{"candidates": ' + "[" * 70 + "]" * 70 + "}")
    assert "too deep" in reason("[" * 100_000)
    assert "too deep" in reason("[" * 100_000 + "]" * 100_000)
    assert isinstance(received('{"candidates": [], "n": ' + "9" * 5000 + "}"), Envelope)


@pytest.mark.parametrize("payload", ["1", "null", '"text"', "true", "NaN"])
def test_only_objects_and_lists_are_events(payload):
    assert "object or a list" in reason(payload)


def test_not_a_number_is_accepted_and_flagged():
    outcome = received('{"candidates": [{"symbol": "A", "score": NaN}]}')
    assert isinstance(outcome, Envelope)
    assert outcome.warnings[0].startswith("1 values are NaN")


def test_blanks_and_key_order_make_no_new_event_but_values_do():
    first = received('{"candidates": [], "status": "ok"}').event_id
    assert received('{ "status":"ok",  "candidates": []}').event_id == first
    assert received('{"status": "no", "candidates": []}').event_id != first


def test_the_key_of_the_sender_is_the_identity_of_its_event():
    assert received({"candidates": [], "job_id": "replay_2008-01-02"}).event_id == "discovery:replay_2008-01-02"
    assert received({"candidates": [], "job_id": "j", "event_id": 7}).event_id == "discovery:7"
    assert received({"candidates": [], "job_id": "j"}, sender_key="k").event_id == "discovery:k"
    assert received({"symbol": "A", "change_type": "OPEN"}, kind="trade").event_id.startswith("trade:body-")


@pytest.mark.parametrize("key", ["../../x", "a b", "'; drop table", "x" * 500, "\x00", "é", "\ud800"])
def test_unsafe_keys_are_hashed_and_still_tell_events_apart(key):
    event_id = received({"candidates": []}, sender_key=key).event_id
    assert event_id.startswith("discovery:key-")
    assert event_id != received({"candidates": []}, sender_key=key + "2").event_id


def test_mistakes_of_the_caller_are_raised():
    with pytest.raises(ValueError, match="time zone"):
        receive("{}", kind="discovery", source="x", received_at=datetime(2025, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="kind"):
        received("{}", kind="../x")


@given(st.text(st.characters(), max_size=80))
def test_no_text_makes_the_door_fall(text):
    assert isinstance(received(text), Envelope | Quarantined)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["timestamp", "data", "status", "event_id", "candidates", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_no_json_makes_the_door_fall_and_accepted_times_are_sane(value):
    outcome = received(value)
    if isinstance(outcome, Envelope):
        assert datetime(2005, 1, 1, 5, tzinfo=UTC) <= outcome.occurred_at <= RECEIVED_AT + timedelta(hours=1)
        assert outcome.known_on.weekday() < 5
        assert len(outcome.event_id) <= 140
