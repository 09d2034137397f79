"""Blocking checks: what must be true of a partition before anything downstream may use it.

Every table gets the contract check made from its declaration; the statements below add what a schema cannot say.
A check reads the partition back from disk, so a damaged file fails it too. Each statement is a polars expression
that is true for every good row; a failed check shows the rows for which it is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import dagster as dg
import polars as pl

from amc_learning.assets.common import preview
from amc_learning.assets.partitions import written_days
from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.frames import checked


@dataclass(frozen=True)
class Statement:
    """Something that holds for every row of a table."""

    table: str
    name: str
    description: str
    holds: pl.Expr


def statements(components: Iterable[str], *, daily_limit: float) -> tuple[Statement, ...]:
    """What must hold in each table beyond its declared schema."""
    scores = [pl.col(name).is_between(0, 100) | pl.col(name).is_null() for name in (TOTAL_SCORE, *components)]
    interval = pl.col("mean_information_coefficient").is_between("ci_low", "ci_high")
    return (
        Statement(
            "discovery_candidates",
            "scores_lie_in_0_to_100",
            "Every score is null or 0 to 100.",
            pl.all_horizontal(scores),
        ),
        Statement(
            "candidate_outcomes",
            "outcomes_follow_their_decision",
            "No outcome entered before its decision was known or matured before its entry.",
            (pl.col("entry_date") >= pl.col("decided_at").dt.convert_time_zone("America/New_York").dt.date())
            & (pl.col("known_on") >= pl.col("entry_date")),
        ),
        Statement(
            "feature_outcomes",
            "scores_were_known_at_the_decision",
            "Every score was given before the entry it is judged on.",
            pl.col("decided_at").dt.convert_time_zone("America/New_York").dt.date() <= pl.col("entry_date"),
        ),
        Statement(
            "daily_statistics",
            "statistics_add_up",
            "Bins and pairs agree and coefficients lie in -1 to 1.",
            (pl.col("bin_n").arr.sum() == pl.col("n_pairs"))
            & (pl.col("n_pairs") <= pl.col("n_decisions"))
            & (pl.col("information_coefficient").is_between(-1, 1) | pl.col("information_coefficient").is_null()),
        ),
        Statement(
            "correlation_table",
            "intervals_hold_their_estimate",
            "Every interval holds its estimate, or there is no interval.",
            interval | pl.col("ci_low").is_null(),
        ),
        Statement(
            "threshold_table",
            "thresholds_are_given_only_when_found",
            "A threshold is given exactly when one was found.",
            (pl.col("decision") == "found") == pl.col("threshold").is_not_null(),
        ),
        Statement(
            "learning_effectiveness",
            "verdicts_rest_on_days_after_the_change",
            "A change is judged on days known after it began only, and called harmful or helpful only with days.",
            (pl.col("judged_until") > pl.col("began_on")).fill_null(pl.col("n_days") == 0)
            & ((pl.col("n_days") > 0) | (pl.col("verdict") == "too_early"))
            & (pl.col("began_on") < pl.col("known_on")),
        ),
        Statement(
            "weight_decisions",
            "weights_keep_their_bounds",
            "Weights sum to 1, none is negative, none moved beyond the daily limit.",
            (pl.col("weight") >= 0)
            & (pl.col("change").abs() <= daily_limit + 1e-9)
            & ((pl.col("weight").sum().over("known_on") - 1).abs() < 1e-9),
        ),
        Statement(
            "weight_decisions",
            "shadow_tells_nothing",
            "In shadow no weight in force moves, and those that would be in force sum to 1 and none is negative.",
            ((pl.col("mode") == "active") & pl.col("shadow_weight").is_null())
            | (
                (pl.col("mode") == "shadow")
                & (pl.col("change") == 0)
                & (pl.col("shadow_weight") >= 0)
                & ((pl.col("shadow_weight").sum().over("known_on") - 1).abs() < 1e-9)
            ),
        ),
    )


def contract_check(table: str) -> dg.AssetChecksDefinition:
    """The blocking check that the stored partition is what its declaration says: files, types, nulls, keys."""

    @dg.asset_check(
        asset=table,
        name="keeps_its_contract",
        blocking=True,
        description="The partition reads back undamaged with the declared columns, types, nulls and keys.",
    )
    def check(context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        days = written_days(context)
        frame = warehouse.table(table).read(days[0], days[-1])
        checked(warehouse.catalogue[table], frame, days)
        return dg.AssetCheckResult(passed=True, metadata={"n_rows": frame.height})

    return check


def statement_check(statement: Statement) -> dg.AssetChecksDefinition:
    """The blocking check that a statement holds for every row; failing rows are shown."""

    @dg.asset_check(asset=statement.table, name=statement.name, blocking=True, description=statement.description)
    def check(context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        days = written_days(context)
        frame = warehouse.table(statement.table).read(days[0], days[-1])
        broken = frame.filter(~statement.holds.fill_null(value=False))
        metadata: Mapping[str, dg.MetadataValue | int] = {"n_rows": frame.height, "n_broken": broken.height}
        if broken.height:
            scalar = [name for name, dtype in broken.schema.items() if not dtype.is_nested()]
            metadata = {**metadata, "broken_rows": preview(broken, scalar)}
        return dg.AssetCheckResult(passed=broken.is_empty(), metadata=metadata)

    return check
