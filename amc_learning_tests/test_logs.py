"""Log lines: one a record, readable by programs, with the run they are of, and nothing that forges another."""

import json
import logging
import sys

import dagster as dg

from amc_learning.automation.run_logger import run_loggers
from amc_learning.logs import JsonFormatter, TextFormatter
from amc_learning.operator_settings import Logs

FORGED = "symbol A\nERROR forged\r\x1b[31m\u2028x"


def record(message, **more):
    made = logging.LogRecord("amc_learning.service", logging.WARNING, "f", 1, message, None, None)
    made.__dict__.update(more)
    return made


def test_what_a_stranger_wrote_stays_one_line_in_both_formats():
    for formatter in (JsonFormatter(), TextFormatter()):
        line = formatter.format(record(FORGED))
        assert len(line.splitlines()) == 1
        assert "\x1b" not in line
    assert json.loads(JsonFormatter().format(record(FORGED)))["message"] == "symbol A ERROR forged [31m x"


def test_a_trace_is_a_field_and_a_long_message_is_cut():
    try:
        int("broken")
    except ValueError:
        said = json.loads(JsonFormatter().format(record("x" * 10_000, exc_info=sys.exc_info())))
    assert "ValueError: invalid literal" in said["trace"]
    assert len(said["message"]) < 5_000


@dg.op
def work(context):
    context.log.info("payload\nread")
    context.log.debug("not shown")


CONSOLE = {"loggers": {"console": {"config": {"log_level": "INFO"}}}}


@dg.job(partitions_def=dg.DailyPartitionsDefinition("2026-11-01"), logger_defs=run_loggers(Logs(format="json")))
def night():
    work()


def test_a_run_says_run_day_and_stage_and_that_it_began_and_ended(capfd):
    with dg.DagsterInstance.ephemeral() as instance:
        result = night.execute_in_process(instance=instance, partition_key="2026-11-27", run_config=CONSOLE)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert {line["run_id"] for line in lines} == {result.run_id}
    assert {line["day"] for line in lines} == {"2026-11-27"}
    assert [(line.get("stage"), line["message"].split(" of ")[0]) for line in lines] == [
        (None, "Started execution"),
        ("work", "payload read"),
        ("work", "Finished execution"),
        (None, "Finished execution"),
    ]


def test_text_leaves_dagsters_own_console_alone():
    assert run_loggers(Logs()) == {}
