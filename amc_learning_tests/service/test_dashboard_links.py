"""Whatever the dashboard links to is there."""

import httpx
import pytest

from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.service.dashboard.sections_nights import DOCUMENTS, PAGES


@pytest.fixture
def finished_http(finished, serve):
    with httpx.Client(base_url=serve(finished).url) as client:
        yield client


def test_every_document_and_page_on_the_dashboard_answers(finished_http):
    paths = {name: path for name, (path, _) in DOCUMENTS.items()}
    answers = {name: finished_http.get(path) for name, path in paths.items()}
    assert {name for name, answer in answers.items() if answer.status_code != 200} == set()
    nothing_yet = {name for name, answer in answers.items() if answer.json().get("success") is False}
    assert nothing_yet == {WEEKLY_REPORT_DOCUMENT}
    assert {path: finished_http.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 200)


def test_the_dashboard_of_a_real_data_directory_links_to_what_is_published(finished_http):
    page = finished_http.get("/").text
    published = [path for name, (path, _) in DOCUMENTS.items() if name != WEEKLY_REPORT_DOCUMENT]
    assert [path for path in published if f'href="{path}"' not in page] == []
