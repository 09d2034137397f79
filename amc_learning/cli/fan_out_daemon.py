"""Dagster's daemon and a code server for it, for as long as the command at the other end of their input lives.

Belongs here: what runs in their process, which `amc-learning backfill --workers` starts where no daemon is at work. Not
here: starting and ending it (cli/fan_out.py).

A daemon that is given a module starts a new code server for it every minute, lest the code has changed: five seconds of
a processor each time. Here it is given a server, and the code does not change while one command runs.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

START_TIMEOUT_SECONDS = 180


def main(module: str, location: str) -> None:
    """Serve the definitions of a module as a code location of this name, and do what Dagster's daemon does."""
    threading.Thread(target=_end_with_the_command, daemon=True).start()
    # sockets have short names
    with tempfile.TemporaryDirectory() as folder:
        socket, workspace = Path(folder) / "code", Path(folder) / "workspace.yaml"
        words = [sys.executable, "-W", "ignore", "-m", "dagster", "api", "grpc", "--module-name", module]
        words += ["--location-name", location, "--socket", str(socket), "--log-level", "warning"]
        server = subprocess.Popen([*words, "--inject-env-vars-from-instance"])
        served = {"grpc_server": {"socket": str(socket), "location_name": location}}
        workspace.write_text(json.dumps({"load_from": [served]}))

        from dagster._daemon.cli import cli as daemon  # noqa: PLC0415 - while the server starts
        from dagster._grpc.client import DagsterGrpcClient  # noqa: PLC0415
        from dagster._grpc.server import wait_for_grpc_server  # noqa: PLC0415

        wait_for_grpc_server(server, DagsterGrpcClient(socket=str(socket)), words, START_TIMEOUT_SECONDS)
        daemon(["run", "--workspace", str(workspace)])


def _end_with_the_command() -> None:
    """End this process and all it started when the command is killed: then its end of our input closes."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
