"""Events as trading systems send them: the shape of a discovery result and of a price bar, field by field.

Belongs here: what a sender may write, documented and typed as far as the wild agrees with itself.
Not here: how a value is understood (intake), or what is stored (tables). Nothing is required except what no reader
could do without; unknown fields are kept out of the model but stay in the stored payload.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float | str | None, Field(description='A number, or a number as text: 71.5, "71.5", "85%".')]


class _AsSent(BaseModel):
    """Lenient on purpose: a sender's extra fields are no reason to refuse its event."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, allow_inf_nan=True)


class DiscoveryCandidate(_AsSent):
    """One scored symbol as discovery sends it; `symbol` or `ticker` must be there, everything else may be missing."""

    symbol: str | None = Field(None, description="Ticker symbol, up to 10 characters, dots allowed: DMYY.WS.")
    ticker: str | None = Field(None, description="Read when `symbol` is absent.")
    rank: int | None = Field(None, description="Rank in the run, 1 is best; the order of arrival when absent.")
    score: Number = Field(
        None, description="Total score; also total_score, explosion_probability, filter_score. 0-100 or 0-1."
    )
    action_tag: str | None = Field(None, description="trade_ready, watchlist, monitor, or the sender's own word.")
    action: str | None = Field(None, description="Read when `action_tag` is absent.")
    subscores: dict[str, object] | None = Field(
        None, description="Component scores by name; also `components`, or flat `<name>_score` fields."
    )
    confidence: Number = Field(None, description="Confidence, as a fraction or in percent.")
    price: Number = Field(None, description="Price at the decision, USD.")
    rel_vol: Number = Field(None, description="Relative volume; also relative_volume, volume_ratio, volume_spike.")


class PipelineStatistics(_AsSent):
    """How many symbols survived each step of the run."""

    universe_size: int | None = Field(None, description="Symbols the run started from.")
    enriched: int | None = Field(None, description="Symbols left after enrichment.")
    filtered: int | None = Field(None, description="Symbols left after filtering.")
    scored: int | None = Field(None, description="Symbols that were scored: what the candidates were chosen from.")


class DiscoveryResult(_AsSent):
    """One discovery run as sent; empty and failed runs are results too.

    The same list of candidates may come under `items` or `tickers`, inside `data`, or bare.
    """

    timestamp: str | float | None = Field(
        None, description="When the run decided: ISO 8601 (naive = market time) or epoch seconds to nanoseconds."
    )
    event_id: str | int | None = Field(None, description="The sender's key of this event: the same key is stored once.")
    job_id: str | int | None = Field(None, description="Key of the run; serves as event key when `event_id` is absent.")
    status: str | None = Field(None, description="success, error, stale_data, or the sender's own word.")
    error: str | None = Field(None, description="What went wrong, when something did.")
    engine: str | None = Field(None, description="Name of the engine; known engines declare the scale of their scores.")
    method: str | None = Field(None, description="Read when `engine` is absent.")
    strategy: str | None = Field(None, description="Name of the scoring strategy; hybrid_v1 scores from 0 to 1.")
    parameters_version: str | int | None = Field(None, description="Version of our published parameters in use.")
    universe_size: int | None = Field(None, description="Symbols the run started from.")
    filtered_size: int | None = Field(None, description="Symbols left after filtering.")
    pipeline_stats: PipelineStatistics | None = Field(None, description="How many symbols survived each step.")
    market_conditions: dict[str, object] | None = Field(None, description="The market as the sender saw it.")
    regime: str | None = Field(None, description="Market regime as the sender saw it.")
    execution_time_sec: float | None = Field(None, description="Duration of the run, seconds.")
    candidates: list[DiscoveryCandidate] | None = Field(None, description="The symbols that were selected.")
    controls: list[DiscoveryCandidate] | None = Field(
        None, description="A random sample of scored symbols that were not selected: the comparison group."
    )


class PriceBar(_AsSent):
    """One daily bar as sent; column names of other vendors are accepted by the reader."""

    symbol: str = Field(description="Ticker symbol; also `ticker`.")
    date: str | int = Field(description="Exchange session, ISO date; also `session_date`, `timestamp`, `t`.")
    open: Number = Field(description="First price of the session, USD; also `o`.")
    high: Number = Field(description="Highest price of the session, USD; also `h`.")
    low: Number = Field(description="Lowest price of the session, USD; also `l`.")
    close: Number = Field(description="Last price of the session, USD, unadjusted or adjusted like the rest; also `c`.")
    volume: Number = Field(None, description="Shares traded; also `v`.")
