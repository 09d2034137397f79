"""The documents other programs read, as pydantic models; their JSON Schemas are published beside them.

Belongs here: shape and meaning of each field. Not here: what the numbers are (learning), how a file is written
(warehouse). A document holds no wall-clock time and no run identifier: the same knowledge gives the same bytes.
"""

from amc_learning.contracts.documents.confidence import ConfidenceDocument
from amc_learning.contracts.documents.corrections import CorrectionsDocument
from amc_learning.contracts.documents.daily_report import DailyReport
from amc_learning.contracts.documents.patterns import PatternAnalysisDocument
from amc_learning.contracts.documents.recommendations import RecommendationsDocument
from amc_learning.contracts.documents.regimes import RegimeDocument
from amc_learning.contracts.documents.weekly_report import WeeklyReport
from amc_learning.contracts.documents.weights import WeightsDocument

__all__ = [
    "ConfidenceDocument",
    "CorrectionsDocument",
    "DailyReport",
    "PatternAnalysisDocument",
    "RecommendationsDocument",
    "RegimeDocument",
    "WeeklyReport",
    "WeightsDocument",
]
