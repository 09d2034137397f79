"""Thousands of broken payloads to a real server: no 5xx, nothing taken is lost, nothing lands elsewhere, nights go on.

Run by hand; a few hundred run in the tests:

    python -m amc_learning_tests.service.acceptance.fuzz_study --requests 10000 --seed 0 --workspace DIR
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
import http.client
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.settings import Settings
from amc_learning.stages.bars import collect_bars
from amc_learning.stages.collect import (
    drain_all_events,
    normalise_discovery_events,
    normalise_thesis_events,
    normalise_trade_events,
)
from amc_learning_tests.acceptance.loop import open_warehouse, settings_for
from amc_learning_tests.service.acceptance.kept import integrity, kept
from amc_learning_tests.service.acceptance.mutations import Request, mutated, real_payloads
from amc_learning_tests.service.running import WEIGHTS_PATH, Answer, Client, Running, running

ALLOWED = frozenset({202, 400, 409, 413, 415, 422})
"""What a sender can be told about a request; 408 and 503 would be about time and storage."""

PAGES = ("/", "/learning/health/data-flow", "/readyz", "/metrics", WEIGHTS_PATH)
ODD_PATHS = (
    "/learning/reports/daily/../../../etc/passwd",
    "/learning/reports/daily/..%2f..%2fetc%2fpasswd",
    "/learning/reports/daily/2014-12-12%00",
    "/reports/daily/%ff",
    "/learning/intelligence/adaptive-discovery-params?regime=%00%ff..%2f",
)

SHOWN_EVERY = 1_000

NORMALISE = (normalise_discovery_events, normalise_thesis_events, normalise_trade_events)


@dataclass
class Findings:
    """What was seen; `troubles` should be empty."""

    n_answers: Counter[int] = field(default_factory=Counter)
    n_accepted: int = 0
    event_ids: dict[tuple[str, str], Request] = field(default_factory=dict)
    quarantine_ids: dict[str, Request] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    n_days: int = 0


def fuzzed(workspace: Path, *, n_requests: int, seed: int, say: Callable[[str], None] = print) -> Findings:
    """Send `n_requests` mutations of real payloads and look at what came of them."""
    random = np.random.default_rng(seed)
    settings = settings_for(workspace / "data")
    payloads = real_payloads()
    found = Findings()
    with running(settings.data_dir) as service:
        client = service.client()
        for number in range(n_requests):
            _send(client, mutated(*payloads[number % len(payloads)], random), found)
            if number % SHOWN_EVERY == SHOWN_EVERY - 1:
                say(f"{number + 1:,} sent: {dict(found.n_answers)}, {len(found.troubles)} troubles")
        found.troubles += _unhealthy(service)
    found.troubles += _lost(settings, found)
    found.troubles += [f"{path} is there" for path in _elsewhere(workspace)]
    found.troubles += _night_troubles(settings, found)
    return found


def _send(client: Client, request: Request, found: Findings) -> None:
    headers = {"Content-Type": "application/json", **request.headers}
    try:
        answer = client.ask("POST", request.path, request.body, headers)
    except (OSError, http.client.HTTPException) as error:
        found.troubles.append(f"no answer ({error!r}) to {_shown(request)}")
        return
    found.n_answers[answer.status] += 1
    if answer.status not in ALLOWED:
        found.troubles.append(f"{answer.status} {answer.content[:300]!r} to {_shown(request)}")
    elif answer.headers["content-type"].startswith("application/"):
        _note(answer, request, found)


def _note(answer: Answer, request: Request, found: Findings) -> None:
    said = answer.json()
    if said.get("event_id"):
        found.event_ids[request.kind, said["event_id"]] = request
        found.n_accepted += answer.status == 202
    if said.get("quarantine_id"):
        found.quarantine_ids[said["quarantine_id"]] = request
    elif answer.status == 202 and not said.get("event_id"):
        found.troubles.append(f"202 that names nothing kept: {said} to {_shown(request)}")


def _unhealthy(service: Running) -> list[str]:
    pages = {path: service.get(path).status for path in PAGES}
    odd = {path: service.get(path).status for path in ODD_PATHS}
    return [
        *(f"GET {path} after all: {status}" for path, status in pages.items() if status != 200),
        *(f"GET {path}: {status}" for path, status in odd.items() if status >= 500),
        *(["a traceback is in the log: " + service.log()[-2000:]] if "Traceback" in service.log() else []),
    ]


def _lost(settings: Settings, found: Findings) -> list[str]:
    lying = kept(settings)
    warehouse = open_warehouse(settings)
    apart = set(warehouse.inbox.quarantined()["id"])
    warehouse.inbox.close()
    lost = [f"event {key} of {_shown(one)}" for key, one in found.event_ids.items() if key not in lying.pending]
    lost += [f"item {key} of {_shown(one)}" for key, one in found.quarantine_ids.items() if key not in apart]
    said = integrity(settings.data_dir)
    return [f"told to be kept and is not: {line}" for line in lost] + ([] if said == "ok" else [f"integrity: {said}"])


def _elsewhere(workspace: Path) -> Sequence[Path]:
    """Files outside the data directory, and files in it named by what was sent."""
    return [
        path
        for path in workspace.rglob("*")
        if not path.is_relative_to(workspace / "data") or any(part in str(path) for part in ("etc", "passwd", "DROP"))
    ]


def _night_troubles(settings: Settings, found: Findings) -> list[str]:
    """What goes wrong when everything taken is drained and understood, as the next night does."""
    warehouse = open_warehouse(settings)
    drain_all_events(warehouse)
    steps: list[tuple[str, Callable[[], object]]] = [
        ("collect_bars", lambda: collect_bars(warehouse, settings, [], now=datetime.now(UTC)))
    ]
    for normalise, table in zip(NORMALISE, EVENT_TABLES.values(), strict=True):
        days = [entry.known_on for entry in warehouse.table(table).entries()]
        found.n_days += len(days)
        if days:
            steps.append((normalise.__name__, partial(normalise, warehouse, settings, days)))
    troubles = []
    for name, step in steps:
        try:
            step()  # whatever it raises, a night would have ended with it
        except Exception as error:
            troubles.append(f"{name}: {error!r}"[:2000])
    if n_pending := warehouse.inbox.n_pending():
        troubles.append(f"{n_pending} events are pending after a night took all of them")
    warehouse.inbox.close()
    return troubles


def _shown(request: Request) -> str:
    return f"{request.path} {dict(request.headers)} {request.body[:300]!r} ({', '.join(request.wrong)})"


def main() -> None:
    """Run the study and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workspace", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.workspace) as folder:
        found = fuzzed(Path(folder), n_requests=arguments.requests, seed=arguments.seed)
    print(
        f"== {found.n_answers.total():,} answers {dict(sorted(found.n_answers.items()))}; {len(found.event_ids):,} "
        f"events and {len(found.quarantine_ids):,} quarantine items told of and found; "
        f"{found.n_days} partitions understood; "
        f"{len(found.troubles)} troubles",
        flush=True,
    )
    for line in found.troubles:
        print(f"   {line}", flush=True)


if __name__ == "__main__":
    main()
