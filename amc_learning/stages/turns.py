"""One stage at a time: stages that read, compute and write take turns, whoever runs them.

A night, a backfill, a sensor's run and a person in the UI may meet; each stage then works on what the one before it
left, never on what is being replaced under it.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

from amc_learning.warehouse import Warehouse

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def taking_turns(
    stage: Callable[Concatenate[Warehouse, Arguments], Result],
) -> Callable[Concatenate[Warehouse, Arguments], Result]:
    """The stage, run while no other stage of this warehouse runs. Not reentrant: a stage may not call another."""

    def alone(warehouse: Warehouse, /, *arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        with warehouse.turn():
            return stage(warehouse, *arguments, **options)

    update_wrapper(alone, stage)
    return alone
