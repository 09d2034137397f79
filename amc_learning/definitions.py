"""The composition root: the only place where settings, warehouse, assets and automation meet."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import dagster as dg

from amc_learning.assets import (
    analyse,
    checks,
    collect,
    decide,
    exploration,
    failures,
    measure,
    outcomes,
    publish,
    regimes,
    replay,
    theses,
    trades,
    weekly_exits,
    weekly_importance,
    weekly_models,
    weekly_patterns,
    weekly_regimes,
    weekly_report,
)
from amc_learning.assets.explained import explained
from amc_learning.assets.statements import statements
from amc_learning.automation import (
    backfill_worker,
    failure_sensor,
    jobs,
    order_jobs,
    regime_sensor,
    run_failures,
    run_logger,
    schedules,
    sensors,
    tidy,
)
from amc_learning.contracts.tables import catalogue
from amc_learning.settings import Settings
from amc_learning.stages.turns import whole_cycle
from amc_learning.warehouse import Warehouse

TABLE_ASSETS = (
    collect.discovery_events,
    collect.thesis_events,
    collect.trade_events,
    collect.price_bars,
    collect.discovery_candidates,
    collect.thesis_decisions,
    collect.trade_messages,
    regimes.market_regimes,
    outcomes.candidate_outcomes,
    theses.thesis_outcomes,
    trades.closed_trades,
    trades.trade_outcomes,
    outcomes.feature_outcomes,
    measure.daily_statistics,
    analyse.correlation_table,
    analyse.selection_effects,
    analyse.threshold_table,
    regimes.regime_performance,
    theses.thesis_accuracy,
    failures.failure_cases,
    failures.failure_patterns,
    trades.performance_attribution,
    theses.calibration_decisions,
    failures.corrections,
    decide.weight_decisions,
    decide.learning_effectiveness,
)

WEEKLY_TABLE_ASSETS = (
    weekly_exits.exit_strategies,
    weekly_exits.position_size_advice,
    weekly_models.prediction_models,
    weekly_models.candidate_predictions,
    weekly_regimes.regime_changes,
    weekly_importance.feature_importance,
    weekly_patterns.discovered_patterns,
)

WEEKLY_DOCUMENT_ASSETS = (weekly_report.weekly_report,)

EXPLORATION_ASSETS = (exploration.correlation_of_a_window, exploration.thresholds_of_a_window)

PROOF_ASSETS = (replay.replay,)
"""What is asked for by a person and is no part of a night."""

DOCUMENT_ASSETS = (
    publish.published_confidence,
    publish.published_regime,
    publish.published_corrections,
    publish.published_pattern_analysis,
    publish.published_recommendations,
    publish.daily_report,
)


def build_defs(
    *,
    settings: Settings | None = None,
    resources: Mapping[str, Any] | None = None,
    executor: dg.ExecutorDefinition | None = None,
) -> dg.Definitions:
    """All definitions of the project, with parts replaced for tests and other deployments.

    Args:
        settings: instead of what environment and TOML say.
        resources: instead of the `warehouse` and `settings` resources, by name.
        executor: instead of running the steps of a run in one process, where a step costs a tenth of a second instead
            of two to three.
    """
    chosen = settings or Settings()
    tables = catalogue(chosen.features.components)
    return dg.Definitions(
        assets=dg.map_asset_specs(
            lambda spec: _due(explained(spec, tables, chosen), chosen),
            [
                *TABLE_ASSETS,
                *WEEKLY_TABLE_ASSETS,
                *collect.EXTERNAL_ASSETS,
                publish.published_weights,
                *DOCUMENT_ASSETS,
                *WEEKLY_DOCUMENT_ASSETS,
                *EXPLORATION_ASSETS,
                *PROOF_ASSETS,
            ],
        ),
        asset_checks=[
            *(checks.contract_check(asset.key.to_user_string()) for asset in (*TABLE_ASSETS, *WEEKLY_TABLE_ASSETS)),
            *(
                checks.statement_check(statement)
                for statement in statements(chosen.features.components, daily_limit=chosen.weights.daily_limit)
            ),
            *(checks.understood_check(table) for table in checks.MADE_FROM),
        ],
        jobs=[
            jobs.daily_correction_cycle,
            jobs.evidence_refresh,
            jobs.collection,
            jobs.failure_correction,
            jobs.weekly_deep_correction,
            tidy.tidy_job,
            order_jobs.weights_rollback,
            order_jobs.weights_release,
            backfill_worker.backfill_worker,
        ],
        schedules=[
            schedules.daily_schedule(chosen.automation),
            schedules.weekly_schedule(chosen.automation),
            schedules.tidy_schedule(chosen.automation),
        ],
        sensors=[
            sensors.inbox_sensor(chosen.automation),
            failure_sensor.systematic_failure_sensor(chosen),
            run_failures.run_failure_alerts(chosen),
            regime_sensor.regime_change_alerts(chosen),
        ],
        resources={"warehouse": warehouse_resource(chosen), "settings": chosen, **(resources or {})},
        executor=executor or dg.in_process_executor,
        loggers=run_logger.run_loggers(chosen.logs),
    )


def _due(spec: dg.AssetSpec, settings: Settings) -> dg.AssetSpec:
    """The published weights have a time they are due at; nothing else has."""
    if spec.key not in publish.published_weights.keys:
        return spec
    return spec.replace_attributes(freshness_policy=publish.weights_freshness(settings.automation.weights_due_hour))


def warehouse_resource(settings: Settings) -> dg.ResourceDefinition:
    """The warehouse these settings describe, opened when a run first needs it: loading definitions touches no disk.

    A run holds the cycle lock as long as it has the warehouse: two runs come out as one after the other would. Workers
    of a backfill do not, because the command that asked for them holds it; nor do sensors and schedules, which only
    read.
    """

    def open_warehouse(context: dg.InitResourceContext) -> Iterator[Warehouse]:
        warehouse = Warehouse.open(settings.data_dir, settings.features.components, **settings.places)
        is_cycle = context.run is not None and context.run.job_name != backfill_worker.BACKFILL_WORKER
        with whole_cycle(warehouse) if is_cycle else nullcontext():
            yield warehouse

    return dg.ResourceDefinition(
        contextmanager(open_warehouse), description="Tables, inbox and publications under the data directory."
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads."""
    return build_defs()
