import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest

from amc_learning.automation.alerts import MOST_DELIVERIES, Alert, deliver
from amc_learning.automation.failure_sensor import MOST_REQUESTS, Look, open_day, transitions
from amc_learning.automation.jobs import DAILY_CORRECTION_CYCLE, FAILURE_CORRECTION
from amc_learning.contracts.knowledge_days import next_knowledge_day, previous_knowledge_day
from amc_learning.definitions import build_defs
from amc_learning.settings import Alerts, Settings
from amc_learning.stages.collect import drain_events, normalise_trade_events
from amc_learning.stages.decide import decide_days
from amc_learning.stages.failing_now import Failing
from amc_learning.stages.orders import CorrectionOrder, OrderError, carry_out_correction
from amc_learning.stages.settled import LONGEST_LOOK
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


def tick(settings, cursor=None, *, at_work=None):
    """One tick, while a run of the job `at_work` has begun."""
    definitions = build_defs(settings=settings)
    sensor = definitions.resolve_sensor_def("systematic_failure_sensor")
    with dg.DagsterInstance.ephemeral() as instance:
        if at_work:
            instance.add_run(dg.DagsterRun(at_work, status=dg.DagsterRunStatus.STARTED))
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
        with pytest.raises(OrderError, match=f"no veto holds {name}: there is nothing to release"):
            carry_out_correction(warehouse, settings, CorrectionOrder("release", name, ""), requested_at=ordered_at)
        carry_out_correction(warehouse, settings, CorrectionOrder("veto", name, "seen"), requested_at=ordered_at)
    assert run_through_dagster(settings, [day], job=FAILURE_CORRECTION).success
    vetoed = warehouse.publications.document("corrections", day)
    assert vetoed["in_force"] == []
    assert {entry["status"] for entry in vetoed["ended"]} == {"vetoed"}
    assert warehouse.publications.document("confidence", day)["corrections"] == {}


def test_a_run_that_failed_is_asked_for_again_a_few_times_under_its_own_keys(settings, day):
    noon(open_warehouse(settings), day)
    looks = [tick(settings)]
    while looks[-1].run_requests:
        looks.append(tick(settings, looks[-1].cursor))
    keys = [look.run_requests[0].run_key for look in looks[:-1]]
    assert len(set(keys)) == len(keys) == MOST_REQUESTS
    assert "3 runs for these failures did not succeed" in looks[-1].skip_message
    assert run_through_dagster(settings, [day], job=FAILURE_CORRECTION).success
    assert "none of them new" in tick(settings, looks[-1].cursor).skip_message


@pytest.mark.parametrize("job", [FAILURE_CORRECTION, DAILY_CORRECTION_CYCLE])
def test_while_a_run_is_at_work_no_other_is_asked_for_and_nothing_is_forgotten(settings, day, job):
    noon(open_warehouse(settings), day)
    first = tick(settings)
    waiting = tick(settings, first.cursor, at_work=job)
    assert (waiting.run_requests, waiting.cursor) == ([], first.cursor)
    assert f"{job} is at work" in waiting.skip_message
    assert tick(settings, first.cursor).run_requests != []


def test_after_midnight_yesterdays_failures_are_told_and_their_correction_waits_for_the_night(
    tmp_path, clean_environment, day
):
    yesterday, settings = previous_knowledge_day(day), Settings(data_dir=tmp_path / "data")
    warehouse = open_warehouse(settings)
    ordinary_month(warehouse, settings, yesterday, tmp_path)
    noon(warehouse, yesterday)
    look = tick(settings)
    assert look.run_requests == []
    assert f"waits for the night of {yesterday}" in look.skip_message
    assert set(Look.from_cursor(look.cursor).severities.values()) == {"critical"}
    again = tick(settings, look.cursor)
    assert (again.run_requests, again.cursor) == ([], look.cursor)
    assert run_through_dagster(settings, [yesterday], job="evidence_refresh").success
    assert tick(settings, again.cursor).run_requests == []


def test_trades_that_cannot_be_looked_at_are_a_reason_and_the_cursor_stays(settings, day):
    long_ago = day - timedelta(days=LONGEST_LOOK.days + 7)
    long_ago -= timedelta(days=max(0, long_ago.weekday() - 4))
    warehouse = open_warehouse(settings)
    noon(warehouse, long_ago, received_on=long_ago)
    drain_events(warehouse, "trade")
    normalise_trade_events(warehouse, settings, [long_ago])
    look = tick(settings)
    assert (look.run_requests, look.cursor) == ([], None)
    assert f"amc-learning run evidence --from {long_ago}" in look.skip_message


def test_a_day_after_which_another_is_decided_is_left_alone(settings, day):
    noon(open_warehouse(settings), day)
    ahead = next_knowledge_day(day)
    decide_days(open_warehouse(settings), settings, [ahead])
    look = tick(settings)
    assert (look.run_requests, look.cursor) == ([], None)
    assert f"{ahead} is decided already" in look.skip_message


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


def alerting(tmp_path, **alerts):
    return Settings(data_dir=tmp_path / "data", alerts=Alerts(**alerts))


def test_an_alert_reaches_the_webhook_as_json(webhook, tmp_path, clean_environment):
    address, taken = webhook
    alert = Alert("systematic failure", "a fails", {"n_cases": 20})
    assert deliver(alert, alerting(tmp_path, webhook_url=address), logging.getLogger("test")) == ()
    runbook = "docs/runbook.md#alert-systematic-failure"
    text = f"systematic failure: a fails (what to do: {runbook})"
    told = {"subject": "systematic failure", "sentence": "a fails", "facts": {"n_cases": 20}}
    assert taken == [{**told, "runbook": runbook, "text": text}]


def test_a_webhook_that_fails_is_said_without_its_address_and_stops_nothing(
    webhook, caplog, tmp_path, clean_environment
):
    address, _ = webhook
    alert = Alert("run failed", "x failed")
    for hook in (f"{address}/broken", "http://127.0.0.1:9/secret"):
        assert deliver(alert, alerting(tmp_path, webhook_url=hook), logging.getLogger("test")) == ("webhook",)
    assert "the webhook did not take the alert: it answered 500" in caplog.text
    assert "secret" not in caplog.text


def test_an_alert_nobody_took_is_tried_again_and_not_for_ever(settings, day, webhook):
    address, taken = webhook
    noon(open_warehouse(settings), day)
    deaf = settings.model_copy(update={"alerts": Alerts(webhook_url=f"{address}/broken")})
    first = tick(deaf)
    n_alerts = len(taken)
    assert n_alerts > 0
    assert run_through_dagster(settings, [day], job=FAILURE_CORRECTION).success
    second = tick(deaf, first.cursor)
    assert len(taken) == 2 * n_alerts
    heard = tick(settings.model_copy(update={"alerts": Alerts(webhook_url=address)}), second.cursor)
    assert len(taken) == 3 * n_alerts
    assert Look.from_cursor(heard.cursor).untold == ()
    cursor = second.cursor
    for _ in range(MOST_DELIVERIES):
        cursor = tick(deaf, cursor).cursor or cursor
    # three attempts above, one of them heard; of the two deaf ones the rest up to the bound follows
    assert len(taken) == (1 + MOST_DELIVERIES) * n_alerts
