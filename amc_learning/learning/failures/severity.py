"""How grave a systematic failure is.

Belongs here: severity from excess loss and evidence. Not here: whether it is systematic (patterns.py), what to do about
it (corrections).
"""

from amc_learning.learning.failures.rules import FailureRules

CRITICAL_RATIO = 2.0
"""A critical pattern fails at least twice as often as the rest: an excess of 0.30 on a rest of 0.50 is no emergency."""


def severity(
    *,
    failure_rate: float,
    base_rate: float | None,
    mean_return: float | None,
    mean_return_rest: float | None,
    adjusted_p_value: float,
    is_cause: bool,
    rules: FailureRules,
) -> str:
    """Severity of a systematic pattern.

    high and critical move things the same night, so they ask for evidence that survives a year of nightly looks; what
    parts them is how much more is lost. Where returns are known, the pattern must also earn less than the rest.

    Args:
        failure_rate: of the pattern (fraction).
        base_rate: of the rest (fraction); null when there is no rest.
        mean_return: of the pattern (fraction); null when unknown or when a high return is no success.
        mean_return_rest: of the rest, the same way.
        adjusted_p_value: after correction for the search.
        is_cause: false when the pattern names an exit reason: that comes after the decision, so it is never acted on
            by itself and at most medium.
        rules: the bounds.

    Returns:
        low, medium, high or critical.

    >>> severity(failure_rate=0.6, base_rate=0.15, mean_return=-0.08, mean_return_rest=0.01, adjusted_p_value=1e-6,
    ...          is_cause=True, rules=FailureRules())
    'critical'
    >>> severity(failure_rate=0.6, base_rate=0.15, mean_return=-0.08, mean_return_rest=0.01, adjusted_p_value=0.01,
    ...          is_cause=True, rules=FailureRules())
    'medium'
    """
    base = base_rate or 0.0
    excess = failure_rate - base
    is_dearer = mean_return is None or mean_return_rest is None or mean_return < mean_return_rest
    if is_cause and is_dearer and adjusted_p_value <= rules.nightly_error:
        if excess >= rules.critical_excess and failure_rate >= CRITICAL_RATIO * base:
            return "critical"
        if excess >= rules.high_excess:
            return "high"
    return "medium" if excess >= rules.medium_excess else "low"
