"""Effectiveness: did the published changes of the learned weights help?

Belongs here: which decisions and which evidence are looked at. Not here: the judgement itself (learning.effectiveness),
what a night does about harm (learning.weights, through decide).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.learning.effectiveness.changes import LOOK_BACK_DAYS
from amc_learning.learning.effectiveness.table import evidence_needed_from, learning_effectiveness
from amc_learning.learning.weights.record import DECISION_COLUMNS
from amc_learning.settings import Settings
from amc_learning.stages.decide import EVIDENCE_COLUMNS, weight_rules
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse


@taking_turns
def judge_changes(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write how the changes of the learned weights stand on each of these days."""
    decided_from, decided_to = days[0] - timedelta(days=LOOK_BACK_DAYS), days[-1] - timedelta(days=1)
    judged = learning_effectiveness(
        warehouse.table("daily_statistics").read(evidence_needed_from(days[0]), days[-1], columns=EVIDENCE_COLUMNS),
        warehouse.table("weight_decisions").read(decided_from, decided_to, columns=DECISION_COLUMNS),
        as_of=days,
        components=settings.features.components,
        rules=weight_rules(settings),
    )
    warehouse.table("learning_effectiveness").write(judged, days)
    return judged
