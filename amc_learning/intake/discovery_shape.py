"""The shape of a discovery result: which names a value goes by, and where the rows lie.

Belongs here: the vocabulary as seen in the wild, as constants, and finding the lists of rows.
Not here: what the values mean (scales.py, numbers.py) or what is kept of them (discovery.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

ROW_CONTAINERS = ("candidates", "items", "tickers", "results", "discoveries")
"""Names under which the selected rows come, in order of preference."""

ENVELOPES = ("data", "result", "discovery", "discovery_data", "payload")
"""Objects around the result: HTTP answers and job records wrap it."""

CONTROLS = "controls"

MAX_ROWS = 5_000
"""Rows read of one list: the whole scored universe of a US market fits."""


SYMBOL_FIELDS = ("symbol", "ticker")
SCORE_FIELDS = (
    "score", "total_score", "explosion_probability", "filter_score", "composite_score", "final_score", "alpha_score",
)  # fmt: skip
COMPONENT_CONTAINERS = ("subscores", "components", "component_scores", "scores", "score_breakdown")
NESTED_SCORE_FIELDS = ("score", "value", "total")
TAG_FIELDS = ("action_tag", "action", "tag")
PRICE_FIELDS = ("price", "price_usd", "current_price", "last_price", "last", "close")
RELATIVE_VOLUME_FIELDS = ("rel_vol", "relative_volume", "rvol", "relvol", "volume_ratio", "volume_spike")
CONFIDENCE_FIELDS = ("confidence", "confidence_score", "ai_confidence")
ENGINE_FIELDS = ("engine", "method", "strategy")
PIPELINE_FIELDS = ("pipeline_stats", "pipeline_statistics", "filtering_statistics", "filtering_stats")
MARKET_FIELDS = ("market_conditions", "market_context", "market")
REGIME_FIELDS = ("market_regime", "regime")
RUN_ID_FIELDS = ("job_id", "run_id", "scan_id", "event_id")
PARAMETERS_FIELDS = ("parameters_version", "params_version", "weights_version")
ERROR_FIELDS = ("error", "error_message", "message", "detail")

DECLARED_SCALES = (("hybrid_v1", "0-1"), ("alphastack", "0-100"))
"""Engines and strategies whose scale is known from their code; the name only has to contain the word."""

ACTION_TAGS: Mapping[str, str] = MappingProxyType(
    {
        "trade_ready": "trade_ready",
        "tradeready": "trade_ready",
        "explosive": "trade_ready",
        "trade": "trade_ready",
        "ready": "trade_ready",
        "buy": "trade_ready",
        "strong_buy": "trade_ready",
        "watchlist": "watchlist",
        "watch_list": "watchlist",
        "watch": "watchlist",
        "momentum": "watchlist",
        "early_ready": "watchlist",
        "monitor": "monitor",
        "monitoring": "monitor",
        "skip": "monitor",
        "ignore": "monitor",
        "pass": "monitor",
        "hold": "monitor",
        "avoid": "monitor",
    }
)
"""Words of the senders and the canonical tag of each: act now, look again soon, keep an eye on. Other words: other."""

STATUS_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "success": "success",
        "ok": "success",
        "completed": "success",
        "complete": "success",
        "done": "success",
        "finished": "success",
        "empty": "empty",
        "no_candidates": "empty",
        "error": "error",
        "failed": "error",
        "failure": "error",
        "stale": "stale_data",
        "stale_data": "stale_data",
    }
)

SYMBOL_PATTERN = r"^[A-Z][A-Z0-9.\-]{0,9}$"
SYMBOL_RULE = "a symbol is 1 to 10 characters: a letter, then letters, digits, single dots and dashes"
_SYMBOL = re.compile(SYMBOL_PATTERN.removesuffix("$"))


@dataclass(frozen=True)
class Rows:
    """The rows of a discovery result: `path` is how the payload names them, empty for a bare list."""

    path: str
    items: Sequence[object]


@dataclass(frozen=True)
class DiscoveryShape:
    """Where everything lies: `head` is the object with the run-level fields, empty for a bare list."""

    head: Mapping[str, object]
    selected: Rows
    controls: Rows
    warnings: tuple[str, ...] = ()


def is_symbol(text: str) -> bool:
    """Whether this is a ticker symbol as we store it; `..` is refused because somebody may build a path from it.

    >>> [is_symbol(text) for text in ("DMYY.WS", "A..B", "../X", "A'; DROP", "AAPL ")]
    [True, False, False, False, False]
    """
    return _SYMBOL.fullmatch(text) is not None and ".." not in text


def first_present(fields: Mapping[str, object], names: Sequence[str]) -> object:
    """The value of the first of these names that is there and not null; null when none is."""
    for name in names:
        value = fields.get(name)
        if value is not None:
            return value
    return None


def layers(payload: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The objects that may hold the result: the payload itself, then what its envelopes wrap."""
    inner = (payload.get(name) for name in ENVELOPES)
    return [payload, *(value for value in inner if isinstance(value, dict))]


def understands_discovery(payload: object) -> str | None:
    """Why this JSON is no discovery result, or null when it is one.

    A result has a list of rows, or at least says how the run went (`status`, `error`).

    >>> understands_discovery({"status": "error"}), understands_discovery([{"symbol": "ABC"}])
    (None, None)
    >>> understands_discovery({"foo": 1})
    'no discovery result: neither a list of candidates (candidates, items, tickers, ...) nor a status or error'
    """
    if isinstance(payload, list):
        is_rows = not payload or any(isinstance(row, dict) and first_present(row, SYMBOL_FIELDS) for row in payload)
        return None if is_rows else "no discovery result: a list without a single object that has a symbol or ticker"
    if not isinstance(payload, dict):
        return "no discovery result: an object or a list is needed"
    for layer in layers(payload):
        if any(isinstance(layer.get(name), list) for name in ROW_CONTAINERS):
            return None
        if any(layer.get(name) is not None for name in ("status", "error")):
            return None
    return "no discovery result: neither a list of candidates (candidates, items, tickers, ...) nor a status or error"


def find_rows(payload: object) -> DiscoveryShape:
    """Where the rows of a discovery result lie; a payload without any has no rows and is no error.

    Of several lists the first that is not empty counts; the others are named in `warnings`.

    >>> find_rows({"data": {"items": [{"ticker": "ABC"}]}}).selected.path
    'data.items'
    """
    if isinstance(payload, list):
        return DiscoveryShape({}, Rows("", payload), Rows(CONTROLS, ()))
    if not isinstance(payload, dict):
        return DiscoveryShape({}, Rows("", ()), Rows(CONTROLS, ()))
    found: list[tuple[Mapping[str, object], Rows]] = []
    for prefix, layer in _named_layers(payload):
        found += [
            (layer, Rows(prefix + name, items)) for name in ROW_CONTAINERS if (items := _list(layer, name)) is not None
        ]
    warnings: list[str] = []
    filled = [entry for entry in found if entry[1].items]
    layer_of_rows, selected = (filled or found or [(payload, Rows("", ()))])[0]
    warnings += [f"{rows.path} holds {len(rows.items)} more rows, not read" for _, rows in filled[1:]]
    # Run-level fields inside an envelope win over those around it, those beside the rows over all.
    head = {name: value for layer in [*layers(payload), layer_of_rows] for name, value in layer.items()}
    return DiscoveryShape(head, selected, _find_controls(payload, warnings), tuple(warnings))


def _named_layers(payload: Mapping[str, object]) -> list[tuple[str, Mapping[str, object]]]:
    named: list[tuple[str, Mapping[str, object]]] = [("", payload)]
    for name in ENVELOPES:
        inner = payload.get(name)
        if isinstance(inner, dict):
            named.append((f"{name}.", inner))
    return named


def _list(fields: Mapping[str, object], name: str) -> list[object] | None:
    value = fields.get(name)
    return value if isinstance(value, list) else None


def _find_controls(payload: Mapping[str, object], warnings: list[str]) -> Rows:
    for prefix, layer in _named_layers(payload):
        sent = layer.get(CONTROLS)
        if isinstance(sent, list):
            return Rows(prefix + CONTROLS, sent)
        if sent is not None:
            warnings.append(f"{prefix}{CONTROLS} is not a list and was not read")
    return Rows(CONTROLS, ())
