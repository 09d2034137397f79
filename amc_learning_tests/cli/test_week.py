"""What a person may say after `run weekly`, and what is said to one who says something else."""

from datetime import timedelta

import pytest

from amc_learning.contracts.knowledge_days import week_end
from amc_learning_tests.acceptance.loop import DAYS, tree
from amc_learning_tests.cli.calling import amc

WEEK = week_end(DAYS[-1])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--week", "2024-03-22", "--from", "2024-03-22"), "give either --week or --from and --to"),
        (("--from", "2024-03-22"), "--from and --to come together"),
        (("--from", "2024-03-22", "--to", "2024-03-01"), "--from lies after --to"),
        (("--week", "22.3.2024"), "is not a date; write it as 2014-12-15"),
        (("--week", "2999-01-05"), "the week to 2999-01-04 is not over"),
        (("--week", "2004-12-01"), "lies before the first knowledge day, 2005-01-03"),
    ],
)
def test_weeks_that_cannot_be_meant_are_refused_as_wrong_usage(tmp_path, clean_environment, words, said):
    answer = amc(tmp_path / "data", "run", "weekly", *words)
    assert answer.code == 2
    assert said in " ".join(answer.all.replace("│", " ").split())


def test_without_a_night_there_is_no_week_to_run(tmp_path, clean_environment):
    answer = amc(tmp_path / "data", "run", "weekly")
    assert answer.code == 1
    assert "has all its nights; run them first: amc-learning run daily" in answer.all


def test_a_week_with_missing_nights_is_refused_before_a_run_begins(finished):
    before = tree(finished.data_dir)
    answer = amc(finished.data_dir, "run", "weekly", "--week", str(WEEK + timedelta(days=1)))
    assert answer.code == 1
    missing = [day for day in (WEEK - timedelta(days=1), WEEK) if day > DAYS[-1]]
    assert f"amc-learning run daily --from {missing[0]} --to {missing[-1]}" in answer.all
    assert tree(finished.data_dir) == before
