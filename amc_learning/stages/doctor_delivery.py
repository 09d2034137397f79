"""What reaches others: published documents, alert channels, the service on its address.

Belongs here: looks at the way out. Not here: what the documents are made from (doctor).
"""

import http.client
import json
from datetime import date, datetime

from amc_learning.contracts.documents import names
from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.settings import Settings
from amc_learning.stages.alert_record import failing_channels, read_record
from amc_learning.stages.doctor_findings import Finding
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import CorruptDocument

NIGHTLY = (
    names.WEIGHTS_DOCUMENT,
    names.CONFIDENCE_DOCUMENT,
    names.REGIME_DOCUMENT,
    names.CORRECTIONS_DOCUMENT,
    names.PATTERNS_DOCUMENT,
    names.RECOMMENDATIONS_DOCUMENT,
    names.REPORT_DOCUMENT,
)
ANSWER_SECONDS = 3.0
"""The service answers within a millisecond; one that needs seconds is of no use to a sender."""


def documents(warehouse: Warehouse, _: Settings, now: datetime) -> Finding:
    """Whether every document in force carries the hash of its content, and how old the oldest of them is."""
    place, days = warehouse.publications, {}
    for name in NIGHTLY:
        newest = None
        for mode, where in (("", place), (" (shadow)", place.shadow)):
            try:
                document = where.current(name)
            except CorruptDocument as damage:
                last = where.history(name)[-1:] or [knowledge_day(now)]
                remedy = f"amc-learning run daily --date {last[0]}"
                return Finding("documents", False, f"{name}{mode}: {damage}", remedy, str(where.path(name)))
            if document is not None:
                newest = max(newest or date.min, date.fromisoformat(document["known_on"]))
        if newest is not None:
            days[name] = newest
    if not days:
        return Finding("documents", is_ok=True, finding="nothing is published yet")
    behind = [name for name, day in days.items() if day < max(days.values())]
    age = (knowledge_day(now) - max(days.values())).days
    if behind:
        said = f"{', '.join(sorted(behind))} are older than those of {max(days.values())}"
        remedy = f"amc-learning run daily --date {max(days.values())}"
        return Finding("documents", False, said, remedy, "published")
    said = f"{len(days)} documents of {max(days.values())}, {age} days old, every hash right"
    return Finding("documents", True, said, "", "published")


def alerts(_: Warehouse, settings: Settings) -> Finding:
    """Whether every channel took the last alert."""
    failing = failing_channels(settings.data_dir)
    taken = [f"{name} on {state.delivered_at}" for name, state in read_record(settings.data_dir).channels.items()]
    return Finding(
        "alerts", not failing,
        "; ".join(failing) or (f"the last was taken by {', '.join(taken)}" if taken else "none was sent yet"),
        "correct the settings of the channel, then: amc-learning alerts test",
    )  # fmt: skip


def service(_: Warehouse, settings: Settings) -> Finding:
    """Whether the service answers on its address, and whether it serves this version.

    A service that does not run is no trouble by itself: files reach the warehouse without it. One that answers and is
    not ready is.
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.service.host, settings.service.host)
    where = f"http://{host}:{settings.service.port}"
    connection = http.client.HTTPConnection(host, settings.service.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = json.loads(answer.read(10_000))
        is_ours = isinstance(said, dict) and "n_troubles" in said
    except ConnectionRefusedError:
        return Finding("service", True, "not running; where it should be: amc-learning serve", "", where)
    except (OSError, http.client.HTTPException, ValueError) as trouble:
        return Finding(
            "service", False, f"something is there and does not answer as the service does ({type(trouble).__name__})",
            f"look who listens: ss -ltnp sport = :{settings.service.port}", where,
        )  # fmt: skip
    finally:
        connection.close()
    if not is_ours:
        remedy = "stop the other program, or set AMC_LEARNING_SERVICE__PORT"
        return Finding("service", False, "another program listens there", remedy, where)
    is_ready = answer.status == http.client.OK
    return Finding(
        "service", is_ready, "answers and is ready" if is_ready else f"answers; {said['n_troubles']} troubles",
        "the dashboard at its address says which", where,
    )  # fmt: skip
