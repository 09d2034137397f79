"""What the prediction models are bound by.

Belongs here: horizons, bounds, sizes and levels with their defaults. Not here: applying them, reading settings.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ModelRules:
    """Which truths are predicted, how models are fitted, and when one replaces another.

    Attributes:
        components: component scores, in the order of the feature set.
        horizon: name of the horizon of success, outperformance and return.
        overlap_sessions: sessions that horizon spans.
        stop_horizon: name of the horizon within which the stop is watched.
        stop_overlap_sessions: sessions that horizon spans.
        stop_loss: fall below the entry price, as a fraction, that a stop sells at.
        return_bound: returns are held within plus and minus this before the day's mean is taken off: a single one of
            them would outweigh a year of others in a squared error.
        window_days: calendar days of knowledge a fit looks back over.
        min_days: entry sessions below which nothing but the rate is fitted.
        min_minority: cases of the rarer truth below which nothing but the rate is fitted.
        n_folds: stretches of later days on which kinds are judged first.
        min_train_days: entry sessions before the first of them.
        first_overlaps: entry sessions of those stretches, in units of the sessions a label spans, below which the first
            judgement waits: its one look would be wasted on days too few to say anything.
        false_promotion_rate: chance that a champion is ever replaced by a kind that is no better, over all weeks and
            challengers of its reign.
        seed: of the permutations behind importance.
    """

    components: tuple[str, ...]
    horizon: str = "7d"
    overlap_sessions: int = 5
    stop_horizon: str = "30d"
    stop_overlap_sessions: int = 21
    stop_loss: float = 0.08
    return_bound: float = 0.25
    window_days: int = 1095
    min_days: int = 120
    min_minority: int = 100
    n_folds: int = 3
    min_train_days: int = 250
    first_overlaps: int = 12
    false_promotion_rate: float = 0.05
    seed: int = 6

    def horizon_of(self, target: str) -> str:
        """Name of the horizon within which this target comes true."""
        return self.stop_horizon if target == "stop_out" else self.horizon

    def overlap_of(self, target: str) -> int:
        """Sessions a label of this target spans."""
        return self.stop_overlap_sessions if target == "stop_out" else self.overlap_sessions
