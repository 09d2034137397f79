import shutil
from datetime import date

import polars as pl
import pytest

from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.stages import evidence
from amc_learning.stages.day_chunks import chunks_by_rows, read_days
from amc_learning.warehouse import Warehouse
from amc_learning_tests.stages.bar_world import SESSIONS, SYMBOLS, add_candidates, bars_of, merge, open_world, weekdays

DAYS = weekdays(SESSIONS[0], SESSIONS[-1])
TABLES = (
    *("candidate_outcomes", "feature_outcomes", "daily_statistics"),
    *("correlation_table", "selection_effects", "threshold_table"),
)


def scored_world(data_dir):
    """Bars, and candidates with a score of each component that differs by symbol and by day."""
    warehouse, settings = open_world(data_dir)
    add_candidates(warehouse)
    merge(warehouse, settings, bars_of(SESSIONS))
    table = warehouse.table("discovery_candidates")
    candidates = table.read(None, None)
    place = pl.col("symbol").rank("dense") * 7 + pl.col("known_on").rank("dense") * 3
    scores = {
        name: (place * (number + 1) % 101).cast(pl.Float64)
        for number, name in enumerate((TOTAL_SCORE, *settings.features.components))
    }
    table.write(candidates.with_columns(**scores), SESSIONS)
    return warehouse, settings


def run(warehouse, settings, days, *, rows_at_once, days_at_once):
    for stage in (evidence.mature_outcomes, evidence.join_feature_outcomes, evidence.measure_days):
        stage(warehouse, settings, days, rows_at_once=rows_at_once)
    for stage in (evidence.correlate, evidence.compare_selection, evidence.find_thresholds):
        stage(warehouse, settings, days, days_at_once=days_at_once)


def test_chunks_of_any_size_write_the_same_bytes(tmp_path):
    scored_world(tmp_path / "bare")
    fingerprints = []
    for name, rows_at_once, days_at_once in (("whole", 10**9, 10**9), ("some", 40, 3), ("single days", 1, 1)):
        shutil.copytree(tmp_path / "bare", tmp_path / name)
        warehouse, settings = open_world(tmp_path / name)
        run(warehouse, settings, DAYS[-7:], rows_at_once=rows_at_once, days_at_once=days_at_once)
        fingerprints.append([warehouse.table(table).fingerprint(None, None) for table in TABLES])
        assert warehouse.table("daily_statistics").read(None, None)["information_coefficient"].count() > 100
    assert fingerprints[0] == fingerprints[1] == fingerprints[2]


def test_a_stage_tells_of_all_rows_and_holds_those_of_the_last_chunk(tmp_path):
    warehouse, settings = scored_world(tmp_path)
    evidence.mature_outcomes(warehouse, settings, DAYS[-3:])
    written = evidence.join_feature_outcomes(warehouse, settings, DAYS[-3:], rows_at_once=1)
    entries = warehouse.table("feature_outcomes").entries()
    assert written.n_rows == sum(entry.n_rows for entry in entries) > 0
    assert written.last.height == entries[-1].n_rows
    assert written.last["known_on"].unique().to_list() == [DAYS[-1]]


@pytest.mark.parametrize("rows_at_once", [1, 6, 7, 20, 10_000])
def test_chunks_hold_every_day_once_in_order_and_no_more_rows_than_allowed(tmp_path, rows_at_once):
    warehouse, _ = open_world(tmp_path)
    add_candidates(warehouse)
    chunks = list(chunks_by_rows(warehouse.table("discovery_candidates"), DAYS, rows_at_once))
    assert [day for chunk in chunks for day in chunk] == DAYS
    # Six candidates on every session, none on the holiday, which costs a chunk nothing.
    n_sessions = [len(set(chunk) & set(SESSIONS)) for chunk in chunks]
    assert max(n_sessions) == min(max(rows_at_once // len(SYMBOLS), 1), len(SESSIONS))


def test_scattered_days_are_read_and_none_between_them(tmp_path):
    warehouse, _ = open_world(tmp_path)
    add_candidates(warehouse)
    table = warehouse.table("discovery_candidates")
    wanted = [SESSIONS[12], SESSIONS[3], SESSIONS[4]]
    found = read_days(table, wanted, ("known_on", "symbol"))
    assert found["known_on"].unique().sort().to_list() == sorted(wanted)
    assert found.height == len(wanted) * len(SYMBOLS)
    assert read_days(table, [], ("known_on", "symbol")).is_empty()
    assert read_days(table, [date(2030, 1, 2)], ("known_on", "symbol")).schema == found.schema


def decisions_matured_on(warehouse: Warehouse, day: date) -> set[date]:
    return set(warehouse.table("candidate_outcomes").read(day, day)["decision_known_on"])


def test_the_join_of_a_night_reads_the_decisions_that_matured_and_no_other(tmp_path):
    warehouse, settings = scored_world(tmp_path)
    evidence.mature_outcomes(warehouse, settings, [DAYS[-1]])
    matured = decisions_matured_on(warehouse, DAYS[-1])
    assert len(matured) == len(settings.outcomes.horizons)
    # Whoever reads a partition that is gone is refused: what is left is what the join may look at.
    candidates = warehouse.table("discovery_candidates")
    for entry in candidates.entries():
        path = candidates.path(entry)
        if entry.known_on not in matured and path is not None:
            path.unlink()
    joined = evidence.join_feature_outcomes(warehouse, settings, [DAYS[-1]])
    assert joined.n_rows == len(matured) * len(SYMBOLS)
