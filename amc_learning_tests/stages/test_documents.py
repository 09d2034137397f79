"""Documents of a day that is published ahead of its night, and of days the night has seen."""

from datetime import timedelta

import pytest

from amc_learning.contracts.knowledge_days import next_knowledge_day
from amc_learning.stages.night import Night
from amc_learning.stages.night_tables import NightTables
from amc_learning.stages.publish_documents import (
    publish_confidence,
    publish_corrections,
    publish_patterns,
    publish_recommendations,
    publish_regimes,
)
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

NEXT = next_knowledge_day(DAYS[-1])


def without_dates(document):
    return {name: value for name, value in document.items() if name not in ("known_on", "last_updated", "sha256")}


@pytest.mark.parametrize(
    ("name", "publish"),
    [
        ("confidence", publish_confidence),
        ("corrections", publish_corrections),
        ("pattern_analysis", publish_patterns),
    ],
)
def test_a_day_published_ahead_of_its_night_says_what_the_night_before_knew(finished, name, publish):
    """A veto at noon must not make theses trusted again for want of tonight's calibration."""
    warehouse = open_warehouse(finished)
    last = warehouse.publications.current(name)
    publish(warehouse, finished, [NEXT])
    ahead = warehouse.publications.current(name)
    assert ahead["known_on"] == str(NEXT)
    assert without_dates(ahead) == without_dates(last)


def test_regime_and_recommendations_of_such_a_day_keep_their_evidence(finished):
    warehouse = open_warehouse(finished)
    regime, advice = (warehouse.publications.current(name) for name in ("market_regime", "recommendations"))
    publish_regimes(warehouse, finished, [NEXT])
    publish_recommendations(warehouse, finished, [NEXT])
    assert warehouse.publications.current("market_regime")["performance"] == regime["performance"]
    ahead = warehouse.publications.current("recommendations")
    for part in ("confidence_calibration", "pattern_alerts", "performance_attribution", "risk_warnings"):
        assert ahead[part] == advice[part]
    assert ahead["performance_attribution"]


def test_an_old_night_is_not_passed_off_as_the_present_regime(finished):
    tables = NightTables(open_warehouse(finished), finished, DAYS[-1], DAYS[-1] + timedelta(days=60))
    assert Night(DAYS[-1], tables).discovery_regime.known_on is not None
    assert Night(DAYS[-1] + timedelta(days=60), tables).discovery_regime.known_on is None
