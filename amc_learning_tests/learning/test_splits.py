"""Splits by date: against their definition row by row, against an independent library, and on their own promises."""

import time
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from purgedcv import PurgedKFold, WalkForwardSplit

from amc_learning.learning.splits import purged_folds, walk_forward


@st.composite
def panels(draw, min_days=2):
    """Entry and maturity of up to 60 rows in any order: several a day, labels of any length, gaps between days."""
    rows = draw(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=min_days, max_size=60).filter(
            lambda found: len({entry for entry, _ in found}) >= min_days
        )
    )
    entries = np.array([entry for entry, _ in rows])
    return entries, entries + np.array([length for _, length in rows])


def blocks_by_hand(days, n_folds):
    """Blocks as equal as possible, the longer ones first."""
    sizes = [len(days) // n_folds + (block < len(days) % n_folds) for block in range(n_folds)]
    ends = np.cumsum(sizes)
    return [days[end - size : end] for size, end in zip(sizes, ends, strict=True)]


@given(panels(), st.integers(2, 6), st.integers(0, 6))
def test_purged_folds_are_their_definition_pair_by_pair(panel, n_folds, embargo_days):
    entries, matured = panel
    days = sorted(set(entries.tolist()))
    n_folds = min(n_folds, len(days))
    folds = purged_folds(entries, matured, n_folds=n_folds, embargo_days=embargo_days)
    rows = range(len(entries))
    for fold, block in zip(folds, blocks_by_hand(days, n_folds), strict=True):
        test = [row for row in rows if entries[row] in block]
        purged = [
            row
            for row in rows
            if row not in test
            and any(entries[row] <= matured[other] and entries[other] <= matured[row] for other in test)
        ]
        known_by = max(matured[row] for row in test)
        embargoed = [row for row in rows if known_by < entries[row] <= known_by + embargo_days]
        assert fold.test.tolist() == test
        assert fold.train.tolist() == [row for row in rows if row not in {*test, *purged, *embargoed}]
        assert (fold.n_purged, fold.n_embargoed) == (len(purged), len(embargoed))


@given(panels(), st.integers(2, 6), st.integers(0, 6))
def test_every_row_is_tested_once_and_none_vanishes_uncounted(panel, n_folds, embargo_days):
    entries, matured = panel
    n_folds = min(n_folds, len(set(entries.tolist())))
    folds = purged_folds(entries, matured, n_folds=n_folds, embargo_days=embargo_days)
    tested = np.concatenate([fold.test for fold in folds])
    assert sorted(tested.tolist()) == list(range(len(entries)))
    for fold in folds:
        assert len(fold.train) + len(fold.test) + fold.n_purged + fold.n_embargoed == len(entries)


@given(panels(), st.integers(2, 6), st.integers(0, 6))
def test_no_label_of_training_shares_a_day_with_a_label_of_test(panel, n_folds, embargo_days):
    entries, matured = panel
    n_folds = min(n_folds, len(set(entries.tolist())))
    for fold in purged_folds(entries, matured, n_folds=n_folds, embargo_days=embargo_days):
        begins = np.maximum(entries[fold.train][:, None], entries[fold.test][None, :])
        ends = np.minimum(matured[fold.train][:, None], matured[fold.test][None, :])
        assert (begins > ends).all()


@given(panels(), st.integers(1, 4), st.integers(0, 6), st.integers(1, 6))
def test_walk_forward_trains_on_what_had_matured_and_counts_what_had_not(panel, n_folds, embargo_days, min_train_days):
    entries, matured = panel
    days = sorted(set(entries.tolist()))

    def trained_on(day):
        return [row for row in range(len(entries)) if matured[row] + embargo_days < day]

    tested = [day for day in days if len({int(entries[row]) for row in trained_on(day)}) >= min_train_days]
    if len(tested) < n_folds:
        with pytest.raises(ValueError, match="entry dates cannot be cut"):
            walk_forward(entries, matured, n_folds=n_folds, embargo_days=embargo_days, min_train_days=min_train_days)
        return
    folds = walk_forward(entries, matured, n_folds=n_folds, embargo_days=embargo_days, min_train_days=min_train_days)
    for fold, block in zip(folds, blocks_by_hand(tested, n_folds), strict=True):
        assert fold.test.tolist() == [row for row in range(len(entries)) if entries[row] in block]
        assert fold.train.tolist() == trained_on(block[0])
        n_before = int((entries < block[0]).sum())
        assert len(fold.train) + fold.n_purged + fold.n_embargoed == n_before


@given(panels(min_days=4), st.integers(2, 4), st.randoms())
def test_the_order_of_rows_does_not_matter(panel, n_folds, random):
    entries, matured = panel
    order = list(range(len(entries)))
    random.shuffle(order)
    straight = purged_folds(entries, matured, n_folds=n_folds, embargo_days=2)
    shuffled = purged_folds(entries[order], matured[order], n_folds=n_folds, embargo_days=2)
    for one, other in zip(straight, shuffled, strict=True):
        assert sorted(np.array(order)[other.train].tolist()) == one.train.tolist()
        assert sorted(np.array(order)[other.test].tolist()) == one.test.tolist()


def as_days(numbers):
    return pd.Series(np.datetime64("2014-01-01") + np.asarray(numbers).astype("timedelta64[D]"))


@pytest.mark.parametrize("embargo_days", [0, 3])
def test_purged_folds_equal_an_independent_library(embargo_days):
    # One row a day, labels of different length. The library's intervals are half-open: a label that ends on day m ends
    # for it on m + 1. Its embargo counts from there, its last day included: e - 1 days after m + 1 are e after m.
    entries = np.arange(60)
    matured = entries + np.random.default_rng(3).integers(0, 8, size=60)
    library = PurgedKFold(
        n_splits=5,
        prediction_times=as_days(entries),
        evaluation_times=as_days(matured + 1),
        embargo=pd.Timedelta(days=embargo_days - 1) if embargo_days else None,
    )
    ours = purged_folds(entries, matured, n_folds=5, embargo_days=embargo_days)
    for fold, (train, test) in zip(ours, library.split(np.zeros((60, 1))), strict=True):
        assert fold.test.tolist() == test.tolist()
        assert fold.train.tolist() == train.tolist()


def test_walk_forward_equals_an_independent_library():
    # Labels of five days, 0 to 4: on day 10 those of days 0 to 5 have ended, so the first block begins there.
    entries, matured = np.arange(60), np.arange(60) + 4
    library = WalkForwardSplit(5, 10, prediction_times=as_days(entries), evaluation_times=as_days(matured + 1))
    ours = walk_forward(entries, matured, n_folds=5, embargo_days=0, min_train_days=6)
    for fold, (train, test) in zip(ours, library.split(np.zeros((60, 1))), strict=True):
        assert (fold.train.tolist(), fold.test.tolist()) == (train.tolist(), test.tolist())


def test_a_label_that_ends_on_the_first_test_day_is_purged():
    entries = np.array([0, 1, 2, 3])
    first, second = purged_folds(entries, np.array([2, 1, 3, 3]), n_folds=2, embargo_days=0)
    # Fold one tests days 0 and 1, whose labels reach day 2; fold two tests 2 and 3, and row 0 reaches day 2.
    assert first.train.tolist() == [3]
    assert second.train.tolist() == [1]


def test_walk_forward_needs_the_label_to_have_ended_before_the_block_not_on_its_first_day():
    entries = np.array([0, 0, 1, 2])
    (fold,) = walk_forward(entries, np.array([1, 2, 1, 3]), n_folds=1, embargo_days=0, min_train_days=2)
    assert (fold.train.tolist(), fold.test.tolist(), fold.n_purged) == ([0, 2], [3], 1)


def test_dates_of_polars_and_of_numpy_split_like_day_numbers():
    entries = pl.Series([date(2014, 12, 1), date(2014, 12, 2), date(2014, 12, 3), date(2014, 12, 8)])
    numbers = entries.to_physical().to_numpy()
    by_date = purged_folds(entries.to_numpy(), entries.to_numpy(), n_folds=2, embargo_days=1)
    by_number = purged_folds(numbers, numbers, n_folds=2, embargo_days=1)
    assert [fold.train.tolist() for fold in by_date] == [fold.train.tolist() for fold in by_number] == [[3], [0, 1]]


@pytest.mark.parametrize(
    ("entries", "matured", "options", "said"),
    [
        ([0, 1], [0, 1], {"n_folds": 3}, "2 entry dates cannot be cut into 3 blocks"),
        ([0, 1], [0, 1], {"n_folds": 1}, "n_folds is 1"),
        ([0, 1], [0, 1], {"embargo_days": -1}, "embargo_days is -1"),
        ([0, 5], [0, 4], {}, "row 1: its label matures on 4, before it enters on 5"),
        ([0, 1], [0], {}, "2 entry dates, but 1 dates of maturity"),
        ([0.0, 1.0], [0.0, 1.0], {}, "give day numbers or datetime64"),
    ],
)
def test_what_cannot_be_split_is_refused_with_the_reason(entries, matured, options, said):
    with pytest.raises(ValueError, match=said):
        purged_folds(np.array(entries), np.array(matured), **{"n_folds": 2, "embargo_days": 0, **options})


def test_an_unknown_date_is_refused():
    dates = np.array(["2014-12-01", "NaT"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="leave out rows whose label has not matured"):
        purged_folds(dates, dates, n_folds=2, embargo_days=0)


def test_walk_forward_without_a_training_day_is_refused():
    with pytest.raises(ValueError, match="min_train_days is 0"):
        walk_forward(np.arange(4), np.arange(4), n_folds=1, embargo_days=0, min_train_days=0)


def test_a_million_rows_are_split_in_half_a_second():
    entries = np.random.default_rng(0).permutation(np.repeat(np.arange(500), 2000))
    matured = entries + 30
    spent = []
    for _ in range(3):
        started = time.process_time()
        purged_folds(entries, matured, n_folds=5, embargo_days=5)
        spent.append(time.process_time() - started)
    assert min(spent) < 0.5
