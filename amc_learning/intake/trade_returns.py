"""In which unit returns and excursions were sent: settled by the stated prices where there are any, else by name.

Belongs here: percent or fraction, per message. Not here: reading the numbers, computing returns anew (the ledger).
What cannot be settled is null with a warning, never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FRACTION_FIELDS = ("return", "realized_return", "realised_return", "unrealized_plpc", "pnl_ratio")
PERCENT_FIELDS = (
    "return_pct", "return_percent", "pnl_pct", "pnl_percent", "profit_pct", "gain_percent", "realized_pl_pct",
    "unrealized_pl_pct",
)  # fmt: skip
LOSS_FIELDS = ("loss_percent", "loss_pct")
RETURN_FIELDS = (*PERCENT_FIELDS, *LOSS_FIELDS, *FRACTION_FIELDS)

FAVORABLE_FIELDS = ("max_favorable_excursion", "mfe")
ADVERSE_FIELDS = ("max_adverse_excursion", "mae")
FAVORABLE_PERCENT_FIELDS = ("max_favorable_excursion_pct", "mfe_pct", "max_gain_pct")
ADVERSE_PERCENT_FIELDS = ("max_adverse_excursion_pct", "mae_pct", "max_drawdown_pct")

PERCENT, FRACTION = 0.01, 1.0
"""What a sent value has to be multiplied by."""

_NAMES: Mapping[float, str] = MappingProxyType({PERCENT: "percent", FRACTION: "fraction"})

AGREEMENT = 0.01
"""A stated return agrees with stated prices when it is off by no more than a percentage point, or 5 % of itself:
fees and rounded prices explain as much."""

RELATIVE_AGREEMENT = 0.05

CERTAIN_PERCENT = 2.0
"""No trade of ours swings by more than 200 % and ends where either reading is possible; +2 % is everyday."""

CERTAIN_FRACTION = 0.5
"""A trade that never moved by more than half a percent either way is rarer than one that moved by less than half."""

EXCURSION_TOLERANCE = 0.005
"""Excursions come from bars or quotes, exits from fills: the exit may lie half a point beyond the extreme."""

TOTAL_LOSS = -0.999


@dataclass(frozen=True)
class Settled:
    """A value as a fraction; `unit` it was sent in (null when nothing settled it), a warning, and what is wrong."""

    value: float | None
    unit: float | None = None
    warning: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Excursions:
    """Both excursions as fractions, with a warning when they had to be settled or could not be."""

    favorable: float | None
    adverse: float | None
    warning: str | None = None


def settle_return(name: str, sent: float, *, has_percent_sign: bool, from_prices: float | None) -> Settled:
    """A return as a fraction.

    Args:
        name: the field it was sent in; its name declares a unit.
        sent: the number.
        has_percent_sign: whether it was sent like "15.1%"; then it is in percent whatever the field is called.
        from_prices: exit over entry less 1 (fraction), where both prices were stated; they outweigh the name.

    >>> settle_return("return_pct", -16.43, has_percent_sign=False, from_prices=0.4727 / 0.5656 - 1).value
    -0.1643
    >>> settle_return("return_pct", 0.15, has_percent_sign=False, from_prices=0.15).warning
    'return_pct 0.15 read as fraction: so it agrees with the stated prices'
    """
    value = -abs(sent) if name in LOSS_FIELDS else sent
    declared = FRACTION if name in FRACTION_FIELDS and not has_percent_sign else PERCENT
    unit, warning = declared, None
    if from_prices is not None and not has_percent_sign:
        other = FRACTION if declared == PERCENT else PERCENT
        by_distance = sorted((declared, other), key=lambda factor: abs(value * factor - from_prices))
        allowed = max(AGREEMENT, RELATIVE_AGREEMENT * abs(from_prices))
        if abs(value * by_distance[0] - from_prices) > allowed:
            warning = f"{name} {sent:g} disagrees with the stated prices, which give {from_prices:.4f}"
        elif by_distance[0] != declared:
            unit = other
            warning = f"{name} {sent:g} read as {_NAMES[other]}: so it agrees with the stated prices"
    elif declared == FRACTION and abs(value) > CERTAIN_PERCENT:
        return Settled(None, None, f"{name} {sent:g}: a fraction or percent, nothing stated settles which; null")
    if value * unit < -1.0:
        return Settled(None, unit, warning, "is a loss of more than everything; null")
    return Settled(round(value * unit, 9), unit, warning)


def settle_excursions(
    favorable: float | None, adverse: float | None, *, realised: float | None, unit_of_return: float | None
) -> Excursions:
    """Both excursions as fractions; they share one unit.

    The unit must leave the exit between the excursions and the loss within the stake. When both units do, the
    size of the numbers speaks (beyond 2: percent; within 0.5: fraction), and the unit of the return that came with
    them; when they contradict each other, or neither speaks, both are null. A loss sent without its sign gets it.

    Args:
        favorable: largest gain as sent.
        adverse: largest loss as sent.
        realised: return of the trade (fraction), where it is known.
        unit_of_return: factor that the return of the same message was sent with, where it sent one.

    >>> settle_excursions(0.0, -17.1, realised=-0.1643, unit_of_return=0.01).adverse
    -0.171
    >>> settle_excursions(0.086, -0.075, realised=0.001, unit_of_return=None).favorable
    0.086
    >>> settle_excursions(0.9, -0.8, realised=0.001, unit_of_return=None).favorable is None
    True
    """
    if not favorable and not adverse:
        return Excursions(favorable, adverse)
    warnings: list[str] = []
    if adverse is not None and adverse > 0:
        if realised is not None and realised > 0:
            return Excursions(None, None, "max_adverse_excursion is positive in a gain: its meaning is unclear; null")
        adverse = -adverse
        warnings.append("max_adverse_excursion was sent without its sign")
    fitting = [unit for unit in (FRACTION, PERCENT) if _fits(favorable, adverse, unit, realised)]
    if not fitting:
        fitting = [unit for unit in (FRACTION, PERCENT) if _fits(favorable, adverse, unit, None)]
        warnings.append("the excursions do not enclose the return")
    unit = fitting[0] if len(fitting) == 1 else _likely_unit(favorable, adverse, unit_of_return) if fitting else None
    if unit is None:
        warnings.append("excursions in percent or fractions: nothing stated settles which; null")
        return Excursions(None, None, "; ".join(warnings))
    return Excursions(_scaled(favorable, unit), _scaled(adverse, unit), "; ".join(warnings) or None)


def _fits(favorable: float | None, adverse: float | None, unit: float, realised: float | None) -> bool:
    """Whether in this unit no loss exceeds the stake and the return lies between the excursions."""
    if min(favorable or 0.0, adverse or 0.0) * unit < -1.0:
        return False
    if realised is None:
        return True
    is_below = favorable is None or favorable * unit >= realised - EXCURSION_TOLERANCE
    is_above = adverse is None or adverse * unit <= realised + EXCURSION_TOLERANCE
    return is_below and is_above


def _likely_unit(favorable: float | None, adverse: float | None, unit_of_return: float | None) -> float | None:
    """The unit that size and return agree on, or that the only one of them that speaks names; else null."""
    size = max(abs(favorable or 0.0), abs(adverse or 0.0))
    by_size = PERCENT if size > CERTAIN_PERCENT else FRACTION if size <= CERTAIN_FRACTION else None
    said = {unit for unit in (by_size, unit_of_return) if unit is not None}
    return said.pop() if len(said) == 1 else None


def _scaled(value: float | None, unit: float) -> float | None:
    return None if value is None else round(value * unit, 9)
