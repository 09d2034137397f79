"""What could have failed, and did it: trades, confident theses, acted-on candidates.

Belongs here: the table failure_cases, with what was known about each case at its decision.
Not here: outcomes (outcomes.py, trades, theses), what failures have in common (patterns.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.declared.failures import failure_cases as declared_failure_cases
from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.learning.failures.rules import FailureRules
from amc_learning.learning.point_in_time import attach_regimes, with_dominant_component

FAILURE_CASES = declared_failure_cases()

CONFIDENCE_BANDS = ((0.5, "low"), (0.7, "medium"), (0.85, "high"))
TOP_CONFIDENCE_BAND = "very_high"

PRICE_BANDS = ((5.0, "under_5_usd"), (20.0, "5_to_20_usd"), (100.0, "20_to_100_usd"))
TOP_PRICE_BAND = "over_100_usd"

CANDIDATE_MEMORY = timedelta(days=7)
"""A thesis is about the candidate its symbol was within this time before; an older one is another story."""

SECTOR_MEMORY = timedelta(days=30)
"""A sector stated longer before a decision does not count, so that every night remembers as far back as any other."""

TRADE_SECTOR_MEMORY = timedelta(days=60)
"""Calendar days a trade may have been held for its thesis to be looked up for a sector; for the same reason."""


def failure_cases(
    *,
    closed_trades: pl.DataFrame,
    thesis_outcomes: pl.DataFrame,
    feature_outcomes: pl.DataFrame,
    discovery_candidates: pl.DataFrame,
    thesis_decisions: pl.DataFrame,
    market_regimes: pl.DataFrame,
    weights: Mapping[str, float],
    as_of: Sequence[date],
    rules: FailureRules,
) -> pl.DataFrame:
    """Every case that became known on the given days.

    Trades: closed ones with a realised return; failed at or below the loser bound; one restated without a return takes
    its earlier case away. Theses: counted, judged at the
    horizon and sent with high confidence; failed when wrong. Candidates: selected, in the cross-section, under a tag
    that is acted on; failed when losers at the horizon. Attributes are what was known at the decision; unknown is null.

    Args:
        closed_trades: table of that name, days `as_of` (others are ignored, here and below).
        thesis_outcomes: table of that name.
        feature_outcomes: table of that name, with one column per component of `weights`.
        discovery_candidates: table of that name, back to the decisions that mature on `as_of` and
            `CANDIDATE_MEMORY` more: prices, tags and scores.
        thesis_decisions: table of that name, for sectors; back to `TRADE_SECTOR_MEMORY` and a week before `as_of`,
            and to `SECTOR_MEMORY` before the decisions that mature on `as_of`.
        market_regimes: `known_on`, `basis`, `regime`; a regime counts from the day after it was read.
        weights: component to weight, for the dominant component; keep them fixed, or cases of different days differ.
        as_of: knowledge days wanted.
        rules: bounds, horizon, tags.

    Returns:
        Table `failure_cases`.
    """
    days = pl.col("known_on").is_in(list(as_of))
    described = with_dominant_component(discovery_candidates, weights=weights)
    parts = [
        _trades(closed_trades.filter(days), thesis_decisions, rules),
        _theses(thesis_outcomes.filter(days), described, thesis_decisions, market_regimes, rules),
        _candidates(feature_outcomes.filter(days), described, thesis_decisions, market_regimes, rules),
    ]
    banded = [_with_all_columns(part) for part in parts]
    return pl.concat(banded).sort("known_on", *FAILURE_CASES.key)


def band(value: pl.Expr, bounds: Sequence[tuple[float, str]], top: str) -> pl.Expr:
    """The name of the band a value falls into; each bound belongs to the band above it.

    >>> prices = pl.DataFrame({"price_usd": [4.99, 5.0, 250.0, None]})
    >>> prices.select(band=band(pl.col("price_usd"), PRICE_BANDS, TOP_PRICE_BAND))["band"].to_list()
    ['under_5_usd', '5_to_20_usd', 'over_100_usd', None]
    """
    named: pl.Expr = pl.when(value.is_not_null()).then(pl.lit(top))
    for bound, name in reversed(bounds):
        named = pl.when(value < bound).then(pl.lit(name)).otherwise(named)
    return named


def _trades(trades: pl.DataFrame, theses: pl.DataFrame, rules: FailureRules) -> pl.DataFrame:
    is_judged = pl.col("realised_return").is_not_null()
    judged = trades.filter(is_judged | (pl.col("revision") > 1)).with_columns(is_withdrawn=~is_judged)
    sectors = theses.filter(pl.col("sector").is_not_null()).unique("thesis_id", keep="first", maintain_order=True)
    is_remembered = pl.col("known_on") - pl.col("opened_at").dt.date() <= TRADE_SECTOR_MEMORY
    return judged.join(sectors.select("thesis_id", "sector"), on="thesis_id", how="left").with_columns(
        sector=pl.when(is_remembered).then("sector"),
        kind=pl.lit("trade"),
        case_id=pl.col("position_id"),
        decided_on=pl.col("opened_at").dt.convert_time_zone(MARKET_TIMEZONE).dt.date(),
        is_failure=(pl.col("realised_return") <= rules.loser_return).fill_null(value=False),
        outcome_return=pl.col("realised_return"),
        pnl_usd=pl.when(is_judged).then("realised_pnl_usd"),
        price_usd=pl.col("average_entry_price_usd"),
    )


def _theses(
    outcomes: pl.DataFrame,
    candidates: pl.DataFrame,
    theses: pl.DataFrame,
    regimes: pl.DataFrame,
    rules: FailureRules,
) -> pl.DataFrame:
    judged = outcomes.filter(
        pl.col("horizon") == rules.horizon,
        pl.col("is_counted"),
        pl.col("is_right").is_not_null(),
        pl.col("confidence") >= rules.high_confidence,
    )
    known = (
        candidates.filter(pl.col("is_selected"))
        .select("symbol", "decided_at", "action_tag", "dominant_component", "price_usd", "decision_id")
        .sort("decided_at", "decision_id")
        .drop("decision_id")
    )
    about = judged.sort("decided_at", "thesis_id").join_asof(
        known, on="decided_at", by="symbol", tolerance=CANDIDATE_MEMORY, strategy="backward", check_sortedness=False
    )
    described = _with_sector(about, theses)
    return attach_regimes(
        described, regimes, day_column="decision_known_on", basis="discovery", name="discovery_regime"
    ).with_columns(
        kind=pl.lit("thesis"),
        case_id=pl.col("thesis_id"),
        decided_on=pl.col("decision_known_on"),
        is_withdrawn=pl.lit(value=False),
        is_failure=~pl.col("is_right"),
        outcome_return=pl.col("forward_return"),
    )


def _candidates(
    outcomes: pl.DataFrame,
    candidates: pl.DataFrame,
    theses: pl.DataFrame,
    regimes: pl.DataFrame,
    rules: FailureRules,
) -> pl.DataFrame:
    judged = outcomes.filter(
        pl.col("horizon") == rules.horizon,
        pl.col("is_selected"),
        pl.col("is_in_cross_section"),
        pl.col("action_tag").is_in(list(rules.judged_tags)),
        pl.col("is_loser").is_not_null(),
    ).select("known_on", "decision_id", "symbol", "decided_at", "action_tag", "forward_return", "is_loser")
    known = candidates.select("decision_id", "dominant_component", "price_usd", _decided_on="known_on")
    described = _with_sector(judged.join(known, on="decision_id", how="left"), theses)
    for basis, name in (("index", "market_regime"), ("discovery", "discovery_regime")):
        described = attach_regimes(described, regimes, day_column="_decided_on", basis=basis, name=name)
    return described.with_columns(
        kind=pl.lit("candidate"),
        case_id=pl.col("decision_id"),
        decided_on=pl.col("_decided_on"),
        is_withdrawn=pl.lit(value=False),
        is_failure=pl.col("is_loser"),
        outcome_return=pl.col("forward_return"),
    )


def _with_sector(cases: pl.DataFrame, theses: pl.DataFrame) -> pl.DataFrame:
    """The sector last stated for the symbol by the time of the decision."""
    stated = (
        theses.filter(pl.col("sector").is_not_null())
        .sort("decided_at", "thesis_id")
        .select("symbol", "decided_at", "sector")
    )
    return cases.sort("decided_at").join_asof(
        stated, on="decided_at", by="symbol", tolerance=SECTOR_MEMORY, strategy="backward", check_sortedness=False
    )


def _with_all_columns(cases: pl.DataFrame) -> pl.DataFrame:
    """Bands from values, and nulls for attributes that a kind does not have."""
    bands = {
        "confidence_band": ("confidence", CONFIDENCE_BANDS, TOP_CONFIDENCE_BAND),
        "price_band": ("price_usd", PRICE_BANDS, TOP_PRICE_BAND),
    }
    banded = cases.with_columns(
        band(pl.col(column), bounds, top).alias(name)
        for name, (column, bounds, top) in bands.items()
        if column in cases.columns
    )
    absent = [pl.lit(None).alias(name) for name in FAILURE_CASES.column_names if name not in banded.columns]
    return banded.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in FAILURE_CASES.schema.items())
