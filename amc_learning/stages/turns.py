"""Who works on the warehouse now: a whole cycle at a time, and within it one stage at a time, whoever runs them.

A night, a backfill, a sensor's run and a person in the UI may meet. A cycle (a night, a range, a backfill, one asset
that a person runs) holds the cycle lock from its first stage to its last, so that two of them come out as one after the
other would. Each stage takes a turn besides: orders of a person and arriving bars, which are no cycle, wait for it.
Workers of one fan-out share their turns: they write different days of the same tables.

Whoever takes both takes the cycle first. The inbox and readers need neither.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import StorageError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

CYCLE_LOCK_NAME = ".whole_cycle.lock"
"""Lock file beside the tables for those who run stages one after the other."""

_is_shared: ContextVar[bool] = ContextVar("amc_learning_turn_is_shared", default=False)


def taking_turns(
    stage: Callable[Concatenate[Warehouse, Arguments], Result],
) -> Callable[Concatenate[Warehouse, Arguments], Result]:
    """The stage, run while no other stage of this warehouse runs. Not reentrant: a stage may not call another."""

    def alone(warehouse: Warehouse, /, *arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        with warehouse.turn(is_shared=_is_shared.get()):
            return stage(warehouse, *arguments, **options)

    update_wrapper(alone, stage)
    return alone


@contextlib.contextmanager
def sharing_turns() -> Iterator[None]:
    """Within it, stages of this thread run beside those of other workers who share their turns too.

    Only for stages that are pure functions of stored inputs, over days that no other worker has.
    """
    before = _is_shared.set(True)
    try:
        yield
    finally:
        _is_shared.reset(before)


@contextlib.contextmanager
def whole_cycle(warehouse: Warehouse) -> Iterator[None]:
    """Run stages one after the other while no other cycle of this warehouse does.

    Waits until the other has ended, across threads and processes; a killed holder lets go. Not reentrant.

    Raises:
        StorageError: the lock cannot be had; nothing was changed.
    """
    try:
        lock = warehouse.storage.locked(warehouse.tables_folder / CYCLE_LOCK_NAME)
    except OSError as error:
        raise StorageError(
            f"the warehouse cannot be locked: {error.strerror or error} ({error.filename}); nothing was changed. "
            "Make room or mend the disk, then run the same command again"
        ) from error
    with lock:
        yield
