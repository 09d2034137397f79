"""The command line: one command, `amc-learning`, with the verbs a person needs.

Belongs here: arguments, words and tables for people, JSON for machines. Not here: anything that another program could
not call just as well (stages). Heavy libraries are imported inside the verbs, so that `--help` answers at once.

Exit codes: 0 done; 1 refused or failed, the message says why; 2 wrong usage; 3 done, but something is in quarantine.
"""

from amc_learning.cli.app import main

__all__ = ["main"]
