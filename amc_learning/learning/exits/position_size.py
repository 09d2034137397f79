"""How large a position should be by its risk: volatility known at entry, and how often it was stopped out.

Belongs here: bands, factors, and the judgement of sizing by them on later days. Not here: exits (comparison.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.exits import position_size_advice
from amc_learning.learning.exits.advice import LEVEL
from amc_learning.learning.exits.daily_gains import EntryDays, Floats, Integers, daily_series
from amc_learning.learning.exits.grid import LONGEST_LIMIT
from amc_learning.learning.exits.measures import overlap_of
from amc_learning.learning.exits.rows import interval_of, typed
from amc_learning.learning.exits.sample import ExitSample, volatility_at_entry
from amc_learning.learning.exits.superiority import block_counts
from amc_learning.learning.exits.walk_forward import folds
from amc_learning.learning.inference import MeanInference, mean_inference, mean_inferences
from amc_learning.learning.wording import p_value_text

N_BANDS = 5
MIDDLE = N_BANDS // 2
SMALLEST_FACTOR, LARGEST_FACTOR = 0.5, 1.5
MIN_TRADES = 100
"""Twenty a band; with fewer, a rate of stop-outs is not known to ten points."""

WORST_SHARE = 0.05
N_RESAMPLES = 500

CELLS_AT_ONCE = 1_000_000
"""Weights of trades in memory at once, some tens of megabytes with what is made of them; no number depends on it."""

NOTHING = MeanInference(None, None, None, None, 0, None)


@dataclass(frozen=True)
class Ratio:
    """A ratio of risk, sized over unsized, with its 95 % interval; None without later days to judge on."""

    estimate: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class SizeJudgement:
    """What sizing by bands of earlier days did on later ones, at the same mean exposure.

    Attributes:
        variance_ratio: variance of returns, sized over unsized.
        worst_loss_ratio: mean of the worst twentieth of returns, sized over unsized.
        mean_return_difference: mean return sized less unsized.
        n_days: entry days judged.
    """

    variance_ratio: Ratio
    worst_loss_ratio: Ratio
    mean_return_difference: MeanInference
    n_days: int


UNJUDGED = SizeJudgement(Ratio(None, None, None), Ratio(None, None, None), NOTHING, 0)


def size_rows(sample: ExitSample, week: date, *, seed: Sequence[int]) -> pl.DataFrame:
    """Table position_size_advice of one week: a row per band of volatility, none when no volatility is known.

    The advised factor is the rate of stop-outs of the middle band over that of the band (rates smoothed to rise with
    volatility), within 0.5 to 1.5. It is advised only when stop-outs rise with volatility beyond chance, and when
    sizing by bands of earlier days did good on later days, at the same mean exposure: the whole interval of the
    variance of returns below that of equal sizes, and the mean of the worst twentieth of returns no worse. A stop at a
    fixed distance caps all losses alike; then larger positions in calm shares lose more when they lose.

    Args:
        sample: trades whose holding limits are all over.
        week: its last knowledge day.
        seed: of the draws.
    """
    volatility = volatility_at_entry(sample.entries, sample.panel)
    known = np.isfinite(volatility)
    if known.sum() < N_BANDS:
        return position_size_advice().empty()
    sample, volatility = sample.only(known), volatility[known]
    entered, stopped = sample.entries.session, sample.is_stopped_out
    days = EntryDays.of(entered)
    overlap = overlap_of(sample.actual_exit_session - entered + 1)
    edges = band_edges(volatility)
    band = np.searchsorted(edges, volatility, side="right")
    trend = _trend(days, band, stopped, overlap)
    judged = judge_sizes(sample, volatility, days, overlap_sessions=overlap, seed=seed)
    is_advised, reason = _decide(len(band), trend, judged)
    n_trades = np.bincount(band, minlength=N_BANDS)
    n_stopped = np.bincount(band, weights=stopped, minlength=N_BANDS).astype(np.int64)
    factors = size_factors(n_stopped, n_trades) if is_advised else np.ones(N_BANDS)
    shared = {
        "known_on": week,
        "basis": sample.basis,
        "is_advised": is_advised,
        "reason": reason,
        "trend_p_value": trend.p_value,
        **interval_of("variance_ratio", judged.variance_ratio),
        **interval_of("worst_loss_ratio", judged.worst_loss_ratio),
        **interval_of("mean_return_difference", judged.mean_return_difference),
        "n_out_of_sample_days": judged.n_days,
    }
    rows: list[dict[str, Any]] = []
    for at in range(N_BANDS):
        inside = band == at
        rate = _rate(days, inside, stopped, overlap)
        row = {
            "volatility_band": at + 1,
            "volatility_from": edges[at - 1] if at else None,
            "volatility_to": edges[at] if at < N_BANDS - 1 else None,
            "n_trades": int(n_trades[at]),
            "n_stopped_out": int(n_stopped[at]),
            **interval_of("stop_out_rate", rate),
            "mean_return": sample.actual_return[inside].mean() if inside.any() else None,
            "size_factor": factors[at],
        }
        rows.append({**shared, **row})
    return typed(position_size_advice(), rows)


def band_edges(volatility: Floats) -> Floats:
    """The volatilities at which one fifth of the trades ends and the next begins."""
    edges: Floats = np.quantile(volatility, np.arange(1, N_BANDS) / N_BANDS)
    return edges


def size_factors(n_stopped_out: Integers, n_trades: Integers) -> Floats:
    """Factor on the position size per band: rate of stop-outs of the middle band over that of the band, bounded.

    Rates are smoothed to rise with volatility: the least-squares rising fit, so that the luck of one band does not
    make it larger than a calmer one.

    >>> size_factors(np.array([20, 30, 40, 60, 100]), np.array([100, 100, 100, 100, 100])).round(2).tolist()
    [1.5, 1.33, 1.0, 0.67, 0.5]
    """
    rates = rising(n_stopped_out / np.maximum(n_trades, 1), n_trades.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(rates > 0, rates[MIDDLE] / rates, np.where(rates[MIDDLE] > 0, LARGEST_FACTOR, 1.0))
    return np.clip(ratios, SMALLEST_FACTOR, LARGEST_FACTOR)


def rising(values: Floats, weights: Floats) -> Floats:
    """The rising sequence nearest to these values in weighted least squares.

    Source: pool adjacent violators; Barlow, Bartholomew, Bremner and Brunk 1972.

    >>> rising(np.array([1.0, 3.0, 2.0]), np.ones(3)).tolist()
    [1.0, 2.5, 2.5]
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), np.maximum(weights, 1e-12).tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (high, over, n), (low, under, m) = blocks[-2:]
            blocks[-2:] = [((high * over + low * under) / (over + under), over + under, n + m)]
    return np.repeat([value for value, _, _ in blocks], [n for _, _, n in blocks])


def judge_sizes(
    sample: ExitSample, volatility: Floats, days: EntryDays, *, overlap_sessions: int, seed: Sequence[int]
) -> SizeJudgement:
    """Size the trades of later days by bands and rates of earlier ones, and compare with equal sizes.

    Args:
        sample: trades in order of entry.
        volatility: known at each entry.
        days: their entry days.
        overlap_sessions: sessions a trade spans, also the mean length of the resampled blocks of days.
        seed: of the resampling.
    """
    entered = sample.entries.session
    # What closed before its limit was over is mostly what was stopped out: rates of it alone would be too high.
    is_over_by = np.maximum(entered + LONGEST_LIMIT - 1, sample.actual_exit_session)
    factors, is_judged = np.ones(len(entered)), np.zeros(len(days), dtype=bool)
    for start, stop in folds(len(days)):
        known = (is_over_by < days.session[start]) if start < stop else np.zeros(0, dtype=bool)
        if known.sum() < MIN_TRADES:
            continue
        edges = band_edges(volatility[known])
        band = np.searchsorted(edges, volatility, side="right")
        n_stopped = np.bincount(band[known], weights=sample.is_stopped_out[known], minlength=N_BANDS)
        rates = size_factors(n_stopped.astype(np.int64), np.bincount(band[known], minlength=N_BANDS))
        inside = (entered >= days.session[start]) & (entered <= days.session[stop - 1])
        factors[inside] = rates[band[inside]]
        is_judged[start:stop] = True
    if is_judged.sum() < 2:
        return UNJUDGED
    kept = np.repeat(is_judged, days.n_trades)
    factor, returns = factors[kept], sample.actual_return[kept]
    if not returns.std() > 0:
        return UNJUDGED
    n_trades = days.n_trades[is_judged]
    counts = block_counts(len(n_trades), overlap_sessions, N_RESAMPLES, np.random.default_rng([*seed, 3]))
    weights = np.vstack([np.ones(len(n_trades)), counts])
    day_of = np.repeat(np.arange(len(n_trades)), n_trades)
    variance, worst = risk_ratios(weights, day_of, factor, returns)
    extra = (factor / factor.mean() - 1) * returns
    judged_days = EntryDays.of(entered[kept])
    series = daily_series(judged_days.sums(extra[None]), judged_days.n_trades)[:, 0]
    return SizeJudgement(
        _ratio(variance), _ratio(worst), mean_inference(series, overlap_sessions=overlap_sessions), len(n_trades)
    )


def risk_ratios(day_weights: Floats, day_of: Integers, factor: Floats, returns: Floats) -> tuple[Floats, Floats]:
    """Variance and mean of the worst returns, sized over unsized at the same mean exposure, one per row of weights.

    Args:
        day_weights: shape (rows, days), how often each day counts.
        day_of: day of each trade.
        factor: on the size of each trade.
        returns: of each trade.
    """
    sized = factor * returns
    # No part of a single row: one row lies otherwise in memory, and its sums would round otherwise.
    rows_at_once = max(2, CELLS_AT_ONCE // len(returns))
    variances, worst_losses = [], []
    for part in np.array_split(day_weights, max(1, len(day_weights) // rows_at_once)):
        weights = part[:, day_of]
        exposure = _mean(weights, factor)
        variances.append(_variance(weights, sized) / exposure**2 / _variance(weights, returns))
        worst_losses.append(_worst(weights, sized) / exposure / _worst(weights, returns))
    return np.concatenate(variances), np.concatenate(worst_losses)


def _mean(weights: Floats, values: Floats) -> Floats:
    mean: Floats = np.einsum("rn,n->r", weights, values) / weights.sum(axis=1)
    return mean


def _variance(weights: Floats, values: Floats) -> Floats:
    return _mean(weights, values * values) - _mean(weights, values) ** 2


def _worst(weights: Floats, values: Floats) -> Floats:
    """Mean of the worst `WORST_SHARE` of the weighted values, one per row of weights."""
    order = np.argsort(values, kind="stable")
    ranked = weights[:, order]
    upto = np.cumsum(ranked, axis=1)
    wanted = WORST_SHARE * upto[:, -1:]
    taken = np.clip(wanted - (upto - ranked), 0.0, ranked)
    worst: Floats = np.einsum("rn,n->r", taken, values[order]) / wanted[:, 0]
    return worst


def _ratio(values: Floats) -> Ratio:
    """The first value, with the middle 95 % of the others."""
    resampled = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(resampled):
        return Ratio(None, None, None)
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Ratio(float(values[0]), float(low), float(high))


def _trend(days: EntryDays, band: Integers, stopped: npt.NDArray[np.bool_], overlap: int) -> MeanInference:
    """Whether stop-outs rise with the band: the mean product of their deviations, days as clusters."""
    products = (band - band.mean()) * (stopped - stopped.mean())
    series = daily_series(days.sums(products[None]), days.n_trades)[:, 0]
    return mean_inference(series, overlap_sessions=overlap)


def _rate(
    days: EntryDays, inside: npt.NDArray[np.bool_], stopped: npt.NDArray[np.bool_], overlap: int
) -> MeanInference:
    counts = days.sums(np.stack([inside & stopped, inside]).astype(np.float64))
    if not counts[:, 1].any():
        return NOTHING
    series = daily_series(counts[:, :1], counts[:, 1].astype(np.int64))
    found = mean_inferences(series, overlap_sessions=overlap)
    numbers = [float(x[0]) if np.isfinite(x[0]) else None for x in (found.estimate, found.ci_low, found.ci_high)]
    bounded = [None if x is None else min(max(x, 0.0), 1.0) for x in numbers]
    return MeanInference(bounded[0], bounded[1], bounded[2], None, int(counts[:, 1].sum()), None)


def _decide(n_trades: int, trend: MeanInference, judged: SizeJudgement) -> tuple[bool, str]:
    variance = judged.variance_ratio
    if n_trades < MIN_TRADES or trend.p_value is None or trend.estimate is None or variance.ci_high is None:
        return False, f"{n_trades} trades say too little about stop-outs by volatility; sizes stay as they are."
    relation = f"{p_value_text(trend.p_value)} for a trend of stop-outs over volatility"
    if trend.p_value > LEVEL or trend.estimate <= 0:
        return False, f"Stop-outs do not rise with volatility beyond chance ({relation}); sizes stay as they are."
    effect = (
        f"sizing by it made the variance of returns {variance.estimate:.2f} times ({variance.ci_low:.2f} to "
        f"{variance.ci_high:.2f}) that of equal sizes on {judged.n_days} later days at the same mean exposure"
    )
    if variance.ci_high >= 1:
        return False, f"Stop-outs rise with volatility ({relation}), but {effect}; sizes stay as they are."
    ratio = judged.worst_loss_ratio.estimate
    worst = (
        "the worst twentieth of returns is unknown"
        if ratio is None
        else f"the worst twentieth {ratio:.2f} times as bad"
    )
    if ratio is None or ratio > 1:
        return False, f"Stop-outs rise with volatility ({relation}); {effect}, but {worst}; sizes stay as they are."
    return True, f"Stop-outs rise with volatility ({relation}), and {effect}, {worst}."
