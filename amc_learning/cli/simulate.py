"""`amc-learning simulate`: a market of our own making as files, with the truth planted in it beside them.

It writes into the folder it is told and nowhere else: no data directory is opened, nothing is ingested.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amc_learning.cli.common import JsonOption, emit_json, now, print_table
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.simulation.market import MarketFiles
    from amc_learning.simulation.rules import MarketRules

SIMULATED = "SIMULATED: every price, score, thesis and symbol in these files is invented. None is market data."


def simulate(
    scenario: Annotated[str | None, typer.Argument(help="Name of a scenario; --list shows them.")] = None,
    *,
    to: Annotated[Path | None, typer.Option("--to", file_okay=False, help="New or empty folder for the files.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Where all randomness comes from.  [default: that of the scenario]")
    ] = None,
    sessions: Annotated[
        int | None, typer.Option(min=1, help="Exchange sessions.  [default: that of the scenario]")
    ] = None,
    symbols: Annotated[int | None, typer.Option(min=1, help="Symbols listed.  [default: that of the scenario]")] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Show the scenarios and leave.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a simulated market with planted truths: bars, index, discovery results, theses, trades, truth.json.

    Example: amc-learning simulate reversing --to simulated/reversing --seed 7
    """
    if show_list:
        _list(json=json)
        return
    if scenario is None or to is None:
        raise typer.BadParameter("name a scenario and a folder: amc-learning simulate linear --to FOLDER")
    rules = _rules(scenario, {"seed": seed, "n_sessions": sessions, "n_symbols": symbols})
    _refuse_what_is_not_empty(to)
    from amc_learning.simulation.market import simulate_market, write_market  # noqa: PLC0415

    days, before = _sessions(rules, Settings().market.exchange)
    rules = replace(rules, first_session=days[0])
    market = simulate_market(rules, days, index_sessions=before)
    files = write_market(market, to)
    commands = _commands(files, to, days)
    if json:
        emit_json(
            {
                "is_simulated": True,
                "scenario": scenario,
                "seed": rules.seed,
                "n_sessions": rules.n_sessions,
                "n_symbols": rules.n_symbols,
                "first_session": days[0],
                "last_session": days[-1],
                "planted": market.truth["planted"],
                "files": {name: str(path) for name, path in vars(files).items()},
                "commands": commands,
            }
        )
        return
    typer.secho(SIMULATED, bold=True)
    typer.echo(
        f"{scenario}, seed {rules.seed}: {rules.n_symbols:,} symbols over {rules.n_sessions:,} sessions, {days[0]} to "
        f"{days[-1]}, in {to}"
    )
    typer.echo("\nPlanted, and written with all numbers to truth.json:")
    for sentence in market.truth["planted"]:
        typer.echo(f"  {sentence}")
    typer.echo("\nTo learn from it, in a data directory of its own:")
    for command in commands:
        typer.echo(f"  {command}")


def _list(*, json: bool) -> None:
    from amc_learning.simulation.scenarios import SCENARIOS, described  # noqa: PLC0415

    if json:
        emit_json([{"scenario": name, "plants": described(scenario)} for name, scenario in SCENARIOS.items()])
        return
    rows = [(name, described(scenario)) for name, scenario in SCENARIOS.items()]
    print_table("Scenarios of simulated markets", ["scenario", "plants"], rows)


def _rules(name: str, asked: dict[str, int | None]) -> "MarketRules":
    from amc_learning.simulation.scenarios import SCENARIOS  # noqa: PLC0415

    if name not in SCENARIOS:
        raise typer.BadParameter(f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    given = {"seed": 1} if name != "sample" else {}
    try:
        return SCENARIOS[name](**given | {option: value for option, value in asked.items() if value is not None})
    except ValueError as error:
        raise typer.BadParameter(f"{error}; nothing was written") from error


def _refuse_what_is_not_empty(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} is not empty, so nothing was written: a simulation never mixes with other files; name a new one"
        )


def _sessions(rules: "MarketRules", exchange: str) -> tuple[list[date], list[date]]:
    """The sessions of a market, all of them over by now, and those before it of which the index is shown.

    On an exchange that is closed on the first day of the scenario, the market starts on its next session.
    """
    from amc_learning.market_calendar import exchange_sessions  # noqa: PLC0415
    from amc_learning.simulation.rules import SAMPLE_INDEX_HISTORY  # noqa: PLC0415

    first, day = rules.first_session, timedelta(days=1)
    history = exchange_sessions(exchange, first - 2 * SAMPLE_INDEX_HISTORY * day, first - day)["session_date"].to_list()
    past = exchange_sessions(exchange, first, now().date() - day)["session_date"].to_list()
    if len(past) < rules.n_sessions:
        raise typer.BadParameter(
            f"{rules.n_sessions:,} sessions from {first} on would end in the future, where nothing can be ingested; "
            f"{len(past):,} are over; nothing was written"
        )
    return past[: rules.n_sessions], history[-SAMPLE_INDEX_HISTORY:]


def _commands(files: "MarketFiles", folder: Path, days: Sequence[date]) -> list[str]:
    """What to type to take the files in and run every night over them, in a data directory beside them."""
    start = f"AMC_LEARNING_DATA_DIR={shlex.quote(str(folder / 'data'))} amc-learning"
    kinds: dict[str, Any] = {
        "index": files.index,
        "bars": files.bars,
        "discovery": files.discovery,
        "theses": files.theses,
        "trades": files.trades,
    }
    ingests = [f"{start} ingest {kind} {shlex.quote(str(path))}" for kind, path in kinds.items()]
    return [*ingests, f"{start} backfill --from {days[0]} --to {days[-1]}"]
