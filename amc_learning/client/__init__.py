"""The client of the learning system: what discovery, thesis and portfolio code import.

Belongs here: handing events over without waiting, and reading published parameters within a bound. Not here: anything
that needs the rest of `amc_learning`; the client stands alone, with httpx.
"""

from amc_learning.client.client import LearningClient
from amc_learning.client.counters import Counters
from amc_learning.client.parameters import ParametersRead
from amc_learning.client.tracker import PortfolioTracker

__all__ = ["Counters", "LearningClient", "ParametersRead", "PortfolioTracker"]

__version__ = "0.1.0"
