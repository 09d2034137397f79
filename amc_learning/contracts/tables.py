"""Every table of the warehouse, declared once: column, type, unit, meaning, key.

The same declaration enforces writes, drives the blocking checks, and becomes the column schema that Dagster and
`amc-learning sql` show. Belongs here: declarations. Not here: how a table is stored (warehouse) or filled (stages).

A table is partitioned by knowledge day, `known_on`: the US/Eastern weekday on which its rows became known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from amc_learning.contracts.declared import (
    analyse,
    calibration,
    collect,
    corrections,
    decide,
    exits,
    failures,
    importance,
    market,
    models,
    outcomes,
    patterns,
    regime_changes,
    regimes,
    theses,
    trades,
)
from amc_learning.contracts.declared.columns import (
    KNOWN_ON,
    N_QUANTILES,
    N_SCORE_BINS,
    TIMESTAMP,
    TOTAL_SCORE,
    Column,
    Table,
)

__all__ = [
    "KNOWN_ON",
    "N_QUANTILES",
    "N_SCORE_BINS",
    "TIMESTAMP",
    "TOTAL_SCORE",
    "Catalogue",
    "Column",
    "Table",
    "catalogue",
]


@dataclass(frozen=True)
class Catalogue:
    """All tables for one feature set, in the order of the flow."""

    tables: tuple[Table, ...]

    def __getitem__(self, name: str) -> Table:
        """The table of this name; KeyError lists those there are."""
        for table in self.tables:
            if table.name == name:
                return table
        known = ", ".join(table.name for table in self.tables)
        raise KeyError(f"no table named {name!r}; the tables are: {known}")

    def __iter__(self) -> Iterator[Table]:
        """Tables in the order of the flow."""
        return iter(self.tables)


def catalogue(components: Sequence[str]) -> Catalogue:
    """Every table of the warehouse for a feature set of these components, in the order of the flow."""
    return Catalogue(
        (
            collect.raw_events("discovery_events", "Discovery results as received, verbatim."),
            collect.raw_events("thesis_events", "Thesis decisions as received, verbatim."),
            collect.raw_events("trade_events", "Messages about trades as received, verbatim."),
            collect.collected_events(),
            collect.discovery_runs(),
            collect.discovery_candidates(components),
            collect.discovery_rejections(),
            collect.thesis_decisions(),
            collect.thesis_rejections(),
            collect.trade_messages(),
            collect.trade_rejections(),
            collect.price_bars(),
            collect.index_closes(),
            market.bar_fetches(),
            market.stock_splits(),
            regimes.regime_models(),
            regimes.market_regimes(),
            outcomes.candidate_outcomes(),
            theses.thesis_outcomes(),
            trades.trade_positions(),
            trades.trade_openings(),
            trades.closed_trades(components),
            trades.trade_outcomes(),
            trades.ledger_issues(),
            trades.settled_days(),
            outcomes.feature_outcomes(components),
            outcomes.daily_statistics(components),
            analyse.correlation_table(),
            analyse.selection_effects(),
            analyse.threshold_table(),
            regimes.regime_performance(),
            theses.thesis_accuracy(),
            theses.reliability_curves(),
            theses.source_comparisons(),
            failures.failure_cases(),
            failures.failure_patterns(),
            corrections.performance_attribution(),
            calibration.calibration_decisions(),
            corrections.correction_orders(),
            corrections.corrections(),
            decide.weight_decisions(),
            decide.learning_effectiveness(),
            decide.operator_actions(),
            exits.exit_strategies(),
            exits.exit_advice(),
            exits.position_size_advice(),
            models.prediction_models(),
            models.judged_predictions(),
            models.candidate_predictions(),
            decide.publication_orders(),
            importance.feature_importance(),
            regime_changes.regime_changes(),
            patterns.discovered_patterns(),
            patterns.pattern_searches(),
        )
    )
