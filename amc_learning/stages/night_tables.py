"""Every table that the documents of some days are made of, each read once.

Belongs here: which table, and how far back. Not here: a part of a document (night), what one table knows on a day
(day_rows).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from amc_learning.learning.modes import DocumentModes
from amc_learning.learning.point_in_time import STALE_DAYS
from amc_learning.learning.success_rate import SuccessHistory, success_history
from amc_learning.settings import Settings
from amc_learning.stages.day_rows import DayRows, day_rows
from amc_learning.stages.modes import modes_of
from amc_learning.warehouse import Warehouse

RECENT_DAYS = 90
"""Calendar days of regime changes and ended corrections that a document shows."""

_SUCCESS_COLUMNS = (
    "known_on",
    "horizon",
    "entry_date",
    "population",
    "feature",
    "scope",
    "n_pairs",
    "n_winners",
)


@dataclass(frozen=True)
class NightTables:
    """Every table that documents of some days are made of, read once."""

    warehouse: Warehouse
    settings: Settings
    first: date
    last: date

    def _rows(self, table: str, *, days_before: int = 0) -> DayRows:
        return day_rows(self.warehouse, table, self.first - timedelta(days=days_before), self.last)

    @cached_property
    def modes(self) -> dict[str, DocumentModes]:
        """publication_orders and the settings: when each document acts."""
        return modes_of(self.warehouse, self.settings, self.last)

    @cached_property
    def _of_other_days(self) -> dict[date, "NightTables"]:
        return {}

    def of_day(self, day: date) -> "NightTables":
        """The tables of a day, which may be none of these days."""
        if self.first <= day <= self.last:
            return self
        return self._of_other_days.setdefault(day, NightTables(self.warehouse, self.settings, day, day))

    @cached_property
    def calibrations(self) -> DayRows:
        """calibration_decisions."""
        return self._rows("calibration_decisions")

    @cached_property
    def accuracy(self) -> DayRows:
        """thesis_accuracy."""
        return self._rows("thesis_accuracy")

    @cached_property
    def comparisons(self) -> DayRows:
        """source_comparisons."""
        return self._rows("source_comparisons")

    @cached_property
    def corrections(self) -> DayRows:
        """corrections, with those of the night before."""
        return self._rows("corrections", days_before=STALE_DAYS)

    @cached_property
    def regimes(self) -> DayRows:
        """market_regimes, with those of the last months before."""
        return self._rows("market_regimes", days_before=RECENT_DAYS)

    @cached_property
    def performance(self) -> DayRows:
        """regime_performance."""
        return self._rows("regime_performance")

    @cached_property
    def patterns(self) -> DayRows:
        """failure_patterns."""
        return self._rows("failure_patterns")

    @cached_property
    def attribution(self) -> DayRows:
        """performance_attribution."""
        return self._rows("performance_attribution")

    @cached_property
    def decisions(self) -> DayRows:
        """weight_decisions."""
        return self._rows("weight_decisions")

    @cached_property
    def effectiveness(self) -> DayRows:
        """learning_effectiveness."""
        return self._rows("learning_effectiveness")

    @cached_property
    def selection(self) -> DayRows:
        """selection_effects."""
        return self._rows("selection_effects")

    @cached_property
    def correlations(self) -> DayRows:
        """correlation_table."""
        return self._rows("correlation_table")

    @cached_property
    def thresholds(self) -> DayRows:
        """threshold_table."""
        return self._rows("threshold_table")

    @cached_property
    def statistics(self) -> DayRows:
        """daily_statistics: the hashes of its partitions alone; what documents say of its rows is in `success`."""
        first = self.correlations.night(self.first) or self.first
        entries = self.warehouse.table("daily_statistics").entries(first, self.last)
        return DayRows({}, {entry.known_on: entry.sha256 for entry in entries})

    @cached_property
    def success(self) -> SuccessHistory:
        """Winners among the selected, from daily_statistics, as far back as the window of the first night reaches."""
        first = self.correlations.night(self.first) or self.first
        horizon, table = self.settings.theses.horizon, self.warehouse.table("daily_statistics")
        window_from = first - timedelta(days=self.settings.analysis.window_days - 1)
        return success_history(
            table.read(window_from, self.last, columns=_SUCCESS_COLUMNS),
            horizon=horizon,
            sessions=self.settings.outcomes.horizons[horizon],
        )

    def inputs(self, day: date, **tables: DayRows) -> dict[str, str | None]:
        """Table to sha256 of the partition used: of this day, or of the night before when there is none yet."""
        return {name: rows.hash_as_of(day) for name, rows in tables.items()}
