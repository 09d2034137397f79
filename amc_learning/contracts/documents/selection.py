"""Whether selection pays, and what cannot be known of it, as documents say it."""

from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import Interval, Part

SelectionVerdict = Literal["pays", "does_not_pay", "cannot_be_told", "cannot_be_known"]


def selection_verdict(lift: Interval, *, has_outcomes: bool) -> SelectionVerdict:
    """What the return of the selected over the controls says.

    Args:
        lift: mean daily difference with its 95 % interval; n counts days with outcomes of both.
        has_outcomes: the selected have outcomes at this horizon; without any it is merely too early.

    >>> selection_verdict(Interval(estimate=0.01, ci_low=-0.01, ci_high=0.03, n=60), has_outcomes=True)
    'cannot_be_told'
    >>> selection_verdict(Interval(estimate=None, ci_low=None, ci_high=None, n=0), has_outcomes=True)
    'cannot_be_known'
    """
    if lift.n == 0 and has_outcomes:
        return "cannot_be_known"
    if lift.ci_low is not None and lift.ci_low > 0:
        return "pays"
    if lift.ci_high is not None and lift.ci_high < 0:
        return "does_not_pay"
    return "cannot_be_told"


class SelectionEffect(Part):
    """Selected against controls at one horizon."""

    verdict: SelectionVerdict = Field(
        description="pays, does_not_pay: the 95 % interval of the lift lies above, below zero; cannot_be_told: it "
        "holds zero, or the days do not suffice for one; cannot_be_known: no control has an outcome."
    )
    lift: Interval = Field(
        description="Mean daily return of the selected minus the controls (fraction); n counts days."
    )
    mean_return_selected: float | None = Field(description="Mean over these days of the selected's mean return.")
    mean_return_controls: float | None = Field(description="Mean over these days of the controls' mean return.")
    n_controls: int = Field(description="Controls with an outcome on these days.")
    n_selected_days: int = Field(description="Days with a coefficient among the selected.")
    n_universe_days: int = Field(description="Days with a coefficient over the universe, by selected and controls.")


class SelectionAnalysis(Part):
    """Does selection pay, and what does looking at the selected hide?"""

    by_horizon: dict[str, SelectionEffect]
    limits: list[str] = Field(description="What cannot be known, what is assumed, and what follows from it.")
