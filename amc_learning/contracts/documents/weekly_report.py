"""The weekly report: what a week of deep work found over all history, as data; the page is drawn from it."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Interval, Part
from amc_learning.contracts.documents.daily_report import WeightChange
from amc_learning.contracts.documents.regimes import CurrentRegime


class WeekCounts(Part):
    """What the nights of the week brought, and what the week found."""

    n_nights: int = Field(description="Nights of the week that ran.")
    n_discovery_runs: int
    n_candidates: int
    n_theses: int
    n_trade_messages: int
    n_trades_closed: int = Field(description="Trades closed for the first time.")
    n_outcomes: int = Field(description="Candidate outcomes that matured, all horizons.")
    n_nights_moved: int = Field(description="Nights that moved a weight in force.")
    n_new_patterns: int = Field(description="Length of new_patterns.")
    n_new_failures: int = Field(description="Systematic failures of its nights that the night before them had not.")


class DiscoveredPattern(Part):
    """A rule that pays or costs, confirmed on days it was not found on; effects are against the other candidates."""

    pattern: str = Field(description="Signature, the same in every week.")
    direction: Literal["pays", "costs"]
    status: Literal["new", "confirmed", "fading", "gone", "unconfirmed"]
    reason: str
    horizon: str
    holding_sessions: int
    discovered_on: date | None = Field(description="Week in which it was last new.")
    n_weeks_seen: int
    n_cases: int
    support: float | None = Field(description="Share of the window's candidates it holds for.")
    effect: Interval = Field(description="Mean return less that of the others of the day; n counts days.")
    success_rate: float | None
    success_rate_rest: float | None
    mean_return: float | None
    mean_return_rest: float | None
    adjusted_p_value: float | None = Field(description="On the searched days, over every rule tried.")
    held_out_effect: Interval = Field(description="On later days that were not searched; n counts them.")
    held_out_p_value: float | None
    effect_since: Interval = Field(description="On days entered after its discovery; right on all weeks together.")


class PatternSearch(Part):
    """What the search for patterns looked at, whether it found anything or not."""

    n_cases: int
    searched_from: date | None
    searched_to: date | None
    held_out_from: date | None
    held_out_to: date | None
    n_rules_tried: int = Field(description="All of them are paid for.")
    n_found: int
    n_tested: int
    n_new: int
    n_confirmed: int
    n_fading: int
    n_gone: int = Field(description="Patterns that held in the week before and do not any more.")
    strongest_pattern: str | None
    strongest_adjusted_p_value: float | None
    evidence: Literal["sufficient", "insufficient_days", "nothing_to_try"]


class ComponentImportance(Part):
    """What the order of returns loses without one component."""

    horizon: str
    component: str
    rank: int | None = Field(description="Place within the horizon, 1 the largest; null without an estimate.")
    importance: Interval = Field(
        description="Mean daily fall of the model's rank correlation when the component is shuffled; n counts days."
    )
    noise_importance: Interval = Field(description="The same of a random score: the baseline.")
    q_value: float | None = Field(description="False-discovery-adjusted, over components and horizons.")
    is_beyond_noise: bool | None
    information_coefficient: Interval = Field(description="The component by itself on the same days.")
    change: float | None = Field(description="importance less that of the week before; null without one.")
    is_change_beyond_noise: bool | None
    correlated_with: str | None = Field(description="Components that may stand in for it, comma-separated.")


class ComponentUnderRegime(Part):
    """One component on either side of a change of regime: mean daily rank correlation with returns; n counts days."""

    component: str
    since: Interval = Field(description="Since the change, while the new regime lasted.")
    before: Interval = Field(description="In the spell that ended.")
    history: Interval = Field(description="Over the whole window.")
    difference: Interval = Field(description="since less before.")
    difference_adjusted_p_value: float | None = Field(description="Over every test of the week; null when not tested.")
    regime_difference: Interval = Field(
        description="Over the whole window: under the new regime less under the previous one."
    )
    regime_difference_adjusted_p_value: float | None = Field(description="As above.")
    is_beyond_noise: bool | None = Field(description="Null when neither difference is tested.")


class WeeklyRegimeChange(Part):
    """One change of regime, and what it changed for which component."""

    basis: Literal["index", "discovery"]
    changed_on: date
    previous_regime: str
    regime: str
    probability: float | None = Field(description="Filtered probability on that day; null for discovery.")
    is_new: bool = Field(description="It came in this week.")
    ended_on: date | None = Field(description="Session of the next change; null while it is in force.")
    n_sessions: int = Field(description="Sessions the new regime was read on so far.")
    state: Literal["held", "flickered", "too_early"]
    components: list[ComponentUnderRegime]


class CalibrationBlock(Part):
    """What predictions of one block came to."""

    predicted: float
    came_true: float
    n: int


class ModelCard(Part):
    """One model of the week: what it saw, how it did on days it had not seen, and what was decided about it."""

    target: str
    kind: str
    role: Literal["champion", "challenger"]
    decision: str
    reason: str
    champion_since: date | None
    model_id: str
    trained_from: date | None
    trained_to: date | None
    n_cases: int = Field(description="Candidates it was fitted on.")
    n_scored: int = Field(description="Candidates it predicted without having seen them.")
    n_scored_days: int
    area_under_curve: Interval
    information_coefficient: Interval = Field(description="Mean daily rank correlation of prediction and truth.")
    skill: Interval = Field(description="1 less squared error over that of the baseline; 0 is no better.")
    e_value: float | None = Field(description="Evidence that it beats the champion it met; 1 says nothing.")
    promoted_from: float | None = Field(description="e-value from which it is promoted.")
    calibration: list[CalibrationBlock] = Field(description="Empty for constants and returns.")
    limits: str


class CandidatePrediction(Part):
    """What the champions say of one candidate, beside its scores. Advice: no weight is learned from it."""

    symbol: str
    decided_on: date
    rank: int | None = Field(description="Rank in the discovery run.")
    total_score: float | None
    scores: dict[str, float | None] = Field(description="Component to score.")
    success_probability: float | None
    outperformance_probability: float | None
    expected_relative_return: float | None
    stop_out_probability: float | None


class ExitSetting(Part):
    """What one rule for exits would have earned on the same trades."""

    setting: str
    is_as_done: bool
    is_recommended: bool
    is_best_in_sample: bool = Field(description="Highest mean return of all tried; says nothing of luck.")
    expectancy: Interval = Field(description="Mean return per trade (fraction); n counts trades.")
    win_rate: Interval
    stop_rate: float | None
    target_rate: float | None
    mean_holding_sessions: float | None
    difference: Interval = Field(description="Mean return per trade less that of what was done.")
    adjusted_p_value: float | None = Field(description="Corrected for every setting tried.")


class ExitRecommendation(Part):
    """Whether to change stops, targets and holding limits."""

    basis: Literal["trades", "candidates"]
    decision: Literal["change", "keep", "insufficient_evidence"]
    reason: str
    recommended_setting: str | None
    stop_loss: float | None
    trailing_stop: float | None
    profit_target: float | None
    max_sessions: int | None
    n_trades: int
    n_settings_tried: int
    out_of_sample_difference: Interval = Field(
        description="Gain per trade of what was chosen on earlier days, on later ones; n counts days."
    )
    settings: list[ExitSetting] = Field(description="What was done, what is recommended, and the five best in sample.")


class SizeBand(Part):
    """A fifth of the positions by volatility."""

    volatility_band: int
    volatility_from: float | None
    volatility_to: float | None
    stop_out_rate: Interval = Field(description="Share stopped out; n counts trades.")
    mean_return: float | None
    size_factor: float = Field(description="Factor on the usual size; 1 throughout unless advised.")


class SizeRecommendation(Part):
    """Whether to size positions by volatility."""

    basis: Literal["trades", "candidates"]
    is_advised: bool
    reason: str
    bands: list[SizeBand]


class StrategyRecommendations(Part):
    """What to do about exits and sizes; null where the week has no such table."""

    exits: ExitRecommendation | None
    position_sizes: SizeRecommendation | None


class WeightMove(Part):
    """One component's weight in force over the week."""

    component: str
    before: float | None = Field(description="At the end of the week before; null before the first decision.")
    after: float
    default: float


class CorrectionMove(Part):
    """A correction that changed its status in the week."""

    name: str
    kind: str
    target: str
    factor: float | None
    status: str
    status_since: date
    reason: str


class WeeklyReport(Part):
    """The week in one document."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    known_on: date = Field(description="Last knowledge day of the week, a Friday: nothing later was used.")
    last_updated: datetime = Field(description="End of that day.")
    week_from: date = Field(description="First knowledge day of the week.")
    headline: str = Field(description="The week in one sentence.")
    findings: list[str] = Field(description="What was found, one sentence per part that has something to say.")
    horizon: str = Field(description="Horizon of patterns and models.")
    window_days: int = Field(description="Calendar days of knowledge looked back over.")
    counts: WeekCounts
    insufficient_evidence: dict[str, str] = Field(
        description="Part that has nothing to say, by its key, to the reason."
    )
    new_patterns: list[DiscoveredPattern]
    known_patterns: list[DiscoveredPattern] = Field(description="Confirmed and fading ones of earlier weeks.")
    pattern_search: PatternSearch | None = Field(description="Null when there was none.")
    feature_importance: list[ComponentImportance]
    index_regime: CurrentRegime
    discovery_regime: CurrentRegime
    regime_changes: list[WeeklyRegimeChange] = Field(
        description="Of the last 90 days and those that began the regimes in force, newest first."
    )
    models: list[ModelCard]
    candidate_predictions: list[CandidatePrediction] = Field(
        description="Of the best ranked of the last discovery run."
    )
    strategy_recommendations: StrategyRecommendations
    weight_moves: list[WeightMove]
    changes_judged: list[WeightChange] = Field(description="Changes of the weights whose verdict came in this week.")
    corrections_moved: list[CorrectionMove] = Field(description="Begun, proposed or ended in this week.")
    inputs: dict[str, str | None] = Field(description="Table to sha256 of the partition used; null where it has none.")
    software_version: str
