"""Whether learning leads to anything, counted from the history of published documents.

Belongs here: the three numbers of the health report. Not here: judging a change against what came of it (learning).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from amc_learning.contracts.documents.names import (
    CONFIDENCE_DOCUMENT,
    RECOMMENDATIONS_DOCUMENT,
    WEEKLY_REPORT_DOCUMENT,
    WEIGHTS_DOCUMENT,
)
from amc_learning.contracts.health import LearningEffectiveness
from amc_learning.service.shelf import Document
from amc_learning.warehouse.publications import Publications

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


def learning_effectiveness(publications: Publications, today: date) -> LearningEffectiveness:
    """The numbers of the week and the month up to today, from documents as they were published.

    Raises:
        CorruptDocument: a document of the last month is damaged.
    """
    return LearningEffectiveness(
        patterns_discovered_this_week=_new_patterns(publications, today),
        parameter_adjustments_this_week=_adjustments(publications, today),
        accuracy_improvement_this_month=_accuracy_improvement(publications, today),
    )


def _new_patterns(publications: Publications, today: date) -> int | None:
    """Rules new in the week's report, and systematic failures that its nights found new; None before both."""
    counts = [_new_rules(publications, today), _new_failures(publications, today)]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _new_rules(publications: Publications, today: date) -> int | None:
    """Patterns that pay or cost, new in the newest report of the last seven days; None before the first report.

    A report is of a Friday and there from Saturday on: on the next Friday it is seven days old and still the newest.
    """
    newest = _last(publications.history(WEEKLY_REPORT_DOCUMENT), today)
    if newest is None:
        return None
    report = publications.document(WEEKLY_REPORT_DOCUMENT, newest) if newest >= today - WEEK else None
    return len((report or {}).get("new_patterns", ()))


def _new_failures(publications: Publications, today: date) -> int | None:
    """Systematic failures that some night of the week found and the last night before it had not."""
    before, week = _split(publications, RECOMMENDATIONS_DOCUMENT, today - WEEK, today)
    if not week and before is None:
        return None
    known = _patterns(before)
    return len({pattern for document in week for pattern in _patterns(document)} - known)


def _patterns(document: Document | None) -> set[tuple[str, str]]:
    return {(alert["kind"], alert["pattern"]) for alert in (document or {}).get("pattern_alerts", ())}


def _adjustments(publications: Publications, today: date) -> int | None:
    """Nights of the week whose weights differ from those before."""
    before, week = _split(publications, WEIGHTS_DOCUMENT, today - WEEK, today)
    if not week and before is None:
        return None
    return sum(is_adjustment(document) for document in week)


def is_adjustment(weights: Document) -> bool:
    """Whether a weights document moved a weight against the night before."""
    before: dict[str, float] = weights["previous"]["weights"]
    now: dict[str, float] = weights["data"]["optimized_parameters"]
    return any(now.get(f"{name}_weight") != weight for name, weight in before.items())


def _accuracy_improvement(publications: Publications, today: date) -> float | None:
    """Share of theses that were right, now against a month ago; both over the window of their night."""
    # A document in shadow says as well how right theses were.
    places = (publications, publications.shadow)
    days = [day for place in places for day in place.history(CONFIDENCE_DOCUMENT)]
    then = _last(days, today - MONTH)
    now = _last(days, today)
    if then is None or now is None or then == now:
        return None
    accuracies = [
        _accuracy(next(filter(None, (place.document(CONFIDENCE_DOCUMENT, day) for place in places)), None))
        for day in (then, now)
    ]
    first, last = accuracies
    return None if first is None or last is None else last - first


def _accuracy(document: Document | None) -> float | None:
    groups: Sequence[dict[str, Any]] = (document or {}).get("accuracy", ())
    overall = next((group for group in groups if group["group_kind"] == "overall"), None)
    return None if overall is None else overall["accuracy"]["estimate"]


def _split(publications: Publications, name: str, after: date, until: date) -> tuple[Document | None, list[Document]]:
    """The last document up to `after`, and all of the days after it up to `until`."""
    days = publications.history(name)
    before = _last(days, after)
    within = [publications.document(name, day) for day in days if after < day <= until]
    return (
        None if before is None else publications.document(name, before),
        [document for document in within if document is not None],
    )


def _last(days: Sequence[date], until: date) -> date | None:
    return max((day for day in days if day <= until), default=None)
