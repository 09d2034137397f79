"""What champions say of candidates: only of those whose features they know by name."""

from datetime import date, datetime

import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.models.cases import feature_groups
from amc_learning.learning.models.fitted import Model
from amc_learning.learning.models.predictions import predictions
from amc_learning.learning.models.rules import ModelRules

COMPONENTS = ("squeeze", "technical")
TABLES = catalogue(COMPONENTS)
WEEK = date(2014, 12, 12)


@pytest.mark.parametrize(("components", "said"), [(COMPONENTS, 0.25), (COMPONENTS[::-1], None)])
def test_a_model_of_another_feature_set_is_not_asked_though_it_has_as_many_features(components, said):
    model = Model("success", "baseline", tuple(feature_groups(components)), 0.25, None)
    champion = {"known_on": WEEK, "target": "success", "kind": "baseline", "role": "champion"}
    stored = {"parameters": model.parameters, "model_id": model.model_id}
    candidate = {"known_on": WEEK, "decision_id": "d", "symbol": "AAA", "is_selected": True}
    decided = {"decided_at": datetime(2014, 12, 12, 20)}  # noqa: DTZ001 - the schema says UTC
    found = predictions(
        frame("prediction_models", champion | stored),
        frame("discovery_candidates", candidate | decided),
        TABLES["price_bars"].empty(),
        TABLES["index_closes"].empty(),
        TABLES["market_regimes"].empty(),
        week=WEEK,
        rules=ModelRules(components=COMPONENTS),
    )
    assert found["success_probability"].to_list() == [said]
    assert found["stop_out_probability"].to_list() == [None]


def frame(name, row):
    table = TABLES[name]
    return pl.DataFrame([dict.fromkeys(table.column_names) | row], schema=table.schema)
