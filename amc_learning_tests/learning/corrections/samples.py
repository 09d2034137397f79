"""Small tables of failures and orders, built row by row."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from amc_learning.contracts.declared.corrections import correction_orders
from amc_learning.contracts.declared.failures import failure_cases, failure_patterns
from amc_learning.learning.corrections import CorrectionRules, decide_corrections

AI = "source=ai"
AI_BUY = "source=ai & recommendation=BUY_MORE"
RULES = CorrectionRules()
START = date(2014, 3, 3)


def weekdays(n, start=START):
    days = (start + timedelta(days=step) for step in range(2 * n + 7))
    return [day for day in days if day.weekday() < 5][:n]


def pattern_row(day, pattern=AI_BUY, kind="thesis", **values):
    standard = {
        "known_on": day,
        "kind": kind,
        "pattern": pattern,
        "evidence_days": 30,
        "n_cases": 24,
        "n_failures": 18,
        "failure_rate": 0.75,
        "base_rate": 0.4,
        "n_window_cases": 24,
        "n_window_failures": 18,
        "p_value": 0.0001,
        "adjusted_p_value": 0.004,
        "status": "systematic",
        "severity": "high",
        "first_failed_on": day - timedelta(days=20),
        "last_failed_on": day,
        "n_patterns_searched": 50,
        "n_patterns_counted": 50,
        "n_draws": 1000,
    }
    return standard | values


def patterns(*rows):
    return pl.DataFrame(rows, schema=failure_patterns().schema)


def found(days, pattern=AI_BUY, *, is_failing_on=True, **values):
    """Systematic on each of these days; with a new failure every day, or with the one of the first day only."""
    return [
        pattern_row(day, pattern, **({} if is_failing_on else {"last_failed_on": days[0]}) | values) for day in days
    ]


def cases(rows):
    """From (day, is_failure, attributes): theses decided a week before, unless the attributes say otherwise."""
    listed = [
        {
            "known_on": day,
            "kind": "thesis",
            "case_id": f"case-{at}",
            "symbol": "ABC",
            "decided_on": day - timedelta(days=7),
            "is_failure": is_failure,
            "is_withdrawn": False,
        }
        | attributes
        for at, (day, is_failure, attributes) in enumerate(rows)
    ]
    return pl.DataFrame(listed, schema=failure_cases().schema)


NO_CASES = cases([])


def orders(*given):
    """From (day, action, name); each later in the day than the one before it."""
    rows = [
        {
            "known_on": day,
            "requested_at": datetime.combine(day, time(14, at), UTC),
            "action": action,
            "name": name,
            "reason": "seen by a person",
        }
        for at, (day, action, name) in enumerate(given)
    ]
    return pl.DataFrame(rows, schema=correction_orders().schema)


def decided(pattern_rows, days, *, known_cases=NO_CASES, given=None, previous=None, rules=RULES):
    return decide_corrections(patterns(*pattern_rows), known_cases, given, previous, as_of=days, rules=rules)


def one(table, day, name=None):
    rows = table.filter(known_on=day) if name is None else table.filter(known_on=day, name=name)
    return rows.row(0, named=True)
