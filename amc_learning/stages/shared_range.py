"""A range of knowledge days that several workers share: its parts, who is at which, and which are done.

Belongs here: cutting rounds into parts, claiming a part, marking it. Not here: what a stage does (its own module), who
starts the workers (automation, cli).

A worker takes the next part that nobody has, until all are done. A claim is a lock, which a killed worker lets go, and
a mark is a file, written when the part is stored: whoever finds a part neither claimed nor marked does it, whatever
became of another who had it. So no worker waits for one that never starts, and one alone would do everything. They work
for the command that asked, which holds the cycle lock in their place: where it is gone, they stop.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings
from amc_learning.stages.cycle import Round, run_days
from amc_learning.stages.turns import sharing_turns
from amc_learning.warehouse import Warehouse

PARTS_PER_WORKER = 4
"""Of a parallel round: later days are more work than early ones, and who is done sooner takes another part."""

LEAST_DAYS = 130
"""Of several parts for a worker; shorter ones are more work in all, because each reads the years before it again."""

POLL_SECONDS = 0.25
ASKED_LOCK, CLAIM, MARK = ".asked.lock", ".lock", ".done"


class NobodyWaitsError(Exception):
    """Whoever asked for the range has ended, or lost the lock that says that it has not."""


@dataclass(frozen=True)
class Part:
    """The stages of one round over consecutive knowledge days."""

    round: Round
    first: date
    last: date

    @property
    def name(self) -> str:
        """Round and days.

        >>> Part(Round.JUDGE, date(2014, 1, 2), date(2014, 3, 3)).name
        'judge_2014-01-02_2014-03-03'
        """
        return f"{self.round}_{self.first}_{self.last}"

    @property
    def days(self) -> list[date]:
        """Its knowledge days."""
        return knowledge_days(self.first, self.last)


def parts_of(round_: Round, days: Sequence[date], n_workers: int) -> list[Part]:
    """The days of a round in equal parts, several for each worker; whole where they follow from one another.

    >>> days = knowledge_days(date(2014, 12, 1), date(2014, 12, 5))
    >>> [part.name for part in parts_of(Round.JUDGE, days, 2)]
    ['judge_2014-12-01_2014-12-03', 'judge_2014-12-04_2014-12-05']
    >>> [part.name for part in parts_of(Round.DECIDE, days, 2)]
    ['decide_2014-12-01_2014-12-05']
    >>> len(parts_of(Round.JUDGE, knowledge_days(date(2008, 1, 2), date(2014, 12, 15)), 2))
    8
    """
    n_parts = 1
    if round_.is_parallel:
        n_each = len(days) // (n_workers * LEAST_DAYS)
        n_parts = min(len(days), n_workers * min(PARTS_PER_WORKER, max(1, n_each)))
    n_days = -(-len(days) // n_parts)
    chunks = [days[start : start + n_days] for start in range(0, len(days), n_days)]
    return [Part(round_, chunk[0], chunk[-1]) for chunk in chunks]


class SharedRange:
    """What of one range is claimed and done, in a folder of the warehouse."""

    def __init__(self, warehouse: Warehouse, name: str) -> None:
        """Nothing is read yet; `name` tells one range that was asked for from another, also of the same days."""
        self._storage = warehouse.storage
        self._all = warehouse.shared_ranges_folder
        self._folder = self._all / name

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Within it, workers work. For one at a time: what is left of other ranges, whose commands are gone, goes."""
        self._forget()
        self._storage.make_folder(self._folder)
        try:
            with self._storage.locked(self._folder / ASKED_LOCK):
                yield
        finally:
            self._forget()

    def is_asked(self) -> bool:
        """Whether the command is still there."""
        try:
            with self._storage.tried(self._folder / ASKED_LOCK) as is_free:
                return not is_free
        except FileNotFoundError:
            return False

    def left(self, parts: Sequence[Part]) -> list[Part]:
        """Those of the parts that are not done, in their order."""
        names = set(self._storage.names(self._folder))
        return [part for part in parts if f"{part.name}{MARK}" not in names]

    @contextmanager
    def claimed(self, part: Part) -> Iterator[bool]:
        """Have a part alone; says whether it is to be done: not where another has it, or has done it."""
        with self._storage.tried(self._claim(part)) as is_ours:
            yield is_ours and bool(self.left([part]))

    def is_claimed(self, parts: Sequence[Part]) -> bool:
        """Whether somebody has one of these parts now."""
        return any(self._is_claimed(part) for part in parts)

    def mark(self, part: Part) -> None:
        """Say that all of a part is stored."""
        self._storage.write_if_changed(self._folder / f"{part.name}{MARK}", b"")

    def _claim(self, part: Part) -> Path:
        return self._folder / f"{part.name}{CLAIM}"

    def _is_claimed(self, part: Part) -> bool:
        with self._storage.tried(self._claim(part)) as is_free:
            return not is_free

    def _forget(self) -> None:
        for file in list(self._storage.files(self._all)):
            self._storage.remove(file.path, with_folder=True)


@dataclass(frozen=True)
class Worker:
    """One of those who share a range.

    Args:
        warehouse: what is read and written.
        settings: of every stage.
        shared: the range.
        days: all its knowledge days.
        n_workers: how many share it; the same for all of them.
        say: told of each part that was done here.
    """

    warehouse: Warehouse
    settings: Settings
    shared: SharedRange
    days: Sequence[date]
    n_workers: int
    say: Callable[[str], None]

    def work(self) -> int:
        """Do parts of the range until all are done, and say how many were done here; none where nobody asks any more.

        Raises:
            NobodyWaitsError: whoever asked is gone since; the parts that were done are stored.
        """
        if not self.shared.is_asked():
            self.say("the command that asked for these days has ended; nothing is left to do")
            return 0
        return sum(self._work_on(parts_of(round_, self.days, self.n_workers)) for round_ in Round)

    def _work_on(self, parts: Sequence[Part]) -> int:
        """Until all of one round are done."""
        n_done = 0
        while left := self.shared.left(parts):
            n_now = sum(self._is_done_here(part) for part in left)
            n_done += n_now
            if not n_now:
                time.sleep(POLL_SECONDS)
        return n_done

    def _is_done_here(self, part: Part) -> bool:
        """Do a part unless another has it, or has done it; whether it was done here."""
        if not self.shared.is_asked():
            raise NobodyWaitsError(
                "the command that asked for these days has ended or lost its turn, so another may have worked at the "
                "same time; what is stored is whole. Run the same command again"
            )
        with self.shared.claimed(part) as is_ours:
            if is_ours:
                self._do(part)
        return is_ours

    def _do(self, part: Part) -> None:
        started = time.perf_counter()
        with sharing_turns() if part.round.is_parallel else nullcontext():
            for _ in run_days(self.warehouse, self.settings, part.days, only=part.round, cycle_to=self.days[-1]):
                pass
        self.shared.mark(part)
        self.say(f"{part.round}, {part.first} to {part.last}: {time.perf_counter() - started:.1f} s")
