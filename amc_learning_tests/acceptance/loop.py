"""The whole loop on a small simulated market: files, data directories, nights, and what lies on disk afterwards."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import dagster as dg

from amc_learning.automation.jobs import DAILY_CORRECTION_CYCLE
from amc_learning.automation.sensors import RANGE_END, RANGE_START
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.definitions import build_defs
from amc_learning.market_calendar import exchange_sessions
from amc_learning.settings import Settings
from amc_learning.simulation.market import MarketFiles, SimulatedMarket, simulate_market, write_market
from amc_learning.simulation.rules import MarketRules
from amc_learning.stages.collect import drain_all_events
from amc_learning.stages.cycle import run_days
from amc_learning.stages.ingest import ingest_bars, ingest_discovery, ingest_index, ingest_theses, ingest_trades
from amc_learning.warehouse import Warehouse

RECEIVED_AT = datetime(2024, 6, 3, 12, 0, tzinfo=UTC)
"""One time of receipt for everything, so that even the raw events of two data directories are equal."""

RULES = MarketRules(
    seed=7,
    first_session=date(2024, 1, 2),
    n_sessions=64,
    n_symbols=70,
    n_candidates=30,
    n_controls=20,
    component_information_coefficients={"technical": 0.35, "sentiment": -0.35},
)
"""Effects far above those of real markets, so that weights move within weeks; three exchange holidays in it."""

FEED = Path(__file__).resolve().parents[2] / "../shared/data/market"

REAL_FEED_MISSING = "needs the real feed in ../shared/data/market, which is not there"


def sessions_of(rules: MarketRules) -> list[date]:
    """The first exchange sessions from the first session on, as many as the rules say."""
    end = rules.first_session + timedelta(days=2 * rules.n_sessions + 14)
    return exchange_sessions("XNYS", rules.first_session, end)["session_date"].to_list()[: rules.n_sessions]


@cache
def market(seed: int = RULES.seed, *, is_null: bool = False) -> SimulatedMarket:
    """The market of `RULES`, or one of another seed, or one without planted effects."""
    planted = {} if is_null else RULES.component_information_coefficients
    rules = replace(RULES, seed=seed, component_information_coefficients=planted)
    return simulate_market(rules, sessions_of(rules))


DAYS = knowledge_days(sessions_of(RULES)[0], sessions_of(RULES)[-1])
"""Every weekday of the simulated market, holidays included."""


def settings_for(data_dir: Path) -> Settings:
    """Default settings in a data directory of their own."""
    return Settings(data_dir=data_dir)


def open_warehouse(settings: Settings) -> Warehouse:
    """As the product opens it."""
    return Warehouse.open(settings.data_dir, settings.features.components, **settings.places)


def ingested(files: MarketFiles, data_dir: Path, *, received_at: datetime = RECEIVED_AT) -> Settings:
    """A data directory that holds the files and nothing derived from them."""
    settings = settings_for(data_dir)
    warehouse = open_warehouse(settings)
    ingest_index(warehouse, settings, [files.index], received_at=received_at)
    ingest_bars(warehouse, settings, [files.bars], received_at=received_at)
    ingest_discovery(warehouse, settings, [files.discovery], received_at=received_at)
    ingest_theses(warehouse, settings, [files.theses], received_at=received_at)
    ingest_trades(warehouse, settings, [files.trades], received_at=received_at)
    warehouse.inbox.close()
    return settings


def write_files(folder: Path, simulated: SimulatedMarket | None = None) -> MarketFiles:
    """The market as files."""
    return write_market(simulated or market(), folder)


def backfilled(settings: Settings, days: Sequence[date] = DAYS) -> Warehouse:
    """What `amc-learning backfill` does to the warehouse."""
    warehouse = open_warehouse(settings)
    drain_all_events(warehouse)
    for _ in run_days(warehouse, settings, days):
        pass
    return warehouse


def run_through_dagster(
    settings: Settings,
    days: Sequence[date],
    *,
    job: str = DAILY_CORRECTION_CYCLE,
    assets: Sequence[str] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run in this process with a throw-away Dagster instance: a night when there is one day, else a range."""
    definition = build_defs(settings=settings).resolve_job_def(job)
    selection = None if assets is None else [dg.AssetKey(name) for name in assets]
    common = {
        "raise_on_error": False,
        "asset_selection": selection,
        "run_config": {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    }
    if len(days) == 1:
        return definition.execute_in_process(partition_key=str(days[0]), **common)
    return definition.execute_in_process(tags={RANGE_START: str(days[0]), RANGE_END: str(days[-1])}, **common)


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """What the failed steps of a run say, innermost cause first."""
    said = []
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        while error is not None:
            said.append(error.message)
            error = error.cause
    return said


def steps_done(result: dg.ExecuteInProcessResult) -> set[str]:
    """Names of the assets that the run wrote."""
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


def tree(folder: Path, *, without: Sequence[str] = ()) -> dict[str, str]:
    """Every file below a folder with the hash of its bytes, lock files left out."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without and not path.name.endswith(".lock")
    }


def stamps(folder: Path) -> dict[str, int]:
    """Every file below a folder with the time of its last change, pages left out: they are drawn when somebody asks."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock") and "pages" not in path.relative_to(folder).parts
    }


def kept(settings: Settings) -> dict[str, dict[str, str]]:
    """All bytes of the tables and of the published documents; pages are drawn from those when somebody asks."""
    trees = {name: tree(settings.data_dir / name) for name in ("tables", "published")}
    return {
        name: {path: sha256 for path, sha256 in files.items() if not path.startswith("pages/")}
        for name, files in trees.items()
    }


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Environment variables for a while; the earlier ones come back, those set meanwhile go."""
    before = dict(os.environ)
    try:
        os.environ.update(variables)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def child_environment(data_dir: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of a child process that works in this data directory."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("AMC_LEARNING_", "DAGSTER_"))}
    return mine | {"AMC_LEARNING_DATA_DIR": str(data_dir)} | dict(extra or {})
