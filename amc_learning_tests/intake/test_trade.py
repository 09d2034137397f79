"""Trade messages: what each way of sending one means, and that none is lost whatever it holds."""

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.contracts.declared.collect import trade_messages, trade_rejections
from amc_learning.contracts.events import TradeChange
from amc_learning.intake.envelope import Quarantined
from amc_learning.intake.instants import TimeRules
from amc_learning.intake.trade import normalise_trades
from amc_learning.intake.trade_shape import ACTIONS, CHANGES, understands_trade
from amc_learning_tests.intake.sent import RECEIVED_AT, received
from amc_learning_tests.intake.sent_trading import accepted, rejected, stored, trade, trades_of

KINDS = {"OPEN", "MODIFY", "CLOSE", "ROUND_TRIP", "SNAPSHOT"}


def message(change_type, **data):
    return {"symbol": "QUBT", "change_type": change_type, "change_data": data}


def kind(payload):
    row = trade(payload)
    return row["change_type"], row["action"]


# -- kind of change ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("OPEN", ("OPEN", None)),
        ("open", ("OPEN", None)),
        ("BUY", ("OPEN", None)),
        ("Close", ("CLOSE", None)),
        ("SELL", ("CLOSE", None)),
        ("ADD", ("MODIFY", "ADD")),
        ("Add Position", ("MODIFY", "ADD")),
        ("REDUCE", ("MODIFY", "REDUCE")),
        ("TRIM", ("MODIFY", "REDUCE")),
        ("TRIM_25", ("MODIFY", "REDUCE")),
        ("MODIFY", ("MODIFY", None)),
    ],
)
def test_every_word_of_the_senders_names_one_kind_of_change(word, expected):
    assert kind(message(word, price=2.0, quantity=5)) == expected


def test_the_vocabularies_lead_to_known_kinds_and_every_direction_is_a_change():
    assert set(CHANGES.values()) == KINDS
    assert set(ACTIONS.values()) == {"ADD", "REDUCE"}


@pytest.mark.parametrize(
    ("data", "action"),
    [
        ({"action": "ADD_POSITION", "side": "BUY"}, "ADD"),
        ({"side": "SELL"}, "REDUCE"),
        ({"side": "buy"}, "ADD"),
        ({"action": "TRIM_50"}, "REDUCE"),
    ],
)
def test_a_modification_adds_or_reduces_by_its_action_or_side(data, action):
    assert kind(message("MODIFY", quantity=5, price=2.0, **data)) == ("MODIFY", action)


def test_a_modification_of_anything_else_is_kept_without_direction():
    normalised = trades_of(message("MODIFY", action="UPDATE_STOP", stop_loss=2.1))
    assert normalised.messages.select("change_type", "action").row(0) == ("MODIFY", None)
    assert list(rejected(normalised)) == ["change_data.action"]
    contradictory = trade(message("MODIFY", action="ADD", side="SELL"))
    assert contradictory["action"] == "ADD"
    assert "contradictory" in contradictory["warnings"][0]


def test_a_sale_that_leaves_shares_and_a_purchase_that_joins_others_modify():
    assert kind(message("SELL", quantity=5, price=2.0, remaining_qty="10")) == ("MODIFY", "REDUCE")
    assert kind(message("SELL", quantity=5, price=2.0, remaining_qty=0)) == ("CLOSE", None)
    assert kind(message("BUY", quantity=5, price=2.0, remaining_qty=15)) == ("MODIFY", "ADD")
    assert kind(message("BUY", quantity=5, price=2.0, remaining_qty=5)) == ("OPEN", None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"entry_price": 2.5, "exit_price": 8.1, "days_held": 7}, "ROUND_TRIP"),
        ({"entry_price": 2.5, "exit_price": None, "holding_period": 7}, "ROUND_TRIP"),
        ({"return_pct": 12.0, "exit_reason": "manual"}, "ROUND_TRIP"),
        ({"exit_price": 8.1, "trade_id": "t"}, "CLOSE"),
        ({"entry_price": 2.5, "quantity": 3}, "OPEN"),
        ({"entry_price": 2.5, "exit_price": None}, "OPEN"),
        ({"side": "buy", "filled_avg_price": "2.5", "filled_qty": "3"}, "OPEN"),
        ({"side": "sell", "filled_avg_price": "2.5", "filled_qty": "3"}, "CLOSE"),
        ({"qty": 2, "avg_entry_price": 95.48, "market_value": 229.84}, "SNAPSHOT"),
    ],
)
def test_without_a_change_type_what_it_holds_tells_the_kind(fields, expected):
    row = trade({"symbol": "VIGL", **fields})
    assert row["change_type"] == expected
    if "side" not in fields:
        assert row["warnings"][0] == f"no change_type was sent: by what it holds it is a {expected}"


def test_an_unknown_change_type_is_rejected_alone_where_the_content_tells_the_kind():
    normalised = trades_of({"symbol": "VIGL", "change_type": "EXPLODE", "entry_price": 2.5, "exit_price": 8.1})
    assert normalised.messages["change_type"].item() == "ROUND_TRIP"
    assert list(rejected(normalised)) == ["change_type"]
    nothing = trades_of({"symbol": "VIGL", "change_type": "EXPLODE"})
    assert nothing.messages.is_empty()
    assert nothing.rejections.height == 1


@pytest.mark.parametrize(
    "payload",
    [
        message("OPEN", side="SELL", price=2.0, quantity=3),
        message("OPEN", direction="short", price=2.0, quantity=3),
        message("CLOSE", side="buy", price=2.0, quantity=3),
    ],
)
def test_short_positions_are_rejected_by_name_because_their_return_has_the_other_sign(payload):
    normalised = trades_of(payload)
    assert normalised.messages.is_empty()
    assert "short positions are not understood" in normalised.rejections["reason"].item()


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        {"foo": 1},
        {"symbol": "A", "recommendation": "HOLD", "confidence": 0.5},
        {"candidates": [{"symbol": "A", "price": 2.0, "volume": 5}]},
        {"symbol": "A", "price": 3.0},
        ["OPEN"],
    ],
)
def test_what_is_no_trade_is_quarantined_at_the_door_and_rejected_behind_it(payload):
    outcome = received(payload, kind="trade")
    assert isinstance(outcome, Quarantined)
    assert outcome.reason == understands_trade(payload)
    normalised = trades_of(payload)
    assert normalised.messages.is_empty()
    assert normalised.rejections.height >= 1


# -- prices and quantities --------------------------------------------------------------------------------------


def test_the_price_is_that_of_the_change():
    assert trade(message("OPEN", entry_price=2.5))["price_usd"] == 2.5
    assert trade(message("OPEN", price=2.5))["entry_price_usd"] == 2.5
    assert trade(message("CLOSE", price=8.1))["exit_price_usd"] == 8.1
    assert trade(message("MODIFY", side="SELL", price=8.1, entry_price=2.5))["price_usd"] == 8.1
    assert trade(message("MODIFY", side="SELL", exit_price=8.1, entry_price=2.5))["price_usd"] == 8.1
    flat = trade({"symbol": "VIGL", "entry_price": "2.5", "exit_price": "$8.10", "days_held": "7"})
    assert (flat["price_usd"], flat["entry_price_usd"], flat["exit_price_usd"]) == (None, 2.5, 8.1)


def test_an_exit_price_that_was_not_known_stays_unknown_and_is_no_total_loss():
    row = trade(message("CLOSE", entry_price=8.99, exit_price=None, price=8.5, quantity=21))
    assert (row["exit_price_usd"], row["price_usd"], row["return_sent"]) == (None, None, None)
    assert row["warnings"] == ["the exit price is not known"]
    lost = trades_of(message("CLOSE", entry_price=8.99, exit_price=0, return_pct=-100.0))
    assert lost.messages.select("exit_price_usd", "return_sent").row(0) == (None, None)
    assert set(rejected(lost)) == {"change_data.exit_price", "change_data.return_pct"}


@pytest.mark.parametrize("field", ["entry_price", "quantity", "position_size", "avg_entry_price"])
@pytest.mark.parametrize("sent", [0, -1.5, "-3", "NaN", True, "12%", "many", [1]])
def test_what_is_no_positive_number_is_null_and_rejected_alone(field, sent):
    column = {
        "entry_price": "entry_price_usd",
        "quantity": "quantity_shares",
        "position_size": "position_size_usd",
        "avg_entry_price": "average_entry_price_usd",
    }[field]
    fields = {"entry_price": 2.5, "quantity": 3.25, "position_size": 8.125, "avg_entry_price": 2.5}
    normalised = trades_of(message("OPEN", **(fields | {field: sent})))
    row = normalised.messages.row(0, named=True)
    assert list(rejected(normalised)) == [f"change_data.{field}"]
    assert row[column] is None
    assert all(row[name] is not None for name in ("average_entry_price_usd", "quantity_shares") if name != column)


@pytest.mark.parametrize("field", ["quantity", "shares", "qty"])
def test_fractions_of_shares_are_shares_under_every_name(field):
    assert trade(message("OPEN", price="2.5", **{field: "104.1016"}))["quantity_shares"] == 104.1016


def test_nothing_may_remain_but_not_less():
    assert trade(message("MODIFY", side="SELL", remaining_qty=0))["remaining_shares"] == 0.0
    assert list(rejected(trades_of(message("MODIFY", side="SELL", remaining_qty=-1)))) == ["change_data.remaining_qty"]


def test_a_position_size_that_repeats_the_quantity_is_no_money():
    assert trade(message("OPEN", price=20.0, quantity=50, position_size=50))["position_size_usd"] is None
    assert trade(message("OPEN", price=1.0, quantity=50, position_size=50))["position_size_usd"] == 50.0


def test_a_price_with_a_remark_is_read_and_flagged():
    row = trade(message("CLOSE", exit_price="$0.47 (est -17.1% from $0.57)"))
    assert row["exit_price_usd"] == 0.47
    assert row["warnings"] == ["change_data.exit_price $0.47 (est -17.1% from $0.57) read as 0.47"]


# -- identity, time, everything else ----------------------------------------------------------------------------


def test_the_id_of_an_order_is_no_id_of_the_position():
    assert trade(message("OPEN", price=2.0, alpaca_order_id="6f0a", order_id="7"))["trade_id"] is None
    assert trade(message("OPEN", price=2.0, position_id=7))["trade_id"] == "7"
    assert trade(message("OPEN", price=2.0) | {"trade_id": "outside"})["trade_id"] == "outside"
    assert list(rejected(trades_of(message("OPEN", price=2.0, trade_id=True)))) == ["change_data.trade_id"]


@pytest.mark.parametrize("field", ["corrects", "supersedes", "correction_of"])
def test_a_correction_names_the_message_it_replaces_as_the_tables_name_it(field):
    first = accepted(message("OPEN", price=2.0) | {"event_id": "a b"}, kind="trade")
    assert trade(message("OPEN", price=2.1, **{field: "a b"}))["corrects"] == first["event_id"].item()
    assert trade(message("OPEN", price=2.1, **{field: "trade:x"}))["corrects"] == "trade:x"
    assert trade(message("OPEN", price=2.1, **{field: 12}))["corrects"] == "trade:12"


@pytest.mark.parametrize("symbol", [None, "", "A..B", "../x", 7, "TOOLONGSYMBOL"])
def test_a_message_without_a_valid_symbol_is_rejected_as_a_whole(symbol):
    normalised = trades_of({"symbol": symbol, "change_type": "OPEN", "change_data": {"price": 2.0}})
    assert normalised.messages.is_empty()
    assert [path.endswith("symbol") for path in rejected(normalised)] == [True]


def test_times_of_entry_are_read_by_the_rules_and_must_lie_before_the_exit():
    def entered(sent, **options):
        return trades_of(message("CLOSE", exit_price=2.0, entry_timestamp=sent), **options)

    assert entered("2025-11-19T10:00:00").messages["entered_at"].item() == datetime(2025, 11, 19, 15, tzinfo=UTC)
    utc = TimeRules(naive_timezone="UTC")
    assert entered("2025-11-19T10:00:00", rules=utc).messages["entered_at"].item().hour == 10
    assert entered("2025-11-19").messages["entered_at"].item().date() == date(2025, 11, 20)  # midnight in New York
    for sent in ("2025-12-01T10:00:00", "soon", "1990-01-01"):
        late = entered(sent)
        assert late.messages["entered_at"].item() is None
        assert list(rejected(late)) == ["change_data.entry_timestamp"]


def test_the_day_of_the_signal_is_a_day_of_the_market():
    assert trade(message("OPEN", price=2.0, signal_date="2008-01-02"))["signal_date"] == date(2008, 1, 2)
    late_evening = "2025-09-16T01:00:00+00:00"
    assert trade(message("OPEN", price=2.0, signal_date=late_evening))["signal_date"] == date(2025, 9, 15)
    assert list(rejected(trades_of(message("OPEN", price=2.0, signal_date="yesterday")))) == ["change_data.signal_date"]


@pytest.mark.parametrize(
    ("payload", "at"),
    [
        (message("CLOSE", price=2.0) | {"timestamp": "2025-09-15T14:02:11-04:00"}, "2025-09-15T18:02:11+00:00"),
        (message("OPEN", price=2.0, entry_timestamp="2025-09-15T14:02:11-04:00"), "2025-09-15T18:02:11+00:00"),
        (message("CLOSE", price=2.0, exit_date="2025-09-15"), "2025-09-16T03:59:59+00:00"),
        (message("CLOSE", price=2.0, filled_at="2025-09-15T14:02:11-04:00"), "2025-09-15T18:02:11+00:00"),
    ],
)
def test_a_change_happened_when_the_fields_about_it_say_wherever_they_lie(payload, at):
    assert received(payload, kind="trade").occurred_at.isoformat() == at


@pytest.mark.parametrize(
    "payload",
    [
        message("CLOSE", exit_price=2.0, entry_timestamp="2025-09-15T14:02:11-04:00"),
        message("CLOSE", price=2.0, entry_date="2025-09-15"),
        {"symbol": "A", "entry_price": 2.0, "days_held": 3, "entry_date": "2025-09-15"},
        {"symbol": "A", "qty": 2, "market_value": 3.0, "opened_at": "2025-09-15"},
    ],
)
def test_an_exit_is_never_known_at_the_time_of_its_entry(payload):
    envelope = received(payload, kind="trade")
    assert (envelope.occurred_at, envelope.occurred_at_source) == (RECEIVED_AT, "receipt")


def test_messages_of_one_payload_each_keep_their_time_and_are_known_with_the_last():
    rows = [message("OPEN", price=2.0), message("CLOSE", price=3.0)]
    times = ["2025-09-15T14:00:00+00:00", "2025-09-18T14:00:00+00:00"]
    timed = {"trades": [row | {"timestamp": time} for row, time in zip(rows, times, strict=True)]}
    messages = normalise_trades(accepted(timed, kind="trade")).messages
    assert messages["occurred_at"].to_list() == [datetime.fromisoformat(time) for time in times]
    assert messages["known_on"].to_list() == [date(2025, 9, 18)] * 2
    event_id = messages["event_id"][0]
    assert messages["message_id"].to_list() == [event_id, f"{event_id}#2"]


def test_messages_beyond_the_limit_are_rejected_by_name():
    normalised = trades_of([message("OPEN", price=2.0)] * 5, max_messages=3)
    assert normalised.messages.height == 3
    assert rejected(normalised) == {"[3].change_data": "only the first 3 messages are read; 2 more"}


def test_messages_of_one_holding_wrapped_in_an_answer_are_found():
    holding = {
        "symbol": "SPHR",
        "qty": 2,
        "avg_entry_price": 95.48,
        "market_value": 229.84,
        "unrealized_plpc": "0.2036",
    }
    messages = trades_of({"success": True, "data": {"positions": [holding, holding | {"symbol": "UP"}]}}).messages
    assert messages.select("symbol", "change_type", "return_sent").rows() == [
        ("SPHR", "SNAPSHOT", 0.2036),
        ("UP", "SNAPSHOT", 0.2036),
    ]


def test_the_documented_model_takes_what_senders_send():
    sent = message("CLOSE", exit_price="$0.47 (est)", quantity=2.5, holding_period="1 hour")
    assert TradeChange.model_validate(sent).change_data.exit_price == "$0.47 (est)"


# -- nothing lost -----------------------------------------------------------------------------------------------

NAMES = [
    "symbol", "change_type", "change_data", "data", "trades", "positions", "action", "side", "price", "entry_price",
    "exit_price", "quantity", "remaining_qty", "position_size", "return_pct", "return", "max_favorable_excursion",
    "max_adverse_excursion", "mae_pct", "exit_reason", "holding_period", "entry_timestamp", "signal_date", "corrects",
    "trade_id", "market_value", "timestamp", "foo",
]  # fmt: skip
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.text(max_size=6),
    st.sampled_from(["OPEN", "close", "SELL", "TRIM_25", "ABC", "A..B", "85%", "$2.5 (est)", "NaN", "\x00", "\ud800"]),
    st.sampled_from([10**400, -0.0, 5e-324, 1e308, "9999-12-31", "0001-01-01", "2025-09-15", "1 hour", "stop", 2.5, 3]),
)
flat = st.fixed_dictionaries(
    {"symbol": st.sampled_from(["ABC", "DEF"]), "change_type": st.sampled_from([*KINDS, "SELL", "add", "?"])},
    optional={name: leaves for name in NAMES if name not in {"symbol", "change_type"}},
)
payloads = flat | st.recursive(
    leaves | flat,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)


def checked(normalised, events):
    for frame, table in ((normalised.messages, trade_messages()), (normalised.rejections, trade_rejections())):
        assert frame.schema == table.schema
        assert not frame.select(table.key).is_duplicated().any()
        assert frame.equals(frame.sort("known_on", *table.key))
        required = [column.name for column in table.columns if not column.is_nullable]
        assert frame.select(pl.col(required).null_count()).sum_horizontal().sum() == 0
        assert not any(frame[name].is_nan().any() for name, dtype in frame.schema.items() if dtype == pl.Float64)
    messages = normalised.messages
    for name in ("price_usd", "quantity_shares", "entry_price_usd", "exit_price_usd", "position_size_usd"):
        assert (messages[name].drop_nulls() > 0).all()
    assert (messages["return_sent"].drop_nulls() >= -1).all()
    assert messages["max_adverse_excursion_sent"].drop_nulls().is_between(-1, 0).all()
    assert set(messages["change_type"]) <= KINDS
    assert (
        messages.filter(pl.col("change_type") != "MODIFY")["action"].null_count()
        == messages.filter(pl.col("change_type") != "MODIFY").height
    )
    assert (messages["occurred_at"] <= messages["received_at"]).all()
    assert {*messages["event_id"], *normalised.rejections["event_id"]} == set(events["event_id"])


@given(payloads)
@settings(max_examples=250, deadline=None)
def test_every_event_gives_a_message_or_a_rejection_whatever_it_holds(payload):
    events = stored(json.dumps(payload))
    checked(normalise_trades(events), events)


@given(st.text(max_size=40))
def test_a_stored_payload_that_is_no_json_is_rejected(text):
    events = stored(text)
    checked(normalise_trades(events), events)


@given(payloads)
@settings(max_examples=100, deadline=None)
def test_no_trade_makes_the_door_fall_and_accepted_times_are_sane(payload):
    outcome = received(json.dumps(payload), kind="trade")
    if not isinstance(outcome, Quarantined):
        assert datetime(2005, 1, 1, 5, tzinfo=UTC) <= outcome.occurred_at <= RECEIVED_AT.replace(hour=16)


@given(st.lists(payloads, min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_an_event_means_the_same_alone_and_in_any_company_and_order(batch):
    events = stored(*map(json.dumps, batch))
    together, backwards = normalise_trades(events), normalise_trades(events.reverse())
    alone = [normalise_trades(events[position]) for position in range(events.height)]
    for name, key in (("messages", "message_id"), ("rejections", "path")):
        whole: pl.DataFrame = getattr(together, name)
        assert whole.equals(getattr(backwards, name))
        assert whole.equals(pl.concat([getattr(part, name) for part in alone]).sort("known_on", "event_id", key))
