"""What the nights do about systematic failures.

Belongs here: which of tonight's patterns are corrected, and the order of steps over a range of nights. Not here: how
one correction changes (lifecycle), how much it takes away (sizing).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from amc_learning.learning.corrections.lifecycle import (
    MEASURED_HARM,
    NO_NEW_FAILURES,
    PERSON,
    Finding,
    Night,
    covered_by,
    created,
    created_vetoed,
    expired_at_once,
    expired_by_person,
    expired_for_want_of_failures,
    measured,
    released,
    renewed,
    vetoed,
    withdrawn_if_harmful,
)
from amc_learning.learning.corrections.measurement import CaseCounts
from amc_learning.learning.corrections.orders import CorrectionOrder, CorrectionOrders, correction_orders
from amc_learning.learning.corrections.patterns import parse_pattern
from amc_learning.learning.corrections.record import Correction, as_table, state_before
from amc_learning.learning.corrections.rules import ACTIVE, VETOED, CorrectionRules


def decide_corrections(
    patterns: pl.DataFrame,
    cases: pl.DataFrame,
    orders: pl.DataFrame | None,
    previous: pl.DataFrame | None,
    *,
    as_of: Sequence[date],
    rules: CorrectionRules,
) -> pl.DataFrame:
    """Corrections of these nights, in order: each night starts from the corrections of the one before.

    A night, for every pattern that is `systematic` on it:

    - low and medium severity is proposed, high and critical is in force at once;
    - of patterns nested in each other (a value, and a pair that contains it) one is corrected: what is in force stays,
      then come the severe, what is proposed already, what no other explains, the smallest adjusted p-value, most
      failures, the shorter; nor is what one of these explains (`explained_by`) corrected beside it;
    - it holds `renewal_days`, counted anew with every new failure while the pattern stays systematic;
    - a veto keeps it away, and every narrower pattern with it, until released;
    - an order to expire ends it. What a person or measured harm ended comes back when it is systematic `window_days`
      later, the failures that call for a look all being new; what ended for want of failures, with a newer one; what
      was covered or released, when found;
    - what is measured to do harm is withdrawn.

    The sensor that applies critical corrections at once calls this with today's patterns so far; the night comes to
    the same result from the same previous day.

    Args:
        patterns: table failure_patterns, rows of the `as_of` days. Other rows change nothing.
        cases: table failure_cases from `cases_needed_from` on; rows known after a night do not reach it.
        orders: table correction_orders, all of it: a veto stands however old it is.
        previous: table corrections, rows of the last day before `as_of[0]`; None or empty at the very beginning.
        as_of: knowledge days, ascending.
        rules: how long corrections hold and stay visible.

    Returns:
        Table corrections: per night every correction that is live, vetoed, or ended at most `visible_days` ago.

    Raises:
        ValueError: an order or a pattern cannot be read.
    """
    given, counts = correction_orders(orders), CaseCounts(cases)
    found_on = _findings(patterns, as_of)
    nights: list[tuple[date, list[Correction]]] = []
    state = state_before(previous, as_of[0]) if as_of else {}
    for day in as_of:
        night = Night(day, rules, counts)
        state = _next_state(state, found_on.get(day, {}), given, night)
        nights.append((day, list(state.values())))
    return as_table(nights)


def cases_needed_from(previous: pl.DataFrame | None, *, as_of: Sequence[date], rules: CorrectionRules) -> date:
    """First knowledge day of failure_cases that `decide_corrections` needs for these nights.

    The longest evidence window of the first night, and everything since the oldest correction that is still measured.
    """
    first = as_of[0] - timedelta(days=rules.evidence_days - 1)
    return min([first, *(correction.created_on for correction in state_before(previous, as_of[0]).values())])


def _findings(patterns: pl.DataFrame, as_of: Sequence[date]) -> dict[date, dict[str, Finding]]:
    """Systematic patterns per night, by name of their correction."""
    systematic = patterns.filter(pl.col("known_on").is_in(list(as_of)), status="systematic")
    found: dict[date, dict[str, Finding]] = {}
    for row in systematic.iter_rows(named=True):
        finding = Finding(
            parse_pattern(row["kind"], row["pattern"]),
            severity=row["severity"],
            n_cases=row["n_cases"],
            n_failures=row["n_failures"],
            failure_rate=row["failure_rate"],
            base_rate=row["base_rate"],
            adjusted_p_value=row["adjusted_p_value"],
            last_failed_on=row["last_failed_on"],
            evidence_days=row["evidence_days"],
            explained_by=row["explained_by"],
        )
        found.setdefault(row["known_on"], {})[finding.name] = finding
    return found


def _next_state(
    state: Mapping[str, Correction], found: Mapping[str, Finding], orders: CorrectionOrders, night: Night
) -> dict[str, Correction]:
    """All corrections of this night from those of the night before."""
    after_orders = {name: _ordered(state[name], orders, night) for name in state}
    vetoes = {name: _veto_of(finding, orders, night) for name, finding in found.items()}
    after_orders |= {
        name: expired_at_once(finding, expiry.reason, night, times_created=_times_created(after_orders.get(name)) + 1)
        for name, finding in found.items()
        if vetoes[name] is None
        and (expiry := _expiry_today(finding, orders, night)) is not None
        and not (name in after_orders and after_orders[name].is_live)
        and _may_be_corrected(finding, after_orders, night)
    }
    eligible = [
        finding
        for name, finding in found.items()
        if vetoes[name] is None and _may_be_corrected(finding, after_orders, night)
    ]
    chosen, coverers = _chosen(eligible, after_orders)
    following: dict[str, Correction] = {}
    for name in sorted(after_orders.keys() | found.keys()):
        correction, finding = after_orders.get(name), found.get(name)
        veto = vetoes.get(name)
        if finding is not None and veto is not None:
            following[name] = (
                created_vetoed(finding, veto.reason, night)
                if correction is None
                else replace(correction, last_found_on=night.day)
            )
        elif name in chosen and finding is not None:
            following[name] = _corrected(correction, finding, night)
        elif correction is not None:
            following[name] = _uncorrected(correction, coverers, night)
    observed = (withdrawn_if_harmful(measured(it, night), night) for it in following.values())
    return {it.name: it for it in observed if _is_visible(it, night)}


def _ordered(correction: Correction, orders: CorrectionOrders, night: Night) -> Correction:
    """What a person's orders make of a correction, before tonight's evidence is looked at."""
    veto = _standing_veto((correction.name, *correction.found_pattern.wider_names()), orders, night)
    if veto is not None:
        return vetoed(correction, veto.reason, night)
    if correction.status == VETOED:
        return released(correction, night)
    expiry = orders.expiry_of(correction.name, created_on=correction.created_on, night=night.day)
    if correction.is_live and expiry is not None:
        return expired_by_person(correction, expiry.reason, night)
    return correction


def _veto_of(finding: Finding, orders: CorrectionOrders, night: Night) -> CorrectionOrder | None:
    return _standing_veto((finding.name, *finding.pattern.wider_names()), orders, night)


def _standing_veto(names: Iterable[str], orders: CorrectionOrders, night: Night) -> CorrectionOrder | None:
    standing = (orders.veto_on(name, night.day) for name in names)
    return next((veto for veto in standing if veto is not None), None)


def _expiry_today(finding: Finding, orders: CorrectionOrders, night: Night) -> CorrectionOrder | None:
    """The order of this very day to end what tonight would create: the sensor had put it in force at noon."""
    return orders.expiry_of(finding.name, created_on=night.day, night=night.day)


def _times_created(correction: Correction | None) -> int:
    return correction.times_created if correction else 0


def _may_be_corrected(finding: Finding, state: Mapping[str, Correction], night: Night) -> bool:
    """False while failures that a person or measured harm has settled are still in the window.

    A wider pattern's end holds for the narrower one too: the same cases would come back under another name.
    """
    ends = (state.get(name) for name in (finding.name, *finding.pattern.wider_names()))
    return all(end is None or _may_come_back(end, finding, night) for end in ends)


def _may_come_back(correction: Correction, finding: Finding, night: Night) -> bool:
    if correction.ended_by in {PERSON, MEASURED_HARM} and correction.ended_on is not None:
        return correction.ended_on < night.days_back(night.rules.window_days)
    if correction.ended_by == NO_NEW_FAILURES and correction.name == finding.name:
        return finding.last_failed_on > correction.last_failed_on
    return True


def _chosen(eligible: Sequence[Finding], state: Mapping[str, Correction]) -> tuple[set[str], dict[str, str]]:
    """Names to correct, and for every live correction that is covered the name of what covers it."""
    live = {name: it for name, it in state.items() if it.is_live}
    in_force = {name: it for name, it in live.items() if it.status == ACTIVE}

    def precedence(finding: Finding) -> tuple[bool, bool, bool, bool, float, int, int, str]:
        p_value = 1.0 if finding.adjusted_p_value is None else finding.adjusted_p_value
        return (
            finding.name not in in_force,
            not finding.is_severe,
            finding.name not in live,
            finding.explained_by is not None,
            p_value,
            -finding.n_failures,
            len(finding.pattern.literals),
            finding.name,
        )

    kept = {name: it.found_pattern for name, it in in_force.items()}
    accepted: set[str] = set()
    ranked = sorted(eligible, key=precedence)
    # A proposal not found tonight gives way to what is severe only, or it would come and go with a mild nested one.
    waiting = {name: it.found_pattern for name, it in live.items() if name not in {found.name for found in eligible}}
    for finding in ranked:
        if not finding.is_severe:
            kept |= {name: it for name, it in waiting.items() if not any(it.is_nested_with(o) for o in kept.values())}
            waiting = {}
        others = [pattern for name, pattern in kept.items() if name != finding.name]
        is_nested = any(other.is_nested_with(finding.pattern) for other in others)
        is_explained = any(
            other.text == finding.explained_by and other.kind == finding.pattern.kind for other in others
        )
        if not is_nested and (not is_explained or finding.name in live):
            kept[finding.name] = finding.pattern
            accepted.add(finding.name)
    coverers = {}
    for name, correction in live.items():
        wins = [other for other in kept if kept[other].is_nested_with(correction.found_pattern)]
        if name not in kept and wins:
            coverers[name] = min(wins)
    return accepted, coverers


def _corrected(correction: Correction | None, finding: Finding, night: Night) -> Correction:
    if correction is not None and correction.is_live:
        return _expired_if_due(renewed(correction, finding, night), night)
    return created(finding, night, times_created=1 + _times_created(correction))


def _uncorrected(correction: Correction, coverers: Mapping[str, str], night: Night) -> Correction:
    if not correction.is_live:
        return correction
    if correction.name in coverers:
        return covered_by(correction, coverers[correction.name], night)
    return _expired_if_due(correction, night)


def _expired_if_due(correction: Correction, night: Night) -> Correction:
    return expired_for_want_of_failures(correction, night) if night.day >= correction.expires_on else correction


def _is_visible(correction: Correction, night: Night) -> bool:
    if correction.is_live or correction.status == VETOED or correction.ended_on is None:
        return True
    return (night.day - correction.ended_on).days <= night.rules.visible_days
