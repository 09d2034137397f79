"""Which benchmarks there are, what each answers, and what it needs.

Belongs here: the list. Not here: running them and writing what they found (__main__), any measurement.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: the module `benchmarks.<name>` with `run() -> list[Measured]`, and the heading of its table."""

    name: str
    title: str
    needs_program: str | None = None
    is_long: bool = False
    """A quarter of an hour and more: run when it is asked for by name."""


BENCHMARKS = (
    Benchmark("nights", "A night against the length of history, and Dagster's share of it"),
    Benchmark("factors", "Coefficients, quantile returns and thresholds on the whole universe"),
    Benchmark("history", "The whole history at several sizes"),
    Benchmark("workers", "Seven years shared between two workers", is_long=True),
    Benchmark("workers_killed", "One of two workers killed in the middle of seven years", is_long=True),
    Benchmark(
        "workers_restarted", "The database restarted in the middle of seven years that two workers share", is_long=True
    ),
    Benchmark("drain", "100,000 waiting events"),
    Benchmark("startup", "Imports and start-up"),
    Benchmark("service", "The service beside the least that does the same work", needs_program="wrk"),
    Benchmark("client_costs", "What the client costs the program it runs in"),
)
"""In the order of the page."""

HELPERS = ("registry", "results", "feed", "page", "service_bare", "service_events", "factor_contestants")
"""Modules of this folder that measure nothing by themselves."""
