"""Cross-validation by date: what may be trained on while a block of days is tested.

Belongs here: which rows of a panel (many rows a day) lie in training and which in test. Not here: models, scores, how
a label comes about.

A label is known from prices of a closed interval of days, from its entry to the day it matures. Two rows whose
intervals share a day share prices; a row that shares one with a test row must not be trained on (it is purged).

Source: Lopez de Prado 2018, Advances in Financial Machine Learning, ch. 7 (purging, embargo), for panels by date;
intervals are closed here, because a label that ends on the first test day has seen that day's prices.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Dates = npt.NDArray[np.int64] | npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Fold:
    """One way of splitting the rows; indices ascend.

    Attributes:
        train: rows to fit on; empty when everything else was purged.
        test: rows of a contiguous block of entry dates.
        n_purged: rows in neither, because their label shares a day with a test label (`walk_forward`: had not matured
            when the test block began).
        n_embargoed: rows in neither, because they lie within the embargo.
    """

    train: IntArray
    test: IntArray
    n_purged: int = 0
    n_embargoed: int = 0


def purged_folds(entry_dates: Dates, matured_dates: Dates, *, n_folds: int, embargo_days: int) -> list[Fold]:
    """Contiguous blocks of entry dates, each tested once, with training on both sides of it.

    A row is purged when its label shares a day with any label of the block, and embargoed when it enters up to
    `embargo_days` after the last of them has matured. Every row is tested in exactly one fold; in each, every row is in
    training, in test, purged or embargoed.

    Args:
        entry_dates: first day of each row's label, as day numbers or datetime64[D]; any order.
        matured_dates: last day of each row's label, of the same kind.
        n_folds: blocks, as equal in distinct entry dates as possible, the longer ones first; at least 2.
        embargo_days: calendar days, 0 or more.

    Raises:
        ValueError: fewer distinct entry dates than folds, unequal lengths, unknown dates, or a label that matures
            before it enters.

    >>> days = np.arange(6)
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in purged_folds(days, days + 1, n_folds=3, embargo_days=0)]
    [([3, 4, 5], [0, 1]), ([0, 5], [2, 3]), ([0, 1, 2], [4, 5])]
    """
    entries, matured = _label_days(entry_dates, matured_dates)
    _require(n_folds >= 2, f"n_folds is {n_folds}; one block alone leaves nothing to train on")
    _require(embargo_days >= 0, f"embargo_days is {embargo_days}; it cannot be negative")
    folds = []
    for first, last in _blocks(np.unique(entries), n_folds):
        is_test = (entries >= first) & (entries <= last)
        # An earlier row reaches the block once it reaches its first day; a later one is reached by the longest label.
        known_by = matured[is_test].max()
        is_purged = ~is_test & (matured >= first) & (entries <= known_by)
        is_embargoed = (entries > known_by) & (entries <= known_by + embargo_days)
        folds.append(_fold(~(is_test | is_purged | is_embargoed), is_test, is_purged, is_embargoed))
    return folds


def walk_forward(
    entry_dates: Dates, matured_dates: Dates, *, n_folds: int, embargo_days: int, min_train_days: int
) -> list[Fold]:
    """Contiguous blocks of entry dates, each tested after training on what had matured before it began.

    A row is trained on when its label matured more than `embargo_days` before the first day of the block. Training
    grows from fold to fold. The first block begins on the earliest date for which training has at least
    `min_train_days` entry dates; rows before it are never tested, rows of a block and after it are not in its training.

    Args:
        entry_dates: first day of each row's label, as day numbers or datetime64[D]; any order.
        matured_dates: last day of each row's label, of the same kind.
        n_folds: blocks, as equal in distinct entry dates as possible, the longer ones first; at least 1.
        embargo_days: calendar days, 0 or more.
        min_train_days: distinct entry dates that every training set has; at least 1.

    Raises:
        ValueError: fewer distinct entry dates than folds once training has enough, unequal lengths, unknown dates, or a
            label that matures before it enters.

    >>> days = np.arange(6)
    >>> folds = walk_forward(days, days + 1, n_folds=2, embargo_days=0, min_train_days=2)
    >>> [(fold.train.tolist(), fold.test.tolist(), fold.n_purged) for fold in folds]
    [([0, 1], [3, 4], 1), ([0, 1, 2, 3], [5], 1)]
    """
    entries, matured = _label_days(entry_dates, matured_dates)
    _require(n_folds >= 1, f"n_folds is {n_folds}; there is nothing to test without a block")
    _require(embargo_days >= 0, f"embargo_days is {embargo_days}; it cannot be negative")
    _require(min_train_days >= 1, f"min_train_days is {min_train_days}; nothing is fitted on no day")
    days = np.unique(entries)
    known_from = _first_matured(entries, matured, days) + embargo_days
    enough_after = np.sort(known_from)[min_train_days - 1] if min_train_days <= len(days) else days[-1]
    folds = []
    for first, last in _blocks(days[days > enough_after], n_folds):
        is_test = (entries >= first) & (entries <= last)
        is_known = matured < first
        is_purged = (entries < first) & ~is_known
        is_embargoed = is_known & (matured + embargo_days >= first)
        folds.append(_fold(is_known & ~is_embargoed, is_test, is_purged, is_embargoed))
    return folds


def _fold(
    is_train: npt.NDArray[np.bool_],
    is_test: npt.NDArray[np.bool_],
    is_purged: npt.NDArray[np.bool_],
    is_embargoed: npt.NDArray[np.bool_],
) -> Fold:
    return Fold(
        np.flatnonzero(is_train),
        np.flatnonzero(is_test),
        int(np.count_nonzero(is_purged)),
        int(np.count_nonzero(is_embargoed)),
    )


def _label_days(entry_dates: Dates, matured_dates: Dates) -> tuple[IntArray, IntArray]:
    entries, matured = _day_numbers(entry_dates), _day_numbers(matured_dates)
    _require(entries.shape == matured.shape, f"{len(entries)} entry dates, but {len(matured)} dates of maturity")
    offending = np.flatnonzero(matured < entries)
    if offending.size:
        row = offending[0]
        raise ValueError(
            f"row {row}: its label matures on {matured_dates[row]}, before it enters on {entry_dates[row]}"
        )
    return entries, matured


def _day_numbers(dates: Dates) -> IntArray:
    if np.issubdtype(dates.dtype, np.datetime64):
        _require(not bool(np.isnat(dates).any()), "a date is unknown (NaT); leave out rows whose label has not matured")
        return dates.astype("datetime64[D]").astype(np.int64)
    _require(np.issubdtype(dates.dtype, np.integer), f"dates are {dates.dtype}; give day numbers or datetime64[D]")
    return dates.astype(np.int64)


def _blocks(days: IntArray, n_folds: int) -> list[tuple[np.int64, np.int64]]:
    _require(len(days) >= n_folds, f"{len(days)} entry dates cannot be cut into {n_folds} blocks")
    return [(block[0], block[-1]) for block in np.array_split(days, n_folds)]


def _first_matured(entries: IntArray, matured: IntArray, days: IntArray) -> IntArray:
    """The earliest maturity among the rows of each entry date."""
    earliest = np.full(len(days), np.iinfo(np.int64).max)
    np.minimum.at(earliest, np.searchsorted(days, entries), matured)
    return earliest


def _require(is_met: bool | np.bool_, otherwise: str) -> None:
    if not is_met:
        raise ValueError(otherwise)
