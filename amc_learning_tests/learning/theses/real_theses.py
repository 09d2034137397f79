"""The shared thesis feed as tables, read in place."""

from datetime import date
from pathlib import Path

import polars as pl

from amc_learning.learning.outcomes import OutcomeRules
from amc_learning.learning.theses.outcomes import JudgementRules, thesis_outcomes
from amc_learning.market_calendar import exchange_sessions

MARKET = (Path(__file__).resolve().parents[3] / "../shared/data/market").resolve()
FIRST, LAST = date(2008, 1, 2), date(2014, 12, 15)


def real_theses() -> pl.DataFrame:
    """The theses as intake would keep them."""
    # Theses were written at 16:12 market time, twelve minutes after the close.
    at_1612 = pl.col("date").cast(pl.Datetime("us")).dt.offset_by("16h12m").dt.replace_time_zone("America/New_York")
    return pl.read_parquet(MARKET / "events_thesis.parquet").select(
        "thesis_id",
        "symbol",
        "recommendation",
        "confidence",
        "source",
        known_on="date",
        event_id="thesis_id",
        is_late=pl.lit(False),
        decided_at=at_1612.dt.convert_time_zone("UTC"),
    )


def real_outcomes(
    rules: OutcomeRules,
    *,
    judgement: JudgementRules | None = None,
    known_from: date = FIRST,
    known_to: date = LAST,
) -> pl.DataFrame:
    """What became of them. The regimes are those the sender names, in place of ours."""
    sent = pl.read_parquet(MARKET / "events_thesis.parquet", columns=["date", "market_regime"])
    prices = {f"{name}_usd": name for name in ("open", "high", "low", "close")}
    bars = pl.scan_parquet(MARKET / "bars.parquet").select(
        "symbol", known_on="date", **{name: pl.col(column) for name, column in prices.items()}
    )
    return thesis_outcomes(
        real_theses(),
        bars.collect(),
        exchange_sessions("XNYS", date(2007, 1, 1), LAST),
        rules,
        judgement=judgement or JudgementRules(),
        regimes=sent.select(known_on="date", basis=pl.lit("index"), regime="market_regime").unique("known_on"),
        known_from=known_from,
        known_to=known_to,
    )
