"""How log lines look: text for people or one JSON object a line, and nothing in them that could forge another.

Belongs here: formatting a record, and setting up the log of a process. Not here: what is logged, and Dagster, whose
records are recognised by what they carry.
"""

import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from amc_learning.operator_settings import Logs

LONGEST_MESSAGE = 4_000
"""Characters of a message that are kept: a log is no place for what was sent."""

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    r"""A text without control characters, so that it stays one line and colours no terminal.

    >>> one_line("fine\nERROR forged\x1b[31m")
    'fine ERROR forged [31m'
    """
    cleaned = _CONTROL.sub(" ", text)
    return cleaned if len(cleaned) <= LONGEST_MESSAGE else f"{cleaned[:LONGEST_MESSAGE]} ..."


class TextFormatter(logging.Formatter):
    """A line for people; a trace follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the standard library
        """The line, without what is no text."""
        return one_line(super().formatMessage(record))


class JsonFormatter(logging.Formatter):
    """One object a line: `at`, `level`, `logger`, `message`, and of a run `run_id`, `job`, `day`, `stage`."""

    def format(self, record: logging.LogRecord) -> str:
        """The object as JSON."""
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": one_line(_message(record)),
            **run_facts(getattr(record, "dagster_meta", None)),
        }
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(said, default=str).decode()


def _message(record: logging.LogRecord) -> str:
    """What was said; Dagster repeats run and step in front of it, and in an error its cause behind it."""
    metadata = getattr(record, "dagster_meta", None) or {}
    said = metadata.get("orig_message") if record.levelno < logging.ERROR else None
    return str(said or record.getMessage())


def run_facts(metadata: Mapping[str, Any] | None) -> dict[str, object]:
    """Which run, day and stage a record of Dagster is about; nothing for any other.

    >>> run_facts({"run_id": "8f", "job_name": "daily_correction_cycle", "step_key": "weight_decisions",
    ...            "job_tags": {"dagster/partition": "2026-11-27"}})
    {'run_id': '8f', 'job': 'daily_correction_cycle', 'day': '2026-11-27', 'stage': 'weight_decisions'}
    >>> run_facts(None)
    {}
    """
    if not metadata:
        return {}
    tags = metadata.get("job_tags") or {}
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    facts = {
        "run_id": metadata.get("run_id"),
        "job": metadata.get("job_name"),
        "day": tags.get("dagster/partition") or (f"{first} to {last}" if first else None),
        "stage": metadata.get("step_key"),
    }
    return {name: value for name, value in facts.items() if value is not None}


def handler(logs: Logs) -> logging.Handler:
    """A handler that writes lines of the chosen format to standard error."""
    made = logging.StreamHandler(sys.stderr)
    made.setFormatter(JsonFormatter() if logs.format == "json" else TextFormatter())
    return made


def configure_logging(logs: Logs) -> None:
    """Let this process log as the settings say, from now on; what was set up before is replaced."""
    logging.basicConfig(level=logs.level.upper(), handlers=[handler(logs)], force=True)
