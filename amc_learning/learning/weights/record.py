"""Decisions as a record: what earlier nights decided, and the table of new decisions.

Belongs here: reading and writing the shape of table `weight_decisions`. Not here: deciding (decision).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.learning.effectiveness.changes import ChangeLog, Promised
from amc_learning.learning.inference import MeanInference
from amc_learning.learning.modes import ACTIVE as ACTIVE_MODE
from amc_learning.learning.modes import SHADOW
from amc_learning.learning.weights.improvement import one_sided
from amc_learning.learning.weights.promise import Promise

Vector = NDArray[np.float64]

ACTIVE = "active"
HELD = "held"
INSUFFICIENT_EVIDENCE = "insufficient_evidence"
ROLLED_BACK = "rolled_back"


def component_vector(values: Mapping[str, float], names: tuple[str, ...], what: str) -> Vector:
    """Values in the order of the feature set.

    Raises:
        ValueError: the components are not exactly those of the feature set.

    >>> component_vector({"b": 0.4, "a": 0.6}, ("a", "b"), "in_force").tolist()
    [0.6, 0.4]
    """
    if set(values) != set(names):
        msg = (
            f"{what} names the components {', '.join(sorted(values))}, the feature set {', '.join(names)}: "
            "start a data directory of its own for another feature set"
        )
        raise ValueError(msg)
    return np.array([float(values[name]) for name in names])


def _is_ordered(status: str, taken_back: date | None) -> bool:
    return status == ROLLED_BACK and taken_back is None


@dataclass(frozen=True)
class PastDecision:
    """What an earlier night decided: the vector in force after it, and what was learned before and by it."""

    known_on: date
    learned_before: Vector
    learned: Vector
    weights: Vector
    is_learning: bool
    """Whether the evidence was good enough to move, or to go on moving."""
    taken_back: date | None = None
    """First night of the change that this night takes back because it harmed."""
    promised: Promised | None = None
    """What the change under way was expected to bring; None when nothing moved."""
    shadow: Vector | None = None
    """What would be in force; None when `weights` is."""
    told_on: date | None = None
    """Knowledge day whose decision discovery was last told; None while it has only its defaults."""
    is_ordered: bool = False
    """Whether a person's order held."""

    @property
    def would_be(self) -> Vector:
        """What is in force, or in shadow what would be."""
        return self.weights if self.shadow is None else self.shadow


class DecisionHistory:
    """Earlier nights, oldest first; grows by one per night. Nights far back may be missing."""

    def __init__(self, nights: Sequence[PastDecision] = ()) -> None:
        self._nights: list[PastDecision] = []
        self.changes = ChangeLog()
        for night in nights:
            self.add(night)

    def add(self, night: PastDecision) -> None:
        """Append the latest night."""
        self._nights.append(night)
        self.changes.add(night)

    @property
    def nights(self) -> tuple[PastDecision, ...]:
        """The nights, oldest first."""
        return tuple(self._nights)

    def in_force(self, default: Vector) -> Vector:
        """The last decided vector; the default before the first decision."""
        return self._nights[-1].weights if self._nights else default

    def would_be(self, default: Vector) -> Vector:
        """As `in_force`, or in shadow the vector that would be in force."""
        return self._nights[-1].would_be if self._nights else default

    def told_on(self) -> date | None:
        """Knowledge day whose decision discovery was last told; None while it has only its defaults."""
        return self._nights[-1].told_on if self._nights else None

    def learned(self, default: Vector) -> Vector:
        """What the evidence had taught by the last decision; the default before the first."""
        return self._nights[-1].learned if self._nights else default

    def weights_of(self, known_on: date) -> Vector:
        """The vector decided on this knowledge day.

        Raises:
            ValueError: no decision of that day is at hand.
        """
        return self._of(known_on).weights

    def would_be_of(self, known_on: date) -> Vector:
        """The vector decided on this knowledge day; of a night in shadow, the one that would have been in force.

        Raises:
            ValueError: no decision of that day is at hand.
        """
        return self._of(known_on).would_be

    def learned_of(self, known_on: date) -> Vector:
        """What had been learned on this knowledge day, without any factor.

        Raises:
            ValueError: no decision of that day is at hand.
        """
        return self._of(known_on).learned

    def _of(self, known_on: date) -> PastDecision:
        for night in reversed(self._nights):
            if night.known_on == known_on:
                return night
        msg = (
            f"rollback to {known_on}: no weights were decided on that day; order a rollback to another day, or release"
        )
        raise ValueError(msg)

    def campaign_start(self, as_of: date, *, days: int) -> Vector | None:
        """Learned weights when the change now under way began; None when the last night was not part of one.

        A change is an unbroken run of learning nights; looked at over this many calendar days before `as_of`.
        """
        start = None
        for night in reversed(self._nights):
            if not night.is_learning or (as_of - night.known_on).days > days:
                break
            start = night.learned_before
        return start


_VECTORS = ("learned_weight_before", "learned_weight", "weight")
_PROMISE = ("expected_improvement", "expected_improvement_ci_low", "expected_improvement_ci_high")
_OF_THE_NIGHT = ("status", "is_learning", "taken_back_change", "told_on", *_PROMISE)
DECISION_COLUMNS = ("component", *_VECTORS, "shadow_weight", "known_on", *_OF_THE_NIGHT)
"""Columns of table `weight_decisions` that a history is made of."""


def decision_history(earlier: pl.DataFrame | None, *, names: tuple[str, ...]) -> DecisionHistory:
    """History from rows of table `weight_decisions`, in any order.

    Raises:
        ValueError: a column is missing, or a night names other components than the feature set.
    """
    if earlier is None or earlier.is_empty():
        return DecisionHistory()
    missing = [name for name in DECISION_COLUMNS if name not in earlier.columns]
    if missing:
        msg = f"earlier decisions lack {', '.join(missing)}: read these columns of weight_decisions as well"
        raise ValueError(msg)
    rows = earlier.select(DECISION_COLUMNS).unique().sort("known_on", "component")
    _refuse_other_components(rows, names)
    # Years of nights: one array for all, because a frame for each night costs more than all that is done with it.
    place = [sorted(names).index(name) for name in names]
    vectors = {
        column: rows[column].to_numpy().reshape(-1, len(names))[:, place] for column in (*_VECTORS, "shadow_weight")
    }
    is_in_shadow = ~np.isnan(vectors["shadow_weight"]).any(axis=1)
    nights = []
    for at, (known_on, *of_the_night) in enumerate(
        rows.gather_every(len(names)).select("known_on", *_OF_THE_NIGHT).iter_rows()
    ):
        status, is_learning, taken_back, told_on, *promise = of_the_night
        learned_before, learned, weights = (vectors[column][at] for column in _VECTORS)
        nights.append(
            PastDecision(
                known_on,
                learned_before,
                learned,
                weights,
                is_learning,
                taken_back,
                None if promise[0] is None else Promised(*promise),
                vectors["shadow_weight"][at] if is_in_shadow[at] else None,
                told_on,
                is_ordered=_is_ordered(status, taken_back),
            )
        )
    return DecisionHistory(nights)


def _refuse_other_components(rows: pl.DataFrame, names: tuple[str, ...]) -> None:
    """Raise unless every night has one row for each component of the feature set; `rows` are sorted by both."""
    n_nights = rows["known_on"].n_unique()
    if rows["component"].to_list() == sorted(names) * n_nights:
        return
    for (night,), of_night in rows.group_by("known_on", maintain_order=True):
        component_vector(dict.fromkeys(of_night["component"], 0.0), names, f"the decision of {night}")
    raise ValueError("a component has two rows in one night of weight_decisions")


@dataclass(frozen=True)
class NightRecord:
    """What one night writes down; None where there was no evidence to write it from.

    `decision` writes what was learned into `previous` and `weights`; `overlay` puts the vectors in force there and
    what was learned beside them. `shadow` is what would be in force, on a night that is in shadow; `told_on` the day
    whose decision discovery was last told.
    """

    status: str
    reason: str
    previous: Vector
    weights: Vector
    suggested: Vector | None = None
    learned_before: Vector | None = None
    learned: Vector | None = None
    is_learning: bool = False
    regime_factors: Vector | None = None
    correction_factors: Vector | None = None
    is_at_daily_limit: NDArray[np.bool_] | None = None
    window_days: int | None = None
    n_days: int = 0
    promise: Promise | None = None
    taken_back: date | None = None
    shadow: Vector | None = None
    told_on: date | None = None

    @property
    def is_ordered(self) -> bool:
        """Whether a person's order holds: then no factor is laid over it."""
        return _is_ordered(self.status, self.taken_back)

    @property
    def promised(self) -> Promised | None:
        """What the change under way is expected to bring, as it is written down."""
        written = _promised(self.promise)
        return None if self.promise is None else Promised(*(written[name] for name in _PROMISE))


def past_decision(night: date, decided: NightRecord, *, learned_before: Vector, learned: Vector) -> PastDecision:
    """A night that has been decided, as later nights see it."""
    return PastDecision(
        night,
        learned_before,
        learned,
        decided.weights,
        decided.is_learning,
        decided.taken_back,
        decided.promised,
        decided.shadow,
        decided.told_on,
        is_ordered=decided.is_ordered,
    )


def decided_night(rows: Mapping[str, Mapping[str, Any]], *, names: tuple[str, ...]) -> NightRecord:
    """One night as table `weight_decisions` holds it; what it looked at and promised is left out.

    Args:
        rows: component to its row.
        names: components in order.

    Raises:
        ValueError: the rows are not of exactly these components.
    """

    def vector(column: str) -> Vector:
        return component_vector({name: row[column] for name, row in rows.items()}, names, "the decision")

    first = rows[names[0]]
    return NightRecord(
        first["status"],
        first["reason"],
        vector("previous_weight"),
        vector("weight"),
        learned_before=vector("learned_weight_before"),
        learned=vector("learned_weight"),
        is_learning=first["is_learning"],
        regime_factors=vector("regime_multiplier"),
        correction_factors=vector("correction_factor"),
        taken_back=first["taken_back_change"],
    )


def decisions_table(
    nights: Sequence[tuple[date, NightRecord]],
    *,
    names: tuple[str, ...],
    schema: pl.Schema,
    horizon: str,
    population: str,
) -> pl.DataFrame:
    """Table `weight_decisions`: one row per night and component, sorted by both."""
    size = len(names)
    records = [record for _, record in nights]
    per_night: dict[str, list[Any]] = {
        "known_on": [night for night, _ in nights],
        "status": [record.status for record in records],
        "reason": [record.reason for record in records],
        "evidence_window_days": [record.window_days for record in records],
        "n_days": [record.n_days for record in records],
        "is_learning": [record.is_learning for record in records],
        "taken_back_change": [record.taken_back for record in records],
        "mode": [ACTIVE_MODE if record.shadow is None else SHADOW for record in records],
        "told_on": [record.told_on for record in records],
        **{name: [_promised(record.promise)[name] for record in records] for name in _promised(None)},
    }
    columns: dict[str, list[Any]] = {
        name: [value for value in values for _ in range(size)] for name, values in per_night.items()
    }
    columns["component"] = [name for _ in nights for name in names]
    columns["previous_weight"] = [weight for record in records for weight in record.previous.tolist()]
    columns["weight"] = [weight for record in records for weight in record.weights.tolist()]
    columns["change"] = [
        change for record in records for change in (np.round(record.weights - record.previous, 9) + 0.0).tolist()
    ]
    columns["suggested_weight"] = [
        weight
        for record in records
        for weight in ([None] * size if record.suggested is None else (np.round(record.suggested, 6) + 0.0).tolist())
    ]
    columns["shadow_weight"] = [
        weight for record in records for weight in ([None] * size if record.shadow is None else record.shadow.tolist())
    ]
    for name, vectors in {
        "learned_weight_before": [(record.previous, record.learned_before) for record in records],
        "learned_weight": [(record.weights, record.learned) for record in records],
        "regime_multiplier": [(np.ones(size), record.regime_factors) for record in records],
        "correction_factor": [(np.ones(size), record.correction_factors) for record in records],
    }.items():
        columns[name] = [
            value for default, vector in vectors for value in (default if vector is None else vector).tolist()
        ]
    columns["is_at_daily_limit"] = [
        flag
        for record in records
        for flag in (np.zeros(size, bool) if record.is_at_daily_limit is None else record.is_at_daily_limit).tolist()
    ]
    columns["evidence_horizon"] = [horizon] * (size * len(nights))
    columns["evidence_population"] = [population] * (size * len(nights))
    return pl.DataFrame({name: columns[name] for name in schema}, schema=schema).sort("known_on", "component")


def _promised(promise: Promise | None) -> dict[str, float | None]:
    """The columns of a promise; all null on a night that changes nothing."""
    improvement = MeanInference(None, None, None, None, 0, None) if promise is None else promise.improvement
    return {
        "confidence": _rounded(1 - one_sided(improvement) if improvement.is_sufficient else None),
        "expected_improvement": _rounded(improvement.estimate),
        "expected_improvement_ci_low": _rounded(improvement.ci_low),
        "expected_improvement_ci_high": _rounded(improvement.ci_high),
        "expected_success_rate_change": _rounded(None if promise is None else promise.success_rate_change),
        "expected_top_return_change": _rounded(None if promise is None else promise.top_return_change),
    }


def _rounded(value: float | None) -> float | None:
    # Processors differ in the last bit of a sum; a published figure does not.
    return None if value is None else round(value, 9) + 0.0
