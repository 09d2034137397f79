"""What fails systematically: judged cases, patterns beyond chance, and how grave they are.

`failure_cases` says what failed, `failure_patterns` which patterns do, `systematic_now` the same for one day.
"""

from amc_learning.learning.failures.cases import failure_cases
from amc_learning.learning.failures.patterns import failure_patterns, systematic_now
from amc_learning.learning.failures.rules import FailureRules

__all__ = ["FailureRules", "failure_cases", "failure_patterns", "systematic_now"]
