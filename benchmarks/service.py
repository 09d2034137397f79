"""How fast the service takes events and gives parameters, beside the least that does the same work (service_bare).

Run it with `python -m benchmarks.service`; it needs `wrk`. Both servers run on this machine, in fresh data directories
that are removed afterwards, and wrk runs beside them on the same cores. They are measured in turns, so that what else
runs here disturbs both alike: shares and ratios say more than times, and the processor time of a request, which waits
for nobody, says most. Every event is a new one, under an identifier
that is spread like a hash, as those are that the service gives to events without one; afterwards the inbox is asked
whether it holds as many events as were acknowledged.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from benchmarks.results import Measured, at_most, informing
from benchmarks.service_bare import COLLECT, PARAMETERS
from benchmarks.service_events import BODIES

OURS, BARE = "service", "bare"
PROGRAMS = {OURS: ["-m", "amc_learning", "serve"], BARE: ["-m", "benchmarks.service_bare"]}
CONNECTIONS = (1, 16, 64)
SETTLE_SECONDS = 0.5
START_TRIES = 3
SHORT_SECONDS = 2
THESIS_P99_MS = 20.0

WHY_MISSED = {
    "POST thesis 0.9 KB, 99th percentile": (
        "a commit waits for its turns of the interpreter more than for the disk, and for other programs on these cores "
        "most of all; the bare server nearly misses it too"
    )
}
"""Why a promise of this benchmark may be missed, by the name of its figure."""

REPORT = """
done = function(summary, latency, requests)
  io.write(string.format('\\n{"n": %d, "seconds": %f, "n_refused": %d, "n_broken": %d, "p50": %f, "p99": %f}',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""
POSTING = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local head, tail = [[{head}]], [[{tail}]]
local n_threads, n_sent = 0, 0
setup = function(thread)
  thread:set("number", n_threads)
  n_threads = n_threads + 1
end
request = function()
  n_sent = n_sent + 1
  -- an odd factor: every count below three million gives another identifier, and neighbours lie far apart
  local spread = n_sent * 2654435761 % 4294967296
  return wrk.format(nil, nil, nil, head .. string.format("%08x-{run}-%d", spread, number) .. tail)
end
"""
HAVING = """
wrk.headers["If-None-Match"] = [[{etag}]]
"""


@dataclass(frozen=True)
class Server:
    """A server that answers, and where its data lies."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    data_dir: Path
    start_seconds: float

    def rss_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def n_events(self) -> int:
        with contextlib.closing(
            sqlite3.connect(f"file:{self.data_dir}/inbox/events.sqlite?mode=ro", uri=True)
        ) as inbox:
            return int(inbox.execute("select count(*) from events").fetchone()[0])

    def get(self, path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer


@dataclass(frozen=True)
class Run:
    """What wrk counted: times in milliseconds; refused are statuses from 400 on, broken are connections.

    `cpu_seconds` is what the server took for all of them.
    """

    n: int
    seconds: float
    n_refused: int
    n_broken: int
    p50: float
    p99: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.n / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds / self.n * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="length of one run of wrk")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each server and row; medians are shown")
    parser.add_argument("--only", choices=[*BODIES, "200", "304"], action="append", help="rows to measure; all")
    parser.add_argument("--documents", type=Path, help="data directory with published weights; that of a demo")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing, which sends the requests: install it (apt install wrk); nothing was measured")
    with tempfile.TemporaryDirectory() as folder:
        documents = asked.documents or simulated(Path(folder) / "demo")
        print(f"$ python -m benchmarks.service --seconds {asked.seconds} --repeats {asked.repeats}")
        print(f"load average at start {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        starting(Path(folder) / "start", documents)
        print(f"\n{'':<22}{'':>6}{'requests/s':^26}{'p50 ms':^15}{'p99 ms':^15}{'CPU us/request':^15}")
        print(f"{'':<22}{'conns':>6}{BARE:>10}{OURS:>9}{'ratio':>7}" + f"{BARE:>7}{OURS:>8}" * 3 + "  refused, broken")
        for row in asked.only or [*BODIES, "200", "304"]:
            with both(Path(folder) / row, documents) as servers:
                for n_connections in CONNECTIONS:
                    measure(row, n_connections, servers, asked.seconds, asked.repeats)
            shutil.rmtree(Path(folder) / row)
        print(f"load average at end {os.getloadavg()[0]:.1f}")


def run() -> list[Measured]:
    """At 16 connections, every row of the table that `main` prints."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        documents = simulated(Path(folder) / "demo")
        for row in (*BODIES, "200", "304"):
            with both(Path(folder) / row, documents) as servers:
                found = medians(row, 16, servers, SHORT_SECONDS, 3)
            shutil.rmtree(Path(folder) / row)
            how = f"medians of 3 runs of wrk of {SHORT_SECONDS} s, 16 connections, in turns with the bare server"
            what = named(row)
            bound = THESIS_P99_MS if row == "thesis" else None
            p99 = found.p99[OURS]
            results += [
                informing(what, found.rate[OURS], "requests/s", how),
                informing(f"{what}, against the bare server", found.ratio, "x", how),
                at_most(f"{what}, 99th percentile", p99, "ms", bound, how)
                if bound
                else informing(f"{what}, 99th percentile", p99, "ms", how),
                informing(f"{what}, processor time", found.cpu[OURS], "us", f"{found.cpu[BARE]:.0f} us bare; {how}"),
            ]
    return results


def simulated(folder: Path) -> Path:
    """The data directory of a demo: its last night published real documents."""
    print("running amc-learning demo for documents to give (a minute; --documents takes those of another directory)")
    environment = {**os.environ, "AMC_LEARNING_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "amc_learning", "demo", "--sessions", "60"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return folder / "sample"


def starting(folder: Path, documents: Path) -> None:
    """Start each server several times: the median to the first answer, and the memory it takes when idle."""
    for name in PROGRAMS:
        seconds, mib = [], []
        for number in range(START_TRIES):
            with started(name, folder / f"{name}{number}", documents) as server:
                sleep(SETTLE_SECONDS)
                seconds.append(server.start_seconds)
                mib.append(server.rss_mib())
        print(
            f"{name:<8} start to first answer {statistics.median(seconds):.2f} s, "
            f"idle memory (RSS) {statistics.median(mib):.0f} MiB"
        )


@contextlib.contextmanager
def both(folder: Path, documents: Path) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(started(name, folder / name, documents)) for name in (BARE, OURS)]


@contextlib.contextmanager
def started(name: str, data_dir: Path, documents: Path) -> Iterator[Server]:
    """A server in a fresh data directory, with the published documents of another one."""
    shutil.copytree(documents / "published", data_dir / "published")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "AMC_LEARNING_DATA_DIR": str(data_dir)}
    with (data_dir / "server.log").open("wb") as log:
        since = perf_counter()
        command = [sys.executable, *PROGRAMS[name], "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            seconds = first_answer(process, port, since)
            yield Server(name, port, process, data_dir, seconds)
        finally:
            process.terminate()
            process.wait()


def first_answer(process: "subprocess.Popen[bytes]", port: int, since: float) -> float:
    while process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.suppress(ConnectionError):
            connection.request("GET", PARAMETERS)
            if connection.getresponse().read():
                return perf_counter() - since
        sleep(0.005)
    raise SystemExit(f"a server ended before it answered, with status {process.returncode}")


@dataclass(frozen=True)
class Medians:
    """Of both servers by name, and their ratio; `troubles` says what was refused and what broke."""

    rate: dict[str, float]
    p50: dict[str, float]
    p99: dict[str, float]
    cpu: dict[str, float]
    ratio: float
    troubles: str


def medians(row: str, n_connections: int, servers: Sequence[Server], seconds: int, repeats: int) -> Medians:
    """Measure both servers in turns."""
    runs: dict[str, list[Run]] = {server.name: [] for server in servers}
    for number in range(repeats):
        for server in servers:
            sleep(SETTLE_SECONDS)
            runs[server.name].append(one_run(row, server, n_connections, seconds, f"{n_connections}-{number}"))
    rate, p50, p99, cpu = (
        {name: statistics.median(getattr(run, what) for run in those) for name, those in runs.items()}
        for what in ("per_second", "p50", "p99", "cpu_us")
    )
    ratio = statistics.median(
        ours.per_second / bare.per_second for bare, ours in zip(runs[BARE], runs[OURS], strict=True)
    )
    troubles = " ".join(
        f"{name} {sum(run.n_refused for run in those)}, {sum(run.n_broken for run in those)}"
        for name, those in runs.items()
    )
    return Medians(rate, p50, p99, cpu, ratio, troubles)


def named(row: str) -> str:
    """The request of a row, for people."""
    return f"POST {row} {len(''.join(BODIES[row])) / 1000:.1f} KB" if row in BODIES else f"GET {row} parameters"


def measure(row: str, n_connections: int, servers: Sequence[Server], seconds: int, repeats: int) -> None:
    """Measure both servers in turns and print their medians."""
    found = medians(row, n_connections, servers, seconds, repeats)
    rate, p50, p99, cpu = found.rate, found.p50, found.p99, found.cpu
    print(
        f"{named(row):<22}{n_connections:>6}{rate[BARE]:>10,.0f}{rate[OURS]:>9,.0f}{found.ratio:>7.2f}"
        f"{p50[BARE]:>7.2f}{p50[OURS]:>8.2f}"
        f"{p99[BARE]:>7.1f}{p99[OURS]:>8.1f}{cpu[BARE]:>7.0f}{cpu[OURS]:>8.0f}  {found.troubles}",
        flush=True,
    )


def one_run(row: str, server: Server, n_connections: int, seconds: int, run: str) -> Run:
    """One run of wrk.

    Raises:
        SystemExit: the inbox does not hold what was acknowledged; requests under way at the end may be in it as well.
    """
    if row in BODIES:
        n_before = server.n_events()
        script = filled(POSTING, head=BODIES[row][0], tail=BODIES[row][1], run=run)
        counted = wrk(server, COLLECT[row], script, n_connections, seconds)
        n_stored, n_acknowledged = server.n_events() - n_before, counted.n - counted.n_refused
        if not n_acknowledged <= n_stored <= n_acknowledged + n_connections:
            raise SystemExit(f"{server.name}: {n_acknowledged:,} events were acknowledged and {n_stored:,} are stored")
        return counted
    etag = server.get(PARAMETERS).headers["etag"]
    return wrk(server, PARAMETERS, filled(HAVING, etag=etag) if row == "304" else "", n_connections, seconds)


def filled(script: str, **values: str) -> str:
    for name, value in values.items():
        script = script.replace(f"{{{name}}}", value)
    return script


def wrk(server: Server, path: str, script: str, n_connections: int, seconds: int) -> Run:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script + REPORT)
        file.flush()
        options = ["--threads", "1", "--connections", str(n_connections), "--duration", f"{seconds}s"]
        url = f"http://127.0.0.1:{server.port}{path}"
        command = ["wrk", *options, "--latency", "--script", file.name, url]
        before = server.cpu_seconds()
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Run(**json.loads(said.splitlines()[-1]), cpu_seconds=server.cpu_seconds() - before)


if __name__ == "__main__":
    main()
