"""Publish: the documents other programs read.

The weights are refused when they break a bound, from whatever entry point they are published.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from amc_learning.assets.analyse import correlation_table, selection_effects, threshold_table
from amc_learning.assets.common import asset_arguments
from amc_learning.assets.decide import learning_effectiveness, weight_decisions
from amc_learning.assets.failures import corrections, failure_patterns
from amc_learning.assets.partitions import known_days
from amc_learning.assets.regimes import market_regimes, regime_performance
from amc_learning.assets.theses import calibration_decisions, thesis_accuracy
from amc_learning.assets.trades import closed_trades, performance_attribution
from amc_learning.contracts.documents.names import (
    CONFIDENCE_DOCUMENT,
    CORRECTIONS_DOCUMENT,
    PATTERNS_DOCUMENT,
    RECOMMENDATIONS_DOCUMENT,
    REGIME_DOCUMENT,
    REPORT_DOCUMENT,
    WEIGHTS_DOCUMENT,
)
from amc_learning.settings import Settings
from amc_learning.stages.publish import PublicationError, publish_days, published_on
from amc_learning.stages.publish_documents import (
    publish_confidence,
    publish_corrections,
    publish_patterns,
    publish_recommendations,
    publish_regimes,
    publish_reports,
)
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.publications import PublishReport


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
    """Which weights may discovery read? The verified document, its schema and its history; in shadow, none new."""
    days = known_days(context)
    try:
        reports = publish_days(warehouse, settings, days)
    except PublicationError as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    return _shown(warehouse, WEIGHTS_DOCUMENT, days[-1], reports)


def _shown(
    warehouse: Warehouse, name: str, day: date, reports: Sequence[PublishReport], **extra: dg.MetadataValue
) -> dg.MaterializeResult[None]:
    metadata: dict[str, Any] = {
        "n_documents": len(reports),
        "n_changed": sum(report.is_changed for report in reports),
    }
    if reports:
        content = published_on(warehouse, name, day)
        metadata["document"] = dg.MetadataValue.path(str(reports[-1].path))
        metadata["content"] = dg.MetadataValue.json(content or {})
        numbers = NUMBERS[name](content) if content else {}
        metadata |= {number: value for number, value in numbers.items() if value is not None}
    return dg.MaterializeResult(metadata={**metadata, **extra})


NUMBERS: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, float | int | None]]] = {
    WEIGHTS_DOCUMENT: lambda content: {
        f"weight_{name.removesuffix('_weight')}": weight
        for name, weight in content["data"]["optimized_parameters"].items()
    },
    CONFIDENCE_DOCUMENT: lambda content: {
        name: content["data"][name] for name in ("global_confidence_multiplier", "calibration_quality")
    },
    REGIME_DOCUMENT: lambda content: {"index_probability": content["index"]["probability"]},
    CORRECTIONS_DOCUMENT: lambda content: {
        "n_in_force": len(content["in_force"]),
        "n_proposed": len(content["proposed"]),
    },
    PATTERNS_DOCUMENT: lambda content: {
        "n_systematic": len(content["failing_patterns"]["systematic"]),
        "overall_accuracy": content["thesis_accuracy"]["overall_accuracy"],
    },
    RECOMMENDATIONS_DOCUMENT: lambda content: {
        "n_pattern_alerts": len(content["pattern_alerts"]),
        "n_risk_warnings": len(content["risk_warnings"]),
    },
    REPORT_DOCUMENT: lambda content: {
        "n_risk_warnings": len(content["risk_warnings"]),
        "n_failures": len(content["failures"]),
    },
}
"""Document to what of it is worth a line over days."""


@dg.asset(
    **asset_arguments("calibrate", "json"),
    deps=[calibration_decisions, thesis_accuracy, corrections],
)
def published_confidence(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """How sure may a thesis be? Multipliers and calibration maps for the thesis generators."""
    days = known_days(context)
    return _shown(warehouse, CONFIDENCE_DOCUMENT, days[-1], publish_confidence(warehouse, settings, days))


@dg.asset(**asset_arguments("publish", "json"), deps=[market_regimes, regime_performance, weight_decisions])
def published_regime(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Which market is it, and what works in it? The document for whoever asks."""
    days = known_days(context)
    return _shown(warehouse, REGIME_DOCUMENT, days[-1], publish_regimes(warehouse, settings, days))


@dg.asset(**asset_arguments("publish", "json"), deps=[corrections, weight_decisions])
def published_corrections(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What is corrected because it failed? In force, proposed, and ended, with how to veto."""
    days = known_days(context)
    return _shown(warehouse, CORRECTIONS_DOCUMENT, days[-1], publish_corrections(warehouse, settings, days))


@dg.asset(
    **asset_arguments("report", "json"),
    deps=[
        correlation_table,
        threshold_table,
        selection_effects,
        regime_performance,
        thesis_accuracy,
        calibration_decisions,
        failure_patterns,
        weight_decisions,
    ],
)
def published_pattern_analysis(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What works, what is right, what fails? Scores, theses and failing patterns of the window."""
    days = known_days(context)
    return _shown(warehouse, PATTERNS_DOCUMENT, days[-1], publish_patterns(warehouse, settings, days))


@dg.asset(
    **asset_arguments("report", "json"),
    deps=[published_weights, published_confidence, published_regime, published_corrections, performance_attribution],
)
def published_recommendations(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What should the trading system do tonight? Everything in short, under the six keys."""
    days = known_days(context)
    reports = publish_recommendations(warehouse, settings, days)
    return _shown(warehouse, RECOMMENDATIONS_DOCUMENT, days[-1], reports)


@dg.asset(
    **asset_arguments("report", "json", "html"),
    deps=[published_recommendations, correlation_table, closed_trades, learning_effectiveness],
)
def daily_report(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """What should a person know this morning? The daily intelligence report, as data and as a page."""
    days = known_days(context)
    reports = publish_reports(warehouse, settings, days)
    page = warehouse.publications.page_path(REPORT_DOCUMENT, days[-1])
    # a browser may refuse to follow a link from a server to a file: then the path is there to copy
    links = {"page": dg.MetadataValue.url(page.as_uri()), "page_path": dg.MetadataValue.path(str(page))}
    return _shown(warehouse, REPORT_DOCUMENT, days[-1], reports, **links)
