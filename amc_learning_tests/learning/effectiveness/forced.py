"""Changes of the weights that no evidence asked for, as rows of `weight_decisions`."""

from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.weights.record import DECISION_COLUMNS, NightRecord, decisions_table
from amc_learning_tests.learning.weights.worlds import NAMES

SCHEMA = catalogue(NAMES)["weight_decisions"].schema


def forced_night(before, after, *, is_learning=True, taken_back=None, status="active"):
    """A night that moved what was learned and what is in force from one vector to another."""
    before, after = np.asarray(before, float), np.asarray(after, float)
    return NightRecord(
        status,
        "forced",
        before,
        after,
        learned_before=before,
        learned=after,
        is_learning=is_learning,
        taken_back=taken_back,
    )


def forced_nights(nights: list[tuple[date, NightRecord]]) -> pl.DataFrame:
    """Rows of these nights."""
    return decisions_table(nights, names=NAMES, schema=SCHEMA, horizon="1d", population="selected")


def forced_change(night: date, before: np.ndarray, after: np.ndarray) -> pl.DataFrame:
    """What a decision reads of one night that changed everything at once, whatever the daily limit."""
    return forced_nights([(night, forced_night(before, after))]).select(DECISION_COLUMNS)
