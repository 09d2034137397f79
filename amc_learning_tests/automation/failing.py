"""A month of ordinary trades, and a day on which what the AI was sure of fails: all of it as senders send it."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import polars as pl

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE, knowledge_days, previous_knowledge_day
from amc_learning.intake.envelope import Envelope, receive
from amc_learning.settings import Settings
from amc_learning.stages.collect import normalise_thesis_events
from amc_learning.stages.ingest import ingest_theses
from amc_learning.warehouse import InboxEvent, Warehouse

N_TRADES = 60
"""Trades of the day: every second one on the AI's word."""

HISTORY_DAYS = 30
ZONE = ZoneInfo(MARKET_TIMEZONE)


def symbol(number: int) -> str:
    """A symbol of its own for every trade: repeats of one name count once."""
    return f"F{chr(65 + number // 26)}{chr(65 + number % 26)}"


def is_planted(number: int) -> bool:
    """Whether a trade was made on the AI's word."""
    return number % 2 == 0


def ordinary_month(warehouse: Warehouse, settings: Settings, day: date, folder: Path) -> None:
    """Store the judged trades of the month before `day`, one in ten of them a loser whoever spoke, and the theses of
    the day before it."""
    days = knowledge_days(day - timedelta(days=HISTORY_DAYS), previous_knowledge_day(day))
    table = warehouse.catalogue["failure_cases"]
    rows = [
        {
            **dict.fromkeys(table.column_names),
            "known_on": known_on,
            "kind": "trade",
            "case_id": f"{known_on}-{number}",
            "symbol": f"H{at}{chr(65 + number)}",
            "is_failure": number == at % 10,
            "is_withdrawn": False,
            "outcome_return": -0.12 if number == at % 10 else 0.03,
            "source": "ai" if is_planted(number) else "rule_based",
            "recommendation": "BUY_MORE" if is_planted(number) else "HOLD",
        }
        for at, known_on in enumerate(days)
        for number in range(10)
    ]
    warehouse.table(table.name).write(pl.DataFrame(rows, schema=table.schema), days)
    before = previous_knowledge_day(day)
    said_at = datetime.combine(before, time(16, 15), ZONE)
    theses = [
        {
            "symbol": symbol(number),
            "event_id": f"th-{day}-{number}",
            "thesis": {
                "recommendation": "BUY_MORE" if is_planted(number) else "HOLD",
                "confidence": 0.9 if is_planted(number) else 0.6,
                "ai_generated": is_planted(number),
                "generated_at": said_at.isoformat(),
            },
        }
        for number in range(N_TRADES)
    ]
    file = folder / "thesis.ndjson"
    file.write_bytes(b"\n".join(map(orjson.dumps, theses)))
    received_at = (said_at + timedelta(minutes=1)).astimezone(UTC)
    ingest_theses(warehouse, settings, [file], received_at=received_at)
    normalise_thesis_events(warehouse, settings, [before])


def noon(warehouse: Warehouse, day: date, *, received_on: date | None = None) -> None:
    """Put the openings and closings of the day into the inbox, as the collector does: the AI's trades all lose."""
    opened_at, closed_at = (datetime.combine(day, at, ZONE).isoformat() for at in (time(9, 30), time(12, 0)))
    messages = []
    for number in range(N_TRADES):
        trade = {"trade_id": f"tr-{day}-{number}", "shares": 10.0}
        exit_price = 88.0 if is_planted(number) else 101.0
        reason = "stop_loss" if is_planted(number) else "time_exit"
        messages += [
            {"change_type": "OPEN", "timestamp": opened_at, "change_data": {**trade, "entry_price": 100.0}},
            {
                "change_type": "CLOSE",
                "timestamp": closed_at,
                "change_data": {**trade, "entry_price": 100.0, "exit_price": exit_price, "exit_reason": reason},
            },
        ]
        for message in messages[-2:]:
            message["symbol"] = symbol(number)
    received_at = datetime.combine(received_on or day, time(12, 1), ZONE).astimezone(UTC)
    accepted = [
        receive(orjson.dumps(message).decode(), kind="trade", source="http", received_at=received_at)
        for message in messages
    ]
    warehouse.inbox.append([_event(envelope) for envelope in accepted])
    warehouse.inbox.close()


def _event(envelope: Envelope) -> InboxEvent:
    assert isinstance(envelope, Envelope)
    return InboxEvent(
        kind=envelope.kind,
        event_id=envelope.event_id,
        known_on=envelope.known_on,
        received_at=envelope.received_at,
        occurred_at=envelope.occurred_at,
        occurred_at_source=envelope.occurred_at_source,
        source=envelope.source,
        payload=envelope.payload,
        body_sha256=envelope.body_sha256,
    )
