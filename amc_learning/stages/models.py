"""Prediction models of the week: fit, judge, choose, and what they say of the week's last candidates.

Belongs here: which window each table needs. Not here: models, evidence, promotion (learning.models).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY
from amc_learning.learning.models import LOOK_BACK_DAYS, ModelRules, predictions, retrain, training_cases
from amc_learning.learning.point_in_time import STALE_DAYS
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse

REGIME_COLUMNS = ("known_on", "basis", "regime")


def model_rules(settings: Settings) -> ModelRules:
    """The rules for models that these settings describe."""
    horizons = settings.outcomes.horizons
    longest = max(horizons, key=lambda name: horizons[name])
    return ModelRules(
        components=settings.features.components,
        horizon=settings.weekly.horizon,
        overlap_sessions=horizons[settings.weekly.horizon],
        stop_horizon=longest,
        stop_overlap_sessions=horizons[longest],
        window_days=settings.weekly.window_days,
    )


@taking_turns
def retrain_models(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> pl.DataFrame:
    """Write the models of these weeks and the record that judges them; each week starts from the one before."""
    written = [_retrain_week(warehouse, settings, week) for week in weeks]
    return pl.concat(written)


def _retrain_week(warehouse: Warehouse, settings: Settings, week: date) -> pl.DataFrame:
    rules = model_rules(settings)
    first = max(week - timedelta(days=rules.window_days - 1), FIRST_KNOWLEDGE_DAY)
    decided_from = first - timedelta(days=_label_days(rules))
    horizons = pl.col("horizon").is_in([rules.horizon, rules.stop_horizon])
    cases = training_cases(
        warehouse.table("feature_outcomes").read(first, week).filter(horizons & pl.col("is_selected")),
        warehouse.table("candidate_outcomes").read(
            first, week, columns=["horizon", "decision_id", "decision_known_on", "max_adverse_excursion"]
        ),
        *_market(warehouse, decided_from, week),
        rules=rules,
    )
    models, record = warehouse.table("prediction_models"), warehouse.table("judged_predictions")
    yesterday = week - timedelta(days=1)
    found = retrain(
        cases,
        models.read(_oldest_needed(warehouse, rules, yesterday), yesterday),
        record.read(None, yesterday),
        week=week,
        rules=rules,
    )
    record.write(found.record, [week])
    models.write(found.models, [week])
    return found.models


def _oldest_needed(warehouse: Warehouse, rules: ModelRules, yesterday: date) -> date:
    """The week whose models predicted the earliest entries that became known since the newest week with models."""
    models = warehouse.table("prediction_models")
    newest = models.latest_on_or_before(yesterday)
    if newest is None:
        return yesterday
    # A system younger than a label needs all the weeks it has.
    return models.latest_on_or_before(newest - timedelta(days=_label_days(rules))) or models.days()[0]


def _label_days(rules: ModelRules) -> int:
    """Calendar days within which every label is known, from its decision on."""
    return 14 + 3 * max(rules.overlap_sessions, rules.stop_overlap_sessions) // 2


def _market(warehouse: Warehouse, decided_from: date, week: date) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Bars, index and regimes that say what was known of decisions from `decided_from` to the end of the week."""
    bars_from = decided_from - timedelta(days=LOOK_BACK_DAYS)
    return (
        warehouse.table("price_bars").read(bars_from, week),
        warehouse.table("index_closes").read(bars_from, week),
        warehouse.table("market_regimes").read(
            decided_from - timedelta(days=STALE_DAYS), week, columns=list(REGIME_COLUMNS)
        ),
    )


@taking_turns
def predict_candidates(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> pl.DataFrame:
    """Write what the champions of these weeks say of the candidates of each week's last discovery day."""
    rules, written = model_rules(settings), []
    for week in weeks:
        monday = week - timedelta(days=4)
        predicted = predictions(
            warehouse.table("prediction_models").read(week, week),
            warehouse.table("discovery_candidates").read(monday, week),
            *_market(warehouse, monday, week),
            week=week,
            rules=rules,
        )
        warehouse.table("candidate_predictions").write(predicted, [week])
        written.append(predicted)
    return pl.concat(written)
