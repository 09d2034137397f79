"""The weekly report: everything the week's deep work found, as data and as a page."""

import dagster as dg

from amc_learning.assets.common import weekly_arguments
from amc_learning.assets.decide import learning_effectiveness, weight_decisions
from amc_learning.assets.failures import corrections, failure_patterns
from amc_learning.assets.partitions import DAYS_OF_THE_WEEK, known_weeks
from amc_learning.assets.weekly_exits import exit_strategies, position_size_advice
from amc_learning.assets.weekly_importance import feature_importance
from amc_learning.assets.weekly_models import candidate_predictions, prediction_models
from amc_learning.assets.weekly_patterns import discovered_patterns
from amc_learning.assets.weekly_regimes import regime_changes
from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.settings import Settings
from amc_learning.stages.weekly_report import publish_weekly_reports
from amc_learning.warehouse import Warehouse


@dg.asset(
    **weekly_arguments("json", "html"),
    deps=[
        discovered_patterns,
        feature_importance,
        regime_changes,
        prediction_models,
        candidate_predictions,
        exit_strategies,
        position_size_advice,
        *(
            dg.AssetDep(asset, partition_mapping=DAYS_OF_THE_WEEK)
            for asset in (weight_decisions, learning_effectiveness, corrections, failure_patterns)
        ),
    ],
)
def weekly_report(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What did the week find, and what should a person do about it? The weekly report, as data and as a page."""
    weeks = known_weeks(context)
    reports = publish_weekly_reports(warehouse, settings, weeks)
    document = warehouse.publications.document(WEEKLY_REPORT_DOCUMENT, weeks[-1]) or {}
    page = warehouse.publications.page_path(WEEKLY_REPORT_DOCUMENT, weeks[-1])
    findings = "\n".join(f"- {line}" for line in document["findings"])
    return dg.MaterializeResult(
        metadata={
            **document["counts"],
            "n_documents": len(reports),
            "n_changed": sum(report.is_changed for report in reports),
            "headline": document["headline"],
            "findings": dg.MetadataValue.md(findings or "nothing could be judged"),
            "document": dg.MetadataValue.path(str(reports[-1].path)),
            "content": dg.MetadataValue.json(document),
            # a browser may refuse to follow a link from a server to a file: then the path is there to copy
            "page": dg.MetadataValue.url(page.as_uri()),
            "page_path": dg.MetadataValue.path(str(page)),
        }
    )
