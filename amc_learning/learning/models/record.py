"""Every prediction a kind is judged by, made once by a fit that knew nothing from its entry on.

Belongs here: table judged_predictions of a week. Not here: what follows from it (promotion.py, scores.py), fitting.

The record begins in the first week that has days enough, by walking forward through the window: kinds are fitted on
earlier days and predict later ones. From then on each candidate is predicted by the newest fit stored in a week before
its entry, and enters the record in the week that knows the truth. No prediction is ever made again with later
knowledge, so evidence adds up from week to week instead of being looked at anew.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.declared.models import judged_predictions
from amc_learning.learning.models.cases import Cases, feature_groups
from amc_learning.learning.models.fitted import Model, model_from
from amc_learning.learning.models.fitting import KINDS, fit_models, lack_of
from amc_learning.learning.models.rules import ModelRules
from amc_learning.learning.splits import walk_forward

JUDGED_PREDICTIONS = judged_predictions()


def first_record(cases: Cases, *, week: date, rules: ModelRules) -> pl.DataFrame:
    """The record's beginning; empty while days, or candidates of the rarer truth, are too few for it.

    Args:
        cases: all of one target whose truth is known.
        week: knowledge day the record is made on.
        rules: folds and sizes.
    """
    if lack_of_record(cases, rules=rules):
        return JUDGED_PREDICTIONS.empty()
    folds = walk_forward(
        cases.days, cases.matured_days, n_folds=rules.n_folds, embargo_days=0, min_train_days=rules.min_train_days
    )
    parts = [
        _predicted(cases.rows(fold.test), fit_models(cases.rows(fold.train), rules=rules).models, week, rules)
        for fold in folds
    ]
    return pl.concat(parts)


def lack_of_record(cases: Cases, *, rules: ModelRules) -> str | None:
    """Why no record can begin with these cases; None where one can."""
    n_days = len(np.unique(cases.days))
    needed = rules.min_train_days + rules.first_overlaps * rules.overlap_of(cases.target)
    too_few = f"candidates of {n_days} days are known, judging takes {needed}" if n_days < needed else None
    return lack_of(cases, rules=rules) or too_few


def new_record(
    cases: Cases, earlier_models: pl.DataFrame, *, week: date, since: date, rules: ModelRules
) -> pl.DataFrame:
    """The record a later week adds: candidates whose truth became known after `since`, the week before.

    Models of another feature set than that of today cannot be asked; what they would have predicted is left out.

    Args:
        cases: all of one target whose truth is known.
        earlier_models: `known_on`, `target`, `kind`, `model_id`, `parameters` of weeks before this one, of its horizon.
        week: knowledge day the record is made on.
        since: newest week before it that has models.
        rules: components.
    """
    is_new = (cases.matured_dates > since).to_numpy()
    new = cases.rows(is_new)
    stored = earlier_models.filter(pl.col("target") == cases.target).sort("known_on", "kind")
    weeks = stored["known_on"].unique().sort()
    parts = [JUDGED_PREDICTIONS.empty()]
    if len(weeks):
        # The newest week that ended before the entry.
        place = np.searchsorted(weeks.to_physical().to_numpy(), new.days, side="left") - 1
        for at in np.unique(place[place >= 0]).tolist():
            rows = stored.filter(pl.col("known_on") == weeks[at])
            models = {
                row["kind"]: model_from(row["parameters"], model_id=row["model_id"])
                for row in rows.iter_rows(named=True)
            }
            if all(model.features == tuple(feature_groups(rules.components)) for model in models.values()):
                parts.append(_predicted(new.rows(place == at), models, week, rules))
    return pl.concat(parts)


def _predicted(cases: Cases, models: Mapping[str, Model], week: date, rules: ModelRules) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "known_on": pl.Series([week] * len(cases), dtype=pl.Date),
            "target": [cases.target] * len(cases),
            "horizon": [rules.horizon_of(cases.target)] * len(cases),
            "decision_id": cases.decision_ids,
            "entry_date": cases.entry_dates,
            "truth": cases.truth,
            **{kind: models[kind].predict(cases.features) for kind in KINDS},
        },
        schema=JUDGED_PREDICTIONS.schema,
    )
