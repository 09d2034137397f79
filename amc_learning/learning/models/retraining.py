"""The models of one week: fitted anew, judged by their record, one kind of each target in office.

Belongs here: from cases, earlier models and the record to table prediction_models. Not here: each step of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from amc_learning.contracts.declared.models import TARGETS, prediction_models
from amc_learning.learning.inference import MeanInference
from amc_learning.learning.models.cases import Cases, feature_groups
from amc_learning.learning.models.evidence import (
    DailyDifferences,
    Evidence,
    coefficient_differences,
    judge,
    squared_error_differences,
)
from amc_learning.learning.models.fitted import Model
from amc_learning.learning.models.fitting import KINDS, Fits, fit_models
from amc_learning.learning.models.promotion import Comparison, Promotion, decide_promotion
from amc_learning.learning.models.record import first_record, lack_of_record, new_record
from amc_learning.learning.models.rules import ModelRules
from amc_learning.learning.models.scores import Scores, permutation_importance, score_predictions

PREDICTION_MODELS = prediction_models()

LIMITS = (
    "Scores are of earlier fits of this kind on days after each of them; the fit of this week has predicted nothing "
    "yet. They hold for candidates like those judged, in markets like those of the record, and say nothing about the "
    "costs of trading on them."
)

DIGITS = 9
"""Processors differ in the last bits of a sum; figures that are read by people do not."""


@dataclass(frozen=True)
class Reign:
    """The kind in office before this week, and since when; None: the baseline, never replaced."""

    champion: str
    since: date | None


@dataclass(frozen=True)
class WeekOfModels:
    """What one week wrote: table prediction_models, and what it added to judged_predictions."""

    models: pl.DataFrame
    record: pl.DataFrame


def retrain(
    cases: Mapping[str, Cases],
    earlier_models: pl.DataFrame,
    earlier_record: pl.DataFrame,
    *,
    week: date,
    rules: ModelRules,
) -> WeekOfModels:
    """Fit every kind of every target, add to the record, and decide who predicts.

    Args:
        cases: by target, all whose truth is known by this week, inside the window.
        earlier_models: table prediction_models of weeks before this one: the newest, and back to before the entries of
            what became known since; empty in the first week.
        earlier_record: table judged_predictions of all weeks before this one.
        week: last knowledge day of the week.
        rules: bounds, sizes, levels.
    """
    rows, records = [], []
    for target in TARGETS:
        # The same target at another horizon is another truth: neither its record nor its champion says anything here.
        is_asked = (pl.col("target") == target) & (pl.col("horizon") == rules.horizon_of(target))
        earlier, before = earlier_models.filter(is_asked), earlier_record.filter(is_asked)
        since = earlier["known_on"].max()
        added = (
            first_record(cases[target], week=week, rules=rules)
            if since is None or before.is_empty()
            else new_record(cases[target], earlier, week=week, since=since, rules=rules)  # type: ignore[arg-type]
        )
        records.append(added)
        # A week that ran after a later one repeats what that one had: the earlier prediction counts.
        record = (
            pl.concat([before, added])
            .unique("decision_id", keep="first", maintain_order=True)
            .sort("entry_date", "decision_id")
        )
        fits = fit_models(cases[target], rules=rules)
        reign = _reign(earlier, since)  # type: ignore[arg-type]
        rows += _of_target(cases[target], fits, record, reign, week=week, rules=rules)
    return WeekOfModels(
        pl.DataFrame(rows, schema=PREDICTION_MODELS.schema).sort("known_on", *PREDICTION_MODELS.key),
        pl.concat(records).sort("known_on", "target", "horizon", "decision_id"),
    )


def _reign(earlier_models: pl.DataFrame, since: date | None) -> Reign | None:
    if since is None:
        return None
    newest = earlier_models.filter((pl.col("known_on") == since) & (pl.col("role") == "champion"))
    return Reign(newest["kind"][0], newest["champion_since"][0]) if newest.height else None


def _of_target(
    cases: Cases, fits: Fits, record: pl.DataFrame, reign: Reign | None, *, week: date, rules: ModelRules
) -> list[dict[str, object]]:
    level = rules.false_promotion_rate / (len(KINDS) - 1)
    score = "information_coefficient" if cases.target == "return" else "brier_score"
    comparisons = _comparisons(record, reign, cases.target, week=week, level=level, rules=rules)
    promotion = decide_promotion(
        None if reign is None else reign.champion,
        comparisons,
        level=level,
        score=score,
        lack=lack_of_record(cases, rules=rules),
    )
    since = week if promotion.is_new else reign.since if reign else None
    recent = record.filter(pl.col("entry_date") > week - timedelta(days=rules.window_days))
    shared = {
        "known_on": week,
        "target": cases.target,
        "horizon": rules.horizon_of(cases.target),
        "champion_since": since,
        "score": score,
        "limits": LIMITS,
        **_trained_on(cases),
        **_scored_on(recent, week),
    }
    return [
        {
            **shared,
            **_decided(kind, promotion, comparisons.get(kind), level),
            **_model(fits.models[kind]),
            **_scored(recent, kind, cases.target, rules),
            "importance": _importance(fits, kind, rules),
        }
        for kind in KINDS
    ]


def _comparisons(
    record: pl.DataFrame, reign: Reign | None, target: str, *, week: date, level: float, rules: ModelRules
) -> dict[str, Comparison]:
    """Every challenger against the champion, on the days of its reign.

    The first reign of the baseline includes the beginning of the record, which is one look. What a promotion was
    decided on is used up: the test of the next reign begins with days entered after it. Labels open at either share
    sessions with what it was decided on, so nothing is bet on them.
    """
    reign = reign or Reign("baseline", None)
    champion, is_first_reign = reign.champion, reign.since is None
    is_beginning = (pl.col("known_on") == pl.col("known_on").min()) & is_first_reign
    decided_on = pl.col("known_on").min() if is_first_reign else reign.since
    record = record.filter(is_beginning | (pl.col("entry_date") > decided_on))
    n_new_days = record.filter(pl.col("known_on") == week)["entry_date"].n_unique()
    beginning = record.filter(is_beginning)
    n_first = _days_of_first_look(beginning, target, rules) if is_first_reign else 0

    def evidence(one: str, other: str) -> Evidence:
        return judge(
            _differences(record, target, one, other),
            n_first=n_first,
            overlap_sessions=rules.overlap_of(target),
            level=level,
        )

    return {
        kind: Comparison(better=evidence(kind, champion), worse=evidence(champion, kind), n_new_days=n_new_days)
        for kind in KINDS
        if kind != champion
    }


def _days_of_first_look(record: pl.DataFrame, target: str, rules: ModelRules) -> int:
    """Days of the first record that are judged by their mean at once; none where a truth is too rare for that.

    A mean of squared errors with hardly a rare truth among them looks surer than it is; bets bear any skewness.
    """
    n_true = float(record["truth"].sum())
    is_rare = target != "return" and min(n_true, record.height - n_true) < rules.min_minority
    return 0 if is_rare else record["entry_date"].n_unique()


def _differences(record: pl.DataFrame, target: str, kind: str, other: str) -> DailyDifferences:
    measure = coefficient_differences if target == "return" else squared_error_differences
    days = record["entry_date"].to_physical().to_numpy().astype(np.int64)
    return measure(days, record["truth"].to_numpy(), one=record[kind].to_numpy(), other=record[other].to_numpy())


def _trained_on(cases: Cases) -> dict[str, object]:
    return {
        "trained_from": cases.entry_dates.min(),
        "trained_to": cases.entry_dates.max(),
        "n_cases": len(cases),
        "n_days": cases.entry_dates.n_unique(),
        "n_positive": None if cases.target == "return" else int(cases.truth.sum()),
    }


def _scored_on(record: pl.DataFrame, week: date) -> dict[str, object]:
    return {
        "scored_from": record["entry_date"].min(),
        "scored_to": record["entry_date"].max(),
        "n_scored": record.height,
        "n_scored_days": record["entry_date"].n_unique(),
        "n_new_days": record.filter(pl.col("known_on") == week)["entry_date"].n_unique(),
    }


def _decided(kind: str, promotion: Promotion, compared: Comparison | None, level: float) -> dict[str, object]:
    decided = promotion.decisions[kind]
    found: dict[str, object] = {
        "kind": kind,
        "role": "champion" if kind == promotion.champion else "challenger",
        "decision": decided.decision,
        "reason": decided.reason,
    }
    if compared is not None:
        low, high = compared.better.interval or (None, None)
        numbers = {"difference": compared.better.mean, "ci_low": low, "ci_high": high}
        found |= {name: _rounded(value) for name, value in numbers.items()}
        found |= {"e_value": float(f"{compared.better.e_value:.6g}"), "promoted_from": 1 / level}
    return found


def _model(model: Model) -> dict[str, object]:
    return {"model_id": model.model_id, "parameters": model.parameters}


def _scored(record: pl.DataFrame, kind: str, target: str, rules: ModelRules) -> dict[str, object]:
    scores = score_predictions(
        record["entry_date"].to_physical().to_numpy().astype(np.int64),
        record["truth"].to_numpy(),
        record[kind].to_numpy(),
        record["baseline"].to_numpy(),
        is_probability=target != "return",
        overlap_sessions=rules.overlap_of(target),
    )
    return {
        **_with_interval("area_under_curve", scores.area_under_curve),
        **_with_interval("mean_information_coefficient", scores.mean_information_coefficient),
        **_with_interval("skill", scores.skill),
        **dict(
            zip(
                ("brier_score", "miscalibration", "discrimination", "uncertainty"),
                (_rounded(part) for part in scores.brier or (None,) * 4),
                strict=True,
            )
        ),
        "calibration_curve": _curve(scores),
    }


def _with_interval(name: str, found: MeanInference) -> dict[str, float | None]:
    return {
        name: _rounded(found.estimate),
        f"{name}_ci_low": _rounded(found.ci_low),
        f"{name}_ci_high": _rounded(found.ci_high),
    }


def _curve(scores: Scores) -> str | None:
    blocks = [
        {"predicted": _rounded(predicted), "came_true": _rounded(came_true), "n": n}
        for predicted, came_true, n in scores.curve
    ]
    return json.dumps(blocks) if blocks else None


def _importance(fits: Fits, kind: str, rules: ModelRules) -> str | None:
    if fits.holdout is None or kind not in fits.holdout.models:
        return None
    found = permutation_importance(
        fits.holdout.models[kind], fits.holdout.cases, feature_groups(rules.components), seed=rules.seed
    )
    return json.dumps([{"group": group, "loss": _rounded(loss)} for group, loss in found]) if found else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS) + 0.0
