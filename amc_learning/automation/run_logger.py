"""The log of runs in the format of the settings, in place of Dagster's own.

Belongs here: a logger definition for Dagster, and which of its events are worth a line. Not here: what a line looks
like (logs).
"""

import logging

import dagster as dg

from amc_learning.logs import handler
from amc_learning.operator_settings import Logs

MILESTONES = frozenset(
    {
        dg.DagsterEventType.RUN_START,
        dg.DagsterEventType.RUN_SUCCESS,
        dg.DagsterEventType.RUN_CANCELED,
        dg.DagsterEventType.STEP_SUCCESS,
        dg.DagsterEventType.STEP_SKIPPED,
    }
)
"""Events that Dagster logs for debugging, and without which a log does not say that a night ran."""


class _Milestones(logging.Filter):
    """Lets milestones through as information, and everything from a level upwards."""

    def __init__(self, level: str) -> None:
        super().__init__()
        self._level = logging.getLevelNamesMapping()[level]

    def filter(self, record: logging.LogRecord) -> bool:
        metadata = getattr(record, "dagster_meta", None) or {}
        event = metadata.get("dagster_event")
        if event is not None and event.event_type in MILESTONES:
            # Dagster makes a record of its own for each logger, so no other sees the change
            record.levelno, record.levelname = logging.INFO, "INFO"
        return record.levelno >= self._level


def run_loggers(logs: Logs) -> dict[str, dg.LoggerDefinition]:
    """Loggers of every run: none of ours for text, because Dagster's own console says it well."""
    if logs.format == "text":
        return {}

    @dg.logger(
        config_schema={"log_level": dg.Field(str, is_required=False, default_value=logs.level.upper())},
        description="One JSON object a line, with run, day and stage.",
    )
    def console(context: dg.InitLoggerContext) -> logging.Logger:
        logger, to_stderr = logging.Logger("dagster", level=logging.DEBUG), handler(logs)
        to_stderr.addFilter(_Milestones(context.logger_config["log_level"]))
        logger.addHandler(to_stderr)
        return logger

    return {"console": console}
