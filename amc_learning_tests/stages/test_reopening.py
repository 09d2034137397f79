"""Late and corrected bars re-open the days whose rows depend on them: all of them, and no others."""

import multiprocessing
import os
from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amc_learning.stages import reopening
from amc_learning.stages.due import last_night, stale_outcome_days
from amc_learning.stages.ingest import SentTable, merge_tables
from amc_learning.stages.regimes import label_regimes
from amc_learning.warehouse import reopened
from amc_learning_tests.acceptance.loop import DAYS, market, open_warehouse
from amc_learning_tests.stages.bar_world import (
    NOW,
    SESSIONS,
    SYMBOLS,
    add_candidates,
    bars_of,
    merge,
    open_world,
    outcomes_of_every_day,
)

pytestmark = pytest.mark.usefixtures("clean_environment")

CHANGES = st.sets(st.tuples(st.sampled_from(SYMBOLS), st.integers(0, len(SESSIONS) - 1)), min_size=1, max_size=4)


def computed_world(data_dir, *, without=(), entry="next_open", every=7):
    warehouse, its_settings = open_world(data_dir, outcomes={"entry": entry})
    add_candidates(warehouse, every)
    bars = bars_of(SESSIONS)
    for symbol, place in without:
        bars = bars.filter((pl.col("symbol") != symbol) | (pl.col("date") != SESSIONS[place]))
    merge(warehouse, its_settings, bars)
    return warehouse, its_settings, outcomes_of_every_day(warehouse, its_settings)


def expected_days(warehouse, changes, entry):
    """The rule said in plain loops: entry price <= session <= last session, on the symbol's own rows."""
    rows = warehouse.table("candidate_outcomes").read(None, None).select("known_on", "symbol", "entry_date").rows()
    days = set()
    for known_on, symbol, entry_date in rows:
        place = SESSIONS.index(entry_date) - (entry == "decision_close")
        if any(symbol == other and SESSIONS[place] <= SESSIONS[at] <= known_on for other, at in changes):
            days.add(known_on)
    return sorted(days)


@pytest.mark.parametrize("entry", ["next_open", "decision_close"])
@given(changes=CHANGES, is_late=st.booleans())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exactly_the_days_with_a_row_over_a_changed_bar_open_and_computing_them_is_enough(
    tmp_path_factory, entry, changes, is_late
):
    folder = tmp_path_factory.mktemp("world")
    warehouse, its_settings, before = computed_world(folder, without=changes if is_late else (), entry=entry)
    sent = pl.concat([bars_of([SESSIONS[place]], (symbol,)) for symbol, place in changes])
    merge(warehouse, its_settings, sent if is_late else sent.with_columns(pl.col("close") + 0.25))
    days = list(reopened.open_days(warehouse, "candidate_outcomes"))
    assert days == expected_days(warehouse, changes, entry)
    after = outcomes_of_every_day(warehouse, its_settings)  # computes every day anew
    assert {day for day in after if after[day] != before.get(day)} <= set(days)


def test_the_days_are_named_with_the_command_and_the_doctor_sees_them(tmp_path):
    warehouse, its_settings, _ = computed_world(tmp_path, every=1)
    corrected = bars_of([SESSIONS[20]], ("CCC",)).with_columns(pl.col("close") + 0.5)
    messages = merge(warehouse, its_settings, corrected, "late.csv")
    days = list(reopened.open_days(warehouse))
    # rows over session 20: entered on or before it, matured on or after it; every day from 20 on has some
    assert days == SESSIONS[20:]
    (message,) = messages
    assert message == (
        f"late.csv: 1 new or changed bar of {SESSIONS[20]} came after outcomes were computed from it; 10 knowledge "
        f"days are open again, {SESSIONS[20]} to {SESSIONS[29]}: amc-learning run evidence --from {SESSIONS[20]} "
        f"--to {SESSIONS[29]}"
    )
    assert stale_outcome_days(warehouse) == days
    reopened.close(warehouse, "candidate_outcomes", days)
    assert stale_outcome_days(warehouse) == []


def test_the_first_bars_of_a_session_open_the_rows_of_every_symbol_that_missed_it(tmp_path):
    gap = SESSIONS[12]
    without = [(symbol, 12) for symbol in SYMBOLS]
    warehouse, its_settings, before = computed_world(tmp_path, without=without, every=1)
    rows = warehouse.table("candidate_outcomes").read(None, None)
    flagged = rows.filter(pl.col("outcome_status") == "session_missing")
    assert flagged.height > 0
    merge(warehouse, its_settings, bars_of([gap], ("AAA",)))
    days = set(reopened.open_days(warehouse))
    assert set(flagged["known_on"]) <= days
    after = outcomes_of_every_day(warehouse, its_settings)
    assert {day for day in after if after[day] != before[day]} <= days


def test_bars_sent_again_and_a_changed_volume_open_nothing(tmp_path):
    warehouse, its_settings, _ = computed_world(tmp_path)
    assert merge(warehouse, its_settings, bars_of(SESSIONS)) == ()
    assert merge(warehouse, its_settings, bars_of(SESSIONS).with_columns(volume=pl.lit(5.0))) == ()
    assert reopened.open_days(warehouse) == {}


def test_bars_of_a_symbol_nobody_chose_and_of_days_not_yet_computed_open_nothing(tmp_path):
    warehouse, its_settings, _ = computed_world(tmp_path)
    stranger = bars_of([SESSIONS[5]], ("AAA",)).with_columns(symbol=pl.lit("ZZZ"))
    assert merge(warehouse, its_settings, stranger) == ()
    assert merge(warehouse, its_settings, stranger.with_columns(date=pl.lit(date(2024, 2, 15)))) == ()
    assert reopened.open_days(warehouse) == {}


def test_a_first_ingest_of_years_reads_no_outcomes(tmp_path, monkeypatch):
    warehouse, its_settings = open_world(tmp_path)
    monkeypatch.setattr(reopening, "_dependents", None)  # calling it would fail
    assert merge(warehouse, its_settings, bars_of(SESSIONS)) == ()


def die_before_the_merge(data_dir):
    """What a power failure between the note and the bars leaves."""
    from amc_learning.warehouse import PartitionedTable  # noqa: PLC0415

    PartitionedTable.merge = lambda *_, **__: os._exit(9)  # type: ignore[method-assign]
    warehouse, its_settings = open_world(data_dir)
    merge(warehouse, its_settings, bars_of([SESSIONS[20]], ("CCC",)).with_columns(pl.col("close") + 0.5))


def test_a_crash_between_the_note_and_the_bars_leaves_the_day_open_and_the_bars_as_they_were(tmp_path):
    warehouse, its_settings, _ = computed_world(tmp_path, every=1)
    before = warehouse.table("price_bars").fingerprint(None, None)
    process = multiprocessing.get_context("spawn").Process(target=die_before_the_merge, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert list(reopened.open_days(warehouse)) == SESSIONS[20:]
    assert warehouse.table("price_bars").fingerprint(None, None) == before
    merge(warehouse, its_settings, bars_of([SESSIONS[20]], ("CCC",)).with_columns(pl.col("close") + 0.5))
    assert list(reopened.open_days(warehouse)) == SESSIONS[20:]


def merge_closes(settings, closes):
    """Merge index closes as every source does; the messages."""
    sent = [SentTable("closes.csv", closes)]
    return merge_tables(open_warehouse(settings), settings, "index", sent, received_at=NOW, is_whole=False).messages


def corrected_closes(day):
    """The closes of a day, a hundredth higher than the market's."""
    sent = market().index.filter(pl.col("date") == day)
    return sent.with_columns(pl.col(name) * 1.01 for name in sent.columns if name != "date")


def test_a_corrected_close_opens_every_label_from_its_day_on_until_it_is_labelled_again(finished):
    warehouse = open_warehouse(finished)
    (message,) = merge_closes(finished, corrected_closes(DAYS[40]))
    assert "came after regimes were labelled" in message
    assert message.endswith(f"amc-learning run evidence --from {DAYS[40]} --to {last_night(warehouse)}")
    assert list(reopened.open_days(warehouse, "market_regimes")) == DAYS[40:]
    assert stale_outcome_days(warehouse) == DAYS[40:]
    label_regimes(warehouse, finished, DAYS[40:50])
    assert list(reopened.open_days(warehouse, "market_regimes")) == DAYS[50:]
    label_regimes(warehouse, finished, DAYS[50:])
    assert stale_outcome_days(warehouse) == []


def test_closes_sent_again_open_nothing(finished):
    assert merge_closes(finished, market().index) == ()
    assert reopened.open_days(open_warehouse(finished)) == {}


def test_closes_of_days_not_labelled_yet_open_nothing(loaded):
    assert merge_closes(loaded, corrected_closes(DAYS[40])) == ()
    assert reopened.open_days(open_warehouse(loaded)) == {}
