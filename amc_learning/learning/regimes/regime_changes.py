"""What did each change of regime change, and for which component?

Belongs here: the table `regime_changes`, from daily statistics and regimes. Not here: which regime it was
(market_regimes.py), what works in each regime and the factor that follows (regime_performance.py, multipliers.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.regime_changes import regime_changes as declared_regime_changes
from amc_learning.learning.regimes.multipliers import MIN_REGIME_DAYS, MIN_SPELLS
from amc_learning.learning.regimes.regime_performance import (
    POPULATION,
    REGIMES,
    FloatArray,
    _Means,
    _means,
    _n_spells,
    known_regimes,
)
from amc_learning.learning.windows import ALL, EPOCH, IntArray, null_where_not_finite, panel

LISTED_DAYS = 365
"""Calendar days of changes that are listed. Older ones have been weighed in regime_performance for long, and every
change listed is one more test that the others have to stand beside."""

HELD_SESSIONS = 5
"""A regime that was left again within a week of sessions has flickered: nobody could have acted on it."""

LEVEL = 0.05
"""Chance that any of the differences of a week is called one although there is none."""

REGIME_CHANGES = declared_regime_changes()

SIDES = ("since", "before", "history", "regime", "previous_regime")
"""Sets of cross-sections of a change: of its own two spells, of the window, of the window under either regime."""

DIFFERENCES = {"difference": ("since", "before"), "regime_difference": ("regime", "previous_regime")}

LONG_AGO, NEVER = -(2**40), 2**40

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Sections:
    """Cross-sections in order of time: when known, when entered (days since 1970), and each component's coefficient."""

    known_on: IntArray
    entered: IntArray
    coefficients: FloatArray


def regime_changes(
    statistics: pl.DataFrame,
    regimes: pl.DataFrame,
    *,
    as_of: Sequence[date],
    horizon: str,
    sessions: int,
    components: Sequence[str],
    window_days: int = 1095,
) -> pl.DataFrame:
    """Every change of regime of the last year, and each component's coefficients on either side of it.

    Two differences are told. `difference` is of this one change: the cross-sections entered under the new regime
    until it ended, against those of the spell it ended. A spell is short, so it seldom suffices. `regime_difference` is
    of the kind of change: every cross-section of the window under the new regime against every one under the previous
    regime; it says what the change means as soon as it comes. Either is tested from `MIN_REGIME_DAYS` cross-sections on
    both sides on, and the second when both regimes came more than once. A cross-section belongs to the regime known
    before the day of its entry; spells are put end to end, as in regime_performance.

    Args:
        statistics: table daily_statistics, from `as_of[0]` minus `window_days` on.
        regimes: table market_regimes, from `EXTRA_READ_DAYS` earlier on.
        as_of: last knowledge days of weeks.
        horizon: horizon of the coefficients.
        sessions: sessions a label of it spans.
        components: components to judge.
        window_days: calendar days of coefficients looked back over.

    Returns:
        Table regime_changes. Adjusted p-values are of Holm over every test of the week, each difference of regimes
        counted once, however often it came about: the chance of any false one is at most `LEVEL` in a week.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure (whatever the dependence); Welch 1947;
    inference.py for each mean.
    """
    if not (components and as_of):
        return REGIME_CHANGES.empty()
    sections = _sections(statistics, horizon=horizon, components=components)
    codes = {basis: known_regimes(regimes, basis).at(sections.entered, side="left") for basis in REGIMES}
    weeks = []
    for week in as_of:
        changes = _changes(regimes, week)
        if changes:
            rows = _one_week(
                sections,
                codes,
                changes,
                week=week,
                sessions=sessions,
                components=components,
                window_days=window_days,
            )
            weeks.append(rows)
    if not weeks:
        return REGIME_CHANGES.empty()
    floats = [name for name, dtype in REGIME_CHANGES.schema.items() if dtype == pl.Float64]
    return (
        null_where_not_finite(pl.concat(weeks).with_columns(horizon=pl.lit(horizon)), floats)
        .select(REGIME_CHANGES.column_names)
        .cast(REGIME_CHANGES.schema)
        .sort("known_on", *REGIME_CHANGES.key)
    )


def holm_adjusted(p_values: FloatArray) -> FloatArray:
    """p-values that hold for all tests together, whatever the dependence between them.

    Args:
        p_values: shape (n,); NaN = no test.

    Returns:
        Adjusted p-values, NaN where there was no test.

    >>> holm_adjusted(np.array([0.01, np.nan, 0.04, 0.03])).round(3).tolist()
    [0.03, nan, 0.06, 0.06]
    """
    adjusted = np.full(p_values.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _sections(statistics: pl.DataFrame, *, horizon: str, components: Sequence[str]) -> _Sections:
    days = panel(
        statistics,
        population=POPULATION,
        horizon=horizon,
        series=[(component, ALL) for component in components],
        columns=("information_coefficient",),
    )
    entries = days.frame["entry_date"].to_physical().to_numpy().astype(np.int64)
    entered = entries[days.rows.max(axis=1)] if len(days.known_on) else np.zeros(0, dtype=np.int64)
    return _Sections(days.known_on, entered, days.floats("information_coefficient"))


def _changes(regimes: pl.DataFrame, week: date) -> list[dict[str, Any]]:
    """The changes of the last year, of either basis; `began_before` is when the spell that ended had begun."""
    known = regimes.filter(pl.col("known_on") <= week, pl.col("regime").is_not_null()).sort("basis", "known_on")
    spells = (
        known.group_by("basis", "since", maintain_order=True)
        .agg(pl.col("previous_regime", "regime", "probability", "is_change").first(), n_sessions=pl.len())
        .with_columns(
            began_before=pl.col("since").shift(1).over("basis"),
            ended_on=pl.col("since").shift(-1).over("basis"),
            n_sessions_since=pl.col("n_sessions").cum_sum(reverse=True).over("basis"),
        )
    )
    is_held = pl.col("n_sessions") >= HELD_SESSIONS
    left = pl.when(pl.col("ended_on").is_null()).then(pl.lit("too_early")).otherwise(pl.lit("flickered"))
    return (
        spells.filter("is_change", pl.col("since") > week - timedelta(days=LISTED_DAYS))
        .with_columns(state=pl.when(is_held).then(pl.lit("held")).otherwise(left))
        .drop("is_change")
        .rename({"since": "changed_on"})
        .to_dicts()
    )


def _one_week(
    sections: _Sections,
    codes: Mapping[str, IntArray],
    changes: Sequence[dict[str, Any]],
    *,
    week: date,
    sessions: int,
    components: Sequence[str],
    window_days: int,
) -> pl.DataFrame:
    last = (week - EPOCH).days
    first, end = np.searchsorted(sections.known_on, [last - window_days, last], side="right")
    window = slice(int(first), int(end))
    entered = sections.entered[window]
    sets = [mask for change in changes for mask in _sets(change, entered, codes[change["basis"]][window])]
    means = _means(sections.coefficients[window], np.array(sets), sessions=sessions)
    blocks = []
    for at, change in enumerate(changes):
        of_side = {side: _side(means, at * len(SIDES) + place) for place, side in enumerate(SIDES)}
        told = {name: value for name, value in change.items() if name != "began_before"}
        is_repeated = _is_repeated(change, codes[change["basis"]][window])
        block = pl.DataFrame({"component": list(components), **_columns(of_side, is_repeated=is_repeated)})
        literals = {name: pl.lit(one, dtype=REGIME_CHANGES.schema[name]) for name, one in told.items()}
        blocks.append(block.with_columns(known_on=pl.lit(week), **literals))
    return _judged(pl.concat(blocks))


def _sets(change: Mapping[str, Any], entered: IntArray, codes: IntArray) -> list[BoolArray]:
    """The cross-sections of each of `SIDES`: entered after the evening on which their regime was read."""
    names = REGIMES[change["basis"]]
    began, changed, ended = (
        default if day is None else (day - EPOCH).days
        for day, default in (
            (change["began_before"], LONG_AGO),
            (change["changed_on"], LONG_AGO),
            (change["ended_on"], NEVER),
        )
    )
    is_new, is_old = (codes == names.index(change[name]) for name in ("regime", "previous_regime"))
    return [
        is_new & (entered > changed) & (entered <= ended),
        is_old & (entered > began) & (entered <= changed),
        np.ones(len(entered), dtype=bool),
        is_new,
        is_old,
    ]


def _is_repeated(change: Mapping[str, Any], codes: IntArray) -> bool:
    """Whether both regimes came more than once: one period of time may have differed for any reason."""
    names = REGIMES[change["basis"]]
    sides = (change["regime"], change["previous_regime"])
    return all(_n_spells(codes, names.index(name)) >= MIN_SPELLS for name in sides)


@dataclass(frozen=True)
class _Side:
    """Means of one set of cross-sections, one per component."""

    n: IntArray
    mean: FloatArray
    ci_low: FloatArray
    ci_high: FloatArray
    error: FloatArray
    freedom: FloatArray


def _side(means: _Means, at: int) -> _Side:
    inferred = means.inferred
    return _Side(
        inferred.n[at],
        inferred.estimate[at],
        inferred.ci_low[at],
        inferred.ci_high[at],
        means.error[at],
        means.freedom[at],
    )


def _columns(of_side: Mapping[str, _Side], *, is_repeated: bool) -> dict[str, npt.NDArray[np.generic]]:
    columns: dict[str, npt.NDArray[np.generic]] = {f"n_days_{name}": side.n for name, side in of_side.items()}
    for name in ("since", "before", "history"):
        side = of_side[name]
        columns |= {f"mean_{name}": side.mean, f"{name}_ci_low": side.ci_low, f"{name}_ci_high": side.ci_high}
    for name, (one, other) in DIFFERENCES.items():
        may_test = is_repeated or name == "difference"
        found = _welch(of_side[one], of_side[other])
        is_tested = may_test & (np.minimum(of_side[one].n, of_side[other].n) >= MIN_REGIME_DAYS)
        found["_p_value"] = np.where(is_tested, found["_p_value"], np.nan)
        columns |= {f"{name}{ending}": values for ending, values in found.items()}
    return columns


def _welch(one: _Side, other: _Side) -> dict[str, FloatArray]:
    """Difference of two independent means with interval and p-value; NaN where either has no standard error."""
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415

    variances = one.error**2, other.error**2
    difference = one.mean - other.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        total = variances[0] + variances[1]
        freedom = total**2 / (variances[0] ** 2 / one.freedom + variances[1] ** 2 / other.freedom)
        half_width = stdtrit(freedom, 0.975) * np.sqrt(total)
        p_value = 2 * stdtr(freedom, -np.abs(difference) / np.sqrt(total))
    return {
        "": difference,
        "_ci_low": difference - half_width,
        "_ci_high": difference + half_width,
        "_p_value": p_value,
    }


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the p-values that hold for all tests of the week together, and what follows from them."""
    regimes = ("regime", "previous_regime")
    tests = {
        "difference": pl.col("changed_on").cast(pl.String),
        # a change and the one back are one test
        "regime_difference": pl.concat_str(pl.min_horizontal(*regimes), pl.lit(" "), pl.max_horizontal(*regimes)),
    }
    told = rows.with_columns(test.alias(f"_{name}") for name, test in tests.items())
    keys = ["what", "basis", "test", "component"]
    family = (
        pl.concat(
            told.select("basis", "component", what=pl.lit(name), test=f"_{name}", p=f"{name}_p_value") for name in tests
        )
        .unique(keys)
        .sort(keys)
    )
    family = family.with_columns(adjusted=pl.Series(holm_adjusted(family["p"].to_numpy()))).drop("p")
    for name in tests:
        told = told.join(
            family.filter(what=name).drop("what").rename({"test": f"_{name}", "adjusted": f"{name}_adjusted_p_value"}),
            on=["basis", f"_{name}", "component"],
            how="left",
        )
    adjusted = [pl.col(f"{name}_adjusted_p_value").fill_nan(None) for name in tests]
    is_tested = pl.any_horizontal(p.is_not_null() for p in adjusted)
    return told.with_columns(
        is_beyond_noise=pl.when(is_tested).then(
            pl.any_horizontal((p < LEVEL).fill_null(value=False) for p in adjusted)
        ),
        evidence=pl.when(is_tested).then(pl.lit("sufficient")).otherwise(pl.lit("insufficient_evidence")),
    )
