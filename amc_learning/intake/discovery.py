"""Discovery results, understood: stored events in, rows of runs, candidates and rejections out.

Belongs here: the passage over events and the three frames. Not here: the vocabulary (discovery_shape.py), the fields
of the run itself (discovery_run.py), scales (scales.py). A run is understood from its own payload alone, so the rows
of an event are the same in whatever company it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.contracts.tables import TOTAL_SCORE, Table, catalogue
from amc_learning.intake.discovery_row import (
    Entry,
    canonical_tag,
    component_sent,
    declared_scale,
    first_named,
    maximum_points,
    rank_in_run,
    snapshot_price,
    tag_text,
    total_scores,
    value_at,
    without_percentages,
)
from amc_learning.intake.discovery_run import RunFacts, describe_run
from amc_learning.intake.discovery_shape import (
    CONFIDENCE_FIELDS,
    MAX_ROWS,
    PRICE_FIELDS,
    RELATIVE_VOLUME_FIELDS,
    SYMBOL_FIELDS,
    SYMBOL_RULE,
    TAG_FIELDS,
    DiscoveryShape,
    Rows,
    find_rows,
    first_present,
    is_symbol,
    understands_discovery,
)
from amc_learning.intake.event_rows import as_table, knowledge_day_of
from amc_learning.intake.numbers import Numbers, read_numbers
from amc_learning.intake.payload import Parsed, parse_payload
from amc_learning.intake.scales import SCORE_DECIMALS, FieldScale, settle_run
from amc_learning.intake.text import as_text

__all__ = ["NormalisedDiscovery", "TagRules", "normalise_discovery", "understands_discovery"]

SATURDAY = 6
"""`dt.weekday()` of polars: Monday is 1."""

LARGEST_STORED_PAYLOAD = 1 << 30
"""What is stored has passed the door; it is read whatever its size."""


@dataclass(frozen=True)
class TagRules:
    """Scores from which a tag is expected; only to report senders that tag by other bounds, never to make up a tag."""

    trade_ready: float = 75.0
    watchlist: float = 70.0

    def expected(self, score: float) -> str:
        """The tag this score would get.

        >>> TagRules().expected(72.3)
        'watchlist'
        """
        if score >= self.trade_ready:
            return "trade_ready"
        return "watchlist" if score >= self.watchlist else "monitor"


@dataclass(frozen=True)
class NormalisedDiscovery:
    """Rows of the tables discovery_runs, discovery_candidates and discovery_rejections, sorted by day and key."""

    runs: pl.DataFrame
    candidates: pl.DataFrame
    rejections: pl.DataFrame


@dataclass
class _Columns:
    """What grows while events are read: columns of candidates and rejections, by the number of their event."""

    candidates: dict[str, list[object]]
    rejections: dict[str, list[object]] = field(
        default_factory=lambda: {"event": [], "path": [], "value": [], "reason": []}
    )

    def reject(self, event: int, path: str, value: object, reason: str) -> None:
        row = (event, path, None if value is None else as_text(value), reason)
        for column, cell in zip(self.rejections.values(), row, strict=True):
            column.append(cell)


def normalise_discovery(
    events: pl.DataFrame,
    *,
    components: Sequence[str],
    tags: TagRules | None = None,
    max_candidates: int = MAX_ROWS,
    market_timezone: str = MARKET_TIMEZONE,
) -> NormalisedDiscovery:
    """Rows of runs, candidates and rejections from stored discovery events.

    Every row that was sent is accounted for: n_candidates + n_controls + n_rejected of a run is the number of rows in
    its payload. A row with a valid symbol is kept; a value of it that cannot be used is null and has a rejection of
    its own that names the field. Missing values are null, never 0. A row without rank has its place in the list of
    candidates (controls: null). No tag is derived from a score.

    Args:
        events: rows of the table discovery_events, in any order.
        components: names of the feature set; other subscores stay in the payload only.
        tags: bounds the sender is expected to tag by; deviations are a warning of the run.
        max_candidates: rows read per list; those beyond are rejected, one by one.
        market_timezone: whose clock ends a knowledge day; what was received after it is late.

    Returns:
        Three frames with exactly the schemas of the tables, sorted by known_on and key. They do not depend on which
        other events are in the batch. Never raises for what a payload holds.
    """
    tables = catalogue(components)
    reader = _Reader(tuple(components), tags or TagRules(), max_candidates)
    facts = [
        reader.read(number, event_id, payload)
        for number, (event_id, payload) in enumerate(events.select("event_id", "payload").iter_rows())
    ]
    heads = events.select(
        "known_on",
        "event_id",
        decided_at="occurred_at",
        decided_at_source="occurred_at_source",
        is_late=knowledge_day_of(pl.col("received_at"), market_timezone) > pl.col("known_on"),
    ).with_row_index("event")
    runs = pl.DataFrame(
        {name: [getattr(fact, name) for fact in facts] for name in RunFacts.column_names()},
        schema_overrides=tables["discovery_runs"].schema,
    )
    return NormalisedDiscovery(
        _as_table(pl.concat([heads.drop("event", "is_late"), runs], how="horizontal"), tables["discovery_runs"]),
        as_table(dict(reader.columns.candidates), heads, tables["discovery_candidates"]),
        as_table(dict(reader.columns.rejections), heads, tables["discovery_rejections"]),
    )


class _Reader:
    """Reads one event after the other into columns; holds nothing that one event could pass on to the next."""

    def __init__(self, components: tuple[str, ...], tags: TagRules, max_candidates: int) -> None:
        self.components = components
        self.tags = tags
        self.max_candidates = max_candidates
        names = (
            *("event", "decision_id", "symbol", "is_selected", "rank", "action_tag", "action_tag_sent", TOTAL_SCORE),
            *(*components, "price_usd", "relative_volume", "confidence", "n_universe"),
        )
        self.columns = _Columns({name: [] for name in names})

    def read(self, event: int, event_id: str, payload: str) -> RunFacts:
        """Append the rows of one event, and say what the run was."""
        parsed = parse_payload(payload, max_bytes=LARGEST_STORED_PAYLOAD)
        if not isinstance(parsed, Parsed):
            return RunFacts(event_id=event_id, run_id=event_id, status="unreadable", warnings=[parsed.reason])
        shape = find_rows(parsed.value)
        warnings = list(shape.warnings)
        if parsed.n_not_finite:
            warnings.append(f"{parsed.n_not_finite} values are NaN or infinite and count as missing")
        taken: set[str] = set()
        entries = self._entries(event, shape.selected, True, taken) + self._entries(event, shape.controls, False, taken)
        n_sent = len(shape.selected.items) + len(shape.controls.items)
        scores = self._score_columns(event, shape, entries, warnings)
        own = self._own_columns(event, entries, scores.columns[TOTAL_SCORE], warnings)
        facts = describe_run(
            shape,
            event_id=event_id,
            n_rejected=n_sent - len(entries),
            is_selected=[entry.is_selected for entry in entries],
            tags=own["action_tag"],
            scores=scores.columns,
            score_scale=scores.scale,
            warnings=warnings,
        )
        fixed: dict[str, list[object]] = {
            "event": [event] * len(entries),
            "decision_id": [f"{event_id}:{entry.symbol}" for entry in entries],
            "n_universe": [facts.population] * len(entries),
        }
        score_columns: dict[str, list[object]] = {name: list(column) for name, column in scores.columns.items()}
        for name, column in {**fixed, **own, **score_columns}.items():
            self.columns.candidates[name].extend(column)
        return facts

    def _entries(self, event: int, rows: Rows, is_selected: bool, taken: set[str]) -> list[Entry]:
        """The rows that are objects with a valid symbol not seen before in this run; the others are rejected."""
        entries = []
        for position, row in enumerate(rows.items):
            path = f"{rows.path}[{position}]"
            if position >= self.max_candidates:
                self.columns.reject(event, path, None, f"only the first {self.max_candidates:,} rows are read")
            elif not isinstance(row, dict):
                self.columns.reject(event, path, row, "is not an object with a symbol")
            else:
                name, sent = first_named(row, SYMBOL_FIELDS)
                symbol = sent.strip().upper() if isinstance(sent, str) else ""
                if sent is None:
                    self.columns.reject(event, f"{path}.symbol", None, "is missing: neither symbol nor ticker was sent")
                elif not is_symbol(symbol):
                    self.columns.reject(event, f"{path}.{name}", sent, SYMBOL_RULE)
                elif symbol in taken:
                    self.columns.reject(event, f"{path}.{name}", sent, "occurs twice in this run; the first was kept")
                else:
                    taken.add(symbol)
                    entries.append(Entry(path, symbol, row, is_selected, position))
        return entries

    def _score_columns(
        self, event: int, shape: DiscoveryShape, entries: Sequence[Entry], warnings: list[str]
    ) -> "_Scores":
        """Total and component scores on 0-100, or null; the scale they were found on."""
        totals, total_field = total_scores(entries, warnings)
        found = {name: [component_sent(entry.fields, name) for entry in entries] for name in self.components}
        paths = {name: [path for path, _ in column] for name, column in found.items()}
        parts = {name: read_numbers(value for _, value in column) for name, column in found.items()}
        scales = settle_run(
            without_percentages(totals),
            {name: without_percentages(numbers) for name, numbers in parts.items()},
            declared=declared_scale(shape.head, entries),
            maximum_points=maximum_points(shape.head, self.components),
        )
        warnings.extend(scales.warnings)

        total_paths = [total_field] * len(entries)
        columns = {TOTAL_SCORE: self._points(event, entries, totals, scales.total, total_paths)}
        for name, numbers in parts.items():
            columns[name] = self._points(event, entries, numbers, scales.components[name], paths[name])
        return _Scores(columns, scales.label if entries else None)

    def _points(
        self,
        event: int,
        entries: Sequence[Entry],
        numbers: Numbers,
        scale: FieldScale,
        paths: Sequence[str],
    ) -> list[float | None]:
        """One column of scores on 0-100; every value that is unreadable or outside is null and rejected by name."""
        points: list[float | None] = []
        problems = dict(numbers.problems)
        for position, value in enumerate(numbers.values):
            if value is None:
                points.append(None)
                continue
            score = round(value, SCORE_DECIMALS) if position in numbers.percentages else scale.points(value)
            if score is not None and not 0.0 <= score <= 100.0:
                problems[position] = f"is {score:g} on the scale from 0 to 100; null"
                score = None
            points.append(score)
        for position in sorted(problems):
            entry = entries[position]
            path = paths[position]
            self.columns.reject(event, f"{entry.path}.{path}", value_at(entry.fields, path), problems[position])
        return points

    def _own_columns(
        self, event: int, entries: Sequence[Entry], scores: Sequence[float | None], warnings: list[str]
    ) -> dict[str, list[object]]:
        """Everything about a row but its scores."""
        sent_tags = [tag_text(first_present(entry.fields, TAG_FIELDS)) for entry in entries]
        action_tags = [None if tag is None else canonical_tag(tag) for tag in sent_tags]
        self._warn_of_other_bounds(action_tags, scores, warnings)
        prices = self._positive(event, entries, PRICE_FIELDS, "price_usd")
        # A raw quote snapshot has its price inside: {"day": {"c": 2.44}}.
        prices = [
            snapshot_price(entry.fields) if price is None else price
            for entry, price in zip(entries, prices, strict=True)
        ]
        return {
            "symbol": [entry.symbol for entry in entries],
            "is_selected": [entry.is_selected for entry in entries],
            "rank": [rank_in_run(entry) for entry in entries],
            "action_tag": list(action_tags),
            "action_tag_sent": list(sent_tags),
            "price_usd": list(prices),
            "relative_volume": list(self._positive(event, entries, RELATIVE_VOLUME_FIELDS, "rel_vol", allow_zero=True)),
            "confidence": list(self._confidences(event, entries)),
        }

    def _positive(
        self, event: int, entries: Sequence[Entry], names: Sequence[str], field_name: str, *, allow_zero: bool = False
    ) -> list[float | None]:
        """A column of positive numbers; an unreadable one is null and rejected, a 0 stands for unknown."""
        found = [first_named(entry.fields, names) for entry in entries]
        numbers = read_numbers([value for _, value in found])
        values: list[float | None] = []
        for position, number in enumerate(numbers.values):
            value, problem = number, numbers.problems.get(position)
            if value is not None and value < 0:
                value, problem = None, "is negative; null"
            if problem is not None:
                name, sent = found[position]
                self.columns.reject(event, f"{entries[position].path}.{name or field_name}", sent, problem)
            values.append(None if value == 0 and not allow_zero else value)
        return values

    def _confidences(self, event: int, entries: Sequence[Entry]) -> list[float | None]:
        """Confidence as a fraction; in percent when the run's values say so, null and rejected when outside."""
        found = [first_named(entry.fields, CONFIDENCE_FIELDS) for entry in entries]
        numbers = read_numbers([value for _, value in found])
        plain = [value for value in without_percentages(numbers) if value is not None]
        in_percent = bool(plain) and 1.0 < max(plain) <= 100.0
        values: list[float | None] = []
        for position, number in enumerate(numbers.values):
            value, problem = number, numbers.problems.get(position)
            if value is not None and (in_percent or position in numbers.percentages):
                value = value / 100.0
            if value is not None and not 0.0 <= value <= 1.0:
                value, problem = None, "is no confidence between 0 and 1; null"
            if problem is not None:
                name, sent = found[position]
                self.columns.reject(event, f"{entries[position].path}.{name}", sent, problem)
            values.append(value)
        return values

    def _warn_of_other_bounds(
        self, tags: Sequence[str | None], scores: Sequence[float | None], warnings: list[str]
    ) -> None:
        judged = [(tag, score) for tag, score in zip(tags, scores, strict=True) if tag and score is not None]
        n_differing = sum(tag != self.tags.expected(score) for tag, score in judged)
        if n_differing:
            warnings.append(
                f"{n_differing} of {len(judged)} tags differ from trade_ready >= {self.tags.trade_ready:g}, "
                f"watchlist >= {self.tags.watchlist:g}; kept as sent"
            )


@dataclass(frozen=True)
class _Scores:
    columns: dict[str, list[float | None]]
    scale: str | None


def _as_table(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    return rows.select(table.column_names).cast(table.schema).sort("known_on", *table.key)
