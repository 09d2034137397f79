import json
import logging
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest

from amc_learning.automation.alerts import Alert, deliver
from amc_learning.automation.failure_sensor import Look, open_day, transitions
from amc_learning.automation.jobs import FAILURE_CORRECTION
from amc_learning.definitions import build_defs
from amc_learning.settings import Alerts, Settings
from amc_learning.stages.failing_now import Failing
from amc_learning.stages.orders import CorrectionOrder, OrderError, carry_out_correction
from amc_learning_tests.acceptance.loop import failures, kept, open_warehouse, run_through_dagster
from amc_learning_tests.automation.failing import noon, ordinary_month

PATTERN = "source=ai"


@pytest.fixture
def day():
    return open_day(datetime.now(UTC))


@pytest.fixture
def settings(tmp_path, clean_environment, day):
    settings = Settings(data_dir=tmp_path / "data")
    warehouse = open_warehouse(settings)
    ordinary_month(warehouse, settings, day, tmp_path)
    warehouse.inbox.close()
    return settings


def tick(settings, cursor=None):
    definitions = build_defs(settings=settings)
    sensor = definitions.resolve_sensor_def("systematic_failure_sensor")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, definitions=definitions, resources={"warehouse": open_warehouse(settings)}
        )
        return sensor.evaluate_tick(context)


def test_an_ordinary_month_asks_for_nothing_and_a_look_changes_nothing(settings):
    before = kept(settings)
    first = tick(settings)
    assert first.run_requests == []
    assert "no systematic failure" in first.skip_message
    again = tick(settings, first.cursor)
    assert "no event about trades and no new case" in again.skip_message
    assert kept(settings) == before


def test_a_critical_failure_at_noon_is_corrected_within_one_tick_and_a_veto_keeps_it_away(settings, day):
    quiet = tick(settings)
    noon(open_warehouse(settings), day)
    before = kept(settings)
    look = tick(settings, quiet.cursor)
    assert kept(settings) == before
    (request,) = look.run_requests
    assert (request.job_name, request.partition_key) == (FAILURE_CORRECTION, day.isoformat())
    severities = Look.from_cursor(look.cursor).severities
    assert severities
    assert set(severities.values()) == {"critical"}

    result = run_through_dagster(settings, [day], job=FAILURE_CORRECTION)
    assert result.success, failures(result)
    warehouse = open_warehouse(settings)
    document = warehouse.publications.document("corrections", day)
    assert document["in_force"], document
    for correction in document["in_force"]:
        assert correction["severity"] == "critical"
        assert PATTERN in correction["pattern"] or "recommendation=BUY_MORE" in correction["pattern"]
        assert 0.5 <= correction["factor"] < 1
        assert correction["expires_on"] > day.isoformat()
    confidence = warehouse.publications.document("confidence", day)
    assert min(confidence["corrections"].values()) == min(entry["factor"] for entry in document["in_force"])
    weights = warehouse.publications.document("weights", day)
    assert sum(weights["data"]["optimized_parameters"].values()) == pytest.approx(1)
    assert tick(settings, look.cursor).run_requests == []

    for name in [entry["name"] for entry in document["in_force"]]:
        ordered_at = datetime.combine(day, datetime.now(UTC).time(), UTC).replace(hour=17)
        carry_out_correction(warehouse, settings, CorrectionOrder("veto", name, "seen"), requested_at=ordered_at)
    assert run_through_dagster(settings, [day], job=FAILURE_CORRECTION).success
    vetoed = warehouse.publications.document("corrections", day)
    assert vetoed["in_force"] == []
    assert {entry["status"] for entry in vetoed["ended"]} == {"vetoed"}
    assert warehouse.publications.document("confidence", day)["corrections"] == {}


def test_an_order_about_an_unknown_correction_names_those_there_are(settings, day):
    with pytest.raises(OrderError, match="no correction is named 'x'; the names are: there are none yet"):
        carry_out_correction(
            open_warehouse(settings), settings, CorrectionOrder("veto", "x", ""), requested_at=datetime.now(UTC)
        )


def test_alerts_speak_at_the_beginning_at_a_change_and_at_the_end():
    failing = {"a": Failing("critical", "a fails", {}), "b": Failing("low", "b fails", {})}
    assert [alert.subject for alert in transitions({}, failing)] == ["systematic failure"] * 2
    assert transitions({"a": "critical", "b": "low"}, failing) == []
    assert transitions({"a": "critical", "b": "high"}, failing) == []
    changed = transitions({"a": "low", "b": "low", "c": "high"}, failing)
    assert [(alert.subject, alert.facts["pattern"]) for alert in changed] == [
        ("systematic failure", "a"),
        ("recovered", "c"),
    ]


@pytest.fixture
def webhook():
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if self.path == "/broken" else 204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", taken
        server.shutdown()
        thread.join()


def test_an_alert_reaches_the_webhook_as_json(webhook):
    address, taken = webhook
    alert = Alert("systematic failure", "a fails", {"n_cases": 20})
    assert deliver(alert, Alerts(webhook_url=address), logging.getLogger("test"))
    text = "systematic failure: a fails"
    assert taken == [{"subject": "systematic failure", "sentence": "a fails", "facts": {"n_cases": 20}, "text": text}]


def test_a_webhook_that_fails_is_said_without_its_address_and_stops_nothing(webhook, caplog):
    address, _ = webhook
    alert = Alert("run failed", "x failed")
    assert not deliver(alert, Alerts(webhook_url=f"{address}/broken"), logging.getLogger("test"))
    assert not deliver(alert, Alerts(webhook_url="http://127.0.0.1:9/secret"), logging.getLogger("test"))
    assert "the webhook did not take the alert: HTTPStatusError" in caplog.text
    assert "secret" not in caplog.text
