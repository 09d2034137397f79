"""What patterns are looked for and judged by.

Belongs here: sizes and levels with their defaults and reasons. Not here: applying them, reading settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SESSIONS_PER_WEEK = 5


@dataclass(frozen=True, kw_only=True)
class PatternRules:
    """Which candidates are looked at, what counts as found, and what as confirmed, fading or gone.

    Attributes:
        components: component scores, in the order of the feature set.
        horizon: name of the horizon of returns.
        overlap_sessions: sessions a label of it spans.
        window_days: calendar days of knowledge looked back over.
        return_bound: returns are held within this on both sides before they are compared: one tripled price would
            otherwise speak louder than a year of days.
        held_out_share: share of the entry sessions, the last ones, that is not searched.
        min_days: days on which a rule has candidates beside others, among those searched, for it to be tried.
        min_cases: candidates it has on them.
        search_level: chance that a search finds any rule where none is related to returns.
        confirmation_level: the same of the held-out days, over all rules tested there.
        seen_level: two-sided level at which days never searched tell a known pattern from nothing.
        lasting_share: share of the promised effect below which days since the discovery make a pattern fade.
        weeks_until_gone: judged weeks in a row unseen after which a pattern is gone.
        remembered_days: calendar days a pattern that is gone keeps its row, counted from the week it was last seen in.
        n_draws: random signs of the blocks; a p-value is then no finer than 1/n_draws.
        max_tested: rules tested on held-out days in a week, the strongest ones: few tests keep their power.
    """

    components: Sequence[str]
    horizon: str = "7d"
    overlap_sessions: int = 5
    window_days: int = 1095
    return_bound: float = 0.25
    held_out_share: float = 0.25
    min_days: int = 60
    min_cases: int = 100
    search_level: float = 0.10
    confirmation_level: float = 0.05
    seen_level: float = 0.05
    lasting_share: float = 0.5
    weeks_until_gone: int = 8
    remembered_days: int = 364
    n_draws: int = 1000
    max_tested: int = 10

    @property
    def block_weeks(self) -> int:
        """Weeks of a block: twice the overlap at least, so that neighbours share little and there are many of them."""
        return -(-2 * self.overlap_sessions // SESSIONS_PER_WEEK)

    @property
    def block_sessions(self) -> int:
        """Entry sessions of a block without holidays."""
        return SESSIONS_PER_WEEK * self.block_weeks
