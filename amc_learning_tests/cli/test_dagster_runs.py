"""Dagster's things are made once, whoever comes first, and by however many at once."""

import subprocess
import sys

from amc_learning_tests.acceptance.loop import DAYS, child_environment, open_warehouse
from amc_learning_tests.cli.calling import amc

N_AT_ONCE = 4
OPEN_WHEN_TOLD = """
import sys
import dagster
from amc_learning.cli.dagster_runs import dagster_instance
from amc_learning.settings import Settings

print("ready", flush=True)
sys.stdin.readline()
with dagster_instance(Settings()) as instance:
    assert instance.get_runs() == []
"""


def test_all_who_open_dagster_at_once_for_the_first_time_can_use_it(tmp_path):
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_WHEN_TOLD],
            env=child_environment(tmp_path / "data"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(N_AT_ONCE)
    ]
    assert [program.stdout.readline() for program in programs] == ["ready\n"] * N_AT_ONCE
    for program in programs:
        program.stdin.write("go\n")
        program.stdin.flush()
    complaints = [program.communicate(timeout=120)[1] for program in programs]
    assert [program.returncode for program in programs] == [0] * N_AT_ONCE, "\n".join(complaints)


def test_a_step_that_refuses_is_told_in_its_sentence_without_the_class_that_carried_it(finished):
    stored = open_warehouse(finished).table("daily_statistics")
    path = stored.path(stored.entry(DAYS[-3]))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    answer = amc(finished.data_dir, "run", "evidence", "--date", str(DAYS[-1]))
    assert answer.code == 1
    assert answer.complained.startswith(f"correlation_table: table daily_statistics, knowledge day {DAYS[-3]}: ")
    assert "amc_learning." not in answer.all
