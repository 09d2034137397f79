"""Table `learning_effectiveness`: every change of the last year as it stands on a night.

Belongs here: one row per night and change. Not here: judging one change (judgement).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.effectiveness.changes import WATCHED, Change
from amc_learning.learning.effectiveness.judgement import Sections, judge_change
from amc_learning.learning.weights.evidence import dated_evidence, days_since_epoch
from amc_learning.learning.weights.record import DecisionHistory, decision_history
from amc_learning.learning.weights.rules import WeightRules

MOST_EVIDENCE = 1e12
"""Evidence beyond this says nothing more, and would fill a page with digits."""


def learning_effectiveness(
    statistics: pl.DataFrame,
    decisions: pl.DataFrame,
    *,
    as_of: Sequence[date],
    components: tuple[str, ...],
    rules: WeightRules,
) -> pl.DataFrame:
    """Changes begun within a year before each of these nights, promised against realised.

    A row is what the decision of its night knew: changes decided on earlier nights, cross-sections known by this one.
    So a change that was found harmful has that verdict on the very night that begins to take it back.

    Args:
        statistics: table `daily_statistics`, at least of the year before `as_of[0]` on.
        decisions: table `weight_decisions`, at least from `as_of[0]` minus `LOOK_BACK_DAYS` on.
        as_of: knowledge days, ascending.
        components: the feature set.
        rules: evidence horizon and population.

    Returns:
        Table `learning_effectiveness`, sorted by night and beginning of the change.
    """
    schema = catalogue(components)["learning_effectiveness"].schema
    evidence, entered_on = dated_evidence(
        statistics, components=components, horizon=rules.evidence_horizon, population=rules.population
    )
    sections = Sections(entered_on, evidence.known_on, evidence.return_covariances, evidence.score_covariances)
    earlier = iter(decision_history(decisions, names=components).nights)
    history, following = DecisionHistory(), next(earlier, None)
    rows: list[dict[str, Any]] = []
    for night in as_of:
        while following is not None and following.known_on < night:
            history.add(following)
            following = next(earlier, None)
        rows += [_row(night, change, sections, components, rules) for change in history.changes.watched(night)]
    return pl.DataFrame(rows, schema=schema).sort("known_on", "began_on")


def evidence_needed_from(first: date) -> date:
    """First day of `daily_statistics` that a night of `first` looks at: a change is judged for a year.

    >>> evidence_needed_from(date(2024, 3, 11))
    datetime.date(2023, 3, 2)
    """
    return first - WATCHED - timedelta(days=10)


def _row(
    night: date, change: Change, sections: Sections, components: tuple[str, ...], rules: WeightRules
) -> dict[str, Any]:
    found = judge_change(
        change,
        sections,
        known_until=days_since_epoch(night),
        overlap_sessions=rules.horizons[rules.evidence_horizon],
    )
    promise, steps = change.promised, change.after - change.before
    largest = int(np.argmax(np.abs(steps)))
    return {
        "known_on": night,
        "began_on": change.began_on,
        "last_step_on": date.fromordinal(change.steps[-1][0] + date(1970, 1, 1).toordinal()),
        "state": change.ended_by,
        "ended_on": change.ended_on,
        "number_in_year": change.number,
        "most_changed_component": components[largest],
        "most_changed_by": _rounded(float(steps[largest])),
        "evidence_horizon": rules.evidence_horizon,
        "evidence_population": rules.population,
        "promised": None if promise is None else promise.estimate,
        "promised_ci_low": None if promise is None else promise.ci_low,
        "promised_ci_high": None if promise is None else promise.ci_high,
        "n_days": found.n_days,
        "judged_until": None
        if found.judged_until is None
        else date.fromordinal(found.judged_until + date(1970, 1, 1).toordinal()),
        "realised": _rounded(found.realised),
        "realised_ci_low": _rounded(found.ci_low),
        "realised_ci_high": _rounded(found.ci_high),
        "evidence_of_harm": _rounded(min(found.e_harm, MOST_EVIDENCE)),
        "evidence_of_benefit": _rounded(min(found.e_help, MOST_EVIDENCE)),
        "evidence_needed": _rounded(found.e_needed),
        "verdict": found.verdict,
    }


def _rounded(value: float | None) -> float | None:
    # Processors differ in the last bit of a sum; a published figure does not.
    return None if value is None else round(value, 9) + 0.0
