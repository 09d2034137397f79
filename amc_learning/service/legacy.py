"""Answers in the shapes that readers of earlier versions check for; they fall back to defaults where a key is missing.

Belongs here: translating our documents into those shapes. Not here: the documents. Nothing is made up to please a
reader: what we do not know is left out, and the reader keeps to its defaults.
"""

from typing import Any

from amc_learning.service.shelf import Document

V2_COMPONENTS = ("rvol", "momentum", "price", "change", "si", "borrow")
"""Components of the feature set that the readers of /learning-analytics weigh."""


def v2_parameters(weights: Document | None) -> Document:
    """`success, confidence, weights{rvol_weight, ...}`, when weights of those features are published.

    >>> v2_parameters(None)["success"]
    False
    """
    if weights is None:
        return _no("nothing is published yet")
    in_force = weights["data"]["optimized_parameters"]
    missing = [name for name in V2_COMPONENTS if f"{name}_weight" not in in_force]
    if missing:
        return _no(
            f"the feature set {weights['feature_set']} has no component {', '.join(missing)}; "
            "read /learning/intelligence/adaptive-discovery-params instead"
        )
    return {
        "success": True,
        **({} if weights["confidence"] is None else {"confidence": weights["confidence"]}),
        "weights": {f"{name}_weight": in_force[f"{name}_weight"] for name in V2_COMPONENTS},
        "parameters_version": weights["parameters_version"],
        "last_updated": weights["data"]["last_updated"],
    }


def v2_regime(regimes: Document | None, weights: Document | None) -> Document:
    """`regime, confidence, recommended_threshold`.

    The regime is that of the market, whose probability is the confidence; where the history does not suffice for one,
    that of discovery's candidates, which has no probability. The threshold is the total score at which trade_ready
    starts, corrections included.
    """
    if regimes is None:
        return _no("nothing is published yet")
    index, discovery = regimes["index"], regimes["discovery"]
    current = index if index["regime"] is not None else discovery
    if current["regime"] is None:
        return _no("the history does not suffice to name a regime")
    answer: dict[str, Any] = {
        "success": True,
        "regime": current["regime"],
        "discovery_regime": discovery["regime"],
        "since": current["since"],
        "last_updated": regimes["last_updated"],
    }
    if current["probability"] is not None:
        answer["confidence"] = current["probability"]
    trade_ready = ((weights or {}).get("thresholds") or {}).get("action_tags", {}).get("trade_ready")
    if trade_ready:
        answer["recommended_threshold"] = trade_ready["in_force"]
    return answer


def _no(reason: str) -> Document:
    return {"success": False, "reason": f"{reason}; keep to your defaults"}
