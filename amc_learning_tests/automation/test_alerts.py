"""Alerts over real channels: what arrives, what a channel that fails does, and that one event is one alert."""

import email
import email.policy
import logging
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from amc_learning.automation.alerts import MOST_DELIVERIES, Alert, Untold, deliver, tell
from amc_learning.automation.channels import channels_of
from amc_learning.automation.run_failures import keep_untold, kind_of, retry_untold, run_failure_alerts
from amc_learning.settings import Alerts, Settings
from amc_learning.stages.alert_record import ToldFailure, change_record, failing_channels, read_record
from amc_learning.warehouse.errors import CorruptPartition
from amc_learning_tests.automation.mail import PASSWORD, USER, mail_server
from amc_learning_tests.automation.test_regime_sensor import Webhook
from amc_learning_tests.cli.calling import amc
from amc_learning_tests.ports import free_port

LOG = logging.getLogger("test")
ALERT = Alert("run failed", "the night failed\nBcc: everybody@example.org", {"job": "night"})

WRONG_PASSWORD = "no-such-4711"


@pytest.fixture
def webhook():
    webhook = Webhook()
    yield webhook
    webhook.close()


@pytest.fixture
def address(webhook):
    return f"http://127.0.0.1:{webhook.server.server_port}/secret"


def settings_of(tmp_path, **alerts):
    return Settings(data_dir=tmp_path / "data", alerts=Alerts(**alerts))


def mailing(port, ca_file, **more):
    chosen = {"smtp_security": "starttls", "smtp_user": USER.decode(), "smtp_password": PASSWORD.decode(), **more}
    return {
        "smtp_host": "localhost",
        "smtp_port": port,
        "email_to": ("a@example.org",),
        "smtp_ca_file": ca_file,
    } | chosen


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_alert_arrives_by_mail_encrypted_with_its_section_and_no_header_of_its_own(
    tmp_path, clean_environment, security
):
    with mail_server(tmp_path, is_tls_first=security == "tls") as (taken, port, ca_file):
        chosen = settings_of(tmp_path, **mailing(port, ca_file, smtp_security=security))
        assert deliver(ALERT, chosen, LOG) == ()
    (content,) = taken.messages
    message = email.message_from_string(content, policy=email.policy.default)
    assert message["Subject"].strip() == "[amc-learning] run failed: the night failed Bcc: everybody@example.org"
    assert (message["To"], message["Bcc"]) == ("a@example.org", None)
    assert "docs/runbook.md#alert-run-failed" in message.get_content()
    assert "job: night" in message.get_content()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"smtp_password": WRONG_PASSWORD}, "refused alerts.smtp_user and alerts.smtp_password (535)"),
        ({"smtp_ca_file": None}, "alerts.smtp_ca_file"),
        ({"email_to": ("x@refused.example",)}, "refused every address"),
        ({"email_to": ("x@refused.example", "a@example.org")}, "refused 1 of 2 addresses"),
        ({"email_from": "a@example.org\nX: y"}, "what is no address"),
        ({"smtp_port": free_port()}, "no answer (ConnectionRefusedError)"),
    ],
    ids=["password", "certificate", "receiver", "one receiver", "header", "nobody there"],
)
def test_mail_that_is_not_taken_is_said_in_words_without_secrets_and_raises_nothing(
    tmp_path, clean_environment, caplog, change, said
):
    with mail_server(tmp_path) as (_, port, ca_file):
        chosen = settings_of(tmp_path, **{**mailing(port, ca_file), **change})
        assert deliver(ALERT, chosen, LOG) == ("email",)
    assert said in caplog.text
    assert chosen.alerts.smtp_password.get_secret_value() not in caplog.text
    (trouble,) = failing_channels(chosen.data_dir)
    assert said in trouble


def test_only_the_channel_that_failed_is_tried_again_and_not_for_ever(tmp_path, clean_environment, webhook, address):
    chosen = settings_of(
        tmp_path, webhook_url=address, smtp_host="localhost", smtp_port=free_port(), email_to=("a@b.c",)
    )
    assert channels_of(chosen.alerts) == ("webhook", "email")
    untold = tell([], [ALERT], chosen, LOG)
    assert [one.channels for one in untold] == [("email",)]
    for _ in range(MOST_DELIVERIES):
        untold = tell(untold, [], chosen, LOG)
    assert untold == ()
    assert len(webhook.bodies) == 1


def test_a_channel_that_takes_one_again_is_no_longer_told_of(tmp_path, clean_environment, webhook, address):
    chosen = settings_of(tmp_path, webhook_url=address)
    webhook.status = 503
    assert deliver(ALERT, chosen, LOG) == ("webhook",)
    assert "it answered 503" in failing_channels(chosen.data_dir)[0]
    webhook.status = 200
    deliver(ALERT, chosen, LOG)
    assert failing_channels(chosen.data_dir) == []


def test_an_older_cursor_is_understood():
    kept = {"subject": "recovered", "sentence": "x", "facts": {}, "n_attempts": 2}
    assert Untold.from_plain(kept).channels is None


def test_a_record_that_is_damaged_is_begun_anew(tmp_path, clean_environment, webhook, address):
    chosen = settings_of(tmp_path, webhook_url=address)
    chosen.data_dir.mkdir()
    (chosen.data_dir / "alerts.json").write_text('{"channels": 3')
    assert deliver(ALERT, chosen, LOG) == ()
    assert read_record(chosen.data_dir).channels["webhook"].delivered_at is not None


@dg.op
def breaking():
    raise ValueError(f"no bars of {datetime.now(UTC):%H:%M:%S.%f}")


@dg.op
def refusing():
    told = "price_bars: 2 rows are gone; run the day again: amc-learning run daily"
    raise CorruptPartition(told) from KeyError("price_bars")


@dg.op
def working():
    return None


@dg.job(name="night")
def bad_night():
    breaking()


@dg.job(name="night")
def refused_night():
    refusing()


@dg.job(name="night")
def good_night():
    working()


def failed_run(instance, settings, night=bad_night):
    """One night that fails, and what the sensor does about it."""
    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = night.execute_in_process(instance=instance, raise_on_error=False, run_config=silent)
    failure = next(event for event in result.all_events if event.event_type is dg.DagsterEventType.RUN_FAILURE)
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failure_alert",
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=failure,
    )
    run_failure_alerts(settings)(context.for_run_failure())


def test_nights_that_fail_of_the_same_thing_are_told_once_until_one_succeeds(
    tmp_path, clean_environment, webhook, address
):
    chosen = settings_of(tmp_path, webhook_url=address)
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(3):
            failed_run(instance, chosen)
        (body,) = webhook.bodies
        assert "breaking: ValueError: no bars of" in body["sentence"]
        assert body["runbook"].endswith("#alert-run-failed")
        (told,) = read_record(chosen.data_dir).told_failures.values()
        assert told.n_repeats == 2
        good_night.execute_in_process(instance=instance)
        failed_run(instance, chosen)
        assert len(webhook.bodies) == 2


def test_a_night_that_fails_by_command_is_told_too(tmp_path, clean_environment, webhook, address):
    """A tick as the daemon does it: the sensor itself finds the run, which no code location started."""
    chosen = settings_of(tmp_path, webhook_url=address)
    sensor = run_failure_alerts(chosen)
    definitions = dg.Definitions(jobs=[bad_night], sensors=[sensor])
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor):
            context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions)
            # the daemon names the code location it evaluates a sensor for; tests are not asked for it
            context._code_location_origin = ManagedGrpcPythonEnvCodeLocationOrigin(
                LoadableTargetOrigin(module_name="amc_learning.definitions"), "amc_learning"
            )
            return sensor.evaluate_tick(context).cursor

        silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        bad_night.execute_in_process(instance=instance, raise_on_error=False, run_config=silent)
        cursor = tick(None)
        assert webhook.bodies == [], "what failed before the sensor was there is history"
        bad_night.execute_in_process(instance=instance, raise_on_error=False, run_config=silent)
        cursor = tick(cursor)
        (body,) = webhook.bodies
        assert "breaking: ValueError: no bars of" in body["sentence"]
        tick(cursor)
        assert len(webhook.bodies) == 1


def test_a_sentence_of_ours_is_told_alone_without_the_class_that_carried_it(
    tmp_path, clean_environment, webhook, address
):
    chosen = settings_of(tmp_path, webhook_url=address)
    with dg.DagsterInstance.ephemeral() as instance:
        failed_run(instance, chosen, refused_night)
    (body,) = webhook.bodies
    sentence = "refusing: price_bars: 2 rows are gone; run the day again: amc-learning run daily"
    assert body["sentence"] == f"night failed: {sentence}"


def test_a_failure_that_goes_on_for_a_week_is_told_again_with_its_count(tmp_path, clean_environment, webhook, address):
    chosen = settings_of(tmp_path, webhook_url=address)
    with dg.DagsterInstance.ephemeral() as instance:
        failed_run(instance, chosen)
        week_ago = (datetime.now(UTC) - timedelta(days=8)).isoformat(timespec="seconds")

        def aged(record):
            return type(record)(record.channels, {key: ToldFailure(week_ago, 7) for key in record.told_failures})

        change_record(chosen.data_dir, aged)
        failed_run(instance, chosen)
    assert "7 more runs failed so since" in webhook.bodies[-1]["sentence"]
    assert len(webhook.bodies) == 2


def test_other_causes_are_other_kinds():
    assert kind_of("night", ["bars: none"]) != kind_of("night", ["bars: damaged"])
    assert kind_of("night", ["bars: none"]) != kind_of("week", ["bars: none"])


def test_an_alert_about_a_run_that_nobody_took_is_tried_again(tmp_path, clean_environment, webhook, address):
    chosen = settings_of(tmp_path, webhook_url=address)
    webhook.status = 503
    keep_untold(tell([], [ALERT], chosen, LOG), chosen)
    retry_untold(chosen, LOG)
    (kept,) = read_record(chosen.data_dir).untold
    assert (kept["n_attempts"], webhook.bodies) == (2, [])
    webhook.status = 200
    retry_untold(chosen, LOG)
    assert read_record(chosen.data_dir).untold == ()
    assert [body["subject"] for body in webhook.bodies] == ["run failed"]


def test_the_test_command_says_what_became_of_each_channel(tmp_path, clean_environment, webhook, address, monkeypatch):
    nothing = amc(tmp_path / "data", "alerts", "test")
    assert (nothing.code, "set alerts.webhook_url" in nothing.said) == (1, True)
    monkeypatch.setenv("AMC_LEARNING_ALERTS__WEBHOOK_URL", address)
    taken = amc(tmp_path / "data", "alerts", "test", "--json")
    assert (taken.code, taken.json) == (0, [{"channel": "webhook", "is_taken": True, "trouble": None}])
    assert webhook.bodies[0]["sentence"].startswith("TEST, nothing happened")
    webhook.status = 403
    refused = amc(tmp_path / "data", "alerts", "test")
    assert (refused.code, "webhook: it answered 403" in refused.said, "secret" in refused.all) == (1, True, False)
    looked = {one["subject"]: one for one in amc(tmp_path / "data", "doctor", "--json").json}
    assert not looked["alerts"]["is_ok"]
    assert "it answered 403" in looked["alerts"]["finding"]
