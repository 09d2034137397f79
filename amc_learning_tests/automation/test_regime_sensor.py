"""A change of regime is told once: whatever runs, how often, and whether or not the webhook was there."""

import json
import threading
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import polars as pl
import pytest

from amc_learning.automation.alerts import MOST_DELIVERIES
from amc_learning.automation.regime_sensor import NEWS_DAYS, Told
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.definitions import build_defs
from amc_learning.settings import Alerts, Settings
from amc_learning.warehouse import Warehouse

DAY = date(2026, 11, 20)
BEFORE = date(2026, 11, 19)


class Webhook:
    """A server on loopback that takes alerts, or refuses them."""

    def __init__(self):
        self.bodies, self.status = [], 200
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if webhook.status == 200:
                    webhook.bodies.append(json.loads(body))
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def webhook():
    webhook = Webhook()
    yield webhook
    webhook.close()


@pytest.fixture
def settings(tmp_path, clean_environment, webhook):
    address = f"http://127.0.0.1:{webhook.server.server_port}/"
    return Settings(data_dir=tmp_path / "data", alerts=Alerts(webhook_url=address))


def read(settings, *spells, until=DAY):
    """The regimes of a month up to a day: each spell a basis, the day it began, its regime, and the one before it."""
    warehouse = Warehouse.open(settings.data_dir, settings.features.components)
    table = warehouse.catalogue["market_regimes"]
    days = knowledge_days(until - timedelta(days=30), until)
    rows = [
        {
            "known_on": day,
            "basis": basis,
            "regime": regime if day >= began else previous,
            "probability": 0.93,
            "previous_regime": previous if day >= began else None,
            "is_change": day == began,
            "since": began if day >= began else days[0],
            "evidence": "sufficient",
        }
        for basis, began, regime, previous in spells
        for day in days
    ]
    frame = pl.DataFrame(rows, schema_overrides={"known_on": pl.Date, "since": pl.Date})
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in table.schema.items() if name not in frame.columns]
    warehouse.table(table.name).write(frame.with_columns(missing).select(table.column_names), days)


def tick(settings, cursor=None):
    definitions = build_defs(settings=settings)
    sensor = definitions.resolve_sensor_def("regime_change_alert")
    warehouse = Warehouse.open(settings.data_dir, settings.features.components)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, definitions=definitions, resources={"warehouse": warehouse}
        )
        return sensor.evaluate_tick(context)


def test_a_change_is_told_once_and_starts_no_run(settings, webhook):
    read(settings, ("index", DAY, "turbulent", "calm"))
    first = tick(settings)
    assert first.run_requests == []
    (body,) = webhook.bodies
    assert body["subject"] == "regime change"
    assert body["sentence"] == "the index regime changed from calm to turbulent on 2026-11-20, probability 0.93"
    assert body["facts"] == {
        "basis": "index",
        "known_on": "2026-11-20",
        "previous_regime": "calm",
        "regime": "turbulent",
        "probability": 0.93,
    }
    again = tick(settings, first.cursor)
    read(settings, ("index", DAY, "turbulent", "calm"))  # the night again
    tick(settings, again.cursor or first.cursor)
    assert webhook.bodies == [body]
    assert "no change of regime that was not told" in again.skip_message


def test_the_change_after_it_is_told_and_each_basis_on_its_own(settings, webhook):
    read(settings, ("index", BEFORE, "turbulent", "calm"), until=BEFORE)
    cursor = tick(settings).cursor
    read(settings, ("index", DAY, "calm", "turbulent"), ("discovery", DAY, "squeeze_setup", "normal_market"))
    tick(settings, cursor)
    told = [(body["facts"]["basis"], body["facts"]["regime"]) for body in webhook.bodies]
    assert told == [("index", "turbulent"), ("discovery", "squeeze_setup"), ("index", "calm")]


def test_a_change_that_a_later_bar_dates_earlier_is_not_told_again(settings, webhook):
    read(settings, ("index", DAY, "turbulent", "calm"))
    cursor = tick(settings).cursor
    read(settings, ("index", BEFORE, "turbulent", "calm"))
    tick(settings, cursor)
    assert len(webhook.bodies) == 1


def test_history_is_no_news(settings, webhook):
    read(settings, ("index", DAY - timedelta(days=NEWS_DAYS), "turbulent", "calm"))
    assert tick(settings).cursor is None
    assert webhook.bodies == []


def test_what_the_webhook_did_not_take_is_tried_again_and_not_for_ever(settings, webhook):
    read(settings, ("index", DAY, "turbulent", "calm"))
    webhook.status = 503
    cursor = tick(settings).cursor
    assert len(Told.from_cursor(cursor).untold) == 1
    webhook.status = 200
    taken = tick(settings, cursor).cursor
    assert [body["facts"]["regime"] for body in webhook.bodies] == ["turbulent"]
    assert Told.from_cursor(taken).untold == ()
    webhook.status = 503
    for _ in range(MOST_DELIVERIES - 1):
        cursor = tick(settings, cursor).cursor
    assert Told.from_cursor(cursor).untold == ()


def test_without_a_night_there_is_nothing_to_tell(settings, webhook):
    assert "no change of regime" in tick(settings).skip_message
    assert webhook.bodies == []


def test_a_regime_that_came_and_went_in_nights_that_ran_together_is_told_both_times(settings, webhook):
    read(settings, ("index", DAY, "calm", "turbulent"))
    read(settings, ("index", BEFORE, "turbulent", "calm"), until=BEFORE)
    cursor = tick(settings).cursor
    told = [(body["facts"]["known_on"], body["facts"]["regime"]) for body in webhook.bodies]
    assert told == [(str(BEFORE), "turbulent"), (str(DAY), "calm")]
    tick(settings, cursor)
    assert len(webhook.bodies) == 2


def test_an_address_that_is_none_stops_no_tick(settings):
    read(settings, ("index", DAY, "turbulent", "calm"))
    strange = settings.model_copy(update={"alerts": Alerts(webhook_url="http://hooks:port/x")})
    assert len(Told.from_cursor(tick(strange).cursor).untold) == 1
