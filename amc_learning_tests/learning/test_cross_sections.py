from datetime import date

import polars as pl
import pytest

from amc_learning.learning.cross_sections import cross_sections

DAY = date(2024, 1, 4)


def joined(rows):
    """Rows of (decision, is selected, tag, n_universe, score)."""
    names = ["decision_id", "is_selected", "action_tag", "n_universe", "technical"]
    frame = pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"n_universe": pl.Int64})
    return frame.with_columns(
        known_on=pl.lit(DAY),
        horizon=pl.lit("1d"),
        entry_date=pl.lit(DAY),
        is_in_cross_section=pl.lit(True),
        forward_return=0.0,
        is_winner=False,
        is_loser=pl.lit(None, pl.Boolean),
    )


def only_section(frame):
    (section,) = cross_sections(frame, features=("technical",))
    return {(population.name, population.scope): population for population in section.populations()}


SELECTED = [("a", True, "monitor", 20, 1.0), ("b", True, None, 20, 2.0), ("c", True, "trade_ready", 20, 3.0)]
CONTROLS = [("d", False, None, 20, 4.0), ("e", False, "monitor", 20, 5.0)]


def test_populations_of_a_day_with_controls():
    populations = only_section(joined(CONTROLS + SELECTED))
    assert {key: each.scores.tolist() for key, each in populations.items()} == {
        ("selected", "all"): [[1.0, 2.0, 3.0]],
        ("selected", "monitor"): [[1.0]],
        ("selected", "trade_ready"): [[3.0]],
        ("controls", "all"): [[4.0, 5.0]],
        ("universe", "all"): [[1.0, 2.0, 3.0, 4.0, 5.0]],
    }


def test_controls_stand_for_everybody_scored_and_not_selected():
    weights = only_section(joined(SELECTED + CONTROLS))["universe", "all"].weights
    # (20 - 3) / 2 = 8.5 against 1, made whole.
    assert weights.tolist() == [2, 2, 2, 17, 17]
    assert weights.sum() / 2 == 20


@pytest.mark.parametrize("n_universe", [None, 4, 3, 1])
def test_no_universe_without_its_size_or_with_one_smaller_than_the_rows_there_are(n_universe):
    rows = [(name, chosen, tag, n_universe, score) for name, chosen, tag, _, score in SELECTED + CONTROLS]
    assert ("universe", "all") not in only_section(joined(rows))
    assert ("controls", "all") in only_section(joined(rows))


def test_a_universe_that_was_sent_whole_weighs_everybody_alike():
    rows = [(name, chosen, tag, 5, score) for name, chosen, tag, _, score in SELECTED + CONTROLS]
    assert only_section(joined(rows))["universe", "all"].weights.tolist() == [2, 2, 2, 2, 2]


def test_without_controls_there_are_only_the_selected():
    assert {name for name, _ in only_section(joined(SELECTED))} == {"selected"}


def test_earlier_decisions_on_a_symbol_are_left_out():
    frame = joined(SELECTED).with_columns(is_in_cross_section=pl.col("decision_id") != "b")
    assert only_section(frame)["selected", "all"].scores.tolist() == [[1.0, 3.0]]


def test_days_and_horizons_are_separate_and_in_order():
    one = joined(SELECTED)
    later = one.with_columns(known_on=pl.lit(date(2024, 1, 5)), entry_date=pl.lit(date(2024, 1, 5)))
    week = one.with_columns(horizon=pl.lit("7d"), entry_date=pl.lit(date(2024, 1, 2)))
    found = cross_sections(pl.concat([later, week, one]), features=("technical",))
    assert [(each.known_on.day, each.horizon, each.entry_date.day) for each in found] == [
        (4, "1d", 4),
        (4, "7d", 2),
        (5, "1d", 5),
    ]
