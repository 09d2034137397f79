"""Mergeable statistics of every cross-section: what a night adds to history, so that history is never read again.

Belongs here: per cross-section, population and feature one row of counts, sums, coefficients and covariances.
Not here: ranks (information_coefficient.py), who belongs to a population (cross_sections.py), anything that spans days.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
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
    doubled_ranks,
    information_coefficients,
    ranked_pairs,
)

MICRO = 1e6
"""Returns are summed in millionths as whole numbers: sums of days then merge exactly, in any order."""

SECTIONS_PER_BLOCK = 256
"""Cross-sections turned into rows at once: enough to be fast, few enough to stay under 100 MB beside the result."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]


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
        joined: table feature_outcomes, any range of knowledge days. Only `is_in_cross_section` rows count.
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
    while block := list(islice(sections, SECTIONS_PER_BLOCK)):
        blocks.append(_block(block, features, table))
    return pl.concat(blocks)


def _block(sections: Sequence[CrossSection], features: Sequence[str], table: Table) -> pl.DataFrame:
    """Rows of the table for a few cross-sections."""
    keys: dict[str, list[Any]] = {name: [] for name in ("known_on", *table.key)}
    parts: list[Columns] = []
    for section in sections:
        for population, judged, statistics in _judged_populations(section, features):
            parts.append(statistics)
            keys["known_on"] += [section.known_on] * len(judged)
            keys["horizon"] += [section.horizon] * len(judged)
            keys["entry_date"] += [section.entry_date] * len(judged)
            keys["population"] += [population.name] * len(judged)
            keys["scope"] += [population.scope] * len(judged)
            keys["feature"] += judged
    merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    is_known = pl.col("return_rank_covariance").is_not_nan()
    return (
        pl.DataFrame([pl.Series(name, values, dtype=table.schema[name]) for name, values in (keys | merged).items()])
        .with_columns(pl.when(is_known).then("score_covariances").alias("score_covariances"))
        .with_columns(pl.col("information_coefficient", "area_under_curve", "return_rank_covariance").fill_nan(None))
        .select(table.column_names)
        .sort("known_on", *table.key)
    )


def _judged_populations(
    section: CrossSection, features: Sequence[str]
) -> Iterator[tuple[Population, Sequence[str], Columns]]:
    """Each population with the features judged in it: all of them, or the total score alone within an action tag."""
    n_components = len(features) - 1
    mean_of_selected = np.zeros(1)
    for population in section.populations():
        if population.scope == EVERYTHING:
            statistics = _statistics(population, population.scores, n_components=n_components)
            if population.name == SELECTED:
                mean_of_selected = _mean_micro(statistics)[-1:]
            elif population.name == UNIVERSE:
                _forget_without_controls(statistics, population, n_selected=section.n_selected)
            yield population, features, statistics
        else:
            total_score = population.scores[-1:]
            statistics = _statistics(
                population, total_score, n_components=n_components, day_mean_micro=mean_of_selected
            )
            yield population, features[-1:], statistics


def _forget_without_controls(statistics: Columns, population: Population, *, n_selected: int) -> None:
    """Nothing that is weighted to the universe for scores that hardly any control carries."""
    is_pair = ~(np.isnan(population.scores) | np.isnan(population.returns))
    is_selected_alone = is_pair[:, n_selected:].sum(axis=1) < MIN_CONTROLS
    for name in ("information_coefficient", "area_under_curve", "return_rank_covariance"):
        statistics[name] = np.where(is_selected_alone, np.nan, statistics[name])


def _statistics(
    population: Population, judged: Floats, *, n_components: int, day_mean_micro: Floats | None = None
) -> Columns:
    """Every statistic of the `judged` scores (features x decisions), one entry per feature in each column."""
    pairs = ranked_pairs(judged, population.returns, population.weights)
    is_scored = ~np.isnan(judged)
    n_pairs = pairs.n_pairs
    n_decisions = judged.shape[1]
    micro = np.rint(np.nan_to_num(population.returns) * MICRO)
    columns: Columns = {
        "n_decisions": np.full(len(judged), n_decisions),
        "n_pairs": n_pairs,
        "n_missing_scores": n_decisions - is_scored.sum(axis=1),
        "n_missing_outcomes": np.full(len(judged), np.isnan(population.returns).sum()),
        "is_constant": np.where(is_scored, judged, -np.inf).max(axis=1)
        <= np.where(is_scored, judged, np.inf).min(axis=1),
        "information_coefficient": information_coefficients(pairs),
        "area_under_curve": areas_under_curve(pairs, population.is_winner),
        "n_winners": (pairs.is_pair & population.is_winner).sum(axis=1),
        "n_losers": (pairs.is_pair & population.is_loser).sum(axis=1),
        "sum_return_micro": (pairs.is_pair * micro).sum(axis=1).astype(np.int64),
    }
    mean_micro = _mean_micro(columns) if day_mean_micro is None else day_mean_micro
    columns |= _quantiles(pairs, micro)
    columns |= _bins(population, judged, pairs, micro, mean_micro)
    columns |= _covariances(population, judged, population.scores[:n_components])
    return columns


def _mean_micro(columns: Columns) -> Floats:
    mean: Floats = columns["sum_return_micro"] / np.maximum(columns["n_pairs"], 1)
    return mean


def _quantiles(pairs: RankedPairs, micro: Floats) -> Columns:
    """Counts and summed returns per score decile."""
    feature, decision = np.nonzero(pairs.is_pair)
    doubled = pairs.score_ranks.by_count[feature, decision].astype(np.int64)
    # ceil(10 (k - 1) / (n - 1)) in whole numbers, with the doubled rank 2 k - 1.
    steps = np.maximum(pairs.n_pairs - 1, 1)[feature]
    decile = np.clip(-(-(N_QUANTILES // 2) * (doubled - 1) // steps), 1, N_QUANTILES) - 1
    cells = feature * N_QUANTILES + decile
    shape = (len(pairs.is_pair), N_QUANTILES)
    return {
        "quantile_n": _counted(cells, shape),
        "quantile_sum_return_micro": _summed(cells, micro[decision], shape),
    }


def _bins(population: Population, judged: Floats, pairs: RankedPairs, micro: Floats, mean_micro: Floats) -> Columns:
    """Counts, winners, summed returns and summed excess returns per score bin."""
    feature, decision = np.nonzero(pairs.is_pair)
    bins = np.clip(np.floor(judged[feature, decision]), 0, N_SCORE_BINS - 1).astype(np.int64)
    cells = feature * N_SCORE_BINS + bins
    shape = (len(judged), N_SCORE_BINS)
    excess = np.rint(population.returns[decision] * MICRO - mean_micro[feature])
    return {
        "bin_n": _counted(cells, shape),
        "bin_n_winners": _counted(cells[population.is_winner[decision]], shape),
        "bin_sum_return_micro": _summed(cells, micro[decision], shape),
        "bin_sum_excess_return_micro": _summed(cells, excess, shape),
    }


def _counted(cells: Integers, shape: tuple[int, int]) -> Integers:
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def _summed(cells: Integers, micro: Floats, shape: tuple[int, int]) -> Integers:
    # Sums of whole numbers below 2**53 are exact in Float64, so their order does not matter.
    return np.bincount(cells, weights=micro, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)


def _covariances(population: Population, judged: Floats, components: Floats) -> Columns:
    """Weighted covariances with the return rank and with each component; NaN where the returns allow no estimate.

    Products are summed row by row, not by a matrix product, whose rounding depends on the processor.
    """
    shape = (len(judged), len(components))
    is_known = ~np.isnan(population.returns)
    weights, returns = population.weights[is_known], population.returns[is_known]
    unknown: Columns = {
        "return_rank_covariance": np.full(len(judged), np.nan),
        "score_covariances": np.full(shape, np.nan),
    }
    if len(returns) < MIN_PAIRS:
        return unknown
    total = weights.sum()
    ranks = doubled_ranks(returns[np.newaxis], weights).by_weight[0] - total
    variance = (weights * ranks * ranks).sum() / total
    if variance == 0:
        return unknown
    shares = weights / total
    scores = _centred(judged[:, is_known], weights)
    others = _centred(components[:, is_known], weights)
    products = scores[:, np.newaxis, :] * others[np.newaxis, :, :]
    return {
        "return_rank_covariance": (scores * (shares * ranks / np.sqrt(variance))).sum(axis=1),
        "score_covariances": (products * shares).sum(axis=2),
    }


def _centred(scores: Floats, weights: Floats) -> Floats:
    is_scored = ~np.isnan(scores)
    known = np.where(is_scored, scores, 0.0)
    total = np.maximum((is_scored * weights).sum(axis=1, keepdims=True), 1.0)
    mean = (known * weights).sum(axis=1, keepdims=True) / total
    centred: Floats = np.where(is_scored, known - mean, 0.0)
    return centred
