"""What a process asks of the kernel, in order: which answers were written after a flush, and which were not.

A kill proves nothing about flushes, because the page cache survives it; the order of system calls does.
"""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

TRACED = "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,fsync,fdatasync"

READS = frozenset({"read", "readv", "recvfrom", "recvmsg"})
WRITES = frozenset({"write", "writev", "sendto", "sendmsg"})
FLUSHES = frozenset({"fsync", "fdatasync"})

WRITE_AHEAD_LOG = "-wal>"
"""End of the name of the file that a commit of SQLite is durable in."""

_LINE = re.compile(r"(?P<thread>\d+) +(?P<text>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<rest>.*)")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
_UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True)
class Call:
    """One system call at the moment that matters: a write when it begins, everything else when it has ended."""

    name: str
    text: str


def calls_in(lines: Sequence[str]) -> Iterator[Call]:
    """System calls from the lines of `strace -f`, where another thread may come between begin and end of one.

    >>> lines = ["7 fdatasync(9</data/events.sqlite-wal> <unfinished ...>", '8 read(5, "POST", 9) = 4',
    ...          "7 <... fdatasync resumed>) = 0"]
    >>> [call.name for call in calls_in(lines)]
    ['read', 'fdatasync']
    """
    begun: dict[str, str] = {}
    for matched in filter(None, map(_LINE.match, lines)):
        thread, text = matched["thread"], matched["text"]
        if resumed := _RESUMED.match(text):
            before = begun.pop(thread, "")
            if resumed["name"] not in WRITES:
                yield Call(resumed["name"], before + resumed["rest"])
        elif call := _CALL.match(text):
            is_whole = not text.endswith(_UNFINISHED)
            if not is_whole:
                begun[thread] = call["rest"].removesuffix(_UNFINISHED)
            if is_whole or call["name"] in WRITES:
                yield Call(call["name"], call["rest"])


def answers_with_flushes(lines: Sequence[str], *, request: str, answer: str) -> list[int]:
    """For each answer, how many flushes of the write-ahead log ended between its request and itself.

    Requests must come one after the other.

    Args:
        lines: of `strace -f -y`.
        request, answer: how either begins on the wire.

    >>> trace = ['7 read(5<socket:[1]>, "GET /", 99) = 5', '7 write(5<socket:[1]>, "HTTP/1.1 200", 12) = 12']
    >>> answers_with_flushes(trace, request="GET", answer="HTTP/1.1 200")
    [0]
    """
    counted: list[int] = []
    n_flushes: int | None = None
    for call in calls_in(lines):
        if call.name in READS and f'"{request}' in call.text:
            n_flushes = 0
        elif call.name in FLUSHES and WRITE_AHEAD_LOG in call.text and n_flushes is not None:
            n_flushes += call.text.endswith("= 0")
        elif call.name in WRITES and f'"{answer}' in call.text and n_flushes is not None:
            counted.append(n_flushes)
            n_flushes = None
    return counted


@contextmanager
def traced(pid: int, output: Path) -> Iterator[None]:
    """Write the system calls of a process and all its threads to a file; skips the test where that is not possible."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace, which is not installed")
    words = [strace, "-f", "-y", "-s", "40", "-e", f"trace={TRACED}", "-o", str(output), "-p", str(pid)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline()
            if "attached" not in said:
                pytest.skip(f"needs the right to trace a process: {said.strip()}")
            yield
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate()
