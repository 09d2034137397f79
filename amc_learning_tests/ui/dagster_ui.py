"""Dagster's web server over a data directory whose last knowledge day is yesterday, as an analyst meets it.

Belongs here: making the data, starting and asking the server. Not here: what an analyst does (test_in_browser).
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from tenacity import retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from amc_learning.cli.dagster_runs import tell_dagster
from amc_learning.contracts.knowledge_days import knowledge_day, knowledge_days, previous_knowledge_day
from amc_learning.market_calendar import exchange_sessions
from amc_learning.settings import Settings
from amc_learning.simulation.market import simulate_market
from amc_learning_tests.acceptance import loop
from amc_learning_tests.ports import free_port

N_SESSIONS = 32
N_PLANTED = 7
START_SECONDS, RUN_SECONDS = 180, 90
INSTANCE = """\
telemetry: {{enabled: false}}
nux: {{enabled: false}}
storage:
  sqlite: {{base_dir: {home}}}
run_coordinator: {{module: dagster._core.run_coordinator, class: DefaultRunCoordinator}}
"""
"""Runs start at once instead of being queued for a daemon, which is not started here."""


def yesterday() -> date:
    """The last knowledge day that is over."""
    return previous_knowledge_day(knowledge_day(datetime.now(UTC)))


def history_until_yesterday(folder: Path) -> Settings:
    """A data directory with every night of a simulated market up to yesterday, and Dagster told of the last."""
    last = yesterday()
    sessions = exchange_sessions("XNYS", last - timedelta(days=3 * N_SESSIONS), last)["session_date"].to_list()
    rules = replace(loop.RULES, first_session=sessions[-N_SESSIONS], n_sessions=N_SESSIONS)
    files = loop.write_files(folder / "feed", simulate_market(rules, sessions[-N_SESSIONS:]))
    settings = loop.ingested(files, folder / "data", received_at=datetime.now(UTC))
    days = knowledge_days(rules.first_session, last)
    loop.backfilled(settings, days).inbox.close()
    home = settings.data_dir / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(INSTANCE.format(home=home))
    with loop.environment(**_places(settings)):
        tell_dagster(settings, days, is_every_day=False)
    return settings


def plant_bars_above_their_high(settings: Settings) -> int:
    """Let yesterday's bars of seven symbols close above their high, as another program would; how many rows that is."""
    stored = loop.open_warehouse(settings).table("price_bars")
    rows = stored.read(yesterday(), yesterday())
    is_bad = pl.int_range(pl.len()) < N_PLANTED
    stored.write(
        rows.with_columns(close_usd=pl.when(is_bad).then(pl.col("high_usd") * 2).otherwise("close_usd")), [yesterday()]
    )
    return N_PLANTED


@dataclass(frozen=True)
class DagsterUI:
    """A running web server: its address, and what is asked of it besides the pages."""

    url: str

    def query(self, text: str) -> Any:
        """What a GraphQL query gives."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": text}, timeout=60).raise_for_status().json()
        return answer["data"]

    def run_ids(self) -> set[str]:
        """Every run there is."""
        runs = self.query("{ runsOrError { ... on Runs { results { runId } } } }")
        return {run["runId"] for run in runs["runsOrError"]["results"]}

    @retry(retry=retry_if_result(lambda found: found is None), stop=stop_after_delay(RUN_SECONDS), wait=wait_fixed(0.2))
    def new_run(self, before: set[str]) -> str | None:
        """The id of the run that came after `before`."""
        return next(iter(self.run_ids() - before), None)

    @retry(retry=retry_if_result(lambda found: found is None), stop=stop_after_delay(RUN_SECONDS), wait=wait_fixed(0.2))
    def ended(self, run_id: str) -> str | None:
        """How a run ended."""
        run = self.query(f'{{ runOrError(runId: "{run_id}") {{ ... on Run {{ status }} }} }}')["runOrError"]
        return run["status"] if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"} else None

    @retry(
        retry=retry_if_exception_type(httpx.TransportError), stop=stop_after_delay(START_SECONDS), wait=wait_fixed(0.2)
    )
    def answers(self) -> None:
        """Come back once the server answers."""
        httpx.get(f"{self.url}/server_info", timeout=30).raise_for_status()


@contextmanager
def serving(settings: Settings) -> Iterator[DagsterUI]:
    """The web server over this data directory; it ends with the block."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "dagster_webserver", "--module-name", "amc_learning.definitions"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environment = loop.child_environment(settings.data_dir, _places(settings))
    log = (settings.data_dir / "webserver.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=_checkout())
    try:
        ui = DagsterUI(f"http://127.0.0.1:{port}")
        ui.answers()
        yield ui
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _places(settings: Settings) -> dict[str, str]:
    home = str(settings.data_dir / "dagster")
    return {"DAGSTER_HOME": home, "AMC_LEARNING_DAGSTER_DIR": home, "AMC_LEARNING_DATA_DIR": str(settings.data_dir)}


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2]
