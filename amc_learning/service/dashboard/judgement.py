"""What is well and what is not: of each flow, and of the whole.

Belongs here: the rules, as pure functions of the view. Not here: drawing (sections), measuring (service).

Three degrees, each with a sign of its own, so that no degree is told by colour alone: `wrong` loses or delays
something, `look` waits for a person, and everything else is well.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from amc_learning.contracts.documents.corrections import Correction
from amc_learning.contracts.health import CollectionFlow
from amc_learning.reports.markup import Html
from amc_learning.reports.tables import chip
from amc_learning.reports.wording import count, day
from amc_learning.service.dashboard.reading import Readings
from amc_learning.service.dashboard.view import DashboardView, FlowBalance, FlowState
from amc_learning.service.dashboard.wording import run_night

FAILING_BELOW = 0.9
"""Success rate below which a flow fails: one request in ten has led to nothing that can be learned from."""

LIST_QUARANTINE = "amc-learning quarantine list"

Degree = Literal["well", "quiet", "look", "wrong"]
SIGNS: dict[Degree, tuple[str, str]] = {
    "well": ("✓", "good"),
    "quiet": ("·", "plain"),
    "look": ("!", "accent"),
    "wrong": ("✗", "bad"),
}
"""Degree to its sign, and to the tone of its frame."""


@dataclass(frozen=True)
class Verdict:
    """A degree, and the word for it that is shown."""

    degree: Degree
    word: str

    def drawn(self) -> Html:
        """Sign and word in a frame."""
        sign, tone = SIGNS[self.degree]
        return chip(f"{sign} {self.word}", tone)


@dataclass(frozen=True)
class Finding:
    """Something that is wrong or waits for a person, and the command that helps, if one does."""

    degree: Degree
    sentence: str
    command: str | None = None

    def drawn(self) -> Html:
        """Its degree in a frame."""
        return Verdict(self.degree, self.degree).drawn()


def measured(view: DashboardView, flow: FlowState) -> CollectionFlow | None:
    """The numbers of a flow: those of its group in the health document, or its own."""
    groups = {
        "discovery": view.health.discovery_data_flow,
        "thesis": view.health.thesis_data_flow,
        "trade": view.health.trade_data_flow,
    }
    return groups.get(flow.name, flow.measured)


def success_rate(balance: FlowBalance) -> float | None:
    """Share of the requests whose event was understood and is durable; None without a request.

    >>> success_rate(FlowBalance(n_accepted=7, n_duplicates=1, n_refused=2))
    0.8
    """
    return (balance.n_accepted + balance.n_duplicates) / balance.n_requests if balance.n_requests else None


def flow_verdict(flow: FlowState) -> Verdict:
    """How a flow is, by its requests of the last 24 hours and what waits for a person."""
    balance, rate = flow.balance, success_rate(flow.balance)
    if rate is not None and rate < FAILING_BELOW:
        return Verdict("wrong", "failing")
    if flow.n_in_quarantine or balance.n_conflicts or balance.n_refused or balance.n_unavailable:
        return Verdict("look", "look")
    return Verdict("quiet", "quiet") if rate is None else Verdict("well", "well")


def findings(view: DashboardView, readings: Readings) -> list[Finding]:
    """Everything that is wrong, then everything that waits for a person."""
    found = [
        *(Finding("wrong", sentence) for sentence in view.troubles),
        *_document_findings(readings),
        *_night_findings(view),
        *(finding for flow in view.flows for finding in _flow_findings(flow)),
        *_correction_findings(in_force(readings)),
    ]
    return [*(one for one in found if one.degree == "wrong"), *(one for one in found if one.degree != "wrong")]


def state_of_the_whole(view: DashboardView, readings: Readings) -> tuple[Degree, str]:
    """The degree of the whole and one sentence about it."""
    found = findings(view, readings)
    n_wrong = sum(one.degree == "wrong" for one in found)
    n_looks = len(found) - n_wrong
    need = "needs" if n_looks == 1 else "need"
    if n_wrong:
        wrong = f"{count(n_wrong, 'thing')} {'is' if n_wrong == 1 else 'are'} wrong"
        return "wrong", f"{wrong}, {n_looks:,} more {need} a look" if n_looks else wrong
    if n_looks:
        return "look", f"Nothing is wrong; {count(n_looks, 'thing')} {need} a look"
    if not readings.is_anything_published:
        return "quiet", "Ready: nothing is published yet"
    return "well", "All is well"


def veto(name: str) -> str:
    """The command that ends a correction and keeps it away; its name is one argument whatever is in it.

    >>> veto("thesis-source-ai")
    'amc-learning corrections veto thesis-source-ai'
    """
    return f"amc-learning corrections veto {shlex.quote(name)}"


def in_force(readings: Readings) -> list[Correction]:
    """Corrections in force by the newest document that says so."""
    if readings.corrections.document is not None:
        return readings.corrections.document.in_force
    report = readings.report.document
    return [] if report is None else [one for one in report.corrections if one.status == "active"]


def _document_findings(readings: Readings) -> Iterator[Finding]:
    for name in readings.unreadable:
        yield Finding(
            "wrong",
            f"The document {name} cannot be read: it is damaged or of another version. Publish its day again.",
            "amc-learning run daily --date DAY",
        )


def _night_findings(view: DashboardView) -> Iterator[Finding]:
    missed = [night.known_on for night in view.nights if night.published_at is None]
    if len(missed) == 1:
        yield Finding("wrong", f"The night of {day(missed[0])} was not run.", run_night(missed[0]))
    elif missed:
        first, last = min(missed), max(missed)
        line = f"amc-learning run daily --from {first.isoformat()} --to {last.isoformat()}"
        yield Finding(
            "wrong", f"{count(len(missed), 'night')} between {day(first)} and {day(last)} were not run.", line
        )


def _flow_findings(flow: FlowState) -> Iterator[Finding]:
    balance, rate = flow.balance, success_rate(flow.balance)
    if rate is not None and rate < FAILING_BELOW:
        n_lost = balance.n_requests - balance.n_accepted - balance.n_duplicates
        yield Finding(
            "wrong",
            f"Flow {flow.name}: {n_lost:,} of {count(balance.n_requests, 'request')} of the last 24 hours did not lead "
            "to an event that was understood and kept.",
        )
    elif balance.n_conflicts or balance.n_refused or balance.n_unavailable:
        parts = ((balance.n_conflicts, "in conflict"), (balance.n_refused, "refused"))
        said = [f"{n:,} {what}" for n, what in (*parts, (balance.n_unavailable, "told to come back")) if n]
        yield Finding("look", f"Flow {flow.name}: requests of the last 24 hours were {', '.join(said)}.")
    if flow.n_in_quarantine:
        waits = "waits" if flow.n_in_quarantine == 1 else "wait"
        yield Finding(
            "look",
            f"Flow {flow.name}: {count(flow.n_in_quarantine, 'event')} {waits} in quarantine, kept and not understood.",
            LIST_QUARANTINE,
        )


def _correction_findings(corrections: list[Correction]) -> Iterator[Finding]:
    for one in corrections:
        if one.verdict == "harmed":
            yield Finding("look", f"The correction {one.name} is in force and harmed since then.", veto(one.name))
