"""A worker killed in the middle of seven years: `python -m benchmarks.workers --kill`, for the page."""

from benchmarks.results import Measured, markdown
from benchmarks.workers import run_killed


def run() -> list[Measured]:
    """All figures; none without the feed."""
    return run_killed()


if __name__ == "__main__":
    print(markdown(run()))
