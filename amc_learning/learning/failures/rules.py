"""The numbers by which failures are judged, each with its reason.

Belongs here: rules and their checks. Not here: applying them (cases.py, patterns.py, severity.py).
"""

from dataclasses import dataclass

NIGHTS_PER_YEAR = 252
N_KINDS = 3


@dataclass(frozen=True, kw_only=True)
class FailureRules:
    """What a failure is, when failures are systematic, and how grave they are.

    Attributes:
        loser_return: realised or forward return (fraction) down to which a trade or candidate failed.
        high_confidence: confidence (fraction) from which a wrong thesis is a failure.
        horizon: horizon at which theses and candidates are judged.
        judged_tags: candidates are judged only under these tags: nobody acts on the others.
        window_days: calendar days of the count rule.
        min_failures: failures in that window that call for a look (the system description's 3 in 30 days).
        evidence_days: calendar days of the windows in which rates are compared, ascending. The short one sees a sudden
            failure mode before history dilutes it, the long one a slow one; both are paid for in the correction.
        episode_days: a case counts only if its symbol had no other for so many calendar days: labels of neighbouring
            days overlap (7 sessions) and attributes hardly change, so repeats are not fresh evidence.
        min_block_cases: days are joined with their neighbours until a block has this many cases, where outcomes of a
            day move together.
        min_calm_block_cases: the same where only the rate of the last weeks differs from before; where neither is seen,
            all cases of the long window form one block, because larger blocks leave more to compare.
        day_effect_bound: outcomes of a day move together when the spread of daily failure rates is this many standard
            errors above what independent cases give. Low, because missing a day effect costs more than a little power.
        family_error: chance, per night, of any systematic pattern where there is none; shared evenly by the kinds in
            which there is anything to search. A little under 0.1, because a run with one false flag may have two.
        yearly_error: chance of any false high or critical pattern in a year of nights over all kinds, spent evenly:
            windows overlap, but extremes of this size hardly repeat from night to night, so nothing is gained by
            assuming that they do.
        critical_excess: excess of the failure rate over the rest's from which a high one is critical.
        high_excess: the same for high; less is too small a loss to move anything at once, however certain.
        medium_excess: the same for medium.
        max_draws: permutations at most.
        max_exceedances: drawing stops once the strongest pattern was beaten this often (Besag and Clifford).
        max_watch: watched patterns stored per kind and day.
    """

    loser_return: float = -0.10
    high_confidence: float = 0.7
    horizon: str = "7d"
    judged_tags: tuple[str, ...] = ("trade_ready", "watchlist")
    window_days: int = 30
    min_failures: int = 3
    evidence_days: tuple[int, int] = (30, 91)
    episode_days: int = 11
    min_block_cases: int = 5
    min_calm_block_cases: int = 60
    day_effect_bound: float = 0.8
    family_error: float = 0.08
    yearly_error: float = 0.05
    critical_excess: float = 0.30
    high_excess: float = 0.15
    medium_excess: float = 0.20
    max_draws: int = 1000
    max_exceedances: int = 10
    max_watch: int = 20

    def __post_init__(self) -> None:
        """Refuse rules that contradict each other."""
        if not self.window_days == self.evidence_days[0] < self.evidence_days[1]:
            raise ValueError(
                f"the first evidence window must be the window of the count rule ({self.window_days} days) and the "
                f"second longer, not {self.evidence_days}"
            )
        if self.max_draws * self.family_error / N_KINDS < self.max_exceedances:
            raise ValueError(
                f"{self.max_draws} draws stopped at {self.max_exceedances} exceedances cannot settle "
                f"a family error of {self.family_error:.3g}: draw more or stop earlier"
            )

    @property
    def lookback_days(self) -> int:
        """Calendar days before and including a day that decide its patterns."""
        return self.evidence_days[1] + self.episode_days

    @property
    def nightly_error(self) -> float:
        """What one kind may spend in one night of the yearly error."""
        return self.yearly_error / (NIGHTS_PER_YEAR * N_KINDS)
