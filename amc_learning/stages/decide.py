"""Decide: what the night does about the weights.

Belongs here: which evidence and which history the decision reads. Not here: the decision itself (learning.weights).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.learning.weights import FeatureWeights, WeightRules, decide_weights
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse

_EVIDENCE_COLUMNS = (
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


_CANDIDATE_COLUMNS = (
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


_DECISION_COLUMNS = ("known_on", "component", "previous_weight", "weight", "status")


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


def weights_in_force(warehouse: Warehouse, day: date) -> tuple[date | None, dict[str, float] | None]:
    """The last decided vector before this knowledge day and the day of its decision; (None, None) before the first."""
    table = warehouse.table("weight_decisions")
    decided_on = table.latest_on_or_before(day - timedelta(days=1))
    if decided_on is None:
        return None, None
    rows = table.read(decided_on, decided_on, columns=["component", "weight"])
    return decided_on, dict(rows.iter_rows())


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
    evidence_from = days[0] - timedelta(days=max(rules.evidence_windows_days) - 1)
    promise_from = days[0] - timedelta(days=rules.promise_window_days - 1)
    candidate_columns = (*_CANDIDATE_COLUMNS, *settings.features.components)

    def selected_candidates() -> pl.DataFrame:
        joined = warehouse.table("feature_outcomes").read(promise_from, days[-1], columns=candidate_columns)
        return joined.filter("is_selected")

    actions = warehouse.table("operator_actions").read(None, days[-1])
    decisions = decide_weights(
        warehouse.table("daily_statistics").read(evidence_from, days[-1], columns=_EVIDENCE_COLUMNS),
        selected_candidates,
        as_of=days,
        features=FeatureWeights(settings.features.components, settings.features.default_weights),
        in_force=weights_in_force(warehouse, days[0])[1],
        rules=rules,
        actions=actions,
        earlier_decisions=_earlier_decisions(warehouse, rules, actions, days[0]),
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
        "the evidence is no longer what they were decided on"
        if stored["known_on"].n_unique() == len(days)
        else "not all of them were decided in their turn"
    )
    raise DecisionError(
        f"{days[0]} to {days[-1]}: {trouble}, and nights up to {last[0]} build on them; every decision stays as it is. "
        f"To decide all of them again: amc-learning backfill --from {days[0]} --to {last[0]}"
    )


def _earlier_decisions(warehouse: Warehouse, rules: WeightRules, actions: pl.DataFrame, before: date) -> pl.DataFrame:
    """What a night may look back to: decisions of a change under way, and those operators ordered to hold."""
    table = warehouse.table("weight_decisions")
    recent_from, recent_to = before - timedelta(days=rules.campaign_days), before - timedelta(days=1)
    targets = actions.drop_nulls("target_known_on")["target_known_on"].unique().sort()
    older = [table.read(day, day, columns=_DECISION_COLUMNS) for day in targets if day < recent_from]
    return pl.concat([*older, table.read(recent_from, recent_to, columns=_DECISION_COLUMNS)])
