"""What a pattern says, what it is called, and what can be corrected about it.

Belongs here: reading a pattern's text, its stable name, the kind and target of its correction, nesting of patterns.
Not here: finding patterns (failures), how much to correct (sizing).
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from amc_learning.contracts.declared.failures import ATTRIBUTES
from amc_learning.learning.corrections.rules import COMPONENT_WEIGHT, CONFIDENCE, POSITION_SIZE, TAG_THRESHOLD

THESIS_ATTRIBUTES = ("source", "recommendation", "confidence_band")
"""Any of these is about how sure a thesis was."""

ALL = "all"

_BETWEEN_LITERALS = re.compile(rf" & (?=(?:{'|'.join(ATTRIBUTES)})=)")
_PLAIN_VALUE = re.compile(r"[a-z0-9_.+]+(-[a-z0-9_.+]+)*")
_PLAIN_RECOMMENDATION = re.compile(r"[A-Z_]+")


@dataclass(frozen=True)
class Pattern:
    """One kind of case and what these cases have in common: (attribute, value) pairs in canonical order."""

    kind: str
    text: str
    literals: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Stable readable name of the correction of this pattern; see `correction_name`."""
        return correction_name(self.kind, self.literals)

    def is_nested_with(self, other: "Pattern") -> bool:
        """True when one of the two holds all cases of the other: correcting both would correct one thing twice."""
        mine, others = set(self.literals), set(other.literals)
        return self.kind == other.kind and (mine <= others or others <= mine)

    def wider_names(self) -> tuple[str, ...]:
        """Names of the corrections of all patterns that hold every case of this one."""
        return tuple(
            correction_name(self.kind, some)
            for size in range(1, len(self.literals))
            for some in combinations(self.literals, size)
        )


@dataclass(frozen=True)
class CorrectionTarget:
    """What a correction acts on: `literals` are the part of the pattern that the target can express."""

    kind: str
    target: str
    literals: tuple[tuple[str, str], ...]


@lru_cache(maxsize=4096)
def parse_pattern(kind: str, text: str) -> Pattern:
    """Read the canonical text of a pattern; values may hold any text but ` & attribute=`.

    Raises:
        ValueError: a part is no `attribute=value` of a known attribute.

    >>> parse_pattern("trade", "exit_reason=stop_loss & sector=Oil & Gas").literals
    (('exit_reason', 'stop_loss'), ('sector', 'Oil & Gas'))
    """
    literals = []
    for part in _BETWEEN_LITERALS.split(text):
        attribute, separator, value = part.partition("=")
        if attribute not in ATTRIBUTES or not separator:
            msg = f"failure pattern {text!r}: {part!r} is no attribute=value; attributes are {', '.join(ATTRIBUTES)}"
            raise ValueError(msg)
        literals.append((attribute, value))
    return Pattern(kind, text, tuple(literals))


@lru_cache(maxsize=8192)
def correction_name(kind: str, literals: tuple[tuple[str, str], ...]) -> str:
    """Stable name of the correction of a pattern, safe on a command line.

    A value that would lose something on the way gets a short digest, so that two patterns never share a name.

    >>> correction_name("thesis", (("source", "ai"), ("recommendation", "BUY_MORE")))
    'thesis-source-ai-recommendation-buy_more'
    >>> correction_name("trade", (("sector", "Oil & Gas"),))
    'trade-sector-oil-gas-bb8dcb'
    """
    words, is_plain = [kind], True
    for attribute, value in literals:
        shape = _PLAIN_RECOMMENDATION if attribute == "recommendation" else _PLAIN_VALUE
        is_plain &= shape.fullmatch(value) is not None
        words += [attribute, re.sub(r"[^a-z0-9_.+]+", "-", value.lower()).strip("-")]
    if not is_plain:
        text = " & ".join(f"{attribute}={value}" for attribute, value in literals)
        words.append(hashlib.sha256(text.encode()).hexdigest()[:6])
    return "-".join(word for word in words if word)


def correction_target(pattern: Pattern) -> CorrectionTarget:
    """What to correct about a pattern: one thing.

    Of theses always the confidence of the source and recommendation they name, or of all: a wrong thesis says that its
    author was too sure. It says nothing about a component or tag, for a wrong TRIM means that the stock rose. Of trades
    and candidates the first of these that the pattern names:

    1. `dominant_component`: the weight of that component;
    2. `action_tag`: the score threshold of that tag;
    3. `source`, `recommendation` or `confidence_band`: the confidence of that source and recommendation;
    4. otherwise (exit reason, regimes, price band, sector): the size of positions of the pattern; advice only.

    The order is from what the loop itself sets to what it can only advise. What the target cannot express (a regime
    beside a component, a confidence band) makes the correction smaller instead, see sizing.

    >>> correction_target(parse_pattern("thesis", "source=ai & confidence_band=high")).target
    'source=ai'
    >>> correction_target(parse_pattern("thesis", "dominant_component=squeeze & recommendation=TRIM")).target
    'recommendation=TRIM'
    >>> correction_target(parse_pattern("trade", "exit_reason=stop_loss")).kind
    'position_size'
    """
    values = dict(pattern.literals)
    is_thesis = pattern.kind == "thesis"
    for attribute, kind in (("dominant_component", COMPONENT_WEIGHT), ("action_tag", TAG_THRESHOLD)):
        if attribute in values and not is_thesis:
            return CorrectionTarget(kind, values[attribute], ((attribute, values[attribute]),))
    if is_thesis or any(attribute in values for attribute in THESIS_ATTRIBUTES):
        literals = tuple((name, values[name]) for name in ("source", "recommendation") if name in values)
        return CorrectionTarget(CONFIDENCE, " & ".join(f"{name}={value}" for name, value in literals) or ALL, literals)
    return CorrectionTarget(POSITION_SIZE, pattern.text, pattern.literals)
