"""Candidates with a known return, and what was known of each before its entry, in bands that never move.

Belongs here: the attributes patterns are made of. Not here: rules over them (search.py), reading tables.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from amc_learning.contracts.declared.patterns import PATTERN_ATTRIBUTES
from amc_learning.learning.patterns.rules import PatternRules
from amc_learning.learning.point_in_time import attach_regimes

Bounds = Sequence[tuple[float, str]]

PRICE_BANDS: tuple[Bounds, str] = (
    ((5.0, "under_5_usd"), (20.0, "5_to_20_usd"), (100.0, "20_to_100_usd")),
    "over_100_usd",
)
RELATIVE_VOLUME_BANDS: tuple[Bounds, str] = ((1.0, "under_1"), (2.0, "1_to_2"), (5.0, "2_to_5")), "over_5"
DOLLAR_VOLUME_BANDS: tuple[Bounds, str] = (
    ((1e6, "under_1m_usd"), (1e7, "1m_to_10m_usd"), (5e7, "10m_to_50m_usd"), (2e8, "50m_to_200m_usd")),
    "over_200m_usd",
)

THESIS_MEMORY = timedelta(days=7)
"""A thesis older than this at the entry was about another situation."""

TURNOVER_SESSIONS = 20
"""Sessions of a symbol its turnover is the mean of; with half of them it is known."""

TURNOVER_SPAN = "31d"
"""Calendar days that hold 20 sessions whatever the holidays; older bars of a symbol that seldom trades do not count."""

TURNOVER_MEMORY = timedelta(days=14)
"""A symbol without a bar for this long has no known turnover: no exchange pauses that long."""

BARS_LOOK_BACK = timedelta(days=45)
"""Calendar days that hold the sessions of a turnover and those it may be old."""

BAR_INPUTS = ("known_on", "symbol", "close_usd", "volume_shares")
CANDIDATE_INPUTS = ("known_on", "decision_id", "price_usd", "relative_volume")
THESIS_INPUTS = ("known_on", "thesis_id", "symbol", "decided_at", "source")
REGIME_INPUTS = ("known_on", "basis", "regime")
OUTCOME_INPUTS = (
    "known_on",
    "horizon",
    "decision_id",
    "symbol",
    "entry_date",
    "is_selected",
    "is_in_cross_section",
    "action_tag",
    "forward_return",
    "is_winner",
)
"""Columns that are read of each table; of feature_outcomes the components as well."""


def pattern_cases(
    *,
    feature_outcomes: pl.DataFrame,
    discovery_candidates: pl.DataFrame,
    thesis_decisions: pl.DataFrame,
    market_regimes: pl.DataFrame,
    price_bars: pl.DataFrame,
    rules: PatternRules,
) -> pl.DataFrame:
    """Every selected candidate of its cross-section with a return at the horizon, and its attributes.

    Args:
        feature_outcomes: table of that name: `OUTCOME_INPUTS` and the components.
        discovery_candidates: table of that name, back to the decisions of these outcomes: `CANDIDATE_INPUTS`.
        thesis_decisions: table of that name, back to `THESIS_MEMORY` before the first entry: `THESIS_INPUTS`.
        market_regimes: table of that name: `REGIME_INPUTS`; a regime counts from the day after it was read.
        price_bars: table of that name, back to `BARS_LOOK_BACK` before the first decision: `BAR_INPUTS`.
        rules: horizon and components.

    Returns:
        One row per candidate, sorted by entry, day known and decision: `known_on`, `entry_date`, `decision_id`,
        `forward_return`, `is_winner`, the components, and `PATTERN_ATTRIBUTES`; unknown is null.
    """
    judged = feature_outcomes.filter(
        pl.col("horizon") == rules.horizon,
        pl.col("is_selected"),
        pl.col("is_in_cross_section"),
        pl.col("forward_return").is_not_null(),
    )
    stated = discovery_candidates.select("decision_id", "price_usd", "relative_volume", _decided_on="known_on")
    known = judged.join(stated, on="decision_id", how="left")
    for basis, name in (("index", "market_regime"), ("discovery", "discovery_regime")):
        known = attach_regimes(known, market_regimes, day_column="_decided_on", basis=basis, name=name)
    known = _with_dollar_volume(_with_source(known, thesis_decisions), price_bars)
    banded = {
        "price_band": band(pl.col("price_usd"), *PRICE_BANDS),
        "relative_volume_band": band(pl.col("relative_volume"), *RELATIVE_VOLUME_BANDS),
        "dollar_volume_band": band(pl.col("_dollar_volume"), *DOLLAR_VOLUME_BANDS),
    }
    return (
        known.with_columns(**banded)
        .select(
            "known_on",
            "entry_date",
            "decision_id",
            "forward_return",
            "is_winner",
            *rules.components,
            *PATTERN_ATTRIBUTES,
        )
        .sort("entry_date", "known_on", "decision_id")
    )


def band(value: pl.Expr, bounds: Bounds, top: str) -> pl.Expr:
    """The name of the band a value falls into; each bound belongs to the band above it.

    >>> volumes = pl.DataFrame({"relative_volume": [0.5, 1.0, 7.5, None]})
    >>> volumes.select(band=band(pl.col("relative_volume"), *RELATIVE_VOLUME_BANDS))["band"].to_list()
    ['under_1', '1_to_2', 'over_5', None]
    """
    named: pl.Expr = pl.when(value.is_not_null()).then(pl.lit(top))
    for bound, name in reversed(bounds):
        named = pl.when(value < bound).then(pl.lit(name)).otherwise(named)
    return named


def _with_source(cases: pl.DataFrame, theses: pl.DataFrame) -> pl.DataFrame:
    """Who wrote the last thesis on the symbol that was known before the day of the entry."""
    stated = (
        theses.filter(pl.col("source").is_not_null())
        .sort("known_on", "decided_at", "thesis_id")
        .select("symbol", "source", _stated_on="known_on")
    )
    return cases.sort("entry_date", "decision_id").join_asof(
        stated,
        left_on="entry_date",
        right_on="_stated_on",
        by="symbol",
        strategy="backward",
        tolerance=THESIS_MEMORY,
        allow_exact_matches=False,
        check_sortedness=False,
    )


def _with_dollar_volume(cases: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Mean daily turnover of the symbol over the sessions before the day of the decision."""
    wanted = cases.select("symbol").unique()
    traded = pl.col("close_usd") * pl.col("volume_shares")
    of_sessions = traded.rolling_mean(TURNOVER_SESSIONS, min_samples=TURNOVER_SESSIONS // 2)
    of_span = traded.rolling_mean_by("known_on", TURNOVER_SPAN, min_samples=TURNOVER_SESSIONS // 2)
    n_in_span = traded.is_not_null().cast(pl.Int64).rolling_sum_by("known_on", TURNOVER_SPAN)
    turnover = (
        bars.join(wanted, on="symbol", how="semi")
        .sort("symbol", "known_on")
        .select(
            "symbol",
            _traded_on="known_on",
            _dollar_volume=pl.when(n_in_span >= TURNOVER_SESSIONS).then(of_sessions).otherwise(of_span).over("symbol"),
        )
        .sort("_traded_on", "symbol")
    )
    return cases.sort("_decided_on", "decision_id").join_asof(
        turnover,
        left_on="_decided_on",
        right_on="_traded_on",
        by="symbol",
        strategy="backward",
        tolerance=TURNOVER_MEMORY,
        allow_exact_matches=False,
        check_sortedness=False,
    )
