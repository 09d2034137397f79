"""The database restarted in the middle of seven years: `python -m benchmarks.workers --restart`, for the page."""

from benchmarks.results import Measured, markdown
from benchmarks.workers import run_restarted


def run() -> list[Measured]:
    """All figures; none without the feed."""
    return run_restarted()


if __name__ == "__main__":
    print(markdown(run()))
