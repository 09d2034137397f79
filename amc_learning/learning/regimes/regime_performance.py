"""Does a score order returns in each regime, and differently from the others?

Belongs here: the review of a month, from daily statistics and regimes, and table `regime_performance` of its nights.
Not here: which regime it was (market_regimes.py), inference for one series (learning/inference.py), from a difference
to a factor (multipliers.py), keeping a review for the nights of its month (stages.reviews).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.columns import TOTAL_SCORE
from amc_learning.contracts.declared.regimes import regime_performance as declared_regime_performance
from amc_learning.learning.inference import MeanInferences, degrees_of_freedom, mean_inferences
from amc_learning.learning.regimes.discovery_regimes import DISCOVERY_REGIMES
from amc_learning.learning.regimes.market_regimes import DISCOVERY, INDEX
from amc_learning.learning.regimes.models import CALM, TURBULENT
from amc_learning.learning.regimes.multipliers import (
    MIN_REGIME_DAYS,
    MIN_SPELLS,
    MULTIPLIER_BASIS,
    MultiplierRules,
    gate_deviate,
    shrunk_multipliers,
)
from amc_learning.learning.windows import ALL, EPOCH, IntArray, Panel, null_where_not_finite, panel

FloatArray = npt.NDArray[np.float64]

REGIMES: Mapping[str, tuple[str, ...]] = {INDEX: (CALM, TURBULENT), DISCOVERY: DISCOVERY_REGIMES}

POPULATION = "selected"
"""What weights are judged on; see learning/weights/rules.py."""

STALE_DAYS = 14
"""Calendar days after which a regime that was not read again is not known any more."""

EXTRA_READ_DAYS = 120
"""Calendar days before the window whose regimes are needed: a review looks back from the start of its month, and its
cross-sections were entered up to `horizon` sessions before they became known."""

REGIME_PERFORMANCE = declared_regime_performance()

MICRO = 1_000_000

_COLUMNS = ("information_coefficient", "n_pairs", "n_winners", "sum_return_micro")
_ESTIMATES = (
    "mean_information_coefficient",
    "ci_low",
    "ci_high",
    "mean_difference",
    "difference_p_value",
    "mean_return",
    "success_rate",
)


@dataclass(frozen=True)
class _Sections:
    """Cross-sections of one horizon: values per day and feature, and each day's regime per basis (-1: none known)."""

    days: Panel
    values: Mapping[str, FloatArray]
    regimes: Mapping[str, IntArray]


@dataclass(frozen=True)
class _Means:
    """Mean coefficients of one set of days per regime, shape (regimes, features), with standard errors."""

    inferred: MeanInferences
    error: FloatArray
    freedom: FloatArray


def review_day(day: date) -> date:
    """First knowledge day (weekday) of the day's month.

    >>> review_day(date(2014, 3, 31)), review_day(date(2014, 3, 3))
    (datetime.date(2014, 3, 3), datetime.date(2014, 3, 3))
    """
    first = day.replace(day=1)
    # Months that begin on a weekend begin, for us, on the Monday after.
    return first.replace(day=1 + (7 - first.weekday()) % 7) if first.weekday() >= 5 else first


def regime_reviews(
    statistics: pl.DataFrame,
    regimes: pl.DataFrame,
    *,
    reviewed_on: Sequence[date],
    horizons: Mapping[str, int],
    features: Sequence[str],
    window_days: int = 1095,
    rules: MultiplierRules | None = None,
) -> pl.DataFrame:
    """Mean daily rank correlation of each score with returns in each regime, against all other regimes.

    A cross-section belongs to the regime that was known before the day of its entry.

    The days of one regime are not contiguous. They are put end to end: days on either side of a gap then count as
    neighbours that share part of their label, which they do not, so that the interval is too wide rather than too
    narrow. The difference to the others is judged as one of two independent means (Welch); what they share across the
    ends of spells would only make it smaller.

    Args:
        statistics: table daily_statistics, of the `window_days` up to each review.
        regimes: table market_regimes, from `EXTRA_READ_DAYS` earlier on.
        reviewed_on: days of the reviews, see `review_day`.
        horizons: sessions that a label of each horizon spans, by name.
        features: components and total score. Multipliers are for the components.
        window_days: calendar days looked back over.
        rules: of the multipliers.

    Returns:
        One row per review, basis, regime, feature and horizon. Estimates are null where the days do not carry them.
        `mean_return` and `success_rate` are of the selected that have this score, over all their cross-sections of the
        regime. `multiplier` is 1 but for components at the evidence horizon. A review does not depend on the others.

    Source: inference.py; Welch 1947 (degrees of freedom of a difference); multipliers.py.
    """
    if not (reviewed_on and horizons and features):
        return pl.DataFrame()
    judged = statistics.filter(pl.col("population") == POPULATION, pl.col("scope") == ALL)
    known = {basis: known_regimes(regimes, basis) for basis in REGIMES}
    reviewed = pl.concat(
        _one_horizon(
            _sections(judged, known, horizon=horizon, features=features),
            reviewed_on,
            horizon=horizon,
            sessions=sessions,
            features=features,
            window_days=window_days,
            rules=rules or MultiplierRules(),
        )
        for horizon, sessions in horizons.items()
    )
    return null_where_not_finite(reviewed, _ESTIMATES).with_columns(window_days=pl.lit(window_days, dtype=pl.Int64))


def regime_performance(reviews: pl.DataFrame, regimes: pl.DataFrame, *, as_of: Sequence[date]) -> pl.DataFrame:
    """What each night knows of the regimes: its month's review, and which regime is in force.

    Args:
        reviews: what `regime_reviews` found on the `review_day` of each night.
        regimes: table market_regimes, from `STALE_DAYS` before `as_of[0]` on.
        as_of: knowledge days.

    Returns:
        Table regime_performance: every regime of either basis, feature and horizon for each night.
    """
    if reviews.is_empty() or not as_of:
        return REGIME_PERFORMANCE.empty()
    nights = pl.DataFrame(
        {"known_on": list(as_of), "reviewed_on": [review_day(day) for day in as_of]},
        schema={"known_on": pl.Date, "reviewed_on": pl.Date},
    )
    current = pl.concat(_current(known_regimes(regimes, basis), as_of, basis) for basis in REGIMES)
    return (
        nights.join(reviews, on="reviewed_on")
        .join(current, on=["known_on", "basis"], how="left")
        .with_columns(
            is_current=pl.col("regime").eq_missing(pl.col("regime_in_force")),
            evidence=pl.when(pl.col("ci_low").is_null())
            .then(pl.lit("insufficient_evidence"))
            .otherwise(pl.lit("sufficient")),
        )
        .select(REGIME_PERFORMANCE.column_names)
        .cast(REGIME_PERFORMANCE.schema)
        .sort("known_on", *REGIME_PERFORMANCE.key)
    )


@dataclass(frozen=True)
class KnownRegimes:
    """Days since 1970 on which the regime of one basis was read, in order, and which (place in `REGIMES`; -1: none)."""

    known_on: IntArray
    codes: IntArray

    def at(self, days: IntArray, *, side: Literal["left", "right"]) -> IntArray:
        """The regime known before each day began (left) or at its end (right); -1 where none is, or a stale one."""
        if not len(self.known_on):
            return np.full(len(days), -1, dtype=np.int64)
        place = np.searchsorted(self.known_on, days, side=side) - 1
        is_fresh = (place >= 0) & (days - self.known_on[place] <= STALE_DAYS)
        return np.where(is_fresh, self.codes[place], -1)


def known_regimes(regimes: pl.DataFrame, basis: str) -> KnownRegimes:
    """The regimes of one basis, from rows of table market_regimes in any order."""
    rows = regimes.filter(pl.col("basis") == basis).select("known_on", "regime").sort("known_on")
    places = {name: at for at, name in enumerate(REGIMES[basis])}
    codes = np.array([places.get(name, -1) for name in rows["regime"].to_list()], dtype=np.int64)
    return KnownRegimes(rows["known_on"].to_physical().to_numpy().astype(np.int64), codes)


def _current(regimes: KnownRegimes, as_of: Sequence[date], basis: str) -> pl.DataFrame:
    days = np.array([(day - EPOCH).days for day in as_of], dtype=np.int64)
    codes = regimes.at(days, side="right")
    names = [REGIMES[basis][code] if code >= 0 else None for code in codes.tolist()]
    return pl.DataFrame(
        {"known_on": list(as_of), "basis": [basis] * len(names), "regime_in_force": names},
        schema={"known_on": pl.Date, "basis": pl.String, "regime_in_force": pl.String},
    )


def _sections(
    statistics: pl.DataFrame, regimes: Mapping[str, KnownRegimes], *, horizon: str, features: Sequence[str]
) -> _Sections:
    days = panel(
        statistics,
        population=POPULATION,
        horizon=horizon,
        series=[(feature, ALL) for feature in features],
        columns=_COLUMNS,
    )
    entries = days.frame["entry_date"].to_physical().to_numpy().astype(np.int64)
    entered = entries[days.rows.max(axis=1)] if len(days.known_on) else np.zeros(0, dtype=np.int64)
    return _Sections(
        days=days,
        values={name: days.floats(name) for name in _COLUMNS},
        regimes={basis: known.at(entered, side="left") for basis, known in regimes.items()},
    )


def _one_horizon(
    sections: _Sections,
    reviews: Sequence[date],
    *,
    horizon: str,
    sessions: int,
    features: Sequence[str],
    window_days: int,
    rules: MultiplierRules,
) -> pl.DataFrame:
    components = [name != TOTAL_SCORE for name in features]
    gate = gate_deviate(n_components=max(sum(components), 1), window_days=window_days, rules=rules)
    blocks = []
    for review in reviews:
        window = sections.days.window(review, window_days)
        values = {name: array[window] for name, array in sections.values.items()}
        for basis, names in REGIMES.items():
            may_multiply = basis == MULTIPLIER_BASIS and horizon == rules.evidence_horizon
            columns = _one_review(
                values,
                sections.regimes[basis][window],
                n_regimes=len(names),
                sessions=sessions,
                gate=gate,
                is_multiplied=np.array(components) & may_multiply,
            )
            blocks.append(
                pl.DataFrame({name: column.ravel() for name, column in columns.items()}).with_columns(
                    reviewed_on=pl.lit(review),
                    basis=pl.lit(basis),
                    horizon=pl.lit(horizon),
                    regime=pl.Series([name for name in names for _ in features], dtype=pl.String),
                    feature=pl.Series(list(features) * len(names), dtype=pl.String),
                )
            )
    return pl.concat(blocks)


def _one_review(
    values: Mapping[str, FloatArray],
    regimes: IntArray,
    *,
    n_regimes: int,
    sessions: int,
    gate: float,
    is_multiplied: npt.NDArray[np.bool_],
) -> dict[str, npt.NDArray[np.generic]]:
    """Columns of one review and basis, each of shape (regimes, features)."""
    coefficients = values["information_coefficient"]
    is_in = regimes[None, :] == np.arange(n_regimes)[:, None]
    inside = _means(coefficients, is_in, sessions=sessions)
    others = _means(coefficients, ~is_in & (regimes >= 0), sessions=sessions)
    difference = inside.inferred.estimate - others.inferred.estimate
    p_value = _difference_p_values(inside, others, difference)
    if is_multiplied.any():
        overall = _means(coefficients, (regimes >= 0)[None, :], sessions=sessions)
        n_spells = np.array([_n_spells(regimes, regime) for regime in range(n_regimes)])
        has_days = np.minimum(inside.inferred.n, others.inferred.n) >= MIN_REGIME_DAYS
        multiplier = shrunk_multipliers(
            regime_mean=inside.inferred.estimate,
            overall_mean=overall.inferred.estimate,
            overall_error=overall.error,
            difference_p_value=p_value,
            is_judged=has_days & (n_spells[:, None] >= MIN_SPELLS) & is_multiplied,
            gate=gate,
        )
    else:
        multiplier = np.ones_like(difference)
    return {
        "n_days": inside.inferred.n,
        "n_other_days": others.inferred.n,
        "mean_information_coefficient": inside.inferred.estimate,
        "ci_low": inside.inferred.ci_low,
        "ci_high": inside.inferred.ci_high,
        "mean_difference": difference,
        "difference_p_value": p_value,
        "multiplier": multiplier,
        **_returns(values, is_in),
    }


def _means(coefficients: FloatArray, is_in: npt.NDArray[np.bool_], *, sessions: int) -> _Means:
    """Mean of the coefficients over each set of days: `is_in` has shape (sets, days)."""
    from scipy.special import stdtrit  # noqa: PLC0415

    shape = (len(is_in), coefficients.shape[1])
    chosen = np.where(is_in[:, :, None], coefficients[None], np.nan)
    flat = np.ascontiguousarray(np.moveaxis(chosen, 1, 0).reshape(len(coefficients), shape[0] * shape[1]))
    inferred = mean_inferences(flat, overlap_sessions=sessions)
    freedom = np.array([max(degrees_of_freedom(n, overlap_sessions=sessions), 1) for n in inferred.n.tolist()], float)
    error = (inferred.ci_high - inferred.estimate) / stdtrit(freedom, 0.975)
    spread = {name: column.reshape(shape) for name, column in vars(inferred).items()}
    return _Means(MeanInferences(**spread), error.reshape(shape), freedom.reshape(shape))


def _difference_p_values(inside: _Means, others: _Means, difference: FloatArray) -> FloatArray:
    """Two-sided, of no difference between two independent means; NaN where either has no standard error."""
    from scipy.special import stdtr  # noqa: PLC0415

    variances = inside.error**2, others.error**2
    with np.errstate(divide="ignore", invalid="ignore"):
        total = variances[0] + variances[1]
        freedom = total**2 / (variances[0] ** 2 / inside.freedom + variances[1] ** 2 / others.freedom)
        p_values: FloatArray = 2 * stdtr(freedom, -np.abs(difference) / np.sqrt(total))
    return p_values


def _n_spells(regimes: IntArray, regime: int) -> int:
    """Uninterrupted runs of this regime; days of unknown regime do not interrupt one."""
    is_in = regimes[regimes >= 0] == regime
    return int((np.diff(is_in.astype(np.int64), prepend=0) == 1).sum())


def _returns(values: Mapping[str, FloatArray], is_in: npt.NDArray[np.bool_]) -> dict[str, FloatArray]:
    """Mean over days of the selected's mean return, and share of winners, shape (regimes, features)."""
    n_pairs = np.nan_to_num(values["n_pairs"])
    with np.errstate(divide="ignore", invalid="ignore"):
        daily = values["sum_return_micro"] / n_pairs / MICRO
        counted = is_in[:, :, None] & (n_pairs > 0)[None]
        n_days = counted.sum(axis=1)
        mean_return = np.where(counted, daily[None], 0.0).sum(axis=1) / n_days
        success = np.where(counted, values["n_winners"][None], 0.0).sum(axis=1) / np.where(
            counted, n_pairs[None], 0.0
        ).sum(axis=1)
    return {"mean_return": mean_return, "success_rate": success}
