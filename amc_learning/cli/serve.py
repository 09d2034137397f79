"""`amc-learning serve | up`: the HTTP service alone, or with Dagster's UI and daemon."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from time import monotonic
from typing import Annotated

import typer

from amc_learning.cli import daemon_lock
from amc_learning.cli.dagster_runs import dagster_instance, prepare_dagster_home
from amc_learning.settings import Settings

STOP_SECONDS = 20
"""A program that has not ended this long after being asked is ended."""

LOOK_SECONDS = 0.5
"""How long it may take until it is noticed that a program has ended by itself."""


class Part(StrEnum):
    """What `up` starts."""

    SERVICE = "service"
    WEBSERVER = "webserver"
    DAEMON = "daemon"


Host = Annotated[str | None, typer.Option(help="Address to listen on; default service.host, which is loopback.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port; default service.port, 0 takes a free one.")]


def serve(*, host: Host = None, port: Port = None) -> None:
    """Take events and give documents over HTTP until Ctrl-C. Example: amc-learning serve --port 8001."""
    from amc_learning.service.server import serve as serve_http  # noqa: PLC0415

    settings = Settings()
    serve_http(
        settings,
        host=host or settings.service.host,
        port=settings.service.port if port is None else port,
        on_start=lambda address: typer.echo(f"listening on {address} (data in {settings.data_dir}; stop with Ctrl-C)"),
    )


def up(
    *,
    host: Annotated[
        str, typer.Option(help="Address of Dagster's UI. Dagster has no login: keep it on loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Dagster's UI.")] = 3000,
    service_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the service.")] = None,
    only: Annotated[
        Part | None, typer.Option(help="Only this part, for a supervisor that starts each of them by itself.")
    ] = None,
) -> None:
    """Start service, Dagster UI and daemon until Ctrl-C. Example: amc-learning up --port 3001."""
    settings = Settings()
    prepare_dagster_home(settings)
    lock = _daemon_lock(settings) if only in {None, Part.DAEMON} else None
    service_at = settings.service.port if service_port is None else service_port
    os.environ.setdefault("AMC_LEARNING_SERVICE__DAGSTER_URL", f"http://{host}:{port}")
    service = [sys.executable, "-W", "ignore", "-c", "from amc_learning.cli import main; main()"]
    service += ["serve", "--port", str(service_at)]
    commands = {
        None: [_dagster(settings, "dagster", "dev", "--host", host, "--port", str(port)), service],
        Part.SERVICE: [service],
        Part.WEBSERVER: [_dagster(settings, "dagster_webserver", "--host", host, "--port", str(port))],
        Part.DAEMON: [_dagster(settings, "dagster._daemon", "run")],
    }
    _say_what_runs(settings, only, ui=f"http://{host}:{port}", service_port=service_at)
    sys.stdout.flush()
    raise typer.Exit(run_together(commands[only], pass_fds=() if lock is None else (lock,)))


def _daemon_lock(settings: Settings) -> int:
    """The right to start the daemon of this data directory; it ends with the programs it is handed on to."""
    from amc_learning.service.errors import ServiceError  # noqa: PLC0415

    lock = daemon_lock.taken(settings)
    if lock is None:
        raise ServiceError(
            "a daemon is at work on this data directory already, of another amc-learning up or of backfill --workers; "
            "nothing was started. Let that one end, or start the rest alone: amc-learning up --only service, "
            "amc-learning up --only webserver"
        )
    return lock


def _dagster(settings: Settings, module: str, *words: str) -> list[str]:
    """A program of Dagster over our definitions, logging as the settings say."""
    log = ["--log-format", "json"] if settings.logs.format == "json" else []
    if module != "dagster_webserver":  # whose level is another one, of its requests
        log += ["--log-level", settings.logs.level]
    return [sys.executable, "-W", "ignore", "-m", module, *words, "--module-name", "amc_learning.definitions", *log]


def _say_what_runs(settings: Settings, only: Part | None, *, ui: str, service_port: int) -> None:
    """What is started, where it answers, what goes by itself, and how to stop."""
    from amc_learning.automation.doctor import states  # noqa: PLC0415

    places = {
        Part.SERVICE: f"http://{settings.service.host}:{service_port}  events in, documents out, the dashboard",
        Part.WEBSERVER: f"Dagster UI on {ui}  assets, runs, schedules",
        Part.DAEMON: "no address; starts schedules, sensors and queued runs",
    }
    for part, place in places.items():
        if only in {None, part}:
            typer.echo(f"{part.value:<10} {place}")
    if only is not Part.SERVICE:
        # opened for the web server too: a daemon may be started beside it, and both would make its databases at once
        with dagster_instance(settings) as instance:
            found = {} if only is Part.WEBSERVER else states(instance, settings)
            for name, (is_on, is_overruled) in found.items():
                by = "by a switch in the UI, against the settings" if is_overruled else "by the settings"
                typer.echo(f"  {name:<28}{'on' if is_on else 'off'}, {by}")
    typer.echo(f"data in {settings.data_dir.expanduser().resolve()}; stop with Ctrl-C; look with amc-learning doctor")


def run_together(commands: Sequence[Sequence[str]], *, pass_fds: Sequence[int] = ()) -> int:
    """Run programs until one of them ends or this one is told to stop; then all of them are stopped.

    Args:
        commands: what to run.
        pass_fds: open descriptors that each of them holds too.

    Returns:
        0 when we were told to stop; 1 when one ended by itself, because the rest is of no use without it.
    """
    programs: list[subprocess.Popen[bytes]] = []
    told: set[int] = set()
    was_told = False

    def tell() -> None:
        # once each: a second signal cuts a program off in the middle of its own ending
        untold = [program for program in programs if program.pid not in told]
        told.update(program.pid for program in untold)
        _send(untold, signal.SIGINT)

    def stop(*_: object) -> None:
        nonlocal was_told
        was_told = True
        tell()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for command in commands:
            # one by one: those started so far are stopped when the next one cannot be
            programs.append(subprocess.Popen(command, start_new_session=True, pass_fds=pass_fds))  # noqa: PERF401
        while not was_told and all(program.poll() is None for program in programs):
            with contextlib.suppress(subprocess.TimeoutExpired):
                programs[0].wait(LOOK_SECONDS)
        return 0 if was_told else 1
    finally:
        tell()
        deadline = monotonic() + STOP_SECONDS
        for program in programs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(max(0.0, deadline - monotonic()))
        _send(programs, signal.SIGKILL)
        for program in programs:
            program.wait()
        for number, handler in before.items():
            signal.signal(number, handler)


def _send(programs: Sequence[subprocess.Popen[bytes]], number: int) -> None:
    """A signal to those that still run; the last one goes to what they started as well."""
    for program in programs:
        if program.poll() is not None:
            continue
        if number == signal.SIGKILL:
            os.killpg(program.pid, number)
        else:
            program.send_signal(number)
