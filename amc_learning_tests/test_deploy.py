"""Units and containers start commands that exist, and the runbook explains every alert and every finding."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from amc_learning.automation.channels import Alert, AlertKind
from amc_learning.cli.app import app
from amc_learning.stages.doctor_findings import Finding
from amc_learning_tests.test_docs import VERBS, anchors

ROOT = Path(__file__).resolve().parents[1]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text())
RUNBOOK = ROOT / "docs" / "runbook.md"
SOURCES = "".join(
    (ROOT / "amc_learning" / path).read_text()
    for path in (
        "stages/doctor.py",
        "stages/doctor_delivery.py",
        "stages/doctor_machine.py",
        "stages/doctor_settings.py",
        "automation/doctor.py",
    )
)
SUBJECTS = set(re.findall(r'Finding\(\s*"([^"]+)"', SOURCES)) | {"settings"}
SPEC_KEYS = {
    "build", "cap_drop", "command", "environment", "healthcheck", "image", "ports", "profiles", "read_only", "restart",
    "security_opt", "stop_grace_period", "tmpfs", "volumes",
}  # fmt: skip
"""Keys of a service in the compose specification that are used here."""


def parses(words):
    """Parsed strictly and not run: an unknown verb or option would raise."""
    length = next(length for length in (2, 1) if tuple(words[:length]) in VERBS)
    VERBS[tuple(words[:length])].make_context("amc-learning", list(words[length:]))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_starts_a_command_that_exists_and_is_confined(unit):
    text = unit.read_text()
    (command,) = re.findall(r"^ExecStart=\S+/amc-learning (.*)$", text, flags=re.MULTILINE)
    parses(command.split())
    for option in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077"):
        assert f"\n{option}\n" in text
    assert "\nUser=amc-learning\n" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd to ask")
def test_systemd_accepts_every_unit(tmp_path):
    """With a program and a user that exist on any machine in place of ours."""
    for unit in (*UNITS, ROOT / "deploy" / "systemd" / "amc-learning-backup.timer"):
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        text = re.sub(r"^(User|Group)=.*", r"\1=root", text, flags=re.MULTILINE)
        text = re.sub(r"^(WorkingDirectory|EnvironmentFile|Documentation)=.*\n", "", text, flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_of_the_environment_file_and_of_the_containers_exist(clean_environment):
    from amc_learning_tests.test_docs import SETTINGS  # noqa: PLC0415

    known = {f"AMC_LEARNING_{name.upper().replace('.', '__')}" for name in SETTINGS}
    lines = (ROOT / "deploy" / "systemd" / "amc-learning.env").read_text().splitlines()
    named = {line.partition("=")[0] for line in lines if not line.startswith("#")}
    named |= {name for one in COMPOSE["services"].values() for name in one["environment"]}
    assert named - known == set()


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_container_starts_a_command_that_exists_over_volumes_and_files_that_exist(name):
    service = COMPOSE["services"][name]
    assert set(service) <= SPEC_KEYS
    parses(service["command"])
    assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert service["cap_drop"] == ["ALL"]


def test_the_image_is_built_from_files_that_are_there():
    text = (ROOT / "deploy" / "compose" / "Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (.*)$", text, flags=re.MULTILINE) for word in line.split()[:-1]]
    assert copied
    assert [word for word in copied if not (ROOT / word).exists()] == []


@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_alert_has_its_section_in_the_runbook(kind):
    assert Alert(kind, "x").section in anchors(RUNBOOK)


def test_every_finding_has_its_section_in_the_runbook_and_no_section_is_of_none():
    sections = {Finding(subject, is_ok=True, finding="").section for subject in SUBJECTS}
    assert len(SUBJECTS) > 20
    assert {one for one in anchors(RUNBOOK) if one.startswith("finding-")} == sections


def test_every_command_of_the_runbook_exists():
    commands = re.findall(r"`amc-learning ([a-z][^`]*)`", RUNBOOK.read_text().replace("\n", " "))
    root = typer.main.get_command(app)
    assert len(commands) > 40
    for command in commands:
        found, words = root, command.split()
        while words and hasattr(found, "commands"):
            found = found.commands[words.pop(0)]
        assert not hasattr(found, "commands") or not words, command
        options = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, command
