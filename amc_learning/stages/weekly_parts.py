"""Parts of the weekly report from the rows of its tables.

Belongs here: one part from the rows of one table. Not here: which rows (weekly_report), the sentences (weekly_wording).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.weekly_report import (
    CalibrationBlock,
    CandidatePrediction,
    ComponentImportance,
    ComponentUnderRegime,
    CorrectionMove,
    DiscoveredPattern,
    ExitRecommendation,
    ExitSetting,
    ModelCard,
    PatternSearch,
    SizeBand,
    SizeRecommendation,
    StrategyRecommendations,
    WeeklyRegimeChange,
    WeightMove,
)
from amc_learning.stages.day_rows import Row

BEST_SHOWN = 5
"""Exit settings of the best in sample that a report shows; the table exit_strategies holds all of them."""

PREDICTIONS_SHOWN = 10
"""Candidates of the last run that a report shows; the table candidate_predictions holds the others."""

AS_DONE = "as done"
TARGETS = ("success", "outperformance", "return", "stop_out")
KINDS = ("baseline", "linear", "boosted")


def interval(row: Row, name: str, *, n: int, estimate: str | None = None) -> Interval:
    """An estimate of a row with its interval, `<name>_ci_low` and `<name>_ci_high`."""
    return Interval(estimate=row[estimate or name], ci_low=row[f"{name}_ci_low"], ci_high=row[f"{name}_ci_high"], n=n)


def patterns(rows: Iterable[Row], search: Row | None, *statuses: str) -> list[DiscoveredPattern]:
    """Rows of discovered_patterns of these statuses, the largest effect first."""
    n_held_out = search["n_held_out_days"] if search else 0
    sizes = {"effect": "n_days", "effect_since": "n_days_since"}
    plain = set(DiscoveredPattern.model_fields) - {*sizes, "held_out_effect"}
    shown = [row for row in rows if row["status"] in statuses]
    return [
        DiscoveredPattern(
            **{name: row[name] for name in plain},
            **{name: interval(row, name, n=row[n]) for name, n in sizes.items()},
            held_out_effect=interval(row, "held_out_effect", n=n_held_out),
        )
        for row in sorted(shown, key=lambda row: (-abs(row["effect"] or 0.0), row["pattern"], row["direction"]))
    ]


def pattern_search(row: Row | None) -> PatternSearch | None:
    """The row of pattern_searches; None when there was no search."""
    return None if row is None else PatternSearch(**{name: row[name] for name in PatternSearch.model_fields})


def component_importance(rows: Iterable[Row], horizons: Mapping[str, int]) -> list[ComponentImportance]:
    """Rows of feature_importance: short horizons first, the most important component first."""
    ordered = sorted(rows, key=lambda row: (horizons.get(row["horizon"], 0), row["rank"] or len(horizons) * 1000))
    plain = ("horizon", "component", "rank", "q_value", "is_beyond_noise", "change", "is_change_beyond_noise")
    return [
        ComponentImportance(
            **{name: row[name] for name in (*plain, "correlated_with")},
            importance=interval(row, "importance", n=row["n_days"]),
            noise_importance=interval(row, "noise_importance", n=row["n_days"]),
            information_coefficient=interval(row, "mean_information_coefficient", n=row["n_scored_days"]),
        )
        for row in ordered
    ]


def listed_changes(rows: Iterable[Row], *, since: date, monday: date) -> list[WeeklyRegimeChange]:
    """Rows of regime_changes: changes from `since` on and those that began the regimes in force, newest first."""

    def change_of(row: Row) -> tuple[date, str]:
        return row["changed_on"], row["basis"]

    shown = [row for row in rows if row["changed_on"] >= since or row["ended_on"] is None]
    grouped = groupby(sorted(shown, key=change_of), key=change_of)
    plain = set(WeeklyRegimeChange.model_fields) - {"is_new", "components"}
    changes = []
    for _, of_change in grouped:
        components = list(of_change)
        first = components[0]
        changes.append(
            WeeklyRegimeChange(
                **{name: first[name] for name in plain},
                is_new=first["changed_on"] >= monday,
                components=[_under_regime(row) for row in components],
            )
        )
    return changes[::-1]


def _under_regime(row: Row) -> ComponentUnderRegime:
    sides = {
        name: interval(row, name, n=row[f"n_days_{name}"], estimate=f"mean_{name}")
        for name in ("since", "before", "history")
    }
    return ComponentUnderRegime(
        component=row["component"],
        **sides,
        difference=interval(row, "difference", n=row["n_days_since"] + row["n_days_before"]),
        difference_adjusted_p_value=row["difference_adjusted_p_value"],
        regime_difference=interval(row, "regime_difference", n=row["n_days_regime"] + row["n_days_previous_regime"]),
        regime_difference_adjusted_p_value=row["regime_difference_adjusted_p_value"],
        is_beyond_noise=row["is_beyond_noise"],
    )


def model_cards(rows: Iterable[Row]) -> list[ModelCard]:
    """Rows of prediction_models: the champion of each target first."""
    ordered = sorted(
        rows, key=lambda row: (TARGETS.index(row["target"]), row["role"] != "champion", KINDS.index(row["kind"]))
    )
    intervals = {
        "area_under_curve": "area_under_curve",
        "information_coefficient": "mean_information_coefficient",
        "skill": "skill",
    }
    plain = set(ModelCard.model_fields) - {*intervals, "calibration"}
    return [
        ModelCard(
            **{name: row[name] for name in plain},
            **{name: interval(row, column, n=row["n_scored_days"]) for name, column in intervals.items()},
            calibration=[CalibrationBlock(**block) for block in json.loads(row["calibration_curve"] or "[]")],
        )
        for row in ordered
    ]


def candidate_predictions(
    rows: Sequence[Row], candidates: Mapping[str, Row], components: Sequence[str]
) -> list[CandidatePrediction]:
    """Rows of candidate_predictions, the best ranked first, beside the scores of the same decisions."""
    last = max((row["decided_on"] for row in rows), default=None)
    of_last = [row for row in rows if row["decided_on"] == last]
    ordered = sorted(of_last, key=lambda row: (row["rank"] is None, row["rank"], row["symbol"]))
    predicted = set(CandidatePrediction.model_fields) - {"total_score", "scores"}
    unscored: Row = dict.fromkeys(("total_score", *components))
    return [
        CandidatePrediction(
            **{name: row[name] for name in predicted},
            total_score=scored["total_score"],
            scores={name: scored[name] for name in components},
        )
        for row in ordered[:PREDICTIONS_SHOWN]
        for scored in [candidates.get(row["decision_id"], unscored)]
    ]


def strategy_recommendations(
    advice: Row | None, strategies: Sequence[Row], bands: Sequence[Row]
) -> StrategyRecommendations:
    """The rows of exit_advice, exit_strategies and position_size_advice of one week."""
    return StrategyRecommendations(
        exits=None if advice is None else _exits(advice, strategies),
        position_sizes=_sizes(bands) if bands else None,
    )


def _exits(advice: Row, strategies: Sequence[Row]) -> ExitRecommendation:
    plain = set(ExitRecommendation.model_fields) - {"out_of_sample_difference", "settings"}
    best = sorted(
        (row for row in strategies if row["setting"] != AS_DONE and row["expectancy"] is not None),
        key=lambda row: (-row["expectancy"], row["setting"]),
    )[:BEST_SHOWN]
    shown = {row["setting"] for row in best} | {AS_DONE, advice["recommended_setting"]}
    ordered = sorted(
        (row for row in strategies if row["setting"] in shown),
        key=lambda row: (
            row["setting"] != AS_DONE,
            not row["is_recommended"],
            -(row["expectancy"] or 0.0),
            row["setting"],
        ),
    )
    return ExitRecommendation(
        **{name: advice[name] for name in plain},
        out_of_sample_difference=interval(advice, "out_of_sample_difference", n=advice["n_out_of_sample_days"]),
        settings=[_setting(row) for row in ordered],
    )


def _setting(row: Row) -> ExitSetting:
    intervals = {name: interval(row, name, n=row["n_trades"]) for name in ("expectancy", "win_rate", "difference")}
    plain = set(ExitSetting.model_fields) - {*intervals, "is_as_done"}
    return ExitSetting(**{name: row[name] for name in plain}, **intervals, is_as_done=row["setting"] == AS_DONE)


def _sizes(bands: Sequence[Row]) -> SizeRecommendation:
    plain = set(SizeBand.model_fields) - {"stop_out_rate"}
    first = bands[0]
    return SizeRecommendation(
        basis=first["basis"],
        is_advised=first["is_advised"],
        reason=first["reason"],
        bands=[
            SizeBand(
                **{name: row[name] for name in plain},
                stop_out_rate=interval(row, "stop_out_rate", n=row["n_trades"]),
            )
            for row in sorted(bands, key=lambda row: row["volatility_band"])
        ],
    )


def weight_moves(before: Sequence[Row], after: Sequence[Row], default: Mapping[str, float]) -> list[WeightMove]:
    """Decisions of the last night before the week, and of its last one."""
    earlier = {row["component"]: row["weight"] for row in before}
    later = {row["component"]: row["weight"] for row in after}
    return [
        WeightMove(component=name, before=earlier.get(name), after=later[name], default=default[name])
        for name in default
        if name in later
    ]


def corrections_moved(rows: Iterable[Row], *, monday: date) -> list[CorrectionMove]:
    """Corrections that have had their status since a day of the week."""
    return [
        CorrectionMove(**{name: row[name] for name in CorrectionMove.model_fields})
        for row in sorted(rows, key=lambda row: row["name"])
        if row["status_since"] >= monday
    ]
