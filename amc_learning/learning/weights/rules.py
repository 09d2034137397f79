"""What a decision about weights is bound by.

Belongs here: the feature set with its default weights, limits and levels with their defaults. Not here: applying them
(decision), reading them from the settings (stages).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from amc_learning.learning.weights.suggestion import SuggestionRule, suggest_weights


@dataclass(frozen=True)
class FeatureWeights:
    """The feature set in its order, with the weights discovery starts from."""

    names: tuple[str, ...]
    default_weights: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class WeightRules:
    """How far and on what evidence weights may move.

    Attributes:
        daily_limit: largest change of one weight against the previous knowledge day.
        cap: largest weight of one component.
        evidence_horizon: horizon whose returns decide. The shortest by default: labels of 5 and 21 sessions overlap,
            so that 90 days hold only about 12 and 3 independent ones, and no improvement could be told from noise.
        horizons: horizon name to sessions; those other than the evidence horizon may veto.
        evidence_windows_days: time scales at which an improvement is looked for, calendar days; the error is split.
        yearly_false_change_rate: chance that pure noise moves a weight within a year of nightly looks.
        population: decisions the suggestion is judged on.
        min_days: cross-sections (times the sessions a label spans) under which a window or component is not judged.
        continue_level: one-sided p-value up to which a change, once begun, goes on.
        veto_level: one-sided p-value up to which harm at another horizon, or to a success rate, stops a change.
        campaign_days: calendar days a change under way is judged against the weights it began from.
        top_k: size of the list whose success rate and return are promised, and whose success rate may veto.
        promise_window_days: calendar days of candidates both are measured on; winners are rare.
        suggest: what turns evidence into suggested weights.
    """

    daily_limit: float = 0.10
    cap: float = 0.60
    evidence_horizon: str = "1d"
    horizons: Mapping[str, int] = field(default_factory=lambda: {"1d": 1, "7d": 5, "30d": 21})
    evidence_windows_days: tuple[int, ...] = (90, 365, 1095)
    yearly_false_change_rate: float = 0.05
    population: str = "selected"
    min_days: int = 40
    continue_level: float = 0.05
    veto_level: float = 0.05
    campaign_days: int = 90
    top_k: int = 10
    promise_window_days: int = 365
    suggest: SuggestionRule = suggest_weights
