"""Jobs by which a person orders something about the weights from Dagster's launchpad.

Belongs here: their configuration and what is shown of the result. Not here: what an order does (stages.orders); the
command line gives the same orders by `amc-learning weights rollback` and `release`.
"""

from datetime import UTC, date, datetime

import dagster as dg
from pydantic import Field

from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.settings import Settings
from amc_learning.stages.decide import DecisionError
from amc_learning.stages.orders import OperatorOrder, OrderError, carry_out
from amc_learning.stages.publish import PublicationError
from amc_learning.warehouse import Warehouse

SHORTEST_REASON = 3
"""Letters of a reason: it is kept with the decision for good, and an empty one explains nothing."""


class RollbackConfig(dg.Config):
    """Which weights to go back to, and why. The launchpad shows both empty, and empty ones are refused."""

    day: str = Field(description="Knowledge day whose weights are to be held, like 2014-12-01; earlier than today.")
    reason: str = Field(description="Why, in your words; kept with every decision while the rollback holds.")


class ReleaseConfig(dg.Config):
    """Why learning goes on."""

    reason: str = Field(description="Why, in your words; kept with the order.")


@dg.op(name="roll_back_weights", out=dg.Out(dg.Nothing))
def roll_back_weights(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> None:
    """Order the rollback, decide and publish today on it."""
    try:
        day = date.fromisoformat(config.day.strip())
    except ValueError as error:
        raise _refused(f"day: {config.day!r} is no day; write it as 2014-12-01. Nothing was ordered") from error
    _order(context, warehouse, settings, OperatorOrder("rollback", day, _reason(config.reason)))


@dg.op(name="release_weights", out=dg.Out(dg.Nothing))
def release_weights(
    context: dg.OpExecutionContext,
    config: ReleaseConfig,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> None:
    """End a rollback, decide and publish today on it; refused while there is none."""
    _order(context, warehouse, settings, OperatorOrder("release", None, _reason(config.reason)))


@dg.job(
    config={"ops": {"roll_back_weights": {"config": {"day": "", "reason": ""}}}},
    description="Hold the weights of an earlier day from now on: they move toward them within the daily limit every "
    "night and stay there until weights_release. Decides and publishes today at once. Same as: amc-learning weights "
    "rollback DAY --reason WHY",
)
def weights_rollback() -> None:
    """Roll back the weights from the launchpad."""
    roll_back_weights()


@dg.job(
    config={"ops": {"release_weights": {"config": {"reason": ""}}}},
    description="End a rollback: nights decide on evidence again, from where the weights are. Same as: amc-learning "
    "weights release --reason WHY",
)
def weights_release() -> None:
    """Release the weights from the launchpad."""
    release_weights()


def _reason(text: str) -> str:
    if len(text.strip()) < SHORTEST_REASON:
        raise _refused("reason: say in a few words why; it is kept with the decision. Nothing was ordered")
    return text.strip()


def _order(context: dg.OpExecutionContext, warehouse: Warehouse, settings: Settings, order: OperatorOrder) -> None:
    """Carry an order out, and tell of today's decision where an analyst looks for it."""
    now = datetime.now(UTC)
    try:
        document = carry_out(warehouse, settings, order, requested_at=now)
    except (OrderError, DecisionError, PublicationError) as refusal:
        is_about_the_day = isinstance(refusal, OrderError) and order.target is not None
        raise _refused(f"{'day: ' if is_about_the_day else ''}{refusal}") from refusal
    weights = document["data"]["optimized_parameters"]
    metadata = {
        "status": document["status"],
        "reason": document["reason"],
        "parameters_version": document["parameters_version"],
        **{f"weight_{name.removesuffix('_weight')}": weight for name, weight in weights.items()},
    }
    today = str(knowledge_day(now))
    for asset in ("weight_decisions", "published_weights"):
        context.log_event(dg.AssetMaterialization(asset, partition=today, metadata=metadata))
    context.log.info("%s %s: %s", document["parameters_version"], document["status"], document["reason"])


def _refused(sentence: str) -> dg.Failure:
    return dg.Failure(description=sentence, allow_retries=False)
