"""A critical failure at noon, under Dagster's real daemon: how long until the published correction?

Run it with `python -m amc_learning_tests.acceptance.daemon_study`. It starts `amc-learning up` on a data directory of
its own with the failure sensor on, waits for a quiet tick, puts a day's failing trades into the inbox as the collector
does, and waits for the corrections document of the day. Then it vetoes, sends more of the same, and sees it stay away.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import orjson

from amc_learning.automation.failure_sensor import open_day
from amc_learning.cli.dagster_runs import DAGSTER_DIR_VARIABLE
from amc_learning.settings import Settings
from amc_learning_tests.acceptance.loop import child_environment, open_warehouse
from amc_learning_tests.automation.failing import noon, ordinary_month

POLL_SECONDS = 30
PATIENCE_SECONDS = 240
TICKS = """
from dagster import DagsterInstance
from dagster._core.scheduler.instigation import InstigatorStatus
with DagsterInstance.get() as instance:
    for state in instance.all_instigator_state():
        if state.instigator_name == "systematic_failure_sensor":
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=50):
                print(tick.timestamp, tick.status.value, tick.skip_reason or "", ",".join(tick.run_ids))
"""


def main() -> None:
    """Run the study and print what happened when."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3917)
    port = parser.parse_args().port
    with tempfile.TemporaryDirectory() as folder:
        study(Path(folder), port)


def study(folder: Path, port: int) -> None:
    """The whole story in one data directory."""
    day = open_day(datetime.now(UTC))
    settings = Settings(data_dir=folder / "data")
    warehouse = open_warehouse(settings)
    ordinary_month(warehouse, settings, day, folder)
    warehouse.inbox.close()
    switches = {
        "AMC_LEARNING_AUTOMATION__FAILURE_SENSOR_IS_ON": "true",
        "AMC_LEARNING_AUTOMATION__FAILURE_POLL_SECONDS": str(POLL_SECONDS),
    }
    environment = child_environment(settings.data_dir, switches)
    command = [sys.executable, "-m", "amc_learning", "up", "--port", str(port)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        waited = until(lambda: ticks(environment), "the first tick of the sensor")
        print(f"{waited:6.1f} s  the daemon ticks: {ticks(environment)[-1]}")
        noon(open_warehouse(settings), day)
        print("   noon  120 messages about 60 trades lie in the inbox; 30 of them lost 12 %")
        waited = until(lambda: published(settings, "in_force"), "the correction")
        for correction in published(settings, "in_force"):
            print(f"{waited:6.1f} s  published, {correction['severity']}: {correction['reason']}")
            print(f"          {correction['target']} x{correction['factor']:.2f} until {correction['expires_on']}")
        until(
            lambda: len(asked := [tick for tick in ticks(environment) if "SUCCESS" in tick]) >= 1 and asked, "its tick"
        )
        for tick in ticks(environment):
            print(f"          tick {tick}")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def ticks(environment: dict[str, str]) -> list[str]:
    """Ticks of the sensor that Dagster remembers, oldest first."""
    home = Path(environment["AMC_LEARNING_DATA_DIR"]) / "dagster"
    if not (home / "dagster.yaml").exists():
        return []
    where = environment | {"DAGSTER_HOME": str(home), DAGSTER_DIR_VARIABLE: str(home)}
    answer = subprocess.run([sys.executable, "-c", TICKS], env=where, capture_output=True, text=True, check=False)
    return sorted(answer.stdout.splitlines())


def published(settings: Settings, part: str) -> list[dict[str, object]]:
    """What the current corrections document says."""
    path = settings.data_dir / "published" / "corrections.json"
    return orjson.loads(path.read_bytes())[part] if path.exists() else []


def until(holds: Callable[[], object], what: str) -> float:
    """Seconds until something holds."""
    started = monotonic()
    while not holds():
        if monotonic() - started > PATIENCE_SECONDS:
            raise SystemExit(f"{what} did not come within {PATIENCE_SECONDS} s")
        sleep(0.5)
    return monotonic() - started


if __name__ == "__main__":
    main()
