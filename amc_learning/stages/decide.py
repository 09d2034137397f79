"""Decide: what the night does about the weights.

Belongs here: which evidence and which history the decision reads. Not here: the decision itself (learning.weights).
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.documents.names import CORRECTIONS_DOCUMENT, WEIGHTS_DOCUMENT
from amc_learning.learning.corrections import component_factors
from amc_learning.learning.effectiveness.changes import LOOK_BACK_DAYS
from amc_learning.learning.effectiveness.table import evidence_needed_from
from amc_learning.learning.modes import ACTIVE
from amc_learning.learning.regimes import regime_multipliers
from amc_learning.learning.regimes.multipliers import MULTIPLIER_BASIS
from amc_learning.learning.weights import FeatureWeights, Overlay, StandingWeights, WeightRules, decide_weights
from amc_learning.learning.weights.record import DECISION_COLUMNS
from amc_learning.settings import Settings
from amc_learning.stages.modes import modes_of
from amc_learning.stages.regimes import multiplier_rules
from amc_learning.stages.theses import LONGEST_BREAK_DAYS
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse

EVIDENCE_COLUMNS = (
    "known_on",
    "horizon",
    "entry_date",
    "population",
    "feature",
    "scope",
    "n_pairs",
    "is_constant",
    "return_rank_covariance",
    "score_covariances",
)


CANDIDATE_COLUMNS = (
    "known_on",
    "horizon",
    "decision_id",
    "entry_date",
    "is_selected",
    "is_in_cross_section",
    "forward_return",
    "is_winner",
)


class DecisionError(Exception):
    """A day cannot be decided on its own; what was decided stays in force."""


_PERFORMANCE_COLUMNS = ("known_on", "basis", "regime", "feature", "horizon", "multiplier", "is_current")


def weight_rules(settings: Settings) -> WeightRules:
    """The rules for weight decisions that these settings describe."""
    weights = settings.weights
    return WeightRules(
        daily_limit=weights.daily_limit,
        cap=weights.cap,
        evidence_horizon=weights.evidence_horizon,
        horizons=settings.outcomes.horizons,
        evidence_windows_days=weights.evidence_windows_days,
        yearly_false_change_rate=weights.yearly_false_change_rate,
        top_k=weights.top_k,
    )


def standing_weights(warehouse: Warehouse, day: date) -> StandingWeights:
    """What the last decision before this knowledge day left."""
    table = warehouse.table("weight_decisions")
    decided_on = table.latest_on_or_before(day - timedelta(days=1))
    if decided_on is None:
        return StandingWeights()
    columns = ["component", "weight", "learned_weight", "shadow_weight", "told_on"]
    rows = table.read(decided_on, decided_on, columns=columns)
    would_be = pl.coalesce("shadow_weight", "weight")
    return StandingWeights(
        decided_on,
        dict(rows.select("component", "weight").iter_rows()),
        dict(rows.select("component", "learned_weight").iter_rows()),
        dict(rows.select("component", would_be).iter_rows()),
        next(iter(rows["told_on"].drop_nulls()), None),
    )


def overlays(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> dict[date, Overlay]:
    """The factors laid over the learned weights on each of these days: of the market regime, and of corrections.

    A day decided ahead of its night takes those of the night before. Corrections in shadow have none.
    """
    components, rules = settings.features.components, multiplier_rules(settings)
    corrections_modes = modes_of(warehouse, settings, days[-1])[CORRECTIONS_DOCUMENT]
    first = days[0] - timedelta(days=LONGEST_BREAK_DAYS)
    regimes = _nights(warehouse, "regime_performance", first, days, _PERFORMANCE_COLUMNS)
    corrections = _nights(warehouse, "corrections", first, days, None)
    found = {}
    for day, performance, corrected in zip(days, regimes, corrections, strict=True):
        current = performance.filter((pl.col("basis") == MULTIPLIER_BASIS) & pl.col("is_current"))
        found[day] = Overlay(
            regime=current["regime"][0] if current.height else None,
            regime_factors=regime_multipliers(current, components=components, rules=rules),
            correction_factors=component_factors(corrected, components) if corrections_modes.on(day) == ACTIVE else {},
        )
    return found


def _nights(
    warehouse: Warehouse, table: str, first: date, days: Sequence[date], columns: Sequence[str] | None
) -> list[pl.DataFrame]:
    """For each day the rows of the last night written up to it, which may have none."""
    stored = warehouse.table(table)
    frame = stored.read(first, days[-1], columns=columns)
    rows = {key[0]: part for key, part in frame.partition_by("known_on", as_dict=True).items()}
    written = [entry.known_on for entry in stored.entries(first, days[-1])]
    places = [bisect_right(written, day) for day in days]
    return [rows.get(written[place - 1], frame.clear()) if place else frame.clear() for place in places]


@taking_turns
def decide_days(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, decided_again_to: date | None = None
) -> pl.DataFrame:
    """Write the weight decisions of these days, in order: each starts from the vector of the day before.

    Raises:
        DecisionError: later nights build on what these days decided or would decide, and are not decided again:
            they are when they lie in `days`, or up to `decided_again_to` in the bites that follow.
    """
    rules = weight_rules(settings)
    learned_from = days[0] - timedelta(days=max(rules.evidence_windows_days) - 1)
    # A change is judged for a year, however short the windows are that teach.
    evidence_from = min(learned_from, evidence_needed_from(days[0]))
    promise_from = days[0] - timedelta(days=rules.promise_window_days - 1)
    candidate_columns = (*CANDIDATE_COLUMNS, *settings.features.components)

    def selected_candidates() -> pl.DataFrame:
        joined = warehouse.table("feature_outcomes").read(promise_from, days[-1], columns=candidate_columns)
        return joined.filter("is_selected")

    actions = warehouse.table("operator_actions").read(None, days[-1])
    modes = modes_of(warehouse, settings, days[-1])[WEIGHTS_DOCUMENT]
    decisions = decide_weights(
        warehouse.table("daily_statistics").read(evidence_from, days[-1], columns=EVIDENCE_COLUMNS),
        selected_candidates,
        as_of=days,
        features=FeatureWeights(settings.features.components, settings.features.default_weights),
        rules=rules,
        standing=standing_weights(warehouse, days[0]),
        actions=actions,
        earlier_decisions=_earlier_decisions(warehouse, actions, days[0]),
        overlays=overlays(warehouse, settings, days),
        modes={day: modes.on(day) for day in days},
    )
    _refuse_rewriting(warehouse, decisions, days, max(days[-1], decided_again_to or days[-1]))
    warehouse.table("weight_decisions").write(decisions, days)
    return decisions


def _refuse_rewriting(warehouse: Warehouse, decisions: pl.DataFrame, days: Sequence[date], decided_to: date) -> None:
    """Decisions that later nights build on may be made, or made again, only together with those nights."""
    table = warehouse.table("weight_decisions")
    last = table.days()[-1:]
    if not last or last[0] <= decided_to:
        return
    stored = table.read(days[0], days[-1])
    if decisions.equals(stored):
        return
    trouble = (
        "evidence or settings are no longer what they were decided on"
        if stored["known_on"].n_unique() == len(days)
        else "not all of them were decided in their turn"
    )
    raise DecisionError(
        f"{days[0]} to {days[-1]}: {trouble}, and nights up to {last[0]} build on them; every decision stays as it is. "
        f"To decide all of them again: amc-learning backfill --from {days[0]} --to {last[0]}"
    )


def _earlier_decisions(warehouse: Warehouse, actions: pl.DataFrame, before: date) -> pl.DataFrame:
    """What a night may look back to: the changes of the last years, and decisions that operators ordered to hold."""
    table = warehouse.table("weight_decisions")
    recent_from, recent_to = before - timedelta(days=LOOK_BACK_DAYS), before - timedelta(days=1)
    targets = actions.drop_nulls("target_known_on")["target_known_on"].unique().sort()
    older = [table.read(day, day, columns=DECISION_COLUMNS) for day in targets if day < recent_from]
    return pl.concat([*older, table.read(recent_from, recent_to, columns=DECISION_COLUMNS)])
