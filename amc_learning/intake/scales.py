"""On which scale scores are, decided from what the sender declares and from all values of a run.

Belongs here: the decision per field and its application. Not here: reading numbers, or finding them in a payload.
Target is 0-100; what cannot be settled becomes null with a warning, never a guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FRACTION = "0-1"
PERCENT = "0-100"
POINTS = "points"
UNBOUNDED = "unbounded"
MIXED = "mixed"
NONE = "none"

FRACTION_CEILING = 1.5
"""A field of which no value exceeds this is on 0-1 (bonuses may overshoot 1 a little): no run of scores out of 100
stays that low, while 1.5 of 100 in one field of one candidate is possible and is why declared scales come first."""

EXTREME = 200.0
"""Twice the top of the scale: no overshoot, but another scale."""

UNBOUNDED_SHARE = 0.1
"""Share of values outside 0-100 from which a field with extreme values is no longer on 0-100 with mistakes in it."""

MIXED_SHARE = 0.2
MIXED_GAP = 10.0
"""A field is mixed when a fifth of its values lies in (0, 1] and none between there and 10: 0.72 beside 68."""

POINTS_TOLERANCE = 0.011
"""Components and total are rounded to cents at worst: their sum may be off by that much per component."""

SCORE_DECIMALS = 9
"""Differences beyond this are float noise: rounded off, so that equal scores stay tied."""


@dataclass(frozen=True)
class FieldScale:
    """The scale of one field in one run: `factor` turns values into 0-100, null means they cannot be."""

    scale: str
    factor: float | None
    warning: str | None = None

    def points(self, value: float) -> float | None:
        """The value on 0-100, or null when the field's scale cannot be settled."""
        if self.factor is None or (self.scale == MIXED and 0 < value <= 1):
            return None
        return round(value * self.factor, SCORE_DECIMALS)


@dataclass(frozen=True)
class RunScales:
    """The scales of a run: of the total score, and of each component that has values."""

    total: FieldScale
    components: Mapping[str, FieldScale]
    warnings: tuple[str, ...] = field(default=())

    @property
    def label(self) -> str:
        """One word for the run: what could not be settled, else the total's scale, else the components'."""
        every = [self.total.scale, *(scale.scale for scale in self.components.values())]
        for word in (UNBOUNDED, POINTS):
            if word in every:
                return word
        if self.total.scale != NONE:
            return self.total.scale
        return next((scale for scale in every if scale != NONE), NONE)


def settle_field(name: str, values: Sequence[float], *, declared: str | None = None) -> FieldScale:
    """The scale of one field from all its values in a run, and from what the sender declares.

    Args:
        name: the field, for the warning.
        values: every value sent in the run, selected and controls, without nulls.
        declared: "0-1" or "0-100" when the engine is known and the run's values do not contradict it.

    >>> settle_field("score", [0.3021, 0.1904]).scale, settle_field("score", [72.3, 44.9]).scale
    ('0-1', '0-100')
    >>> settle_field("score", [17103.0, 890.0, 60.0]).points(60.0) is None
    True
    """
    if not values:
        return FieldScale(NONE, 1.0)
    unbounded = _unbounded(name, values)
    if unbounded is not None:
        return unbounded
    highest = max(values)
    if declared == FRACTION and highest <= FRACTION_CEILING:
        return FieldScale(FRACTION, 100.0)
    if declared == PERCENT or highest <= 0:
        return FieldScale(PERCENT, 1.0)
    return _from_values(name, values)


def _unbounded(name: str, values: Sequence[float]) -> FieldScale | None:
    """The finding that a field is on no known scale, or null when at most a few of its values lie outside 0-100."""
    lowest, highest = min(values), max(values)
    n_outside = sum(1 for value in values if not 0 <= value <= 100) if lowest < 0 or highest > 100 else 0
    is_extreme = (highest > EXTREME or lowest < -100) and n_outside >= UNBOUNDED_SHARE * len(values)
    if is_extreme or 2 * n_outside > len(values):
        reason = f"{name}: values from {lowest:g} to {highest:g} are on no known scale; null, please declare the scale"
        return FieldScale(UNBOUNDED, None, reason)
    return None


def _from_values(name: str, values: Sequence[float]) -> FieldScale:
    """The scale of an undeclared field with positive values."""
    if max(values) <= FRACTION_CEILING:
        is_thin = all(value in (0.0, 1.0) for value in values)
        warning = f"{name}: only 0 and 1 were sent, read as 0-1" if is_thin else None
        return FieldScale(FRACTION, 100.0, warning)
    n_small = sum(1 for value in values if 0 < value <= 1)
    n_positive = sum(1 for value in values if value > 0)
    if n_small >= MIXED_SHARE * n_positive and n_small and all(value > MIXED_GAP for value in values if value > 1):
        reason = (
            f"{name}: {n_small} of {n_positive} values are within 0-1 and the others above 10; the small ones are null"
        )
        return FieldScale(MIXED, 1.0, reason)
    return FieldScale(PERCENT, 1.0)


def settle_run(
    totals: Sequence[float | None],
    components: Mapping[str, Sequence[float | None]],
    *,
    declared: str | None,
    maximum_points: Mapping[str, float],
) -> RunScales:
    """The scale of the total score and of every component of one run.

    A declared scale holds unless the values contradict it; total and components are judged apart, because real
    engines mix a total out of 100 with components from 0 to 1.

    Args:
        totals: total score per row, null where none was sent.
        components: per component its value per row, in the order of `totals`.
        declared: scale declared by the engine, if known.
        maximum_points: points a component can reach at most, where the sender says so; needed when points add up.
    """
    present = {name: [value for value in values if value is not None] for name, values in components.items()}
    pooled = [value for values in present.values() for value in values]
    known_totals = [value for value in totals if value is not None]
    total_declared, total_warning = _checked("scores", known_totals, declared)
    part_declared, part_warning = _checked("component scores", pooled, declared)
    total = settle_field("score", known_totals, declared=total_declared)
    if part_declared is None and _add_up(totals, components):
        parts = {name: _points(name, values, maximum_points.get(name)) for name, values in present.items()}
    else:
        parts = {name: settle_field(name, values, declared=part_declared) for name, values in present.items()}
    found = (total_warning, part_warning, total.warning, *(scale.warning for scale in parts.values()))
    warnings = [warning for warning in found if warning is not None]
    differing = [name for name, scale in parts.items() if scale.scale == FRACTION]
    if differing and PERCENT in {total.scale, *(scale.scale for scale in parts.values())}:
        warnings.append(f"mixed scales in one run: {', '.join(differing)} read as 0-1, the rest as 0-100")
    return RunScales(total, parts, tuple(warnings))


def _checked(what: str, values: Sequence[float], declared: str | None) -> tuple[str | None, str | None]:
    """The declared scale, or null and a warning when the values say otherwise."""
    if not values or declared is None:
        return declared, None
    highest = max(values)
    if declared == FRACTION and highest > FRACTION_CEILING:
        return None, f"the engine declares {what} from 0 to 1, but {highest:g} was sent: decided from the values"
    if declared == PERCENT and highest <= 1 and any(0 < value < 1 for value in values):
        return None, f"the engine declares {what} from 0 to 100, but none exceeds {highest:g}: decided from the values"
    return declared, None


def _add_up(totals: Sequence[float | None], components: Mapping[str, Sequence[float | None]]) -> bool:
    """Whether in every row the components are points that sum to the total."""
    n_summed = 0
    for total, *parts in zip(totals, *components.values(), strict=True):
        nonzero = [part for part in parts if part]
        if total is None or not nonzero:
            continue
        if abs(sum(nonzero) - total) > POINTS_TOLERANCE * len(nonzero):
            return False
        n_summed += len(nonzero) >= 2
    return n_summed > 0


def _points(name: str, values: Sequence[float], maximum: float | None) -> FieldScale:
    if not values:
        return FieldScale(NONE, 1.0)
    if maximum and maximum > 0:
        return FieldScale(POINTS, 100.0 / maximum, f"{name}: points out of {maximum:g}, rescaled to 0-100")
    return FieldScale(POINTS, None, f"{name}: points that sum to the score; the most it can reach is unknown; null")
