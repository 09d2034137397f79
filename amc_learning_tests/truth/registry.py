"""Which studies there are, and the guarantees and power curves they list.

Belongs here: the names of the modules; a new study is one more line. Not here: what they measure, and the page.
"""

from collections.abc import Iterator
from importlib import import_module

from amc_learning_tests.truth.guarantees import Guarantee, PowerCurve

PACKAGE = "amc_learning_tests.truth"

STUDIES = (
    "effectiveness_guarantees",
    "weights_guarantees",
    "failure_guarantees",
    "regime_study",
    "selection_study",
    "selection_weights_study",
    "models_study",
    "importance_study",
    "exits_study",
    "regime_changes_study",
    "patterns_study",
    "overlap_size_study",
    "calibration_study",
    "threshold_power_study",
    "corrections_study",
    "success_rate_study",
    "thesis_accuracy_study",
    "replay_study",
    "exact_study",
)
"""Modules with `GUARANTEES`, and `POWER_CURVES` where they have any; slow ones first, so that workers end together."""


def guarantees(study: str) -> tuple[Guarantee, ...]:
    """The guarantees of one study."""
    found: tuple[Guarantee, ...] = import_module(f"{PACKAGE}.{study}").GUARANTEES
    return found


def power_curves(study: str) -> tuple[PowerCurve, ...]:
    """The power curves of one study; most have none."""
    found: tuple[PowerCurve, ...] = getattr(import_module(f"{PACKAGE}.{study}"), "POWER_CURVES", ())
    return found


def every_guarantee() -> Iterator[Guarantee]:
    """Of all studies, in their order."""
    for study in STUDIES:
        yield from guarantees(study)


def every_power_curve() -> Iterator[PowerCurve]:
    """Of all studies, in their order."""
    for study in STUDIES:
        yield from power_curves(study)
