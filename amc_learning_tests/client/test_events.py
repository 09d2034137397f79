import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from amc_learning.client import events
from amc_learning.client.events import UnusableError, discovery_event, thesis_event, trade_event
from amc_learning.intake.envelope import TIME_FIELDS
from amc_learning.intake.thesis_shape import EXTRA_TIME_FIELDS
from amc_learning.intake.trade_shape import ENTERED_FIELDS, EXITED_FIELDS, FILLED_AT_FIELDS

NOW = datetime(2014, 3, 3, 14, 30, tzinfo=UTC)


def discovery(result, version=None):
    return discovery_event(result, now=NOW, max_bytes=10_000, parameters_version=version)


def body(event):
    return json.loads(event.body)


def thesis(sent):
    return thesis_event("ABC", sent, now=NOW, max_bytes=10_000)


def trade(change_type, sent):
    return trade_event("ABC", change_type, sent, now=NOW, max_bytes=10_000)


def test_the_server_and_the_client_know_times_by_the_same_names():
    assert set(events.TIME_FIELDS) == {*TIME_FIELDS, *EXTRA_TIME_FIELDS}
    assert events.ENTRY_FIELDS == ENTERED_FIELDS
    assert events.EXIT_FIELDS == EXITED_FIELDS
    assert events.FILL_FIELDS == FILLED_AT_FIELDS


def test_a_result_without_any_time_gets_the_time_of_the_call():
    assert body(discovery({"candidates": []})) == {"candidates": [], "timestamp": "2014-03-03T14:30:00+00:00"}


@pytest.mark.parametrize("sent", [{"ts": 1393857000}, {"data": {"generated_at": "2014-03-03"}}])
def test_a_result_that_says_when_keeps_its_word(sent):
    assert body(discovery(sent)) == sent


def test_an_empty_time_is_no_time():
    assert body(discovery({"timestamp": None}))["timestamp"] == "2014-03-03T14:30:00+00:00"


def test_a_bare_list_is_sent_as_it_is():
    assert body(discovery([{"symbol": "ABC"}], "v1")) == [{"symbol": "ABC"}]


@pytest.mark.parametrize("sent", ["text", 7, None])
def test_what_is_neither_object_nor_list_is_no_result(sent):
    with pytest.raises(UnusableError):
        discovery(sent)


def test_a_result_gets_the_version_unless_it_names_one():
    assert body(discovery({"ts": 1}, "v1")) == {"ts": 1, "parameters_version": "v1"}
    assert body(discovery({"ts": 1, "weights_version": "v0"}, "v1")) == {"ts": 1, "weights_version": "v0"}
    assert body(discovery({"ts": 1, "meta": {"params_version": "v0"}}, "v1"))["meta"] == {"params_version": "v0"}


@pytest.mark.parametrize(
    ("sent", "key"),
    [({"event_id": "run-1", "job_id": "j"}, "run-1"), ({"job_id": "j"}, "j"), ({"job_id": 7}, "7"),
     ({"data": {"job_id": "j"}}, "j"), ({"event_id": " ", "job_id": "j"}, "j")],
)  # fmt: skip
def test_the_key_is_the_senders_own_name_for_the_run(sent, key):
    assert discovery(sent).key == key


def test_without_a_name_every_call_has_a_key_of_its_own():
    first, second = discovery({"ts": 1}).key, discovery({"ts": 1}).key
    assert UUID(first).version == UUID(second).version == 4
    assert first != second


def test_a_name_that_no_header_can_hold_is_hashed_the_same_way_each_time():
    first, second = discovery({"job_id": "a b\r\nX: y"}).key, discovery({"job_id": "a b\r\nX: y"}).key
    assert first == second == str(UUID(first))
    assert len(discovery({"job_id": "x" * 5000}).key) == 36


def test_the_job_that_made_many_theses_is_not_the_name_of_one():
    assert thesis({"job_id": "j"}).key != "j"
    assert thesis({"event_id": "t-1"}).key == "t-1"


def test_the_discovery_inside_a_thesis_does_not_speak_for_it():
    sent = body(thesis({"recommendation": "HOLD", "discovery_data": {"timestamp": "2014-02-03", "event_id": "d"}}))
    assert sent["timestamp"] == "2014-03-03T14:30:00+00:00"


def test_a_thesis_is_sent_in_the_documented_envelope():
    sent = {"recommendation": "HOLD", "generated_at": "2014-03-03T09:30:00"}
    assert body(thesis(sent)) == {"symbol": "ABC", "thesis": sent}


@pytest.mark.parametrize(
    ("change_type", "sent", "is_stamped"),
    [("OPEN", {"entry_price": 1.5}, True), ("OPEN", {"entry_timestamp": "2014-03-03T09:30:00"}, False),
     ("CLOSE", {"entry_timestamp": "2014-02-03T09:30:00"}, True), ("CLOSE", {"exit_time": "2014-03-03"}, False),
     ("MODIFY", {"filled_at": "2014-03-03T09:30:00"}, False), (None, None, True)],
)  # fmt: skip
def test_a_change_is_stamped_unless_its_data_say_when_it_happened(change_type, sent, is_stamped):
    whole = body(trade(change_type, sent))
    assert whole["change_data"] == sent
    assert ("timestamp" in whole) is is_stamped


def test_too_many_bytes_are_refused_though_the_characters_were_few():
    with pytest.raises(UnusableError, match="at most 10,000"):
        thesis({"text": "\u20ac" * 4000})  # 3 bytes each
