"""Where the realised profit and loss came from: components, regimes, tags, sources, recommendations, exit reasons.

Belongs here: splitting closed trades of a window so that the parts sum to the whole. Not here: what a trade earned
(trades), whether a component ranks well (correlation.py).

Money is summed in millionths of a dollar as whole numbers: the parts add up exactly, in any order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.contracts.declared.corrections import performance_attribution as attribution_table
from amc_learning.learning.theses.wilson import wilson_interval

MICRO = 1_000_000
"""Results in millionths of a dollar, returns and shares of a trade in millionths of one."""

MIN_WEEKS = 8
"""Fewer weeks with trades give no interval: seven degrees of freedom are the least that Student's t is useful with."""

CONFIDENCE = 0.95
TOTAL, COMPONENT, ALL, UNLINKED, UNKNOWN = "total", "component", "all", "unlinked", "unknown"

LINKS = {
    "market_regime": None,
    "discovery_regime": "decision_id",
    "action_tag": "decision_id",
    "source": "thesis_id",
    "recommendation": "thesis_id",
    "exit_reason": None,
}
"""Dimension to the column that says which decision or thesis it would come from; None: it is the trade's own."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
PRICED, UNPRICED, WINNERS, PNL, WEIGHT, RETURN, GROSS = range(7)
"""Layers of the daily sums; WEIGHT counts trades in millionths and is what mean_return divides by."""


@dataclass(frozen=True)
class _Parts:
    """Parts of trades: each adds `amounts` to its group from the day the trade became known."""

    trade: Integers
    group: Integers
    amounts: Integers


def performance_attribution(
    closed_trades: pl.DataFrame,
    *,
    as_of: Sequence[date],
    components: Sequence[str],
    weights: Mapping[str, float],
    window_days: int = 90,
) -> pl.DataFrame:
    """Realised profit and loss of the trades known in a window, split along every dimension.

    A trade counts from the day it became known, `window_days` long. A later revision takes the place of the earlier
    one on the day it becomes known, and counts from then; one that undid the close takes the trade away.

    - Component: the score is linear, so a trade's result is split in proportion to weight times score. Missing and
      negative scores add nothing; without any the trade is `unlinked`. What rounding to millionths of a dollar leaves
      goes to the trade's largest part (of equal ones, the first in the order of `components`).
    - Other dimensions: every trade belongs to one value; `unlinked` when the decision or thesis it would come from is
      not known, `unknown` when that says nothing.
    - Trades without a known result are counted in `n_unpriced` and are no part of anything else.
    - `mean_return` is over trades with a known return. Its interval takes weeks as independent, not trades: trades of
      one week share its market, and positions overlap.

    Args:
        closed_trades: table closed_trades, knowledge days from `as_of[0]` minus the window on.
        as_of: knowledge days, ascending.
        components: score columns, in order.
        weights: weight of each component in the total score.
        window_days: calendar days looked back over, the night included.

    Returns:
        Table performance_attribution: `total` of every night, and each value with a trade in the window. Per night the
        `realised_pnl_micro_usd` of every dimension sum to that of the total, exactly.

    Raises:
        ValueError: a component has no weight, or a weight is negative.

    Source: Cameron and Miller 2015, A practitioner's guide to cluster-robust inference (ratio of cluster sums, t with
    clusters minus one); Wilson 1927.
    """
    missing = [name for name in components if weights.get(name, -1.0) < 0]
    if missing:
        msg = f"attribution needs a weight of at least 0 for every component; {', '.join(missing)} has none"
        raise ValueError(msg)
    table = attribution_table()
    trades = closed_trades.sort("position_id", "known_on")
    groups, parts = _all_parts(trades, components=components, weights=weights)
    is_shown: list[NDArray[np.intp]] = []
    sums, clusters = [], []
    for daily, weeks in _windows(trades, parts, n_groups=len(groups), as_of=as_of, window_days=window_days):
        totals = daily.sum(axis=2)
        shown = np.flatnonzero((totals[PRICED] + totals[UNPRICED] > 0) | (np.arange(len(groups)) == 0))
        is_shown.append(shown)
        sums.append(totals[:, shown])
        clusters.append(_clustered(daily[:, shown], weeks))
    if not sums:
        return table.empty()
    group = np.concatenate(is_shown)
    nights = np.repeat(np.arange(len(as_of)), [len(shown) for shown in is_shown])
    gross = np.repeat([night[GROSS, 0] for night in sums], [len(shown) for shown in is_shown])
    columns = _statistics(np.concatenate(sums, axis=1), gross, np.concatenate(clusters, axis=1))
    columns |= {
        "known_on": np.array(as_of, dtype="datetime64[D]")[nights],
        "dimension": [groups[at][0] for at in group],
        "value": [groups[at][1] for at in group],
        "window_days": np.full(len(group), window_days),
    }
    floats = [name for name, dtype in table.schema.items() if dtype == pl.Float64]
    return (
        pl.DataFrame([pl.Series(name, columns[name]).cast(dtype) for name, dtype in table.schema.items()])
        .with_columns(pl.col(floats).fill_nan(None))
        .sort("known_on", *table.key)
    )


def component_parts(pnl_micro: Integers, scores: Floats, weights: Floats) -> tuple[Integers, Floats]:
    """Results of trades split over components, exactly, and each component's share of the score.

    Args:
        pnl_micro: shape (n trades,), millionths of a dollar.
        scores: shape (n trades, n components); NaN or below 0 adds nothing.
        weights: shape (n components,), at least 0.

    Returns:
        Parts of shape (n trades, n components), whose rows sum to `pnl_micro`, and shares, whose rows sum to 1. Rows
        without any score are all 0.

    >>> parts, _ = component_parts(np.array([100]), np.array([[50.0, 50.0, 50.0]]), np.array([1.0, 1.0, 1.0]))
    >>> parts.tolist()
    [[34, 33, 33]]
    """
    contributions = np.where(scores > 0, scores, 0.0) * weights
    # Over the largest first: sums of huge or tiny contributions then neither overflow nor vanish.
    largest = contributions.max(axis=1, keepdims=True, initial=0.0)
    relative = np.divide(contributions, largest, out=np.zeros_like(contributions), where=largest > 0)
    total = relative.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(relative, total, out=np.zeros_like(relative), where=total > 0)
    parts = np.rint(shares * pnl_micro[:, None]).astype(np.int64)
    rest = np.where(total[:, 0] > 0, pnl_micro - parts.sum(axis=1), 0)
    if parts.shape[1]:
        parts[np.arange(len(parts)), relative.argmax(axis=1)] += rest
    return parts, shares


def _all_parts(
    trades: pl.DataFrame, *, components: Sequence[str], weights: Mapping[str, float]
) -> tuple[list[tuple[str, str]], _Parts]:
    """Every group (dimension and value) and what each trade adds to which; the first group is the total."""
    n = trades.height
    pnl = _finite(trades, "realised_pnl_usd")
    returns = _finite(trades, "realised_return")
    micro = np.rint(np.nan_to_num(pnl) * MICRO).astype(np.int64)
    is_closed = (trades["status"] != "reopened").to_numpy()
    is_priced = ~np.isnan(pnl) & is_closed
    micro = np.where(is_priced, micro, 0)
    amounts = np.zeros((7, n), dtype=np.int64)
    amounts[PRICED], amounts[UNPRICED], amounts[WINNERS] = is_priced, is_closed & ~is_priced, micro > 0
    amounts[PNL], amounts[GROSS] = micro, np.abs(micro)
    has_return = is_priced & ~np.isnan(returns)
    amounts[WEIGHT] = has_return * MICRO
    amounts[RETURN] = np.where(has_return, np.rint(np.nan_to_num(returns) * MICRO), 0)

    every = np.arange(n)
    groups = [(TOTAL, ALL)]
    parts = [_Parts(every, np.zeros(n, dtype=np.int64), amounts)]
    for dimension, link in LINKS.items():
        value = pl.col(dimension).cast(pl.String).fill_null(UNKNOWN)
        if link is not None:
            value = (
                pl.when(pl.col(link).is_null() & pl.col(dimension).is_null()).then(pl.lit(UNLINKED)).otherwise(value)
            )
        values = trades.select(value.alias("value"))["value"]
        names = values.unique().sort()
        codes = values.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()
        parts.append(_Parts(every, codes + len(groups), amounts))
        groups += [(dimension, name) for name in names]

    scores = np.column_stack([_finite(trades, name) for name in components]) if components else np.zeros((n, 0))
    vector = np.array([weights[name] for name in components])
    split, shares = component_parts(micro, scores, vector)
    is_linked = shares.any(axis=1)
    for at, name in enumerate(components):
        chosen = np.flatnonzero(shares[:, at] > 0)
        mine = amounts[:, chosen].copy()
        share = shares[chosen, at]
        mine[PNL], mine[GROSS] = split[chosen, at], np.abs(split[chosen, at])
        mine[WEIGHT] = np.where(has_return[chosen], np.rint(share * MICRO), 0)
        mine[RETURN] = np.where(has_return[chosen], np.rint(share * np.nan_to_num(returns[chosen]) * MICRO), 0)
        parts.append(_Parts(chosen, np.full(len(chosen), len(groups)), mine))
        groups.append((COMPONENT, name))
    lonely = np.flatnonzero(~is_linked)
    parts.append(_Parts(lonely, np.full(len(lonely), len(groups)), amounts[:, lonely]))
    groups.append((COMPONENT, UNLINKED))
    return groups, _Parts(
        np.concatenate([it.trade for it in parts]),
        np.concatenate([it.group for it in parts]),
        np.concatenate([it.amounts for it in parts], axis=1),
    )


def _finite(trades: pl.DataFrame, name: str) -> Floats:
    values: Floats = trades[name].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
    values[~np.isfinite(values)] = np.nan
    return values


def _windows(
    trades: pl.DataFrame, parts: _Parts, *, n_groups: int, as_of: Sequence[date], window_days: int
) -> Iterator[tuple[Integers, Integers]]:
    """Per night the daily sums of its window (layers x groups x days) and the week of each of these days.

    A revision adds its own parts on its day and takes away those of the row before it: all in whole numbers, so the
    way to a night leaves no trace in it.
    """
    known_on = trades["known_on"].to_physical().to_numpy().astype(np.int64)
    positions = trades["position_id"]
    # Rows are sorted by position and day: a row's successor is the next one, if it is of the same position.
    is_succeeded = np.zeros(trades.height, dtype=bool)
    is_succeeded[:-1] = (positions[:-1] == positions[1:]).to_numpy()
    days, day_of = np.unique(known_on, return_inverse=True)
    part_day = day_of[parts.trade]
    enters = np.argsort(part_day, kind="stable")
    leaves_at = np.full(trades.height, len(days))
    leaves_at[:-1][is_succeeded[:-1]] = day_of[1:][is_succeeded[:-1]]
    part_leaves = leaves_at[parts.trade]
    leaves = np.argsort(part_leaves, kind="stable")
    entered_until = np.searchsorted(part_day[enters], np.arange(len(days) + 1))
    left_until = np.searchsorted(part_leaves[leaves], np.arange(len(days) + 1))
    sums = np.zeros((7, n_groups, len(days)), dtype=np.int64)
    done = 0
    epoch = np.array(as_of, dtype="datetime64[D]").astype(np.int64)
    # Monday 1969-12-29 began the week of the epoch: three days before it.
    weeks = (days + 3) // 7
    for night in epoch:
        end = int(np.searchsorted(days, night, side="right"))
        if end > done:
            gone = leaves[left_until[done] : left_until[end]]
            come = enters[entered_until[done] : entered_until[end]]
            _add(sums, parts, come, part_day, sign=1)
            _add(sums, parts, gone, part_day, sign=-1)
            done = end
        first = int(np.searchsorted(days, night - window_days + 1))
        yield sums[:, :, first:end], weeks[first:end]


def _add(sums: Integers, parts: _Parts, chosen: Integers, part_day: Integers, *, sign: int) -> None:
    """Add (or take away) these parts to the sums of their group and day, in place."""
    cells = parts.group[chosen] * sums.shape[2] + part_day[chosen]
    for layer, amounts in zip(sums.reshape(len(sums), -1), parts.amounts[:, chosen], strict=True):
        np.add.at(layer, cells, sign * amounts)


def _clustered(daily: Integers, weeks: Integers) -> Floats:
    """Number of weeks with trades, and sum over weeks of (return - mean x weight) squared; per group."""
    n_groups = daily.shape[1]
    if not len(weeks):
        return np.zeros((2, n_groups))
    starts = np.flatnonzero(np.diff(weeks, prepend=weeks[0] - 1))
    weekly = np.add.reduceat(daily[WEIGHT : RETURN + 1], starts, axis=2)
    weight, returns = weekly
    total = np.maximum(weight.sum(axis=1), 1)
    mean = returns.sum(axis=1) / total
    # A fresh copy: the same numbers then lie the same way in memory, alone or in a range, and sums round alike.
    residual = np.ascontiguousarray((returns - mean[:, None] * weight) / MICRO)
    return np.stack([(weight > 0).sum(axis=1).astype(np.float64), (residual * residual).sum(axis=1)])


def _statistics(sums: Integers, gross: Integers, clusters: Floats) -> dict[str, Any]:
    """Columns of the table from the sums of each row."""
    # scipy costs most of a second to import; only those who infer pay for it.
    from scipy.special import stdtrit  # noqa: PLC0415

    n, winners = sums[PRICED], sums[WINNERS]
    n_weeks, squares = clusters
    weight = sums[WEIGHT] / MICRO
    has_mean = sums[WEIGHT] > 0
    mean = np.where(has_mean, sums[RETURN] / np.maximum(sums[WEIGHT], 1), np.nan)
    is_sufficient = (n_weeks >= MIN_WEEKS) & (squares > 0)
    freedom = np.maximum(n_weeks - 1, 1)
    variance = squares * (n_weeks / freedom) / np.where(has_mean, weight, 1.0) ** 2
    half_width = np.where(is_sufficient, stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(variance), np.nan)
    win_rate = np.where(n > 0, winners / np.maximum(n, 1), np.nan)
    low, high = wilson_interval(win_rate, n)
    return {
        "n_trades": n,
        "n_unpriced": sums[UNPRICED],
        "n_winners": winners,
        "win_rate": win_rate,
        "win_rate_ci_low": low,
        "win_rate_ci_high": high,
        "realised_pnl_usd": sums[PNL] / MICRO,
        "realised_pnl_micro_usd": sums[PNL],
        "share_of_gross": np.where(gross > 0, sums[PNL] / np.maximum(gross, 1), np.nan),
        "mean_return": mean,
        "ci_low": mean - half_width,
        "ci_high": mean + half_width,
        "evidence": np.where(is_sufficient, "sufficient", "insufficient_evidence"),
    }
