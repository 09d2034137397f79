"""`python -m amc_learning` is `amc-learning`."""

from amc_learning.cli import main

main()
