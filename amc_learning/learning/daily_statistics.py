"""Mergeable statistics of every cross-section: what a night adds to history, so that history is never read again.

Belongs here: per cross-section, population and feature one row of counts, sums, coefficients and covariances.
Not here: ranks (information_coefficient.py), who belongs to a population (cross_sections.py), anything that spans days.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.tables import N_QUANTILES, N_SCORE_BINS, TOTAL_SCORE, Table, catalogue
from amc_learning.learning.cross_sections import (
    EVERYTHING,
    MIN_CONTROLS,
    SELECTED,
    UNIVERSE,
    CrossSection,
    Population,
    cross_sections,
)
from amc_learning.learning.information_coefficient import (
    MIN_PAIRS,
    RankedPairs,
    areas_under_curve,
    information_coefficients,
    ranked_pairs,
)
from amc_learning.learning.quantiles import score_quantiles

MICRO = 1e6
"""Returns are summed in millionths as whole numbers: sums of days then merge exactly, in any order."""

SECTIONS_PER_BLOCK = 256
"""Cross-sections turned into rows at once: enough to be fast, few enough to stay under 100 MB beside the result."""

ROWS_PER_BLOCK = 100_000
"""Decisions turned into rows at once; a cross-section larger than that is a block of its own."""

SCORES_PER_BATCH = 32_768
"""Scores that one array operation works on: a quarter of a megabyte, so that a dozen arrays stay in the cache."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]


def joined_columns(components: Sequence[str]) -> tuple[str, ...]:
    """What is measured of table feature_outcomes."""
    return (
        *("known_on", "horizon", "entry_date", "decision_id", "is_selected", "is_in_cross_section", "action_tag"),
        *("n_universe", TOTAL_SCORE, *components, "forward_return", "is_winner", "is_loser"),
    )


def daily_statistics(joined: pl.DataFrame, *, components: Sequence[str]) -> pl.DataFrame:
    """One row per cross-section, population and feature, and per action tag of the selected for the total score.

    A pair is a decision with both this score and a forward return. Populations are those of
    `cross_sections.CrossSection.populations`. In the universe population the information coefficient, the area under
    the curve and the covariances are weighted to the universe; counts, bins and deciles are of rows, selected and
    controls alike: they stay whole numbers that add up to `n_pairs`, and say what was observed, not what it stands for.

    - `information_coefficient`: Spearman over the pairs, average ranks over ties; null under `MIN_PAIRS` pairs or when
      either side is constant. In the universe, coefficient, area and covariances are null also when fewer than
      `MIN_CONTROLS` controls carry the score: the selected alone would otherwise pass for the universe.
    - `area_under_curve`: a winner outscores a non-winner, ties half; null without both.
    - deciles: with average rank k among n pairs, decile max(1, ceil(10 (k - 1) / (n - 1))); equal scores share one, so
      a constant score fills a middle decile only. One pair alone lies in the lowest.
    - bins: the score rounded down, clipped to 0..100. `bin_sum_excess_return_micro` is in excess of the mean return of
      the pairs; for an action tag of the mean over the pairs of all selected, so that a tag can be better as a whole.
    - `return_rank_covariance` c and `score_covariances` G: over the decisions with a forward return, scores centred at
      their weighted mean (missing = the mean), return ranks centred with unit weighted variance. The correlation of a
      re-weighted total w with the return rank is then (w c) / sqrt(w G w) without going back to the decisions. Null
      under `MIN_PAIRS` known returns or when these are all equal.
    - `is_constant`: all known scores of the cross-section are equal, or there is none.

    Args:
        joined: table feature_outcomes, at least its `joined_columns`, any range of knowledge days. Only rows that are
            `is_in_cross_section` count.
        components: the score columns of the feature set.

    Returns:
        Table daily_statistics, sorted by knowledge day and its key. A cross-section's rows depend, to the last bit, on
        its own decisions only. A row takes about 3.5 KB: call with a few hundred days at a time.

    Source: anchors.md, section 3 (oracles); Grinold and Kahn ch. 6; Mann and Whitney 1947.
    """
    table = catalogue(components)["daily_statistics"]
    features = (*components, TOTAL_SCORE)
    sections = cross_sections(joined, features=features)
    # Cross-sections come in the order of the table, so sorted blocks of them follow each other in that order.
    blocks = [table.empty()]
    blocks += [_block(block, features, table) for block in _blocks(sections)]
    return pl.concat(blocks)


def _blocks(sections: Iterable[CrossSection]) -> Iterator[list[CrossSection]]:
    block: list[CrossSection] = []
    n_rows = 0
    for section in sections:
        n_rows += len(section.action_tags)
        if block and (len(block) == SECTIONS_PER_BLOCK or n_rows > ROWS_PER_BLOCK):
            yield block
            block, n_rows = [], len(section.action_tags)
        block.append(section)
    if block:
        yield block


@dataclass(frozen=True)
class _Batch:
    """Populations of one name, equally large and with equally many known returns, as arrays of one shape.

    Sums of floats depend in the last bit on how many are summed, so nothing is padded: a population's statistics are
    those it has alone. `scores` is populations x features x decisions, the others are populations x decisions;
    `sections` are the places of their cross-sections in the block.
    """

    name: str
    sections: Integers
    scopes: Sequence[str]
    scores: Floats
    returns: Floats
    is_winner: Bools
    is_loser: Bools
    weights: Floats


def _batches(populations: Iterable[tuple[int, Population]]) -> Iterator[_Batch]:
    alike: dict[tuple[str, int, int], list[tuple[int, Population]]] = defaultdict(list)
    for member in populations:
        returns = member[1].returns
        alike[member[1].name, len(returns), int(np.isnan(returns).sum())].append(member)
    for (name, _, _), members in alike.items():
        n_at_once = max(SCORES_PER_BATCH // members[0][1].scores.size, 1)
        for start in range(0, len(members), n_at_once):
            places, some = zip(*members[start : start + n_at_once], strict=True)
            yield _Batch(
                name=name,
                sections=np.array(places),
                scopes=[population.scope for population in some],
                scores=np.stack([population.scores for population in some]),
                returns=np.stack([population.returns for population in some]),
                is_winner=np.stack([population.is_winner for population in some]),
                is_loser=np.stack([population.is_loser for population in some]),
                weights=np.stack([population.weights for population in some]),
            )


def _block(sections: Sequence[CrossSection], features: Sequence[str], table: Table) -> pl.DataFrame:
    """Rows of the table for a few cross-sections."""
    populations = [
        (place, population) for place, section in enumerate(sections) for population in section.populations()
    ]
    n_selected = np.array([section.n_selected for section in sections])
    mean_of_selected = np.zeros(len(sections))
    keys, parts = [], []
    for batch in _batches(member for member in populations if member[1].scope == EVERYTHING):
        statistics = _statistics(batch, slice(None))
        if batch.name == SELECTED:
            mean_of_selected[batch.sections] = _mean_micro(statistics)[:, -1]
        elif batch.name == UNIVERSE:
            _forget_without_controls(statistics, batch, n_selected[batch.sections])
        keys.append(_keys(batch, features))
        parts.append(statistics)
    # Within an action tag the total score alone is judged.
    total_score = slice(len(features) - 1, None)
    for batch in _batches(member for member in populations if member[1].scope != EVERYTHING):
        day_mean_micro = mean_of_selected[batch.sections, np.newaxis]
        keys.append(_keys(batch, features[total_score]))
        parts.append(_statistics(batch, total_score, day_mean_micro=day_mean_micro))
    days = pl.DataFrame(
        [(section.known_on, section.horizon, section.entry_date) for section in sections],
        schema={name: table.schema[name] for name in ("known_on", "horizon", "entry_date")},
        orient="row",
    ).with_row_index("section")
    return _rows(pl.concat(keys).join(days, on="section", how="left", maintain_order="left"), parts, table)


def _keys(batch: _Batch, features: Sequence[str]) -> pl.DataFrame:
    """Place of the cross-section, population, scope and feature of each row, in the order of the statistics."""
    return pl.DataFrame(
        {
            "section": pl.Series(np.repeat(batch.sections, len(features)), dtype=pl.UInt32),
            "scope": pl.Series([scope for scope in batch.scopes for _ in features], dtype=pl.String),
            "feature": pl.Series(list(features) * len(batch.scopes), dtype=pl.String),
        }
    ).with_columns(population=pl.lit(batch.name))


def _rows(keys: pl.DataFrame, parts: Sequence[Columns], table: Table) -> pl.DataFrame:
    """Keys and statistics as sorted rows of the table; what is NaN in the arrays leaves as null."""
    order = keys.with_row_index("place").sort("known_on", *table.key)["place"].to_numpy()
    columns = {}
    for name in parts[0]:
        values = np.concatenate([part[name].reshape(-1, *part[name].shape[2:]) for part in parts])[order]
        columns[name] = pl.Series(name, values, dtype=table.schema[name])
    is_known = columns["return_rank_covariance"].is_not_nan()
    return (
        keys[order]
        .with_columns(columns.values())
        .with_columns(pl.when(is_known).then("score_covariances").alias("score_covariances"))
        .with_columns(pl.col("information_coefficient", "area_under_curve", "return_rank_covariance").fill_nan(None))
        .select(table.column_names)
    )


def _forget_without_controls(statistics: Columns, batch: _Batch, n_selected: Integers) -> None:
    """Nothing that is weighted to the universe for scores that hardly any control carries."""
    is_pair = ~(np.isnan(batch.scores) | np.isnan(batch.returns)[:, np.newaxis])
    is_control = np.arange(batch.returns.shape[1]) >= n_selected[:, np.newaxis]
    is_selected_alone = (is_pair & is_control[:, np.newaxis]).sum(axis=-1) < MIN_CONTROLS
    for name in ("information_coefficient", "area_under_curve", "return_rank_covariance"):
        statistics[name] = np.where(is_selected_alone, np.nan, statistics[name])


def _statistics(batch: _Batch, features: slice, *, day_mean_micro: Floats | None = None) -> Columns:
    """Every statistic of some `features`: arrays of populations x features, beside bins or the like on a third axis."""
    judged = batch.scores[:, features]
    pairs = ranked_pairs(judged, batch.returns, batch.weights)
    is_scored = ~np.isnan(judged)
    n_pairs = pairs.n_pairs
    n_decisions = np.full(n_pairs.shape, batch.returns.shape[1])
    micro = np.rint(np.nan_to_num(batch.returns) * MICRO)[:, np.newaxis]
    columns: Columns = {
        "n_decisions": n_decisions,
        "n_pairs": n_pairs,
        "n_missing_scores": n_decisions - is_scored.sum(axis=-1),
        "n_missing_outcomes": np.full(n_pairs.shape, np.isnan(batch.returns[0]).sum()),
        "is_constant": np.where(is_scored, judged, -np.inf).max(axis=-1)
        <= np.where(is_scored, judged, np.inf).min(axis=-1),
        "information_coefficient": information_coefficients(pairs),
        "area_under_curve": areas_under_curve(pairs, batch.is_winner),
        "n_winners": (pairs.is_pair & batch.is_winner[:, np.newaxis]).sum(axis=-1),
        "n_losers": (pairs.is_pair & batch.is_loser[:, np.newaxis]).sum(axis=-1),
        "sum_return_micro": (pairs.is_pair * micro).sum(axis=-1).astype(np.int64),
    }
    mean_micro = _mean_micro(columns) if day_mean_micro is None else day_mean_micro
    columns |= _quantiles(pairs, micro)
    columns |= _bins(batch, judged, pairs, micro, mean_micro)
    columns |= _covariances(batch, features, pairs)
    return columns


def _mean_micro(columns: Columns) -> Floats:
    mean: Floats = columns["sum_return_micro"] / np.maximum(columns["n_pairs"], 1)
    return mean


def _quantiles(pairs: RankedPairs, micro: Floats) -> Columns:
    """Counts and summed returns per score decile."""
    cells = np.where(pairs.is_pair, score_quantiles(pairs, N_QUANTILES) - 1, N_QUANTILES)
    return {
        "quantile_n": _counted(cells, N_QUANTILES),
        "quantile_sum_return_micro": _summed(cells, micro, N_QUANTILES),
    }


def _bins(batch: _Batch, judged: Floats, pairs: RankedPairs, micro: Floats, mean_micro: Floats) -> Columns:
    """Counts, winners, summed returns and summed excess returns per score bin."""
    is_pair = pairs.is_pair
    bins = np.clip(np.floor(np.where(is_pair, judged, 0.0)), 0, N_SCORE_BINS - 1).astype(np.int64)
    cells = np.where(is_pair, bins, N_SCORE_BINS)
    is_winning_pair = is_pair & batch.is_winner[:, np.newaxis]
    returns = np.nan_to_num(batch.returns)[:, np.newaxis]
    excess = np.rint(returns * MICRO - mean_micro[..., np.newaxis])
    return {
        "bin_n": _counted(cells, N_SCORE_BINS),
        "bin_n_winners": _counted(np.where(is_winning_pair, bins, N_SCORE_BINS), N_SCORE_BINS),
        "bin_sum_return_micro": _summed(cells, micro, N_SCORE_BINS),
        "bin_sum_excess_return_micro": _summed(cells, excess, N_SCORE_BINS),
    }


def _counted(cells: Integers, n_cells: int) -> Integers:
    """How many of the last axis lie in each cell; what lies in cell `n_cells` is left out."""
    return _per_cell(cells, n_cells, None)


def _summed(cells: Integers, micro: Floats, n_cells: int) -> Integers:
    # Sums of whole numbers below 2**53 are exact in Float64, so their order does not matter.
    return _per_cell(cells, n_cells, np.broadcast_to(micro, cells.shape).ravel()).astype(np.int64)


def _per_cell(cells: Integers, n_cells: int, weights: Floats | None) -> npt.NDArray[Any]:
    leading = cells.shape[:-1]
    n_rows = math.prod(leading)
    own_cells = cells.reshape(n_rows, -1) + np.arange(n_rows)[:, np.newaxis] * (n_cells + 1)
    found = np.bincount(own_cells.ravel(), weights=weights, minlength=n_rows * (n_cells + 1))
    return found.reshape(*leading, n_cells + 1)[..., :n_cells]


def _covariances(batch: _Batch, features: slice, pairs: RankedPairs) -> Columns:
    """Weighted covariances with the return rank and with each component; NaN where the returns allow no estimate.

    Products are summed decision by decision, not by a matrix product, whose rounding depends on the processor.
    """
    n_components = batch.scores.shape[1] - 1
    shape = pairs.is_pair.shape[:2]
    is_known = ~np.isnan(batch.returns)
    # Equally many returns are known in every population of a batch.
    n_known = int(is_known[0].sum())
    if n_known < MIN_PAIRS:
        return {
            "return_rank_covariance": np.full(shape, np.nan),
            "score_covariances": np.full((*shape, n_components), np.nan),
        }
    known = np.nonzero(is_known)[1].reshape(-1, n_known)
    weights = np.take_along_axis(batch.weights, known, axis=-1)
    total = weights.sum(axis=-1, keepdims=True)
    ranks = np.take_along_axis(pairs.known_return_ranks[:, 0], known, axis=-1) - total
    variance = (weights * ranks * ranks).sum(axis=-1, keepdims=True) / total
    shares = weights / total
    shared_ranks = shares * ranks / np.sqrt(np.where(variance == 0, np.nan, variance))
    # Decisions come first from here on, populations x features after them.
    by_decision = np.moveaxis(np.take_along_axis(batch.scores, known[:, np.newaxis], axis=-1), -1, 0).copy()
    weights, shares, shared_ranks = (side.T[..., np.newaxis] for side in (weights, shares, shared_ranks))
    scores = _centred(by_decision[..., features], weights)
    components = _centred(by_decision[..., :n_components], weights)
    products = scores[..., np.newaxis] * components[..., np.newaxis, :] * shares[..., np.newaxis]
    return {
        "return_rank_covariance": _over_decisions(scores * shared_ranks),
        "score_covariances": _over_decisions(products),
    }


def _centred(scores: Floats, weights: Floats) -> Floats:
    is_scored = ~np.isnan(scores)
    known = np.where(is_scored, scores, 0.0)
    total = np.maximum((is_scored * weights).sum(axis=0), 1.0)
    centred: Floats = np.where(is_scored, known - _over_decisions(known * weights) / total, 0.0)
    return centred


def _over_decisions(terms: Floats) -> Floats:
    """Sums over decisions, the first axis: one decision after the other, but pairwise for a single sum per population.

    The order of addition decides the last bit. This is the order every stored day was written with, and a day that is
    measured again must come to the same bytes.
    """
    is_single = math.prod(terms.shape[2:]) == 1
    sums: Floats = np.ascontiguousarray(np.moveaxis(terms, 0, -1)).sum(axis=-1) if is_single else terms.sum(axis=0)
    return sums
