"""What a calibration is bound by.

Belongs here: limits and windows with their defaults. Not here: applying them (decision.py), reading them from settings.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CalibrationRules:
    """Which theses judge, how many are enough, and how far a multiplier may go.

    Attributes:
        horizon: name of the horizon at which a thesis is right or wrong.
        overlap_sessions: sessions that horizon spans.
        window_days: calendar days of theses a map is fitted to.
        min_theses: with fewer, a group has no multiplier and no score of its own, and the whole no map.
        clamp: bounds of the multiplier.

    Raises:
        ValueError: rules that cannot be meant.
    """

    horizon: str = "7d"
    overlap_sessions: int = 5
    window_days: int = 1095
    min_theses: int = 50
    clamp: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        """Refuse rules that cannot be meant."""
        if self.overlap_sessions < 1 or self.window_days < 1 or self.min_theses < 1:
            raise ValueError(
                f"overlap_sessions {self.overlap_sessions}, window_days {self.window_days} and min_theses "
                f"{self.min_theses} must each be at least 1"
            )
        if not 0 < self.clamp[0] <= 1 <= self.clamp[1]:
            raise ValueError(f"the clamp {self.clamp} must hold 1, no change, above a positive lower bound")
