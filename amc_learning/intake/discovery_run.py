"""The discovery run itself: status, funnel, market, score distribution; one row per run, empty and failed ones too.

Belongs here: run-level fields and summaries over the run's rows. Not here: the rows (discovery.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.intake.discovery_shape import (
    ENGINE_FIELDS,
    ERROR_FIELDS,
    MARKET_FIELDS,
    PARAMETERS_FIELDS,
    PIPELINE_FIELDS,
    REGIME_FIELDS,
    RUN_ID_FIELDS,
    STATUS_WORDS,
    DiscoveryShape,
    first_present,
)
from amc_learning.intake.numbers import read_count, read_number
from amc_learning.intake.scales import SCORE_DECIMALS
from amc_learning.intake.text import as_text, canonical_json, shortened, storable

LONGEST_NAME = 120
CONSTANT_TOLERANCE = 1e-9
"""Scores that differ by no more than float noise are one value."""


@dataclass(frozen=True)
class RunFacts:
    """One row of discovery_runs, without what the stored event already says."""

    event_id: str
    run_id: str
    status: str
    engine: str | None = None
    parameters_version: str | None = None
    universe_size: int | None = None
    n_enriched: int | None = None
    n_filtered: int | None = None
    n_scored: int | None = None
    n_candidates: int = 0
    n_controls: int = 0
    n_rejected: int = 0
    n_trade_ready: int = 0
    n_watchlist: int = 0
    n_monitor: int = 0
    score_scale: str | None = None
    score_min: float | None = None
    score_median: float | None = None
    score_mean: float | None = None
    score_max: float | None = None
    score_std: float | None = None
    constant_components: list[str] = field(default_factory=list)
    market_regime: str | None = None
    market_conditions: str | None = None
    filtering_statistics: str | None = None
    execution_time_seconds: float | None = None
    error_message: str | None = None
    warnings: list[str] = field(default_factory=list)

    @staticmethod
    def column_names() -> list[str]:
        """Names of the columns these facts fill; the event id comes with the event."""
        return [item.name for item in fields(RunFacts) if item.name != "event_id"]

    @property
    def population(self) -> int | None:
        """Size of the population the rows were drawn from: scored, else filtered, else the universe; as sent."""
        return next((n for n in (self.n_scored, self.n_filtered, self.universe_size) if n is not None), None)


def describe_run(
    shape: DiscoveryShape,
    *,
    event_id: str,
    n_rejected: int,
    is_selected: Sequence[bool],
    tags: Sequence[object],
    scores: Mapping[str, Sequence[float | None]],
    score_scale: str | None,
    warnings: Sequence[str],
) -> RunFacts:
    """What a run was, from its run-level fields and its understood rows.

    Args:
        shape: where everything lies in the payload.
        event_id: stands in for a run id the sender did not give.
        n_rejected: rows of the payload that were not understood.
        is_selected: per understood row, candidate or control.
        tags: canonical tag per row.
        scores: total and component scores per row, 0-100 or null. The distribution is that of the candidates.
        score_scale: the scale the scores were found on.
        warnings: what normalisation had to settle.
    """
    head = shape.head
    pipeline = first_present(head, PIPELINE_FIELDS)
    funnel: Mapping[str, object] = pipeline if isinstance(pipeline, dict) else {}
    market = first_present(head, MARKET_FIELDS)
    selected_tags = [tag for tag, selected in zip(tags, is_selected, strict=True) if selected]
    selected_scores = {
        name: [value for value, selected in zip(values, is_selected, strict=True) if selected and value is not None]
        for name, values in scores.items()
    }
    total = selected_scores[TOTAL_SCORE]
    return RunFacts(
        event_id=event_id,
        run_id=_name(head, RUN_ID_FIELDS) or event_id,
        status=_status(head, has_rows=bool(shape.selected.items)),
        engine=_name(head, ENGINE_FIELDS) or _name(_object(head, "meta"), ENGINE_FIELDS),
        parameters_version=_name(head, PARAMETERS_FIELDS) or _name(_object(head, "meta"), PARAMETERS_FIELDS),
        universe_size=_count(funnel.get("universe_size"), head.get("universe_size")),
        n_enriched=_count(funnel.get("enriched"), head.get("enriched_size")),
        n_filtered=_count(funnel.get("filtered"), head.get("filtered_size")),
        n_scored=_count(funnel.get("scored"), head.get("scored_size")),
        n_candidates=sum(is_selected),
        n_controls=len(is_selected) - sum(is_selected),
        n_rejected=n_rejected,
        n_trade_ready=selected_tags.count("trade_ready"),
        n_watchlist=selected_tags.count("watchlist"),
        n_monitor=selected_tags.count("monitor"),
        score_scale=score_scale,
        **_distribution(total),
        constant_components=[
            name for name, values in selected_scores.items() if name != TOTAL_SCORE and _is_constant(values)
        ],
        market_regime=_name(head, REGIME_FIELDS)
        or (_name(market, REGIME_FIELDS) if isinstance(market, dict) else None),
        market_conditions=None if market is None else storable(canonical_json(market)),
        filtering_statistics=None if pipeline is None else storable(canonical_json(pipeline)),
        execution_time_seconds=_duration(head),
        error_message=_error(head),
        warnings=list(warnings),
    )


def _status(head: Mapping[str, object], *, has_rows: bool) -> str:
    """success, empty, error, stale_data, or the sender's own word; a success without rows is empty."""
    sent = head.get("status")
    word = "_".join(sent.lower().split()) if isinstance(sent, str) else ""
    if not word:
        has_failed = bool(head.get("error")) or head.get("success") is False
        word = "error" if has_failed else "success"
    status = STATUS_WORDS.get(word, shortened(word, limit=64))
    return "empty" if status == "success" and not has_rows else status


def _distribution(scores: Sequence[float]) -> dict[str, float | None]:
    """Minimum, median, mean, maximum, standard deviation (n-1) of the candidates' scores; null where undefined."""
    if not scores:
        return {}
    ordered = sorted(scores)
    n = len(ordered)
    middle = ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2
    mean = math.fsum(ordered) / n
    squares = math.fsum((score - mean) ** 2 for score in ordered)
    return {
        "score_min": ordered[0],
        "score_median": round(middle, SCORE_DECIMALS),
        "score_mean": round(mean, SCORE_DECIMALS),
        "score_max": ordered[-1],
        "score_std": round(math.sqrt(squares / (n - 1)), SCORE_DECIMALS) if n > 1 else None,
    }


def _is_constant(values: Sequence[float]) -> bool:
    """Two or more candidates and one value; a single candidate says nothing about constancy."""
    return len(values) > 1 and max(values) - min(values) <= CONSTANT_TOLERANCE


def _duration(head: Mapping[str, object]) -> float | None:
    for name, unit in (
        ("execution_time_sec", 1.0),
        ("execution_time_seconds", 1.0),
        ("execution_time", 1.0),
        ("duration_sec", 1.0),
        ("execution_time_ms", 0.001),
    ):
        seconds = read_number(head.get(name))[0]
        if seconds is not None and seconds >= 0:
            return seconds * unit
    return None


def _error(head: Mapping[str, object]) -> str | None:
    has_failed = head.get("status") not in (None, "success") or bool(head.get("error"))
    sent = first_present(head, ERROR_FIELDS if has_failed else ERROR_FIELDS[:2])
    return as_text(sent, limit=500) if sent else None


def _object(head: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = head.get(name)
    return value if isinstance(value, dict) else {}


def _name(head: Mapping[str, object], names: Sequence[str]) -> str | None:
    for name in names:
        value = head.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return as_text(value.strip() if isinstance(value, str) else value, limit=LONGEST_NAME)
    return None


def _count(*values: object) -> int | None:
    return next((count for count in map(read_count, values) if count is not None), None)
