"""A week of deep work on the small simulated market: through Dagster, from tables to the page, over HTTP and again."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from jsonschema import Draft202012Validator

from amc_learning.automation.jobs import WEEKLY_DEEP_CORRECTION
from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.contracts.knowledge_days import week_end
from amc_learning.definitions import WEEKLY_DOCUMENT_ASSETS, WEEKLY_TABLE_ASSETS
from amc_learning.service.effectiveness import learning_effectiveness
from amc_learning.settings import Settings
from amc_learning.stages.week import run_weeks, weekly_stages
from amc_learning_tests.acceptance.loop import (
    DAYS,
    failures,
    open_warehouse,
    run_through_dagster,
    steps_done,
    tree,
)
from amc_learning_tests.cli.calling import amc
from amc_learning_tests.reports.pages import Page
from amc_learning_tests.service.running import running

WEEK = week_end(DAYS[-1]) - timedelta(weeks=1)
"""The last week of the simulated market that is over, told by its Friday."""

SATURDAY, WEEK_BEFORE = WEEK + timedelta(days=1), WEEK - timedelta(weeks=1)
KEYS = {"new_patterns", "feature_importance", "regime_changes", "strategy_recommendations"}
"""What the system description publishes."""


@pytest.fixture(scope="module")
def judged(finished_base, tmp_path_factory) -> tuple[Settings, dg.ExecuteInProcessResult]:
    """The last week, run through Dagster."""
    settings = Settings(data_dir=Path(shutil.copytree(finished_base, tmp_path_factory.mktemp("week") / "data")))
    return settings, run_through_dagster(settings, [SATURDAY], job=WEEKLY_DEEP_CORRECTION)


def document(settings, week=WEEK):
    return open_warehouse(settings).publications.document(WEEKLY_REPORT_DOCUMENT, week)


def test_the_job_runs_every_stage_of_the_week_and_every_check(judged):
    _, result = judged
    assert result.success, failures(result)
    assert steps_done(result) == {
        asset.key.to_user_string() for asset in (*WEEKLY_TABLE_ASSETS, *WEEKLY_DOCUMENT_ASSETS)
    }
    assert steps_done(result) == {name for stage in weekly_stages() for name in stage.asset_names}
    checked = {check.asset_key for check in result.get_asset_check_evaluations() if check.passed}
    assert checked == {asset.key for asset in WEEKLY_TABLE_ASSETS}


def test_the_document_is_what_its_schema_says_and_holds_the_keys_of_the_description(judged):
    settings, _ = judged
    published = open_warehouse(settings).publications
    schema = json.loads((published.root / "weekly_report.schema.json").read_text())
    current = published.current(WEEKLY_REPORT_DOCUMENT)
    Draft202012Validator(schema).validate(current)
    assert current.keys() >= KEYS
    assert (current["known_on"], current["week_from"]) == (str(WEEK), str(WEEK - timedelta(days=4)))
    assert current["counts"]["n_nights"] == 5
    tables = open_warehouse(settings).table
    hashes = {name: (entry.sha256 if (entry := tables(name).entry(WEEK)) else None) for name in current["inputs"]}
    assert current["inputs"] == hashes


def test_parts_with_nothing_to_say_are_said_to_be_so_in_words(judged):
    settings, _ = judged
    current = document(settings)
    page = open_warehouse(settings).publications.page_path(WEEKLY_REPORT_DOCUMENT, WEEK).read_text()
    text = Page(page).text
    assert current["headline"] in text
    for reason in current["insufficient_evidence"].values():
        assert f"Insufficient evidence: {reason}" in text


def test_the_service_gives_report_and_page_and_counts_what_is_new(judged):
    settings, _ = judged
    current = document(settings)
    with running(settings.data_dir) as server:
        assert server.get("/learning/reports/weekly/latest").json() == current
        assert server.get(f"/learning/reports/weekly/{SATURDAY}").json() == current
        assert server.get(f"/learning/reports/weekly/{WEEK - timedelta(days=2)}").json() == current
        page = server.get("/reports/weekly/latest")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert current["headline"] in Page(page.content.decode()).text
        assert server.get(f"/reports/weekly/{WEEK}").content == page.content
        assert server.get(f"/reports/weekly/{WEEK_BEFORE}").status == 404
        assert server.get("/reports/weekly/someday").status == 404
        assert 'href="/reports/weekly/latest"' in server.get("/").content.decode()
    counted = learning_effectiveness(open_warehouse(settings).publications, WEEK)
    assert counted.patterns_discovered_this_week == sum(
        current["counts"][name] for name in ("n_new_patterns", "n_new_failures")
    )


def test_the_same_week_again_changes_no_byte_and_the_stages_alone_come_to_the_same(judged, finished):
    settings, _ = judged
    before = kept(settings)
    assert run_through_dagster(settings, [SATURDAY], job=WEEKLY_DEEP_CORRECTION).success
    assert kept(settings) == before
    run_weeks(open_warehouse(finished), finished, [WEEK])
    assert kept(finished) == before


def test_weeks_in_one_run_come_to_the_same_as_week_by_week(finished, tmp_path, finished_base):
    together = Settings(data_dir=Path(shutil.copytree(finished_base, tmp_path / "together")))
    result = run_through_dagster(together, [SATURDAY - timedelta(weeks=1), SATURDAY], job=WEEKLY_DEEP_CORRECTION)
    assert result.success, failures(result)
    for week in (WEEK_BEFORE, WEEK):
        run_weeks(open_warehouse(finished), finished, [week])
    assert kept(together) == kept(finished)


def kept(settings):
    """Weekly tables and documents with the hash of their bytes; pages are left out, they are drawn on request."""
    tables = [asset.key.to_user_string() for asset in WEEKLY_TABLE_ASSETS]
    kept = {path: sha for name in tables for path, sha in tree(settings.data_dir / "tables" / name).items()}
    documents = tree(settings.data_dir / "published")
    left_out = ("manifest.ndjson", ".html")
    return {path: sha for path, sha in (kept | documents).items() if not path.endswith(left_out)}


def test_a_week_with_a_missing_night_is_refused_and_nothing_is_written(finished):
    """The simulated market ends on a Wednesday: two nights of its last week never ran."""
    unfinished = week_end(DAYS[-1])
    before = tree(finished.data_dir)
    result = run_through_dagster(finished, [unfinished + timedelta(days=1)], job=WEEKLY_DEEP_CORRECTION)
    assert not result.success
    command = f"amc-learning run daily --from {unfinished - timedelta(days=1)} --to {unfinished}"
    assert any(command in said for said in failures(result) + reasons(result))
    assert tree(finished.data_dir) == before
    assert not any(event.is_step_up_for_retry for event in result.all_events)


def reasons(result):
    """What steps say that refused to run."""
    data = [event.event_specific_data for event in result.all_events if event.is_step_failure]
    return [one.user_failure_data.description for one in data if one.user_failure_data]


def test_a_person_runs_reads_and_looks_after_weeks(finished):
    answer = amc(finished.data_dir, "run", "weekly", "--week", str(SATURDAY), "--json")
    assert (answer.code, answer.json["weeks"]) == (0, [str(WEEK), str(WEEK)]), answer.all
    current = document(finished)
    assert answer.json["headline"] == current["headline"]
    read = amc(finished.data_dir, "report", "--weekly")
    assert read.code == 0
    assert current["headline"] in read.all
    assert all(" ".join(line.split()) in read.all for line in current["findings"])
    assert amc(finished.data_dir, "report", "--weekly", "--json").json == current
    assert amc(finished.data_dir, "status", "--json").json["last_week"] == str(WEEK)
    assert f"last weekly report is of the week to {WEEK}" in amc(finished.data_dir, "doctor").all
    again = amc(finished.data_dir, "run", "weekly")
    assert again.code == 0, again.all
    assert f"week to {WEEK}: {current['headline']}" in again.all
    refused = amc(finished.data_dir, "run", "weekly", "--week", str(DAYS[-1]))
    assert refused.code == 1
    assert "no night ran for" in refused.all
    assert "Run them first: amc-learning run daily" in refused.all


def test_before_the_first_week_everything_says_what_to_do(finished):
    refused = amc(finished.data_dir, "report", "--weekly")
    assert (refused.code, "amc-learning run weekly" in refused.all) == (1, True)
    assert "none yet: amc-learning run weekly" in amc(finished.data_dir, "status").all
    assert amc(finished.data_dir, "doctor").code == 0
