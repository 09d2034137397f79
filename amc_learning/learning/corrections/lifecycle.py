"""How one correction changes in one night.

Belongs here: creation, renewal, escalation, veto, expiry, withdrawal, and the sentence for each. Not here: which of
several overlapping patterns is corrected (selection), the measurement itself (measurement).
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from amc_learning.learning.corrections.measurement import (
    HARMED,
    CaseCounts,
    Rate,
    correction_effect,
)
from amc_learning.learning.corrections.patterns import Pattern, correction_target
from amc_learning.learning.corrections.record import Correction
from amc_learning.learning.corrections.rules import (
    ACTIVE,
    EXPIRED,
    MIN_CASES_TO_MEASURE,
    PROPOSED,
    SEVERITIES,
    VETOED,
    WITHDRAWN,
    CorrectionRules,
)
from amc_learning.learning.corrections.sizing import correction_size, size_bounds

PERSON, RELEASED, NO_NEW_FAILURES, MEASURED_HARM, COVERED = (
    "person",
    "release",
    "no_new_failures",
    "measured_harm",
    "covered",
)


@dataclass(frozen=True)
class Finding:
    """One systematic pattern of tonight, as in table failure_patterns."""

    pattern: Pattern
    severity: str
    n_cases: int
    n_failures: int
    failure_rate: float
    base_rate: float | None
    adjusted_p_value: float | None
    last_failed_on: date
    evidence_days: int
    explained_by: str | None

    @property
    def name(self) -> str:
        """Name of its correction."""
        return self.pattern.name

    @property
    def is_severe(self) -> bool:
        """True when it moves things the same night."""
        return self.severity in {"high", "critical"}


@dataclass(frozen=True)
class Night:
    """What every step of one night needs."""

    day: date
    rules: CorrectionRules
    counts: CaseCounts

    def days_back(self, n_days: int) -> date:
        """First of the `n_days` calendar days up to tonight."""
        return self.day - timedelta(days=n_days - 1)


def created(finding: Finding, night: Night, *, times_created: int) -> Correction:
    """A new correction: proposed when low or medium, in force when high or critical."""
    target = correction_target(finding.pattern)
    lower, upper = size_bounds(target.kind)
    bare = Correction(
        name=finding.name,
        kind=target.kind,
        target=target.target,
        lower_bound=lower,
        upper_bound=upper,
        severity=finding.severity,
        status=PROPOSED,
        status_since=night.day,
        created_on=night.day,
        renewed_on=night.day,
        expires_on=night.day,
        times_created=times_created,
        pattern_kind=finding.pattern.kind,
        pattern=finding.pattern.text,
        last_failed_on=finding.last_failed_on,
        last_found_on=night.day,
        evidence_days=finding.evidence_days,
    )
    return resting_on(_measured_before(bare, night), finding, night)


def resting_on(correction: Correction, finding: Finding, night: Night) -> Correction:
    """The correction resting on tonight's evidence: sized anew, in force from now on if it has become severe.

    Severity only rises while it lives, and what is in force stays so: that a corrected pattern has become milder may
    be the correction's own doing.
    """
    severity = max(correction.severity, finding.severity, key=SEVERITIES.index)
    status = ACTIVE if severity in {"high", "critical"} else PROPOSED
    target = correction_target(finding.pattern)
    share = night.counts.share_of(finding.pattern, target.literals, night.days_back(finding.evidence_days), night.day)
    size = correction_size(
        target.kind,
        severity=severity,
        n_failures=finding.n_failures,
        n_cases=finding.n_cases,
        base_rate=finding.base_rate,
        target_share=share,
    )
    renewed = replace(
        correction,
        severity=severity,
        status=status,
        status_since=correction.status_since if status == correction.status else night.day,
        renewed_on=night.day,
        expires_on=night.day + timedelta(days=night.rules.renewal_days),
        factor=size.factor,
        raise_points=size.raise_points,
        evidence_days=finding.evidence_days,
        n_cases=finding.n_cases,
        n_failures=finding.n_failures,
        failure_rate=finding.failure_rate,
        base_rate=finding.base_rate,
        adjusted_p_value=finding.adjusted_p_value,
        target_share=share,
        last_failed_on=max(correction.last_failed_on, finding.last_failed_on),
        last_found_on=night.day,
        is_at_once=severity == "critical",
    )
    if status == ACTIVE and renewed.in_force_from is None:
        renewed = replace(_measured_before(renewed, night), in_force_from=night.day, measured_until=None)
    return replace(renewed, reason=f"{status}: {_evidence(renewed)}; {_remedy(renewed)}")


def renewed(correction: Correction, finding: Finding, night: Night) -> Correction:
    """A live correction whose pattern is found again: renewed only by a newer failure or a worse severity.

    The same failures stay in the window for a month; that they are still there is no new evidence.
    """
    is_newer = finding.last_failed_on > correction.last_failed_on
    is_worse = SEVERITIES.index(finding.severity) > SEVERITIES.index(correction.severity)
    if is_newer or is_worse:
        return resting_on(correction, finding, night)
    return replace(correction, last_found_on=night.day)


def created_vetoed(finding: Finding, reason: str, night: Night) -> Correction:
    """What would have been created, had a person not ordered to keep it away: listed, never in force."""
    return vetoed(replace(created(finding, night, times_created=0), in_force_from=None), reason, night)


def vetoed(correction: Correction, reason: str, night: Night) -> Correction:
    """Kept away by a person for as long as the veto stands."""
    ended = correction if correction.status == VETOED else _ended(correction, VETOED, PERSON, night)
    return replace(ended, reason=f"vetoed since {ended.status_since}: {reason}; {_evidence(ended)}")


def expired_at_once(finding: Finding, reason: str, night: Night, *, times_created: int) -> Correction:
    """What would have been created on the day a person ordered its end: listed, and not in force that night."""
    never = replace(created(finding, night, times_created=times_created), in_force_from=None)
    return expired_by_person(never, reason, night)


def expired_by_person(correction: Correction, reason: str, night: Night) -> Correction:
    """Ended by a person; comes back only when every failure it would rest on is newer than that."""
    ended = _ended(correction, EXPIRED, PERSON, night)
    return replace(ended, reason=f"expired by a person on {night.day}: {reason}; {_evidence(ended)}")


def released(correction: Correction, night: Night) -> Correction:
    """A veto taken back: ended still, and free to come back as soon as its pattern is found."""
    ended = _ended(correction, EXPIRED, RELEASED, night)
    return replace(ended, reason=f"expired: the veto was released on {night.day}; {_evidence(ended)}")


def expired_for_want_of_failures(correction: Correction, night: Night) -> Correction:
    """Ended because nothing renewed it."""
    ended = _ended(correction, EXPIRED, NO_NEW_FAILURES, night)
    since = f"no new evidence since {correction.renewed_on}"
    return replace(ended, reason=f"expired on {night.day}: {since}; it rested on {_evidence(ended)}")


def covered_by(correction: Correction, other: str, night: Night) -> Correction:
    """Withdrawn because a stronger overlapping pattern is corrected."""
    ended = _ended(correction, WITHDRAWN, COVERED, night)
    return replace(ended, reason=f"withdrawn on {night.day}: covered by {other}; {_evidence(ended)}")


def withdrawn_if_harmful(correction: Correction, night: Night) -> Correction:
    """Withdrawn when its measured effect is reliably bad; otherwise unchanged."""
    if correction.status != ACTIVE or correction.verdict != HARMED:
        return correction
    ended = _ended(correction, WITHDRAWN, MEASURED_HARM, night)
    found = (
        f"the failure rate rose by {correction.effect:+.2f} ({correction.effect_ci_low:+.2f} to "
        f"{correction.effect_ci_high:+.2f}) against the rest over {correction.n_cases_after} cases"
    )
    return replace(ended, reason=f"withdrawn on {night.day}: it did harm: {found}")


def measured(correction: Correction, night: Night) -> Correction:
    """The correction with what came of it so far.

    Cases count that were decided after the day it came into force (was created, when it never was) and no later than
    it ended, for as long as it is listed. Without having been in force it has counts, but no effect and no verdict.
    """
    pattern, rest = night.counts.decided_under(
        correction.found_pattern,
        after=correction.in_force_from or correction.created_on,
        until=correction.ended_on,
        night=night.day,
    )
    counted = replace(
        correction,
        measured_until=night.day,
        n_cases_after=pattern.n_cases,
        n_failures_after=pattern.n_failures,
        failure_rate_after=pattern.rate,
        n_rest_after=rest.n_cases,
        rest_rate_after=rest.rate,
    )
    if correction.in_force_from is None:
        return counted
    effect = correction_effect(
        pattern_before=_rate(correction.failure_rate_before, correction.n_cases_before, correction.n_effective_before),
        rest_before=_rate(correction.rest_rate_before, correction.n_rest_before, correction.n_effective_rest_before),
        pattern_after=pattern,
        rest_after=rest,
    )
    return replace(
        counted,
        effect=effect.effect,
        effect_ci_low=effect.ci_low,
        effect_ci_high=effect.ci_high,
        verdict=effect.verdict,
    )


def _measured_before(correction: Correction, night: Night) -> Correction:
    pattern, rest = night.counts.before_and_rest(
        correction.found_pattern, night.days_back(correction.evidence_days), night.day
    )
    return replace(
        correction,
        n_cases_before=pattern.n_cases,
        n_effective_before=pattern.n_effective,
        failure_rate_before=pattern.rate,
        n_rest_before=rest.n_cases,
        n_effective_rest_before=rest.n_effective,
        rest_rate_before=rest.rate,
    )


def _rate(rate: float | None, n_cases: int, n_effective: float) -> Rate | None:
    return None if rate is None or n_cases < MIN_CASES_TO_MEASURE else Rate(rate, n_effective)


def _ended(correction: Correction, status: str, ended_by: str, night: Night) -> Correction:
    return replace(
        correction,
        status=status,
        status_since=night.day,
        ended_on=night.day if correction.is_live or correction.ended_on is None else correction.ended_on,
        ended_by=ended_by,
    )


def _evidence(correction: Correction) -> str:
    p_value = "" if correction.adjusted_p_value is None else f", adjusted p = {correction.adjusted_p_value:.2g}"
    base_rate = "" if correction.base_rate is None else f" against {correction.base_rate:.0%}"
    return (
        f"{correction.n_failures} of {correction.n_cases} {correction.pattern_kind} cases with {correction.pattern} "
        f"failed in {correction.evidence_days} days ({correction.failure_rate:.0%}{base_rate}{p_value})"
    )


def _remedy(correction: Correction) -> str:
    things = {
        "component_weight": f"weight of {correction.target}",
        "tag_threshold": f"threshold of {correction.target}",
        "confidence": f"confidence of {correction.target}",
        "position_size": f"size of positions with {correction.target} (advice)",
    }
    size = f"raised by {correction.raise_points:g} points" if correction.factor is None else f"x {correction.factor:g}"
    return f"severity {correction.severity}: {things[correction.kind]} {size} until {correction.expires_on}"
