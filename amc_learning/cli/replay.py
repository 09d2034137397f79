"""`amc-learning replay`: what learning would have done over a range of days, and what it would have been worth."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amc_learning.cli.common import (
    JsonOption,
    begun_days,
    emit_json,
    knowledge_day_argument,
    open_warehouse,
    print_table,
)
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.contracts.documents.base import Interval
    from amc_learning.contracts.documents.replay import ReplayDocument

PRINT_DPI = 160
"""Twice what Dagster's metadata gets: a file may be large."""


def replay(
    *,
    first: Annotated[
        date, typer.Option("--from", parser=knowledge_day_argument, metavar="DAY", help="First knowledge day.")
    ],
    last: Annotated[
        date, typer.Option("--to", parser=knowledge_day_argument, metavar="DAY", help="Last knowledge day.")
    ],
    to_folder: Annotated[
        Path | None,
        typer.Option(
            "--to-folder", file_okay=False, help="Where picture and JSON go; default <data directory>/replays."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Decide the weights of past days again from the default ones, and compare what would have come of it.

    Adaptive, default, equal and best fixed weights are compared on the candidates decided after each night. Tables and
    published weights stay as they are. Example: amc-learning replay --from 2008-01-02 --to 2014-12-12
    """
    from amc_learning.assets.charts import replay_chart  # noqa: PLC0415
    from amc_learning.stages.replay import replay_document_of  # noqa: PLC0415

    settings = Settings()
    document = replay_document_of(open_warehouse(settings), settings, begun_days(first, last))
    folder = to_folder or settings.data_dir / "replays"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"replay-{first}-{last}.json"
    path.write_text(document.model_dump_json(indent=2) + "\n", encoding="utf-8")
    picture = path.with_suffix(".png")
    picture.write_bytes(replay_chart(document, dpi=PRINT_DPI))
    if json:
        emit_json({"document": str(path), "picture": str(picture), **document.model_dump(mode="json")})
        return
    _show(document)
    typer.echo(f"picture   {picture}\ndocument  {path}")


def _show(document: "ReplayDocument") -> None:
    print_table(
        f"{document.n_nights:,} nights, {document.first_night} to {document.last_night}",
        ["horizon", "weights", "days", "mean IC", "over static (95 %)", "regret",
         f"top {document.top_k} return", "over static (95 %)", "over controls (95 %)", "success rate"],
        _rows(document),
    )  # fmt: skip
    typer.echo(
        f"weights moved on {document.n_nights_moved:,} of {document.n_nights:,} nights; "
        f"turnover {document.turnover_per_year:.2f} a year; from {_weights(document.default_weights)} "
        f"to {_weights(document.nights[-1].weights)}"
    )
    for horizon, weights in document.best_fixed_weights.items():
        typer.echo(f"best fixed at {horizon}, known only afterwards: {_weights(weights)}")


def _rows(document: "ReplayDocument") -> Iterator[list[object]]:
    for one in document.judgements:
        yield [
            one.horizon,
            one.contender,
            one.n_days,
            one.coefficient.estimate,
            _written(one.coefficient_over_static, "+.4f"),
            one.regret,
            _percent(one.top_return.estimate),
            _written(one.top_return_over_static, "+.2%"),
            _written(one.top_return_over_controls, "+.2%"),
            _percent(one.success_rate.estimate),
        ]


def _written(value: "Interval", form: str) -> str | None:
    """Estimate and interval; what is not known is a dash."""
    if value.estimate is None:
        return None
    if value.ci_low is None or value.ci_high is None:
        return f"{value.estimate:{form}}"
    return f"{value.estimate:{form}} ({value.ci_low:{form}} to {value.ci_high:{form}})"


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:.2%}"


def _weights(weights: dict[str, float]) -> str:
    return ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
