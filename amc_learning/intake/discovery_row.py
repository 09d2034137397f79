"""One row of a discovery result: where its values lie and what they are called.

Belongs here: picking values as sent out of candidates. Not here: scales, rejections and columns (discovery.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from amc_learning.intake.discovery_shape import (
    ACTION_TAGS,
    COMPONENT_CONTAINERS,
    CONFIDENCE_FIELDS,
    DECLARED_SCALES,
    ENGINE_FIELDS,
    NESTED_SCORE_FIELDS,
    PRICE_FIELDS,
    RELATIVE_VOLUME_FIELDS,
    SCORE_FIELDS,
    first_present,
)
from amc_learning.intake.numbers import Numbers, read_count, read_number, read_numbers
from amc_learning.intake.text import as_text

LONGEST_TAG = 64

_NO_SCORES = (*PRICE_FIELDS, *RELATIVE_VOLUME_FIELDS, *CONFIDENCE_FIELDS, *SCORE_FIELDS, "volume", "rank")
OTHER_MEANINGS = frozenset(_NO_SCORES)
"""Fields that are no component score, even where a component bears their name: a price is in USD."""


@dataclass(frozen=True)
class Entry:
    """One row with a valid symbol, as sent."""

    path: str
    symbol: str
    fields: Mapping[str, object]
    is_selected: bool
    position: int


def canonical_tag(sent: str) -> str:
    """The canonical word for a tag as sent: trade_ready, watchlist, monitor, or other.

    >>> canonical_tag("Trade-Ready"), canonical_tag("EXPLOSIVE"), canonical_tag("skip"), canonical_tag("yolo")
    ('trade_ready', 'trade_ready', 'monitor', 'other')
    """
    return ACTION_TAGS.get("_".join(sent.strip().lower().replace("-", " ").split()), "other")


def tag_text(sent: object) -> str | None:
    """The tag as sent, shortened; null when none was sent."""
    text = as_text(sent, limit=LONGEST_TAG) if sent is not None else ""
    return text if text.strip() else None


def first_named(fields: Mapping[str, object], names: Sequence[str]) -> tuple[str, object]:
    """Name and value of the first of these fields that is there and not null."""
    for name in names:
        value = fields.get(name)
        if value is not None:
            return name, value
    return "", None


def component_sent(fields: Mapping[str, object], name: str) -> tuple[str, object]:
    """Where a component score lies in a row, as a path, and what was sent there; null when it was not sent.

    Looked for in `subscores` and its likes, in dicts inside those, and flat, as `<name>` and `<name>_score`.
    """
    subscores = fields.get("subscores")
    if type(subscores) is dict:
        value = subscores.get(name)
        if value is not None and type(value) is not dict:
            return f"subscores.{name}", value
    flat_name = f"{name}_score"
    for prefix, holder in _component_holders(fields):
        for key in (name, flat_name):
            if not prefix and key in OTHER_MEANINGS:
                continue
            value = holder.get(key)
            if isinstance(value, dict):
                inner, value = first_named(value, NESTED_SCORE_FIELDS)
                inner = f".{inner}"
            else:
                inner = ""
            if value is not None and not isinstance(value, list):
                return f"{prefix}{key}{inner}", value
    return "", None


def _component_holders(fields: Mapping[str, object]) -> list[tuple[str, Mapping[str, object]]]:
    holders: list[tuple[str, Mapping[str, object]]] = []
    for name in COMPONENT_CONTAINERS:
        holder = fields.get(name)
        if isinstance(holder, dict):
            holders.append((f"{name}.", holder))
            inner = holder.get("components")
            if isinstance(inner, dict):
                holders.append((f"{name}.components.", inner))
    holders.append(("", fields))
    return holders


def value_at(fields: Mapping[str, object], path: str) -> object:
    """What was sent at a path like `subscores.squeeze`; null when nothing was."""
    value: object = fields
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def total_scores(entries: Sequence[Entry], warnings: list[str]) -> tuple[Numbers, str]:
    """The total scores of a run, all from one field: the one most rows have, so that no two scales mix unseen."""
    counts = {name: sum(entry.fields.get(name) is not None for entry in entries) for name in SCORE_FIELDS}
    chosen = max(SCORE_FIELDS, key=lambda name: counts[name]) if entries else SCORE_FIELDS[0]
    numbers = read_numbers([entry.fields.get(chosen) for entry in entries])
    if counts[chosen] < len(entries):
        others = [name for name in SCORE_FIELDS if name != chosen]
        n_elsewhere = sum(
            entry.fields.get(chosen) is None and first_present(entry.fields, others) is not None for entry in entries
        )
        if n_elsewhere:
            warnings.append(f"{n_elsewhere} rows have no {chosen} but another score; theirs is null")
    return numbers, chosen


def without_percentages(numbers: Numbers) -> list[float | None]:
    """The values whose scale has to be found: a percent sign is a scale of its own."""
    if not numbers.percentages:
        return numbers.values
    return [None if position in numbers.percentages else value for position, value in enumerate(numbers.values)]


def declared_scale(head: Mapping[str, object], entries: Sequence[Entry]) -> str | None:
    """The scale that the run's engine or strategy is known to score on; null when it is unknown."""
    meta = head.get("meta")
    places = [head, meta if isinstance(meta, dict) else {}, *(entry.fields for entry in entries[:1])]
    named = " ".join(str(place.get(name, "")) for place in places for name in ENGINE_FIELDS).lower()
    return next((scale for word, scale in DECLARED_SCALES if word in named), None)


def maximum_points(head: Mapping[str, object], components: Sequence[str]) -> dict[str, float]:
    """The most points each component can reach, from weights the sender declares (fractions of a total of 100)."""
    weights = head.get("weights")
    if not isinstance(weights, dict):
        return {}
    read = {name: read_number(weights.get(name, weights.get(f"{name}_weight")))[0] for name in components}
    return {name: weight * 100.0 for name, weight in read.items() if weight is not None and 0.0 < weight <= 1.0}


def rank_in_run(entry: Entry) -> int | None:
    """The rank as sent, from 1; else the place in the list of candidates; controls have no place of their own."""
    sent = read_count(entry.fields.get("rank"))
    if sent:
        return sent
    return entry.position + 1 if entry.is_selected else None


def snapshot_price(fields: Mapping[str, object]) -> float | None:
    """The price inside a raw quote snapshot, `{"day": {"c": 2.44}}`; null where there is none."""
    day = fields.get("day")
    price = read_number(day.get("c"))[0] if isinstance(day, dict) else None
    return price if price is not None and price > 0 else None
