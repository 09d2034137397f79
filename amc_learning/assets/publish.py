"""Publish: the document discovery reads. Refuses what breaks a bound, from whatever entry point it is run."""

from datetime import timedelta

import dagster as dg

from amc_learning.assets.common import asset_arguments
from amc_learning.assets.decide import weight_decisions
from amc_learning.assets.partitions import known_days
from amc_learning.settings import Settings
from amc_learning.stages.publish import PublicationError, publish_days
from amc_learning.stages.publish import published_weights as document_of
from amc_learning.warehouse import Warehouse


def weights_freshness(due_hour: int) -> dg.FreshnessPolicy:
    """By this hour (market time) of Tuesday to Saturday the night's weights must be out."""
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"0 {due_hour} * * 2-6", lower_bound_delta=timedelta(hours=due_hour), timezone="America/New_York"
    )


@dg.asset(
    **asset_arguments("publish", "json"),
    deps=[weight_decisions],
)
def published_weights(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Which weights may discovery read? The verified document, its schema and its history."""
    days = known_days(context)
    try:
        reports = publish_days(warehouse, settings, days)
    except PublicationError as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    metadata: dict[str, dg.MetadataValue | int] = {
        "n_documents": len(reports),
        "n_changed": sum(report.is_changed for report in reports),
    }
    if reports:
        metadata["document"] = dg.MetadataValue.path(str(reports[-1].path))
        metadata["content"] = dg.MetadataValue.json(document_of(warehouse, days[-1]))
    return dg.MaterializeResult(metadata=metadata)
