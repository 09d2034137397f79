"""`amc-learning up`: the Dagster UI and daemon, on loopback."""

import os
import sys
from typing import Annotated

import typer

from amc_learning.cli.dagster_runs import prepare_dagster_home
from amc_learning.settings import Settings


def up(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Dagster has no login: keep it on loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
) -> None:
    """Start the Dagster UI and daemon until Ctrl-C. Example: amc-learning up --port 3001."""
    settings = Settings()
    prepare_dagster_home(settings)
    typer.echo(f"Dagster UI on http://{host}:{port} (data in {settings.data_dir}; stop with Ctrl-C)")
    arguments = ["dev", "--module-name", "amc_learning.definitions", "--host", host, "--port", str(port)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-W", "ignore", "-m", "dagster", *arguments])
