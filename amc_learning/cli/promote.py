"""`amc-learning promote | demote`: whether a document acts, or is only looked at; and what it learned in shadow."""

from collections.abc import Mapping
from dataclasses import asdict
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amc_learning.cli.common import JsonOption, emit_json, now, open_warehouse, print_pairs, print_table
from amc_learning.contracts.documents.names import CONFIDENCE_DOCUMENT, CORRECTIONS_DOCUMENT, WEIGHTS_DOCUMENT
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.stages.promotion import ShadowAccount

Document = Annotated[str, typer.Argument(help="weights, confidence or corrections.", metavar="DOCUMENT")]
Reason = Annotated[str, typer.Option(help="Why, kept with the order.")]
By = Annotated[str | None, typer.Option("--by", help="Who orders it; default: the name of the user.")]
TITLES = {
    WEIGHTS_DOCUMENT: "changes of the learned weights in shadow",
    CONFIDENCE_DOCUMENT: "calibration maps in shadow",
    CORRECTIONS_DOCUMENT: "corrections in shadow",
}


def promote(
    document: Document,
    *,
    reason: Reason = "not given",
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also when what was learned is judged to do harm.")] = False,
    json: JsonOption = False,
) -> None:
    """Let a document in shadow act from today on, after showing what it learned.

    With --json and without --yes it shows and does nothing.
    Example: amc-learning promote weights --reason "30 nights looked right"
    """
    from amc_learning.contracts.knowledge_days import knowledge_day  # noqa: PLC0415
    from amc_learning.learning.modes import ACTIVE  # noqa: PLC0415
    from amc_learning.stages.promotion import shadow_account  # noqa: PLC0415

    settings = Settings()
    account = shadow_account(open_warehouse(settings), settings, document, knowledge_day(now()))
    if json and not yes:
        emit_json({"is_promoted": False, **asdict(account)})
        return
    if not json:
        _show(account)
    if not yes:
        typer.confirm(f"Let the {document} act from today on?", abort=True)
    promoted = _order(settings, document, ACTIVE, by, reason, despite_harm=force)
    if json:
        emit_json({"is_promoted": True, **asdict(account), "known_on": promoted["known_on"]})
    else:
        _said(document, promoted)


def demote(document: Document, *, reason: Reason = "not given", by: By = None, json: JsonOption = False) -> None:
    """Put a document into shadow from today on: computed and judged as ever, and what others were last told stays.

    Example: amc-learning demote weights --reason "the feed changes on Monday"
    """
    from amc_learning.learning.modes import SHADOW  # noqa: PLC0415

    demoted = _order(Settings(), document, SHADOW, by, reason)
    if json:
        emit_json({"document": document, "mode": demoted["mode"], "known_on": demoted["known_on"]})
    else:
        _said(document, demoted)


def _order(
    settings: Settings, document: str, mode: str, by: str | None, reason: str, *, despite_harm: bool = False
) -> Mapping[str, Any]:
    from amc_learning.stages.promotion import PublicationOrder, carry_out_publication  # noqa: PLC0415

    order = PublicationOrder(document, mode, by or getuser(), reason)
    warehouse = open_warehouse(settings)
    return carry_out_publication(warehouse, settings, order, requested_at=now(), despite_harm=despite_harm)


def _said(document: str, published: Mapping[str, Any]) -> None:
    typer.echo(f"{document}: {published['mode']} from {published['known_on']} on")
    if "reason" in published:
        typer.echo(published["reason"])


def _show(account: "ShadowAccount") -> None:
    print_pairs(
        {
            "in shadow since": account.since or "the beginning",
            "nights in shadow": f"{account.n_nights:,} ({account.first_night} to {account.last_night})",
            "against it": account.harm or "nothing",
        }
    )
    typer.echo()
    if account.findings:
        rows = [list(one.values()) for one in account.findings]
        print_table(TITLES[account.document], list(account.findings[0]), rows)
    else:
        typer.echo(f"no {TITLES[account.document]}")
    if account.walk is not None:
        walk = account.walk
        rows = [
            [name, walk.in_force[name], weight, weight - walk.in_force[name]] for name, weight in walk.would_be.items()
        ]
        typer.echo()
        print_table("weights", ["component", "in force", "in shadow", "distance"], rows)
        typer.echo(f"at most {walk.largest_distance:.4f} per weight to go, done in {walk.n_nights} knowledge days")
