"""Thesis decisions, understood: stored events in, rows of decisions and rejections out.

Belongs here: the passage over events, and how each value of a decision is settled. Not here: the vocabulary and where
decisions lie (thesis_shape.py). A decision is understood from its own payload alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from amc_learning.contracts.declared.collect import thesis_decisions, thesis_rejections
from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.intake.discovery_shape import SYMBOL_RULE, is_symbol
from amc_learning.intake.event_rows import (
    LARGEST_STORED_PAYLOAD,
    MAX_ROWS,
    Rejections,
    as_table,
    event_heads,
    transposed,
)
from amc_learning.intake.nesting import Found, Layer, look_up, look_up_all
from amc_learning.intake.numbers import read_number
from amc_learning.intake.payload import Parsed, parse_payload
from amc_learning.intake.text import as_text, shortened
from amc_learning.intake.thesis_shape import (
    AI,
    AI_CONFIDENCE_FIELDS,
    AI_FLAGS,
    AI_RECOMMENDATION_FIELDS,
    AI_TEXT_FIELDS,
    CONFIDENCE_FIELDS,
    NO_THESIS,
    PRODUCER_FIELDS,
    RECOMMENDATION_FIELDS,
    REGIME_FIELDS,
    REGIME_HOLDERS,
    RISK_FIELDS,
    RULE_BASED,
    RULE_CONFIDENCE_FIELDS,
    RULE_RECOMMENDATION_FIELDS,
    SECTOR_FIELDS,
    SECTOR_HOLDERS,
    SYMBOL_FIELDS,
    SYMBOL_HOLDERS,
    TEXT_FIELDS,
    TYPE_FIELDS,
    UNKNOWN,
    FoundThesis,
    canonical_recommendation,
    find_theses,
    is_decision,
)

__all__ = ["NormalisedTheses", "normalise_theses"]

LONGEST_NAME = 120
_Names = tuple[str, ...]
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})
_AI_WORDS = ("ai", "llm", "gpt", "claude", "openai", "anthropic", "enhanced")
_RULE_WORDS = ("rule", "rules", "basic", "legacy", "fallback", "template", "heuristic")

_ROW_COLUMNS = (
    "thesis_id",
    "symbol",
    "recommendation",
    "recommendation_sent",
    "confidence",
    "source",
    "thesis_type",
    "reasoning",
    "market_regime",
    "sector",
    "risk_level",
    "warnings",
)


@dataclass(frozen=True)
class NormalisedTheses:
    """Rows of the tables thesis_decisions and thesis_rejections, sorted by day and key."""

    decisions: pl.DataFrame
    rejections: pl.DataFrame


def normalise_theses(
    events: pl.DataFrame, *, max_decisions: int = MAX_ROWS, market_timezone: str = MARKET_TIMEZONE
) -> NormalisedTheses:
    """Rows of decisions and rejections from stored thesis events.

    Every event gives at least one decision or one rejection. A decision without a symbol is kept, flagged: it cannot
    be judged; one with an invalid symbol is rejected as a whole. Any other value that cannot be used is null and has
    a rejection of its own that names the field. Confidence is settled value by value: up to 1 it is a fraction, above
    1 and up to 100 a percentage (with a warning), with a percent sign a percentage. The confidence of an embedded
    candidate (`discovery_data`) is not that of the decision.

    Args:
        events: rows of the table thesis_events, in any order.
        max_decisions: decisions read per payload; those beyond are rejected together.
        market_timezone: whose clock ends a knowledge day; what was received after it is late.

    Returns:
        Two frames with exactly the schemas of the tables, sorted by known_on and key. They do not depend on which
        other events are in the batch. Never raises for what a payload holds.
    """
    rejections = Rejections()
    rows: list[dict[str, object]] = []
    for event, (event_id, payload) in enumerate(events.select("event_id", "payload").iter_rows()):
        rows += _read(event, event_id, payload, max_decisions, rejections)
    heads = event_heads(events, market_timezone).rename(
        {"occurred_at": "decided_at", "occurred_at_source": "decided_at_source"}
    )
    return NormalisedTheses(
        as_table(transposed(rows, _ROW_COLUMNS), heads, thesis_decisions()),
        as_table(rejections.columns, heads, thesis_rejections()),
    )


def _read(
    event: int, event_id: str, payload: str, max_decisions: int, rejections: Rejections
) -> list[dict[str, object]]:
    """The decisions of one event."""
    parsed = parse_payload(payload, max_bytes=LARGEST_STORED_PAYLOAD)
    if not isinstance(parsed, Parsed):
        rejections.add(event, "", None, parsed.reason)
        return []
    theses = find_theses(parsed.value)
    if not theses:
        rejections.add(event, "", parsed.value, NO_THESIS)
    if len(theses) > max_decisions:
        path = theses[max_decisions].found.path
        n_unread = len(theses) - max_decisions
        rejections.add(event, path, None, f"only the first {max_decisions:,} decisions are read; {n_unread:,} more")
    rows = []
    for number, thesis in enumerate(theses[:max_decisions], start=1):
        row = _Reader(event, thesis, rejections).row()
        if row is not None:
            row["event"] = event
            row["thesis_id"] = event_id if number == 1 else f"{event_id}#{number}"
            rows.append(row)
    return rows


class _Reader:
    """Reads one decision: its values, what had to be settled, what had to be rejected."""

    def __init__(self, event: int, thesis: FoundThesis, rejections: Rejections) -> None:
        self.event = event
        self.thesis = thesis
        self.found: Found = thesis.found
        self.rejections = rejections
        self.warnings: list[str] = []

    def row(self) -> dict[str, object] | None:
        """The row of this decision, or null when the decision is rejected."""
        if not self.found.is_object:
            self.reject(self.found.path, self.found.sent, "is not an object with a recommendation")
            return None
        if not is_decision(self.found):
            self.reject(self.found.path, self.found.own[0][1], NO_THESIS)
            return None
        symbol, is_valid = self._symbol()
        if not is_valid:
            return None
        recommendation, sent, field = self._recommendation()
        return {
            "symbol": symbol,
            "recommendation": recommendation,
            "recommendation_sent": sent,
            "confidence": self._confidence(),
            "source": self._source(field),
            "thesis_type": _name(self.found.layers, TYPE_FIELDS),
            "reasoning": self._reasoning(),
            "market_regime": _name(self.found.layers, REGIME_FIELDS)
            or _name(_held(self.found.own, REGIME_HOLDERS), REGIME_FIELDS),
            "sector": _name(self.found.own, SECTOR_FIELDS)
            or _name(_held(self.found.own, SECTOR_HOLDERS), SECTOR_FIELDS),
            "risk_level": _name(self.found.own, RISK_FIELDS),
            "warnings": self.warnings,
        }

    def reject(self, path: str, value: object, reason: str) -> None:
        self.rejections.add(self.event, path, value, reason)

    def _own_names(self, plain: _Names, of_rule: _Names, of_ai: _Names) -> _Names:
        """The names under which this decision's value goes: neither takes what is expressly the other's."""
        if self.thesis.is_second:
            return of_ai
        if self.thesis.source == AI:
            return (*of_ai, *plain)
        return (*of_rule, *plain) if self.thesis.source == RULE_BASED else (*plain, *of_rule, *of_ai)

    def _symbol(self) -> tuple[str | None, bool]:
        """The symbol, and whether the decision can be kept: without any symbol it can, with an invalid one not."""
        path, sent = look_up(self.found.layers, SYMBOL_FIELDS)
        if sent is None or sent == "":
            path, sent = look_up(_held(self.found.own, SYMBOL_HOLDERS), SYMBOL_FIELDS)
        if sent is None or sent == "":
            self.warnings.append("no symbol was sent: this decision cannot be judged")
            return None, True
        symbol = sent.strip().upper() if isinstance(sent, str) else ""
        if not is_symbol(symbol):
            self.reject(path, sent, SYMBOL_RULE)
            return None, False
        return symbol, True

    def _recommendation(self) -> tuple[str | None, str | None, str]:
        """Canonical recommendation, the word as sent, and the field it stood in; unknown words are rejected."""
        names = self._own_names(RECOMMENDATION_FIELDS, RULE_RECOMMENDATION_FIELDS, AI_RECOMMENDATION_FIELDS)
        first_sent: str | None = None
        used: tuple[str, str, str] | None = None
        for path, sent in look_up_all(self.found.own, names):
            if isinstance(sent, dict | list) or sent == "":
                continue  # an envelope that bears the name, or nothing
            word = as_text(sent, limit=LONGEST_NAME)
            canonical = canonical_recommendation(word) if isinstance(sent, str) else None
            first_sent = first_sent or word
            if used is not None:
                is_beside = path.rpartition(".")[0] == used[2].rpartition(".")[0]
                if is_beside and canonical is not None and canonical != used[0]:
                    self.warnings.append(f"{path} says {word}, {used[2]} says {used[1]}: the latter counts")
            elif canonical is None:
                accepted = "BUY_MORE, HOLD, TRIM, LIQUIDATE, RESEARCH or a known word for one of them is"
                self.reject(path, sent, f"is no recommendation that is understood; {accepted}")
            else:
                used = canonical, word, path
        if used is not None:
            return used
        if first_sent is None:
            self.warnings.append("no recommendation was sent")
        return None, first_sent, ""

    def _confidence(self) -> float | None:
        """Confidence as a fraction, settled value by value; null and rejected when it is none."""
        names = self._own_names(CONFIDENCE_FIELDS, RULE_CONFIDENCE_FIELDS, AI_CONFIDENCE_FIELDS)
        path, sent = look_up(self.found.own, names)
        value, is_percentage, problem = read_number(sent)
        if value is not None and (is_percentage or 1.0 < value <= 100.0):
            if not is_percentage:
                self.warnings.append(f"{path} {as_text(sent)} read as percent")
            value = value / 100.0
        if value is not None and not 0.0 <= value <= 1.0:
            value, problem = None, "is no confidence: 0 to 1, or up to 100 percent, is"
        if problem is not None:
            self.reject(path, sent, f"{problem}; null")
        return value

    def _source(self, field: str) -> str:
        """ai, rule_based or unknown: by place, else by the innermost flag, else by the producer's name."""
        flags = [
            (path, flag)
            for path, sent in look_up_all(self.found.layers, AI_FLAGS)
            if (flag := _truth(sent)) is not None
        ]
        if self.thesis.source is not None:
            return self.thesis.source
        if flags:
            if len({flag for _, flag in flags}) > 1:
                said = ", ".join(f"{path} {str(flag).lower()}" for path, flag in flags)
                self.warnings.append(f"contradictory about the source: {said}; the first counts")
            return AI if flags[0][1] else RULE_BASED
        for _, sent in look_up_all(self.found.layers, PRODUCER_FIELDS):
            words = set("".join(c if c.isalnum() else " " for c in str(sent).lower()[:LONGEST_NAME]).split())
            if words.intersection(_RULE_WORDS):
                return RULE_BASED
            if words.intersection(_AI_WORDS):
                return AI
        name = field.rpartition(".")[2]
        return AI if name in AI_RECOMMENDATION_FIELDS else RULE_BASED if name in RULE_RECOMMENDATION_FIELDS else UNKNOWN

    def _reasoning(self) -> str | None:
        names = (*AI_TEXT_FIELDS, *TEXT_FIELDS) if self.thesis.source == AI else TEXT_FIELDS
        texts = (value for _, value in look_up_all(self.found.own, names) if isinstance(value, str) and value.strip())
        text = next(texts, None)
        return None if text is None else shortened(text.strip())


def _held(layers: Sequence[Layer], holders: Sequence[str]) -> list[Layer]:
    """The objects inside a decision that go by these names."""
    return [
        (f"{prefix}{name}.", inner)
        for prefix, fields in layers
        for name in holders
        if isinstance(inner := fields.get(name), dict)
    ]


def _name(layers: Sequence[Layer], names: Sequence[str]) -> str | None:
    """The first of these values that is a word, as sent."""
    for _, value in look_up_all(layers, names):
        if isinstance(value, str) and value.strip():
            return as_text(value.strip(), limit=LONGEST_NAME)
    return None


def _truth(sent: object) -> bool | None:
    """True or false however it was written; null when it is neither."""
    word = str(sent).strip().lower() if isinstance(sent, bool | int | str) else ""
    return True if word in _TRUE else False if word in _FALSE else None
