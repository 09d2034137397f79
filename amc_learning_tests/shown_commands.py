"""Commands as README and docs show them, and a terminal that runs them for real.

Belongs here: reading the ```console blocks, running one line. Not here: which lines cannot be run, and what is expected
of the others (test_shown_commands).
"""

import contextlib
import io
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from amc_learning_tests.acceptance.loop import environment
from amc_learning_tests.cli.calling import Answer, amc
from amc_learning_tests.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "data" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
SERVERS = {
    "serve": ("listening on ",),
    "up": ("listening on ", "Serving dagster-webserver on "),
    "examples/alert_receiver.py": ("listening on ",),
}
"""Verbs and programs that run until they are stopped, and what they say once they answer."""

DEFAULT_PORTS = {"serve": {"--port": "8000"}, "up": {"--port": "3000", "--service-port": "8000"}}
"""Where verbs listen unless the line says otherwise."""

LONGEST_SECONDS = 120
"""A command that has not ended, or a server that has not begun, after this hangs."""


@dataclass(frozen=True)
class ShownCommand:
    """One line behind a prompt, and what the page shows below it."""

    page: Path
    line: str
    output: str

    @property
    def name(self) -> str:
        """The page, as people call it."""
        return str(self.page.relative_to(ROOT))


def fenced(page: Path, language: str) -> list[str]:
    """The blocks of a page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def shown_on(page: Path) -> list[ShownCommand]:
    """The commands of a page, in their order."""
    blocks = (f"\n{block}".split("\n$ ")[1:] for block in fenced(page, "console"))
    parts = (shown.partition("\n") for block in blocks for shown in block)
    return [ShownCommand(page, line, output) for line, _, output in parts]


def shown_commands() -> list[ShownCommand]:
    """The commands of all pages."""
    return [command for page in PAGES for command in shown_on(page)]


def split(line: str) -> tuple[dict[str, str], list[str]]:
    """Variables in front of a command, and its words.

    >>> split("AMC_LEARNING_DATA_DIR=data/sample amc-learning sql 'select 1'")
    ({'AMC_LEARNING_DATA_DIR': 'data/sample'}, ['amc-learning', 'sql', 'select 1'])
    """
    words = shlex.split(line)
    n_variables = next((index for index, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)), len(words))
    return dict(word.split("=", 1) for word in words[:n_variables]), words[n_variables:]


@dataclass
class Terminal:
    """A folder, the variables exported in it, and the servers started in it."""

    folder: Path
    exported: dict[str, str] = field(default_factory=dict)
    servers: list[subprocess.Popen[str]] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)

    def run(self, line: str) -> Answer:
        """Run one line as a person would; `amc-learning` in this process, a server in one of its own."""
        variables, words = split(self._with_free_ports(line))
        variables = self.exported | variables
        if words[0] == "export":
            self.exported |= dict(word.split("=", 1) for word in words[1:])
            return Answer(0, "", "")
        if words[0] == "curl" and not self.servers:
            port = str(urlsplit(words[-1]).port)
            self._serve(["amc-learning", "serve", "--port", port], variables)
        if words[0] == "python" and words[1] in SERVERS:
            return self._serve(words, variables)
        if words[0] != "amc-learning":
            return self._other(words, variables)
        if words[1] in SERVERS:
            self.close()  # as a person does before starting another
            return self._serve(words, variables)
        data_dir = Path(variables.pop("AMC_LEARNING_DATA_DIR", "data"))
        with environment(**variables), _typed("y\n"):
            return amc(data_dir, *words[1:], cwd=self.folder)

    def close(self) -> None:
        """Stop what still runs."""
        while self.servers:
            stop(self.servers.pop())

    def _as_shown(self, said: str) -> str:
        """What was said, with the ports of the page."""
        for shown, free in self.ports.items():
            said = said.replace(f":{free}", f":{shown}")
        return said

    def _with_free_ports(self, line: str) -> str:
        """The same line with free ports: a port once shown stays the same one on the page."""

        def free(shown: re.Match[str]) -> str:
            return shown[1] + self._free_instead_of(shown[2])

        return re.sub(r"(-port |127\.0\.0\.1:)(\d+)", free, line)

    def _free_instead_of(self, shown: str) -> str:
        return self.ports.setdefault(shown, str(free_port()))

    def _other(self, words: list[str], variables: dict[str, str]) -> Answer:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        is_kept = words[-2:-1] == [">"]
        done = subprocess.run(
            words[:-2] if is_kept else words,
            cwd=self.folder,
            env=os.environ | variables | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        if is_kept:
            (self.folder / words[-1]).write_text(done.stdout)
        return Answer(done.returncode, "" if is_kept else done.stdout, done.stderr)

    def _serve(self, words: list[str], variables: dict[str, str]) -> Answer:
        """Start a server and wait until it answers; `up` is stopped at once, because what follows needs only one."""
        ports = DEFAULT_PORTS.get(words[1], {})
        options = [[name, self._free_instead_of(shown)] for name, shown in ports.items() if name not in words]
        ours = ["-c", "from amc_learning.cli import main; main()"] if words[0] == "amc-learning" else []
        server = subprocess.Popen(
            [sys.executable, *ours, *words[1:], *itertools.chain(*options)],
            cwd=self.folder,
            env=os.environ | {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = _until_it_answers(server, SERVERS[words[1]])
        if words[1] == "up":
            return Answer(stop(server), self._as_shown(said), "")
        self.servers.append(server)
        return Answer(0, self._as_shown(said), "")


def stop(server: "subprocess.Popen[str]") -> int:
    """Ctrl-C, as a person stops it; the exit code."""
    server.send_signal(signal.SIGINT)
    try:
        return server.wait(LONGEST_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        if server.stdout is not None:
            server.stdout.close()


def _until_it_answers(server: "subprocess.Popen[str]", words: tuple[str, ...]) -> str:
    """What a server says until it has said all of these words."""
    said, missing = "", set(words)
    giving_up = threading.Timer(LONGEST_SECONDS, os.killpg, (server.pid, signal.SIGKILL))
    giving_up.start()
    assert server.stdout is not None
    for line in server.stdout:
        said += line
        missing -= {word for word in missing if word in line}
        if not missing:
            break
    giving_up.cancel()
    assert not missing, f"ended or hung before it said {missing}: {said}"
    return said


@contextlib.contextmanager
def _typed(text: str) -> Iterator[None]:
    """What a person types when asked."""
    before, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before
