"""The examples run as they stand, with a learning system and without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from amc_learning_tests.client.server import VERSION, nobody, serving

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name, url, tmp_path):
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), url],
        capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip


@pytest.mark.parametrize(("name", "n_events"), [("discovery.py", 1), ("thesis.py", 2), ("portfolio.py", 3)])
def test_an_example_hands_its_events_over(name, n_events, tmp_path):
    with serving() as server:
        ran = run(name, server.url, tmp_path)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert f"{n_events} accepted, 0 refused" in ran.stdout
        assert len(server.posts) == n_events
        versions = {one.payload.get("parameters_version") for one in server.posts}
    assert versions == ({VERSION} if name == "discovery.py" else {None})


@pytest.mark.parametrize("name", ["discovery.py", "thesis.py", "portfolio.py"])
def test_an_example_without_a_learning_system_ends_cleanly_and_says_so(name, tmp_path):
    ran = run(name, nobody(), tmp_path)
    assert ran.returncode == 0
    assert "no learning system takes events at" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_changes_that_waited_in_the_spool_go_out_with_the_next_run(tmp_path):
    waiting = run("portfolio.py", nobody(), tmp_path)
    assert "3 wait in" in waiting.stdout
    with serving() as server:
        assert "6 accepted" in run("portfolio.py", server.url, tmp_path).stdout
        changes = [one.payload["change_type"] for one in server.posts]
    assert changes == ["OPEN", "MODIFY", "CLOSE"] * 2
