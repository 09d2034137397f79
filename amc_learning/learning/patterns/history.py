"""What becomes of a pattern from week to week: new, confirmed, fading, gone.

Belongs here: the definitions, applied to one pattern and one week. Not here: the numbers (effects.py), the table
(weeks.py).
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from amc_learning.learning.patterns.confirmation import Confirmation
from amc_learning.learning.patterns.effects import Effect
from amc_learning.learning.patterns.rules import PatternRules
from amc_learning.learning.patterns.window import RuleSearch
from amc_learning.learning.wording import p_value_text

STANDING = ("new", "confirmed", "fading")
"""Statuses of a pattern that was discovered and is not gone."""


@dataclass(frozen=True)
class Life:
    """What is remembered of a pattern.

    Attributes:
        status: see contracts.declared.patterns.STATUSES.
        reason: why, in one sentence.
        first_found_on: week in which a search first found it.
        discovered_on: week in which it was last new; None while unconfirmed.
        searched_to: last entry session that the search of its discovery saw; None while unconfirmed.
        last_seen_on: last week in which days not searched told it from nothing.
        n_weeks_seen: judged weeks in which they did.
        n_weeks_unseen: judged weeks in a row, up to now, in which they did not.
        promised_effect: effect over the window of its discovery.
    """

    status: str
    reason: str
    first_found_on: date
    discovered_on: date | None
    searched_to: date | None
    last_seen_on: date
    n_weeks_seen: int
    n_weeks_unseen: int
    promised_effect: float | None


def discovered(
    before: Life | None,
    effect: Effect,
    tested: Confirmation,
    found: RuleSearch,
    *,
    week: date,
    searched_to: date | None,
    rules: PatternRules,
) -> Life:
    """A rule that this week's search found and the held-out days tested: new, or unconfirmed.

    A pattern that was gone and is found and confirmed again is new again, and keeps the day it was first found. One
    that was gone and is not confirmed stays gone, until it is forgotten: then it is found for the first time.

    Args:
        before: its life up to the week before; None when it has none.
        effect: over the whole window.
        tested: what the held-out days say.
        found: what the search says.
        week: last knowledge day of this week.
        searched_to: last entry session searched.
        rules: how long what is gone is remembered.
    """
    if before is not None and before.status == "gone":
        if _is_forgotten(before, week, rules):
            before = None
        elif not tested.is_confirmed:
            return before
    status = "new" if tested.is_confirmed else "unconfirmed"
    chance = "p unknown" if found.adjusted is None else p_value_text(found.adjusted)
    tried = f"{chance} over {found.n_tried:,} rules tried"
    searched = f"{_percent(found.effect)} on the searched days ({tried})"
    held_out = (
        f"{_percent(tested.effect.estimate)} on {tested.effect.n_days} held-out days ({p_value_text(tested.p_value)})"
    )
    return Life(
        status=status,
        reason=f"{status}: {searched}, {held_out}",
        first_found_on=week if before is None else before.first_found_on,
        discovered_on=week if tested.is_confirmed else None,
        searched_to=searched_to if tested.is_confirmed else None,
        last_seen_on=week,
        n_weeks_seen=1 + (0 if before is None else before.n_weeks_seen),
        n_weeks_unseen=0,
        promised_effect=effect.estimate if tested.is_confirmed else None,
    )


def followed(
    before: Life, sign: float, unsearched: Effect, since: Effect, *, week: date, rules: PatternRules
) -> Life | None:
    """A pattern known from an earlier week, in this one; None once it is forgotten.

    Seen: the days of the window that the search of its discovery had not seen, held-out ones and those since, tell its
    effect from nothing, in its direction. Searched days would speak for it for years after it has ended.
    Gone: the interval of the effect since its discovery lies wholly on the other side of 0; or unseen in
    `weeks_until_gone` judged weeks in a row. Fading: unseen, or that interval lies wholly below `lasting_share` of what
    was promised. Confirmed: neither. That interval is right in all weeks together; the test of the days not searched is
    one look, repeated, and errs as lives of patterns that last show. Weeks that were not judged count neither way.
    What was found and never confirmed is remembered for `weeks_until_gone` judged weeks after it was last found, so
    that it keeps the day it was first found.

    Args:
        before: its life up to the last judged week before.
        sign: +1 when it pays, -1 when it costs.
        unsearched: effect over days of the window not searched at its discovery.
        since: over days entered after its discovery.
        week: last knowledge day of this week.
        rules: levels and lengths.
    """
    if before.status == "unconfirmed":
        n_unfound = before.n_weeks_unseen + 1
        reason = f"unconfirmed: last found in the week to {before.last_seen_on}"
        is_remembered = n_unfound < rules.weeks_until_gone
        return replace(before, reason=reason, n_weeks_unseen=n_unfound) if is_remembered else None
    is_seen = unsearched.one_sided(sign) <= rules.seen_level / 2
    n_unseen = 0 if is_seen else before.n_weeks_unseen + 1
    if before.status == "gone":
        return None if _is_forgotten(before, week, rules) else replace(before, n_weeks_unseen=n_unseen)
    status, reason = _judged(before, sign, unsearched, since, n_unseen=n_unseen, rules=rules)
    return replace(
        before,
        status=status,
        reason=f"{status}: {reason}",
        last_seen_on=week if is_seen else before.last_seen_on,
        n_weeks_seen=before.n_weeks_seen + is_seen,
        n_weeks_unseen=n_unseen,
    )


def _is_forgotten(gone: Life, week: date, rules: PatternRules) -> bool:
    return week - gone.last_seen_on > timedelta(days=rules.remembered_days)


def _judged(
    before: Life, sign: float, unsearched: Effect, since: Effect, *, n_unseen: int, rules: PatternRules
) -> tuple[str, str]:
    """Status and reason of a pattern that is not gone yet."""
    promised = before.promised_effect or 0.0
    later = f"{_percent(unsearched.estimate)} on {unsearched.n_days} days never searched"
    interval = f"{_percent(since.estimate)} ({_percent(since.ci_low)} to {_percent(since.ci_high)})"
    found_since = f"{interval} on {since.n_days} days since {before.discovered_on}"
    most = _furthest(since, sign)
    if most is not None and most < 0:
        return "gone", f"reversed, {found_since}"
    if n_unseen >= rules.weeks_until_gone:
        return "gone", f"{later}, not told from nothing in {n_unseen} judged weeks in a row"
    if n_unseen:
        shown = "too few" if unsearched.p_value is None else p_value_text(unsearched.p_value)
        return "fading", f"{later}, no longer told from nothing ({shown})"
    if most is not None and most < rules.lasting_share * abs(promised):
        return "fading", f"less than {rules.lasting_share:.0%} of the promised {_percent(promised)}: {found_since}"
    if most is None:
        return "confirmed", f"{later}; {since.n_days} days since its discovery are too few to tell by themselves"
    return "confirmed", f"{later}; {found_since}"


def _furthest(since: Effect, sign: float) -> float | None:
    """The end of the interval that lies furthest in the pattern's direction, counted in it."""
    if since.ci_low is None or since.ci_high is None:
        return None
    return since.ci_high if sign > 0 else -since.ci_low


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:+.2f} %"
