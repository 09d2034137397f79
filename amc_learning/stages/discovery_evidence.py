"""Estimates and thresholds of the scores, as the documents about discovery show them.

Belongs here: from rows of correlation_table and threshold_table to parts of a document. Not here: which document holds
them (publish, patterns), the numbers (learning).
"""

from collections.abc import Iterable, Sequence

from amc_learning.contracts.documents.weights import Estimate, Threshold
from amc_learning.stages.day_rows import Row


def component_estimates(correlations: Iterable[Row], components: Sequence[str]) -> dict[str, dict[str, Estimate]]:
    """Component to horizon to estimate: over the reweighted universe where they suffice, else over the selected."""
    evidence: dict[str, dict[str, Estimate]] = {name: {} for name in components}
    for row in sorted(correlations, key=lambda row: (row["evidence"] == "sufficient", row["population"])):
        if row["feature"] in evidence and row["population"] in ("selected", "universe"):
            fields = {name: row[name] for name in Estimate.model_fields}
            evidence[row["feature"]][row["horizon"]] = Estimate(**fields)
    return evidence


def score_thresholds(rows: Iterable[Row], horizon: str) -> dict[tuple[str, str], Threshold]:
    """Score and scope (all, or the action tag within which the total score was searched) to what was found."""
    return {(row["feature"], row["scope"]): _threshold(row) for row in rows if row["horizon"] == horizon}


def _threshold(row: Row) -> Threshold:
    return Threshold(
        decision=row["decision"],
        threshold=row["threshold"],
        ci_low=row["threshold_ci_low"],
        ci_high=row["threshold_ci_high"],
        lift=row["lift"],
        lift_ci_low=row["lift_ci_low"],
        lift_ci_high=row["lift_ci_high"],
        coverage=row["coverage"],
        n_pairs=row["n_pairs"],
        n_days=row["n_days"],
    )
