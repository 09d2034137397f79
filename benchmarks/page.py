"""The page of all benchmarks, benchmarks/README.md, made from what each found the last time it ran.

Belongs here: keeping results between runs, and the page as text. Not here: running anything (__main__).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from benchmarks.registry import BENCHMARKS
from benchmarks.results import Measured, markdown, shown

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER / "README.md"
KEPT = FOLDER / "measured.json"

PREAMBLE = """\
# Benchmarks

Written by `make bench`, which runs every benchmark in a process of its own; do not edit. One of them alone:
`make bench ONLY=drain`, which leaves the other tables as they were. Seven years shared between workers take a quarter
of an hour each and run only so (`ONLY=workers`, `ONLY=workers_killed`, `ONLY=workers_restarted`). All need the shared
market data beside the checkout, the service `wrk`, and a database that is restarted what `make test` installs; what
could not run is said. Other programs on the machine disturb times: the load average counts what wanted to run when a
benchmark began and when it ended, so that more than the number of cores means that figures in seconds are too high.
Ratios of one run say more.
"""


@dataclass(frozen=True)
class Outcome:
    """What one benchmark found, when and where.

    Attributes:
        name: of the benchmark.
        date: when it ran, UTC.
        machine: one line about the machine and the versions.
        load: load average of the last minute at its begin and its end.
        seconds: how long it took.
        results: what it found; none when it could not run.
        reasons: name of a missed figure to why it may be missed, in the benchmark's words.
        trouble: why it could not run or broke off; None when it ran.
    """

    name: str
    date: str
    machine: str
    load: tuple[float, float]
    seconds: float
    results: tuple[Measured, ...]
    reasons: Mapping[str, str]
    trouble: str | None = None


def kept_outcomes() -> dict[str, Outcome]:
    """The last outcome of each benchmark, by name."""
    if not KEPT.is_file():
        return {}
    rows = orjson.loads(KEPT.read_bytes())
    return {
        row["name"]: Outcome(
            **{**row, "load": tuple(row["load"]), "results": tuple(Measured(**found) for found in row["results"])}
        )
        for row in rows
    }


def keep(outcomes: Mapping[str, Outcome]) -> None:
    """Write results and page."""
    ordered = [outcomes[benchmark.name] for benchmark in BENCHMARKS if benchmark.name in outcomes]
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    KEPT.write_bytes(orjson.dumps([asdict(outcome) for outcome in ordered], option=options))
    PAGE.write_text(page(outcomes))


def page(outcomes: Mapping[str, Outcome]) -> str:
    """The page: promises that are missed first, with their reasons, then one table per benchmark."""
    measured = [outcomes[benchmark.name] for benchmark in BENCHMARKS if benchmark.name in outcomes]
    return "\n".join([PREAMBLE, *_missed(measured), *(part for outcome in measured for part in _section(outcome))])


def _missed(outcomes: Sequence[Outcome]) -> list[str]:
    promised = [result for outcome in outcomes for result in outcome.results if result.is_kept is not None]
    missed = [(outcome, result) for outcome in outcomes for result in outcome.results if result.is_kept is False]
    troubles = [outcome for outcome in outcomes if outcome.trouble]
    lines = [
        "## What is missed\n",
        f"{len(missed)} of {len(promised)} promises{':' if missed else '.'}\n",
        *(f"- {_why(outcome, result)}" for outcome, result in missed),
        *(f"- **{outcome.name}** did not run to its end: {outcome.trouble}." for outcome in troubles),
    ]
    return [*lines, ""] if missed or troubles else lines


def _why(outcome: Outcome, result: Measured) -> str:
    reason = outcome.reasons.get(result.name)
    said = f"**{result.name}**: {shown(result.value)} {result.unit}, promised {result.promise}"
    return f"{said}. {reason[:1].upper()}{reason[1:]}." if reason else f"{said} ({result.how})."


def _section(outcome: Outcome) -> list[str]:
    title = next(benchmark.title for benchmark in BENCHMARKS if benchmark.name == outcome.name)
    began, ended = outcome.load
    said = (
        f"`python -m benchmarks.{outcome.name}`, {outcome.date}, {outcome.seconds:.0f} s, load average {began:.1f} to "
        f"{ended:.1f}; {outcome.machine}.\n"
    )
    first = sorted(outcome.results, key=lambda result: result.is_kept is not False)
    return [f"## {title}\n", said, markdown(first) if first else f"Not measured: {outcome.trouble}.\n"]
