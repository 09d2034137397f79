"""A document of another version is refused in a sentence, with its field and the command that publishes it anew."""

from datetime import date

import pytest

from amc_learning.automation.run_failures import failure_sentence
from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.learning.modes import SHADOW
from amc_learning.stages.promotion import shadow_account
from amc_learning.stages.publish_documents import draw_page, publish_recommendations
from amc_learning.stages.weekly_report import draw_weekly_page
from amc_learning.warehouse import CorruptDocument
from amc_learning.warehouse.publications import HASH_FIELD
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse, run_through_dagster
from amc_learning_tests.acceptance.test_shadow import ordered
from amc_learning_tests.cli.calling import amc

TOLD, LAST = DAYS[-2:]


def of_another_version(publications, name, day, change):
    """Publish a day again as another version would have: other fields, and a hash that is right."""
    document = publications.document(name, day)
    del document[HASH_FIELD]
    change(document)
    publications.publish_many(name, {day: document}, schema={})


def without_quality(document):
    del document["data"]["calibration_quality"]


def without_data(document):
    del document["data"]


@pytest.fixture
def demoted(finished):
    """The confidence acts up to the day before the last, and is in shadow on the last."""
    ordered(finished, SHADOW, LAST, "confidence")
    return finished


@pytest.mark.parametrize(
    ("change", "field"), [(without_quality, "data.calibration_quality"), (without_data, "data")], ids=["field", "all"]
)
def test_told_confidence_of_another_version_is_refused_with_field_and_remedy(demoted, change, field):
    warehouse = open_warehouse(demoted)
    of_another_version(warehouse.publications, "confidence", TOLD, change)
    with pytest.raises(CorruptDocument) as refused:
        publish_recommendations(warehouse, demoted, [LAST])
    said = str(refused.value)
    assert said.startswith(f"the stored confidence of {TOLD} was written by another version: {field}: ")
    assert said.endswith(f"it is not used. Publish it again: amc-learning run daily --date {TOLD}")


def test_a_night_in_shadow_says_so_in_its_step_and_goes_on_after_the_remedy(demoted):
    of_another_version(open_warehouse(demoted).publications, "confidence", TOLD, without_quality)
    result = run_through_dagster(demoted, [LAST], assets=["published_recommendations"])
    (failed,) = (event for event in result.all_events if event.is_failure and event.step_key)
    said = failure_sentence(failed)
    assert said.startswith(f"published_recommendations: the stored confidence of {TOLD} was written by another version")
    assert "\n" not in said
    assert amc(demoted.data_dir, *said.partition("amc-learning ")[2].split()).code == 0
    assert run_through_dagster(demoted, [LAST], assets=["published_recommendations"]).success


def test_an_account_of_a_shadow_of_another_version_is_refused(demoted):
    warehouse = open_warehouse(demoted)
    of_another_version(warehouse.publications.shadow, "confidence", LAST, lambda document: document.pop("maps"))
    with pytest.raises(CorruptDocument, match=f"the stored confidence of {LAST} .* another version: maps: "):
        shadow_account(warehouse, demoted, "confidence", LAST)


def test_a_page_of_a_report_of_another_version_is_not_drawn(finished):
    warehouse = open_warehouse(finished)
    of_another_version(warehouse.publications, "daily_report", LAST, lambda document: document.pop("headline"))
    with pytest.raises(CorruptDocument, match=f"the stored daily_report of {LAST} .* another version: headline: "):
        draw_page(warehouse, LAST)


def test_a_page_of_a_weekly_report_of_another_version_is_not_drawn(finished):
    warehouse, friday = open_warehouse(finished), date(2024, 3, 1)
    warehouse.publications.publish(WEEKLY_REPORT_DOCUMENT, {"week": "9"}, friday, {"type": "object"})
    with pytest.raises(CorruptDocument, match=f"another version: .* amc-learning run weekly --week {friday}$"):
        draw_weekly_page(warehouse, friday)
