"""kill -9 of the service in the middle of a burst, also while a drain runs that is killed too: what is lost or doubled?

Run by hand; a few rounds run in the tests:

    python -m amc_learning_tests.service.acceptance.serve_kill_study --kills 30 --clients 16 --seed 0 --workspace DIR

A kill leaves the page cache, so it says nothing about a loss of power; `test_sync_before_answer` looks at the flushes.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from amc_learning.settings import Settings
from amc_learning_tests.acceptance.loop import child_environment, settings_for
from amc_learning_tests.service.acceptance.burst import Burst, Event
from amc_learning_tests.service.acceptance.kept import Kept, integrity, kept, troubles_after_draining, troubles_of
from amc_learning_tests.service.running import Running, running

DRAINER = """
from amc_learning.settings import Settings
from amc_learning.stages.collect import drain_all_events
from amc_learning_tests.acceptance.loop import open_warehouse

warehouse = open_warehouse(Settings())
print("draining", flush=True)
while True:
    drain_all_events(warehouse)
"""
"""The first step of the collection job, again and again."""

MOST_SENT_AGAIN = 60


@dataclass
class Findings:
    """What was seen over all rounds; `troubles` should be empty."""

    n_kills: int = 0
    n_drainer_kills: int = 0
    n_in_both: int = 0
    n_in_the_dark: int = 0
    n_answers: Counter[int] = field(default_factory=Counter)
    acknowledged: dict[tuple[str, str], bytes] = field(default_factory=dict)
    n_first: Counter[tuple[str, str]] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)

    def events(self) -> list[Event]:
        """Everything acknowledged so far, to be sent again."""
        return [Event(kind, event_id, body) for (kind, event_id), body in self.acknowledged.items()]


def rounds(
    workspace: Path,
    *,
    n_kills: int,
    n_clients: int,
    seed: int,
    most_answers: int = 600,
    say: Callable[[str], None] = print,
) -> Findings:
    """Kill the server `n_kills` times over one data directory, every other time beside a drain that is killed too."""
    random = np.random.default_rng(seed)
    settings = settings_for(workspace / "data")
    found = Findings()
    for number in range(n_kills):
        troubles = _round(
            settings, found, number, n_clients=n_clients, n_answers=int(random.integers(50, most_answers))
        )
        found.troubles += [f"round {number}: {line}" for line in troubles]
        say(f"round {number}: {len(found.acknowledged):,} acknowledged so far; {troubles or 'good'}")
    found.troubles += troubles_after_draining(found.acknowledged, settings)
    return found


def _round(settings: Settings, found: Findings, number: int, *, n_clients: int, n_answers: int) -> list[str]:
    before = found.events()
    with running(settings.data_dir) as service:
        troubles = _sent_again(service, before[-MOST_SENT_AGAIN:])
        burst = Burst(service.base_url, f"round{number}", n_clients, sent_before=before)
        drainer = _drainer(settings) if number % 2 else None
        try:
            burst.start().wait_for(n_answers=n_answers)
            service.kill()
        finally:
            service.kill()
            if drainer is not None:
                drainer.kill()
                drainer.communicate()
        burst.join()
    found.n_kills += 1
    found.n_drainer_kills += drainer is not None
    found.n_answers += burst.n_answers
    found.acknowledged |= burst.acknowledged
    found.n_first += burst.n_first
    lying = kept(settings)
    found.n_in_both += len(set(lying.pending) & set(lying.drained))
    found.n_in_the_dark = len(set(lying.known) - set(found.acknowledged))
    return [*troubles, *burst.troubles, *_troubles(found, lying, settings)]


def _troubles(found: Findings, lying: Kept, settings: Settings) -> list[str]:
    troubles = troubles_of(found.acknowledged, lying)
    troubles += [f"{key} was told to be new {n} times" for key, n in found.n_first.items() if n > 1]
    if (said := integrity(settings.data_dir)) != "ok":
        troubles.append(f"integrity_check: {said}")
    return troubles


def _sent_again(service: Running, events: list[Event]) -> list[str]:
    """After a restart what was acknowledged before is a duplicate."""
    client = service.client()
    answers = {event.event_id: client.send(event.kind, event.body) for event in events}
    client.close()
    return [
        f"{event_id} after the restart: {answer.status} {answer.content!r}"
        for event_id, answer in answers.items()
        if answer.status != 202 or not answer.json()["duplicate"] or answer.json()["event_id"] != event_id
    ]


def _drainer(settings: Settings) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", DRAINER], env=child_environment(settings.data_dir), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"draining\n"
    return process


def main() -> None:
    """Run the study and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workspace", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.workspace) as folder:
        found = rounds(Path(folder), n_kills=arguments.kills, n_clients=arguments.clients, seed=arguments.seed)
    print(
        f"== {found.n_kills} kills of the service, {found.n_drainer_kills} of a drain beside it; "
        f"{found.n_answers.total():,} answers {dict(found.n_answers)}, {len(found.acknowledged):,} events "
        f"acknowledged, {found.n_answers[202] - found.n_first.total():,} answers said duplicate; "
        f"{found.n_in_both:,} events lay in inbox and partition at a kill, {found.n_in_the_dark:,} were kept "
        f"unacknowledged; {len(found.troubles)} troubles",
        flush=True,
    )
    for line in found.troubles:
        print(f"   {line}", flush=True)


if __name__ == "__main__":
    main()
