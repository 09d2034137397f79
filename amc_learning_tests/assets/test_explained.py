"""Every asset tells an analyst what it answers, in what units, and where to read on."""

import fnmatch
import re
from pathlib import Path

import dagster as dg
import pytest

from amc_learning.assets.guide import GUIDES
from amc_learning.contracts.tables import catalogue
from amc_learning.definitions import build_defs
from amc_learning.settings import Automation, Service, Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOST_SERIES = 20
"""The UI draws no more of one asset."""


def specs_of(settings):
    return {spec.key.to_user_string(): spec for spec in build_defs(settings=settings).resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    return specs_of(Settings(data_dir=tmp_path_factory.mktemp("none") / "data"))


def test_the_guide_is_about_every_asset_and_nothing_else(specs):
    assert set(GUIDES) == set(specs)


@pytest.mark.parametrize("name", GUIDES)
def test_an_asset_has_question_owner_kinds_stage_and_a_way_to_read_on(specs, name):
    spec = specs[name]
    question = spec.description.splitlines()[0]
    assert "?" in question
    assert len(question) <= 160, "one or two sentences"
    assert spec.owners == ["team:learning"]
    assert spec.kinds
    assert spec.tags["stage"]
    assert "**Method** " in spec.description
    assert spec.metadata["docs"].value.endswith(GUIDES[name].docs)


@pytest.mark.parametrize("name", GUIDES)
def test_its_section_of_the_documentation_is_there(name):
    file, section = GUIDES[name].docs.split("#")
    headings = re.findall(r"^#+ (.+)$", (DOCS / file).read_text(), re.MULTILINE)
    assert section in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", GUIDES)
def test_its_numbers_have_a_meaning_and_a_unit_and_fit_the_picture_of_the_ui(specs, name):
    series = GUIDES[name].series
    assert len(series) <= MOST_SERIES
    for number, meaning in series.items():
        assert ", " in meaning, f"{number}: what it is, then its unit"
        assert f"`{number}`: {meaning}" in specs[name].description
    assert series or name == "index_closes"


def test_every_table_among_them_shows_its_columns_with_units(specs):
    tables = {table.name: table for table in catalogue(Settings().features.components)}
    for name in set(tables) & set(specs):
        schema = specs[name].metadata["dagster/column_schema"]
        shown = {column.name: column.description for column in getattr(schema, "value", schema).columns}
        assert list(shown) == [column.name for column in tables[name].columns]
        assert all(f"[{one.unit}]" in shown[one.name] for one in tables[name].columns if one.unit), name


def test_links_lead_to_the_documentation_site_and_to_the_page_of_the_service(tmp_path):
    settings = Settings(
        data_dir=tmp_path, automation=Automation(docs_url="http://docs.example/"), service=Service(port=8123)
    )
    report = specs_of(settings)["daily_report"]
    assert report.metadata["docs"] == dg.MetadataValue.url("http://docs.example/contracts.html#the-daily-report")
    assert report.metadata["page"] == dg.MetadataValue.url("http://127.0.0.1:8123/reports/daily/latest")
    assert "[contracts.md#the-daily-report](http://docs.example/contracts.html#the-daily-report)" in report.description


def test_a_service_that_others_reach_has_no_link_because_only_its_proxy_knows_the_address(tmp_path):
    service = Service(host="0.0.0.0", allows_without_keys=True)
    report = specs_of(Settings(data_dir=tmp_path, service=service))["daily_report"]
    assert "page" not in report.metadata
    assert "/reports/daily/latest" in report.description


def test_a_series_is_named_once_whatever_day_it_is():
    for name, guide in GUIDES.items():
        for number in guide.series:
            others = [pattern for pattern in guide.series if pattern != number and fnmatch.fnmatch(number, pattern)]
            assert others == [], f"{name}: {number} is also {others}"
