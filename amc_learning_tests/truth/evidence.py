"""Measures every guarantee and writes docs/evidence.md.

    python -m amc_learning_tests.truth.evidence [--effort long|quick] [--only SECTION] [--missing]

What was measured is kept in evidence.json beside the page, with its day, so that `--only` measures one section, or one
study, anew and leaves the others as they were, and `--missing` measures what was not measured yet. Quick numbers say
only whether the measuring works: they are shown, and kept only where `--into` names a folder.

Belongs here: the run and what it keeps. Not here: what is measured (the studies of registry.py), how the page looks
(page.py).
"""

# ruff: noqa: T201 - the run reports to the terminal.

import argparse
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from amc_learning_tests.truth import registry
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, PowerCurve
from amc_learning_tests.truth.page import Key, Measured, curve_key, guarantee_key, page

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, RECORD = "evidence.md", "evidence.json"

Listed = TypeVar("Listed", Guarantee, PowerCurve)


@dataclass(frozen=True)
class Found:
    """One measurement of a run, under the key it is kept by."""

    key: Key
    measurement: Measurement


def measured_by(study: str, effort: Effort, only: str | None = None, known: Set[Key] = frozenset()) -> Iterator[Found]:
    """Everything a study measures, or what belongs to one section, one after the other; what is known is left out."""
    for guarantee in registry.guarantees(study):
        key = guarantee_key(guarantee)
        if only in (None, study, guarantee.section) and key not in known:
            found = guarantee.measure(effort)
            verdict = guarantee.verdict(found).value
            line = f"{guarantee.section} | {guarantee.statement} | {found.value} ({found.standard_error}) | {verdict}"
            print(line, flush=True)
            yield Found(key, found)
    for curve in registry.power_curves(study):
        for effect in curve.effects if only in (None, study, curve.section) else ():
            key = curve_key(curve, effect)
            if key not in known:
                found = curve.measure(effect, effort)
                print(f"{' | '.join(key)} | {found.value} ({found.standard_error})", flush=True)
                yield Found(key, found)


def _work(study: str, effort: Effort, only: str | None, known: Set[Key]) -> list[Found]:
    return list(measured_by(study, effort, only, known))


def read_record(folder: Path) -> dict[Key, Measured]:
    """What was measured so far; nothing where no run was."""
    record = folder / RECORD
    if not record.is_file():
        return {}
    rows = json.loads(record.read_text(encoding="utf-8"))
    return {
        (row["section"], row["statement"]): Measured(
            Measurement(row["value"], row["standard_error"], row["n"]), date.fromisoformat(row["measured_on"])
        )
        for row in rows
    }


def in_order(listed: Iterable[Listed]) -> list[Listed]:
    """Guarantees or curves in the order in which docs/methods.md has their sections."""
    headings = re.findall(r"^## (.+)$", (DOCS / "methods.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    places = {heading: place for place, heading in enumerate(headings)}
    return sorted(listed, key=lambda one: places.get(one.section, len(places)))


def write(record: Mapping[Key, Measured], folder: Path) -> None:
    """Keep what was measured of what is still listed, and write the page."""
    guarantees, curves = in_order(registry.every_guarantee()), in_order(registry.every_power_curve())
    listed = [guarantee_key(one) for one in guarantees]
    listed += [curve_key(one, effect) for one in curves for effect in one.effects]
    rows = [
        {"section": key[0], "statement": key[1]}
        | asdict(record[key].measurement)
        | {"measured_on": record[key].measured_on.isoformat()}
        for key in listed
        if key in record
    ]
    text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
    (folder / RECORD).write_text(text, encoding="utf-8")
    (folder / PAGE).write_text(page(guarantees, curves, record), encoding="utf-8")


def run(
    effort: Effort, *, only: str | None, n_workers: int, folder: Path | None, is_missing_only: bool = False
) -> None:
    """Measure in worker processes, one study each at a time.

    Args:
        effort: how many simulations.
        only: a section or a study; None: everything.
        n_workers: worker processes.
        folder: where record and page are; what a study measured is kept there as soon as it is done. None: nowhere.
        is_missing_only: leave out what the record has.
    """
    record, today = read_record(folder) if folder else {}, datetime.now(UTC).date()
    # Workers share the cores among themselves: one thread each. Numbers do not depend on it.
    os.environ |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as workers:
        known = frozenset(record) if is_missing_only else frozenset[Key]()
        jobs = [workers.submit(_work, study, effort, only, known) for study in registry.STUDIES]
        for job in as_completed(jobs):
            record |= {one.key: Measured(one.measurement, today) for one in job.result()}
            if folder:
                write(record, folder)


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--effort", type=Effort, choices=list(Effort), default=Effort.LONG)
    parser.add_argument("--only", metavar="SECTION", help="a heading of docs/methods.md, or the name of a study")
    parser.add_argument("--missing", action="store_true", help="only what was not measured yet")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="where record and page are; docs when long")
    chosen = parser.parse_args()
    names = {*registry.STUDIES, *(one.section for one in registry.every_guarantee())}
    if chosen.only not in {None, *names}:
        parser.error(f"--only is {chosen.only!r}; it must be one of {', '.join(sorted(names))}")
    folder = chosen.into or (DOCS if chosen.effort is Effort.LONG else None)
    run(chosen.effort, only=chosen.only, n_workers=chosen.workers, folder=folder, is_missing_only=chosen.missing)


if __name__ == "__main__":
    main()
