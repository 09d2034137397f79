from datetime import date

import numpy as np
import polars as pl
import pytest

from amc_learning.learning.cross_sections import cross_sections

DAY = date(2024, 1, 4)


def joined(rows, *, without_return=""):
    """Rows of (decision, is selected, tag, n_universe, score); decisions named in `without_return` have none."""
    names = ["decision_id", "is_selected", "action_tag", "n_universe", "technical"]
    frame = pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"n_universe": pl.Int64})
    return frame.with_columns(
        known_on=pl.lit(DAY),
        horizon=pl.lit("1d"),
        entry_date=pl.lit(DAY),
        is_in_cross_section=pl.lit(True),
        forward_return=pl.when(~pl.col("decision_id").is_in(list(without_return))).then(0.0),
        is_winner=False,
        is_loser=pl.lit(None, pl.Boolean),
    )


def only_section(frame):
    (section,) = cross_sections(frame, features=("technical",))
    return {(population.name, population.scope): population for population in section.populations()}


SELECTED = [("a", True, "monitor", 20, 1.0), ("b", True, None, 20, 2.0), ("c", True, "trade_ready", 20, 3.0)]
CONTROLS = [(name, False, None, 20, score) for name, score in zip("defgh", (4.0, 5.0, 6.0, 7.0, 8.0), strict=True)]


def test_populations_of_a_day_with_controls():
    populations = only_section(joined(CONTROLS + SELECTED))
    assert {key: each.scores.tolist() for key, each in populations.items()} == {
        ("selected", "all"): [[1.0, 2.0, 3.0]],
        ("selected", "monitor"): [[1.0]],
        ("selected", "trade_ready"): [[3.0]],
        ("controls", "all"): [[4.0, 5.0, 6.0, 7.0, 8.0]],
        ("universe", "all"): [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]],
    }


def test_controls_stand_for_everybody_scored_and_not_selected():
    weights = only_section(joined(SELECTED + CONTROLS))["universe", "all"].weights
    # (20 - 3) / 5 = 3.4 against 1, made whole.
    assert weights.tolist() == [5, 5, 5, 17, 17, 17, 17, 17]
    assert weights.sum() / 5 == 20


@pytest.mark.parametrize(
    ("rows", "without_return", "of_selected", "of_control"),
    [
        # 3 selected, 17 not; 6 controls of which 5 have a return: 1 against 17 / 5
        ([*SELECTED, *CONTROLS, ("i", False, None, 20, 9.0)], "i", 5, 17),
        # 2 of 3 selected have one: 3 / 2 against 17 / 5, times 10
        (SELECTED + CONTROLS, "a", 15, 34),
        # 1 of 3, and 6 controls: 3 against 17 / 6
        ([*SELECTED, *CONTROLS, ("i", False, None, 20, 9.0)], "ac", 18, 17),
    ],
)
def test_either_side_keeps_its_share_of_the_universe_whosever_returns_are_missing(
    rows, without_return, of_selected, of_control
):
    universe = only_section(joined(rows, without_return=without_return))["universe", "all"]
    assert universe.weights.tolist() == [of_selected] * 3 + [of_control] * (len(rows) - 3)
    known = ~np.isnan(universe.returns)
    assert universe.weights[known][universe.scores[0, known] <= 3].sum() / universe.weights[known].sum() == 3 / 20


@pytest.mark.parametrize("n_universe", [None, 7, 3, 1])
def test_no_universe_without_its_size_or_with_one_smaller_than_the_rows_there_are(n_universe):
    rows = [(name, chosen, tag, n_universe, score) for name, chosen, tag, _, score in SELECTED + CONTROLS]
    assert ("universe", "all") not in only_section(joined(rows))
    assert ("controls", "all") in only_section(joined(rows))


@pytest.mark.parametrize("without_return", ["d", "defgh", "abc"])
def test_no_universe_where_hardly_any_control_or_none_of_the_selected_has_a_return(without_return):
    assert ("universe", "all") not in only_section(joined(SELECTED + CONTROLS, without_return=without_return))


def test_a_universe_that_was_sent_whole_weighs_everybody_alike():
    rows = [(name, chosen, tag, 8, score) for name, chosen, tag, _, score in SELECTED + CONTROLS]
    assert only_section(joined(rows))["universe", "all"].weights.tolist() == [5] * 8


def test_controls_of_a_run_that_selected_nobody_are_the_universe():
    assert only_section(joined(CONTROLS))["universe", "all"].weights.tolist() == [20] * 5


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
