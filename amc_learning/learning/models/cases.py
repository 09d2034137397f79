"""What models learn from: each candidate with what was known before its entry, and what came true.

Belongs here: the columns models see, in their order, and the truth of each target. Not here: numbers from bars
(bar_features.py), fitting (fitting.py), reading tables.

Features are null where unknown and stay so: trees send what is missing to one side, linear models get an indicator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.columns import TOTAL_SCORE
from amc_learning.learning.models.bar_features import GROUPS, bar_features
from amc_learning.learning.models.rules import ModelRules
from amc_learning.learning.point_in_time import attach_regimes

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.int64]

TAGS = ("trade_ready", "watchlist")
"""Tags with a column of their own; any other is neither."""

REGIMES = {
    "index": ("turbulent",),
    "discovery": ("explosive_bull", "squeeze_setup", "high_volatility", "low_opportunity"),
}
"""Regimes with a column of their own by basis; the one left out (calm, normal_market) is none of them."""

_OTHERS = {
    TOTAL_SCORE: TOTAL_SCORE,
    **{f"tag_{tag}": "tag" for tag in TAGS},
    **{f"{basis}_{regime}": "regime" for basis, names in REGIMES.items() for regime in names},
    **GROUPS,
}
"""Features beside components in their fixed order, and the group of each."""

FEATURE_INPUTS = ("decision_id", "symbol", "entry_date", "decided_on", "action_tag", TOTAL_SCORE)
"""Columns a candidate must have to get features, besides its components."""


@dataclass(frozen=True)
class Cases:
    """Candidates of one target whose truth is known, sorted by entry and decision.

    Attributes:
        target: what came true or not.
        decision_ids: of each candidate.
        entry_dates: first session held (Date).
        matured_dates: day the truth became known (Date).
        truth: 0 or 1; of return the return relative to the day.
        features: shape (n candidates, n features), NaN where unknown.
    """

    target: str
    decision_ids: pl.Series
    entry_dates: pl.Series
    matured_dates: pl.Series
    truth: Floats
    features: Floats

    def __len__(self) -> int:
        """Number of candidates."""
        return len(self.truth)

    @property
    def days(self) -> Days:
        """Entry dates as days since 1970."""
        return self.entry_dates.to_physical().to_numpy().astype(np.int64)

    @property
    def matured_days(self) -> Days:
        """Days the truth became known, as days since 1970."""
        return self.matured_dates.to_physical().to_numpy().astype(np.int64)

    def rows(self, chosen: npt.NDArray[np.int64] | Bools) -> "Cases":
        """Some of the candidates, by row indices in order or by a mask."""
        places = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return Cases(
            self.target,
            self.decision_ids[places],
            self.entry_dates[places],
            self.matured_dates[places],
            self.truth[places],
            self.features[places],
        )


def feature_groups(components: Sequence[str]) -> dict[str, str]:
    """Every feature in its fixed order, with the group it belongs to: components stand for themselves.

    A component that is called like another feature or group is told from it by a prefix no component can have.

    >>> list(feature_groups(("squeeze", "vix")))[:3]
    ['squeeze', 'component:vix', 'total_score']
    """
    return {**{_component(name): _component(name) for name in components}, **_OTHERS}


def _component(name: str) -> str:
    return f"component:{name}" if name in _OTHERS.keys() | _OTHERS.values() else name


def features_of(
    candidates: pl.DataFrame,
    bars: pl.DataFrame,
    index_closes: pl.DataFrame,
    market_regimes: pl.DataFrame,
    *,
    components: Sequence[str],
) -> Floats:
    """What was known of each candidate before its entry, in the order of `feature_groups`.

    Args:
        candidates: `FEATURE_INPUTS` and the components; one row per candidate.
        bars: price_bars, back to `LOOK_BACK_DAYS` before the first entry.
        index_closes: table of that name over the same days.
        market_regimes: `known_on`, `basis`, `regime`; a regime counts from the day after it was read.
        components: component scores in the order of the feature set.

    Returns:
        Shape (n candidates, n features), NaN where unknown.
    """
    known = candidates
    for basis in REGIMES:
        known = attach_regimes(known, market_regimes, day_column="decided_on", basis=basis, name=f"_{basis}")
    columns = [pl.col(name).cast(pl.Float64).alias(_component(name)) for name in components]
    columns.append(pl.col(TOTAL_SCORE).cast(pl.Float64))
    columns += [(pl.col("action_tag") == tag).cast(pl.Float64).alias(f"tag_{tag}") for tag in TAGS]
    columns += [
        (pl.col(f"_{basis}") == regime).cast(pl.Float64).alias(f"{basis}_{regime}")
        for basis, names in REGIMES.items()
        for regime in names
    ]
    stated = known.select(columns).to_numpy()
    measured = bar_features(bars, index_closes, symbols=candidates["symbol"], before=candidates["entry_date"])
    return np.hstack([stated, measured])


def training_cases(
    feature_outcomes: pl.DataFrame,
    candidate_outcomes: pl.DataFrame,
    bars: pl.DataFrame,
    index_closes: pl.DataFrame,
    market_regimes: pl.DataFrame,
    *,
    rules: ModelRules,
) -> dict[str, Cases]:
    """Every candidate whose truth is known, by target.

    Only selected candidates in their cross-section: those are what is predicted. A candidate without the truth of a
    target (no bar to measure it by) is no case of that target.

    Args:
        feature_outcomes: table of that name: scores beside outcomes.
        candidate_outcomes: table of that name over the same days: day of the decision, worst fall.
        bars: price_bars, back to `LOOK_BACK_DAYS` before the first entry.
        index_closes: table of that name over the same days.
        market_regimes: `known_on`, `basis`, `regime`.
        rules: horizons, bounds, components.
    """
    horizons = list(dict.fromkeys((rules.horizon, rules.stop_horizon)))
    judged = (
        feature_outcomes.filter(
            pl.col("horizon").is_in(horizons) & pl.col("is_selected") & pl.col("is_in_cross_section")
        )
        .join(
            candidate_outcomes.select(
                "horizon", "decision_id", "max_adverse_excursion", decided_on="decision_known_on"
            ),
            on=["horizon", "decision_id"],
            how="inner",
        )
        .sort("entry_date", "decision_id", "horizon")
    )
    candidates = judged.unique("decision_id", keep="first", maintain_order=True)
    features = features_of(candidates, bars, index_closes, market_regimes, components=rules.components)
    place_of = candidates.select("decision_id").with_row_index("place")
    judged = judged.join(place_of, on="decision_id", how="left", maintain_order="left")
    return {
        target: _cases(target, _with_truth(judged, target, rules), features)
        for target in ("success", "outperformance", "return", "stop_out")
    }


def _cases(target: str, rows: pl.DataFrame, features: Floats) -> Cases:
    return Cases(
        target,
        rows["decision_id"],
        rows["entry_date"],
        rows["known_on"],
        rows["truth"].to_numpy(),
        features[rows["place"].to_numpy()],
    )


def _with_truth(judged: pl.DataFrame, target: str, rules: ModelRules) -> pl.DataFrame:
    """The rows of the target's horizon that have a truth, with it."""
    bounded = pl.col("forward_return").clip(-rules.return_bound, rules.return_bound)
    is_stopped = pl.col("max_adverse_excursion") <= -rules.stop_loss
    truth = {
        "success": pl.col("is_winner"),
        "outperformance": pl.col("forward_return") > pl.col("forward_return").median().over("entry_date"),
        "return": bounded - bounded.mean().over("entry_date"),
        # A low at the stop settles it, whatever bars are missing later; that none was seen needs the whole stretch.
        "stop_out": pl.when(is_stopped | pl.col("forward_return").is_not_null()).then(is_stopped),
    }[target]
    rows = judged.filter(pl.col("horizon") == rules.horizon_of(target)).with_columns(truth=truth.cast(pl.Float64))
    return rows.filter(pl.col("truth").is_not_null())


def candidates_to_predict(discovery_candidates: pl.DataFrame) -> pl.DataFrame:
    """The selected candidates of the newest day among these, one row per symbol: the last decision on it.

    Args:
        discovery_candidates: table of that name, of one week.

    Returns:
        Those rows with `decided_on` and, as if entered on the next day, `entry_date`; sorted by rank.
    """
    selected = discovery_candidates.filter("is_selected")
    newest = selected.filter(pl.col("known_on") == pl.col("known_on").max())
    return (
        newest.sort("decided_at", "decision_id")
        .unique("symbol", keep="last", maintain_order=True)
        .with_columns(decided_on="known_on", entry_date=pl.col("known_on") + timedelta(days=1))
        .sort("rank", "decision_id", nulls_last=True)
    )
