"""Changes of regime in a warehouse: a week lists the same ones whether it is judged alone or in a range."""

from datetime import date, timedelta

import polars as pl
import pytest

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.stages.regime_changes import judge_regime_changes
from amc_learning.warehouse import Warehouse
from amc_learning_tests.acceptance.loop import settings_for

LAST = date(2014, 12, 12)
SPELL = 30


@pytest.fixture
def settings(tmp_path, clean_environment):
    settings = settings_for(tmp_path / "data")
    return settings.model_copy(update={"weekly": settings.weekly.model_copy(update={"window_days": 90})})


@pytest.fixture
def warehouse(settings):
    """A warehouse whose index changed its regime every 30 sessions for three years."""
    opened = Warehouse.open(settings.data_dir, settings.features.components)
    table = opened.catalogue["market_regimes"]
    days = knowledge_days(LAST - timedelta(days=1095), LAST)
    names = ("calm", "turbulent")
    rows = pl.DataFrame(
        [
            {
                "known_on": day,
                "basis": "index",
                "regime": names[place // SPELL % 2],
                "previous_regime": names[1 - place // SPELL % 2] if place >= SPELL else None,
                "probability": 0.9,
                "is_change": place >= SPELL and place % SPELL == 0,
                "since": days[place - place % SPELL],
                "evidence": "sufficient",
            }
            for place, day in enumerate(days)
        ]
    )
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in table.schema.items() if name not in rows.columns]
    opened.table(table.name).write(rows.with_columns(missing).select(table.column_names), days)
    return opened


def test_a_window_shorter_than_the_year_that_is_listed_lists_the_whole_year_alone_as_in_a_range(warehouse, settings):
    weeks = [LAST - timedelta(weeks=back) for back in range(30, -1, -1)]
    of_range = judge_regime_changes(warehouse, settings, weeks).filter(known_on=LAST)
    alone = judge_regime_changes(warehouse, settings, [LAST])
    assert alone.equals(of_range)
    # 260 weekdays a year hold a change every 30
    assert alone["changed_on"].n_unique() in (8, 9)
