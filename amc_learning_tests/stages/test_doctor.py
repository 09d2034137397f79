"""The doctor names what is wrong, where, and the command; what is well stays quiet."""

import contextlib
import os
import socket
import subprocess
from datetime import UTC, date, datetime, timedelta

import pytest

from amc_learning.operator_settings import Alerts
from amc_learning.settings import Automation, Service, Settings
from amc_learning.stages import doctor_machine
from amc_learning.stages.doctor import examine
from amc_learning.stages.doctor_settings import examine_settings
from amc_learning.warehouse.inbox import InboxEvent
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse
from amc_learning_tests.cli.calling import amc

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data")


def look(settings, now=None):
    warehouse = open_warehouse(settings)
    with contextlib.closing(warehouse.inbox):
        return {one.subject: one for one in examine(warehouse, settings, now=now)}


def troubles(monkeypatch=None, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return [(one.where, one.remedy) for one in examine_settings(os.environ) if not one.is_ok]


def test_settings_that_are_all_known_are_one_finding_that_is_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (finding,) = examine_settings({})
    assert finding.is_ok


@pytest.mark.parametrize(
    ("variable", "remedy"),
    [
        ("AMC_LEARNING_WEIGHT__DAILY_LIMIT", "rename it: AMC_LEARNING_WEIGHTS__DAILY_LIMIT"),
        ("AMC_LEARNING_WEIGHTS__DAILY_LIMT", "rename it: AMC_LEARNING_WEIGHTS__DAILY_LIMIT"),
        ("AMC_LEARNING_ZZZ", "unset AMC_LEARNING_ZZZ"),
    ],
)
def test_a_misspelt_variable_is_named_once_with_what_was_meant(tmp_path, monkeypatch, variable, remedy):
    monkeypatch.chdir(tmp_path)
    assert troubles(monkeypatch, **{variable: "0.05"}) == [(variable, remedy)]


def test_a_misspelt_key_of_the_file_is_named_with_what_was_meant_and_the_command_ends_with_1(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "amc_learning.toml").write_text("[weights]\ndaily_limt = 0.05\n")
    assert troubles() == [("amc_learning.toml: weights.daily_limt", "rename it to weights.daily_limit")]
    answer = amc(tmp_path / "data", "doctor", "--json", cwd=tmp_path)
    assert (answer.code, [one["subject"] for one in answer.json]) == (1, ["settings"])


def test_values_that_contradict_each_other_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = troubles(
        monkeypatch,
        AMC_LEARNING_ALERTS__SMTP_HOST="localhost",
        AMC_LEARNING_ALERTS__SMTP_USER="amc",
        AMC_LEARNING_MARKET__BARS_SOURCE="polygon",
    )
    assert [where for where, _ in found] == ["alerts.email_to", "alerts.smtp_password", "polygon.api_key"]


@contextlib.contextmanager
def small_disk(folder, *options):
    """A file system of its own, where the machine lets us make one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this account may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_little_room_is_told(tmp_path):
    with small_disk(tmp_path / "disk", "size=64m") as disk:
        found = look(Settings(data_dir=disk / "data"))["disk"]
    assert not found.is_ok
    assert "0.1 GiB free" in found.finding


def test_few_files_left_and_a_disk_that_takes_no_more_are_told(tmp_path, settings):
    with small_disk(tmp_path / "disk", "size=3g", "nr_inodes=500") as disk:
        inside = Settings(data_dir=disk / "data")
        warehouse = open_warehouse(inside)
        assert "files can still be made" in doctor_machine.disk(warehouse, inside).finding
    with small_disk(tmp_path / "full", "size=3g") as disk:
        inside = Settings(data_dir=disk / "data")
        warehouse = open_warehouse(inside)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        found = doctor_machine.disk(warehouse, inside)
    assert not found.is_ok
    assert "cannot be written and flushed: Read-only file system" in found.finding


def test_folders_that_others_may_read_are_named_with_the_command(settings):
    assert look(settings)["permissions"].is_ok
    for name in (".", "tables"):
        (settings.data_dir / name).chmod(0o755)
    found = look(settings)["permissions"]
    assert not found.is_ok
    assert found.remedy == f"chmod -R go-rwx {settings.data_dir}"


def test_an_event_received_in_the_future_says_that_the_clock_went_back(settings):
    now = datetime.now(UTC)
    warehouse = open_warehouse(settings)
    warehouse.inbox.append([InboxEvent("thesis", "1", date(2026, 11, 27), now, now, "payload", "test", "{}")])
    warehouse.inbox.close()
    assert look(settings, now)["clock"].is_ok
    assert "the clock went back" in look(settings, now - timedelta(minutes=5))["clock"].finding


def test_versions_are_held_against_those_declared(settings):
    assert look(settings)["versions"].is_ok


def test_with_the_schedule_on_a_night_that_did_not_run_is_told_by_noon(finished):
    on = finished.model_copy(update={"automation": Automation(daily_schedule_is_on=True)})
    next_day = DAYS[-1] + timedelta(days=1)
    assert look(on, datetime(next_day.year, next_day.month, next_day.day, 20, tzinfo=UTC))["nights"].is_ok
    found = look(on, datetime(next_day.year, next_day.month, next_day.day, 20, tzinfo=UTC) + timedelta(days=7))[
        "nights"
    ]
    assert not found.is_ok
    assert found.remedy == "amc-learning run daily"
    assert look(finished)["nights"].is_ok


def test_documents_that_are_damaged_or_behind_are_named(finished):
    assert look(finished)["documents"].is_ok
    place = finished.data_dir / "published" / "confidence.json"
    older = sorted((finished.data_dir / "published" / "history" / "confidence").iterdir())[-2]
    place.write_bytes(older.read_bytes())
    assert "confidence are older" in look(finished)["documents"].finding
    place.write_bytes(place.read_bytes().replace(b"0", b"1", 1))
    found = look(finished)["documents"]
    assert found.where.endswith("confidence.json")
    assert found.remedy == f"amc-learning run daily --date {DAYS[-1]}"


def test_another_program_on_the_address_of_the_service_is_told(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        silent = settings.model_copy(update={"service": Service(port=port)})
        assert not look(silent)["service"].is_ok
    assert "not running" in look(silent)["service"].finding


def test_alerts_without_a_channel_are_quiet(settings):
    assert look(settings.model_copy(update={"alerts": Alerts()}))["alerts"].is_ok
