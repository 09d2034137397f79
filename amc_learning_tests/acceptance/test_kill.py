"""kill -9: nothing acknowledged is lost, nothing is half, and the next run comes to the same bytes.

The quick form on the simulated market; `kill_study` runs it on the real feed.
"""

import signal
import subprocess
import sys

import numpy as np
import pytest

from amc_learning_tests.acceptance.kill_study import (
    COMMAND,
    Rename,
    Scenario,
    content,
    copied,
    examined_after_kill,
    examined_after_recovery,
    finish,
    killed,
    rounds,
)
from amc_learning_tests.acceptance.loop import DAYS, child_environment, settings_for


@pytest.fixture
def scenarios(files, fifty_days_base, tmp_path, clean_environment):
    """The commands that write, each with the data directory it starts from."""
    empty = settings_for(tmp_path / "empty").data_dir
    empty.mkdir()
    loaded = copied(fifty_days_base, tmp_path / "loaded")
    night, last = str(DAYS[50]), str(DAYS[53])
    return {
        "ingest discovery": Scenario("ingest discovery", empty, ("ingest", "discovery", str(files.discovery))),
        "ingest bars": Scenario("ingest bars", empty, ("ingest", "bars", str(files.bars))),
        "run daily": Scenario("run daily", loaded, ("run", "daily", "--date", night)),
        "backfill": Scenario("backfill", loaded, ("backfill", "--from", str(DAYS[45]), "--to", last)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ingest discovery", "run daily"])
def test_killed_at_random_moments_the_next_run_completes_and_nothing_differs(scenarios, name, tmp_path):
    random = np.random.default_rng([20, len(name)])
    found = rounds(scenarios[name], tmp_path, n_kills=4 if name == "ingest discovery" else 2, random=random)
    assert found.troubles == []
    assert found.n_died >= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "moments"),
    [
        ("ingest bars", (Rename(30), Rename(65))),
        ("ingest discovery", (Rename(65),)),
        ("run daily", (Rename(9), Rename(5, "/published/"))),
        ("backfill", (Rename(40),)),
    ],
)
def test_killed_just_before_a_file_comes_into_force_the_next_run_completes(scenarios, name, moments, tmp_path):
    scenario = scenarios[name]
    undisturbed = copied(scenario.base, tmp_path / "undisturbed")
    assert finish(undisturbed, scenario.arguments) is None
    expected = content(undisturbed)
    for moment in moments:
        data_dir = copied(scenario.base, tmp_path / f"killed{moment.number}")
        assert killed(data_dir, scenario.arguments, until=moment), f"ended before {moment}"
        durable, damaged = examined_after_kill(data_dir)
        assert damaged == []
        assert finish(data_dir, scenario.arguments) is None
        n_orphans, troubles = examined_after_recovery(data_dir, durable, expected)
        assert troubles == []
        assert n_orphans <= 1  # the temporary file that the killed run was about to put in force


DIES_DECIDING = """
import os, signal, sys
def watch(event, arguments):
    if event == "os.rename" and "weight_decisions" in str(arguments[1]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
"""


@pytest.mark.slow
def test_killed_while_it_decides_a_night_gives_way_to_the_next(scenarios):
    scenario = scenarios["run daily"]
    program = [sys.executable, "-c", DIES_DECIDING + COMMAND, *scenario.arguments]
    died = subprocess.run(program, env=child_environment(scenario.base), capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL
    assert finish(scenario.base, scenario.arguments) is None
