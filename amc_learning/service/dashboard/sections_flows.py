"""The first part of the page: what is wrong, what comes in, and what is read.

Belongs here: opening, flows, delivery. Not here: what is judged well or wrong (judgement), learned numbers
(sections_weights, sections_effects).
"""

from collections.abc import Sequence
from dataclasses import fields

from amc_learning.contracts.health import IntelligenceDelivery
from amc_learning.reports.markup import Content, Html, element, joined
from amc_learning.reports.tables import Column, Rows, facts, nothing, numbers, table
from amc_learning.reports.wording import UNKNOWN, day, percent
from amc_learning.service.dashboard.judgement import (
    LIST_QUARANTINE,
    SIGNS,
    Finding,
    findings,
    flow_verdict,
    measured,
    state_of_the_whole,
    success_rate,
)
from amc_learning.service.dashboard.reading import Readings
from amc_learning.service.dashboard.view import DashboardView, FlowBalance
from amc_learning.service.dashboard.wording import ago, command, milliseconds, moment, run_night, told

STOP_REFRESH, START_REFRESH = "/?refresh=off", "/?refresh=on"
"""Where the page is that does not load itself again, and the one that does."""


def opening(view: DashboardView, readings: Readings) -> Html:
    """When the page was drawn, the state of the whole, what it rests on, and everything that needs somebody."""
    degree, sentence = state_of_the_whole(view, readings)
    found = findings(view, readings)
    return element(
        "header",
        element("p", "Learning dashboard, drawn ", moment(view.now), ". ", _refresh(view), class_="date"),
        element("h1", element("span", f"{SIGNS[degree][0]} ", class_=degree), sentence),
        _summary(readings),
        *(_shadow(name, since) for name, since in readings.in_shadow.items()),
        element(
            "div",
            element("ul", *(_finding(one) for one in found), class_="findings"),
            role="group",
            aria_label="What needs somebody",
        )
        if found
        else None,
    )


def flows(view: DashboardView) -> Html:
    """Every flow beside the others: how it is, what became of its requests, and what waits; then what is read."""
    is_silent = not any(flow.balance.n_requests for flow in view.flows)
    return element(
        "div",
        element("div", nothing("No request in the last 24 hours.") if is_silent else None, _flow_table(view)),
        element("div", _delivery(view.health.intelligence_delivery), *map(_legend, _LEGENDS), _quarantine()),
        class_="main-and-side",
    )


_BALANCE = {
    "accepted": "n_accepted",
    "+\N{NO-BREAK SPACE}duplicates": "n_duplicates",
    "+\N{NO-BREAK SPACE}quarantined": "n_quarantined",
    "+\N{NO-BREAK SPACE}conflicts": "n_conflicts",
    "+\N{NO-BREAK SPACE}refused": "n_refused",
    "+\N{NO-BREAK SPACE}unavailable": "n_unavailable",
}
"""What a row of the balance is called, and the field it shows."""

_LEGENDS = (
    (
        "Every request of the last 24 hours is counted once. Accepted: a new event, durable. Duplicates: sent before. "
        "Quarantined: kept, not understood. Conflicts: a known identifier with another body, kept apart. Refused: not "
        "taken (4xx). Unavailable: told to come back (429, 503)."
    ),
    (
        "Success is accepted and duplicates over requests. Answers are timed from the request to the durable answer. "
        "Today is the market day."
    ),
)


def _refresh(view: DashboardView) -> Html:
    if view.refresh_seconds > 0:
        return joined([f"Renews itself every {view.refresh_seconds} s: ", element("a", "stop that", href=STOP_REFRESH)])
    return joined(["Stands still: ", element("a", "renew by itself", href=START_REFRESH)])


def _summary(readings: Readings) -> Html | None:
    """The last night in one sentence, or what to do first."""
    report = readings.report.document
    if report is not None:
        return element("p", f"Night of {day(report.known_on)}: ", report.headline)
    if readings.is_anything_published:
        return None
    return told("To begin: send events or ingest files, then ", command(run_night()), ".")


def _shadow(name: str, since: str) -> Html:
    """That nobody acts on a document, and how that ends."""
    promise = "computed and judged as ever, and its readers keep what they were last told. To let it act: "
    return element("p", f"In shadow since {since}: {name}, ", promise, command(f"amc-learning promote {name}"), ".")


def _finding(found: Finding) -> Html:
    return element(
        "li",
        found.drawn(),
        element("span", found.sentence, " ", command(found.command) if found.command else None),
    )


def _flow_table(view: DashboardView) -> Html:
    seen = [measured(view, flow) for flow in view.flows]
    balances = [flow.balance for flow in view.flows]
    kept = [None if one is None else one.collections_today for one in seen]
    latencies = [None if one is None else one.avg_latency_ms for one in seen]
    columns = [Column("Flow"), *numbers(*(flow.name for flow in view.flows), "all")]
    whole = _sum(balances)
    state = Rows(
        [
            ("state", *(flow_verdict(flow).drawn() for flow in view.flows), None),
            ("last received", *(ago(flow.last_received_at, view.now) for flow in view.flows), None),
            ("kept today", *(_counted(n) for n in kept), _counted(sum(n for n in kept if n is not None))),
            ("answered in, 24\N{NO-BREAK SPACE}h", *(milliseconds(one) for one in latencies), None),
            ("success, 24\N{NO-BREAK SPACE}h", *(percent(success_rate(one)) for one in [*balances, whole])),
        ]
    )
    balance = Rows(
        [
            *(
                (name, *(_counted(getattr(one, field)) for one in [*balances, whole]))
                for name, field in _BALANCE.items()
            ),
            ("=\N{NO-BREAK SPACE}requests", *(_counted(one.n_requests) for one in [*balances, whole])),
        ],
        heading="What became of the requests of the last 24 hours",
    )
    waiting = Rows(
        [
            ("in the inbox", *_totalled([flow.n_waiting for flow in view.flows])),
            ("in quarantine", *_totalled([flow.n_in_quarantine for flow in view.flows])),
        ],
        heading="Waiting, for the next night or for a person",
    )
    return table(
        "Each flow, its requests and what waits in it", columns, state, balance, waiting, class_="scroll account"
    )


def _legend(sentence: str) -> Html:
    return element("p", sentence, class_="legend")


def _quarantine() -> Html:
    return element("p", "What is in quarantine, and why: ", command(LIST_QUARANTINE), class_="legend")


def _sum(balances: Sequence[FlowBalance]) -> FlowBalance:
    return FlowBalance(
        **{field.name: sum(getattr(balance, field.name) for balance in balances) for field in fields(FlowBalance)}
    )


def _totalled(counts: Sequence[int]) -> list[Content]:
    return [_counted(n) for n in [*counts, sum(counts)]]


def _counted(n: int | None) -> str:
    return UNKNOWN if n is None else f"{n:,}"


def _delivery(delivery: IntelligenceDelivery) -> Html:
    """What trading systems read of what was published."""
    heading = element("h3", "Read by trading systems")
    if not delivery.requests_today and delivery.avg_response_time_ms is None:
        return element("div", heading, nothing("No document was asked for in the last 24 hours."), class_="card")
    return element(
        "div",
        heading,
        facts(
            [
                ("requests today", f"{delivery.requests_today:,}"),
                ("answered in, 24 h", milliseconds(delivery.avg_response_time_ms)),
                ("without a file, 24 h", percent(delivery.cache_hit_rate)),
            ]
        ),
        class_="card",
    )
