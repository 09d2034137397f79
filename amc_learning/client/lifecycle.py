"""The end of the interpreter and the fork of a process, for every client there is.

Belongs here: who is told, and when. Not here: what they do then (engine, client).
"""

import atexit
import os
from typing import Protocol
from weakref import WeakSet


class Ending(Protocol):
    """Has a thread that holds events."""

    def close_at_exit(self) -> None:
        """Called once, at the end of the interpreter."""

    def abandon(self) -> None:
        """Called in a forked child, where it is only a copy of the parent's."""


class Forking(Protocol):
    """Has a thread and locks that do not live in a forked child."""

    def after_fork(self) -> None:
        """Called in the child, before anything else runs there."""


_running: set[Ending] = set()
_clients: "WeakSet[Forking]" = WeakSet()

_inherited: list[Ending] = []
"""Engines of a parent process. Were they collected, their sockets and loops would be taken for forgotten ones."""


def started(engine: Ending) -> None:
    """Remember an engine until it is closed, even when nobody holds its client any more."""
    _running.add(engine)


def ended(engine: Ending) -> None:
    """It is closed."""
    _running.discard(engine)


def made(client: Forking) -> None:
    """Tell this client about forks as long as somebody holds it."""
    _clients.add(client)


def _at_exit() -> None:
    for engine in list(_running):
        engine.close_at_exit()


def _in_child() -> None:
    _inherited.extend(_running)
    _running.clear()
    for engine in _inherited:
        engine.abandon()
    for client in list(_clients):
        client.after_fork()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
