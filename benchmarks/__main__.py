"""All benchmarks, one after the other, each in a process of its own: `make bench`, or `python -m benchmarks`.

Those of a quarter of an hour and more run only by name: `python -m benchmarks --only workers`. What they found goes
to benchmarks/measured.json and, as a page for people, to benchmarks/README.md. A benchmark that cannot run or breaks
off is named there with its reason, and its figures of before are not kept.
"""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import orjson

from benchmarks.page import FOLDER, PAGE, Outcome, keep, kept_outcomes
from benchmarks.registry import BENCHMARKS, Benchmark
from benchmarks.results import Measured, machine


def main() -> None:
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=names, action="append", help="this one; all others keep their figures")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        answer(asked.child[0], Path(asked.child[1]))
        return
    outcomes = kept_outcomes()
    for benchmark in BENCHMARKS:
        if benchmark.name in (asked.only or ()) or not (asked.only or benchmark.is_long):
            print(f"{benchmark.name} ...", flush=True)
            outcomes[benchmark.name] = outcome = measured(benchmark)
            print(f"{benchmark.name}: {outcome.trouble or f'{len(outcome.results)} figures'}, {outcome.seconds:.0f} s")
            keep(outcomes)
    print(f"written to {PAGE}")


def measured(benchmark: Benchmark) -> Outcome:
    """Run one benchmark in a process of its own."""
    began, load = perf_counter(), os.getloadavg()[0]
    trouble, results, reasons = None, [], {}
    if benchmark.needs_program and shutil.which(benchmark.needs_program) is None:
        trouble = f"{benchmark.needs_program} is not installed"
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "answer.json"
            command = [sys.executable, "-m", "benchmarks", "--child", benchmark.name, str(file)]
            status = subprocess.run(command, check=False, cwd=FOLDER.parent).returncode
            if status == 0:
                said = orjson.loads(file.read_bytes())
                results, reasons = [Measured(**row) for row in said["results"]], said["reasons"]
            trouble = f"it ended with status {status}" if status else trouble
    if not results and trouble is None:
        trouble = "the shared market data is not there"
    return Outcome(
        name=benchmark.name,
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        machine=machine(),
        load=(round(load, 1), round(os.getloadavg()[0], 1)),
        seconds=round(perf_counter() - began, 1),
        results=tuple(results),
        reasons=reasons,
        trouble=trouble,
    )


def answer(name: str, file: Path) -> None:
    """Measure in this process, and write what was found and why promises may be missed."""
    module = importlib.import_module(f"benchmarks.{name}")
    results: Sequence[Measured] = module.run()
    reasons = getattr(module, "WHY_MISSED", {})
    file.write_bytes(orjson.dumps({"results": [asdict(result) for result in results], "reasons": dict(reasons)}))


if __name__ == "__main__":
    main()
