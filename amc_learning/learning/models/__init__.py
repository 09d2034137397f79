"""Prediction models: success, return and stop-out of candidates, refitted weekly, one kind of each in office.

`cases` is what they see and what came true, `fitting` makes one model per kind, `fitted` is a model as plain numbers,
`record` holds every prediction they are judged by, `evidence` and `promotion` decide which kind predicts, `scores` is
its card, `predictions` what it says today. Nothing here is read by the weights: predictions advise people.
"""

from amc_learning.learning.models.bar_features import LOOK_BACK_DAYS
from amc_learning.learning.models.cases import Cases, training_cases
from amc_learning.learning.models.fitted import Model, ModelError, model_from
from amc_learning.learning.models.predictions import predictions
from amc_learning.learning.models.promotion import decide_promotion
from amc_learning.learning.models.retraining import WeekOfModels, retrain
from amc_learning.learning.models.rules import ModelRules

__all__ = [
    "LOOK_BACK_DAYS",
    "Cases",
    "Model",
    "ModelError",
    "ModelRules",
    "WeekOfModels",
    "decide_promotion",
    "model_from",
    "predictions",
    "retrain",
    "training_cases",
]
