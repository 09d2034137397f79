"""Where the rows of a payload lie when senders wrap them in envelopes and lists.

Belongs here: walking from the outside in, and looking values up from the inside out. Not here: what any name means
(thesis_shape.py, trade_shape.py), or discovery results, whose rows stay in one list (discovery_shape.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

Fields = Mapping[str, object]
Layer = tuple[str, Fields]
"""An object of the payload and how the payload names it, ending in a dot: ("data.", {...}); the outermost is ""."""

NOTHING: tuple[str, object] = ("", None)


@dataclass(frozen=True)
class Names:
    """The vocabulary of nesting of one kind of event, each in order of preference.

    envelopes: objects that wrap one row together with what surrounds it; the first that is there is entered.
    lists: lists of rows. parts: objects that stand beside each other, each a row of its own when it holds one of
    `part_fields`.
    """

    envelopes: tuple[str, ...]
    lists: tuple[str, ...]
    parts: tuple[str, ...] = ()
    part_fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """One row as it lies in the payload.

    own: the objects that speak of this row alone, the innermost first. around: those that surround a list of rows.
    sent: what stands there instead when it is no object; then both are empty. part: name of the part it is, if any.
    """

    path: str
    own: tuple[Layer, ...]
    around: tuple[Layer, ...] = ()
    sent: object = None
    part: str = ""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every object that says something about this row, the innermost first."""
        return self.own + self.around

    @property
    def is_object(self) -> bool:
        """False for a number or a text where a row should be."""
        return bool(self.own)


def find_all(payload: object, names: Names) -> list[Found]:
    """Every row of a payload, in the order in which it was sent; an object without any structure is one row.

    >>> names = Names(envelopes=("data",), lists=("rows",))
    >>> [row.path for row in find_all({"data": {"rows": [{"a": 1}, 7]}}, names)]
    ['data.rows[0]', 'data.rows[1]']
    """
    return list(_walk(payload, names, Found("", ())))


def _walk(value: object, names: Names, outer: Found) -> Iterator[Found]:
    """The rows inside a value that lies at `outer.path`, inside `outer.own` and `outer.around`."""
    path, part = outer.path, outer.part
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _walk(item, names, Found(f"{path}[{position}]", (), outer.layers, part=part))
        return
    if not isinstance(value, dict):
        yield replace(outer, own=(), around=outer.layers, sent=value)
        return
    own = ((f"{path}." if path else "", value), *outer.own)
    prefix = own[0][0]
    lists = [name for name in names.lists if _has_objects(value.get(name))]
    parts = [name for name in names.parts if _is_part(value.get(name), names)]
    envelope = envelope_in(value, names)
    if not (lists or parts or envelope):
        yield Found(path, own, outer.around, part=part)
    elif lists:
        for name in lists:
            yield from _walk(value[name], names, replace(outer, path=f"{prefix}{name}", own=own))
    elif parts:
        for name in parts:
            yield from _walk(value[name], names, replace(outer, path=f"{prefix}{name}", own=own, part=name))
    elif envelope:
        yield from _walk(value[envelope], names, replace(outer, path=f"{prefix}{envelope}", own=own))


def _has_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(row, dict) for row in value)


def _is_part(value: object, names: Names) -> bool:
    return isinstance(value, dict) and any(value.get(name) is not None for name in names.part_fields)


def envelope_in(fields: Fields, names: Names) -> str | None:
    """The envelope that is entered, or null when this object wraps none."""
    for name in names.envelopes:
        inner = fields.get(name)
        if isinstance(inner, dict) or _has_objects(inner):
            return name
    return None


def shared_layers(payload: object, names: Names) -> list[Fields]:
    """The objects that speak of the whole payload, from the outside in: it, its envelope, the envelope in that.

    >>> names = Names(envelopes=("thesis",), lists=("theses",))
    >>> shared_layers({"symbol": "ABC", "thesis": {"confidence": 1}}, names)[-1]
    {'confidence': 1}
    """
    layers: list[Fields] = []
    value = payload
    while isinstance(value, dict):
        layers.append(value)
        envelope = envelope_in(value, names)
        value = value[envelope] if envelope is not None else None
    return layers


def look_up(layers: Sequence[Layer], names: Sequence[str]) -> tuple[str, object]:
    """Path and value of the first of these names that is there and not null, the innermost object first.

    >>> look_up([("thesis.", {"confidence": None}), ("", {"confidence": 0.7})], ["confidence"])
    ('confidence', 0.7)
    """
    for prefix, fields in layers:
        for name in names:
            value = fields.get(name)
            if value is not None:
                return prefix + name, value
    return NOTHING


def look_up_all(layers: Sequence[Layer], names: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Path and value of every one of these names that is there and not null, the innermost object first."""
    for prefix, fields in layers:
        for name in names:
            value = fields.get(name)
            if value is not None:
                yield prefix + name, value
