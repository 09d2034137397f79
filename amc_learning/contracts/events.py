"""Events as trading systems send them: discovery results, theses, trades and price bars, field by field.

Belongs here: what a sender may write, documented and typed as far as the wild agrees with itself.
Not here: how a value is understood (intake), or what is stored (tables). Nothing is required except what no reader
could do without; unknown fields are kept out of the model but stay in the stored payload.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

EVENT_TABLES: Mapping[str, str] = MappingProxyType(
    {"discovery": "discovery_events", "thesis": "thesis_events", "trade": "trade_events"}
)
"""Kind of event, as the collector names it, to the table of its raw events."""

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


class ThesisDecision(_AsSent):
    """One thesis decision as sent, alone or as `thesis` (or `data`, `result`) inside an envelope with the symbol.

    Several come as a list (`theses`, `decisions`, `positions`, or bare); a rule's and an AI's decision about the same
    symbol as `recommendation` and `ai_recommendation`, or as objects `rule` and `ai`.
    """

    symbol: str | None = Field(None, description="Ticker symbol; without one the decision is kept but never judged.")
    event_id: str | int | None = Field(None, description="The sender's key of this event: the same key is stored once.")
    generated_at: str | float | None = Field(
        None, description="When it was decided; also `timestamp`, `updated_at` and what other events call it."
    )
    type: str | None = Field(
        None, description="Type of thesis in the sender's words: ENTRY_OPPORTUNITY, EXIT_STRATEGY."
    )
    recommendation: str | None = Field(
        None, description="BUY_MORE, HOLD, TRIM, LIQUIDATE, RESEARCH, or a known word for one of them."
    )
    exit_recommendation: str | None = Field(
        None, description="Read when `recommendation` is absent; so are recommendation_type, action and suggestion."
    )
    ai_recommendation: str | None = Field(
        None, description="The AI's; beside a `recommendation`, which then is the rule's, a second decision."
    )
    confidence: Number = Field(None, description="0 to 1, or 1 to 100 in percent; also `confidence_score`.")
    ai_confidence: Number = Field(None, description="The AI's confidence, where both decided.")
    thesis: str | dict[str, object] | None = Field(
        None, description="The text (also entry_thesis, rationale, reasoning), or the whole decision as an object."
    )
    reasoning: str | None = Field(None, description="Why; preferred to the other texts.")
    ai_generated: bool | None = Field(
        None, description="True for an AI, false for a rule; also ai_powered, ai_enhanced, enhanced, or a `source`."
    )
    market_regime: str | None = Field(None, description="Market regime as the sender saw it.")
    sector: str | None = Field(None, description="Sector of the symbol.")
    risk_level: str | None = Field(None, description="Risk in the sender's words.")


class TradeData(_AsSent):
    """What a change did: `change_data` of a trade message, or the same fields beside the symbol."""

    trade_id: str | int | None = Field(
        None, description="What all messages of one position share; also `position_id`. The id of an order is none."
    )
    action: str | None = Field(None, description="Of a MODIFY: ADD_POSITION, BUY, REDUCE, TRIM, SELL; also `side`.")
    price: Number = Field(None, description="Price of this change, USD; also fill_price, filled_avg_price.")
    quantity: Number = Field(None, description="Shares of this change, fractions allowed; also `shares`, `qty`.")
    entry_price: Number = Field(None, description="Price paid, USD.")
    exit_price: Number = Field(None, description="Price got, USD; null when it is not known.")
    avg_entry_price: Number = Field(None, description="Average price paid for what is held after the change, USD.")
    remaining_qty: Number = Field(None, description="Shares held after the change.")
    position_size: Number = Field(None, description="Money in the position, USD; also `notional_usd`, `cost_basis`.")
    return_pct: Number = Field(None, description="Return in percent; `return` and `unrealized_plpc` are fractions.")
    holding_period: Number = Field(None, description='Days, or text like "1 hour"; also `days_held`.')
    max_favorable_excursion: Number = Field(None, description="Largest gain while held; percent or fraction.")
    max_adverse_excursion: Number = Field(None, description="Largest loss while held; percent or fraction.")
    exit_reason: str | None = Field(None, description="stop_loss, profit_target, time, manual, or free text.")
    entry_timestamp: str | float | None = Field(None, description="When the position was entered; also `entry_date`.")
    signal_date: str | None = Field(None, description="Day of the discovery that led to the trade.")
    corrects: str | int | None = Field(
        None, description="`event_id` of an earlier message that this one replaces; also supersedes, correction_of."
    )


class TradeChange(_AsSent):
    """One change of a position as sent; flat outcomes and holdings without `change_type` are understood by content."""

    symbol: str | None = Field(None, description="Ticker symbol; a message without one is rejected.")
    event_id: str | int | None = Field(None, description="The sender's key of this event: the same key is stored once.")
    change_type: str | None = Field(
        None, description="OPEN, MODIFY or CLOSE, or a known word for one of them: BUY, ADD, TRIM, SELL."
    )
    timestamp: str | float | None = Field(
        None, description="When it happened: ISO 8601 (naive = market time) or epoch."
    )
    change_data: TradeData | None = Field(None, description="What the change did.")


class PriceBar(_AsSent):
    """One daily bar as sent; column names of other vendors are accepted by the reader."""

    symbol: str = Field(description="Ticker symbol; also `ticker`.")
    date: str | int = Field(description="Exchange session, ISO date; also `session_date`, `timestamp`, `t`.")
    open: Number = Field(description="First price of the session, USD; also `o`.")
    high: Number = Field(description="Highest price of the session, USD; also `h`.")
    low: Number = Field(description="Lowest price of the session, USD; also `l`.")
    close: Number = Field(description="Last price of the session, USD, unadjusted or adjusted like the rest; also `c`.")
    volume: Number = Field(None, description="Shares traded; also `v`.")


class PriceBars(_AsSent):
    """Daily bars as sent; also a bare list of bars, or an object from symbol to its bars."""

    bars: list[PriceBar] = Field(description="The bars, of any symbols and sessions.")
