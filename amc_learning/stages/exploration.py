"""Exploration: tables of evidence over a window a person chooses, written aside.

Belongs here: computing one and keeping it under `explorations/` of the data directory. Not here: the tables decisions
and reports rest on (evidence). Nothing reads what is written here, so no exploration can change what is published.
"""

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl

from amc_learning.settings import Settings
from amc_learning.stages.evidence import correlations_over, thresholds_over
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.files import make_folder, write_atomically

FOLDER = "explorations"
"""Below the data directory; safe to delete."""

SHORTEST_WINDOW_DAYS, LONGEST_WINDOW_DAYS = 30, 7305
"""Calendar days: the least the settings take, and twenty years."""


class ExplorationError(Exception):
    """A window that cannot be explored; nothing was written."""


EXPLORED = {"correlation_table": correlations_over, "threshold_table": thresholds_over}
"""Tables that can be explored, and what computes them over any window."""


@taking_turns
def explore(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], name: str, window_days: int
) -> tuple[pl.DataFrame, Path]:
    """One of the tables that can be explored, of these days over another window, and the file it was written to.

    Raises:
        ExplorationError: a window out of bounds; says which are allowed.
    """
    refuse_window(window_days)
    table = EXPLORED[name](warehouse, settings, days, window_days)
    return table, _kept(table, settings, name, days, window_days)


def refuse_window(window_days: int) -> None:
    """Refuse windows too short to say anything, and lengths nobody means.

    Raises:
        ExplorationError: names the field, the value, and what is allowed.
    """
    if not SHORTEST_WINDOW_DAYS <= window_days <= LONGEST_WINDOW_DAYS:
        raise ExplorationError(
            f"window_days: {window_days} is not within {SHORTEST_WINDOW_DAYS} to {LONGEST_WINDOW_DAYS} calendar days; "
            "nothing was written; launch it again with another length"
        )


def _kept(table: pl.DataFrame, settings: Settings, name: str, days: Sequence[date], window_days: int) -> Path:
    folder = settings.data_dir / FOLDER
    make_folder(folder)
    span = f"{days[0]}" if len(days) == 1 else f"{days[0]}-to-{days[-1]}"
    path = folder / f"{name}-{span}-{window_days}d.parquet"
    content = BytesIO()
    table.write_parquet(content)
    write_atomically(path, content.getvalue())
    return path
