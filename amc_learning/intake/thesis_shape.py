"""The shape of a thesis decision: which names a value goes by, what its words mean, and where decisions lie.

Belongs here: the vocabulary as seen in the wild, as constants, and finding the decisions of a payload.
Not here: what is kept of a decision (thesis.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from amc_learning.intake.nesting import Found, Layer, Names, find_all, look_up

AI = "ai"
RULE_BASED = "rule_based"
UNKNOWN = "unknown"

RECOMMENDATION_FIELDS = ("recommendation", "exit_recommendation", "recommendation_type", "action", "suggestion")
RULE_RECOMMENDATION_FIELDS = ("rule_recommendation", "rule_based_recommendation")
AI_RECOMMENDATION_FIELDS = ("ai_recommendation",)
NOT_OF_AI = (*RECOMMENDATION_FIELDS, *RULE_RECOMMENDATION_FIELDS)
EVERY_RECOMMENDATION = (*NOT_OF_AI, *AI_RECOMMENDATION_FIELDS)
CONFIDENCE_FIELDS = ("confidence", "confidence_score")
RULE_CONFIDENCE_FIELDS = ("rule_confidence", "rule_based_confidence")
AI_CONFIDENCE_FIELDS = ("ai_confidence", "ai_confidence_score")
TEXT_FIELDS = ("reasoning", "rationale", "thesis", "entry_thesis", "exit_thesis", "explanation")
"""Where the text is, the explanation before what it explains."""

AI_TEXT_FIELDS = ("ai_reasoning", "ai_rationale", "ai_thesis", "ai_analysis")
SYMBOL_FIELDS = ("symbol", "ticker")
SYMBOL_HOLDERS = ("discovery_data", "position", "candidate")
"""Objects inside a decision whose symbol is that of the decision, when it names none itself."""

TYPE_FIELDS = ("thesis_type", "type")
REGIME_FIELDS = ("market_regime", "regime")
REGIME_HOLDERS = ("market_context", "market_conditions")
SECTOR_FIELDS = ("sector",)
SECTOR_HOLDERS = ("original_thesis",)
RISK_FIELDS = ("risk_level", "risk")

AI_FLAGS = ("ai_generated", "ai_powered", "ai_enhanced", "enhanced")
PRODUCER_FIELDS = ("source", "producer", "producer_type", "generator", "generated_by", "decided_by", "model")

AI_PARTS = ("ai", "ai_decision", "ai_thesis", "ai_analysis", "ai_result")
RULE_PARTS = ("rule", "rules", "rule_based", "rule_decision", "rule_thesis", "rule_result")

THESIS_NAMES = Names(
    envelopes=("thesis", "decision", "thesis_data", "data", "result", "payload", "recommendation"),
    lists=("theses", "decisions", "thesis_decisions", "recommendations", "positions", "holdings"),
    parts=(*RULE_PARTS, *AI_PARTS),
    part_fields=(*EVERY_RECOMMENDATION, *CONFIDENCE_FIELDS, *RULE_CONFIDENCE_FIELDS, *AI_CONFIDENCE_FIELDS),
)

EXTRA_TIME_FIELDS = ("updated_at", "analyzed_at", "analysis_timestamp")
"""When a thesis was made, besides the names that every event knows."""

RECOMMENDATIONS: Mapping[str, str] = MappingProxyType(
    {
        "buy_more": "BUY_MORE",
        "buymore": "BUY_MORE",
        "buy": "BUY_MORE",
        "strong_buy": "BUY_MORE",
        "increase": "BUY_MORE",
        "increase_position": "BUY_MORE",
        "add": "BUY_MORE",
        "add_position": "BUY_MORE",
        "accumulate": "BUY_MORE",
        "hold": "HOLD",
        "hold_position": "HOLD",
        "keep": "HOLD",
        "maintain": "HOLD",
        "trim": "TRIM",
        "trim_position": "TRIM",
        "reduce": "TRIM",
        "reduce_position": "TRIM",
        "partial_sell": "TRIM",
        "partial_exit": "TRIM",
        "take_profit": "TRIM",
        "take_profits": "TRIM",
        "liquidate": "LIQUIDATE",
        "sell": "LIQUIDATE",
        "sell_all": "LIQUIDATE",
        "strong_sell": "LIQUIDATE",
        "exit": "LIQUIDATE",
        "exit_position": "LIQUIDATE",
        "full_exit": "LIQUIDATE",
        "close": "LIQUIDATE",
        "close_position": "LIQUIDATE",
        "research": "RESEARCH",
        "review": "RESEARCH",
        "investigate": "RESEARCH",
    }
)
"""Words of the senders and the canonical recommendation of each. `review` of the older generators is RESEARCH: look
closer, without a direction. A part to sell (`TRIM_25`, `SELL 50%`) is TRIM, all of it LIQUIDATE; other words: none."""

_PARTIAL = re.compile(r"(?:trim|reduce|sell|exit)_(?:by_)?(\d{1,3})(?:_?(?:%|pct|percent))?")
_BETWEEN_WORDS = re.compile(r"[\s_\-/]+")

NO_THESIS = (
    "no thesis decision: neither a recommendation (recommendation, exit_recommendation, ai_recommendation, "
    "recommendation_type, action, suggestion) nor the text of a thesis (thesis, entry_thesis, rationale, reasoning)"
)


@dataclass(frozen=True)
class FoundThesis:
    """One decision in a payload: where it lies, and whose it must be by its place; null when its place does not say.

    `is_second` is true for the AI's decision in an object that also holds a rule's.
    """

    found: Found
    source: str | None = None
    is_second: bool = False


def canonical_recommendation(word: str) -> str | None:
    """The canonical recommendation for a word as sent; null when it is not known.

    >>> [canonical_recommendation(word) for word in ("BUY MORE", "trim_75", "Sell 50%", "review", "yolo")]
    ['BUY_MORE', 'TRIM', 'TRIM', 'RESEARCH', None]
    """
    plain = _BETWEEN_WORDS.sub("_", word.strip().lower().rstrip(".!"))
    known = RECOMMENDATIONS.get(plain)
    if known is not None:
        return known
    partial = _PARTIAL.fullmatch(plain)
    percent = int(partial[1]) if partial else 0
    if percent == 100:
        return "LIQUIDATE"
    return "TRIM" if 0 < percent < 100 else None


def find_theses(payload: object) -> list[FoundThesis]:
    """Every decision of a payload, in the order in which it was sent, the rule's before the AI's.

    Two decisions lie in one object when it holds both a recommendation and an `ai_recommendation`, beside each other
    when there are objects of rule and AI, and around each other when an envelope recommends something else than what
    it wraps. Whatever is no decision comes back too: nothing sent is lost here.

    >>> [thesis.source for thesis in find_theses({"recommendation": "HOLD", "ai_recommendation": "TRIM"})]
    ['rule_based', 'ai']
    """
    theses: list[FoundThesis] = []
    taken: set[int] = set()
    for found in find_all(payload, THESIS_NAMES):
        theses += _outer_decisions(found, taken)
        source = AI if found.part in AI_PARTS else RULE_BASED if found.part else None
        holds_two = _has_word(found.own, NOT_OF_AI) and _has_word(found.own, AI_RECOMMENDATION_FIELDS)
        if holds_two and source is None:
            theses += [FoundThesis(found, RULE_BASED), FoundThesis(found, AI, is_second=True)]
        else:
            theses.append(FoundThesis(found, source))
    return theses


def _outer_decisions(found: Found, taken: set[int]) -> list[FoundThesis]:
    """Envelopes that decide something else than what they wrap: decisions of their own, each of them once."""
    outer: list[FoundThesis] = []
    for depth in range(len(found.own) - 1, 0, -1):
        layer = found.own[depth]
        if id(layer[1]) in taken or not _has_word((layer,), EVERY_RECOMMENDATION):
            continue
        inner = _words(found.own[:depth], EVERY_RECOMMENDATION)
        if not inner or (not found.part and inner[0] == _words((layer,), EVERY_RECOMMENDATION)[0]):
            continue
        taken.add(id(layer[1]))
        around = found.own[depth + 1 :] + found.around
        itself = Found(layer[0].removesuffix("."), found.own[depth:], around)
        is_rule = found.part in AI_PARTS
        outer.append(FoundThesis(itself, RULE_BASED if is_rule else None))
    return outer


def _words(layers: tuple[Layer, ...], names: tuple[str, ...]) -> list[str | None]:
    """What these objects recommend, canonically; empty when they recommend nothing."""
    return [
        canonical_recommendation(value)
        for _, fields in layers
        for name in names
        if isinstance(value := fields.get(name), str) and value.strip()
    ]


def _has_word(layers: tuple[Layer, ...], names: tuple[str, ...]) -> bool:
    return bool(_words(layers, names))


def is_decision(found: Found) -> bool:
    """Whether an object decides anything: it recommends, or it holds the text of a thesis."""
    sent = look_up(found.own, EVERY_RECOMMENDATION)[1]
    if sent is not None and not isinstance(sent, dict | list):
        return True
    text = look_up(found.own, (*TEXT_FIELDS, *AI_TEXT_FIELDS))[1]
    return isinstance(text, str) and bool(text.strip())


def understands_thesis(payload: object) -> str | None:
    """Why this JSON is no thesis decision, or null when it is one.

    >>> understands_thesis({"symbol": "ABC", "thesis": {"recommendation": "HOLD"}})
    >>> understands_thesis({"foo": 1}).split(":")[0]
    'no thesis decision'
    """
    return None if any(is_decision(found) for found in find_all(payload, THESIS_NAMES)) else NO_THESIS
